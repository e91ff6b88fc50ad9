"""Questions of tasks to people: they pause the run and their task's time, until an answer or a cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from configurator.core.cancel import Cancelled
from configurator.core.events import (
    RunPaused,
    RunResumed,
    TaskEnded,
    TaskStarted,
)
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext
from tests.unit.core.watch import (
    WAIT_S,
    Deaf,
    InBackground,
    Log,
    TurnedClock,
    no_hang,
    ok,
    statuses,
    until_asked,
)

pytestmark = [no_hang, pytest.mark.usefixtures("no_glances")]


def test_a_question_pauses_the_run_and_gets_its_answer() -> None:
    """Meanwhile the task is paused, what runs goes on, and nothing starts."""
    executor = ParallelExecutor(2)
    log = Log(executor)
    asked, seen = threading.Event(), threading.Event()

    def asks(context: TaskContext) -> object:
        return context.pause_for_input("delete it?")

    def other(_context: TaskContext) -> None:
        asked.set()
        assert seen.wait(WAIT_S)

    run = InBackground(
        executor, Task("asks", asks, after=("other",)), Task("other", other), Task("third", ok)
    )
    assert asked.wait(WAIT_S)
    seen.set()
    paused = log.wait(RunPaused)
    assert (paused.reason, paused.task_name, paused.prompt) == ("input", "asks", "delete it?")
    assert executor.snapshot().statuses["asks"] is Status.PAUSED
    executor.resume({"yes": True})
    assert run.results()["asks"].result == {"yes": True}
    assert log.kinds(RunPaused, RunResumed) == ["RunPaused", "RunResumed"]


def test_who_asked_first_is_answered_first() -> None:
    """The run goes on when the last question has its answer."""
    executor = ParallelExecutor(3)
    log = Log(executor)
    turns = [threading.Event() for _ in range(4)]
    turns[0].set()
    all_run = threading.Barrier(3)

    def asks(number: int) -> Callable[[TaskContext], object]:
        def ask(context: TaskContext) -> object:
            all_run.wait(WAIT_S)
            assert turns[number].wait(WAIT_S)
            return context.pause_for_input(f"question {number}")

        return ask

    def next_turn(event: RunPaused) -> None:
        turns[int((event.prompt or "").rpartition(" ")[2]) + 1].set()

    executor.events.subscribe(next_turn, RunPaused)
    run = InBackground(
        executor, *(Task(f"t{n}", asks(n)) for n in range(3)), Task("after", ok, requires=("t0",))
    )
    log.wait(RunPaused, lambda event: event.prompt == "question 2")
    executor.resume("zero")
    log.wait(TaskEnded)
    assert executor.snapshot().statuses["after"] is Status.READY
    executor.resume("one")
    executor.resume("two")
    results = run.results()
    assert [results[f"t{n}"].result for n in range(3)] == ["zero", "one", "two"]
    assert log.kinds(RunPaused, RunResumed) == ["RunPaused"] * 3 + ["RunResumed"]


def test_cancel_while_a_question_is_open_ends_it() -> None:
    """The task is told by Cancelled, at once and not when its grace is over."""
    executor = ParallelExecutor(2)
    executor.events.subscribe(lambda _event: executor.cancel("no answer"), RunPaused)

    def asks(context: TaskContext) -> None:
        context.pause_for_input("?")

    results = executor.execute(TaskGraph([Task("asks", asks), Task("next", ok, after=("asks",))]))
    assert statuses(results) == [Status.CANCELLED, Status.CANCELLED]
    assert isinstance(results[0].error, Cancelled)
    assert results[0].error.reason == "no answer"
    assert results[0].metadata == {}


def test_a_question_that_is_withdrawn_ends_its_pause() -> None:
    """A group was cancelled, the rest of the run goes on, and whoever shows it learns of that."""
    executor = ParallelExecutor(2)
    log = Log(executor)

    def outer(_context: TaskContext) -> None:
        with executor.group("g") as group:
            group.add(lambda context: context.pause_for_input("?"), name="asks")
            log.wait(RunPaused)
            group.cancel("not needed any more")

    results = executor.execute(TaskGraph([Task("outer", outer), Task("next", ok, after=("outer",))]))
    assert statuses(results) == [Status.SUCCESS, Status.SUCCESS]
    assert log.kinds(RunPaused, RunResumed) == ["RunPaused", "RunResumed"]


def test_a_question_that_is_withdrawn_leaves_somebodys_pause() -> None:
    """The person who paused has not said yet that the run may go on."""
    executor = ParallelExecutor(2)
    log = Log(executor)

    def outer(_context: TaskContext) -> None:
        with executor.group("g") as group:
            group.add(lambda context: context.pause_for_input("?"), name="asks")
            log.wait(RunPaused)
            executor.pause("wait for me")
            group.cancel("not needed any more")

    run = InBackground(executor, Task("outer", outer), Task("next", ok, after=("outer",)))
    log.wait(TaskEnded, lambda event: event.result.task_name == "outer")
    assert executor.snapshot().statuses["next"] is Status.READY
    executor.resume()
    assert run.results()["next"].status is Status.SUCCESS
    assert log.kinds(RunPaused, RunResumed) == ["RunPaused", "RunPaused", "RunResumed"]


def test_the_last_of_several_questions_to_be_withdrawn_ends_the_pause() -> None:
    """One answer is still awaited after the first."""
    executor = ParallelExecutor(3)
    log = Log(executor)

    def outer(_context: TaskContext) -> None:
        with executor.group("g") as group:
            group.add(lambda context: context.pause_for_input("inner?"), name="inner")
            log.wait(RunPaused, lambda event: event.prompt == "inner?")
            group.cancel("not needed any more")

    def asks(context: TaskContext) -> object:
        log.wait(RunPaused, lambda event: event.prompt == "inner?")
        return context.pause_for_input("outer?")

    def inner_ended(event: TaskEnded) -> bool:
        return event.result.task_name == "inner"

    run = InBackground(executor, Task("asks", asks), Task("outer", outer), Task("next", ok, after=("outer",)))
    log.wait(TaskEnded, inner_ended)
    log.wait(RunPaused, lambda event: event.prompt == "outer?")
    executor.resume("yes")
    assert run.results()["asks"].result == "yes"


def test_a_task_that_was_asked_to_stop_gets_no_question_through() -> None:
    """The run ends: a pause for an answer would hold that up."""
    executor = ParallelExecutor(1)
    log = Log(executor)

    def asks(context: TaskContext) -> None:
        executor.cancel("over")
        with pytest.raises(Cancelled):
            until_asked(context)
        context.pause_for_input("really?")

    (result,) = executor.execute(TaskGraph([Task("asks", asks)]))
    assert (result.status, str(result.error)) == (Status.CANCELLED, "over")
    assert "RunPaused" not in log.kinds()


def test_a_task_that_has_ended_cannot_ask() -> None:
    """Its context outlived it in some thread of its own: nobody would ever resume that pause."""
    executor = ParallelExecutor(1)
    log = Log(executor)
    kept = []

    def keeps(context: TaskContext) -> None:
        kept.append(context)
        if context.attempt == 1:
            raise ValueError
        with pytest.raises(Cancelled):
            kept[0].pause_for_input("from the attempt before")

    results = executor.execute(TaskGraph([Task("a", keeps, retry=RetryPolicy(delay_s=0.0))]))
    assert statuses(results) == [Status.SUCCESS]
    with pytest.raises(Cancelled, match="has ended"):
        kept[1].pause_for_input("after the end")
    executor.events.flush()
    assert "RunPaused" not in log.kinds()


def test_the_timeout_stands_still_while_a_question_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person may take longer than the work; what was left of its time counts on afterwards."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(2)
    log = Log(executor)

    def asks(context: TaskContext) -> object:
        answer = context.pause_for_input("?")
        clock.turn(6.0)  # 4 of 10 seconds were used before
        with pytest.raises(Cancelled):
            until_asked(context)
        return answer

    def other(context: TaskContext) -> None:
        clock.turn(4.0)
        asks_now.set()
        until_asked(context)

    asks_now = threading.Event()

    def asks_later(context: TaskContext) -> object:
        assert asks_now.wait(WAIT_S)
        return asks(context)

    run = InBackground(
        executor, Task("asks", asks_later, timeout_s=10.0), Task("other", other, timeout_s=50.0)
    )
    log.wait(RunPaused)
    clock.turn(100.0)
    log.wait(TaskEnded, lambda event: event.result.task_name == "other")  # so the clock was looked at
    assert executor.snapshot().statuses["asks"] is Status.PAUSED
    executor.resume("late")
    assert {name: result.status for name, result in run.results().items()} == {
        "asks": Status.TIMEOUT,
        "other": Status.TIMEOUT,
    }


def test_a_task_that_ignores_the_end_of_its_question_is_given_up_after_its_grace(deaf: Deaf) -> None:
    """Not after what was left of its timeout: an hour here."""
    executor = ParallelExecutor(1, grace_s=0.01)
    executor.events.subscribe(lambda _event: executor.cancel(), RunPaused)

    def asks(context: TaskContext) -> str:
        with pytest.raises(Cancelled):
            context.pause_for_input("?")
        return deaf(context)

    (result,) = executor.execute(TaskGraph([Task("asks", asks, timeout_s=3600.0)]))
    assert (result.status, result.metadata) == (Status.CANCELLED, {"leaked": True})


def test_a_question_does_not_stop_the_clock_of_the_grace(monkeypatch: pytest.MonkeyPatch, deaf: Deaf) -> None:
    """Time was up before it asked, its token is about to be set: the grace goes on."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(2, grace_s=10.0)
    log = Log(executor)
    held = threading.Event()

    def hold_the_clock(context: TaskContext) -> str:
        def hold() -> None:
            asks_now.set()
            assert held.wait(WAIT_S)

        context.token.on_cancel(hold)
        return deaf(context)

    asks_now = threading.Event()

    def asks(context: TaskContext) -> str:
        assert asks_now.wait(WAIT_S)
        with pytest.raises(Cancelled):
            context.pause_for_input("?")
        return deaf(context)

    tasks = Task("first", hold_the_clock, timeout_s=1.0), Task("asks", asks, timeout_s=2.0)
    run = InBackground(executor, *tasks)
    log.wait(TaskStarted, lambda event: event.task_name == "asks")
    assert deaf.started.wait(WAIT_S)
    executor.drain()
    executor.cancel("now")  # both are asked; the clock's thread hangs in the first one's callback
    log.wait(RunPaused)
    clock.turn(20.0)
    held.set()
    results = run.results()
    assert {result.status for result in results.values()} <= {Status.CANCELLED, Status.TIMEOUT}
    assert results["asks"].metadata == {"leaked": True}
