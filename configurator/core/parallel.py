"""ParallelExecutor: runs tasks concurrently, each the moment its prerequisites, locks and resources allow.

The core loop is `Workers._work` in `_workers.py`; `_schedule.py` decides what may start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from configurator.core._run import Run
from configurator.core._schedule import Rules, check_requests
from configurator.core.breaker import CircuitBreaker
from configurator.core.events import EngineEvent, EventBus, TaskEnded, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.retry import RetryPolicy
from configurator.core.status import Status
from configurator.core.strategy import Strategy
from configurator.core.task import Task, TaskResult, named_results

if TYPE_CHECKING:
    from configurator.core.durations import Durations
    from configurator.core.groups import ErrorStrategy, Group
    from configurator.core.inputs import Names, TaskLike
    from configurator.core.snapshot import RunSnapshot
    from configurator.core.statistics import RunStatistics

# SSH and apt wait far more than they compute, so the CPU count says nothing; four is what one host bears.
DEFAULT_WORKERS = 4

Progress = Callable[[str, Status], None]


class ParallelExecutor:
    """Runs tasks concurrently, in an order that respects their prerequisites, locks and priorities.

    `max_workers` tasks run at once. With `fail_fast` nothing new starts after a failure. `timeout_s` limits
    the whole run; `grace_s` is how long a timed-out or cancelled task may take to stop before its thread is
    given up and replaced. `resources` are named capacities, `breakers` what tasks may depend on, `retry`
    applies to tasks that declare none, `strategy` says what goes first, `durations` knows earlier runs.
    `on_progress(task, status)` is called when a task starts and ends; `events` carries everything, and
    `observer` is subscribed to it. Ctrl-C first starts nothing more, then stops what runs; with
    `drain_first=False` it stops what runs at once.

    >>> executor = ParallelExecutor(max_workers=2)
    >>> [(r.task_name, str(r.status), r.result) for r in executor.execute_tasks([lambda: 1, lambda: 2])]
    [('task-0', 'success', 1), ('task-1', 'success', 2)]
    """

    def __init__(
        self,
        max_workers: int = DEFAULT_WORKERS,
        fail_fast: bool = False,
        *,
        timeout_s: float | None = None,
        grace_s: float = 10.0,
        resources: Mapping[str, float] | None = None,
        breakers: Iterable[CircuitBreaker] = (),
        strategy: Strategy | None = None,
        durations: Durations | None = None,
        retry: RetryPolicy | None = None,
        on_progress: Progress | None = None,
        observer: Callable[[EngineEvent], None] | None = None,
        drain_first: bool = True,
    ) -> None:
        if max_workers < 1:
            raise ValueError(f"max_workers must be at least 1, not {max_workers}")
        self.max_workers = max_workers
        self.fail_fast = fail_fast
        self.grace_s = grace_s
        self.timeout_s = timeout_s
        self.events = EventBus()
        self._resources = dict(resources or {})
        self._breakers = {breaker.name: breaker for breaker in breakers}
        self._strategy = strategy
        self._durations = durations
        self._retry = retry
        self._drain_first = drain_first
        self._pending: list[Task] = []
        self._names: Names | None = None  # of those
        self._run: Run | None = None
        self._last: tuple[TaskGraph, Run] | None = None
        self._stop: tuple[str, bool] | None = None
        self._pause: str | None = None
        self._guard = threading.RLock()  # taken before a run's lock, never while that is held
        if observer is not None:
            self.events.subscribe(observer)
        if on_progress is not None:
            self.events.subscribe(_progress(on_progress), TaskStarted, TaskEnded)

    @classmethod
    def from_profile(cls, name: str, **options: Any) -> ParallelExecutor:
        """Return an executor with the settings of a named profile; `options` override them.

        The profiles are those of configurator.core.profiles; an unknown name is a ValueError.
        """
        from configurator.core.profiles import profile

        return cls(**{**profile(name).options(), **options})

    # -- running ----------------------------------------------------------------------------------------

    def execute_tasks(
        self,
        tasks: Iterable[TaskLike] | Mapping[str, Callable[..., Any]],
        dependencies: Mapping[str, Iterable[str]] | None = None,
    ) -> list[TaskResult]:
        """Run tasks of any form and return their results in the order given.

        `tasks` holds callables, Tasks, plain dicts (`func`, `task_id`, `dependencies`...), or is a mapping of
        names to callables. `dependencies` maps a name to the names that it requires. InputError if they do
        not make a graph.
        """
        from configurator.core.inputs import tasks_of

        return self.execute(TaskGraph(tasks_of(tasks, dependencies), self._resources))

    def add_task(
        self, task: TaskLike, requires: Iterable[str] = (), resources: Mapping[str, float] | None = None
    ) -> str:
        """Note a task for `execute_all`; return its name, which is made unique unless the task says one."""
        from configurator.core.inputs import Names, added_task

        self._names = self._names or Names()
        added = added_task(task, len(self._pending), self._names, requires, resources)
        self._pending.append(added)
        return added.name

    def execute_all(self) -> list[TaskResult]:
        """Run everything that was added since the last time; results in the order of adding."""
        graph = TaskGraph(self._pending, self._resources)
        self._pending, self._names = [], None
        return self.execute(graph)

    def execute(self, graph: TaskGraph, recover: RunSnapshot | None = None) -> list[TaskResult]:
        """Run the graph to its end and return one result per task, in declared order.

        An exception in a task is that task's result. KeyboardInterrupt in the calling thread or in a task
        stops the run in order and is raised again at its end; `results()` has what there is. With `recover`,
        tasks that succeeded in that snapshot are not run again.
        """
        return self.finish(self.begin(graph, recover))

    def execute_dict(self, graph: TaskGraph) -> dict[str, TaskResult]:
        """Run the graph to its end and return the results by name, in declared order."""
        return named_results(self.execute(graph))

    def stream(self, graph: TaskGraph) -> Iterator[TaskResult]:
        """Run the graph and yield each result as soon as there is one; leaving early cancels the rest."""
        from configurator.core.groups import stream_results

        run = self.begin(graph)
        try:
            run.start()
            yield from stream_results(run)
            run.wait()
        finally:
            if not run.done.is_set():
                run.stop("nobody waits for the results", True)
                run.wait()
            self._end(run)

    def group(
        self,
        name: str,
        max_workers: int | None = None,
        error_strategy: ErrorStrategy | str = "continue",
        timeout_s: float | None = None,
    ) -> Group:
        """Return a group: a context manager whose tasks start as they are added and end with it.

        See configurator.core.groups.Group.
        """
        from configurator.core.groups import Group

        return Group(self, name, max_workers, error_strategy, timeout_s)

    # -- control, from any thread -----------------------------------------------------------------------

    def cancel(self, reason: str = "cancelled") -> None:
        """Stop what runs and start nothing more; also before `execute`, and from any thread."""
        self._request(reason, True)

    def drain(self, reason: str = "cancelled") -> None:
        """Let what runs finish and start nothing more; also before `execute`, and from any thread."""
        self._request(reason, False)

    def pause(self, reason: str = "paused") -> None:
        """Start nothing more until `resume`; what runs goes on. Also before `execute`."""
        with self._guard:
            self._pause = reason
            if self._run is not None:
                self._run.pause(reason)

    def resume(self, value: Any = None) -> None:
        """Go on after `pause`; a task that waits for input (the first one that asked) gets `value`."""
        with self._guard:
            self._pause = None
            if self._run is not None:
                self._run.resume(value)

    # -- looking ----------------------------------------------------------------------------------------

    def results(self) -> list[TaskResult]:
        """Return the results there are of the run that is on, or of the last one, in declared order."""
        return [] if self._last is None else self._last[1].results()

    def snapshot(self) -> RunSnapshot:
        """Return how the run stands, or how the last one ended; it can be saved and recovered from."""
        from configurator.core.snapshot import RunSnapshot

        if self._last is None:
            return RunSnapshot({}, ())
        run = self._last[1]
        statuses, results = run.statuses(), tuple(run.results())
        # A task may have ended in between; its result counts.
        statuses.update((result.task_name, result.status) for result in results)
        return RunSnapshot(statuses, results, run.brought())

    def statistics(self) -> RunStatistics:
        """Return the figures of the run so far, or of the last one: speed-up, parallelism, bound..."""
        from configurator.core.statistics import statistics_of

        graph, run = self._last if self._last is not None else (TaskGraph(()), None)
        leaked = run.leaked if run is not None else 0
        return statistics_of(graph, self.results(), self.max_workers, leaked=leaked)

    # -- for groups and asyncio -------------------------------------------------------------------------

    def begin(self, graph: TaskGraph, recover: RunSnapshot | None = None) -> Run:
        """Return a run of the graph; `finish` has to follow."""
        return self._begin(graph, recover, open_=False)

    def finish(self, run: Run) -> list[TaskResult]:
        """Start the run, wait for its end and return its results, as `execute` does."""
        try:
            run.start()
            run.wait()
            return run.results(declared=True)
        finally:
            self._end(run)

    def enter(self, caller: Run | None = None) -> tuple[Run, bool]:
        """Return the run that is on, or an open one that begins now, and whether it waits for `leave`.

        It does not if one of its tasks asks: it waits for the task itself, unless that is given up. `caller`
        is the run that the caller is a task of, where its thread does not tell. RuntimeError if that is over.
        """
        with self._guard:
            run, last = self._run, None if self._last is None else self._last[1]
            if last is not None and (last is caller or last.inside_task() is not None):
                if last.done.is_set():
                    raise RuntimeError("this task was given up, and its run is over")
                return last, False
            if run is not None and run.open():
                return run, True
            return self._begin(TaskGraph(()), None, open_=True), True

    def leave(self, run: Run) -> None:
        """Take back an `enter` that the run waits for; the last one waits for the end of an open run."""
        if run.close() and run.is_open_run:
            try:
                if run.error is None:  # else there was a Ctrl-C, and the waiting that it asked for
                    run.wait()
            finally:
                self._end(run)

    # -- inside -----------------------------------------------------------------------------------------

    def _begin(self, graph: TaskGraph, recover: RunSnapshot | None, *, open_: bool) -> Run:
        rules = Rules(
            self.max_workers,
            self.fail_fast,
            self._strategy,
            self._resources,
            self._breakers,
            self._retry,
            {} if recover is None else named_results(recover.usable()),
            _random,
        )
        check_requests(graph, rules)
        if self._durations is not None:
            graph = graph.with_estimates(self._durations.estimate)
        with self._guard:
            if self._run is not None and not self._run.done.is_set():
                raise RuntimeError("this executor is running; use another one, or a group of this one")
            run = Run(
                graph,
                rules,
                self.events,
                grace_s=self.grace_s,
                timeout_s=self.timeout_s,
                drain_first=self._drain_first,
                open_=open_,
            )
            self._run, self._last = run, (graph, run)
            if self._pause is not None:
                run.pause(self._pause)
            if self._stop is not None:
                run.stop(*self._stop)
        return run

    def _end(self, run: Run) -> None:
        with self._guard:
            if self._run is run:  # else the next one has begun, in another thread
                self._run = self._stop = None
        if self._durations is not None:
            self._durations.learn(run.results())
        self.events.flush()

    def _request(self, reason: str, abort: bool) -> None:
        with self._guard:
            if self._run is None or self._run.done.is_set():
                self._stop = (reason, abort)
            else:
                self._run.stop(reason, abort)


def _random() -> float:
    import random  # 5 ms on the host, and only a retry needs it

    return random.random()  # noqa: S311  (spreads retries, protects nothing)


def _progress(callback: Progress) -> Callable[[EngineEvent], None]:
    def tell(event: EngineEvent) -> None:
        if isinstance(event, TaskEnded):
            callback(event.result.task_name, event.result.status)
        else:  # it is subscribed to these two alone
            callback(cast("TaskStarted", event).task_name, Status.RUNNING)

    return tell
