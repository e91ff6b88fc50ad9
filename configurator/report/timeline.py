"""When the tasks of one host ran, drawn on a common axis, so that overlap can be seen afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.text import Text

from configurator.core.run_events import TaskFinished
from configurator.core.status import Outcome
from configurator.report import words
from configurator.report.record import bad
from configurator.report.terminal import GOOD, MUTED, WRONG, joined

_MOST_ROWS = 12
_LEAST_SHARE = 0.01  # of the whole: a shorter task is a dot that tells nothing
_LEAST_S = 1.0  # a shorter run is over before one would ask what took so long
_NAME_COLUMNS = 44
_RAN = frozenset({Outcome.OK, Outcome.CHANGED, Outcome.FAILED, Outcome.TIMEOUT})


def timeline_lines(events: Iterable[TaskFinished], width: int = 100) -> list[Text]:
    """Return a line per task that took its time, in the order of their starts; [] if none overlapped."""
    ran = [event for event in events if event.status in _RAN]
    if not ran:
        return []
    begin = min(event.started_s for event in ran)
    whole = max(event.started_s + event.duration_s for event in ran) - begin
    long = [event for event in ran if event.duration_s >= whole * _LEAST_SHARE]
    chosen = sorted(sorted(long, key=lambda event: -event.duration_s)[:_MOST_ROWS], key=lambda e: e.started_s)
    if whole < _LEAST_S or not _any_overlap(chosen):
        return []
    room = max(width - _NAME_COLUMNS - 14, 20)
    return [_row(event, begin, whole, room) for event in chosen]


def _any_overlap(events: Sequence[TaskFinished]) -> bool:
    """Return True if one task began before an earlier one had ended; `events` are in order of start."""
    return any(after.started_s < before.started_s + before.duration_s for before, after in pairwise(events))


def _row(event: TaskFinished, begin: float, whole: float, room: int) -> Text:
    left = int((event.started_s - begin) / whole * room)
    length = max(round(event.duration_s / whole * room), 1)
    title = Text(words.title(event))
    title.truncate(_NAME_COLUMNS, overflow="ellipsis", pad=True)
    took = (f" {words.duration(event.duration_s):>7}  ", MUTED)
    return joined(
        "  ", title, took, (" " * left + "█" * min(length, room - left), WRONG if bad(event) else GOOD)
    )
