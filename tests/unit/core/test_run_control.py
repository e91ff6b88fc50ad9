"""Pausing, resuming, draining and cancelling a run, and the executor's next run."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from configurator.core._run import Run
from configurator.core._schedule import Rules
from configurator.core.cancel import Cancelled
from configurator.core.events import (
    EventBus,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopping,
    TaskEnded,
    TaskRetrying,
    TaskStarted,
)
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext
from tests.unit.core.watch import (
    WAIT_S,
    InBackground,
    Log,
    no_hang,
    ok,
    statuses,
    until_asked,
)

pytestmark = [no_hang, pytest.mark.usefixtures("no_glances")]


# -- pause and resume ---------------------------------------------------------------------------------------


def test_a_run_that_is_paused_before_it_starts_waits_for_resume() -> None:
    """Nothing starts in between, and the task says that it is ready, not that it runs."""
    executor = ParallelExecutor()
    log = Log(executor)
    executor.pause("look first")
    run = InBackground(executor, Task("a", ok))
    assert log.wait(RunPaused).reason == "look first"
    assert executor.snapshot().statuses == {"a": Status.READY}
    executor.resume()
    assert run.results()["a"].status is Status.SUCCESS
    assert log.kinds() == [
        "RunStarted",
        "RunPaused",
        "RunResumed",
        "TaskStarted",
        "TaskEnded",
        "RunEnded",
    ]


def test_a_resume_before_the_start_takes_the_pause_back() -> None:
    """Else the run would wait for somebody who has already said to go on."""
    executor = ParallelExecutor()
    executor.pause()
    executor.resume()
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.SUCCESS]


def test_a_pause_lets_what_runs_finish_and_starts_nothing() -> None:
    """From within a task: it ends itself, and only after the resume comes the next."""
    executor = ParallelExecutor(1)
    log = Log(executor)
    executor.events.subscribe(lambda _event: executor.resume(), RunPaused)

    def pauses(_context: TaskContext) -> None:
        executor.pause()
        executor.pause("once more")
        log.wait(RunPaused)

    results = executor.execute(TaskGraph([Task("pauses", pauses), Task("next", ok)]))
    assert statuses(results) == [Status.SUCCESS, Status.SUCCESS]
    order = log.kinds(RunPaused, RunResumed, TaskStarted)
    assert order[0] == "TaskStarted", order
    assert order[-1] == "TaskStarted", order


def test_a_pause_between_two_tasks_holds_the_second_until_resume() -> None:
    """The worker that has just become free does not take it."""
    executor = ParallelExecutor(1)
    log = Log(executor)

    def pauses(_context: TaskContext) -> None:
        executor.pause()
        executor.pause("once more")  # is no second pause

    run = InBackground(executor, Task("pauses", pauses), Task("next", ok))
    log.wait(TaskEnded)
    assert executor.snapshot().statuses["next"] is Status.READY
    executor.resume()
    executor.resume()  # nor this a second resume
    run.results()
    assert log.kinds(RunPaused, RunResumed, TaskStarted, TaskEnded) == [
        "TaskStarted",
        "RunPaused",
        "TaskEnded",
        "RunResumed",
        "TaskStarted",
        "TaskEnded",
    ]


def test_after_a_resume_all_workers_go_on() -> None:
    """Each calls the next; a single wake-up that nobody passed on would leave three of four idle."""
    executor = ParallelExecutor(4)
    together = threading.Barrier(4)
    executor.pause()
    log = Log(executor)

    def meet(_context: TaskContext) -> None:
        together.wait(WAIT_S)

    run = InBackground(executor, *(Task(f"t{number}", meet) for number in range(8)))
    log.wait(RunPaused)
    executor.resume()
    assert set(statuses(list(run.results().values()))) == {Status.SUCCESS}


def test_a_retry_that_falls_due_in_a_pause_waits_for_its_end() -> None:
    """The clock's thread makes it ready; it must not start it."""
    executor = ParallelExecutor(1)
    log = Log(executor)

    def fails_once(context: TaskContext) -> int:
        if context.attempt == 1:
            executor.pause()
            raise ValueError
        return context.attempt

    run = InBackground(executor, Task("a", fails_once, retry=RetryPolicy(delay_s=0.0)))
    log.wait(TaskRetrying)
    executor.resume()
    assert run.results()["a"].result == 2
    order = log.kinds(RunPaused, RunResumed, TaskStarted)
    assert order == ["TaskStarted", "RunPaused", "RunResumed", "TaskStarted"]


def test_a_run_can_be_stopped_while_it_is_paused() -> None:
    """Nothing runs that could end it, so stopping must."""
    for stop in (ParallelExecutor.cancel, ParallelExecutor.drain):
        executor = ParallelExecutor()
        executor.pause()
        log = Log(executor)
        run = InBackground(executor, Task("a", ok), Task("b", ok, requires=("a",)))
        log.wait(RunPaused)
        stop(executor, "enough")
        assert statuses(list(run.results().values())) == [Status.CANCELLED, Status.CANCELLED]


# -- cancel and drain ---------------------------------------------------------------------------------------


def test_cancel_from_another_thread_stops_what_runs_and_starts_nothing() -> None:
    """Every token is set, with the reason that was given; what waits ends without having run."""
    executor = ParallelExecutor(2)
    log = Log(executor)
    first = [Task(name, until_asked, estimate_s=9.0) for name in "ab"]
    run = InBackground(executor, *first, Task("c", ok), Task("d", ok, requires=("c",)))
    log.wait(TaskStarted, lambda event: event.task_name == "b")
    executor.cancel("somebody changed their mind")
    results = run.results()
    assert statuses(list(results.values())) == [Status.CANCELLED] * 4
    for name in "ab":
        error = results[name].error
        assert isinstance(error, Cancelled)
        assert error.reason == "somebody changed their mind"
    for name in "cd":
        assert (results[name].cause, results[name].attempts) == ("somebody changed their mind", 0)
    assert log.of(RunStopping)[0].abort
    assert log.kinds()[-1] == "RunEnded"


def test_cancel_from_a_task_reaches_the_task_itself() -> None:
    """It asked for it, and may look at its own token."""
    executor = ParallelExecutor(1)

    def cancels(context: TaskContext) -> None:
        executor.cancel()
        until_asked(context)

    results = executor.execute(TaskGraph([Task("cancels", cancels), Task("next", ok)]))
    assert statuses(results) == [Status.CANCELLED, Status.CANCELLED]


def test_what_finishes_in_spite_of_a_cancel_has_succeeded() -> None:
    """The work is done and whole; only work that says it stopped counts as cancelled."""
    executor = ParallelExecutor(1)

    def finishes(context: TaskContext) -> str:
        executor.cancel()
        with pytest.raises(Cancelled):
            until_asked(context)
        return "done"

    (result,) = executor.execute(TaskGraph([Task("finishes", finishes)]))
    assert (result.status, result.result) == (Status.SUCCESS, "done")


def test_an_error_after_a_cancel_is_a_failure_not_a_cancellation() -> None:
    """Cleaning up went wrong: somebody should look at that."""
    executor = ParallelExecutor(1)

    def breaks(_context: TaskContext) -> None:
        executor.cancel()
        raise OSError("half done")

    (result,) = executor.execute(TaskGraph([Task("breaks", breaks)]))
    assert (result.status, str(result.error)) == (Status.FAILED, "half done")


def test_a_drain_can_become_a_cancel() -> None:
    """Somebody lost patience."""
    executor = ParallelExecutor(1)
    log = Log(executor)
    run = InBackground(executor, Task("a", until_asked), Task("b", ok))
    log.wait(TaskStarted)
    executor.drain("slowly")
    log.wait(TaskEnded, lambda event: event.result.task_name == "b")
    executor.cancel("now")
    results = run.results()
    error = results["a"].error
    assert isinstance(error, Cancelled)
    assert (error.reason, results["b"].cause) == ("now", "slowly")
    assert [(event.reason, event.abort) for event in log.of(RunStopping)] == [
        ("slowly", False),
        ("now", True),
    ]


def test_stopping_ends_a_task_that_waits_for_its_next_attempt_as_the_failure_it_was() -> None:
    """It will not be tried again, so what its last attempt came to is its result."""
    executor = ParallelExecutor(1)

    def fails(_context: TaskContext) -> None:
        raise ValueError("first")

    log = Log(executor)
    run = InBackground(executor, Task("a", fails, retry=RetryPolicy(delay_s=3600, max_delay_s=3600)))
    log.wait(TaskRetrying)
    executor.drain()
    result = run.results()["a"]
    assert (result.status, str(result.error), result.attempts) == (Status.FAILED, "first", 1)


def test_a_failure_after_a_drain_is_not_tried_again() -> None:
    """A retry is a start, and there are to be none."""
    executor = ParallelExecutor(1)
    starts = []

    def fails(context: TaskContext) -> None:
        starts.append(context.attempt)
        executor.drain()
        raise ValueError

    (result,) = executor.execute(TaskGraph([Task("a", fails, retry=RetryPolicy(delay_s=0.0))]))
    assert (result.status, starts) == (Status.FAILED, [1])


def test_a_failure_of_a_cancelled_group_is_not_tried_again() -> None:
    """A process that was killed on request ends with an error, too, and must not be started anew."""
    executor = ParallelExecutor()
    started = threading.Event()
    starts = []

    def killed(context: TaskContext) -> None:
        starts.append(context.attempt)
        started.set()
        with pytest.raises(Cancelled):
            until_asked(context)
        raise OSError("killed")

    with executor.group("g") as group:
        group.add(killed, name="killed", retry=RetryPolicy(delay_s=0.0))
        assert started.wait(WAIT_S)
        group.cancel()
        (result,) = group.gather()
    assert (result.status, starts) == (Status.FAILED, [1])


def test_a_cancel_concerns_one_run_only() -> None:
    """The one that is on, else the next; the executor can be used again afterwards."""
    executor = ParallelExecutor(1)
    executor.cancel("before")
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.CANCELLED]

    def cancels(_context: TaskContext) -> None:
        executor.cancel("during")

    results = executor.execute_tasks([cancels, lambda: 1])
    assert [result.cause for result in results] == [None, "during"]
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.SUCCESS]


def test_a_callback_of_a_token_may_control_the_run() -> None:
    """It is called without the run's lock: else this would wait for itself."""
    executor = ParallelExecutor(2)
    answered = threading.Event()

    def asks_back(context: TaskContext) -> None:
        def look() -> None:
            executor.snapshot()
            executor.drain("from a callback")
            answered.set()

        context.token.on_cancel(look)
        executor.cancel()
        assert answered.wait(WAIT_S)

    (result,) = executor.execute(TaskGraph([Task("a", asks_back)]))
    assert result.status is Status.SUCCESS


def test_control_from_many_threads_at_once_ends_in_one_consistent_run() -> None:
    """Whoever comes first: one result a task, the last event is the end, nobody waits for ever."""
    executor = ParallelExecutor(3)
    log = Log(executor)
    together = threading.Barrier(8)

    def control(act: Callable[[], None]) -> None:
        together.wait(WAIT_S)
        for _ in range(20):
            act()

    acts: list[Callable[[], None]] = [executor.pause, executor.resume, lambda: executor.cancel("x")]
    threads = [threading.Thread(target=control, args=(acts[n % 3],), daemon=True) for n in range(7)]
    executor.pause()
    run = InBackground(executor, *(Task(f"t{n}", ok, after=(f"t{n - 1}",) if n else ()) for n in range(50)))
    log.wait(RunPaused)
    for thread in threads:
        thread.start()
    together.wait(WAIT_S)
    for thread in threads:
        thread.join(WAIT_S)
    executor.resume()
    results = run.results()
    assert sorted(event.result.task_name for event in log.of(TaskEnded)) == sorted(results)
    assert log.kinds()[-1] == "RunEnded"


def test_nothing_is_announced_after_the_end() -> None:
    """Who shows a run has gone home by then."""
    log = Log()
    bus = EventBus()
    bus.subscribe(log)
    run = Run(TaskGraph([Task("a", ok)]), Rules(), bus)
    run.start()
    run.wait()
    run.pause("late")
    run.stop("late", abort=True)
    run.resume(None)
    assert not run.open()
    with pytest.raises(RuntimeError, match="has ended"):
        run.join([Task("b", ok)])
    bus.close()
    assert log.kinds() == ["RunStarted", "TaskStarted", "TaskEnded", "RunEnded"]


# -- one run after the other --------------------------------------------------------------------------------


def test_an_executor_does_one_run_at_a_time() -> None:
    """A second one is refused while the first is on, also from within a task."""
    executor = ParallelExecutor()
    errors = []

    def again(_context: TaskContext) -> None:
        with pytest.raises(RuntimeError, match="is running") as caught:
            executor.execute_tasks([lambda: 1])
        errors.append(caught.value)

    assert statuses(executor.execute(TaskGraph([Task("again", again)]))) == [Status.SUCCESS]
    assert len(errors) == 1


def test_a_run_that_has_ended_does_not_make_the_executor_forget_the_next_one() -> None:
    """Another thread may begin one before the first caller has tidied up."""
    executor = ParallelExecutor()
    first = executor.begin(TaskGraph(()))
    first.start()
    first.wait()
    second = executor.begin(TaskGraph([Task("a", ok)]))
    assert executor.finish(first) == []
    executor.cancel("the second one")
    assert [result.cause for result in executor.finish(second)] == ["the second one"]
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.SUCCESS]


def test_a_group_that_comes_as_a_run_ends_gets_a_run_of_its_own() -> None:
    """Of the one that is over it could not be part."""
    executor = ParallelExecutor()
    first = executor.begin(TaskGraph(()))
    first.start()
    first.wait()
    with executor.group("late") as group:
        group.add(lambda: 1)
        assert statuses(group.gather()) == [Status.SUCCESS]
    assert executor.finish(first) == []


def test_groups_of_many_threads_share_one_run_after_the_other() -> None:
    """Whoever comes first opens it, whoever goes last ends it, exactly once; nobody is turned away."""
    executor = ParallelExecutor(2)
    log = Log(executor)
    together = threading.Barrier(6)
    failures: list[BaseException] = []

    def use() -> None:
        try:
            together.wait(WAIT_S)
            for number in range(30):
                with executor.group(f"g{number}") as group:
                    group.add(lambda: 1)
                    assert statuses(group.gather()) == [Status.SUCCESS]
        except BaseException as error:  # noqa: BLE001  (asserted below)
            failures.append(error)

    threads = [threading.Thread(target=use, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * WAIT_S)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    executor.events.flush()
    order = log.kinds(RunStarted, RunEnded)
    assert order == ["RunStarted", "RunEnded"] * (len(order) // 2)
    assert len(log.of(TaskEnded)) == 180
