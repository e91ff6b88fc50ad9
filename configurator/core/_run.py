"""One run of a graph on worker threads.

The core loop is `Run._work`: a worker takes the best ready task that fits, runs it, settles it (which
releases its successors) and takes the next one. What may start, and what follows from an end, is decided
by `_schedule.py`; here are the threads, the clock and the lock that both are used under.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.core._clock import Alarms
from configurator.core._outcome import PLAIN, TIMED_OUT, Raised, attempt, result_of, run_batch, subgraph_of
from configurator.core._schedule import Rules, Schedule
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.errors import InputError
from configurator.core.events import (
    EngineEvent,
    EventBus,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopping,
    TaskProgress,
    TaskStarted,
)
from configurator.core.graph import TaskGraph
from configurator.core.status import SkipReason, Status
from configurator.core.task import Task, TaskContext, TaskResult

# A Ctrl-C that arrives just before a wait begins is only seen when the wait ends, so none is long.
GLANCE_S = 0.5
# Workers that find the lock taken look again after this. If they slept on it instead, every release would
# wake one, which then finds it taken again: with short tasks that is a switch of threads for each of them.
_YIELD_S = 0.00005
_SUCCESS = Status.SUCCESS  # a name of the module is found in half the time of an enum's member


@dataclass(slots=True)
class _Question:
    """A task that waits for somebody's answer."""

    number: int
    prompt: str
    answered: bool = False
    answer: Any = None


class Run:
    """One run: `start`, then `wait` in the calling thread. Everything else may be called from any thread.

    With `open_` it goes on when it has nothing to do, until `close`: tasks join it meanwhile.
    """

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
        self.changed = threading.Condition(self.lock)  # for whoever waits for some of the results
        self._idle = threading.Condition(self.lock)
        self._rules = rules
        self._publish = bus.publish
        self._grace_s = grace_s
        self._interrupts = ["drain", "cancel"] if drain_first else ["cancel"]
        self.is_open_run = open_
        self._open = int(open_)  # how many may still add tasks
        self._origin = time.monotonic()
        self._running: dict[int, tuple[CancelToken, float, int]] = {}  # token, start, worker
        self._alarms = Alarms(self.lock, self.now, self._ring)
        self._next_worker = 0
        self._threads = 0
        self._waiting = 0  # idle workers
        self._called = False  # one of them, or a new one, is on its way: it will call the next one
        self._busy = 0  # workers that run a task and do not wait for others
        # By thread: the task in it that waits for others, and what for.
        self._blocked: dict[int, tuple[int, Callable[[], bool]]] = {}
        self._watchers = 0  # threads in `wait_until`
        self._returning = 0  # workers that have waited for others and go on as soon as there is a place
        self._leaked_workers: set[int] = set()
        self._asked: set[int] = set()  # running tasks that were asked to stop
        self._over = False
        self._paused = False
        self._questions: deque[_Question] = deque()
        self._current = threading.local()
        self.error: BaseException | None = None  # what `wait` raises when the run has ended
        bus.publish(RunStarted(0.0, len(graph), rules.max_workers))
        self.schedule = Schedule(graph, rules, bus.publish)
        if timeout_s is not None:
            with self.lock:
                self._alarms.at(timeout_s, self._time_is_up)

    # -- the calling thread -----------------------------------------------------------------------------

    def start(self) -> None:
        """Have the first worker look for work; it calls others as there is more."""
        with self.lock:
            self._call_worker()
            self._end_if_done()

    def wait(self) -> None:
        """Return when every task has a result; raise what interrupted the run, once it has ended.

        A first Ctrl-C starts nothing more, a second one stops what runs, a third one returns at once.
        """
        while True:
            try:
                while not self.done.wait(GLANCE_S):
                    pass
                break
            except BaseException as error:  # KeyboardInterrupt, or what a signal handler raises
                if not self.interrupt(error):
                    raise
        if self.error is not None:
            raise self.error

    def results(self, *, declared: bool = False) -> list[TaskResult]:
        """Return the results there are, in declared order; with `declared` not those of groups."""
        with self.lock:
            return self.schedule.ordered_results(declared=declared)

    def now(self) -> float:
        """Return the seconds since the start of the run."""
        return time.monotonic() - self._origin

    # -- control ----------------------------------------------------------------------------------------

    def interrupt(self, error: BaseException) -> bool:
        """Take the next step of stopping; False if there is none left. `wait` will raise `error`."""
        self.error = self.error or error
        if not self._interrupts:
            return False
        abort = self._interrupts.pop(0) == "cancel"
        # Handed to the clock's thread: a second Ctrl-C in the middle of this one must not tear the state.
        self._alarms.soon(lambda: self._stop("interrupted", abort))
        return True

    def stop(self, reason: str, abort: bool) -> None:
        """End everything that has not started; with `abort` ask what runs to stop, too."""
        with self.lock:
            self._stop(reason, abort)

    def pause(self, reason: str) -> None:
        """Start nothing more until `resume`; what runs goes on."""
        with self.lock:
            if not self._paused:
                self._paused = True
                self._publish(RunPaused(self.now(), reason))

    def resume(self, value: Any) -> None:
        """Go on; if tasks wait for input, the one that has waited longest gets `value`."""
        with self.lock:
            if self._questions:
                question = self._questions.popleft()
                question.answer, question.answered = value, True
                self.changed.notify_all()
            if self._paused and not self._questions:
                self._paused = False
                self._publish(RunResumed(self.now()))
                self._call_worker()

    def end_tasks(
        self,
        numbers: Iterable[int],
        status: Status,
        reason: SkipReason | None,
        cause: str,
        *,
        abort: bool,
    ) -> None:
        """End those of the tasks that do not run, and with `abort` ask the others to stop; lock held."""
        mine = set(numbers)
        self.schedule.give_up(status, reason, cause, self.now(), only=sorted(mine))
        if abort:
            self._cancel_running(cause, mine)
        self._after_change()
        self._call_worker()

    def publish(self, event: EngineEvent) -> None:
        """Announce something; lock held, so that the order is that of the changes."""
        self._publish(event)

    def statuses(self) -> dict[str, Status]:
        """Return how every task stands, by name."""
        with self.lock:
            asking = {question.number for question in self._questions}
            return {
                task.name: Status.PAUSED if number in asking else self.schedule.status(number)
                for number, task in enumerate(self.schedule.tasks)
            }

    # -- tasks that join, and who waits for them ----------------------------------------------------------

    def join(self, tasks: Iterable[Task]) -> list[int]:
        """Add tasks to an open run and return their numbers; lock held."""
        if self.done.is_set():
            raise RuntimeError("the run has ended")
        numbers = self.schedule.join(tasks, self.now())
        self._call_worker()
        return numbers

    def open(self, by: int) -> None:
        """Count up (1) or down (-1) who may still add tasks; at none the run ends with its last task."""
        with self.lock:
            self._open += by
            self._end_if_done()

    def alarm(self, after_s: float, callback: Callable[[], None]) -> None:
        """Have `callback` called with the lock held after so many seconds; lock held."""
        self._alarms.at(self.now() + after_s, callback)

    def inside_task(self) -> int | None:
        """Return the task that the calling thread is running, if it is one of this run's workers."""
        return getattr(self._current, "number", None)

    def act_for(self, number: int | None) -> None:
        """Have the calling thread count as the one that runs the task."""
        self._current.number = number

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait, with the lock held, until `condition()`; a worker's place is taken by another meanwhile."""
        number = self.inside_task()
        me = threading.get_ident()
        self._watchers += 1
        if number is not None and not condition():
            self._blocked[me] = (number, condition)
            self._busy -= 1
            self._call_worker()
        try:
            while not condition() and not self.done.is_set():
                self._check_deadlock()
                self.changed.wait(GLANCE_S)
        finally:
            self._watchers -= 1
            if self._blocked.pop(me, None) is not None:
                self._returning += 1
                self._watchers += 1
                while self._busy >= self._rules.max_workers and not self.done.is_set():
                    self.changed.wait(GLANCE_S)
                self._watchers -= 1
                self._returning -= 1
                self._busy += 1

    # -- TaskControl --------------------------------------------------------------------------------------

    def progress(self, context: TaskContext, done: float, total: float | None, message: str) -> None:
        """Announce how far the task is."""
        self._publish(TaskProgress(self.now(), context.name, done, total, message))

    def pause_for_input(self, context: TaskContext, prompt: str) -> Any:
        """Pause the run until somebody resumes it with a value; return the value."""
        context.token.on_cancel(self._alarms.nudge(self._notify_changed))
        with self.lock:
            number = self.schedule.index[context.name]
            question = _Question(number, prompt)
            self._questions.append(question)
            self._paused = True
            left = self._alarms.suspend(number)
            self._publish(RunPaused(self.now(), "input", context.name, prompt))
            while not question.answered and not context.token.cancelled:
                self.changed.wait(GLANCE_S)
            if left is not None and number in self._running:
                self._alarms.limit(number, self.now() + left)
            if not question.answered:
                self._questions.remove(question)
                if not self._questions:
                    self._paused = False
                    self._call_worker()
                raise Cancelled(context.token.reason or "cancelled")
            return question.answer

    def result_of(self, context: TaskContext, name: str) -> TaskResult:  # noqa: ARG002
        """Return the result of a task that has ended; KeyError if there is none."""
        with self.lock:
            result = self.schedule.results[self.schedule.index[name]]
        if result is None:
            raise KeyError(name)
        return result

    # -- the workers --------------------------------------------------------------------------------------

    def _work(self, worker: int) -> None:
        schedule, lock, running, current = self.schedule, self.lock, self._running, self._current
        tasks, leaked = schedule.tasks, self._leaked_workers
        try:
            with lock:
                self._called = False
                picked = self._take(worker, self.now())
            while picked:
                number, context = picked[0]
                current.number = number
                if len(picked) == 1:
                    outcomes: Sequence[object] = (attempt(tasks[number], context),)
                else:
                    contexts = [context for _, context in picked]
                    outcomes = run_batch([tasks[n] for n, _ in picked], contexts, self._settle_early)
                while not lock.acquire(False):
                    time.sleep(_YIELD_S)
                try:
                    ended = self.now()
                    for (number, _), outcome in zip(picked, outcomes, strict=True):
                        if number in running:  # else it was given up: a late result is discarded
                            self._end(number, outcome, ended)
                    if worker in leaked:
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
        elif self._threads < self._rules.max_workers + len(self._blocked):
            worker = self._next_worker
            self._next_worker += 1
            self._threads += 1
            self._called = True
            threading.Thread(target=self._work, args=(worker,), name=f"worker-{worker}", daemon=True).start()

    def _begin(self, number: int, worker: int, now: float) -> TaskContext:
        task = self.schedule.tasks[number]
        token = CancelToken()
        self._running[number] = (token, now, worker)
        if task.timeout_s is not None:
            self._alarms.limit(number, now + task.timeout_s)
        made = self.schedule.attempts.get(number, 1)
        self._publish(TaskStarted(now, task.name, worker, made, task.group))
        return TaskContext(task.name, token, made, self)

    def _settle_early(self, context: TaskContext, outcome: object) -> None:
        with self.lock:
            number = self.schedule.index[context.name]
            if number in self._running:
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
            result = TaskResult(
                task.name, _SUCCESS, outcome, None, None, None, started, ended, worker, group=task.group
            )
            schedule.settle(number, result, ended)
            return
        result = result_of(task, outcome, token, started, ended, worker)
        joining = subgraph_of(outcome) if result.status is Status.SUCCESS else ()
        if joining:
            try:
                schedule.join(joining, ended, parent=number)
            except InputError as error:
                result = result_of(task, Raised(error), token, started, ended, worker)
        schedule.settle(number, result, ended)
        if isinstance(outcome, Raised) and not isinstance(outcome.error, Exception):
            self.error = self.error or outcome.error
            if self._interrupts:
                self._stop("interrupted", self._interrupts.pop(0) == "cancel")

    # -- what follows from a change; all with the lock held ----------------------------------------------

    def _after_change(self) -> None:
        schedule = self.schedule
        if schedule.abort_reason is not None:
            reason, schedule.abort_reason = schedule.abort_reason, None
            self._cancel_running(reason, None)
        if schedule.delayed:
            self._alarms.at(schedule.delayed[0][0], self._wake_delayed, key="delayed")
        if self._watchers:
            self.changed.notify_all()
        if not schedule.left:
            self._end_if_done()

    def _end_if_done(self) -> None:
        if self.schedule.left or self._open or self.done.is_set():
            return
        counts = dict.fromkeys(Status, 0)
        for result in self.schedule.results:
            if result is not None:
                counts[result.status] += 1
        failed = counts[Status.FAILED] + counts[Status.TIMEOUT]
        skipped, cancelled = counts[Status.SKIPPED], counts[Status.CANCELLED]
        self._publish(RunEnded(self.now(), counts[Status.SUCCESS], failed, skipped, cancelled))
        self._finish()

    def _finish(self) -> None:
        self._over = True
        self.done.set()
        self._alarms.close()
        self._idle.notify_all()
        self.changed.notify_all()

    def _crash(self, error: BaseException) -> None:
        with self.lock:
            self.error = self.error or error
            for token, _, _ in self._running.values():
                self._alarms.cancel(token, "crashed")
            self._finish()

    def _stop(self, reason: str, abort: bool) -> None:
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
            self._busy -= 1
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

    def _check_deadlock(self) -> None:
        """Skip what can never start because the only tasks that run wait for it and hold what it needs."""
        if not self._blocked or self._busy or self._returning or self._paused or self._alarms.pending:
            return
        if self.schedule.queue or self.schedule.delayed:
            return
        if not any(condition() for _, condition in self._blocked.values()):
            holder = self.schedule.tasks[next(iter(self._blocked.values()))[0]].name
            self.schedule.skip_ready(SkipReason.DEADLOCK, holder, self.now())
            self._after_change()

    def _notify_changed(self) -> None:
        self.changed.notify_all()
