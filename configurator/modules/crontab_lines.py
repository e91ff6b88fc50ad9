"""Editing the text of a crontab(5): entries by Ansible's mark, variables by name, all else byte for byte."""

from __future__ import annotations

import re
from collections.abc import Sequence

MARK = "#Ansible: "
_VARIABLE = re.compile(r"""\s*["']?([A-Za-z_][A-Za-z0-9_]*)["']?\s*=""")

Span = tuple[int, int]  # the first line of an entry, and the line after its last


def jobs(text: str) -> list[str]:
    """Return the names of all marked jobs, in their order."""
    return [line.removeprefix(MARK) for line in _split(text) if line.startswith(MARK)]


def variables(text: str) -> list[str]:
    """Return the names of all variables that are set, in their order."""
    return [found[1] for line in _split(text) if (found := _VARIABLE.match(line))]


def entry(text: str, name: str, *, env: bool) -> str | None:
    """Return what stands for this name: a job's line, or a variable's; one below the other if several do.

    None if nothing does. A mark without a job is an empty text.
    """
    lines = _split(text)
    spans = _spans(lines, name, env=env)
    if not spans:
        return None
    return "\n".join(line for start, end in spans for line in lines[start if env else start + 1 : end])


def put_job(text: str, name: str, line: str) -> str:
    """Return the text with this line as the job: in its place, else at the end.

    A line that stands there unmarked gets the mark.
    """
    lines = _split(text)
    spans = _spans(lines, name, env=False)
    if spans:
        return _joined(text, _replaced(lines, spans, [MARK + name, line]))
    for number, known in enumerate(lines):
        if known == line and not (number and lines[number - 1].startswith(MARK)):
            return _joined(text, [*lines[:number], MARK + name, *lines[number:]])
    return _joined(text, [*lines, MARK + name, line])


def put_variable(
    text: str, name: str, line: str, *, after: str | None = None, before: str | None = None
) -> str | None:
    """Return the text with this line for the variable: in its place, else beside another, else at the top.

    None if the variable that it should stand beside is not set.
    """
    lines = _split(text)
    spans = _spans(lines, name, env=True)
    if spans:
        return _joined(text, _replaced(lines, spans, [line]))
    at = 0
    if anchor := after or before:
        found = _spans(lines, anchor, env=True)
        if not found:
            return None
        at = found[0][1] if after else found[0][0]
    return _joined(text, [*lines[:at], line, *lines[at:]])


def drop(text: str, name: str, *, env: bool) -> str:
    """Return the text without the job and its mark, or without the variable."""
    lines = _split(text)
    spans = _spans(lines, name, env=env)
    return _joined(text, _replaced(lines, spans, [])) if spans else text


def is_complete(text: str) -> bool:
    """Return True if the last line has its end: cron(8) ignores a crontab that has not."""
    return not text or text.endswith("\n")


def _spans(lines: Sequence[str], name: str, *, env: bool) -> list[Span]:
    if env:
        numbers = [
            number for number, line in enumerate(lines) if (f := _VARIABLE.match(line)) and f[1] == name
        ]
        return [(number, number + 1) for number in numbers]
    spans = []
    for number, line in enumerate(lines):
        if line == MARK + name:
            alone = number + 1 == len(lines) or lines[number + 1].startswith(MARK)
            spans.append((number, number + 1 if alone else number + 2))
    return spans


def _replaced(lines: Sequence[str], spans: Sequence[Span], new: Sequence[str]) -> list[str]:
    """Put the new lines in the place of the first span; the other spans go."""
    gone = {number for start, end in spans for number in range(start, end)}
    result: list[str] = []
    for number, line in enumerate(lines):
        if number == spans[0][0]:
            result += new
        if number not in gone:
            result.append(line)
    return result


def _split(text: str) -> list[str]:
    """Split at line feeds alone: a form feed or a carriage return belongs to its line."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _joined(text: str, lines: Sequence[str]) -> str:
    new = "".join(f"{line}\n" for line in lines)
    return text if new == text or new == text + "\n" else new
