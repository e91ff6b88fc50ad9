"""The workers of a run: threads that take tasks, run them and settle them, and what follows from that.

The core loop is `Workers._work`: a worker takes the best ready task that fits, runs it, settles it (which
releases its successors) and takes the next one. What may start, and what follows from an end, is decided
by `_schedule.py`; here are the threads, the clock and the lock that both are used under.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from configurator.core._clock import Alarms
from configurator.core._outcome import PLAIN, TIMED_OUT, Raised, attempt, result_of, run_batch, subgraph_of
from configurator.core._schedule import Rules, Schedule
from configurator.core.cancel import CancelToken
from configurator.core.errors import InputError
from configurator.core.events import EventBus, RunEnded, RunStarted, RunStopping, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.status import Status
from configurator.core.task import NOTHING, Task, TaskContext, TaskResult

# A Ctrl-C that arrives just before a wait begins is only seen when the wait ends, so none is long.
GLANCE_S = 0.5
# Workers that find the lock taken look again after this. If they slept on it instead, every release would
# wake one, which then finds it taken again: with short tasks that is a switch of threads for each of them.
_YIELD_S = 0.00005
_SUCCESS = Status.SUCCESS  # a name of the module is found in half the time of an enum's member
_DEFAULTS = (False, NOTHING, 1, "", 0, 0, False)  # of TaskResult: from `ignored` to `from_cache`
# What is made for every task; from a tuple in half the time that the class itself takes.
_context, _result, _started = TaskContext._make, TaskResult._make, TaskStarted._make


@dataclass(slots=True, eq=False)
class Lender:
    """A worker whose task waits for others, so that another worker has its place.

    One that was given up has none any more, but the rest of its batch may wait in it.
    """

    number: int
    waits: list[Callable[[], bool]]  # what for; a coroutine can wait for several things at once
    returning: bool = False  # it has waited long enough, and goes on as soon as there is a place
    in_vain: bool = False  # what it waits for can never be


class Home(Protocol):
    """A group of tasks, for what its tasks bring into the run; called with the run's lock held."""

    def holds(self, number: int) -> bool:
        """Return True if the task is one of the group's own."""

    def adopted(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the tasks with the group's limits."""

    def adopt(self, numbers: Iterable[int]) -> None:
        """Take the tasks that have joined for the group's own."""


class Workers:
    """The threads of one run and the state that they share, all of it under one lock."""

    def __init__(
        self,
        graph: TaskGraph,
        rules: Rules,
        bus: EventBus,
        *,
        grace_s: float = 10.0,
        timeout_s: float | None = None,
        drain_first: bool = True,
        open_: bool = False,
    ) -> None:
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.changed = threading.Condition(self.lock)  # for tasks that wait for others, or for an answer
        self._bells: list[threading.Lock] = []  # the same for other threads
        self.homes: list[Home] = []  # the groups that are open
        self._idle = threading.Condition(self.lock)
        self._rules = rules
        self._publish = bus.publish
        self._grace_s = grace_s
        # Taken by the calling thread and by workers: `next` of this is atomic, testing and popping is not.
        self._interrupts = iter(("drain", "cancel") if drain_first else ("cancel",))
        self._interruption: BaseException | None = None  # the last one that a task raised
        self.is_open_run = open_
        self._open = int(open_)  # how many may still add tasks
        self._origin = time.monotonic()
        self._running: dict[int, tuple[CancelToken, float, int]] = {}  # token, start, worker
        self._alarms = Alarms(self.lock, self.now, self._ring, self._fail, self._look_again)
        self._next_worker = 0
        self._threads = 0
        self._waiting = 0  # idle workers
        self._called = False  # one of them, or a new one, is on its way: it will call the next one
        self._busy = 0  # workers that run a task and do not wait for others
        self._lenders: dict[int, Lender] = {}  # by worker
        self._watchers = 0  # threads in `wait_until`
        self._returning = 0  # how many lenders do
        self._leaked_workers: set[int] = set()
        self._asked: set[int] = set()  # running tasks that were asked to stop
        self._over = False
        self._paused = False  # nothing starts meanwhile
        self._current = threading.local()
        self.error: BaseException | None = None  # what `wait` raises when the run has ended
        bus.publish(RunStarted(0.0, len(graph), rules.max_workers))
        self.schedule = Schedule(graph, rules, bus.publish)
        if timeout_s is not None:
            with self.lock:
                self._alarms.at(timeout_s, self._time_is_up)

    @property
    def leaked(self) -> int:
        """How many workers were given up because their task ignored its cancellation."""
        return len(self._leaked_workers)

    def now(self) -> float:
        """Return the seconds since the start of the run."""
        return time.monotonic() - self._origin

    def _work(self, worker: int) -> None:
        schedule, lock, running, current = self.schedule, self.lock, self._running, self._current
        tasks, leaked, clock, origin = schedule.tasks, self._leaked_workers, time.monotonic, self._origin
        outcomes: Sequence[object] = ()
        try:
            with lock:
                self._called = False
                picked = self._take(worker, self.now())
            current.worker = worker
            while picked:
                number, context = picked[0]
                current.number = number
                single = len(picked) == 1
                if single:
                    outcome = attempt(tasks[number], context)
                else:
                    contexts = [context for _, context in picked]
                    outcomes = run_batch(
                        [tasks[n] for n, _ in picked], contexts, self._settle_early, self._turn_to
                    )
                while not lock.acquire(False):
                    time.sleep(_YIELD_S)
                try:
                    ended = clock() - origin
                    if worker in self._lenders:  # a coroutine has ended, but not all that it waited for
                        self._end_loan(worker)
                    if not single:
                        self._end_batch(picked, outcomes, ended)
                    elif number in running:  # else it was given up: a late result is discarded
                        self._end(number, outcome, ended)
                    if worker in leaked:
                        self._after_change()  # of a batch some may have been waited for
                        self._call_worker()
                        return
                    self._busy -= 1
                    if not schedule.left or schedule.abort_reason or schedule.delayed or self._watchers:
                        self._after_change()
                    picked = self._take(worker, ended)
                finally:
                    lock.release()
        except BaseException as error:  # noqa: BLE001  (a defect of ours: whoever waits must learn of it)
            self._crash(error)

    def _take(self, worker: int, now: float) -> list[tuple[int, TaskContext]]:
        """Wait for work and begin it; [] when there will be none."""
        most = self._rules.max_workers
        while not self._over:
            if not self._paused and self._busy + self._returning < most:
                numbers = self.schedule.pick(now)
                if numbers:
                    self._busy += 1
                    if self._busy < most and not self._called:
                        self._call_worker()
                    if len(numbers) == 1:
                        return [(numbers[0], self._begin(numbers[0], worker, now))]
                    return [(number, self._begin(number, worker, now)) for number in numbers]
                self._after_change()  # picking may have skipped tasks
                if self.done.is_set():
                    break
            self._waiting += 1
            self._idle.wait()
            self._waiting -= 1
            self._called = False
            now = self.now()
        self._threads -= 1
        return []

    def _call_worker(self) -> None:
        """Wake an idle worker, or start one if there may be one more; it calls the next one by itself."""
        full = self._busy + self._returning >= self._rules.max_workers
        if self._called or full or self._paused or not self.schedule.queue:
            return
        if self._waiting:
            self._called = True
            self._idle.notify()
        elif self._threads < self._rules.max_workers + len(self._lenders):
            worker = self._next_worker
            self._next_worker += 1
            self._threads += 1
            self._called = True
            thread = threading.Thread(target=self._work, args=(worker,), name=f"worker-{worker}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads: those that are there go on alone, if any
                self._called = False
                self._threads -= 1
                if self._threads <= len(self._lenders.keys() - self._leaked_workers):
                    raise

    def _begin(self, number: int, worker: int, now: float) -> TaskContext:
        task = self.schedule.tasks[number]
        token = CancelToken()
        self._running[number] = (token, now, worker)
        if task.timeout_s is not None:
            self._alarms.limit(number, now + task.timeout_s)
        attempts = self.schedule.attempts
        made = attempts.get(number, 1) if attempts else 1
        self._publish(_started((now, task.name, worker, made, task.group)))
        return _context((task.name, token, made, self))

    def _end_loan(self, worker: int) -> None:
        """Have a worker's place be its own again, whatever was waited for in its name."""
        lender = self._lenders.pop(worker)
        self._busy += worker not in self._leaked_workers
        self._returning -= lender.returning

    def _has_tasks(self, worker: int) -> bool:
        return any(other == worker for _, _, other in self._running.values())

    def _runs(self, number: int, token: CancelToken) -> bool:
        """Return True if the attempt that was given this token is under way, and was not given up."""
        return number in self._running and self._running[number][0] is token

    def _end_batch(
        self, picked: Sequence[tuple[int, TaskContext]], outcomes: Sequence[object], ended: float
    ) -> None:
        for (number, context), outcome in zip(picked, outcomes, strict=True):
            # Else it was given up, or settled early: then it may even run again by now, as a retry.
            if self._runs(number, context.token):
                self._end(number, outcome, ended)

    def _turn_to(self, context: TaskContext) -> None:
        """Have this thread run this task of its batch, now that they are run one by one."""
        self._current.number = self.schedule.index[context.name]

    def _settle_early(self, context: TaskContext, outcome: object) -> None:
        with self.lock:
            number = self.schedule.index[context.name]
            if self._runs(number, context.token):
                with self._guarded():
                    self._end(number, outcome, self.now())
                    self._after_change()
                    self._call_worker()

    def _end(self, number: int, outcome: object, ended: float) -> None:
        token, started, worker = self._running.pop(number)
        schedule = self.schedule
        task = schedule.tasks[number]
        if task.timeout_s is not None or self._asked:
            self._asked.discard(number)
            self._alarms.forget(number)
        if type(outcome) in PLAIN and token.reason != TIMED_OUT:
            # In the order of TaskResult's fields, whose defaults come after the worker.
            fields = (task.name, _SUCCESS, outcome, None, None, None, started, ended, worker)
            schedule.settle(number, _result(fields + _DEFAULTS + (task.group,)), ended)
            return
        result = result_of(task, outcome, token, started, ended, worker)
        joining = subgraph_of(outcome) if result.status is Status.SUCCESS else ()
        if joining:
            home = next((home for home in self.homes if home.holds(number)), None)
            try:
                numbers = schedule.join(joining if home is None else home.adopted(joining), ended, number)
            except InputError as error:
                result = result_of(task, Raised(error), token, started, ended, worker)
            else:
                if home is not None:
                    home.adopt(numbers)
        schedule.settle(number, result, ended)
        if isinstance(outcome, Raised) and not isinstance(outcome.error, Exception):
            self._interrupted(outcome.error)

    def _interrupted(self, error: BaseException) -> None:
        """Take the next step of stopping, once for all the tasks of a batch that was interrupted."""
        self.error = self.error or error
        if error is not self._interruption:
            self._interruption = error
            step = next(self._interrupts, None)
            if step is not None:
                self._stop("interrupted", step == "cancel")

    # -- what follows from a change; all with the lock held ------------------------------------------------

    def _after_change(self) -> None:
        schedule = self.schedule
        if schedule.abort_reason is not None:
            reason, schedule.abort_reason = schedule.abort_reason, None
            self._cancel_running(reason, None)
        if schedule.delayed:
            self._alarms.at(schedule.delayed[0][0], self._wake_delayed, key="delayed")
        if self._watchers:
            self._notify_changed()
        if not schedule.left:
            self._end_if_done()

    def _notify_changed(self) -> None:
        self.changed.notify_all()
        for bell in self._bells:
            if bell.locked():  # then it stays so: only here, with the run's lock held, is one released
                bell.release()

    def _look_again(self) -> None:
        """Have tasks that wait see if they do so in vain: until every token was cancelled none could tell."""
        if self._lenders:
            self.changed.notify_all()

    def _end_if_done(self) -> None:
        if self.schedule.left or self._open or self.done.is_set():
            return
        counts = Counter([result.status for result in self.schedule.results if result is not None])
        failed = counts[Status.FAILED] + counts[Status.TIMEOUT]
        skipped, cancelled = counts[Status.SKIPPED], counts[Status.CANCELLED]
        self._publish(RunEnded(self.now(), counts[Status.SUCCESS], failed, skipped, cancelled))
        self._finish()

    def _finish(self) -> None:
        self._over = True
        self.done.set()
        self._alarms.close()
        self._idle.notify_all()
        self._notify_changed()

    def _crash(self, error: BaseException) -> None:
        with self.lock:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """End the run with an error of the scheduler's own: its state may be torn, so nobody waits for it."""
        self.error = self.error or error
        for token, _, _ in self._running.values():
            self._alarms.cancel(token, "crashed")
        self._finish()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Fail the run if what is done here in somebody's thread breaks; a refused graph changes nothing."""
        try:
            yield
        except InputError:
            raise
        except BaseException as error:
            self._fail(error)
            raise

    # -- stopping; all with the lock held ------------------------------------------------------------------

    def _stop(self, reason: str, abort: bool) -> None:
        if self._over:
            return
        self._publish(RunStopping(self.now(), reason, abort))
        self.schedule.give_up(Status.CANCELLED, None, reason, self.now())
        if abort:
            self._cancel_running(reason, None)
        self._after_change()

    def _cancel_running(self, reason: str, only: set[int] | None) -> None:
        """Have what runs cancelled, and give it its grace to stop."""
        for number in self._running if only is None else only & self._running.keys():
            self._ask(number, reason)

    def _ask(self, number: int, reason: str) -> None:
        if number not in self._asked:
            self._asked.add(number)
            self._alarms.cancel(self._running[number][0], reason)
            grace = self.schedule.tasks[number].grace_s
            self._alarms.limit(number, self.now() + (self._grace_s if grace is None else grace))

    def _ring(self, number: int) -> None:
        """A running task's time is up: ask it to stop, or give it up if it was asked before."""
        if number in self._asked:
            self._abandon(number)
        else:
            self._ask(number, TIMED_OUT)

    def _abandon(self, number: int) -> None:
        """Give up on work that ignores its token: report it, replace its thread, keep its locks held."""
        token, started, worker = self._running.pop(number)
        self._asked.discard(number)
        if worker not in self._leaked_workers:
            self._leaked_workers.add(worker)
            self._threads -= 1
            lender = self._lenders.get(worker)
            if lender is None:
                self._busy -= 1
            else:
                self._returning -= lender.returning
                lender.returning = False
        if worker in self._lenders and not self._has_tasks(worker):
            del self._lenders[worker]
        status = Status.TIMEOUT if token.reason == TIMED_OUT else Status.CANCELLED
        task = self.schedule.tasks[number]
        result = TaskResult(
            task.name,
            status,
            started_s=started,
            ended_s=self.now(),
            worker=worker,
            ignored=task.ignore_errors and status is Status.TIMEOUT,
            metadata={"leaked": True},
            group=task.group,
        )
        self.schedule.settle(number, result, self.now(), leaked=True)
        self._after_change()
        self._call_worker()

    def _time_is_up(self) -> None:
        self._publish(RunStopping(self.now(), TIMED_OUT, True))
        self.schedule.give_up(Status.CANCELLED, None, "the run timed out", self.now())
        self._cancel_running(TIMED_OUT, None)
        self._after_change()

    def _wake_delayed(self) -> None:
        self.schedule.wake(self.now())
        self._after_change()
        self._call_worker()
