"""Small tables and trees as plain text, for commands that only list something."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from configurator.report import words
from configurator.report.sanitize import one_line


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return a header and the rows in aligned columns, two spaces apart; texts are sanitised."""
    lines = [tuple(head), *(tuple(one_line(cell) for cell in row) for row in rows)]
    widths = [max(width_of(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell + " " * (width - width_of(cell)) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def tree(value: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """Return nested mappings and lists as indented lines, in the manner of YAML; texts are sanitised."""
    for key, item in value.items():
        yield from _branch(f"{' ' * indent}{one_line(str(key))}:", item, indent)


def width_of(text: str) -> int:
    """Return how many columns a terminal needs: two for wide letters (UAX #11), none for combining ones."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def _branch(head: str, item: Any, indent: int) -> Iterator[str]:
    if isinstance(item, Mapping) and item:
        yield head
        yield from tree(item, indent + 2)
    elif isinstance(item, (list, tuple)) and any(isinstance(one, (Mapping, list, tuple)) for one in item):
        yield head
        for one in item:
            yield from _branch(f"{' ' * (indent + 2)}-", one, indent + 2)
    else:
        yield f"{head} {words.value(item)}"
