"""What tasks of a run have found out, for others to use until something is done: see System.recall."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from configurator.modules.system import T

_APT = "/etc/apt"  # apt's answers depend on its configuration
_OF_FILES = "units "  # what systemd says of units depends on their files, which may be anywhere


class Memo:
    """Values by key. `changes` counts what was done, by which another process tells that its own are old."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self.changes = 0

    def recall(self, key: str, find: Callable[[], T]) -> T:
        """Return what is known, or what `find` returns; that is kept unless something is done meanwhile."""
        known = self._known  # replaced as a whole when something is done
        if key not in known:
            known[key] = find()
        found: T = known[key]
        return found

    def forget(self) -> None:
        """Note that something was done of which nobody knows what it has changed."""
        self.changes += 1
        self._known = {}

    @contextmanager
    def changing(self, path: str = "") -> Iterator[None]:
        """Note at the end of a block that it has, or may have, changed a file."""
        try:
            yield
        finally:
            self.forget_of_files(path)

    def forget_of_files(self, path: str = "") -> None:
        """Note that a file has changed, or that time has passed."""
        if path.startswith(_APT):
            self.forget()
            return
        self.changes += 1
        kept = dict(self._known)  # in one step: another thread may add to it
        self._known = {key: value for key, value in kept.items() if not key.startswith(_OF_FILES)}
