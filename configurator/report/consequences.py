"""Tasks that are skipped because of a failure: in lines for people one for the failure, not one for each."""

from __future__ import annotations

from rich.text import Text

from configurator.core.run_events import HostFailed, HostFinished, RunEvent, RunFinished, TaskFinished
from configurator.core.status import Outcome
from configurator.report import words
from configurator.report.record import CHOSEN_SKIPS
from configurator.report.sanitize import one_line
from configurator.report.terminal import MUTED, NAME, joined


def is_consequence(event: TaskFinished) -> bool:
    """Return True for a skip that something else has caused."""
    return event.status is Outcome.SKIPPED and event.reason not in CHOSEN_SKIPS


class Consequences:
    """Holds such skips back until their host has ended; the summary names the tasks."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, list[TaskFinished]]] = {}  # by host and what is to blame

    def hold(self, event: TaskFinished, blame: str) -> None:
        """Note a skip, and what is to blame for it."""
        self._held.setdefault(event.host, {}).setdefault(blame, []).append(event)

    def due(self, event: RunEvent, *, with_host: bool = True) -> list[Text]:
        """Return the lines of the hosts that have ended with this event."""
        if isinstance(event, HostFinished | HostFailed):
            ended = [event.host]
        else:
            ended = list(self._held) if isinstance(event, RunFinished) else []
        return [
            _line(host, events, blame, with_host)
            for host in ended
            for blame, events in self._held.pop(host, {}).items()
        ]


def _line(host: str, events: list[TaskFinished], blame: str, with_host: bool) -> Text:
    """Return `web1: skipped  34 tasks (because of nginx: Write the site)`; a single task has its name."""
    what = words.title(events[0]) if len(events) == 1 else words.count(len(events), "task")
    why = f" (because of {one_line(blame)})"
    return joined((f"{host}: ", NAME) if with_host else "", ("skipped  ", MUTED), what, (why, MUTED))
