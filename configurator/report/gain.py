"""What running tasks at once has gained, computed from their own times."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from configurator.core.run_events import TaskFinished
from configurator.core.status import Outcome
from configurator.report import words
from configurator.report.terminal import GOOD, joined

_RAN = frozenset({Outcome.OK, Outcome.CHANGED, Outcome.FAILED, Outcome.TIMEOUT})
_WORTH_TELLING = 1.1


def serial_seconds(events: Iterable[TaskFinished]) -> tuple[int, float]:
    """Return how many tasks ran, and how long they would have taken one after another.

    Tasks that were done in one go (packages of one apt transaction) all report the time of the whole; it is
    counted once.
    """
    tasks = 0
    spans: set[tuple[str, str, float, float]] = set()
    for event in events:
        if event.status in _RAN:
            tasks += 1
            spans.add((event.host, event.module, event.started_s, event.duration_s))
    return tasks, sum(span[3] for span in spans)


def gain_line(events: Iterable[TaskFinished], wall_s: float) -> Text | None:
    """Return `41 tasks in 12.3s (serial 31.0s, 2.5× parallel)`; None if nothing ran."""
    tasks, serial = serial_seconds(events)
    if not tasks:
        return None
    text = Text(f"{words.count(tasks, 'task')} in {words.duration(wall_s)}")
    factor = serial / wall_s if wall_s > 0 else 0.0
    if factor >= _WORTH_TELLING:
        text.append_text(
            joined(f" (serial {words.duration(serial)}, ", (f"{factor:.1f}× parallel", GOOD), ")")
        )
    return text
