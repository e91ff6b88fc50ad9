"""Errors in words: where it is, the line itself with a caret, what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from configurator.core.errors import (
    ConfiguratorError,
    HostSetupError,
    InputError,
    TaskError,
    UnreachableError,
)
from configurator.report.sanitize import one_line, sanitize
from configurator.report.terminal import HUNK, MUTED, NAME, WRONG, joined

_MAX_SOURCE = 110


def error_lines(error: ConfiguratorError) -> list[Text]:
    """Return an error as lines: each diagnostic with its place, sorted, and how many there are."""
    diagnostics = in_file_order(error.diagnostics) if isinstance(error, InputError) else []
    if not diagnostics:
        return _plain(error)
    lines: list[Text] = []
    for diagnostic in diagnostics:
        lines += [*diagnostic_lines(diagnostic), Text("")]
    found = "1 problem" if len(diagnostics) == 1 else f"{len(diagnostics)} problems"
    last = joined((f"{found} found", NAME), "; no host was touched.")
    return [*lines, last, *(_help(error.hint) if error.hint else [])]


def in_file_order(diagnostics: Sequence[Any]) -> list[Any]:
    """Return diagnostics sorted by line and column; files stay in the order of their first problem."""
    order: dict[str, int] = {}
    for item in diagnostics:
        order.setdefault(getattr(item, "path", ""), len(order))
    return sorted(
        diagnostics,
        key=lambda item: (
            order[getattr(item, "path", "")],
            getattr(item, "line", 0),
            getattr(item, "column", 0),
        ),
    )


def diagnostic_lines(diagnostic: Any) -> list[Text]:
    """Return one diagnostic: message, place, source line with a caret below it, help.

    Takes anything with a `message`; `path`, `line`, `column`, `source`, `length` and `hint` are shown as
    far as they are there.
    """
    first, *more = sanitize(str(getattr(diagnostic, "message", diagnostic))).strip("\n").split("\n")
    code = getattr(diagnostic, "code", "")
    head = joined(("error", WRONG), (f": {first}", NAME), (f" [{code}]" if code else "", MUTED))
    lines = [head, *(Text("  " + line) for line in more)]
    path, line = getattr(diagnostic, "path", ""), getattr(diagnostic, "line", 0)
    source = getattr(diagnostic, "source", "") if line else ""
    margin = " " * len(str(line)) if source else ""
    if path:
        column = getattr(diagnostic, "column", 0)
        place = f"{path}:{line}" + (f":{column}" if column else "") if line else str(path)
        lines.append(joined(f"{margin} ", ("-->", HUNK), f" {one_line(place)}"))
    if source:
        lines += _excerpt(
            margin, line, source, getattr(diagnostic, "column", 0), getattr(diagnostic, "length", 1)
        )
    hint = getattr(diagnostic, "hint", None)
    return lines + (_help(hint) if hint else [])


def _excerpt(margin: str, line: int, source: str, column: int, length: int) -> list[Text]:
    """Return the source line and the caret; a very long line is cut around the place."""
    source = source.rstrip("\r\n")
    start = max(column - 1, 0)
    if len(source) > _MAX_SOURCE:
        cut = max(start - _MAX_SOURCE // 3, 0)
        source, start = source[cut : cut + _MAX_SOURCE], start - cut
    # Measured on what is shown: a tab or a control character before the place is wider than one column.
    before = sanitize(source[:start])
    shown = sanitize(source)
    caret = cell_len(sanitize(source[: start + max(length, 1)])) - cell_len(before)
    lines = [joined(f"{margin} ", ("|", HUNK)), joined((f"{line} |", HUNK), f" {shown}")]
    if column:
        lines.append(
            joined(f"{margin} ", ("|", HUNK), " " + " " * cell_len(before), ("^" * max(caret, 1), WRONG))
        )
    return lines


def _plain(error: ConfiguratorError) -> list[Text]:
    prefix = f"{error.host}: " if isinstance(error, (UnreachableError, HostSetupError)) else ""
    if prefix and error.message.startswith(prefix):
        prefix = ""
    first, *more = sanitize(prefix + error.message).strip("\n").split("\n")
    lines = [joined(("error", WRONG), (f": {first}", NAME)), *(Text("  " + line) for line in more)]
    if isinstance(error, TaskError) and error.command:
        lines.append(Text("  command: " + one_line(" ".join(error.command))))
    output = error.output if isinstance(error, (TaskError, HostSetupError)) else ""
    lines += [Text("  │ " + row) for row in sanitize(output).strip("\n").split("\n")[-15:] if row.strip()]
    return lines + (_help(error.hint) if error.hint else [])


def _help(hint: str) -> list[Text]:
    first, *more = sanitize(hint).strip("\n").split("\n")
    return [joined(("help", HUNK), f": {first}"), *(Text("      " + line) for line in more)]
