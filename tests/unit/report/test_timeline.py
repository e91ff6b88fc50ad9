"""The timeline after a run: overlap is seen, and nothing is drawn where nothing overlapped."""

from __future__ import annotations

from configurator.core.run_events import TaskFinished
from configurator.core.status import Outcome
from configurator.report.timeline import timeline_lines


def ran(name: str, start: float, took: float, status: Outcome = Outcome.CHANGED) -> TaskFinished:
    return TaskFinished("web1", start + took, name, "role", name, "apt", status, start, took)


def drawn(*events: TaskFinished) -> list[str]:
    return [line.plain.rstrip() for line in timeline_lines(events, width=88)]


def test_bars_stand_where_the_tasks_ran() -> None:
    """Two tasks that ran at once stand above each other; order is that of their starts."""
    assert drawn(ran("second", 2.0, 2.0), ran("first", 0.0, 4.0), ran("tiny", 1.0, 0.01)) == [
        "  role: first                                     4.0s  " + "█" * 30,
        "  role: second                                    2.0s  " + " " * 15 + "█" * 15,
    ]


def test_what_ran_one_by_one_is_not_drawn() -> None:
    """A picture without overlap would only be noise; so would one of nothing."""
    assert drawn(ran("a", 0.0, 1.0), ran("b", 1.0, 1.0)) == []
    assert drawn() == []
    assert drawn(ran("a", 0.0, 0.0), ran("b", 0.0, 0.0)) == []
    assert drawn(ran("a", 0.0, 0.5), ran("b", 0.0, 0.5)) == []


def test_it_is_never_long() -> None:
    """Of a hundred tasks the longest are drawn."""
    lines = drawn(*(ran(f"t{number}", number * 0.1, 1.0 + number) for number in range(100)))
    assert len(lines) == 12
    assert "t99" in lines[-1]
