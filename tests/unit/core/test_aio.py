"""The engine in asyncio: coroutines as tasks, awaited groups, and what stopping means for both."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from configurator.core import aio
from configurator.core.aio import execute
from configurator.core.cancel import Cancelled
from configurator.core.errors import InputError
from configurator.core.events import TaskEnded
from configurator.core.graph import TaskGraph
from configurator.core.inputs import parallel_task
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext, TaskResult

T = TypeVar("T")
WAIT_S = 10.0  # for what comes at once when all is well

pytestmark = pytest.mark.usefixtures("no_glances", "no_complaints")


@pytest.fixture
def no_complaints() -> Iterator[None]:
    """Nothing may be left behind that Python complains about: coroutines never awaited, errors never seen."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; anything that the event loop complains about is a failure."""
    complaints: list[dict[str, Any]] = []

    async def listen() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        try:
            return await asyncio.wait_for(main, 4 * WAIT_S)
        finally:
            gc.collect()

    value = asyncio.run(listen())
    assert complaints == []
    return value


def statuses(results: list[TaskResult]) -> list[Status]:
    return [result.status for result in results]


async def answer(value: object = 42) -> object:
    await asyncio.sleep(0)
    return value


# -- groups ---------------------------------------------------------------------------------------------


def test_coroutines_and_functions_are_tasks_of_one_group() -> None:
    """Coroutines run in the caller's loop, functions on threads; each is a result in the order of adding."""
    threads: set[int] = set()

    async def here() -> None:
        threads.add(threading.get_ident())

    async def hears(context: TaskContext) -> str:
        return f"{context.name} {context.attempt}"

    async def main() -> list[TaskResult]:
        async with ParallelExecutor(3).group("g") as group:
            names = [
                group.add(answer()),
                group.add(answer),
                group.add(hears, name="hears"),
                group.add(functools.partial(answer, 7)),
                group.add(here),
                group.add(lambda: "function"),
                group.add({"func": lambda: "dict", "task_id": "d"}),
            ]
            results = await group.gather()
            assert [result.task_name for result in results] == names
            assert list(await group.gather_dict()) == names
        assert threads == {threading.get_ident()}
        return results

    results = run(main())
    assert [result.result for result in results] == [42, 42, "hears 1", 7, None, "function", "dict"]
    assert [result.task_name for result in results[:4]] == ["answer", "answer#2", "hears", "answer#3"]
    assert set(statuses(results)) == {Status.SUCCESS}


def test_a_stream_comes_in_the_order_of_ending() -> None:
    """And sees what is added while it is read."""

    async def main() -> list[str]:
        seen = []
        async with ParallelExecutor(2).group("g") as group:
            last = asyncio.Event()
            group.add(last.wait(), name="last")
            group.add(answer, name="first")
            async for result in group.stream():
                seen.append(result.task_name)
                if result.task_name == "first":
                    group.add(answer, name="added")
                elif result.task_name == "added":
                    last.set()
        return seen

    assert run(main()) == ["first", "added", "last"]


def test_map_calls_the_function_with_each_item() -> None:
    """Coroutine functions as well as others."""

    async def double(number: int) -> int:
        return 2 * number

    async def main() -> list[object]:
        async with ParallelExecutor(2).group("g") as group:
            names = group.map(double, range(3))
            group.map(str, [7])
            assert names == ["double[0]", "double[1]", "double[2]"]
            return [result.result for result in await group.gather()]

    assert run(main()) == [0, 2, 4, "7"]


def test_an_exception_is_the_result_of_its_task() -> None:
    """It does not leave the group, and the others go on."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("no")

    async def main() -> list[TaskResult]:
        async with ParallelExecutor(1).group("g") as group:
            group.add(fail())
            group.add(fail)
            group.add(answer)
            return await group.gather()

    results = run(main())
    assert statuses(results) == [Status.FAILED, Status.FAILED, Status.SUCCESS]
    assert all(isinstance(result.error, LookupError) for result in results[:2])


def test_the_limit_counts_coroutines() -> None:
    """They cost no thread of their own, but whatever they use is to be used by so many at once."""
    active, peak = 0, 0

    async def work() -> None:
        nonlocal active, peak
        active += 1
        peak = max(peak, active)
        await asyncio.sleep(0)
        active -= 1

    async def main() -> None:
        both = asyncio.Barrier(2)
        async with ParallelExecutor(4).group("g", max_workers=2) as group:
            group.add(both.wait())
            group.add(both.wait())
            for _ in range(10):
                group.add(work)

    run(main())
    assert peak <= 2


def test_options_and_strategies_are_those_of_groups() -> None:
    """Those of a decorated coroutine function count, and what is given overrides them."""
    ran: list[str] = []

    @parallel_task(name="own", requires="first", locks="apt", ignore_errors=True)
    async def work(context: TaskContext) -> None:
        ran.append(context.name)
        raise ValueError

    async def main() -> tuple[TaskResult, ...]:
        async with ParallelExecutor(2).group("g", error_strategy="cancel") as group:
            group.add(answer, name="first")
            group.add(work)
            group.add(work, name="other", ignore_errors=False)
            await group.gather()
            group.add(answer())
            with pytest.raises(TypeError, match="no option 'timout'"):
                group.add(work, timout=3)
            return tuple(await group.gather())

    first, own, other, late = run(main())
    assert (first.task_name, own.task_name, other.task_name) == ("first", "own", "other")
    assert (own.status, own.ignored, other.status, other.ignored) == (
        Status.FAILED,
        True,
        Status.FAILED,
        False,
    )
    assert sorted(ran) == ["other", "own"]
    assert late.status is Status.SKIPPED, "and its coroutine was closed"


def test_a_coroutine_function_is_retried_and_a_coroutine_is_not() -> None:
    """A coroutine can be awaited once; a second attempt would hide the first one's error behind its own."""
    policy = RetryPolicy(max_attempts=3, delay_s=0)

    async def flaky(context: TaskContext) -> int:
        if context.attempt < 3:
            raise ConnectionError("reset")
        return context.attempt

    async def fail() -> None:
        raise ConnectionError("reset")

    async def main() -> list[TaskResult]:
        async with ParallelExecutor(1, retry=policy).group("g") as group:
            group.add(flaky)
            group.add(fail())
            with pytest.raises(TypeError, match="a coroutine runs only once"):
                group.add(fail(), retries=2)
            return await group.gather()

    again, once = run(main())
    assert (again.result, again.attempts) == (3, 3)
    assert (once.attempts, str(once.error)) == (1, "reset")


def test_a_coroutine_sees_the_variables_of_whoever_adds_it() -> None:
    """As in asyncio.create_task: a request's number in the log lines of its coroutines."""
    request: contextvars.ContextVar[int] = contextvars.ContextVar("request", default=0)

    async def look() -> tuple[int, None]:
        seen = request.get()
        return seen, request.set(99) and None

    async def main() -> list[object]:
        async with ParallelExecutor(1).group("g") as group:
            for number in (1, 2):
                request.set(number)
                group.add(look)
            request.set(3)
            results = await group.gather()
            assert request.get() == 3
            return [result.result for result in results]

    assert run(main()) == [(1, None), (2, None)]


# -- nesting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_coroutines_can_open_groups_of_the_same_executor(workers: int) -> None:
    """While one waits for its group, it does not count: no depth uses up the workers."""
    executor = ParallelExecutor(workers)

    async def nest(depth: int) -> int:
        if not depth:
            return 1
        async with executor.group("g") as group:
            for _ in range(2):
                group.add(nest(depth - 1))
            return sum(result.result for result in await group.gather())

    async def main() -> object:
        async with executor.group("top") as group:
            group.add(nest(4))
            return (await group.gather())[0].result

    assert run(main()) == 16


def test_a_group_within_a_group_shares_its_limit() -> None:
    """Entered with `async with` or with `with`, in the coroutine or in a task."""
    executor = ParallelExecutor(4)
    active, peak = 0, 0

    async def work() -> None:
        nonlocal active, peak
        active += 1
        peak = max(peak, active)
        await asyncio.sleep(0)
        active -= 1

    async def main() -> None:
        async with executor.group("outer", max_workers=1) as outer:

            async def opens() -> None:
                async with outer.group("inner") as inner:
                    for _ in range(3):
                        inner.add(work)

            def opens_on_a_thread() -> object:
                with outer.group("inner") as inner:
                    inner.add(lambda: 1)
                    return inner.gather()[0].result

            outer.add(opens)
            outer.add(opens_on_a_thread)
            outer.add(work)
            assert set(statuses(await outer.gather())) == {Status.SUCCESS}

    run(main())
    assert peak == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_loop_within_a_task_can_use_the_same_executor(workers: int) -> None:
    """The task's worker waits in that loop: it is lent like that of any other task that waits."""
    executor = ParallelExecutor(workers)

    async def inner() -> object:
        async with executor.group("inner") as group:
            group.add(answer)
            group.add(lambda: 1)
            return [result.result for result in await group.gather()]

    (result,) = executor.execute_tasks([lambda: asyncio.run(inner())])
    assert result.result == [42, 1]


def test_several_coroutines_can_wait_in_the_name_of_one_task() -> None:
    """Each for a group of its own; the task's place is lent once, and taken back once."""
    executor = ParallelExecutor(1)

    async def one(name: str) -> int:
        async with executor.group(name) as group:
            group.add(answer(1))
            group.add(lambda: 2)
            return sum(result.result for result in await group.gather())

    async def several() -> list[int]:
        return await asyncio.gather(*(one(name) for name in "abc"))

    async def main() -> list[TaskResult]:
        async with executor.group("g") as group:
            group.add(several)
            group.add(several)
            return await group.gather()

    assert [result.result for result in run(main())] == [[3, 3, 3], [3, 3, 3]]


def test_a_coroutine_can_wait_for_a_group_that_another_one_entered() -> None:
    """Its place is lent, not that of whoever entered; else the only worker would be its own."""

    async def main() -> list[TaskResult]:
        async with ParallelExecutor(1).group("first") as first, first.group("second") as second:

            async def waits() -> list[Status]:
                return statuses(await first.gather())

            second.add(waits)
            first.add(answer)
            first.add(lambda: 1)
            return await second.gather()

    (result,) = run(main())
    assert result.result == [Status.SUCCESS] * 2


def test_a_coroutine_that_gives_up_waiting_gives_its_worker_back() -> None:
    """What waited in its name may do so for longer than it lives: no place is counted twice for that."""
    executor = ParallelExecutor(2)
    second = threading.Event()
    overlapped: list[bool] = []

    async def main() -> list[TaskResult]:
        go = asyncio.Event()
        async with executor.group("slow") as slow:
            slow.add(go.wait())

            async def impatient() -> str:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(slow.gather(), 0.001)
                return "gave up"

            async with executor.group("g") as group:
                group.add(impatient)
                await group.gather()
                group.add(lambda: overlapped.append(second.wait(0.05)))
                group.add(second.set)
                results = await group.gather()
                go.set()
        return results

    assert statuses(run(main())) == [Status.SUCCESS] * 3
    assert overlapped == [False], "of two workers the slow one had one"
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.SUCCESS]


# -- stopping -------------------------------------------------------------------------------------------


def test_a_timeout_cancels_the_coroutine() -> None:
    """Where it awaits, as asyncio does it; it can clean up."""
    begun: list[str] = []
    cleaned: list[str] = []

    async def slow() -> None:
        begun.append("slow")  # not if its time is up before that
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("slow")

    async def main() -> list[TaskResult]:
        async with ParallelExecutor(1).group("g") as group:
            group.add(slow(), timeout_s=0.01)
            group.add(slow, timeout_s=0.01)
            group.add(answer)
            return await group.gather()

    results = run(main())
    assert statuses(results) == [Status.TIMEOUT, Status.TIMEOUT, Status.SUCCESS]
    assert cleaned == begun
    assert all(result.metadata == {} for result in results)


def test_a_coroutine_that_cancels_itself_has_failed() -> None:
    """Nobody asked it to stop, and what requires it cannot go on."""

    async def cancels() -> None:
        raise asyncio.CancelledError

    async def main() -> list[TaskResult]:
        async with ParallelExecutor(1).group("g") as group:
            group.add(cancels)
            return await group.gather()

    (result,) = run(main())
    assert result.status is Status.FAILED
    assert isinstance(result.error, Cancelled)


def test_a_deaf_coroutine_is_given_up_and_left_alone() -> None:
    """It goes on in the loop, as a thread would: closing it from outside would tear it."""
    ended: list[str] = []

    async def main() -> list[TaskResult]:
        started, release = asyncio.Event(), asyncio.Event()

        async def deaf() -> None:
            started.set()
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
            ended.append("by itself")

        executor = ParallelExecutor(1)
        async with executor.group("g") as group:
            group.add(deaf(), grace_s=0.01)
            await started.wait()
            group.cancel()
        async with executor.group("next") as following:
            following.add(answer)
            results = await group.gather() + await following.gather()
        assert ended == []
        release.set()
        while not ended:
            await asyncio.sleep(0)
        return results

    results = run(main())
    assert statuses(results) == [Status.CANCELLED, Status.SUCCESS]
    assert results[0].metadata == {"leaked": True}


def test_cancelling_the_awaiting_task_cancels_the_group() -> None:
    """While it gathers: what runs is stopped, what waits never starts, and the cancellation goes on."""
    ran: list[str] = []

    async def block(started: asyncio.Event) -> None:
        started.set()
        await asyncio.Event().wait()

    async def late() -> None:
        ran.append("late")

    async def main() -> list[TaskResult]:
        started = asyncio.Event()
        executor = ParallelExecutor(1)

        async def work() -> None:
            async with executor.group("g") as group:
                group.add(block(started))
                group.add(late())
                group.add(late)
                await group.gather()

        task = asyncio.create_task(work())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return executor.results()

    results = run(main())
    assert statuses(results) == [Status.CANCELLED] * 3
    assert ran == []


def test_cancelling_the_awaiting_task_as_it_leaves_cancels_the_group() -> None:
    """The block is over; its end waits for tasks that would never end."""

    async def main() -> list[TaskResult]:
        started = asyncio.Event()
        executor = ParallelExecutor(1)

        async def block() -> None:
            started.set()
            await asyncio.Event().wait()

        async def work() -> None:
            async with executor.group("g") as group:
                group.add(block)

        task = asyncio.create_task(work())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return executor.results()

    assert statuses(run(main())) == [Status.CANCELLED]


def test_an_exception_in_the_block_cancels_the_group_and_is_raised() -> None:
    """Also when nothing was awaited yet; coroutines that never ran are closed."""
    executor = ParallelExecutor(1)

    async def main() -> None:
        async with executor.group("g") as group:
            group.add(asyncio.Event().wait(), name="first")
            group.add(answer())
            raise LookupError("in the block")

    with pytest.raises(LookupError, match="in the block"):
        run(main())
    assert statuses(executor.results()) == [Status.CANCELLED] * 2


def test_cancel_stops_coroutines() -> None:
    """From the loop itself."""

    async def main() -> list[TaskResult]:
        started = asyncio.Event()

        async def block() -> None:
            started.set()
            await asyncio.Event().wait()

        async with ParallelExecutor(1).group("g") as group:
            group.add(block)
            group.add(answer())
            await started.wait()
            group.cancel("enough")
            return await group.gather()

    results = run(main())
    assert statuses(results) == [Status.CANCELLED, Status.CANCELLED]
    assert str(results[0].error) == "enough"


def test_a_coroutine_task_that_has_to_stop_cancels_the_group_that_it_waits_for() -> None:
    """Within its grace, and without a complaint about errors that nobody looked at."""
    executor = ParallelExecutor(2)

    async def main() -> list[TaskResult]:
        started = asyncio.Event()

        async def block() -> None:
            started.set()
            await asyncio.Event().wait()

        async def opens() -> None:
            async with executor.group("inner") as inner:
                inner.add(block)
                await inner.gather()

        async with executor.group("g") as group:
            group.add(opens)
            await started.wait()
            group.cancel()
            return await group.gather()

    (result,) = run(main())
    assert (result.status, result.metadata) == (Status.CANCELLED, {})
    block = next(result for result in executor.results() if result.task_name == "block")
    assert block.status is Status.CANCELLED


def test_a_token_that_is_set_before_the_coroutine_begins_keeps_it_from_beginning() -> None:
    """The loop was busy while the time ran out: there is no time left to begin in."""
    ran: list[str] = []

    async def late() -> None:
        ran.append("late")

    async def main() -> list[TaskResult]:
        executor = ParallelExecutor(1)
        ended = threading.Event()
        forget = executor.events.subscribe(lambda _event: ended.set(), TaskEnded)
        async with executor.group("g") as group:
            group.add(late, timeout_s=0.01, grace_s=0.01)
            assert ended.wait(WAIT_S), "the loop is busy here"
            forget()
            return await group.gather()

    (result,) = run(main())
    assert result.status is Status.TIMEOUT
    assert ran == []


# -- the loop -------------------------------------------------------------------------------------------


def test_a_loop_that_is_closed_early_fails_its_coroutines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their workers do not wait for ever for a loop that never runs again."""
    monkeypatch.setattr(aio, "_GLANCE_S", 0.01)
    executor = ParallelExecutor(2)
    group = executor.group("g")
    loop = asyncio.new_event_loop()
    left: list[asyncio.Task[Any]] = []

    async def begin() -> None:
        started = asyncio.Event()

        async def block() -> None:
            started.set()
            await asyncio.Event().wait()

        entered = await group.__aenter__()
        entered.add(block)
        await started.wait()
        left.extend(task for task in asyncio.all_tasks() if task is not asyncio.current_task())

    loop.run_until_complete(begin())
    loop.close()
    (result,) = group.gather()
    group.__exit__(None, None, None)
    assert (result.status, str(result.error)) == (Status.FAILED, "the event loop was closed")
    for task in left:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # that it is left is the case here


def test_a_group_whose_loop_is_closed_stops_waiting_threads_in_peace() -> None:
    """A thread that waited for the group has nobody left to tell, which is no error of its own."""
    executor = ParallelExecutor(2)
    go = threading.Event()
    loop = asyncio.new_event_loop()
    group = executor.group("g")

    async def begin() -> None:
        entered = await group.__aenter__()
        entered.add(lambda: go.wait(WAIT_S))
        waiting = asyncio.ensure_future(entered.gather())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    loop.run_until_complete(begin())
    loop.close()
    before = {thread for thread in threading.enumerate() if thread.name == "wait for the engine"}
    go.set()
    group.__exit__(None, None, None)
    for thread in before:
        thread.join(WAIT_S)
    assert [result.result for result in group.gather()] == [True]


def test_a_worker_looks_for_the_loop_from_time_to_time_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coroutine may take as long as it likes while its loop is there."""
    monkeypatch.setattr(aio, "_GLANCE_S", 0.0001)

    async def main() -> object:
        async with ParallelExecutor(1).group("g") as group:
            group.add(asyncio.sleep(0.02, "slept"), name="sleep")
            return (await group.gather())[0].result

    assert run(main()) == "slept"


# -- whole graphs ---------------------------------------------------------------------------------------


def test_a_graph_is_awaited() -> None:
    """The loop goes on meanwhile."""

    async def main() -> list[TaskResult]:
        go = threading.Event()
        graph = TaskGraph(
            [Task("a", lambda _context: go.wait(WAIT_S)), Task("b", lambda _context: 2, ("a",))]
        )
        pending = asyncio.create_task(execute(ParallelExecutor(), graph))
        await asyncio.sleep(0)
        go.set()
        return await pending

    assert [result.result for result in run(main())] == [True, 2]


def test_what_is_refused_is_raised_where_it_is_awaited() -> None:
    """A graph that cannot run, or an executor that is running."""

    async def main() -> None:
        executor = ParallelExecutor()
        with pytest.raises(InputError, match="unknown resource"):
            await execute(executor, TaskGraph([Task("a", print, resources={"cpu": 1})]))
        async with executor.group("g"):
            with pytest.raises(RuntimeError, match="use another one"):
                await execute(executor, TaskGraph([]))

    run(main())


def block_until_cancelled(started: threading.Event) -> Callable[[TaskContext], None]:
    def work(context: TaskContext) -> None:
        asked = threading.Event()
        context.token.on_cancel(asked.set)
        started.set()
        assert asked.wait(WAIT_S)
        context.token.raise_if_cancelled()

    return work


def test_cancelling_the_await_of_a_graph_cancels_its_run_and_waits_for_it() -> None:
    """Nothing of it runs any more when the cancellation arrives; the executor's next run is not touched."""
    executor = ParallelExecutor(1)

    async def main() -> list[TaskResult]:
        started = threading.Event()
        graph = TaskGraph([Task("a", block_until_cancelled(started)), Task("b", lambda _context: 2)])
        pending = asyncio.create_task(execute(executor, graph))
        while not started.is_set():
            await asyncio.sleep(0)
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        return executor.results()

    results = run(main())
    assert statuses(results) == [Status.CANCELLED, Status.CANCELLED]
    assert results[1].cause == "the awaiting task was cancelled"
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.SUCCESS]


@pytest.mark.parametrize("refused", [True, False])
def test_cancelling_before_the_run_has_begun_cancels_that_run_and_no_other(
    refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may begin after the cancellation, or never because its graph is refused."""
    executor = ParallelExecutor(1)
    reached, go = threading.Event(), threading.Event()
    begin = executor.begin
    ran: list[str] = []

    def late(graph: TaskGraph) -> object:
        reached.set()
        assert go.wait(WAIT_S)
        return begin(graph)

    async def main() -> None:
        resources = {"cpu": 1.0} if refused else {}
        graph = TaskGraph([Task("a", lambda context: ran.append(context.name), resources=resources)])
        with monkeypatch.context() as patch:
            patch.setattr(executor, "begin", late)
            pending = asyncio.create_task(execute(executor, graph))
            while not reached.is_set():
                await asyncio.sleep(0)
            pending.cancel()
            await asyncio.sleep(0)
            go.set()
            with pytest.raises(asyncio.CancelledError):
                await pending

    run(main())
    assert ran == []
    assert statuses(executor.execute_tasks([lambda: 1])) == [Status.SUCCESS]
