"""Tasks that wait for their groups: their place is lent meanwhile, whatever becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

import pytest

from configurator.core.events import GroupEnded, TaskEnded, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import SkipReason, Status
from configurator.core.task import SettleEarly, Task, TaskContext, TaskResult
from tests.unit.core.watch import (
    WAIT_S,
    Deaf,
    InBackground,
    Log,
    TurnedClock,
    no_hang,
    ok,
    statuses,
)

pytestmark = [no_hang, pytest.mark.usefixtures("no_glances")]

LOCK = frozenset({"apt"})


def ended(name: str) -> Callable[[TaskEnded], bool]:
    return lambda event: event.result.task_name == name


def named(results: Sequence[TaskResult]) -> dict[str, TaskResult]:
    return {result.task_name: result for result in results}


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


class Crowd:
    """Work of which one at a time may run: a second one that got in would meet the first."""

    def __init__(self) -> None:
        self._door = threading.Barrier(2)
        self.ran = 0
        self.met = False

    def __call__(self, _context: TaskContext | None = None) -> None:
        self.ran += 1
        try:
            self._door.wait(0.02)  # the first one stands there in vain, and then the door stays open
        except threading.BrokenBarrierError:
            return
        self.met = True


def test_a_worker_that_is_given_up_while_it_waits_frees_no_second_place() -> None:
    """Its place was lent to another one already: counted twice, two tasks would run on one worker."""
    executor = ParallelExecutor(1, grace_s=0.0)
    log = Log(executor)
    crowd = Crowd()

    def inner(_context: TaskContext) -> None:
        log.wait(TaskEnded, ended("outer"))

    def outer(_context: TaskContext) -> None:
        with executor.group("g") as group:
            group.add(inner)
            group.gather()

    tasks = [Task("outer", outer, timeout_s=0.01, estimate_s=9.0)]
    tasks += [Task(f"t{number}", crowd, after=("outer",)) for number in range(4)]
    results = executor.execute(TaskGraph(tasks))
    assert statuses(results) == [Status.TIMEOUT, *[Status.SUCCESS] * 4]
    assert (crowd.ran, crowd.met) == (4, False)


def test_a_worker_that_is_given_up_on_its_way_back_claims_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it waited for has ended, another task has its place, and its time is up: nobody waits for it."""
    clock = TurnedClock(monkeypatch)
    executor = ParallelExecutor(1, grace_s=0.0)
    log = Log(executor)
    crowd = Crowd()

    def outer(_context: TaskContext) -> None:
        with executor.group("g") as group:
            group.add(lambda: 1, name="inner")
            group.gather()

    def long(_context: TaskContext) -> None:
        clock.turn(10.0)
        log.wait(TaskEnded, ended("outer"))

    tasks = [Task("outer", outer, timeout_s=5.0, estimate_s=9.0), Task("long", long, estimate_s=8.0)]
    tasks += [Task(f"t{number}", crowd, after=("outer",)) for number in range(4)]
    results = executor.execute(TaskGraph(tasks))
    assert statuses(results) == [Status.TIMEOUT, *[Status.SUCCESS] * 5]
    assert (crowd.ran, crowd.met) == (4, False)


def test_what_comes_after_a_task_that_was_skipped_for_a_deadlock_runs() -> None:
    """Skipping it makes work ready, and somebody has to be told."""
    executor = ParallelExecutor(1)

    def outer(_context: TaskContext) -> dict[str, TaskResult]:
        with executor.group("g") as group:
            group.add(lambda: 1, name="needs the lock", locks=LOCK)
            group.add(lambda: 2, name="comes after it", after=["needs the lock"])
            return group.gather_dict()

    (result,) = executor.execute(TaskGraph([Task("outer", outer, locks=LOCK)]))
    inner = result.result
    assert (inner["needs the lock"].reason, inner["needs the lock"].cause) == (SkipReason.DEADLOCK, "outer")
    assert inner["comes after it"].result == 2


def test_a_coroutine_that_waits_for_two_groups_at_once_lends_its_place_once() -> None:
    """And takes it back when it waits for neither: with one worker the second group could not run else."""
    executor = ParallelExecutor(1)
    crowd = Crowd()

    async def outer() -> int:
        async with executor.group("first") as first, executor.group("second") as second:
            first.add(crowd, name="quick")
            for number in range(5):
                second.add(crowd, name=f"slow{number}")
            results = await asyncio.gather(first.gather(), second.gather())
        return sum(len(list(group)) for group in results)

    async def main() -> int:
        async with executor.group("all") as group:
            group.add(outer())
            (result,) = await group.gather()
        return int(result.result)

    assert asyncio.run(main()) == 6
    assert (crowd.ran, crowd.met) == (6, False)


def test_a_task_that_is_given_up_within_a_group_does_not_hold_the_run_open(deaf: Deaf) -> None:
    """The block of the group never ends, and the run must not wait for that."""
    executor = ParallelExecutor(2, grace_s=0.0)
    log = Log(executor)

    def outer(context: TaskContext) -> str:
        with executor.group("g") as group:
            group.add(ok, name="inner")
            return deaf(context)

    run = InBackground(executor, Task("outer", outer, timeout_s=0.01))
    result = run.results()["outer"]
    assert (result.status, result.metadata) == (Status.TIMEOUT, {"leaked": True})
    assert log.kinds()[-1] == "RunEnded"


def test_a_coroutine_that_is_given_up_within_a_group_does_not_hold_the_run_open() -> None:
    """As little as a function, although it does not run in a thread of the run's."""
    executor = ParallelExecutor(2, grace_s=0.0)
    log = Log(executor)

    async def outer() -> None:
        async with executor.group("inner"):
            while not over.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.001)

    async def main() -> list[TaskResult]:
        async with executor.group("all") as group:
            group.add(outer(), timeout_s=0.01)
            return await group.gather()

    async def watch() -> list[TaskResult]:
        try:
            return await main()
        finally:
            assert log.kinds()[-1] == "RunEnded"
            over.set()

    over = asyncio.Event()
    (result,) = asyncio.run(watch())
    assert (result.status, result.metadata) == (Status.TIMEOUT, {"leaked": True})
    assert executor.results() == [result]


def test_a_task_that_was_given_up_can_begin_no_run(deaf: Deaf) -> None:
    """Its own run is over: a group that it opens now would be one that nobody knows of."""
    executor = ParallelExecutor(1, grace_s=0.0)
    log = Log(executor)
    refused = threading.Event()

    def late(context: TaskContext) -> None:
        deaf(context)
        with pytest.raises(RuntimeError, match="given up"), executor.group("late"):
            pass
        refused.set()

    executor.execute(TaskGraph([Task("late", late, timeout_s=0.01)]))
    deaf.release.set()
    assert refused.wait(WAIT_S)
    executor.events.flush()
    assert log.kinds()[-1] == "RunEnded"


def test_leaving_a_group_waits_for_what_a_task_that_was_given_up_has_left() -> None:
    """The tasks of its own group run on: when the block is over, so is the run."""
    executor = ParallelExecutor(2, grace_s=0.0)
    log = Log(executor)
    threads = []

    def inner(_context: TaskContext) -> None:
        log.wait(TaskEnded, ended("outer"))
        log.wait(GroupEnded, lambda event: event.group == "all")

    def outer(_context: TaskContext) -> None:
        threads.append(threading.current_thread())
        with executor.group("g") as group:
            group.add(inner)

    with executor.group("all") as group:
        group.add(Task("outer", outer, timeout_s=0.01, grace_s=0.0))
    assert {result.task_name for result in executor.results()} == {"outer", "inner"}
    assert log.kinds()[-1] == "RunEnded"


@pytest.mark.parametrize("when", ["in the batch", "one by one"])
def test_a_batch_whose_first_task_has_ended_lends_its_place_all_the_same(when: str) -> None:
    """What waits for a group is the worker, whichever of its tasks is still there; with one it would hang."""
    executor = ParallelExecutor(1)

    def opens(_context: TaskContext | None = None) -> list[Status]:
        with executor.group("g") as group:
            group.add(ok)
            group.add(ok, locks={"apt"})
            return statuses(group.gather())

    def together(contexts: Sequence[TaskContext], settle: SettleEarly) -> list[object]:
        settle(contexts[0], "early")
        if when == "one by one":
            raise ValueError
        return [None, opens()]

    tasks = [task._replace(func=opens) for task in batch("ab", together)]
    results = executor.execute(TaskGraph(tasks))
    assert "early" in [result.result for result in results]
    # The second one needs the lock that the batch holds until it has ended.
    assert [Status.SUCCESS, Status.SKIPPED] in [result.result for result in results]


def test_a_coroutine_of_one_executor_lends_no_place_of_another() -> None:
    """Its task has a number there, too, which is that of some other task."""
    first, second = ParallelExecutor(2), ParallelExecutor(1)
    crowd = Crowd()

    async def uses_both() -> int:
        async with second.group("others") as others:
            for number in range(4):
                others.add(crowd, name=f"t{number}")
            return len(await others.gather())

    async def main() -> list[TaskResult]:
        async with first.group("all") as group:
            group.add(uses_both())
            return await group.gather()

    (result,) = asyncio.run(main())
    assert result.result == 4
    assert (crowd.ran, crowd.met) == (4, False)


def test_the_rest_of_a_batch_that_was_given_up_does_not_wait_for_ever() -> None:
    """Its worker has no place to lend, but as long as it waits nothing can run alone: a deadlock, too."""
    executor = ParallelExecutor(1, grace_s=0.0)
    log = Log(executor)

    def opens(_context: TaskContext) -> list[TaskResult]:
        with executor.group("g") as group:
            group.add(ok, exclusive=True)
            return group.gather()

    def together(_contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[object]:
        log.wait(TaskEnded, ended("a"))
        raise ValueError

    tasks = [task._replace(func=opens) for task in batch("ab", together, a={"timeout_s": 0.01})]
    timed_out, opened = executor.execute(TaskGraph(tasks))
    assert (timed_out.status, opened.status) == (Status.TIMEOUT, Status.SUCCESS)
    assert [inner.reason for inner in opened.result] == [SkipReason.DEADLOCK]


def test_the_rest_of_a_batch_that_was_given_up_may_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It still runs, in a thread that is no worker's any more: who waits for it does not wait in vain."""
    executor = ParallelExecutor(1, grace_s=0.0)
    waits = threading.Event()

    def opens(_context: TaskContext) -> list[Status]:
        with executor.group("g") as group:
            group.add(ok, requires=["b"])
            all_ended, looks = group._all_ended, iter([False, True])

            def look() -> bool:
                if next(
                    looks, True
                ):  # the second look is that of who waits, with the lock held until it does
                    waits.set()
                return all_ended()

            monkeypatch.setattr(group, "_all_ended", look)
            return statuses(group.gather())

    def together(contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[object]:
        assert waits.wait(WAIT_S)
        return [context.name for context in contexts]

    tasks = batch("ab", together, a={"timeout_s": 0.01}, every={"estimate_s": 9.0})
    results = executor.execute(TaskGraph([*tasks, Task("opens", opens, after=("a",))]))
    assert [result.result for result in results] == [None, "b", [Status.SUCCESS]]


def test_who_waits_in_vain_learns_of_it_when_the_last_token_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until then nobody can tell whether it will be stopped; then nothing else would wake it any more."""
    executor = ParallelExecutor(2)
    asked, queued, release = threading.Event(), threading.Event(), threading.Event()

    def holds_the_clock(context: TaskContext) -> None:
        def hold() -> None:
            asked.set()
            release.wait(WAIT_S)

        context.token.on_cancel(hold)
        assert asked.wait(WAIT_S)

    def asks_another(_context: TaskContext) -> None:
        assert asked.wait(WAIT_S)
        with executor.group("asked") as group:
            group.add(lambda _context: queued.wait(WAIT_S), name="told too late")
            log.wait(TaskStarted, lambda event: event.task_name == "told too late")
            group.cancel()
            queued.set()

    def alone(_context: TaskContext) -> list[SkipReason | None]:
        with executor.group("alone") as group:
            group.add(ok)
            all_ended, looks = group._all_ended, iter([None])

            def look() -> bool:
                if next(looks, release) is release:  # the second look is followed by waiting
                    release.set()
                return all_ended()

            monkeypatch.setattr(group, "_all_ended", look)
            return [result.reason for result in group.gather()]

    log = Log(executor)
    tasks = [
        Task("holds", holds_the_clock, timeout_s=0.01),
        Task("asks", asks_another),
        Task("alone", alone, exclusive=True, after=("holds", "asks")),
    ]
    assert named(executor.execute(TaskGraph(tasks)))["alone"].result == [SkipReason.DEADLOCK]


class Returning:
    """A run of one worker whose task `waits` waits for a group, while another gets its place and keeps it."""

    def __init__(self) -> None:
        self.executor = ParallelExecutor(1, grace_s=0.0)
        self.comes_back = threading.Event()  # the task that waited wants its place
        self.release = threading.Event()  # the one that has it
        self._begun = threading.Event()

    def results(self, *tasks: Task) -> list[TaskResult]:
        """Run the tasks, of which one calls `gather`, beside one that keeps the place."""
        keeps = Task("keeps", lambda _context: self.release.wait(WAIT_S), estimate_s=1.0)
        self.run = self.executor.begin(TaskGraph([*tasks, keeps]))
        run, wait = self.run, self.run.changed.wait

        def watched(timeout: float | None = None) -> bool:
            if run._returning:
                self.comes_back.set()  # with the lock held until it waits
            return wait(timeout)

        run.changed.wait = watched  # type: ignore[method-assign]
        self._begun.set()
        return self.executor.finish(run)

    def gather(self) -> list[TaskResult]:
        """Wait for a group whose only task is more urgent than the one that keeps the place."""
        assert self._begun.wait(WAIT_S)
        with self.executor.group("quick") as group:
            group.add(ok, estimate_s=5.0)
            return group.gather()


def test_who_is_given_up_while_it_waits_for_its_place_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on in a thread that is no worker's any more, and what it returns is discarded."""
    clock, case, left = TurnedClock(monkeypatch), Returning(), threading.Event()

    def waits(_context: TaskContext) -> None:
        case.gather()
        left.set()

    def turns() -> None:
        assert case.comes_back.wait(WAIT_S)
        clock.turn(9.0)
        assert left.wait(WAIT_S), "it was not let go"
        case.release.set()

    threading.Thread(target=turns, daemon=True).start()
    results = named(case.results(Task("waits", waits, timeout_s=5.0, estimate_s=9.0)))
    assert (results["waits"].status, results["keeps"].result) == (Status.TIMEOUT, True)
    assert case.run._lenders == {}


def test_the_rest_of_a_batch_gets_no_place_back_when_its_worker_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was waiting for it, and goes on all the same: the worker was replaced."""
    clock, case, left = TurnedClock(monkeypatch), Returning(), threading.Event()

    def together(contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[object]:
        case.gather()
        left.set()
        return [context.name for context in contexts]

    def turns() -> None:
        assert case.comes_back.wait(WAIT_S)
        clock.turn(9.0)
        assert left.wait(WAIT_S), "it was not let go"
        case.release.set()

    threading.Thread(target=turns, daemon=True).start()
    tasks = batch("ab", together, a={"timeout_s": 5.0}, every={"estimate_s": 9.0})
    results = named(case.results(*tasks))
    assert (results["a"].status, results["b"].result) == (Status.TIMEOUT, "b")
    assert case.run._lenders == {}


def test_who_waits_for_its_place_may_go_on_to_wait_for_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As with two coroutines of one task: while one of them waits, the other needs no place."""
    case, went_on = Returning(), threading.Event()

    def waits(context: TaskContext) -> list[Status]:
        later: list[Status] = []

        def waits_too() -> None:
            assert case.comes_back.wait(WAIT_S)
            case.run.act_for(case.run.schedule.index[context.name])
            with case.executor.group("later") as group:
                group.add(ok)
                later.extend(statuses(group.gather()))

        other = threading.Thread(target=waits_too, daemon=True)
        other.start()
        case.gather()
        went_on.set()
        other.join(WAIT_S)
        return later

    def releases() -> None:
        assert went_on.wait(WAIT_S), "it still waits for its place"
        case.release.set()

    threading.Thread(target=releases, daemon=True).start()
    assert named(case.results(Task("waits", waits, estimate_s=9.0)))["waits"].result == [Status.SUCCESS]
    assert case.run._lenders == {}


def test_a_worker_given_up_as_its_task_starts_to_wait_anew_stays_a_lender() -> None:
    """Both between two looks of the one that wanted its place back: the other wait still needs the entry."""
    case, seen = Returning(), []

    def waits(_context: TaskContext) -> None:
        case.gather()
        seen.append(dict(case.run._lenders))
        case.release.set()

    def both() -> None:
        assert case.comes_back.wait(WAIT_S)
        with case.run.lock:
            ((worker, lender),) = case.run._lenders.items()
            lender.waits.append(lambda: True)
            case.run._leaked_workers.add(worker)
            case.run.changed.notify_all()

    threading.Thread(target=both, daemon=True).start()
    assert named(case.results(Task("waits", waits, estimate_s=9.0)))["waits"].status is Status.SUCCESS
    assert [len(lenders) for lenders in seen] == [1]
