"""Values read from a file that still know where they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Any, TypeAlias

from configurator.config.diagnostics import Span

Scalar: TypeAlias = str | int | float | bool | None


class Mark(Flag):
    """What a tag said of a value: `!secret` is never shown, `!unsafe` is never taken for a template.

    The text of a `!vault` is encrypted until it is used; then it is both.
    """

    NONE = 0
    SECRET = auto()
    UNSAFE = auto()
    VAULT = auto()


@dataclass(frozen=True, slots=True, eq=False)
class LocatedScalar:
    """One text, number, boolean or null.

    `lines` are the lines of the file if the value is a literal block (`|`), whose text begins below its
    span: with them an error inside the block is shown at its own line.
    """

    value: Scalar
    span: Span
    mark: Mark = Mark.NONE
    lines: tuple[str, ...] = ()

    def plain(self) -> Any:
        """Return the value alone."""
        return self.value

    def line_span(self, line: int) -> Span:
        """Return where line `line` (from 1) of the text stands in the file."""
        number = self.span.line + line
        if not self.lines or not 0 < number <= len(self.lines):
            return self.span
        text = self.lines[number - 1]
        indent = len(text) - len(text.lstrip())
        return Span(self.span.path, number, indent + 1, max(1, len(text.rstrip()) - indent), text)


@dataclass(frozen=True, slots=True, eq=False)
class LocatedList:
    """A list."""

    items: tuple[Located, ...]
    span: Span

    def __iter__(self) -> Iterator[Located]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def plain(self) -> list[Any]:
        """Return the values alone, in lists and dictionaries of their own."""
        return [item.plain() for item in self.items]


@dataclass(frozen=True, slots=True, eq=False)
class LocatedMap:
    """A mapping in written order; `keys` has the place of every key, and of nothing else."""

    entries: dict[Any, Located]
    span: Span
    keys: dict[Any, Span] = field(default_factory=dict)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def get(self, key: Any) -> Located | None:
        """Return the value of a key, or None if there is no such key."""
        return self.entries.get(key)

    def key_span(self, key: Any) -> Span:
        """Return where a key stands; the mapping's own place if it has no such key."""
        return self.keys.get(key, self.span)

    def plain(self) -> dict[Any, Any]:
        """Return the values alone, in lists and dictionaries of their own."""
        return {key: value.plain() for key, value in self.entries.items()}


Located: TypeAlias = LocatedScalar | LocatedList | LocatedMap


def locate(value: Any, span: Span, mark: Mark = Mark.NONE) -> Located:
    """Return a plain value (from the command line, say) as if it had been written at `span`."""
    if isinstance(value, dict):
        return LocatedMap({key: locate(item, span, mark) for key, item in value.items()}, span)
    if isinstance(value, (list, tuple)):
        return LocatedList(tuple(locate(item, span, mark) for item in value), span)
    return LocatedScalar(value, span, mark)
