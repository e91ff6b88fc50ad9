"""ParallelExecutor: runs a task graph on a few worker threads, each task the moment it can start.

The core loop is `_Run._work`: a worker takes the best ready task that fits, runs it, settles it (which
releases its successors) and takes the next one. `_schedule.py` holds the state that this loop changes,
all of it under one lock.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from configurator.core._schedule import Schedule
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.events import EngineEvent, EventBus, TaskEnded, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.status import SkipReason, Status
from configurator.core.task import SettleEarly, Skip, Task, TaskContext, TaskResult

# SSH and apt wait far more than they compute, so the CPU count says nothing; four is what one host bears.
DEFAULT_WORKERS = 4
# A Ctrl-C that arrives just before a wait begins is only seen when the wait ends, so none is long.
_GLANCE_S = 0.5


class ParallelExecutor:
    """Runs tasks concurrently, in an order that respects their prerequisites, locks and priorities.

    `max_workers` tasks run at once. With `fail_fast` nothing new starts after a failure. `grace_s` is how
    long a timed-out or cancelled task may take to stop before its thread is given up and replaced.
    `observer` gets every EngineEvent, in order, from one thread.
    """

    def __init__(
        self,
        max_workers: int = DEFAULT_WORKERS,
        fail_fast: bool = False,
        *,
        grace_s: float = 10.0,
        observer: Callable[[EngineEvent], None] | None = None,
    ) -> None:
        if max_workers < 1:
            raise ValueError(f"max_workers must be at least 1, not {max_workers}")
        self.max_workers = max_workers
        self.fail_fast = fail_fast
        self.grace_s = grace_s
        self._observer = observer
        self._run: _Run | None = None
        self._stop: tuple[str, bool] | None = None
        self._guard = threading.Lock()

    def execute_tasks(self, tasks: Iterable[Task | Callable[[], object]]) -> list[TaskResult]:
        """Run tasks or plain callables and return their results in the order given."""
        return self.execute(TaskGraph(_as_task(item, number) for number, item in enumerate(tasks)))

    def execute(self, graph: TaskGraph) -> list[TaskResult]:
        """Run the graph to its end and return one result per task, in declared order.

        An exception in a task is that task's result; KeyboardInterrupt in the calling thread cancels the
        run in order and is raised again.
        """
        bus = EventBus()
        if self._observer is not None:
            bus.subscribe(self._observer)
        run = _Run(graph, self.max_workers, self.fail_fast, self.grace_s, bus)
        with self._guard:
            self._run = run
            stop = self._stop
        if stop is not None:
            run.stop(*stop)
        try:
            return run.execute()
        finally:
            with self._guard:
                self._run = None
            bus.close()

    def cancel(self, reason: str = "cancelled") -> None:
        """Stop what runs and start nothing more; also before `execute`, and from any thread."""
        self._request(reason, True)

    def drain(self, reason: str = "cancelled") -> None:
        """Let what runs finish and start nothing more; also before `execute`, and from any thread."""
        self._request(reason, False)

    def _request(self, reason: str, abort: bool) -> None:
        with self._guard:
            self._stop = (reason, abort)
            run = self._run
        if run is not None:
            run.stop(reason, abort)


def _as_task(item: Task | Callable[[], object], number: int) -> Task:
    if isinstance(item, Task):
        return item
    name = getattr(item, "__name__", "task")
    return Task(f"{name}-{number}" if name == "<lambda>" else name, lambda _context: item())


class _Run:
    """One execution of one graph."""

    def __init__(
        self, graph: TaskGraph, max_workers: int, fail_fast: bool, grace_s: float, bus: EventBus
    ) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._schedule = Schedule(graph)
        self._graph = graph
        self._max_workers = max_workers
        self._fail_fast = fail_fast
        self._grace_s = grace_s
        self._bus = bus
        self._origin = time.monotonic()
        self._tokens: dict[int, CancelToken] = {}
        self._started: dict[int, tuple[float, int]] = {}
        self._deadlines: dict[int, float] = {}
        self._to_cancel: list[tuple[CancelToken, str]] = []
        self._next_worker = 0
        self._leaked_workers: set[int] = set()

    # -- the calling thread -------------------------------------------------------------------------

    def execute(self) -> list[TaskResult]:
        with self._lock:
            for _ in range(min(self._max_workers, len(self._graph))):
                self._start_worker()
        try:
            self._supervise()
        except BaseException:
            self.stop("interrupted", True)
            self._supervise()
            raise
        return self._schedule.ordered_results()

    def stop(self, reason: str, abort: bool) -> None:
        """End everything that has not started; with `abort` ask what runs to stop, too."""
        with self._lock:
            for result in self._schedule.give_up(Status.CANCELLED, None, reason, self._now()):
                self._announce(result)
            if abort:
                self._cancel_running(reason)
            self._wake.notify_all()

    def _supervise(self) -> None:
        """Wait for the end, and enforce the deadlines on the way."""
        while True:
            with self._lock:
                if self._schedule.finished:
                    self._wake.notify_all()
                    return
                now = self._now()
                for number in [n for n, at in self._deadlines.items() if at <= now]:
                    if self._tokens[number].cancelled:
                        self._abandon(number)
                    else:
                        self._to_cancel.append((self._tokens[number], "timeout"))
                        self._deadlines[number] = now + self._grace_s
                due, self._to_cancel = self._to_cancel, []
                if not due and not self._schedule.finished:
                    nearest = min(self._deadlines.values(), default=now + _GLANCE_S)
                    self._wake.wait(max(0.0, min(nearest - now, _GLANCE_S)))
            for token, reason in due:  # outside the lock: callbacks are not ours
                token.cancel(reason)

    def _cancel_running(self, reason: str) -> None:
        """Have the supervising thread cancel what runs, and give it `grace_s` to stop."""
        for number, token in self._tokens.items():
            self._to_cancel.append((token, reason))
            self._limit(number, self._now() + self._grace_s)

    def _abandon(self, number: int) -> None:
        """Give up on work that ignores its token: report it, replace its thread, keep its locks held."""
        started, worker = self._started[number]
        token = self._tokens.pop(number)
        del self._deadlines[number]
        self._leaked_workers.add(worker)
        status = Status.TIMEOUT if token.reason == "timeout" else Status.CANCELLED
        result = TaskResult(
            self._graph.tasks[number].name,
            status,
            started_s=started,
            ended_s=self._now(),
            worker=worker,
            metadata={"leaked": True},
        )
        self._settle(number, result, keep_locks=True)
        if not self._schedule.finished:
            self._start_worker()

    # -- the workers --------------------------------------------------------------------------------

    def _start_worker(self) -> None:
        worker = self._next_worker
        self._next_worker += 1
        threading.Thread(target=self._work, args=(worker,), name=f"worker-{worker}", daemon=True).start()

    def _work(self, worker: int) -> None:
        while True:
            with self._lock:
                if worker in self._leaked_workers:
                    return
                while not (picked := self._schedule.pick()):
                    if self._schedule.finished:
                        return
                    self._wake.wait()
                begun = self._now()  # one time for all tasks of a batch: it is one piece of work
                contexts = [self._begin(number, worker, begun) for number in picked]
            results = _run_batch([self._graph.tasks[n] for n in picked], contexts, self._settle_early)
            with self._lock:
                ended = self._now()
                for number, result in zip(picked, results, strict=True):
                    if number in self._tokens:  # else it was abandoned meanwhile: a late result is discarded
                        self._end(number, result, ended)
                self._wake.notify_all()

    def _begin(self, number: int, worker: int, now: float) -> TaskContext:
        task = self._graph.tasks[number]
        token = self._tokens[number] = CancelToken()
        self._started[number] = (now, worker)
        if task.timeout_s is not None:
            self._limit(number, now + task.timeout_s)
        self._bus.publish(TaskStarted(now, task.name, worker))
        return TaskContext(task.name, token)

    def _settle_early(self, context: TaskContext, result: object) -> None:
        with self._lock:
            number = self._graph.index[context.name]
            if number in self._tokens:
                self._end(number, result, self._now())

    def _limit(self, number: int, at: float) -> None:
        self._deadlines[number] = min(at, self._deadlines.get(number, at))
        self._wake.notify_all()

    def _end(self, number: int, outcome: object, ended: float) -> None:
        task = self._graph.tasks[number]
        token = self._tokens.pop(number)
        self._deadlines.pop(number, None)
        started, worker = self._started[number]
        status, result, error, reason, cause = Status.SUCCESS, outcome, None, None, None
        if isinstance(outcome, Skip):
            status, result, reason, cause = Status.SKIPPED, None, outcome.reason, outcome.cause
        elif isinstance(outcome, _Raised):
            status, result, error = Status.FAILED, None, outcome.error
            if token.reason == "timeout":
                status = Status.TIMEOUT
            elif token.cancelled and isinstance(error, Cancelled):
                status = Status.CANCELLED
        ignored = task.ignore_errors and status in (Status.FAILED, Status.TIMEOUT)
        self._settle(
            number,
            TaskResult(task.name, status, result, error, reason, cause, started, ended, worker, ignored),
        )

    def _settle(self, number: int, result: TaskResult, *, keep_locks: bool = False) -> None:
        """Record a result, release or skip what waited for it, and apply the failure policy."""
        self._announce(result)
        for skipped in self._schedule.settle(number, result, keep_locks=keep_locks):
            self._announce(skipped)
        failed = result.status in (Status.FAILED, Status.TIMEOUT) and not result.ignored
        if failed and self._graph.tasks[number].critical:
            cancelled = self._schedule.give_up(
                Status.CANCELLED, None, f"{result.task_name} failed", self._now()
            )
            self._cancel_running(f"{result.task_name} failed")
        elif failed and self._fail_fast:
            cancelled = self._schedule.give_up(
                Status.SKIPPED, SkipReason.FAIL_FAST, result.task_name, self._now()
            )
        else:
            cancelled = []
        for other in cancelled:
            self._announce(other)
        self._wake.notify_all()

    def _announce(self, result: TaskResult) -> None:
        self._bus.publish(TaskEnded(self._now(), result))

    def _now(self) -> float:
        return time.monotonic() - self._origin


class _Raised:
    """An exception, told apart from a task that returns one."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _run_batch(
    tasks: Sequence[Task], contexts: Sequence[TaskContext], settle: SettleEarly
) -> Sequence[object]:
    """Run one task, or several through their batch function; a failed batch is run one by one."""
    batch = tasks[0].batch_func
    settled: set[str] = set()

    def settle_early(context: TaskContext, result: object) -> None:
        settled.add(context.name)
        settle(context, result)

    if len(tasks) > 1 and batch is not None:
        outcome = _call(lambda: batch(contexts, settle_early))
        if not isinstance(outcome, _Raised) and isinstance(outcome, Sequence):
            return outcome
    return [
        None if task.name in settled else _call(functools.partial(task.func, context))
        for task, context in zip(tasks, contexts, strict=True)
    ]


def _call(func: Callable[[], object]) -> object:
    try:
        return func()
    except BaseException as error:  # noqa: BLE001  (the task boundary: nothing may kill a worker)
        return _Raised(error)
