"""Which handlers are due, kept on the host so that a killed run never loses a restart.

A notification is written before the change that causes it and erased after its handler succeeded. The
next apply finds what is left and runs those handlers, even if their tasks have nothing to change.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from configurator.agent.places import make_private, state_directory


@dataclass(frozen=True, slots=True)
class Noted:
    """One notification: its number, and what was known of its handlers before (None: they were not due)."""

    clock: int
    before: Mapping[str, int | None]


class Notifications:
    """The set of due handlers by id, in memory and, when `persistent`, in one file.

    `order(id)` is a number that grows with each notification, for telling whether a unit was started
    after the last change that asked for its restart.
    """

    def __init__(self, *, persistent: bool, directory: str | None = None) -> None:
        self._path = os.path.join(directory or state_directory(), "notifications.json")
        self._persistent = persistent
        self._lock = threading.Lock()
        self._clock = 0
        self._due: dict[str, int] = dict.fromkeys(self._load(), 0)
        self.left_over = frozenset(self._due)

    def add(self, handlers: tuple[str, ...]) -> Noted:
        """Record that these handlers are due; on return it is on disk."""
        with self._lock:
            self._clock += 1
            noted = Noted(self._clock, {handler: self._due.get(handler) for handler in handlers})
            self._due |= dict.fromkeys(handlers, self._clock)
            if None in noted.before.values():
                self._save()
            return noted

    def withdraw(self, noted: Noted) -> None:
        """Take back what was recorded for a change that has turned out to be none.

        Handlers that somebody else has notified, before or since, stay due.
        """
        with self._lock:
            for handler, before in noted.before.items():
                if self._due.get(handler) != noted.clock:
                    continue
                if before is None:
                    del self._due[handler]
                else:
                    self._due[handler] = before
            self._save()

    def tick(self) -> int:
        """Return the time of an event that is to be compared with `order`."""
        with self._lock:
            self._clock += 1
            return self._clock

    def order(self, handler: str) -> int | None:
        """Return when the handler was last notified (0: by an earlier run), or None if it is not due."""
        with self._lock:
            return self._due.get(handler)

    def done(self, handler: str) -> None:
        """Forget a handler that has succeeded."""
        with self._lock:
            if self._due.pop(handler, None) is not None:
                self._save()

    def _load(self) -> list[str]:
        try:
            with open(self._path, encoding="utf-8") as file:
                known = json.load(file)
        except FileNotFoundError:
            return []
        except (OSError, ValueError):
            return []
        return [item for item in known if isinstance(item, str)] if isinstance(known, list) else []

    def _save(self) -> None:
        if not self._persistent:
            return
        if not self._due:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            return
        make_private(os.path.dirname(self._path))
        temporary = self._path + ".new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(sorted(self._due), file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, self._path)
