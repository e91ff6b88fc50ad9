"""lineinfile's editing as functions of text: what it must never do to a file."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from configurator.modules.lines import Edit, absent, present

_WORDS = st.text("ab #=\t\"'é", max_size=5)
_LINES = st.lists(_WORDS, max_size=7)
_NEWLINES = st.sampled_from(["\n", "\r\n"])
_TEXT = st.builds(
    lambda lines, newline, final: newline.join(lines) + (newline if lines and final else ""),
    _LINES,
    _NEWLINES,
    st.booleans(),
)
_PATTERN = _WORDS.map(re.escape).map(lambda pattern: "^" + pattern)
_PLACE: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.sampled_from(["insertafter", "insertbefore"]).flatmap(
        lambda key: st.one_of(_PATTERN, st.sampled_from(["BOF", "EOF"])).map(lambda value: {key: value})
    ),
)
_MATCH: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), _PATTERN.map(lambda p: {"regexp": p}), _WORDS.map(lambda w: {"search_string": w})
)


def bodies(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


@given(text=_TEXT, line=_WORDS, place=_PLACE, match=_MATCH, first=st.booleans())
def test_once_is_enough(
    text: str, line: str, place: dict[str, Any], match: dict[str, Any], first: bool
) -> None:
    """Where the expression knows its own line again, and one line at most matches, a second edit is none."""
    edit = Edit(line, firstmatch=first, **match, **place)
    if match:
        known = match.get("search_string", line) in line and re.search(match.get("regexp", ""), line)
        assume(known)
        found = [
            body
            for body in bodies(text)
            if (re.search(match["regexp"], body) if "regexp" in match else match["search_string"] in body)
        ]
        assume(len(found) < 2)
    once = present(text, edit)
    assert present(once, edit) == once
    assert line in bodies(once) or (not once and not line)


@given(text=_TEXT, line=_WORDS, place=_PLACE)
def test_no_other_line_is_touched(text: str, line: str, place: dict[str, Any]) -> None:
    """Without an expression a line is added at most, and every other byte stays."""
    edited = present(text, Edit(line, **place))
    rest = bodies(edited)
    if rest != bodies(text):
        rest.remove(line)
    assert rest == bodies(text)
    assert ("\r\n" in edited) == ("\r\n" in text)


@given(text=_TEXT, line=_WORDS)
def test_absent_removes_every_copy_and_nothing_else(text: str, line: str) -> None:
    edited = absent(text, Edit(line))
    assert bodies(edited) == [body for body in bodies(text) if body != line]
    assert absent(edited, Edit(line)) == edited


@given(text=_TEXT, pattern=_PATTERN)
def test_absent_by_expression_removes_every_match(text: str, pattern: str) -> None:
    edited = absent(text, Edit(regexp=pattern))
    assert not any(re.search(pattern, body) for body in bodies(edited))


@given(text=_TEXT, pattern=_PATTERN, line=_WORDS)
def test_backrefs_without_a_match_change_nothing(text: str, pattern: str, line: str) -> None:
    assume(not any(re.search(pattern, body) for body in bodies(text)))
    assert present(text, Edit(line.replace("\\", ""), regexp=pattern, backrefs=True)) == text


def test_the_last_match_is_replaced_and_with_firstmatch_the_first() -> None:
    text = "Port 1\nx\nPort 2\n"
    assert present(text, Edit("Port 9", regexp="^Port")) == "Port 1\nx\nPort 9\n"
    assert present(text, Edit("Port 9", regexp="^Port", firstmatch=True)) == "Port 9\nx\nPort 2\n"


def test_backrefs_fill_in_groups() -> None:
    edit = Edit(r"\1 = new\g<tail>", regexp=r"^(\w+) = \w+(?P<tail>.*)$", backrefs=True)
    assert present("key = old # why\r\n", edit) == "key = new # why\r\n"


def test_without_backrefs_a_backslash_is_a_backslash() -> None:
    assert present("a\n", Edit(r"\1 \d", regexp="^a")) == "\\1 \\d\n"


def test_where_a_line_goes() -> None:
    text = "one\ntwo\ntwo\nthree\n"
    assert present(text, Edit("new")) == text + "new\n"
    assert present(text, Edit("new", insertafter="^two")) == "one\ntwo\ntwo\nnew\nthree\n"
    assert present(text, Edit("new", insertafter="^two", firstmatch=True)) == "one\ntwo\nnew\ntwo\nthree\n"
    assert present(text, Edit("new", insertbefore="^two")) == "one\ntwo\nnew\ntwo\nthree\n"
    assert present(text, Edit("new", insertbefore="BOF")) == "new\n" + text
    assert present(text, Edit("new", insertafter="EOF")) == text + "new\n"
    assert present(text, Edit("new", insertafter="^nothing")) == text + "new\n"
    assert present(text, Edit("new", insertbefore="^nothing")) == text + "new\n"


def test_a_match_makes_the_place_unimportant() -> None:
    text = "one\ntwo\n"
    assert present(text, Edit("ONE", regexp="^one", insertafter="^two")) == "ONE\ntwo\n"


def test_a_line_that_is_there_elsewhere_is_not_added_again() -> None:
    assert present("a\nb\n", Edit("a", insertafter="^b")) == "a\nb\n"
    assert present("a\nb\n", Edit("a", regexp="^never$")) == "a\nb\n"


def test_a_missing_final_newline_does_not_glue_lines_together() -> None:
    assert present("last", Edit("new")) == "last\nnew\n"
    assert present("first\r\nlast", Edit("new")) == "first\r\nlast\r\nnew\r\n"
    assert present("", Edit("new")) == "new\n"


def test_a_block_scalars_newline_is_not_a_second_line() -> None:
    """`line: |` brings a newline along: comparing with it would add the line on each run."""
    once = present("a\n", Edit("b\n"))
    assert once == "a\nb\n"
    assert present(once, Edit("b\n")) == once


def test_several_lines_are_known_again() -> None:
    once = present("a\n", Edit("b\nc"))
    assert once == "a\nb\nc\n"
    assert present(once, Edit("b\nc")) == once


def test_quotes_tabs_and_other_separators_survive() -> None:
    text = "tab\there\x0cform\u2028feed\n"
    assert present(text, Edit("\t'quoted' \"twice\" \\")) == text + "\t'quoted' \"twice\" \\\n"


def test_a_search_string_is_no_expression() -> None:
    assert present("a.c\nabc\n", Edit("new", search_string="a.c")) == "new\nabc\n"
    assert absent("a.c\nabc\n", Edit(search_string="a.c")) == "abc\n"


def test_a_dollar_matches_before_a_carriage_return() -> None:
    assert present("a\r\nb\r\n", Edit("c", regexp="^a$")) == "c\r\nb\r\n"
