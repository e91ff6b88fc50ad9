"""Ctrl-C, in the calling thread and in tasks: it drains, then cancels, then returns."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from configurator.core import _workers
from configurator.core._run import Run
from configurator.core._schedule import Rules
from configurator.core.cancel import Cancelled
from configurator.core.events import (
    EventBus,
    RunStopping,
    TaskEnded,
)
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Status
from configurator.core.task import SettleEarly, Task, TaskContext, TaskResult
from tests.unit.core.watch import (
    WAIT_S,
    Deaf,
    Log,
    no_hang,
    ok,
    statuses,
    until_asked,
)

pytestmark = [no_hang, pytest.mark.usefixtures("no_glances")]


# -- Ctrl-C -------------------------------------------------------------------------------------------------


class Interrupted(threading.Event):
    """The end of a run; whoever waits for it gets a Ctrl-C each time that somebody presses it."""

    def __init__(self) -> None:
        super().__init__()
        self._pressed = threading.Semaphore(0)

    def press(self) -> None:
        self._pressed.release()

    def wait(self, timeout: float | None = None) -> bool:
        while not self.is_set():
            if self._pressed.acquire(timeout=0.001):
                raise KeyboardInterrupt
        return True


class Pressed:
    """A run whose calling thread can be interrupted."""

    def __init__(self, *tasks: Task, **options: Any) -> None:
        self.log = Log()
        self._bus = EventBus()
        self._bus.subscribe(self.log)
        self.run = Run(TaskGraph(tasks), Rules(2), self._bus, **options)
        self.run.done = self._end = Interrupted()
        self.press = self._end.press

    def wait(self) -> list[TaskResult]:
        """Return the results; every one of these runs raises the Ctrl-C in the end."""
        self.run.start()
        with pytest.raises(KeyboardInterrupt):
            self.run.wait()
        self._bus.flush()
        return self.run.results()


def test_a_first_ctrl_c_lets_what_runs_finish() -> None:
    """Nothing more starts, and it is raised when all is over."""

    def presses(_context: TaskContext) -> str:
        pressed.press()
        pressed.log.wait(RunStopping)
        return "whole"

    pressed = Pressed(Task("a", presses), Task("b", ok, after=("a",)))
    assert [(result.status, result.result) for result in pressed.wait()] == [
        (Status.SUCCESS, "whole"),
        (Status.CANCELLED, None),
    ]


def test_a_second_ctrl_c_stops_what_runs() -> None:
    """Two at once are two, too: some shells send both."""

    def presses(context: TaskContext) -> None:
        pressed.press()
        pressed.press()
        until_asked(context)

    pressed = Pressed(Task("a", presses), Task("b", ok, after=("a",)))
    assert statuses(pressed.wait()) == [Status.CANCELLED, Status.CANCELLED]
    assert [event.abort for event in pressed.log.of(RunStopping)] == [False, True]


def test_a_third_ctrl_c_returns_at_once(deaf: Deaf) -> None:
    """Whatever still runs is left to itself; there are the results of what has ended."""

    def presses(context: TaskContext) -> str:
        for _ in range(3):
            pressed.press()
        return deaf(context)

    pressed = Pressed(Task("a", presses), Task("b", ok, after=("a",)), grace_s=3600.0)
    pressed.wait()
    assert not pressed.run.done.is_set()
    pressed.log.wait(RunStopping, lambda event: event.abort)
    assert [result.task_name for result in pressed.run.results()] == ["b"]
    deaf.release.set()


def test_without_draining_the_first_ctrl_c_stops_what_runs(deaf: Deaf) -> None:
    """And the second one returns."""

    def presses(context: TaskContext) -> str:
        pressed.press()
        with pytest.raises(Cancelled):
            until_asked(context)
        pressed.press()
        return deaf(context)

    pressed = Pressed(Task("a", presses), drain_first=False, grace_s=3600.0)
    pressed.wait()
    assert [event.abort for event in pressed.log.of(RunStopping)] == [True]
    assert not pressed.run.done.is_set()


def test_a_ctrl_c_while_another_one_is_handled_is_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one that leaves the handler, and the run behind with it."""
    pressed = Pressed(Task("a", until_asked))
    interrupt = pressed.run.interrupt

    def interrupted(error: BaseException) -> bool:
        monkeypatch.undo()
        interrupt(error)
        raise KeyboardInterrupt

    monkeypatch.setattr(pressed.run, "interrupt", interrupted)
    pressed.press()
    assert statuses(pressed.wait()) == [Status.CANCELLED]
    assert pressed.run.done.is_set()


class InterruptedStart:
    """`threading`, but for a Ctrl-C that comes as soon as the first thread was started."""

    def __init__(self) -> None:
        self.left = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def Thread(self, **options: Any) -> threading.Thread:  # noqa: N802
        thread = threading.Thread(**options)
        if self.left:
            self.left -= 1
            start = thread.start

            def interrupted() -> None:
                start()
                raise KeyboardInterrupt

            thread.start = interrupted  # type: ignore[method-assign]
        return thread


def test_a_ctrl_c_while_the_run_starts_waits_for_what_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tasks would go on behind the back of the caller, who thinks that he stopped them."""
    started, stopping = threading.Event(), threading.Event()

    def first(_context: TaskContext) -> str:
        started.set()
        assert stopping.wait(WAIT_S)
        return "whole"

    executor = ParallelExecutor(2)
    executor.events.subscribe(lambda _event: stopping.set(), RunStopping)
    monkeypatch.setattr(_workers, "threading", InterruptedStart())
    with pytest.raises(KeyboardInterrupt):
        executor.execute(TaskGraph([Task("first", first), Task("next", ok, after=("first",))]))
    expected = [Status.SUCCESS if started.is_set() else Status.CANCELLED, Status.CANCELLED]
    assert statuses(executor.results()) == expected
    monkeypatch.undo()
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.SUCCESS], "it can be used again"


CTRL_C = """
    import signal, sys, threading
    from configurator.core.events import RunStopping, TaskStarted
    from configurator.core.graph import TaskGraph
    from configurator.core.parallel import ParallelExecutor
    from configurator.core.task import Task

    how, presses, drain_first = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "drain"
    main = threading.main_thread().ident
    executor = ParallelExecutor(2, drain_first=drain_first)
    stopping = threading.Semaphore(0)
    waited_for = threading.Event()
    executor.events.subscribe(lambda event: stopping.release(), RunStopping)

    def work(context):
        waited_for.wait()
        asked = threading.Event()
        context.token.on_cancel(asked.set)
        for number in range(presses):
            if number:
                stopping.acquire()
            signal.pthread_kill(main, signal.SIGINT)
        if presses == 1 and drain_first:
            stopping.acquire()
            return "whole"
        if presses == (3 if drain_first else 2):
            threading.Event().wait()
        asked.wait()
        context.token.raise_if_cancelled()

    def nothing(context):
        return None

    try:
        if how == "group":
            with executor.group("g") as group:
                group.add(nothing, name="next", after=[group.add(work)])
                all_ended = group._all_ended
                group._all_ended = lambda: (waited_for.set(), all_ended())[1]
                group.gather()
        else:
            waited_for.set()
            tasks = TaskGraph([Task("work", work), Task("next", nothing, after=("work",))])
            if how == "execute":
                executor.execute(tasks)
            else:
                list(executor.stream(tasks))
    except KeyboardInterrupt:
        print("interrupted", *(f"{r.task_name}={r.status}" for r in executor.results()))
"""


@pytest.mark.parametrize(
    ("how", "presses", "first", "ending"),
    [
        ("execute", 1, "drain", "work=success next=cancelled"),
        ("execute", 2, "drain", "work=cancelled next=cancelled"),
        ("execute", 3, "drain", "next=cancelled"),
        ("execute", 1, "cancel", "work=cancelled next=cancelled"),
        ("execute", 2, "cancel", "next=cancelled"),
        ("group", 1, "drain", "work=success next=cancelled"),
        ("group", 2, "drain", "work=cancelled next=cancelled"),
        ("stream", 1, "cancel", "work=cancelled next=cancelled"),
    ],
)
def test_ctrl_c_on_a_real_process(how: str, presses: int, first: str, ending: str) -> None:
    """SIGINT as a terminal sends it: each one takes the next step, and the process can end."""
    command = [sys.executable, "-c", textwrap.dedent(CTRL_C), how, str(presses), first]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == (f"interrupted {ending}", "")


# -- what is raised in a task and is no Exception ------------------------------------------------------------


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_in_a_task_drains_the_run_and_is_raised_at_its_end(kind: type[BaseException]) -> None:
    """The worker survives it, the others finish, and there are results of all."""
    executor = ParallelExecutor(2)
    log = Log(executor)
    running = threading.Event()
    interrupt = kind("from a task")

    def other(_context: TaskContext) -> str:
        running.set()
        log.wait(RunStopping)
        return "whole"

    def raises(_context: TaskContext) -> None:
        assert running.wait(WAIT_S)
        raise interrupt

    tasks = [Task("other", other), Task("raises", raises), Task("next", ok, after=("other",))]
    with pytest.raises(kind) as caught:
        executor.execute(TaskGraph(tasks))
    assert caught.value is interrupt
    results = executor.results()
    assert statuses(results) == [Status.SUCCESS, Status.FAILED, Status.CANCELLED]
    assert results[1].error is interrupt
    assert [event.abort for event in log.of(RunStopping)] == [False]


def test_an_interrupt_in_a_second_task_stops_what_runs() -> None:
    """Like a second Ctrl-C; a third task that is interrupted finds no step left, and nothing to break."""
    executor = ParallelExecutor(4)
    log = Log(executor)
    all_run = threading.Barrier(4)

    def raises(turn: int) -> Callable[[TaskContext], None]:
        def work(_context: TaskContext) -> None:
            all_run.wait(WAIT_S)
            if turn:
                log.wait(TaskEnded, ended(f"t{turn - 1}"))
            raise KeyboardInterrupt(str(turn))

        return work

    def other(context: TaskContext) -> None:
        all_run.wait(WAIT_S)
        until_asked(context)

    with pytest.raises(KeyboardInterrupt, match="0"):
        executor.execute(TaskGraph([*(Task(f"t{n}", raises(n)) for n in range(3)), Task("other", other)]))
    assert statuses(executor.results()) == [*[Status.FAILED] * 3, Status.CANCELLED]
    assert [event.abort for event in log.of(RunStopping)] == [False, True]


def ended(name: str) -> Callable[[TaskEnded], bool]:
    return lambda event: event.result.task_name == name


def test_an_interrupt_of_a_batch_counts_once() -> None:
    """It came once, whatever number of tasks it has ended: what runs beside it finishes."""
    executor = ParallelExecutor(2)
    log = Log(executor)
    running = threading.Event()

    def other(context: TaskContext) -> str:
        running.set()
        for name in "abc":
            log.wait(TaskEnded, ended(name))
        context.token.raise_if_cancelled()
        return "whole"

    def together(_contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[None]:
        assert running.wait(WAIT_S)
        raise KeyboardInterrupt

    batch = [Task(name, ok, batch_key="apt", batch_func=together) for name in "abc"]
    with pytest.raises(KeyboardInterrupt):
        executor.execute(TaskGraph([Task("other", other, estimate_s=9.0), *batch]))
    assert statuses(executor.results()) == [Status.SUCCESS, *[Status.FAILED] * 3]
    assert [event.abort for event in log.of(RunStopping)] == [False]


def test_an_interrupt_in_a_task_is_raised_by_a_stream_at_its_end() -> None:
    """After every result has been given out."""
    executor = ParallelExecutor(1)

    def raises(_context: TaskContext) -> None:
        raise KeyboardInterrupt

    names = []
    with pytest.raises(KeyboardInterrupt):
        for result in executor.stream(TaskGraph([Task("raises", raises), Task("next", ok)])):
            names.append(result.task_name)
    assert names == ["raises", "next"]
