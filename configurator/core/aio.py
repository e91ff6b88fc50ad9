"""The engine for asyncio: groups with `async with` and `async for`, and coroutines as tasks.

The scheduler is the same, and so are its limits: a coroutine runs in the caller's event loop and counts as
one running task until it ends. The host never imports this: asyncio costs it 60 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextvars import Context, ContextVar, copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from configurator.core.cancel import Cancelled
from configurator.core.graph import TaskGraph
from configurator.core.inputs import declared_options, is_async, with_context
from configurator.core.task import TaskContext, TaskResult

if TYPE_CHECKING:
    from configurator.core._run import Run
    from configurator.core.groups import ErrorStrategy, Group
    from configurator.core.inputs import TaskLike
    from configurator.core.parallel import ParallelExecutor

T = TypeVar("T")
_GLANCE_S = 0.5
_STOPPED = "the awaiting task was cancelled"

# The task of the engine that the current coroutine belongs to, if any, and its run.
_inside: ContextVar[tuple[Run, int] | None] = ContextVar("inside", default=None)


async def execute(executor: ParallelExecutor, graph: TaskGraph) -> list[TaskResult]:
    """Run the graph as `ParallelExecutor.execute` does, without blocking the event loop.

    Cancelling the awaiting asyncio task cancels the run and waits for its end.

    >>> from configurator.core.parallel import ParallelExecutor
    >>> from configurator.core.task import Task
    >>> graph = TaskGraph([Task("answer", lambda context: 42)])
    >>> [result.result for result in asyncio.run(execute(ParallelExecutor(), graph))]
    [42]
    """
    begun: list[Run] = []
    stopped = threading.Event()

    def work() -> list[TaskResult]:
        run = executor.begin(graph)
        begun.append(run)
        if stopped.is_set():
            run.stop(_STOPPED, abort=True)
        return executor.finish(run)

    future = _in_thread(work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stopped.set()
        for run in begun:  # not the executor: what it runs by now may be another one
            run.stop(_STOPPED, abort=True)
        await asyncio.wait([future])
        raise


class AsyncGroup:
    """What `async with executor.group(...)` gives: a Group whose waits are awaited.

    >>> from configurator.core.parallel import ParallelExecutor
    >>> async def double(number: int) -> int:
    ...     await asyncio.sleep(0)
    ...     return 2 * number
    >>> async def main() -> list[int]:
    ...     async with ParallelExecutor().group("doubles") as group:
    ...         for number in range(3):
    ...             group.add(double(number))
    ...         return [result.result for result in await group.gather()]
    >>> asyncio.run(main())
    [0, 2, 4]
    """

    def __init__(self, group: Group) -> None:
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._coroutines: list[Coroutine[Any, Any, Any]] = []

    def group(
        self,
        name: str,
        max_workers: int | None = None,
        error_strategy: ErrorStrategy | str = "continue",
        timeout_s: float | None = None,
    ) -> Group:
        """Return a group within this one, for `async with` or `with`."""
        return self._group.group(name, max_workers, error_strategy, timeout_s)

    def add(
        self, task: TaskLike | Coroutine[Any, Any, Any], *, name: str | None = None, **options: Any
    ) -> str:
        """Have a task run as soon as it can, and return its name.

        `task` is a coroutine, a coroutine function (with or without a parameter for the TaskContext) or
        anything that Group.add takes. When the task is cancelled or its time is up, so is the coroutine.
        It sees the context variables of whoever adds it.
        """
        if inspect.iscoroutine(task):
            self._coroutines.append(task)
            if options.keys() & {"retry", "retries"}:
                raise TypeError("a coroutine runs only once: to have it retried, add its function instead")
            runs = self._runs(lambda _context: task)
            return self._group.add(runs, name=name or task.__name__, retries=0, **options)
        if is_async(task):
            function = cast("Callable[..., Any]", task)
            named = options if name is None else {**options, "name": name}
            runs = self._runs(with_context(function)[0])
            return self._group.add(runs, **declared_options(function, 0, named))
        return self._group.add(cast("TaskLike", task), name=name, **options)

    def map(self, func: Callable[[Any], Any], items: Iterable[Any]) -> list[str]:
        """Add one task per item, which calls `func` (a coroutine function or not); return their names."""
        label = getattr(func, "__name__", "task")
        return [
            self.add(functools.partial(func, item), name=f"{label}[{number}]")
            for number, item in enumerate(items)
        ]

    async def gather(self) -> list[TaskResult]:
        """Wait for every task added so far and return their results in the order of adding."""
        return await self._wait(self._group.gather)

    async def gather_dict(self) -> dict[str, TaskResult]:
        """Wait for every task added so far and return their results by name."""
        return await self._wait(self._group.gather_dict)

    async def stream(self) -> AsyncIterator[TaskResult]:
        """Yield each result as its task ends; ends when all that were added have ended."""
        results = self._group.stream()
        while (result := await self._wait(lambda: next(results, None))) is not None:
            yield result

    def cancel(self, reason: str = "cancelled") -> None:
        """End what has not started and ask what runs to stop."""
        self._group.cancel(reason)

    def enter(self) -> Self:
        """Enter the group."""
        inside = _inside.get()
        self._group.enter(None if inside is None else inside[0])
        return self

    async def leave(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the group's end, after cancelling its tasks if an exception leads out of it."""
        if error is not None:
            self._group.give_up(error)
        future = self._start(lambda: self._group.__exit__(kind, error, trace))
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            self.cancel(_STOPPED)
            await asyncio.wait([future])
            raise
        finally:
            for coroutine in self._coroutines:
                if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                    coroutine.close()  # it will never be awaited, which is no mistake of the caller

    # -- inside -----------------------------------------------------------------------------------------

    async def _wait(self, func: Callable[[], T]) -> T:
        return await asyncio.shield(self._start(func))

    def _start(self, func: Callable[[], T]) -> asyncio.Future[T]:
        # The task whose place is lent meanwhile: the coroutine's, or the one that the whole loop runs in.
        run, inside = self._group.run(), _inside.get()
        waiting = inside[1] if inside is not None and inside[0] is run else run.inside_task()

        def acting() -> T:
            run.act_for(waiting)
            return func()

        return _in_thread(acting)

    def _runs(self, make: Callable[[TaskContext], Awaitable[Any]]) -> Callable[[TaskContext], Any]:
        loop, group, variables = self._loop, self._group, copy_context()

        def run(context: TaskContext) -> Any:
            return _Call(loop, make, context, group.run(), variables.copy()).result()

        return run


class _Call:
    """One coroutine in the event loop, for a worker that waits for it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        make: Callable[[TaskContext], Awaitable[Any]],
        context: TaskContext,
        run: Run,
        variables: Context,
    ) -> None:
        self._loop = loop
        self._make = make
        self._context = context
        self._home = run
        self._variables = variables
        self._ended = threading.Event()
        self._task: asyncio.Task[Any] | None = None

    def result(self) -> Any:
        """Return the coroutine's value or raise its error; Cancelled if it was cancelled."""
        self._loop.call_soon_threadsafe(self._begin)
        forget = self._context.token.on_cancel(self._cancel_soon)
        try:
            while not self._ended.wait(_GLANCE_S):
                if self._loop.is_closed():
                    raise RuntimeError("the event loop was closed")
        finally:
            forget()
        task = self._task
        if task is None or task.cancelled():
            raise Cancelled(self._context.token.reason or "cancelled")
        return task.result()

    def _begin(self) -> None:
        if self._context.token.cancelled:
            self._ended.set()
            return
        self._task = self._loop.create_task(self._run(), context=self._variables)
        self._task.add_done_callback(lambda _task: self._ended.set())

    async def _run(self) -> Any:
        _inside.set((self._home, self._home.schedule.index[self._context.name]))
        return await self._make(self._context)

    def _cancel_soon(self) -> None:
        self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _in_thread(func: Callable[[], T]) -> asyncio.Future[T]:
    """Return a future of what `func` returns in a thread of its own.

    Not the loop's own pool: its few threads could all be waiting for what the next one was to do.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # Who awaited it may be gone; an exception that nobody asks for would be reported as forgotten.
    future.add_done_callback(lambda ended: ended.exception())

    def run() -> None:
        tell: Callable[[], None]
        try:
            tell = functools.partial(future.set_result, func())
        except BaseException as error:  # noqa: BLE001  (raised again where it is awaited)
            tell = functools.partial(future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(tell)

    threading.Thread(target=run, name="wait for the engine", daemon=True).start()
    return future
