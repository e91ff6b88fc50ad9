"""sshd_config: options as lines, files as sshd reads them, and what is no option."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.sshd_options import Line, effective, lines_in_order, parsed, rendered
from tests.unit.modules.harness import problems
from tests.unit.modules.recorded_system import RecordedSystem


def test_values_become_what_sshd_reads() -> None:
    """Booleans are words, lists are one line or several, blocks come last."""
    text = rendered(
        {
            "Match User a": {"X11Forwarding": False},
            "Port": [22, 2222],
            "Ciphers": ["a", "b"],
            "AllowUsers": ["x", "y"],
            "UsePAM": True,
            "Banner": None,
        }
    )
    assert text.splitlines()[1:] == [
        "Port 22", "Port 2222", "Ciphers a,b", "AllowUsers x y", "UsePAM yes", "",
        "Match User a", "    X11Forwarding no",
    ]  # fmt: skip


def test_files_are_read_in_the_order_of_sshd() -> None:
    """Includes where they stand, sorted, without hidden files; a Match block hides what is below it."""
    host = RecordedSystem()
    host.put("/etc/ssh/sshd_config", "A=1\nInclude d/*.conf \nMatch User x\nB 2\n")
    host.put("/etc/ssh/d/2.conf", "# c\n\tC\t3 4\nMatch all\nD 5\n")
    host.put("/etc/ssh/d/1.conf", "E 6\n")
    host.put("/etc/ssh/d/.hidden.conf", "F 7\n")
    assert list(lines_in_order(host)) == [
        Line("/etc/ssh/sshd_config", 1, "a", "1"),
        Line("/etc/ssh/sshd_config", 2, "include", "d/*.conf"),
        Line("/etc/ssh/d/1.conf", 1, "e", "6"),
        Line("/etc/ssh/d/2.conf", 2, "c", "3 4"),
    ]


def test_a_file_that_includes_itself_comes_to_an_end() -> None:
    """sshd refuses it; we must not hang before it can."""
    host = RecordedSystem()
    host.put("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config\n")
    assert len(list(lines_in_order(host))) < 100


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """People write these files."""
    parsed(text)
    effective(text)


NAMES = st.text("abcXYZ", min_size=1, max_size=8).filter(lambda name: name.lower() != "match")
VALUES = st.text("abc019./@-", min_size=1, max_size=8)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_is_read_back(options: dict[str, str]) -> None:
    """The check of who has the say reads the lines that are written."""
    assert [(name, value) for _, name, value in parsed(rendered(options))] == [
        (name.lower(), value) for name, value in options.items()
    ]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "give 'options'"),
        ({"options": {"Port": 1, "port": 2}}, "are one option"),
        ({"options": {"Include": "x"}}, "is not an option"),
        ({"options": {"A b": "x"}}, "is not an option"),
        ({"options": {"Banner": "a\nPermitRootLogin yes"}}, "line break"),
        ({"options": {"Banner": {"a": 1}}}, "must be text"),
        ({"options": {"Match User x": "y"}}, "must be a mapping"),
        ({"options": {"Port": 1}, "name": "../x"}, "not the name of a file"),
    ],
)
def test_what_cannot_be_written_is_said_offline(params: dict[str, object], said: str) -> None:
    """Before any host is touched."""
    assert any(said in problem for problem in problems("sshd_config", **params))
