"""Progress of the engine alone: what people see, on a terminal and without one, and what it leaves behind."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from configurator.core.events import (
    BreakerChanged,
    EngineEvent,
    GroupEnded,
    GroupStarted,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopping,
    TaskEnded,
    TaskProgress,
    TaskRetrying,
    TasksJoined,
    TaskStarted,
)
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import SkipReason, Status
from configurator.core.task import Task, TaskContext, TaskResult
from configurator.report.progress import ProgressSink
from configurator.report.progress_bars import Bars
from tests.unit.report import golden

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ended(
    at: float, name: str, status: Status = Status.SUCCESS, start: float = 0.0, **more: Any
) -> TaskEnded:
    return TaskEnded(at, TaskResult(name, status, started_s=start, ended_s=at, **more))


def task(name: str, group: str | None = None) -> Task:
    return Task(name, lambda _context: None, group=group)


# A run as the engine sends it: a group of two, a retry, a failure, a skip, a joined task, a pause.
RUN: tuple[EngineEvent, ...] = (
    RunStarted(0.0, 5, 2),
    TaskStarted(0.0, "fetch", 0),
    TaskStarted(0.0, "warm the cache", 1),
    TaskProgress(0.5, "fetch", 3, 12, "packages"),
    TaskProgress(0.6, "warm the cache", 0.25),
    TaskRetrying(1.0, "fetch", 1, 2.0, ConnectionError("reset by peer")),
    ended(1.2, "warm the cache"),
    TaskStarted(3.0, "fetch", 0, attempt=2),
    ended(4.5, "fetch", start=3.0),
    TasksJoined(4.5, "fetch", ("unpack",)),
    GroupStarted(4.5, "checks"),
    TaskStarted(4.5, "lint", 0, group="checks"),
    TaskStarted(4.5, "unit", 1, group="checks"),
    BreakerChanged(5.0, "mirror", "open"),
    ended(5.0, "lint", Status.FAILED, 4.5, group="checks", error=ValueError("line 3: no such name")),
    RunPaused(5.5, "input", "unit", "which database?"),
    RunResumed(65.0),
    TaskProgress(70.0, "unit", 3, 4),
    ended(71.0, "unit", Status.TIMEOUT, 4.5, group="checks"),
    GroupEnded(71.0, "checks", 2),
    ended(71.0, "deploy", Status.SKIPPED, 71.0, reason=SkipReason.REQUIREMENT_FAILED, cause="lint"),
    RunStopping(71.0, "interrupted", abort=False),
    ended(71.5, "unpack", Status.CANCELLED, 71.5, cause="interrupted"),
    RunEnded(71.5, 2, 2, 1, 1),
)
TASKS = [
    *(task(name) for name in ("fetch", "warm the cache", "deploy")),
    task("lint", "checks"),
    task("unit", "checks"),
]


def lines(events: Iterable[EngineEvent]) -> str:
    stream = io.StringIO()
    with ProgressSink(Console(file=stream, width=60), "lines") as sink:
        for event in events:
            sink(event)
    return stream.getvalue()


def terminal(width: int = 100, height: int = 24) -> Console:
    environment = {"TERM": "xterm"}
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=height,
        color_system=None,
        _environ=environment,
    )


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Stage:
    """Bars without a terminal of their own, at a time that we choose."""

    def __init__(self, tasks: Iterable[Task] = (), width: int = 100) -> None:
        self.clock = Clock()
        self._width = width
        self.console = terminal(width)
        self.bars = Bars(self.console, tasks, self.clock, animated=False)

    def play(self, *events: EngineEvent) -> str:
        """Send events at their own times and return the picture after the last one."""
        for event in events:
            self.clock.now = 100.0 + event.at_s
            self.bars.show(event)
        return self.picture()

    def picture(self) -> str:
        console, text = golden.plain_console(self._width)
        console.print(self.bars.picture())
        return text.getvalue()

    def row(self, title: str) -> str:
        """One bar without what is the same in all of them: the bar itself and spaces."""
        (found,) = [line for line in self.picture().splitlines() if line.startswith(title)]
        return " ".join(found.replace("━", " ").replace("╸", " ").split())


def test_a_run_as_lines() -> None:
    """One line for each start, progress, retry and end, with the time; a long one is not cut in a pipe."""
    golden.check("progress-lines.txt", lines(RUN))


def test_a_run_as_bars() -> None:
    """The picture while it goes on and what stays at the end."""
    stage = Stage(TASKS)
    pictures = [stage.play(*RUN[:4]), stage.play(*RUN[4:14]), stage.play(*RUN[14:])]
    golden.check("progress-bars.txt", "\n".join(pictures))


def test_bars_know_their_totals_from_the_tasks() -> None:
    """Every group's bar is there from the start, and no bar moves backwards when another group begins."""
    stage = Stage(TASKS)
    stage.play(RUN[0])
    assert stage.row("tasks") == "tasks 0/3 0s"
    assert stage.row("checks") == "checks 0/2"


def test_without_the_tasks_a_groups_total_is_known_when_it_has_ended() -> None:
    stage = Stage()
    stage.play(RunStarted(0.0, 3, 2), TaskStarted(0.0, "a", 0), ended(1.0, "a"))
    assert stage.row("tasks") == "tasks 1/3 1s"
    stage.play(GroupStarted(1.0, "more"), TaskStarted(1.0, "b", 0, group="more"))
    assert stage.row("more") == "more 0/? 0s b"
    assert stage.row("tasks") == "tasks 1/2 1s"
    stage.play(ended(3.0, "b", group="more"), GroupEnded(3.0, "more", 0))
    assert stage.row("more") == "more 1/1 2.0s"


def test_what_is_added_to_a_group_is_never_taken_for_a_task_of_none() -> None:
    """It tells its group when it starts; until then it must not make a bar for it, nor that bar longer."""
    stage = Stage()
    stage.play(RunStarted(0.0, 0, 1), GroupStarted(0.0, "more"), TasksJoined(0.0, None, ("a", "b")))
    stage.play(TaskStarted(0.0, "a", 0, group="more"))
    assert len(stage.picture().splitlines()) == 1
    stage.play(TasksJoined(1.0, "a", ("returned by a",)))
    assert stage.row("tasks") == "tasks 0/1 1s"


def test_a_group_that_is_entered_again_goes_on() -> None:
    stage = Stage()
    stage.play(RunStarted(0.0, 0, 2))
    for at, name in ((1.0, "a"), (5.0, "b")):
        stage.play(GroupStarted(at, "more"), TasksJoined(at, None, (name,)))
        stage.play(TaskStarted(at, name, 0, group="more"))
        assert "?" in stage.row("more")
        stage.play(ended(at + 1, name, group="more"), GroupEnded(at + 1, "more", 0))
    assert stage.row("more") == "more 2/2 5.0s"


def test_a_bar_counts_what_never_started_and_does_not_count_a_retry_twice() -> None:
    stage = Stage()
    stage.play(RunStarted(0.0, 2, 1), TaskStarted(0.0, "a", 0), TaskRetrying(1.0, "a", 1, 2.0, None))
    assert stage.row("tasks").endswith("0/2 1s a again in 2.0s")
    stage.play(TaskStarted(3.0, "a", 0, attempt=2))
    assert stage.row("tasks").endswith("0/2 3s a attempt 2")
    stage.play(ended(4.0, "a"), ended(4.0, "b", Status.SKIPPED, 4.0), RunEnded(4.0, 1, 0, 1, 0))
    assert stage.row("tasks") == "tasks 2/2 4.0s 1 skipped"


def test_an_ignored_failure_is_none() -> None:
    stage = Stage()
    stage.play(RunStarted(0.0, 1, 1), ended(1.0, "a", Status.FAILED, ignored=True, error=ValueError("no")))
    assert "failed" not in stage.picture()
    assert "ignored   a (1.0s): ValueError: no" in lines(
        [ended(1.0, "a", Status.FAILED, ignored=True, error=ValueError("no"))]
    )


def test_many_names_are_counted() -> None:
    stage = Stage(width=140)
    stage.play(RunStarted(0.0, 30, 20), *(TaskStarted(0.0, f"t{number}", number) for number in range(20)))
    assert stage.row("tasks").endswith("t0, t1, t2 and 17 more")


@pytest.mark.parametrize("width", [20, 60, 100, 200])
def test_a_bar_is_one_line_on_every_terminal(width: int) -> None:
    """A picture that wraps is higher than the terminal thinks, and every redraw would leave lines behind."""
    stage = Stage(width=width)
    long = "a very long name " * 20
    stage.play(RunStarted(0.0, 3, 2), TaskStarted(0.0, long, 0), ended(1.0, long + "x", Status.FAILED))
    stage.play(GroupStarted(1.0, long), TaskStarted(1.0, "b", 0, group=long))
    assert len(stage.picture().splitlines()) == 2


def test_the_cursor_comes_back_however_it_ends() -> None:
    """At the end of the run, by close in its middle, and when the with block is left by an error."""
    for count, close in ((len(RUN), False), (5, True)):
        console = terminal()
        sink = ProgressSink(console, animated=False)
        for event in RUN[:count]:
            sink(event)
        if close:
            assert written(console).rindex(HIDE) > written(console).rfind(SHOW)
            sink.close()
        assert written(console).rindex(SHOW) > written(console).rindex(HIDE)
        sink.close()
    console = terminal()
    with pytest.raises(RuntimeError), ProgressSink(console, animated=False) as sink:
        sink(RUN[0])
        raise RuntimeError
    assert written(console).rindex(SHOW) > written(console).rindex(HIDE)


def test_nothing_is_drawn_after_close_or_after_the_run() -> None:
    console = terminal()
    sink = ProgressSink(console, animated=False)
    for event in RUN:
        sink(event)
    before = written(console)
    sink(TaskProgress(80.0, "fetch", 1))
    assert written(console) == before
    sink.close()
    sink(RUN[0])
    assert written(console) == before


def test_a_second_run_gets_bars_of_its_own() -> None:
    console = terminal()
    with ProgressSink(console, animated=False) as sink:
        for event in (*RUN, RunStarted(0.0, 1, 1), ended(1.0, "again"), RunEnded(1.0, 1, 0, 0, 0)):
            sink(event)
    _, _, second = written(console).rpartition(HIDE)
    assert "1/1" in second
    assert "checks" not in second


def test_the_bars_are_away_while_somebody_is_asked() -> None:
    """What is typed must not be drawn over, though other tasks go on and report."""
    stage = Stage()
    stage.play(*RUN[:13], RunPaused(5.5, "input", "unit", "which database?"))
    before = written(stage.console)
    assert before.rindex(SHOW) > before.rindex(HIDE)
    assert "paused: unit asks: which database?\n" in before
    stage.play(TaskProgress(6.0, "lint", 1))
    assert written(stage.console) == before
    stage.play(RunResumed(60.0))
    assert written(stage.console).rindex(HIDE) > written(stage.console).rindex(SHOW)


def test_the_bars_come_back_when_nobody_waits_for_the_answer_any_more() -> None:
    """A task that was cancelled while it asked: no RunResumed follows."""
    stage = Stage()
    stage.play(*RUN[:13], RunPaused(5.5, "input", "unit", "?"), ended(6.0, "unit", Status.CANCELLED))
    assert written(stage.console).rindex(HIDE) > written(stage.console).rindex(SHOW)


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_without_a_terminal_that_moves_bars_become_lines(term: str) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=term == "dumb", width=100, _environ={"TERM": term})
    with ProgressSink(console, "bars") as sink:
        for event in RUN:
            sink(event)
    assert "\x1b[?25" not in stream.getvalue()
    assert stream.getvalue().count("\n") == len(RUN) - 1  # that tasks joined has no line


def test_colour_is_all_that_a_terminal_adds_to_lines() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=300, _environ={"TERM": "xterm"})
    plain = Console(
        file=io.StringIO(), force_terminal=True, width=300, no_color=True, _environ={"TERM": "xterm"}
    )
    for one in (console, plain):
        with ProgressSink(one, "lines") as sink:
            for event in RUN:
                sink(event)
    assert "\x1b[32m" in written(console)
    assert "\x1b[32m" not in written(plain)


def test_a_reader_that_has_gone_away_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """`program 2>&1 | head`: tried once; standard output may have another reader and is left alone."""
    tried = []

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            tried.append(text)
            raise BrokenPipeError

    class Stdout(io.StringIO):
        def fileno(self) -> int:
            raise AssertionError("who asks for the descriptor of standard output means to redirect it")

    monkeypatch.setattr(sys, "stderr", Gone())
    monkeypatch.setattr(sys, "stdout", Stdout())
    with ProgressSink(style="lines") as sink:
        for event in RUN:
            sink(event)
    assert len(tried) == 1


def test_an_unknown_style_is_an_error() -> None:
    with pytest.raises(ValueError, match="'bars' or 'lines'"):
        ProgressSink(style="spinner")  # type: ignore[arg-type]


NASTY = st.one_of(
    st.text(st.characters(codec=None)),
    st.sampled_from(
        ["[/oops]", "[bold red]", "\x1b[2J\x1b]0;owned\x07", "{", ":smile:", "\r", "\u202e", "a\n\nb", ""]
    ),
)


@settings(max_examples=60, deadline=None)
@given(text=NASTY, number=st.floats(), total=st.none() | st.floats())
def test_nothing_that_tasks_say_controls_the_terminal(text: str, number: float, total: float | None) -> None:
    """Names, groups, messages, errors, prompts and any number, in lines and in bars."""
    events = [
        RunStarted(0.0, 2, 2),
        GroupStarted(0.0, text),
        TaskStarted(0.0, text, 0, group=text),
        TaskProgress(0.0, text, number, total, text),
        TaskRetrying(0.0, text, 1, 1.0, ValueError(text)),
        TaskStarted(0.0, text, 0, 2, text),
        RunPaused(0.0, text, text, text),
        RunPaused(0.0, text),
        RunResumed(0.0),
        RunStopping(0.0, text, abort=True),
        BreakerChanged(0.0, text, text),
        ended(1.0, text, Status.FAILED, group=text, error=ValueError(text)),
        ended(1.0, text + "2", Status.SKIPPED, cause=text),
        GroupEnded(1.0, text, 1),
        RunEnded(1.0, 0, 1, 1, 0),
    ]
    stage = Stage()
    shown = [lines(events), *(stage.play(event) for event in events)]
    for text_shown in shown:
        assert not [letter for letter in text_shown if ord(letter) < 0x20 and letter != "\n"]
        assert "\x9b" not in text_shown
        assert "\u202e" not in text_shown
    assert len(shown[0].splitlines()) == len(events)


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    events = [RunStarted(0.0, 1, 1), TaskStarted(0.0, "[bold]x[/bold] :smile:", 0)]
    assert "[bold]x[/bold] :smile:" in lines(events)
    assert "[bold]x[/bold] :smile:" in Stage().play(*events)


@pytest.mark.parametrize("style", ["bars", "lines"])
def test_a_real_run(style: Any) -> None:
    """Subscribed to an executor with threads and animation: all is shown by the time execute returns."""
    both = threading.Barrier(2)

    def meet(context: TaskContext) -> None:
        both.wait(10)
        context.progress(1, 2, "half")

    def broken(_context: TaskContext) -> None:
        raise ValueError("no")

    tasks = [
        Task("a", meet),
        Task("b", meet),
        Task("c", broken, requires=("a",)),
        Task("d", meet, requires=("c",)),
    ]
    console = terminal()
    executor = ParallelExecutor(2)
    with ProgressSink(console, style, tasks=tasks) as sink:
        executor.events.subscribe(sink)
        executor.execute(TaskGraph(tasks))
        text = written(console)
    assert executor.events.failures == ()
    if style == "bars":
        assert "4/4" in text
        assert "1 failed: c" in text
        assert text.rindex(SHOW) > text.rindex(HIDE)
    else:
        assert "failed    c (0.0s): ValueError: no\n" in text
        assert text.rstrip().endswith("2 succeeded, 1 failed, 1 skipped")


def test_a_latecomer_is_shown_what_there_is() -> None:
    """Subscribed in the middle of a run, the sink does not know how many tasks there are."""
    stage = Stage()
    stage.play(TaskStarted(50.0, "late", 0))
    assert stage.row("tasks") == "tasks 0/? 0s late"
