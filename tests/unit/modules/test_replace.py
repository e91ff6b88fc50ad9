"""replace: the edit as a function of text, and what it does to files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import ParameterError
from configurator.modules.replace import replaced, section
from tests.unit.modules.harness import Host, problems

_TEXT = st.text("ab(\n\r.é", max_size=20)
_WORD = st.text("ab(.", min_size=1, max_size=3)
_BOUND = st.none() | _WORD.map(re.escape)


@given(text=_TEXT, word=_WORD, after=_BOUND, before=_BOUND)
def test_nothing_outside_of_the_bounds_is_touched(
    text: str, word: str, after: str | None, before: str | None
) -> None:
    """Inside, no match is left and all else is in its place; a second edit finds nothing to do."""
    made = replaced(text, re.escape(word), "#", after, before)
    part = section(text, after, before)
    if part is None:
        assert made == text
        return
    start, end = part
    assert made == text[:start] + text[start:end].replace(word, "#") + text[end:]
    if after is None and before is None:
        assert replaced(made, re.escape(word), "#") == made


@given(text=_TEXT, regexp=_TEXT, new=_TEXT, after=st.none() | _TEXT, before=st.none() | _TEXT)
def test_only_a_wrong_expression_is_an_error(
    text: str, regexp: str, new: str, after: str | None, before: str | None
) -> None:
    if not problems("replace", path="/f", regexp=regexp, replace=new, after=after, before=before):
        assert isinstance(replaced(text, regexp, new, after, before), str)


@pytest.mark.parametrize(
    ("regexp", "new", "bounds", "wanted"),
    [
        ("^b$", "x", {}, "a\nx\nab\nb b\n"),
        ("(a)(b)?", r"\g<1>=\2", {}, "a=\nb\na=b\nb b\n"),
        (r"(?P<first>a)\n", r"\g<first> ", {}, "a b\nab\nb b\n"),
        ("b", "x", {"after": "ab"}, "a\nb\nab\nx x\n"),
        ("b", "x", {"before": "ab"}, "a\nx\nab\nb b\n"),
        ("b", "x", {"after": "a\n", "before": "b b"}, "a\nx\nax\nb b\n"),
        ("b", "x", {"before": "b"}, "a\nx\nax\nx b\n"),
        ("b", "x", {"after": "nothing"}, "a\nb\nab\nb b\n"),
        ("b\n", "", {}, "a\nab "),
        ("(?i)B", "x", {}, "a\nx\nax\nx x\n"),
    ],
)
def test_groups_lines_and_bounds(regexp: str, new: str, bounds: dict[str, str], wanted: str) -> None:
    """`^` and `$` stand at every line; `before` alone means its last match, as in Ansible."""
    assert replaced("a\nb\nab\nb b\n", regexp, new, **bounds) == wanted


def test_a_group_that_is_not_there_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(ParameterError, match="cannot be filled"):
        replaced("a", "a", r"\2")


def test_a_replacement_that_matches_again_is_told(host: Host) -> None:
    path = Path(host.path("f"))
    path.write_text("a\n")
    done = host.take("replace", repeats=True, path=str(path), regexp="a", replace="aa")
    assert "once more" in done.warnings[0]


def test_bounds_that_do_not_match_are_told(host: Host) -> None:
    path = Path(host.path("f"))
    path.write_text("a\n")
    done = host.take("replace", path=str(path), regexp="a", after="nothing")
    assert not done.changed
    assert "do not match" in done.warnings[0]


def test_other_encodings(host: Host) -> None:
    """What is not replaced keeps its bytes, even where an encoding knows several that mean the same."""
    path = Path(host.path("f"))
    path.write_bytes("größe=1\r\n".encode("utf-16-be"))
    host.take("replace", path=str(path), regexp="ö", replace="oe", encoding="utf-16-be")
    assert path.read_bytes() == "groeße=1\r\n".encode("utf-16-be")
    path.write_bytes(b"\xfe\xff\x00a")
    assert not host.take("replace", path=str(path), regexp="b", encoding="utf-16").changed
    path.write_bytes(b"\xff")
    assert (
        "not encoded in ascii" in host.fails("replace", path=str(path), regexp="b", encoding="ascii").message
    )
    path.write_bytes(b"a")
    error = host.fails("replace", path=str(path), regexp="a", replace="é", encoding="ascii")
    assert "cannot be encoded in ascii" in error.message


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"path": "/f"}, "missing required parameter 'regexp'"),
        ({"path": "/f", "regexp": "("}, "no regular expression"),
        ({"path": "/f", "regexp": "a", "after": "["}, "'after' is no regular expression"),
        ({"path": "/f", "regexp": "a", "after": "(?P<x>a)", "before": "(?P<x>b)"}, "together"),
        ({"path": "/f", "regexp": "a", "encoding": "utf-9"}, "unknown encoding"),
        ({"path": "f", "regexp": "a"}, "absolute"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("replace", **params)
    assert len(found) == 1
    assert said in found[0]
