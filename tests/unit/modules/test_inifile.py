"""ini_file's editing as a function of text, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.inifile import IniEdit, edit
from tests.unit.modules.harness import Host, mode_of, problems

_OPTION = st.sampled_from(["a", "b", "a b", "a.c"])
_VALUE = st.sampled_from(["", "1", "2", "x = y", "é;#"])
_LINE = st.one_of(
    st.sampled_from(["", "[s]", "[ t ]", "[s] ; c", "# c", "; a", "  more", "key: v", "a", "#[s]", "\f"]),
    st.builds(
        lambda before, option, equals, value: before + option + equals + value,
        st.sampled_from(["", "#", "; ", "\t"]),
        _OPTION,
        st.sampled_from(["=", " = ", "\t=\t"]),
        _VALUE,
    ),
)
_TEXT = st.builds(
    lambda mark, lines, newline, final: mark + newline.join(lines) + (newline if lines and final else ""),
    st.sampled_from(["", "\ufeff"]),
    st.lists(_LINE, max_size=10),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
_EDITS = st.builds(
    IniEdit,
    section=st.sampled_from([None, "s", "t", "new"]),
    option=_OPTION,
    values=st.lists(_VALUE, min_size=1, max_size=3).map(tuple) | st.just((None,)),
    exclusive=st.booleans(),
    no_extra_spaces=st.booleans(),
    ignore_spaces=st.booleans(),
    modify_inactive_option=st.booleans(),
)


def given_values(text: str, wanted: IniEdit) -> list[str | None]:
    """Return the values that a plain reader finds in the first section of the name."""
    found: list[str | None] = []
    section, seen = None, False
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        if line.startswith("[") and "]" in line:
            section = line[1 : line.index("]")].strip() if not seen else ""
            seen = seen or section == wanted.section
            continue
        key, equals, value = line.strip(" \t").partition("=")
        if section == wanted.section and key.strip(" \t") == wanted.option:
            found.append(value.strip(" \t") if equals else None)
    return found


def changed(wanted: IniEdit, **fields: Any) -> IniEdit:
    from dataclasses import replace  # noqa: PLC0415

    return replace(wanted, **fields)


@given(text=_TEXT, wanted=_EDITS)
def test_the_option_has_its_values_and_once_is_enough(text: str, wanted: IniEdit) -> None:
    once = edit(text, wanted)
    assert edit(once, wanted) == once
    found = given_values(once, wanted)
    if wanted.exclusive:
        assert sorted(map(str, found)) == sorted({str(value) for value in wanted.values})
    else:
        assert set(wanted.values) <= set(found)
        assert set(given_values(text, wanted)) <= set(found)


@given(text=_TEXT, wanted=_EDITS)
def test_every_other_line_stays(text: str, wanted: IniEdit) -> None:
    """Lines that do not name the option, and line endings, are the same before and after."""

    def others(of: str) -> list[str]:
        lines = of.removeprefix("\ufeff").replace("\r\n", "\n").removesuffix("\n").split("\n")
        return [line for line in lines if str(wanted.option) not in line and line not in ("[new]", "")]

    for absent in (False, True):
        once = edit(text, changed(wanted, absent=absent))
        assert [line for line in others(once) if line not in ("[s]", "[t]")] == [
            line for line in others(text) if line not in ("[s]", "[t]")
        ]
        assert absent or once.replace("\r\n", "").count("\n") == 0 or "\r\n" not in text or "\r\n" in once


@given(text=_TEXT, wanted=_EDITS)
def test_absent_takes_the_option_alone(text: str, wanted: IniEdit) -> None:
    gone = edit(text, changed(wanted, absent=True))
    assert edit(gone, changed(wanted, absent=True)) == gone
    left = given_values(gone, wanted)
    assert left == [] if wanted.exclusive else not set(left) & set(wanted.values)


_FILE = "top = 1\n[a]\n# opt = doc\nopt = 1\nother=2\n\n# about b\n[b]\nopt = 1\nopt = 2\n[b]\nopt = 3\n"


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [
        ({"section": "a", "option": "opt", "values": ("5",)}, "doc\nopt = 1", "doc\nopt = 5"),
        ({"section": "a", "option": "other", "values": ("2",)}, "other=2", "other = 2"),
        ({"section": "a", "option": "other", "values": ("2",), "ignore_spaces": True}, "", ""),
        ({"section": "a", "option": "other", "values": ("3",), "no_extra_spaces": True}, "=2", "=3"),
        ({"section": "a", "option": "new", "values": ("x",)}, "other=2\n", "other=2\nnew = x\n"),
        ({"section": None, "option": "top", "values": ("2",)}, "top = 1", "top = 2"),
        ({"section": None, "option": "new", "values": ("2",)}, "top = 1\n", "top = 1\nnew = 2\n"),
        ({"section": "b", "option": "opt", "values": ("2", "3")}, "opt = 1\nopt = 2", "opt = 3\nopt = 2"),
        ({"section": "b", "option": "opt", "values": ("2",)}, "opt = 1\nopt = 2", "opt = 2"),
        (
            {"section": "b", "option": "opt", "values": ("9",), "exclusive": False},
            "opt = 1\nopt = 2\n",
            "opt = 1\nopt = 2\nopt = 9\n",
        ),
        ({"section": "b", "option": "opt", "absent": True}, "opt = 1\nopt = 2\n", ""),
        (
            {"section": "b", "option": "opt", "values": ("1",), "absent": True, "exclusive": False},
            "[b]\nopt = 1\n",
            "[b]\n",
        ),
        ({"section": "a", "absent": True}, _FILE[8 : _FILE.index("[b]")], ""),
        ({"section": "a", "option": "flag", "values": (None,)}, "other=2\n", "other=2\nflag\n"),
        ({"section": "c"}, "opt = 3\n", "opt = 3\n[c]\n"),
        (
            {"section": "b", "option": "x", "values": ("y",), "section_has_values": (("opt", ("3",)),)},
            "opt = 3\n",
            "opt = 3\nx = y\n",
        ),
        (
            {"section": "b", "option": "x", "values": ("y",), "section_has_values": (("opt", ("4",)),)},
            "opt = 3\n",
            "opt = 3\n[b]\nopt = 4\nx = y\n",
        ),
    ],
)
def test_edits(wanted: Mapping[str, Any], before: str, after: str) -> None:
    assert edit(_FILE, IniEdit(**wanted)) == (_FILE.replace(before, after, 1) if before else _FILE)


def test_a_comment_becomes_the_option_unless_that_is_not_wanted() -> None:
    text = "[a]\n#x = 1\ny = 2\n"
    wanted = IniEdit("a", "x", ("3",))
    assert edit(text, wanted) == "[a]\nx = 3\ny = 2\n"
    assert edit(text, changed(wanted, modify_inactive_option=False)) == "[a]\n#x = 1\ny = 2\nx = 3\n"
    assert edit("[a]\n#x = 3\nx = 3\n", wanted) == "[a]\n#x = 3\nx = 3\n"


def test_a_link_is_replaced_unless_it_is_to_be_followed(host: Host) -> None:
    """As in Ansible; the new file takes over the mode of the one that the link named."""
    real, link = Path(host.path("real")), Path(host.path("link"))
    real.write_text("[a]\n")
    real.chmod(0o640)
    os.symlink("real", link)
    host.take("ini_file", path=str(link), section="a", option="x", value="1", follow=True)
    assert link.is_symlink()
    assert real.read_text() == "[a]\nx = 1\n"
    host.take("ini_file", path=str(link), section="a", option="x", value="2")
    assert not link.is_symlink()
    assert (link.read_text(), real.read_text()) == ("[a]\nx = 2\n", "[a]\nx = 1\n")
    assert mode_of(link) == "0640"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "one of 'section' and 'option'"),
        ({"section": "a", "option": "x"}, "no value for the option 'x'"),
        ({"section": "a", "value": "x"}, "a value needs an 'option'"),
        ({"option": "x", "value": "1", "values": ["1"]}, "exclude each other"),
        ({"option": "x", "value": "1\n2"}, "several lines"),
        ({"option": "x", "value": "1", "section_has_values": [{"option": "y"}]}, "needs 'section'"),
        ({"section": "a", "section_has_values": ["y"]}, "must be mappings"),
        (
            {
                "section": "a",
                "option": "x",
                "value": "1",
                "section_has_values": [{"option": "x", "value": 2}],
            },
            "which the task changes",
        ),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("ini_file", path="/f", **params)
    assert len(found) == 1
    assert said in found[0]
