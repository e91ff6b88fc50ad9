"""What happens seldom: misuse, unfinished business, and batches that do not keep their word."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from configurator.core import _run
from configurator.core._run import Run
from configurator.core._schedule import Rules, Schedule
from configurator.core.cancel import CancelToken
from configurator.core.events import EventBus
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.simulation import simulate
from configurator.core.status import Status
from configurator.core.task import SettleEarly, Task, TaskContext


def ok(context: TaskContext) -> str:
    return context.name


def test_no_workers_are_refused() -> None:
    """Such a run would never end."""
    with pytest.raises(ValueError, match="max_workers must be at least 1, not 0"):
        ParallelExecutor(0)


def test_results_by_name_come_in_declared_order() -> None:
    """One of the three ways to get at results."""
    results = ParallelExecutor().execute_dict(TaskGraph([Task("b", ok), Task("a", ok)]))
    assert [(name, result.result) for name, result in results.items()] == [("b", "b"), ("a", "a")]


@pytest.mark.parametrize("answer", [["one"], None])
def test_a_batch_that_returns_too_few_results_fails_as_a_whole(answer: object) -> None:
    """Nobody knows what was done, so nothing is done again."""
    singles: list[str] = []

    def together(_contexts: Sequence[TaskContext], _settle: SettleEarly) -> Sequence[object]:
        return answer  # type: ignore[return-value]

    def single(context: TaskContext) -> None:
        singles.append(context.name)

    results = ParallelExecutor(1).execute(
        TaskGraph([Task(name, single, batch_key="x", batch_func=together) for name in "ab"])
    )
    assert [result.status for result in results] == [Status.FAILED, Status.FAILED]
    assert "a batch of 2 must return 2 results, not" in str(results[0].error)
    assert singles == []


def test_a_batch_without_a_function_of_its_own_is_run_one_by_one() -> None:
    """A key alone makes no batch."""
    results = ParallelExecutor(1).execute(TaskGraph([Task(name, ok, batch_key="x") for name in "ab"]))
    assert [result.result for result in results] == ["a", "b"]


def test_the_calling_thread_looks_up_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C that comes just before a wait is only seen when the wait ends."""
    monkeypatch.setattr(_run, "GLANCE_S", 0.001)
    executor = ParallelExecutor(1)
    looked = threading.Event()

    def waits(_context: TaskContext) -> None:
        assert looked.wait(10)

    run = executor.begin(TaskGraph([Task("waits", waits)]))
    done_wait = run.done.wait

    def wait(timeout: float | None = None) -> bool:
        ended = done_wait(timeout)
        if not ended:
            looked.set()
        return ended

    monkeypatch.setattr(run.done, "wait", wait)
    assert [result.status for result in executor.finish(run)] == [Status.SUCCESS]


def test_the_result_of_what_has_not_ended_is_a_key_error() -> None:
    """A task can only build on what it requires."""

    def asks(context: TaskContext) -> None:
        context.result_of("later")

    results = ParallelExecutor(1).execute(TaskGraph([Task("asks", asks), Task("later", ok, after=("asks",))]))
    assert isinstance(results[0].error, KeyError)


def test_a_context_without_an_executor_answers_for_itself() -> None:
    """A task's function can be tried by hand."""
    context = TaskContext("alone", CancelToken())
    context.progress(1, 2)
    with pytest.raises(KeyError):
        context.result_of("other")
    with pytest.raises(RuntimeError, match="'alone' runs outside an executor"):
        context.pause_for_input("?")


def test_never_more_threads_than_workers() -> None:
    """Whatever calls for help: a thread that is neither idle nor busy is about to look by itself."""
    run = Run(TaskGraph([Task("a", ok)]), Rules(1), EventBus())
    run._threads = 1
    with run.lock:
        run._call_worker()
    assert run._next_worker == 0


def test_a_scheduler_that_starts_nothing_is_no_endless_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the scheduler must be seen."""
    monkeypatch.setattr(Schedule, "pick", lambda _self, _now: [])
    with pytest.raises(AssertionError, match="1 tasks can never start"):
        simulate(TaskGraph([Task("a", ok)]))


def test_who_is_interrupted_before_it_waits_leaves_nothing_behind() -> None:
    """A Ctrl-C can come anywhere: a waiting thread that is counted but gone would cost every task a look."""
    executor = ParallelExecutor(1)
    release = threading.Event()
    run = executor.begin(TaskGraph([Task("a", lambda _context: release.wait(10))]))
    lock, interrupts = run.lock, iter([KeyboardInterrupt])

    class Interrupted:
        def __enter__(self) -> bool:
            for interrupt in interrupts:
                raise interrupt
            return lock.__enter__()

        def __exit__(self, *details: object) -> None:
            lock.release()

    run.lock = Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        run.wait_until(lambda: True)
    run.lock = lock
    assert (run._watchers, run._bells) == (0, [])
    release.set()
    assert [result.status for result in executor.finish(run)] == [Status.SUCCESS]
