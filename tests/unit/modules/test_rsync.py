"""rsync: what an itemized list says, and which options cannot be had."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.rsync import MARK, Item, items, words
from configurator.modules.synchronize import Synchronize
from tests.unit.modules.harness import problems
from tests.unit.modules.recorded_system import params_of

TREE = {"name": "t", "inside": True, "entries": []}


def test_a_list_is_read() -> None:
    """Only lines with our mark count, and of those the ones that tell of a change."""
    text = "\n".join(
        [
            "sending incremental file list",
            f"{MARK}*deleting   gone/",
            f"{MARK}>f.st...... a b",
            f"{MARK}cL+++++++++ link",
            f"{MARK}.d..t...... ./",
            f"{MARK}cd+++++++++ sub/",
            f"{MARK}.f          untouched",
            f">f+++++++++ {MARK} in a name",
            "Number of files: 8",
        ]
    )
    assert list(items(text)) == [
        Item("gone", "*", "directory", ""),
        Item("a b", ">", "file", "st"),
        Item("link", "c", "link", "+++++++++"),
        Item("", ".", "directory", "t"),
        Item("sub", "c", "directory", "+++++++++"),
    ]


def _as_rsync_shows(name: bytes) -> str:
    """Escape as rsync(1) does without -8: what is not printable, and what looks like an escape."""
    out = []
    for at, byte in enumerate(name):
        looks = name[at : at + 2] == b"\\#" and name[at + 2 : at + 5].isdigit()
        out.append(chr(byte) if 32 <= byte < 127 and not looks else f"\\#{byte:03o}")
    return "".join(out)


@given(st.binary(min_size=1).filter(lambda name: b"/" not in name and name not in (b".", b"..")))
def test_names_of_any_bytes_come_back(name: bytes) -> None:
    """A name that looks like an escape is one that rsync escapes."""
    [item] = items(f"{MARK}>f+++++++++ {_as_rsync_shows(name)}")
    assert item.name.encode("utf-8", "surrogateescape") == name


@given(st.text() | st.text(alphabet="*deltingcfLd+.st \n\\#012/").map(lambda text: f"{MARK}{text}"))
def test_any_text_is_read(text: str) -> None:
    """Options may make rsync print whatever they like."""
    for item in items(text):
        item.differs()


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        ({}, "-F --delay-updates --archive"),
        ({"delay_updates": False, "times": False, "owner": True}, "-F --archive --no-times"),
        (
            {"archive": False, "recursive": True, "perms": False, "delete": True, "partial": True},
            "-F --delay-updates --delete-after --partial --recursive",
        ),
        ({"link_dest": "/a", "rsync_timeout": 5}, "-F --delay-updates --timeout=5 --archive --link-dest=/a"),
        ({"rsync_opts": ["--exclude=a b"]}, "-F --delay-updates --archive --exclude=a b"),
    ],
)
def test_the_words_of_a_task(raw: dict[str, Any], options: str) -> None:
    """What archive means already is not said again; what is written out wins over it."""
    params = params_of(Synchronize(), dest="/d", _tree=TREE, **raw)
    assert " ".join(words(params)) == options


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--dry-run", "nothing would ever be done"),
        ("-vn", "nothing would ever be done"),
        ("--log-file=/x", "a plan would write it"),
        ("--log-f", "a plan would write it"),
        ("-e", "rsync runs on the host itself"),
        ("-L", "`copy_links: true`"),
        ("--remove-source-files", "'src' is left as it is"),
        ("-f- n", None),
        ("- *.n", None),
        ("--exclude=-n", None),
        ("--no-perms", None),
        ("-H", None),
    ],
)
def test_options_that_cannot_be_had(option: str, told: str | None) -> None:
    """They would have a plan write, or nobody know what is changed; also joined and cut short."""
    found = problems("synchronize", dest="/d", _tree=TREE, rsync_opts=[option])
    assert (told in found[0]) if told else found == []


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"dest": "d", "src": "x"}, "'dest' must be an absolute path"),
        ({"dest": "/d"}, "missing required parameter 'src'"),
        ({"dest": "/d", "src": "/x", "mode": "pull"}, "`mode: pull` cannot be had"),
        ({"dest": "/d", "src": "x", "remote_src": True}, "absolute path of the host"),
        ({"dest": "/d", "src": "x", "link_dest": "y"}, "'link_dest' must be an absolute path"),
    ],
)
def test_problems(raw: dict[str, Any], told: str) -> None:
    """Found without a host."""
    assert told in "; ".join(problems("synchronize", **raw))
