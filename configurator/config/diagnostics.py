"""Problems in files that people wrote, as values: collected, and shown all at once by `report/`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from configurator.core.errors import InputError

if TYPE_CHECKING:
    from configurator.config.sealed import Opener


_LONGEST = 1000  # characters of a message


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem and its place; line and column count from 1, a line of 0 means the file as a whole.

    `source` is the text of the line and `length` how many of its characters are to blame. `hint` says what
    to do about it, and `code` is the stable name of this kind of mistake (see `codes`).
    """

    path: str
    line: int
    column: int
    message: str
    hint: str | None = None
    source: str = ""
    length: int = 1
    code: str = field(default="", compare=False)

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.message}"

    @property
    def advice(self) -> str:
        """Return the problem with its hint as one text, for where it is a warning."""
        return f"{self} ({self.hint})" if self.hint else str(self)


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands in a file; `str()` gives `file:line:column`."""

    path: str
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path

    def diagnostic(self, message: str, hint: str | None = None, *, code: str = "") -> Diagnostic:
        """Return a problem at this place; a message that quotes something endless loses its middle."""
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
        return Diagnostic(self.path, self.line, self.column, message, hint, self.source, self.length, code)


class Diagnostics:
    """Collects problems, each once; nothing is raised before everything was looked at.

    `vault` opens what is encrypted in the files that are read on the way.
    """

    def __init__(self, vault: Opener | None = None) -> None:
        self.vault = vault
        self._found: dict[Diagnostic, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, span: Span, message: str, hint: str | None = None, *, code: str = "") -> None:
        """Note a problem at a place; `code` is one of `codes.EXPLANATIONS`."""
        self._found.setdefault(span.diagnostic(message, hint, code=code))

    def extend(self, found: Iterable[Diagnostic]) -> None:
        """Note problems found elsewhere."""
        self._found.update(dict.fromkeys(found))

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return the problems by file, line and column; files in the order in which they were read."""
        order = {path: number for number, path in enumerate(dict.fromkeys(d.path for d in self._found))}
        return tuple(sorted(self._found, key=lambda d: (order[d.path], d.line, d.column)))

    def raise_if_any(self, message: str | None = None) -> None:
        """Raise one InputError with every problem found, if there is one."""
        if self._found:
            found = self.sorted()
            count = f"{len(found)} problems" if len(found) > 1 else "1 problem"
            raise InputError(message or f"{count} in the configuration: {found[0]}", found)
