"""The board: it fits the terminal, shows overlap, and gives the terminal back."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from configurator.core.run_events import (
    HostFinished,
    HostStarted,
    HostSummary,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskStarted,
)
from configurator.report.board import BoardSink
from configurator.report.board_view import BoardView
from configurator.report.record import RunRecord
from tests.unit.report import golden, stream

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def board(width: int = 100, height: int = 24) -> tuple[BoardSink, io.StringIO, Clock]:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=width, height=height, color_system=None)
    clock = Clock()
    return BoardSink(console, clock=clock), text, clock


def picture(sink: BoardSink) -> list[str]:
    return [str(line) for line in sink.picture().renderables]


def started(host: str, at: float, task: str, role: str = "nginx") -> TaskStarted:
    return TaskStarted(host, at, f"{role}/{task}", role, task, "apt")


def test_running_tasks_of_one_host_stand_on_one_axis_of_time() -> None:
    """Tasks that overlap are seen to overlap: their bars cover the same columns."""
    sink, _, clock = board()
    sink.handle(RunStarted("apply", ("web1",)))
    sink.handle(HostStarted("web1", 0.1, 5, 1))
    sink.handle(started("web1", 0.2, "Install nginx"))
    clock.now += 6
    sink.handle(started("web1", 6.2, "Set the time zone", role="base"))
    clock.now += 6
    golden.check("board-one.txt", "\n".join(picture(sink)) + "\n")
    _, long, short = picture(sink)
    assert long.count("█") == 2 * short.count("█")
    assert long.rstrip().endswith("█")
    assert len(long) == len(short)
    sink.close()


def test_a_task_that_has_just_ended_stays_to_be_seen_for_a_while() -> None:
    sink, _, clock = board()
    sink.handle(RunStarted("apply", ("web1",)))
    for event in stream.one_host_run()[1:20]:
        sink.handle(event)
    assert any("✔ base: Set the time zone" in line for line in picture(sink))
    clock.now += 10
    assert not any("✔" in line for line in picture(sink))
    sink.close()


def many(count: int) -> list[RunEvent]:
    names = tuple(f"web{number}" for number in range(count))
    events: list[RunEvent] = [RunStarted("apply", names)]
    for number, name in enumerate(names):
        if number % 3 < 2:
            events.append(HostStarted(name, 0.1, 40, 2))
            events.append(started(name, 0.2, "Install nginx"))
        if number % 3 == 1:
            events.append(HostFinished(name, 1.0, HostSummary(ok=40, duration_s=1.0)))
    return events


@pytest.mark.parametrize("height", [2, 5, 24, 60])
@pytest.mark.parametrize("width", [20, 80, 200])
@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_picture_fits_every_terminal(width: int, height: int, count: int) -> None:
    """A picture higher than the terminal would scroll and leave its upper part behind at every redraw."""
    sink, _, _ = board(width, height)
    for event in many(count):
        sink.handle(event)
    lines = picture(sink)
    assert len(lines) <= height - 1
    assert all(cell_len(line) <= width for line in lines)
    sink.close()


def test_hosts_that_do_not_fit_are_counted_and_those_at_work_come_first() -> None:
    sink, _, _ = board(height=8)
    for event in many(30):
        sink.handle(event)
    lines = picture(sink)
    assert lines[-1].strip() == "… and 25 more: 5 running, 10 connecting, 10 done"
    assert all("Install nginx" in line for line in lines[1:-1])
    sink.close()


@pytest.mark.parametrize("finished", [True, False])
def test_the_cursor_comes_back_when_the_run_ends_or_is_given_up(finished: bool) -> None:
    sink, text, _ = board()
    sink.handle(RunStarted("apply", ("web1",)))
    sink.tick()
    assert text.getvalue().count(SHOW) < text.getvalue().count(HIDE)
    if finished:
        sink.handle(RunFinished("apply", 0, {}, 1.0))
    else:
        sink.close()
    assert text.getvalue().rindex(SHOW) > text.getvalue().rindex(HIDE)
    sink.close()


def test_the_board_is_away_while_somebody_is_asked() -> None:
    sink, text, _ = board()
    sink.handle(RunStarted("apply", ("web1",)))
    sink.suspend()
    assert text.getvalue().rindex(SHOW) > text.getvalue().rindex(HIDE)
    sink.resume()
    assert text.getvalue().rindex(HIDE) > text.getvalue().rindex(SHOW)
    sink.close()


def test_changes_of_few_hosts_stay_above_the_board_and_failures_of_any() -> None:
    sink, text, _ = board()
    for event in stream.apply_run():
        sink.handle(event)
    assert "web1: changed  nginx: Install nginx (6.2s)" in text.getvalue()
    assert "web2: failed   nginx: Write the site" in text.getvalue()
    sink.close()


def test_a_terminal_without_unicode_gets_ascii() -> None:
    record = RunRecord()
    view = BoardView(record, unicode=False)
    for event in many(3):
        record.take(event)
    view.lines(1.0, 80, 10)
    assert all(str(line).isascii() for line in view.lines(1.0, 80, 10))
