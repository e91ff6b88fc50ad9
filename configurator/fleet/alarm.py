"""The alarm of `any_errors_fatal`: once such a task has failed on a host, nothing more begins on any."""

from __future__ import annotations

import threading
from collections.abc import Callable

Stop = Callable[[str], None]  # gets why


class Alarm:
    """Who is to be stopped when a task fails that is fatal for all. For all hosts, from any thread.

    A `turn` is one play of a run, or the run itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: dict[str, dict[str, Stop]] = {}
        self._rung: dict[str, str] = {}

    def enter(self, turn: str, host: str, stop: Stop) -> str | None:
        """Have `stop` called if the alarm rings from now on; return why, if it has rung already."""
        with self._lock:
            self._inside.setdefault(turn, {})[host] = stop
            return self._rung.get(turn)

    def leave(self, turn: str, host: str) -> None:
        """The host has ended."""
        with self._lock:
            self._inside.get(turn, {}).pop(host, None)

    def ring(self, turn: str, why: str) -> None:
        """Stop all hosts of the turn, those that come later, too; once."""
        with self._lock:
            if turn in self._rung:
                return
            self._rung[turn] = why
            stops = list(self._inside.get(turn, {}).values())
        for stop in stops:
            stop(why)
