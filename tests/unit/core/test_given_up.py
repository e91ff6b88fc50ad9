"""Work that ignores its token, alone or in a batch, and what is given up with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from configurator.core.cancel import Cancelled
from configurator.core.events import TaskEnded, TaskRetrying, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import SkipReason, Status
from configurator.core.task import SettleEarly, Task, TaskContext, TaskReport, TaskResult
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

LOCK = frozenset({"apt"})


def ended(name: str) -> Callable[[TaskEnded], bool]:
    return lambda event: event.result.task_name == name


def named(results: Sequence[TaskResult]) -> dict[str, TaskResult]:
    return {result.task_name: result for result in results}


# -- work that ignores its token ----------------------------------------------------------------------------


def test_deaf_work_is_given_up_after_its_grace_and_its_thread_replaced(deaf: Deaf) -> None:
    """The only worker goes on with the next task, in another thread."""
    executor = ParallelExecutor(1, grace_s=0.01)
    results = executor.execute(TaskGraph([Task("deaf", deaf, timeout_s=0.01), Task("next", ok)]))
    assert statuses(results) == [Status.TIMEOUT, Status.SUCCESS]
    assert results[0].metadata == {"leaked": True}
    assert results[0].worker != results[1].worker
    assert executor.statistics().leaked == 1


def test_the_grace_of_a_task_is_its_own(monkeypatch: pytest.MonkeyPatch, deaf: Deaf) -> None:
    """A task that has said so gets longer, or nothing at all."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(3, grace_s=10.0)
    log = Log(executor)
    tasks = [
        Task("none", deaf, timeout_s=1.0, grace_s=0.0),
        Task("usual", deaf, timeout_s=1.0),
        Task("long", deaf, timeout_s=1.0, grace_s=100.0),
    ]
    run = InBackground(executor, *tasks)
    log.wait(TaskStarted, lambda event: event.task_name == "long")
    clock.turn(1.0)
    log.wait(TaskEnded, ended("none"))
    assert executor.snapshot().statuses["usual"] is Status.RUNNING
    clock.turn(10.0)
    log.wait(TaskEnded, ended("usual"))
    assert executor.snapshot().statuses["long"] is Status.RUNNING
    clock.turn(90.0)
    assert statuses(run.results().values()) == [Status.TIMEOUT] * 3
    assert executor.statistics().leaked == 3


def test_work_that_stops_within_its_grace_is_not_given_up() -> None:
    """It is asked first, whatever the grace is, and has all of it to tidy up."""
    executor = ParallelExecutor(1, grace_s=3600.0)
    (result,) = executor.execute(TaskGraph([Task("tidy", until_asked, timeout_s=0.01)]))
    assert (result.status, result.metadata) == (Status.TIMEOUT, {})
    assert executor.statistics().leaked == 0


@pytest.mark.parametrize("outcome", ["value", "error", "interrupt"])
def test_a_late_result_is_discarded(outcome: str) -> None:
    """The task has been reported: what comes of it afterwards changes nothing, not even a Ctrl-C in it."""
    executor = ParallelExecutor(1, grace_s=0.0)
    log = Log(executor)
    threads = []
    release = threading.Event()

    def late(_context: TaskContext) -> str:
        threads.append(threading.current_thread())
        assert release.wait(WAIT_S)
        if outcome == "error":
            raise ValueError
        if outcome == "interrupt":
            raise KeyboardInterrupt
        return "too late"

    def lets_go(_context: TaskContext) -> str:
        release.set()
        threads[0].join(WAIT_S)
        assert not threads[0].is_alive(), "a thread that was given up ends with its task"
        return "last"

    results = executor.execute(
        TaskGraph([Task("late", late, timeout_s=0.01), Task("last", lets_go, after=("late",))])
    )
    assert [(result.status, result.result) for result in results] == [
        (Status.TIMEOUT, None),
        (Status.SUCCESS, "last"),
    ]
    assert [event.result.task_name for event in log.of(TaskEnded)] == ["late", "last"]


def test_deaf_work_is_not_tried_again(deaf: Deaf) -> None:
    """The first attempt still holds whatever it holds."""
    executor = ParallelExecutor(2, grace_s=0.0)
    log = Log(executor)
    policy = RetryPolicy(delay_s=0.0)
    (result,) = executor.execute(TaskGraph([Task("deaf", deaf, timeout_s=0.01, retry=policy)]))
    assert (result.status, result.attempts) == (Status.TIMEOUT, 1)
    assert log.of(TaskRetrying) == []


def test_deaf_work_that_was_cancelled_is_cancelled(deaf: Deaf) -> None:
    """Not timed out: it had no limit."""
    executor = ParallelExecutor(1, grace_s=0.01)
    log = Log(executor)
    run = InBackground(executor, Task("deaf", deaf, ignore_errors=True))
    log.wait(TaskStarted)
    executor.cancel()
    result = run.results()["deaf"]
    assert (result.status, result.ignored, result.metadata) == (Status.CANCELLED, False, {"leaked": True})


def test_locks_and_resources_of_deaf_work_stay_held(deaf: Deaf) -> None:
    """Who needs them is skipped, whether it waits already or comes later; who needs less of them is not."""
    executor = ParallelExecutor(2, grace_s=0.01, resources={"memory": 4})
    tasks = [
        Task("deaf", deaf, timeout_s=0.02, estimate_s=9.0, locks=LOCK, resources={"memory": 3}),
        Task("waits for the lock", ok, locks=LOCK),
        Task("waits for memory", ok, resources={"memory": 2}),
        Task("has enough", ok, resources={"memory": 1}),
        Task("comes later", ok, after=("has enough", "deaf"), locks=LOCK),
        Task("comes after it", ok, after=("comes later",)),
        Task("requires it", ok, requires=("comes later",)),
    ]
    results = named(executor.execute(TaskGraph(tasks, {"memory": 4})))
    for name in ("waits for the lock", "waits for memory", "comes later"):
        assert (results[name].reason, results[name].cause) == (SkipReason.LOCK_LEAKED, "deaf"), name
    assert results["has enough"].status is results["comes after it"].status is Status.SUCCESS
    assert (results["requires it"].reason, results["requires it"].cause) == (
        SkipReason.REQUIREMENT_FAILED,
        "deaf",
    )


def test_an_exclusive_task_that_is_deaf_does_not_stop_the_others(deaf: Deaf) -> None:
    """It was to run alone; given up, it cannot be waited for."""
    executor = ParallelExecutor(2, grace_s=0.0)
    tasks = [Task("alone", deaf, timeout_s=0.01, exclusive=True), Task("next", ok, after=("alone",))]
    assert statuses(executor.execute(TaskGraph(tasks))) == [Status.TIMEOUT, Status.SUCCESS]


def test_a_callback_that_breaks_does_not_stop_the_clock(deaf: Deaf) -> None:
    """The task whose callback it is cannot be stopped and is given up; the next timeout still comes."""

    def breaks(context: TaskContext) -> str:
        def gone() -> None:
            raise ProcessLookupError

        context.token.on_cancel(gone)
        return deaf(context)

    executor = ParallelExecutor(1, grace_s=0.01)
    results = executor.execute(
        TaskGraph([Task("breaks", breaks, timeout_s=0.01), Task("next", until_asked, timeout_s=0.01)])
    )
    assert [(result.status, dict(result.metadata)) for result in results] == [
        (Status.TIMEOUT, {"leaked": True}),
        (Status.TIMEOUT, {}),
    ]


# -- batches ------------------------------------------------------------------------------------------------


Together = Callable[[Sequence[TaskContext], SettleEarly], Sequence[object]]


def by_name(contexts: Sequence[TaskContext]) -> dict[str, TaskContext]:
    """Return the contexts of a batch, whose order is that of urgency."""
    return {context.name: context for context in contexts}


def batch(names: str, together: Together, **options: dict[str, object]) -> list[Task]:
    """Return a task for each letter, to be done in one go; options by letter, or for all under `every`."""
    return [
        Task(
            name,
            ok,
            batch_key="apt",
            batch_func=together,
            locks=LOCK,
            **{**options.get("every", {}), **options.get(name, {})},  # type: ignore[arg-type]
        )
        for name in names
    ]


def test_each_task_of_a_batch_has_its_own_time() -> None:
    """The one whose time is up has timed out, though the call did all of them; the other succeeds."""

    def together(contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[str]:
        with pytest.raises(Cancelled):
            until_asked(by_name(contexts)["a"])
        return [f"{context.name} in the end" for context in contexts]

    tasks = batch("ab", together, a={"timeout_s": 0.01}, b={"timeout_s": 3600.0})
    assert [(r.status, r.result) for r in ParallelExecutor().execute(TaskGraph(tasks))] == [
        (Status.TIMEOUT, None),
        (Status.SUCCESS, "b in the end"),
    ]


def test_who_is_cancelled_in_a_batch_that_fails_is_not_done_alone() -> None:
    """The batch failed because of it, the others are done one by one; its own time is up."""
    alone = []

    def single(context: TaskContext) -> str:
        alone.append(context.name)
        return "alone"

    def together(contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[str]:
        until_asked(by_name(contexts)["a"])
        raise AssertionError

    tasks = [task._replace(func=single) for task in batch("abc", together, a={"timeout_s": 0.01})]
    results = ParallelExecutor().execute(TaskGraph(tasks))
    assert statuses(results) == [Status.TIMEOUT, Status.SUCCESS, Status.SUCCESS]
    assert isinstance(results[0].error, Cancelled)
    assert alone == ["b", "c"]


def test_the_rest_of_a_batch_that_was_partly_given_up_ends_the_run() -> None:
    """Its thread was replaced because of one task; the others end in it, and what waits for them starts."""
    executor = ParallelExecutor(1, grace_s=0.0)
    log = Log(executor)
    releases = []

    def together(contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[str]:
        log.wait(TaskEnded, ended("a"))
        return [f"{context.name} in the end" for context in contexts]

    def follows(_context: TaskContext) -> None:
        releases.append("follows")

    tasks = [*batch("ab", together, a={"timeout_s": 0.01}), Task("c", follows, after=("b",))]
    results = executor.execute(TaskGraph(tasks))
    assert [(r.status, r.result) for r in results] == [
        (Status.TIMEOUT, None),
        (Status.SUCCESS, "b in the end"),
        (Status.SUCCESS, None),
    ]
    assert executor.statistics().leaked == 1


def test_a_batch_that_is_given_up_costs_one_worker_and_is_not_done_again() -> None:
    """It fails when everything is over: its tasks must not be started one by one then, behind our back."""
    executor = ParallelExecutor(1, grace_s=0.0)
    alone: list[str] = []
    release, threads = threading.Event(), []

    def single(context: TaskContext) -> None:
        alone.append(context.name)

    def together(_contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[str]:
        threads.append(threading.current_thread())
        assert release.wait(WAIT_S)
        raise ValueError

    tasks = [task._replace(func=single) for task in batch("abc", together, every={"timeout_s": 0.01})]
    results = executor.execute(TaskGraph([*tasks, Task("next", ok, after=("a", "b", "c"))]))
    assert statuses(results) == [*[Status.TIMEOUT] * 3, Status.SUCCESS]
    assert executor.statistics().leaked == 1
    release.set()
    threads[0].join(WAIT_S)
    assert not threads[0].is_alive()
    assert alone == []


def test_a_batch_keeps_its_lock_until_its_last_task_has_ended() -> None:
    """Whoever leaves it early, the one that took the lock or another: nobody else gets in."""
    for early in "ab":
        executor = ParallelExecutor(2)
        log = Log(executor)
        inside: list[str] = []
        seen: list[list[str]] = []

        def together(
            contexts: Sequence[TaskContext],
            settle: SettleEarly,
            inside: list[str] = inside,
            seen: list[list[str]] = seen,
            log: Log = log,
            early: str = early,
        ) -> list[str]:
            inside.append("batch")
            settle(by_name(contexts)[early], "early")
            log.wait(TaskEnded, ended("after it"))
            seen.append(list(inside))
            inside.remove("batch")
            return ["late", "late"]

        def other(_context: TaskContext, inside: list[str] = inside, seen: list[list[str]] = seen) -> None:
            inside.append("other")
            seen.append(list(inside))

        tasks = [
            *batch("ab", together, every={"estimate_s": 9.0}),
            Task("other", other, locks=LOCK),
            # Would start "other" if it could: it makes both workers look for work.
            Task("after it", ok, after=(early,)),
        ]
        results = executor.execute(TaskGraph(tasks))
        assert statuses(results) == [Status.SUCCESS] * 4
        assert seen == [["batch"], ["other"]]


def test_a_retry_is_not_settled_by_the_batch_that_its_first_attempt_was_in() -> None:
    """It left the batch early as a failure, and runs again before the batch has ended."""
    executor = ParallelExecutor(2)
    log = Log(executor)

    def second_started(event: TaskStarted) -> bool:
        return event.attempt == 2

    def together(contexts: Sequence[TaskContext], settle: SettleEarly) -> list[str]:
        a = by_name(contexts)["a"]
        settle(a, TaskReport(failed=True))
        log.wait(TaskStarted, second_started)
        settle(a, "what a stale context says does not count")
        return [f"{context.name}, says the batch" for context in contexts]

    def single(_context: TaskContext) -> str:
        log.wait(TaskEnded, ended("b"))
        return "second attempt"

    a, b = batch("ab", together, a={"retry": RetryPolicy(delay_s=0.0)})
    results = executor.execute(
        TaskGraph([a._replace(func=single, locks=frozenset()), b._replace(locks=frozenset())])
    )
    assert [(result.result, result.attempts) for result in results] == [
        ("second attempt", 2),
        ("b, says the batch", 1),
    ]


def test_a_batch_that_was_partly_given_up_has_lost_its_lock() -> None:
    """Its thread is deaf. That one of the others ends early in it does not make it let go."""
    log = Log()
    release, threads = threading.Event(), []
    ran: list[str] = []

    def together(contexts: Sequence[TaskContext], settle: SettleEarly) -> list[object]:
        threads.append(threading.current_thread())
        log.wait(TaskEnded, ended("a"))
        settle(by_name(contexts)["b"], "early")
        assert release.wait(WAIT_S)
        return [None, None]

    def other(context: TaskContext) -> None:
        ran.append(context.name)

    tasks = [
        *batch("ab", together, a={"timeout_s": 0.01}, every={"resources": {"cpu": 1.0}}),
        Task("waits", other, locks=LOCK),
        Task("comes later", other, resources={"cpu": 1.0}, after=("b",)),
    ]
    executor = ParallelExecutor(2, grace_s=0.0, resources={"cpu": 1.0}, observer=log)
    results = named(executor.execute(TaskGraph(tasks, {"cpu": 1.0})))
    release.set()
    threads[0].join(WAIT_S)
    assert (results["b"].status, results["b"].result) == (Status.SUCCESS, "early")
    for name in ("waits", "comes later"):
        assert (results[name].reason, results[name].cause) == (SkipReason.LOCK_LEAKED, "a")
    assert ran == []
