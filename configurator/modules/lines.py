"""Editing text line by line as lineinfile does: pure functions from the old text to the new one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from re import Pattern

from configurator.core.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Edit:
    """What lineinfile is to do; the names are those of its parameters."""

    line: str = ""
    regexp: str | None = None
    search_string: str | None = None
    backrefs: bool = False
    insertafter: str | None = None
    insertbefore: str | None = None
    firstmatch: bool = False


def present(text: str, edit: Edit) -> str:
    """Return the text with the line in it.

    It takes the place of the last line that matches (the first with `firstmatch`). Without a match, a text
    that has the line anywhere is left as it is; else it comes where `insertafter` or `insertbefore` say, or
    at the end. With `backrefs` a text without a match is left as it is.
    """
    lines = split_lines(text)
    newline = line_ending(lines)
    wanted = edit.line.removesuffix("\n")
    matches = _matching(lines, edit)
    if matches:
        at = matches[0] if edit.firstmatch else matches[-1]
        body, ending = body_and_ending(lines[at])
        lines[at] = (_expanded(body, edit) if edit.backrefs else wanted) + (ending or newline)
        return "".join(lines)
    if edit.backrefs or _has(lines, wanted):
        return text
    at = _place(lines, edit)
    if at == len(lines) and lines and not body_and_ending(lines[-1])[1]:
        lines[-1] += newline  # the new line must not become a part of the last one
    lines.insert(at, wanted + newline)
    return "".join(lines)


def absent(text: str, edit: Edit) -> str:
    """Return the text without any line that matches, or that equals `line` where nothing is to be matched."""
    lines = split_lines(text)
    if edit.regexp is not None or edit.search_string is not None:
        gone = set(_matching(lines, edit))
    else:
        wanted = edit.line.rstrip("\r\n")
        gone = {number for number, line in enumerate(lines) if body_and_ending(line)[0] == wanted}
    return "".join(line for number, line in enumerate(lines) if number not in gone)


def split_lines(text: str) -> list[str]:
    """Split behind newlines alone: a form feed or a Unicode separator belongs to its line."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def body_and_ending(line: str) -> tuple[str, str]:
    """Return a line without and with nothing but its ending."""
    body = line.rstrip("\r\n")
    return body, line[len(body) :]


def line_ending(lines: Sequence[str]) -> str:
    """Return the line ending in use, so that a file with CRLF keeps it."""
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"


def _has(lines: Sequence[str], wanted: str) -> bool:
    """Return True if the line (or the lines, if it is several) stands there already."""
    bodies = [body_and_ending(line)[0] for line in lines]
    block = [line.rstrip("\r") for line in wanted.split("\n")]
    return any(bodies[start : start + len(block)] == block for start in range(len(bodies)))


def _matching(lines: Sequence[str], edit: Edit) -> list[int]:
    if edit.regexp is not None:
        pattern = compiled(edit.regexp)
        return [number for number, line in enumerate(lines) if pattern.search(body_and_ending(line)[0])]
    if edit.search_string is not None:
        return [number for number, line in enumerate(lines) if edit.search_string in line]
    return []


def _expanded(body: str, edit: Edit) -> str:
    found = compiled(edit.regexp or "").search(body)
    if found is None:
        return body
    try:
        return found.expand(edit.line.removesuffix("\n"))
    except (re.error, IndexError) as error:
        raise ParameterError(f"'line' cannot be filled from the match of 'regexp': {error}") from None


def _place(lines: Sequence[str], edit: Edit) -> int:
    """Return the number of the line before which the new one goes."""
    if edit.insertbefore == "BOF" or edit.insertafter == "BOF":
        return 0
    anchor = edit.insertbefore or edit.insertafter
    if anchor is None or anchor == "EOF":
        return len(lines)
    pattern = compiled(anchor)
    found = [number for number, line in enumerate(lines) if pattern.search(body_and_ending(line)[0])]
    if not found:
        return len(lines)
    at = found[0] if edit.firstmatch else found[-1]
    return at if edit.insertbefore is not None else at + 1


def compiled(pattern: str) -> Pattern[str]:
    """Return the compiled expression; ParameterError if it is none."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ParameterError(f"{pattern!r} is no regular expression: {error}") from None
