"""Timeouts of tasks and of whole runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from configurator.core.cancel import Cancelled
from configurator.core.events import RunPaused, RunStopping, TaskEnded, TaskRetrying, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import SkipReason, Status
from configurator.core.task import Task, TaskContext, TaskReport, TaskResult
from tests.unit.core.watch import (
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

LOCK = frozenset({"apt"})


def ended(name: str) -> Callable[[TaskEnded], bool]:
    return lambda event: event.result.task_name == name


def named(results: Sequence[TaskResult]) -> dict[str, TaskResult]:
    return {result.task_name: result for result in results}


# -- one task's time ----------------------------------------------------------------------------------------


def test_a_task_is_asked_to_stop_when_its_own_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, and not when somebody else's is."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(3)
    log = Log(executor)
    run = InBackground(
        executor,
        Task("short", until_asked, timeout_s=9.0),
        Task("long", until_asked, timeout_s=10.0),
        Task("endless", until_asked),
    )
    log.wait(TaskStarted, lambda event: event.task_name == "endless")
    clock.turn(9.5)
    short = log.wait(TaskEnded)
    assert (short.result.task_name, short.result.status) == ("short", Status.TIMEOUT)
    assert executor.snapshot().statuses["long"] is Status.RUNNING
    clock.turn(0.5)
    log.wait(TaskEnded, ended("long"))
    executor.cancel()
    assert statuses(run.results().values()) == [Status.TIMEOUT, Status.TIMEOUT, Status.CANCELLED]


def test_the_time_counts_from_the_start_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from that of the run, nor from when it could have started."""
    clock = TurnedClock(monkeypatch)

    def slow(_context: TaskContext) -> None:
        clock.turn(60.0)

    results = ParallelExecutor(1).execute(
        TaskGraph([Task("slow", slow), Task("next", ok, timeout_s=10.0, requires=("slow",))])
    )
    assert statuses(results) == [Status.SUCCESS, Status.SUCCESS]


def test_a_task_that_returns_after_its_time_is_up_has_timed_out() -> None:
    """Its value comes too late to count, whether or not it noticed."""

    def late(context: TaskContext) -> str:
        with pytest.raises(Cancelled, match="timeout"):
            until_asked(context)
        return "late"

    (result,) = ParallelExecutor().execute(TaskGraph([Task("late", late, timeout_s=0.01)]))
    assert (result.status, result.result, result.error) == (Status.TIMEOUT, None, None)


def test_a_task_that_breaks_when_its_time_is_up_has_timed_out() -> None:
    """What it raised was the timeout's doing, and is kept for whoever wants to know."""

    def breaks(context: TaskContext) -> None:
        with pytest.raises(Cancelled):
            until_asked(context)
        raise OSError("connection closed under me")

    (result,) = ParallelExecutor().execute(TaskGraph([Task("breaks", breaks, timeout_s=0.01)]))
    assert (result.status, str(result.error)) == (Status.TIMEOUT, "connection closed under me")


@pytest.mark.parametrize("report", [TaskReport("done"), "plain"])
def test_every_kind_of_outcome_can_come_too_late(report: object) -> None:
    """The quick way for plain values must not miss it."""

    def late(context: TaskContext) -> object:
        with pytest.raises(Cancelled):
            until_asked(context)
        return report

    (result,) = ParallelExecutor().execute(TaskGraph([Task("late", late, timeout_s=0.01)]))
    assert result.status is Status.TIMEOUT


def test_a_timeout_skips_what_requires_it_unless_it_is_ignored() -> None:
    """Like any failure."""
    results = named(
        ParallelExecutor().execute(
            TaskGraph(
                [
                    Task("bad", until_asked, timeout_s=0.01),
                    Task("below bad", ok, requires=("bad",)),
                    Task("ignored", until_asked, timeout_s=0.01, ignore_errors=True),
                    Task("below ignored", ok, requires=("ignored",)),
                ]
            )
        )
    )
    below = results["below bad"]
    assert (below.status, below.reason, below.cause) == (
        Status.SKIPPED,
        SkipReason.REQUIREMENT_FAILED,
        "bad",
    )
    assert (results["ignored"].status, results["ignored"].ignored) == (Status.TIMEOUT, True)
    assert results["below ignored"].status is Status.SUCCESS


def test_a_critical_task_that_times_out_stops_the_run() -> None:
    """Like any failure of it."""
    results = ParallelExecutor(2).execute(
        TaskGraph([Task("critical", until_asked, timeout_s=0.01, critical=True), Task("other", until_asked)])
    )
    assert statuses(results) == [Status.TIMEOUT, Status.CANCELLED]


def test_a_timeout_is_tried_again_with_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second attempt has a fresh token and the whole time; the first one obeyed, all the same."""
    clock = TurnedClock(monkeypatch)
    tokens = []

    def slow_once(context: TaskContext) -> str:
        tokens.append(context.token)
        clock.turn(6.0 if context.attempt == 1 else 4.0)
        if context.attempt == 1:
            until_asked(context)
        return "second"

    task = Task("slow", slow_once, timeout_s=5.0, retry=RetryPolicy(delay_s=0.0))
    (result,) = ParallelExecutor().execute(TaskGraph([task]))
    assert (result.status, result.result, result.attempts) == (Status.SUCCESS, "second", 2)
    assert [token.reason for token in tokens] == ["timeout", None]


def test_a_deadline_between_two_attempts_rings_for_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first attempt failed in time; the second one has its own."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(2)
    log = Log(executor)

    def fails_once(context: TaskContext) -> int:
        if context.attempt == 1:
            raise ValueError
        return context.attempt

    policy = RetryPolicy(delay_s=20.0, jitter=0.0)
    run = InBackground(
        executor,
        Task("fails", fails_once, timeout_s=10.0, retry=policy),
        Task("marker", until_asked, timeout_s=15.0),
    )
    log.wait(TaskRetrying)
    clock.turn(16.0)
    log.wait(TaskEnded, ended("marker"))
    clock.turn(10.0)
    result = run.results()["fails"]
    assert (result.status, result.result) == (Status.SUCCESS, 2)


def test_a_timeout_that_has_come_is_not_turned_into_a_cancellation() -> None:
    """The run was cancelled while the task was already stopping because of its time."""
    executor = ParallelExecutor()

    def stops(context: TaskContext) -> None:
        with pytest.raises(Cancelled):
            until_asked(context)
        executor.cancel("the rest")
        context.token.raise_if_cancelled()

    (result,) = executor.execute(TaskGraph([Task("stops", stops, timeout_s=0.01)]))
    assert result.status is Status.TIMEOUT


# -- the run's time -----------------------------------------------------------------------------------------


def test_a_run_that_is_out_of_time_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs has timed out, what waits is cancelled and says why, and so it is announced."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(1, timeout_s=5.0)
    log = Log(executor)

    def turns(context: TaskContext) -> None:
        clock.turn(5.0)
        until_asked(context)

    tasks = [Task("a", turns, estimate_s=9.0), Task("b", ok), Task("c", ok, requires=("b",))]
    results = executor.execute(TaskGraph(tasks))
    assert [(result.status, result.cause) for result in results] == [
        (Status.TIMEOUT, None),
        (Status.CANCELLED, "the run timed out"),
        (Status.CANCELLED, "the run timed out"),
    ]
    assert [(event.reason, event.abort) for event in log.of(RunStopping)] == [("timeout", True)]
    assert log.kinds()[-1] == "RunEnded"


def test_a_run_without_any_time_does_nothing() -> None:
    """Its time can be up before the first task starts."""
    tasks = [Task(f"t{number}", until_asked) for number in range(9)]
    results = ParallelExecutor(timeout_s=0.0).execute(TaskGraph(tasks))
    assert set(statuses(results)) <= {Status.CANCELLED, Status.TIMEOUT}


def test_a_paused_run_can_run_out_of_time() -> None:
    """Else it would wait for somebody who has gone home."""
    executor = ParallelExecutor(timeout_s=0.02)
    executor.pause()
    assert statuses(executor.execute(TaskGraph([Task("a", ok)]))) == [Status.CANCELLED]


def test_an_open_question_does_not_stop_the_time_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that of the task which asks."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(timeout_s=50.0)
    executor.events.subscribe(lambda _event: clock.turn(60.0), RunPaused)

    def asks(context: TaskContext) -> None:
        context.pause_for_input("?")

    (result,) = executor.execute(TaskGraph([Task("asks", asks, timeout_s=100.0)]))
    assert result.status is Status.TIMEOUT


def test_a_run_that_is_out_of_time_gives_up_deaf_work(monkeypatch: pytest.MonkeyPatch, deaf: Deaf) -> None:
    """Its grace begins then."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(2, timeout_s=50.0, grace_s=10.0)
    log = Log(executor)
    run = InBackground(executor, Task("deaf", deaf))
    log.wait(TaskStarted)
    clock.turn(59.0)
    log.wait(RunStopping)
    assert executor.snapshot().statuses["deaf"] is Status.RUNNING
    clock.turn(10.0)
    result = run.results()["deaf"]
    assert (result.status, result.metadata) == (Status.TIMEOUT, {"leaked": True})
    assert executor.statistics().leaked == 1


def test_a_failure_that_waits_for_its_retry_stays_one_when_the_run_is_out_of_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There will be no other attempt."""
    clock = TurnedClock(monkeypatch)

    def fails(_context: TaskContext) -> None:
        raise ValueError("first")

    executor = ParallelExecutor(timeout_s=5.0)
    executor.events.subscribe(lambda _event: clock.turn(6.0), TaskRetrying)
    policy = RetryPolicy(delay_s=60.0)
    (result,) = executor.execute(TaskGraph([Task("fails", fails, retry=policy)]))
    assert (result.status, str(result.error), result.attempts) == (Status.FAILED, "first", 1)


def test_what_joins_a_run_that_is_out_of_time_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group may still be adding: it learns from the results."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(timeout_s=5.0)
    log = Log(executor)
    with executor.group("g") as group:
        group.add(until_asked, name="first")
        log.wait(TaskStarted)
        clock.turn(5.0)
        log.wait(RunStopping)
        group.add(lambda: 1, name="second")
        results = group.gather()
    assert statuses(results) == [Status.TIMEOUT, Status.CANCELLED]


def test_a_timeout_still_counts_in_a_drained_run() -> None:
    """Draining lets tasks finish, not hang."""
    executor = ParallelExecutor(1)

    def drains(context: TaskContext) -> None:
        executor.drain()
        until_asked(context)

    (result,) = executor.execute(TaskGraph([Task("drains", drains, timeout_s=0.01)]))
    assert result.status is Status.TIMEOUT
