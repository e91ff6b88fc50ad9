"""Groups: tasks that start as they are added, end together, and share limits and a failure policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from configurator.core._outcome import TIMED_OUT
from configurator.core.cancel import Cancelled
from configurator.core.events import GroupEnded, GroupStarted
from configurator.core.inputs import as_task
from configurator.core.status import SkipReason, Status
from configurator.core.task import Task, TaskResult

if TYPE_CHECKING:
    from configurator.core._run import Run
    from configurator.core.aio import AsyncGroup
    from configurator.core.inputs import TaskLike
    from configurator.core.parallel import ParallelExecutor


class ErrorStrategy(StrEnum):
    """What the first failure in a group means for the rest of it."""

    CONTINUE = "continue"  # nothing: the others run
    FAIL_FAST = "fail_fast"  # what has not started is skipped
    CANCEL = "cancel"  # and what runs is asked to stop


class Group:
    """Tasks of one executor with a limit, a failure policy and a timeout of their own.

    A context manager: leaving it waits for all its tasks; leaving it by an exception cancels them first.
    At most `max_workers` tasks of the group and of the groups in it run at once, within the executor's own
    limit. A task may open groups of the executor that runs it: while it waits for them, it does not count,
    and another task takes its worker. `timeout_s` counts from entering.

    >>> from configurator.core.parallel import ParallelExecutor
    >>> with ParallelExecutor().group("sums", max_workers=2) as group:
    ...     name = group.add(lambda: 1 + 1, name="two")
    ...     name = group.add(lambda: 2 + 2, name="four", requires=["two"])
    ...     print({name: result.result for name, result in group.gather_dict().items()})
    {'two': 2, 'four': 4}
    """

    def __init__(
        self,
        executor: ParallelExecutor,
        name: str,
        max_workers: int | None,
        error_strategy: ErrorStrategy | str,
        timeout_s: float | None,
        outer: Group | None = None,
    ) -> None:
        if max_workers is not None and max_workers < 1:
            raise ValueError(f"max_workers of group {name!r} must be at least 1, not {max_workers}")
        self.name: str = name if outer is None else f"{outer.name}/{name}"
        self._executor = executor
        self._limit = max_workers
        self._strategy = ErrorStrategy(error_strategy)
        self._timeout_s = timeout_s
        self._outer = outer
        self._inner: list[Group] = []
        self._numbers: list[int] = []
        self._mine: set[int] = set()
        self._rooms: frozenset[str] = frozenset()
        self._repeats: dict[str, int] = {}  # of names that were taken
        self._run: Run | None = None
        self._awaited = False  # the run waits for the end of the group
        self._over = False
        self._async: AsyncGroup
        self._closed: tuple[Status, SkipReason | None, str] | None = None

    def group(
        self,
        name: str,
        max_workers: int | None = None,
        error_strategy: ErrorStrategy | str = ErrorStrategy.CONTINUE,
        timeout_s: float | None = None,
    ) -> Group:
        """Return a group within this one, under this one's limit as well as its own."""
        return Group(self._executor, name, max_workers, error_strategy, timeout_s, self)

    def __enter__(self) -> Self:
        self.enter()
        return self

    def enter(self, caller: Run | None = None) -> None:
        """Begin, or join the run that is on; tasks can be added from now on.

        `caller` is the run that the caller is a task of, where its thread does not tell.
        """
        if self._run is not None:
            raise RuntimeError(f"group {self.name!r} was entered before: make a new one")
        if self._outer is not None:
            self._outer._usable()
        run, self._awaited = self._executor.enter(caller)
        self._run = run
        with run.lock:
            if self._outer is not None:
                self._outer._inner.append(self)
                self._rooms = self._outer._rooms
            if self._limit is not None:
                self._rooms |= {run.schedule.add_room(self.name, self._limit)}
            run.schedule.watchers.append(self._failed)
            run.homes.append(self)
            if self._timeout_s is not None:
                run.alarm(self._timeout_s, self._time_is_up)
            run.publish(GroupStarted(run.now(), self.name))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run = self._entered()
        if error is not None:
            self.give_up(error)
        try:
            self._wait(self._all_ended, heed=error is None)
        except Cancelled as stop:  # the task that opened it has to stop
            self.give_up(stop)
            self._wait(self._all_ended, heed=False)
            raise
        finally:
            failed = sum(result.failed for result in self._results())
            with run.lock:
                self._over = True
                run.schedule.watchers.remove(self._failed)
                run.homes.remove(self)
                run.publish(GroupEnded(run.now(), self.name, failed))
            if self._awaited:
                self._executor.leave(run)

    async def __aenter__(self) -> AsyncGroup:
        from configurator.core.aio import AsyncGroup

        entered = AsyncGroup(self).enter()
        self._async = entered
        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._async.leave(kind, error, trace)

    def run(self) -> Run:
        """Return the run that the group belongs to; RuntimeError before it is entered."""
        return self._entered()

    # -- what the run calls, with its lock held ---------------------------------------------------------

    def holds(self, number: int) -> bool:
        """Return True if the task is one of the group's own."""
        return number in self._mine

    def adopted(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the tasks with the group's limits."""
        return [task._replace(locks=task.locks | self._rooms, group=self.name) for task in tasks]

    def adopt(self, numbers: Iterable[int]) -> None:
        """Take the tasks that have joined for the group's own."""
        numbers = list(numbers)
        self._numbers += numbers
        self._mine.update(numbers)
        ending = self._ending()
        if ending is not None:
            status, reason, cause = ending
            self._entered().end_tasks(numbers, status, reason, cause, abort=False)

    # -- adding -----------------------------------------------------------------------------------------

    def add(self, task: TaskLike, *, name: str | None = None, **options: Any) -> str:
        """Have a task run as soon as it can, and return its name, unique in the run.

        `task` is a callable (with or without a parameter for its context), a Task or a plain dict;
        `options` are fields of Task. RuntimeError if the group was not entered or is over, TypeError or
        InputError if it cannot be a task of this run.
        """
        made = as_task(task, len(self._numbers), **({} if name is None else {"name": name}), **options)
        run = self._usable()
        with run.lock:
            self._usable()
            (made,) = self.adopted([self._renamed(made, run)])
            self.adopt(run.join([made]))
        return made.name

    def map(self, func: Callable[[Any], Any], items: Iterable[Any]) -> list[str]:
        """Add one task per item, which calls `func` with it; return their names."""
        label = getattr(func, "__name__", "task")
        return [
            self.add(lambda item=item: func(item), name=f"{label}[{number}]")
            for number, item in enumerate(items)
        ]

    # -- results ----------------------------------------------------------------------------------------

    def gather(self) -> list[TaskResult]:
        """Wait for every task added so far and return their results in the order of adding.

        Failures are results, too: nothing is raised for them. Those of tasks that these have brought into
        the run come in the order of joining. A task that waits here is raised Cancelled when it is asked to
        stop, and RuntimeError when it waits for itself.
        """
        self._wait(self._all_ended)
        return self._results()

    def gather_dict(self) -> dict[str, TaskResult]:
        """Wait for every task added so far and return their results by name."""
        return {result.task_name: result for result in self.gather()}

    def stream(self) -> Iterator[TaskResult]:
        """Yield each result as its task ends; ends when all that were added have ended."""
        return _stream(self._entered(), self._mine.__contains__, lambda: len(self._mine), self._wait)

    def cancel(self, reason: str = "cancelled") -> None:
        """End what has not started and ask what runs to stop, in this group and those within."""
        run = self._entered()
        with run.lock:
            self._end_all(Status.CANCELLED, None, reason, abort=True)

    def give_up(self, error: BaseException) -> None:
        """Cancel the group because of an exception that leads out of it."""
        self.cancel(f"{type(error).__name__} in group {self.name}")

    # -- inside -----------------------------------------------------------------------------------------

    def _entered(self) -> Run:
        if self._run is None:
            raise RuntimeError(f"group {self.name!r} is not entered: use `with`")
        return self._run

    def _usable(self) -> Run:
        if self._over:
            raise RuntimeError(f"group {self.name!r} is over")
        return self._entered()

    def _ending(self) -> tuple[Status, SkipReason | None, str] | None:
        """Return what becomes of tasks that are added now, if this group or one around it was ended."""
        group: Group | None = self
        while group is not None and group._closed is None:
            group = group._outer
        return None if group is None else group._closed

    def _renamed(self, task: Task, run: Run) -> Task:
        """Give the task a name that the run does not have yet."""
        name, taken = task.name, run.schedule.index
        while name in taken:
            count = self._repeats[task.name] = self._repeats.get(task.name, 1) + 1
            name = f"{task.name}#{count}"
        return task._replace(name=name)

    def _wait(self, condition: Callable[[], bool], *, heed: bool = True) -> None:
        run = self._entered()
        if run.inside_task() is not None:
            run.wait_until(condition, heed=heed)
        else:
            run.patiently(lambda: run.wait_until(condition))

    def _all_ended(self) -> bool:
        results = self._entered().schedule.results
        return all(results[number] is not None for number in reversed(self._numbers))

    def _results(self) -> list[TaskResult]:
        results = self._entered().schedule.results
        return [result for number in self._numbers if (result := results[number]) is not None]

    def _all_numbers(self) -> list[int]:
        numbers, groups = list(self._numbers), list(self._inner)
        while groups:
            group = groups.pop()
            numbers += group._numbers
            groups += group._inner
        return numbers

    def _has(self, number: int) -> bool:
        return number in self._mine or any(group._has(number) for group in self._inner)

    def _failed(self, number: int, result: TaskResult) -> None:
        """Apply the policy; called with the run's lock held for every failure in the run."""
        if self._strategy is ErrorStrategy.CONTINUE or self._closed or not self._has(number):
            return
        abort = self._strategy is ErrorStrategy.CANCEL
        self._end_all(Status.SKIPPED, SkipReason.FAIL_FAST, result.task_name, abort=abort)

    def _time_is_up(self) -> None:
        self._end_all(Status.CANCELLED, None, TIMED_OUT, abort=True)

    def _end_all(self, status: Status, reason: SkipReason | None, cause: str, *, abort: bool) -> None:
        self._closed = self._closed or (status, reason, cause)
        self._entered().end_tasks(self._all_numbers(), status, reason, cause, abort=abort)


def stream_results(run: Run) -> Iterator[TaskResult]:
    """Yield the results of a whole run as its tasks end."""
    schedule = run.schedule
    return _stream(run, lambda _number: True, lambda: len(schedule.tasks), run.wait_until)


def _stream(
    run: Run,
    mine: Callable[[int], bool],
    count: Callable[[], int],
    wait: Callable[[Callable[[], bool]], None],
) -> Iterator[TaskResult]:
    """Read the run's list of ended tasks from its beginning, as it grows."""
    schedule = run.schedule
    read = given = 0

    def more() -> bool:
        return read < len(schedule.ended) or given == count()

    while True:
        wait(more)
        if read == len(schedule.ended):
            return
        number = schedule.ended[read]
        read += 1
        result = schedule.results[number]
        if mine(number) and result is not None:
            given += 1
            yield result
