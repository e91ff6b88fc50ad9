"""How long tasks took in earlier runs: what the critical path of the next one is measured with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from configurator.core.status import Status
from configurator.core.task import TaskResult

_WEIGHT = 0.3  # of the newest run: a change shows after a few runs, one slow run does not
_KEPT = 10_000  # tasks; the one that was seen longest ago goes first


class Durations(Protocol):
    """Knows durations by task name; asked before a run, told its results afterwards."""

    def estimate(self, name: str) -> float | None:
        """Return the expected seconds of a task, or None if it is not known."""

    def learn(self, results: Iterable[TaskResult]) -> None:
        """Take note of how long the tasks of a run took."""


class LearnedDurations:
    """Remembers a moving average per task name, of runs that succeeded; not more than 10,000 names.

    >>> durations = LearnedDurations({"build": 30.0})
    >>> durations.learn([TaskResult("build", Status.SUCCESS, started_s=0.0, ended_s=20.0)])
    >>> durations.estimate("build"), durations.estimate("test")
    (27.0, None)
    """

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        self._known = {str(name): float(seconds) for name, seconds in (known or {}).items()}

    def estimate(self, name: str) -> float | None:
        """Return the expected seconds of a task, or None if it was never seen."""
        return self._known.get(name)

    def learn(self, results: Iterable[TaskResult]) -> None:
        """Take note of every task that ran and succeeded; others say nothing about the next run."""
        for result in results:
            if result.status is not Status.SUCCESS or result.from_cache:
                continue
            seconds = result.execution_time
            before = self._known.pop(result.task_name, seconds)
            self._known[result.task_name] = before + _WEIGHT * (seconds - before)
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]

    def to_json(self) -> dict[str, float]:
        """Return the seconds by name, to be saved and given to the constructor next time."""
        return dict(self._known)
