"""A defect inside the scheduler ends the run with that error: nobody waits for ever, whoever waits."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from configurator.core import _workers
from configurator.core._schedule import Schedule
from configurator.core.cancel import Cancelled
from configurator.core.errors import InputError
from configurator.core.events import RunPaused, TaskEnded, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import Status
from configurator.core.task import SettleEarly, Subgraph, Task, TaskContext
from tests.unit.core.watch import WAIT_S, Deaf, InBackground, Log, no_hang, ok, statuses, until_asked

pytestmark = [no_hang, pytest.mark.usefixtures("no_glances")]


class BrokenStrategy:
    """Fails for one task, the so-manieth time that it is asked: a way into the scheduler that users have."""

    def __init__(self, name: str, turn: int = 1) -> None:
        self._name = name
        self._turn = turn

    def priority(self, task: Task, rank: float, capacities: Mapping[str, float]) -> float:
        if task.name == self._name:
            self._turn -= 1
            if not self._turn:
                raise ZeroDivisionError("strategy")
        return rank


def broken(name: str, turn: int = 1, workers: int = 2, **options: Any) -> ParallelExecutor:
    return ParallelExecutor(workers, strategy=BrokenStrategy(name, turn), **options)


def crashes(executor: ParallelExecutor, *tasks: Task) -> None:
    """The run ends, by that error, and the executor can be used again."""
    with pytest.raises(ZeroDivisionError, match="strategy"):
        executor.execute(TaskGraph(tasks))
    assert statuses(executor.execute(TaskGraph([Task("again", ok)]))) == [Status.SUCCESS]


def test_before_the_first_task() -> None:
    """There is no run yet, so the caller learns of it at once."""
    crashes(broken("a"), Task("a", ok))


def test_in_a_worker_that_settles_a_task() -> None:
    """What runs beside it is asked to stop; it may see for itself that nobody wants its result."""
    executor = broken("next")
    stopped = threading.Event()
    log = Log(executor)

    def other(context: TaskContext) -> None:
        try:
            until_asked(context)
        except Cancelled:
            stopped.set()

    def waits(_context: TaskContext) -> None:
        log.wait(TaskStarted, lambda event: event.task_name == "other")

    crashes(executor, Task("other", other, estimate_s=9.0), Task("a", waits), Task("next", ok, after=("a",)))
    assert stopped.wait(WAIT_S)


def test_in_a_worker_while_others_are_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for work that will not come, and end."""
    executor = broken("next", workers=3)
    meeting = threading.Barrier(3)
    threads: list[threading.Thread] = []

    def meets(context: TaskContext) -> None:
        threads.append(threading.current_thread())
        meeting.wait(WAIT_S)
        if context.name == "last":
            log.wait(TaskEnded, lambda event: event.result.task_name == "b")

    log = Log(executor)
    tasks = [Task(name, meets) for name in ("a", "b", "last")]
    crashes(executor, *tasks, Task("next", ok, after=("last",)))
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()


def test_in_the_clocks_thread_that_gives_work_up(deaf: Deaf) -> None:
    """Giving it up makes another task ready, and nobody waits in that thread to see the error."""
    executor = broken("next", grace_s=0.0)
    crashes(executor, Task("deaf", deaf, timeout_s=0.01), Task("next", ok, after=("deaf",)))


def test_in_the_clocks_thread_that_wakes_a_retry() -> None:
    """The second time that it becomes ready."""

    def fails(_context: TaskContext) -> None:
        raise ValueError

    crashes(broken("a", turn=2), Task("a", fails, retry=RetryPolicy(delay_s=0.001)))


def test_in_a_batch_that_settles_early() -> None:
    """Raised there, the batch function would take it for a failure of its own."""

    def together(contexts: Sequence[TaskContext], settle: SettleEarly) -> list[None]:
        for context in contexts:
            settle(context, None)
        return [None for _ in contexts]

    batch = [Task(name, ok, batch_key="apt", batch_func=together) for name in "ab"]
    crashes(broken("next"), *batch, Task("next", ok, after=("a",)))


def test_in_the_thread_of_somebody_who_cancels_a_group() -> None:
    """He sees it, and so does the caller of the run."""
    executor = broken("next")
    seen: list[BaseException] = []

    def opens(_context: TaskContext) -> None:
        with executor.group("beside") as beside, executor.group("g") as group:
            group.add(until_asked, name="runs")
            group.add(ok, name="waits", after=["runs"])
            beside.add(ok, name="next", after=["waits"])
            with pytest.raises(ZeroDivisionError) as caught:
                group.cancel()
            seen.append(caught.value)

    with pytest.raises(ZeroDivisionError) as caught:
        executor.execute(TaskGraph([Task("opens", opens)]))
    assert seen == [caught.value]


def test_in_the_thread_of_somebody_who_adds_a_task() -> None:
    """The state may be torn, half of the task is in it: the whole run ends."""
    executor = broken("new")
    log = Log(executor)
    with pytest.raises(ZeroDivisionError), executor.group("g") as group:
        group.add(until_asked, name="runs")
        log.wait(TaskStarted)
        group.add(ok, name="new")
    assert "new" not in [result.task_name for result in executor.results()]
    assert statuses(executor.execute(TaskGraph([Task("again", ok)]))) == [Status.SUCCESS]


def test_a_task_that_is_refused_is_no_defect() -> None:
    """Nothing of it was taken in, so the run goes on."""
    executor = ParallelExecutor(2)
    with executor.group("g") as group:
        with pytest.raises(InputError, match="nobody"):
            group.add(ok, name="bad", requires=["nobody"])
        group.add(ok, name="fine")
        assert statuses(group.gather()) == [Status.SUCCESS]


def test_in_the_thread_of_somebody_who_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run does not go on half stopped."""
    executor = ParallelExecutor(1)
    log = Log(executor)

    def give_up(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("strategy")

    run = InBackground(executor, Task("a", until_asked), Task("b", ok))
    log.wait(TaskStarted)
    monkeypatch.setattr(Schedule, "give_up", give_up)
    with pytest.raises(ZeroDivisionError):
        executor.cancel()
    with pytest.raises(ZeroDivisionError):
        run.results()


def test_while_a_task_brings_others() -> None:
    """They join in the worker that ends it."""

    def brings(_context: TaskContext) -> Subgraph:
        return Subgraph((Task("brought", ok),))

    crashes(broken("brought"), Task("brings", brings))


def test_while_a_task_waits_for_an_answer() -> None:
    """Nobody will give one any more."""
    executor = broken("next")
    log = Log(executor)
    started, ended = threading.Event(), threading.Event()

    def asks(context: TaskContext) -> None:
        assert started.wait(WAIT_S)  # once the run is paused, the other one would not start
        try:
            context.pause_for_input("?")
        except Cancelled:
            ended.set()

    def waits(_context: TaskContext) -> None:
        started.set()
        log.wait(RunPaused)

    crashes(executor, Task("asks", asks, estimate_s=9.0), Task("a", waits), Task("next", ok, after=("a",)))
    assert ended.wait(WAIT_S)


def test_while_tasks_wait_for_their_groups_and_for_their_places() -> None:
    """One waits for what will never end, one has waited and finds no place to go on in: both come back."""
    executor = broken("next", workers=1)
    log = Log(executor)
    back = threading.Semaphore(0)

    def opens(_context: TaskContext) -> None:
        try:
            with executor.group("g") as group:
                group.add(ok, estimate_s=7.5)
                group.gather()
        finally:
            back.release()

    def never_ends(_context: TaskContext) -> None:
        try:
            with executor.group("h") as group:
                group.add(ok, name="never", requires=["next"])
                group.gather()
        finally:
            back.release()

    def waits(_context: TaskContext) -> None:
        log.wait(TaskEnded, lambda event: event.result.task_name == "ok")

    tasks = [
        Task("opens", opens, estimate_s=9.0),
        Task("never ends", never_ends, estimate_s=8.0),
        Task("a", waits, estimate_s=5.0),
        Task("next", ok, after=("a",)),
    ]
    crashes(executor, *tasks)
    for _ in range(2):
        assert back.acquire(timeout=WAIT_S)


def test_while_somebody_streams() -> None:
    """He gets what there is, and then the error."""
    executor = broken("next")
    seen: list[str] = []
    tasks = [Task("a", ok), Task("b", ok, after=("a",)), Task("next", ok, after=("b",))]
    with pytest.raises(ZeroDivisionError):
        for result in executor.stream(TaskGraph(tasks)):
            seen.append(result.task_name)
    assert seen[:1] == ["a"]


def test_while_it_is_paused() -> None:
    """It needs no resume to end."""
    executor = broken("next")

    def pauses(_context: TaskContext) -> None:
        executor.pause()

    with pytest.raises(ZeroDivisionError):
        executor.execute(TaskGraph([Task("a", pauses), Task("next", ok, after=("a",))]))


def test_the_first_error_is_the_one_that_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks afterwards is its consequence."""

    def settle(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError(f"error {next(count)}")

    count = iter(range(9))
    monkeypatch.setattr(Schedule, "settle", settle)
    executor = ParallelExecutor(2)
    meeting = threading.Barrier(2)

    def meets(_context: TaskContext) -> None:
        meeting.wait(WAIT_S)

    with pytest.raises(ZeroDivisionError, match="error 0"):
        executor.execute(TaskGraph([Task("a", meets), Task("b", meets)]))


# -- no threads to be had -----------------------------------------------------------------------------------


class FewThreads:
    """`threading` of a system that gives this many threads and no more."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def Thread(self, **options: Any) -> threading.Thread:  # noqa: N802
        thread = threading.Thread(**options)
        if self.left <= 0:
            thread.start = self.refuse  # type: ignore[method-assign]
        self.left -= 1
        return thread

    @staticmethod
    def refuse() -> None:
        raise RuntimeError("can't start new thread")


def test_without_any_thread_the_run_ends_with_that_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without having done anything."""
    monkeypatch.setattr(_workers, "threading", FewThreads(0))
    executor = ParallelExecutor(2)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        executor.execute(TaskGraph([Task("a", ok)]))
    assert statuses(executor.results()) == [Status.CANCELLED]


def test_with_fewer_threads_than_workers_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower, but it does everything."""
    monkeypatch.setattr(_workers, "threading", FewThreads(2))
    executor = ParallelExecutor(4)
    both = threading.Barrier(2)
    pair = [Task(name, lambda _context: both.wait(WAIT_S)) for name in ("left", "right")]
    results = executor.execute(TaskGraph([*pair, *(Task(f"t{number}", ok) for number in range(20))]))
    assert set(statuses(results)) == {Status.SUCCESS}
    assert {result.worker for result in results} <= {0, 1}


def test_when_the_only_worker_cannot_be_replaced_the_run_ends(
    monkeypatch: pytest.MonkeyPatch, deaf: Deaf
) -> None:
    """Nobody could ever do the rest."""
    monkeypatch.setattr(_workers, "threading", FewThreads(1))
    executor = ParallelExecutor(1, grace_s=0.0)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        executor.execute(TaskGraph([Task("deaf", deaf, timeout_s=0.01), Task("next", ok, after=("deaf",))]))
