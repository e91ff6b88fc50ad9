"""The variables of group_vars/NAME or host_vars/NAME; encrypted files are read when they are used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located
from configurator.config.sealed import Opener

Read = Callable[[Diagnostics], dict[str, Located] | None]


class FileVars(Mapping[str, Located]):
    """Variables of several files, the later ones winning.

    Encrypted files stay closed until somebody needs a variable: a host that is not part of a run needs no
    password. Then InputError says which file could not be opened. May be used from several threads.
    """

    def __init__(self) -> None:
        self.span: Span | None = None  # of the first file
        self._parts: list[dict[str, Located] | Read] = []
        self._vault: Opener | None = None
        self._merged: dict[str, Located] = {}
        self._lock = threading.Lock()

    def add(self, variables: dict[str, Located], span: Span) -> None:
        """Add the variables of a file."""
        self.span = self.span or span
        self._parts.append(variables)
        self._merged.update(variables)

    def add_closed(self, read: Read, span: Span, vault: Opener) -> None:
        """Add an encrypted file, which `read` reads; it returns None after noting why it cannot."""
        self.span = self.span or span
        self._vault = vault
        self._parts.append(read)

    @property
    def known(self) -> Mapping[str, Located]:
        """Return what can be said without opening anything."""
        return self._merged

    def open(self, problems: Diagnostics) -> bool:
        """Read what is closed still, noting what is wrong; return True if something was."""
        with self._lock:
            if not any(callable(part) for part in self._parts):
                return False
            for number, part in enumerate(self._parts):
                if callable(part) and (found := part(problems)) is not None:
                    self._parts[number] = found
            self._merged = {}
            for part in self._parts:
                self._merged |= part if isinstance(part, dict) else {}
            return True

    def _all(self) -> Mapping[str, Located]:
        problems = Diagnostics(self._vault)
        self.open(problems)
        problems.raise_if_any()
        return self._merged

    def __getitem__(self, name: str) -> Located:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
