"""Editing a marked block of lines as blockinfile does: a pure function from the old text to the new one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from configurator.modules.lines import body_and_ending, compiled, line_ending, split_lines


@dataclass(frozen=True, slots=True)
class Block:
    """What is to stand between the two marker lines; without `lines` the block and its markers are to go."""

    begin: str
    end: str
    lines: tuple[str, ...] = ()
    insertafter: str | None = None
    insertbefore: str | None = None
    prepend_newline: bool = False
    append_newline: bool = False


def edit(text: str, block: Block) -> str:
    """Return the text with the block in it, in the place of the one that is there.

    A begin marker belongs to the next end marker, if no other begin marker comes between; of several such
    pairs the last is meant, to remove a block all of them. A marker without its partner is left alone: who
    takes it for a block's end would remove lines that are somebody else's.
    """
    lines = split_lines(text)
    pairs = _pairs(lines, block)
    if not block.lines:
        while pairs:  # a block that stood inside another one leaves that to be removed
            for first, last in reversed(pairs):
                del lines[first : last + 1]
            pairs = _pairs(lines, block)
        return "".join(lines)
    newline = line_ending(lines)
    wanted = [block.begin, *block.lines, block.end]
    if pairs:
        at, last = pairs[-1]
        if [body_and_ending(line)[0] for line in lines[at : last + 1]] != wanted:
            lines[at : last + 1] = [line + newline for line in wanted]
    else:
        at = _place(text, lines, block)
        if at and not body_and_ending(lines[at - 1])[1]:
            lines[at - 1] += newline  # the marker must not become a part of the last line
        lines[at:at] = [line + newline for line in wanted]
    return "".join(_with_blank_lines(lines, at, at + len(wanted), block, newline))


def unpaired(text: str, block: Block) -> int:
    """Return how many marker lines there are that belong to no block."""
    lines = split_lines(text)
    markers = sum(body_and_ending(line)[0] in (block.begin, block.end) for line in lines)
    return markers - 2 * len(_pairs(lines, block))


def _pairs(lines: Sequence[str], block: Block) -> list[tuple[int, int]]:
    """Return the numbers of the first and the last line of every block with these markers."""
    pairs = []
    begin: int | None = None
    for number, line in enumerate(lines):
        body = body_and_ending(line)[0]
        if body == block.begin:
            begin = number
        elif body == block.end and begin is not None:
            pairs.append((begin, number))
            begin = None
    return pairs


def _place(text: str, lines: Sequence[str], block: Block) -> int:
    """Return the number of the line before which a new block goes: by the last match, else the end."""
    if "BOF" in (block.insertafter, block.insertbefore):
        return 0
    anchor = block.insertbefore or block.insertafter
    if anchor is None or anchor == "EOF":
        return len(lines)
    pattern = compiled(anchor)
    after = block.insertbefore is None
    if pattern.flags & re.MULTILINE:  # `(?m)`: the expression means several lines at once
        match = pattern.search(text)
        found = [] if match is None else [text.count("\n", 0, match.end() if after else match.start())]
    else:
        found = [number for number, line in enumerate(lines) if pattern.search(body_and_ending(line)[0])]
    return min(found[-1] + after, len(lines)) if found else len(lines)


def _with_blank_lines(lines: list[str], first: int, end: int, block: Block, newline: str) -> list[str]:
    """Add the blank lines that are asked for around the block, but none at the file's beginning or end."""
    if block.append_newline and end < len(lines) and body_and_ending(lines[end])[0]:
        lines.insert(end, newline)
    if block.prepend_newline and first and body_and_ending(lines[first - 1])[0]:
        lines.insert(first, newline)
    return lines
