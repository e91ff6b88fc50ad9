"""Editing INI files as ini_file does: a pure function from the old text to the new one.

A section reaches from its header to the next one. A line that is not the option it is about stays as it is,
whatever it means to the program that reads the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from configurator.modules.lines import body_and_ending, line_ending, split_lines

_BOM = "\ufeff"
_HEADER = re.compile(r"\[\s*(.*?)\s*\]")
_NEITHER_BLANK_NOR_COMMENT = re.compile(r"[ \t]*[^ \t#;\r\n]")


@dataclass(frozen=True, slots=True)
class IniEdit:
    """What ini_file is to do; the names are those of its parameters.

    `section` of None means what stands before the first header, `option` of None the section itself. A
    value of None is an option without `=`. `section_has_values` are options with values of which a section
    has to have one (any, if there are none) to be the one that is meant.
    """

    section: str | None = None
    option: str | None = None
    values: tuple[str | None, ...] = ()
    absent: bool = False
    exclusive: bool = True
    no_extra_spaces: bool = False
    ignore_spaces: bool = False
    modify_inactive_option: bool = True
    section_has_values: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def assignment(self, option: str, value: str | None) -> str:
        """Return the line that gives an option a value."""
        if value is None:
            return option
        return f"{option}={value}" if self.no_extra_spaces else f"{option} = {value}"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is about the option: whether it counts or is a comment, and the value that it gives."""

    number: int
    active: bool
    value: str | None


def edit(text: str, wanted: IniEdit) -> str:
    """Return the text with the option or section in or out."""
    mark = _BOM if text.startswith(_BOM) else ""
    lines = split_lines(text.removeprefix(_BOM))
    newline = line_ending(lines)
    found = _section(lines, wanted)
    if found is None:
        if not wanted.absent:
            _insert(lines, len(lines), _new_section(wanted), newline)
    elif wanted.option is not None:
        (_remove_option if wanted.absent else _set_option)(lines, found, wanted, newline)
    elif wanted.absent:
        del lines[found.start - 1 : found.stop]
    return mark + "".join(lines)


def _section(lines: Sequence[str], wanted: IniEdit) -> range | None:
    """Return the numbers of the lines between the header of the section that is meant and the next one."""
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    if wanted.section is None:
        return range(headers[0] if headers else len(lines))
    for header, end in pairwise([*headers, len(lines)]):
        match = _HEADER.match(lines[header])
        part = range(header + 1, end)
        if match is not None and match[1] == wanted.section.strip() and _is_meant(lines, part, wanted):
            return part
    return None


def _is_meant(lines: Sequence[str], part: range, wanted: IniEdit) -> bool:
    """Return True if the section has all the options with values that tell it from others of its name."""
    for option, values in wanted.section_has_values:
        given = [line.value for line in _about(lines, part, option) if line.active]
        if not any(not values or value in values for value in given):
            return False
    return True


def _new_section(wanted: IniEdit) -> list[str]:
    made = [f"[{wanted.section}]"]
    for option, values in wanted.section_has_values:
        if option != wanted.option:
            made += [wanted.assignment(option, value) for value in values or (None,)]
    if wanted.option is not None:
        made += [wanted.assignment(wanted.option, value) for value in dict.fromkeys(wanted.values)]
    return made


def _about(lines: Sequence[str], part: range, option: str) -> list[_Line]:
    """Return the lines of a section that give the option a value, comments of that form included."""
    pattern = re.compile(rf"[ \t]*([#;]?)[ \t]*{re.escape(option)}[ \t]*(?:=[ \t]*(.*?))?[ \t]*")
    found = []
    for number in part:
        match = pattern.fullmatch(body_and_ending(lines[number])[0])
        if match is not None:
            found.append(_Line(number, not match[1], match[2]))
    return found


def _remove_option(lines: list[str], part: range, wanted: IniEdit, newline: str) -> None:  # noqa: ARG001
    for line in reversed(_about(lines, part, wanted.option or "")):
        if line.active and (wanted.exclusive or line.value in wanted.values):
            del lines[line.number]


def _set_option(lines: list[str], part: range, wanted: IniEdit, newline: str) -> None:
    """Have every value in a line: one that gives it already, else one that may be changed, else a new one."""
    option = wanted.option or ""
    free = [line for line in _about(lines, part, option) if line.active or wanted.modify_inactive_option]
    free.sort(key=lambda line: not line.active)  # what counts already is taken before what is a comment
    missing = list(dict.fromkeys(wanted.values))
    taken: list[tuple[_Line, str | None]] = []
    for value in tuple(missing):
        line = next((line for line in free if line.value == value), None)
        if line is not None:
            free.remove(line)
            missing.remove(value)
            taken.append((line, value))
    if wanted.exclusive:
        while free and missing:
            taken.append((free.pop(0), missing.pop(0)))
    for line, value in taken:
        if not (wanted.ignore_spaces and line.active and line.value == value):
            ending = body_and_ending(lines[line.number])[1]
            lines[line.number] = wanted.assignment(option, value) + ending
    gone = sorted(line.number for line in free if line.active) if wanted.exclusive else []
    at = _end_of_options(lines, part)
    _insert(lines, at, [wanted.assignment(option, value) for value in missing], newline)
    for number in reversed(gone):  # nothing is missing where lines are left over, so the numbers still hold
        del lines[number]


def _end_of_options(lines: Sequence[str], part: range) -> int:
    """Return the number of the line behind a section's last option: before the comments of the next one."""
    counting = (number for number in reversed(part) if _NEITHER_BLANK_NOR_COMMENT.match(lines[number]))
    return next(counting, part.start - 1) + 1


def _insert(lines: list[str], at: int, new: Sequence[str], newline: str) -> None:
    if new and at and not body_and_ending(lines[at - 1])[1]:
        lines[at - 1] += newline  # the new line must not become a part of the last one
    lines[at:at] = [line + newline for line in new]
