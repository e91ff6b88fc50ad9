"""blockinfile's editing as a function of text: what it must never do to a file."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from configurator.modules.blocks import Block, edit, unpaired

BEGIN, END = "# BEGIN x", "# END x"
_WORDS = st.text("ab #\t'é", max_size=4)
_LINES = st.lists(st.one_of(_WORDS, st.sampled_from(["", BEGIN, END, "# BEGIN y", "# END y"])), max_size=9)
_NEWLINES = st.sampled_from(["\n", "\r\n"])
_TEXT = st.builds(
    lambda lines, newline, final: newline.join(lines) + (newline if lines and final else ""),
    _LINES,
    _NEWLINES,
    st.booleans(),
)
_ANCHOR = st.none() | st.sampled_from(["BOF", "EOF", "^a", "b$", "(?m)^a$\\n^b", "nothing"])
_BLOCKS = st.builds(
    lambda lines, anchor, before, *blank: Block(
        BEGIN, END, tuple(lines), None if before else anchor, anchor if before else None, *blank
    ),
    st.lists(_WORDS, min_size=1, max_size=3),
    _ANCHOR,
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
_GONE = Block(BEGIN, END)


def bodies(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


@given(text=_TEXT, block=_BLOCKS)
def test_once_is_enough(text: str, block: Block) -> None:
    """The block stands there whole, and a second edit finds nothing to do."""
    once = edit(text, block)
    wanted = [BEGIN, *block.lines, END]
    found = bodies(once)
    assert any(found[at : at + len(wanted)] == wanted for at in range(len(found)))
    assert edit(once, block) == once


@given(text=_TEXT, block=_BLOCKS)
def test_nothing_else_is_touched(text: str, block: Block) -> None:
    """A new block can be taken out again, and what is left is the old text to the byte."""
    assume(edit(text, _GONE) == text)  # there is none yet
    block = Block(BEGIN, END, block.lines, block.insertafter, block.insertbefore)
    without = edit(edit(text, block), _GONE)
    assert without.removesuffix("\n").removesuffix("\r") == text.removesuffix("\n").removesuffix("\r")
    assert ("\r\n" in edit(text, block)) == ("\r\n" in text)


@given(before=_LINES, old=st.lists(_WORDS, max_size=3), behind=st.lists(_WORDS, max_size=4), block=_BLOCKS)
def test_a_block_that_is_there_keeps_its_place(
    before: list[str], old: list[str], behind: list[str], block: Block
) -> None:
    """Whatever `insertafter` says, the lines before and behind stay as they are."""
    block = Block(BEGIN, END, block.lines, block.insertafter, block.insertbefore)
    text = "".join(f"{line}\n" for line in [*before, BEGIN, *old, END, *behind])
    assert edit(text, block) == "".join(f"{line}\n" for line in [*before, BEGIN, *block.lines, END, *behind])


@given(text=_TEXT)
def test_absent_removes_whole_blocks_alone(text: str) -> None:
    gone = edit(text, _GONE)
    assert edit(gone, _GONE) == gone
    assert unpaired(gone, _GONE) <= unpaired(text, _GONE)
    assert set(bodies(gone)) <= set(bodies(text))
    assert bodies(gone).count("# BEGIN y") <= bodies(text).count("# BEGIN y")


@pytest.mark.parametrize(
    ("anchors", "wanted"),
    [
        ({}, "a\nb\na\nc\nB\nx\nE\n"),
        ({"insertafter": "EOF"}, "a\nb\na\nc\nB\nx\nE\n"),
        ({"insertafter": "^a"}, "a\nb\na\nB\nx\nE\nc\n"),
        ({"insertbefore": "^a"}, "a\nb\nB\nx\nE\na\nc\n"),
        ({"insertbefore": "BOF"}, "B\nx\nE\na\nb\na\nc\n"),
        ({"insertbefore": "nothing"}, "a\nb\na\nc\nB\nx\nE\n"),
        ({"insertafter": "(?m)^a$\\n^b$"}, "a\nb\nB\nx\nE\na\nc\n"),
        ({"insertbefore": "(?m)^b$\\n^a$"}, "a\nB\nx\nE\nb\na\nc\n"),
        ({"insertafter": "c", "prepend_newline": True, "append_newline": True}, "a\nb\na\nc\n\nB\nx\nE\n"),
        ({"insertafter": "b", "prepend_newline": True, "append_newline": True}, "a\nb\n\nB\nx\nE\n\na\nc\n"),
        ({"insertbefore": "BOF", "prepend_newline": True}, "B\nx\nE\na\nb\na\nc\n"),
    ],
)
def test_places(anchors: dict[str, object], wanted: str) -> None:
    """By the last match of an expression, the end where none matches; `(?m)` looks at the whole text."""
    made = edit("a\nb\na\nc", Block("B", "E", ("x",), **anchors))  # type: ignore[arg-type]
    assert made.removesuffix("\n") == wanted.removesuffix("\n")


def test_a_marker_without_its_partner_takes_nothing_with_it() -> None:
    """An end marker far below must not be taken for the end of a block that has one of its own."""
    text = f"{BEGIN}\nold\n{END}\nmine\n{END}\n"
    assert edit(text, Block(BEGIN, END, ("new",))) == f"{BEGIN}\nnew\n{END}\nmine\n{END}\n"
    assert unpaired(text, _GONE) == 1
    assert edit(f"{END}\nmine\n{BEGIN}\n", Block(BEGIN, END, ("n",))).startswith(
        f"{END}\nmine\n{BEGIN}\n{BEGIN}"
    )
