"""Counting how the tasks of a host ended."""

from __future__ import annotations

from configurator.core.run_events import HostSummary, TaskFinished
from configurator.core.status import Outcome

_COUNTED = ("ok", "changed", "failed", "skipped", "unreachable", "unknown")


class Tally:
    """The counts of one host in one run; each task counts once."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(_COUNTED, 0)

    def task(self, event: TaskFinished) -> None:
        """Count a task: timeouts are failures, cancelled ones were skipped, ignored failures are ok."""
        if event.ignored:
            self._counts["ok"] += 1
        elif event.status is Outcome.TIMEOUT:
            self._counts["failed"] += 1
        elif event.status is Outcome.CANCELLED:
            self._counts["skipped"] += 1
        else:
            self._counts[str(event.status)] += 1
        self._counts["unknown"] += event.unknown is not None

    def host(self, status: Outcome) -> None:
        """Count the host itself: it could not be reached, or could not be worked on."""
        self._counts["unreachable" if status is Outcome.UNREACHABLE else "failed"] += 1

    def summary(self, duration_s: float) -> HostSummary:
        """Return the counts so far."""
        return HostSummary(**self._counts, duration_s=round(duration_s, 3))
