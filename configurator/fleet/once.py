"""What hosts of a run have in common while it goes on: tasks done once for all, or by few at a time.

The first host of a run does a `run_once` task; the others wait for its result. `throttle` limits how many
hosts do a task at the same moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_MISSING = "the host that was to do this for all has ended without"


class OnceBoard:
    """Results of `run_once` tasks. For all hosts of a run, from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sources: dict[str, Callable[[], tuple[Any, ...]]] = {}
        self._over: set[str] = set()

    def offer(self, key: str, source: Callable[[], tuple[Any, ...]]) -> None:
        """Say where the result of a task will be found; `source` returns it in a tuple once it is there."""
        with self._changed:
            self._sources[key] = source
            self._changed.notify_all()

    def news(self) -> None:
        """Say that a task has ended."""
        with self._changed:
            self._changed.notify_all()

    def over(self, host: str) -> None:
        """Say that a host has ended: nothing more comes of it."""
        with self._changed:
            self._over.add(host)
            self._changed.notify_all()

    def wait(self, key: str, leader: str) -> tuple[Any, str | None]:
        """Return the result of the leader's task, or None and why there is none."""
        with self._changed:
            while True:
                source = self._sources.get(key)
                found = source() if source is not None else ()
                if found:
                    return found[0], None
                if leader in self._over:
                    return None, _MISSING
                self._changed.wait()


class Throttles:
    """How many hosts do a task right now. For all hosts of a run, from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[str, list[str]] = {}

    def enter(self, key: str, limit: int, host: str) -> None:
        """Return when the host may do the task."""
        with self._changed:
            running = self._running.setdefault(key, [])
            self._changed.wait_for(lambda: len(running) < limit)
            running.append(host)

    def leave(self, key: str, host: str) -> None:
        """Let another host do the task."""
        with self._changed:
            running = self._running.get(key, [])
            if host in running:
                running.remove(host)
            self._changed.notify_all()

    def gone(self, host: str) -> None:
        """Let go of everything that a host holds: it has ended."""
        with self._changed:
            for running in self._running.values():
                running[:] = [one for one in running if one != host]
            self._changed.notify_all()
