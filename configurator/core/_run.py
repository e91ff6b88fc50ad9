"""One run of a graph, as the executor and its groups see it: starting, waiting, pausing, stopping, joining.

The threads and the core loop are in `_workers.py`, waiting from within a task in `_places.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from configurator.core._places import Places
from configurator.core._schedule import Rules
from configurator.core._workers import GLANCE_S
from configurator.core.cancel import Cancelled
from configurator.core.events import EngineEvent, EventBus, RunPaused, RunResumed, TaskProgress
from configurator.core.graph import TaskGraph
from configurator.core.status import SkipReason, Status
from configurator.core.task import Task, TaskContext, TaskResult


@dataclass(slots=True, eq=False)
class _Question:
    """A task that waits for somebody's answer."""

    number: int
    prompt: str
    answered: bool = False
    answer: Any = None


class Run(Places):
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
        self._held = False  # somebody asked for a pause
        self._questions: deque[_Question] = deque()  # each of them pauses the run, too
        super().__init__(
            graph,
            rules,
            bus,
            grace_s=grace_s,
            timeout_s=timeout_s,
            drain_first=drain_first,
            open_=open_,
        )

    def start(self) -> None:
        """Have the first worker look for work; it calls others as there is more. `wait` has to follow."""
        try:
            with self.lock:
                self._call_worker()
                self._end_if_done()
        except BaseException as error:  # noqa: BLE001  (Ctrl-C: workers may run by now, so `wait` raises it)
            self.interrupt(error)

    def wait(self) -> None:
        """Return when every task has a result; raise what interrupted the run, once it has ended.

        A first Ctrl-C starts nothing more, a second one stops what runs, a third one returns at once.
        """
        self.patiently(self._wait_for_end)

    def patiently(self, wait: Callable[[], None]) -> None:
        """Call `wait`, and again after each step of stopping that a Ctrl-C in it leads to; raise it then."""
        interruption: BaseException | None = None  # or what a signal handler raises
        while True:
            try:
                if interruption is None:
                    wait()
                    break
                if not self.interrupt(interruption):  # in here, as another Ctrl-C may come while it does this
                    break
                interruption = None
            except BaseException as error:  # noqa: BLE001  (raised in the end)
                interruption = error
        if (problem := interruption or self.error) is not None:
            raise problem

    def _wait_for_end(self) -> None:
        while not self.done.wait(GLANCE_S):
            pass

    def results(self, *, declared: bool = False) -> list[TaskResult]:
        """Return the results there are, in declared order; with `declared` not those of groups."""
        with self.lock:
            return self.schedule.ordered_results(declared=declared)

    def interrupt(self, error: BaseException) -> bool:
        """Take the next step of stopping; False if there is none left. `wait` will raise `error`."""
        self.error = self.error or error
        step = next(self._interrupts, None)
        if step is None:
            return False
        # Handed to the clock's thread: a second Ctrl-C in the middle of this one must not tear the state.
        self._alarms.soon(lambda: self._stop("interrupted", step == "cancel"))
        return True

    def stop(self, reason: str, abort: bool) -> None:
        """End everything that has not started; with `abort` ask what runs to stop, too."""
        with self.lock, self._guarded():
            self._stop(reason, abort)

    def pause(self, reason: str) -> None:
        """Start nothing more until `resume`; what runs goes on."""
        with self.lock:
            if not self._held and not self._over:
                self._held = self._paused = True
                self._publish(RunPaused(self.now(), reason))

    def resume(self, value: Any) -> None:
        """Go on; if tasks wait for input, the one that has waited longest gets `value`."""
        with self.lock:
            if self._questions:
                question = self._questions.popleft()
                question.answer, question.answered = value, True
                self.changed.notify_all()
            self._held = False
            self._go_on()

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
        with self._guarded():
            self.schedule.give_up(status, reason, cause, self.now(), only=sorted(mine))
            if abort:
                self._cancel_running(cause, mine)
            self._after_change()
            self._call_worker()

    def publish(self, event: EngineEvent) -> None:
        """Announce something, unless the run is over; lock held, so that the order is that of the changes."""
        if not self._over:
            self._publish(event)

    def statuses(self) -> dict[str, Status]:
        """Return how every task stands, by name."""
        with self.lock:
            asking = {question.number for question in self._questions}
            return {
                task.name: Status.PAUSED if number in asking else self.schedule.status(number)
                for number, task in enumerate(self.schedule.tasks)
            }

    def brought(self) -> frozenset[str]:
        """Return the names of the tasks that have brought others into the run."""
        with self.lock:
            return frozenset(self.schedule.tasks[number].name for number in self.schedule.children)

    # -- tasks that join -----------------------------------------------------------------------------------

    def join(self, tasks: Iterable[Task]) -> list[int]:
        """Add tasks to an open run and return their numbers; lock held."""
        if self.done.is_set():
            raise RuntimeError("the run has ended")
        with self._guarded():
            numbers = self.schedule.join(tasks, self.now())
            self._call_worker()
        return numbers

    def open(self) -> bool:
        """Have the run go on until `close`, so that tasks can be added; False if it is over."""
        with self.lock:
            if not self._over:
                self._open += 1
            return not self._over

    def close(self) -> bool:
        """Take back an `open`; True if it was the last one, so that the run ends with what it has."""
        with self.lock:
            self._open -= 1
            self._end_if_done()
            return not self._open

    def alarm(self, after_s: float, callback: Callable[[], None]) -> None:
        """Have `callback` called with the lock held after so many seconds; lock held."""
        self._alarms.at(self.now() + after_s, callback)

    # -- TaskControl ---------------------------------------------------------------------------------------

    def progress(self, context: TaskContext, done: float, total: float | None, message: str) -> None:
        """Announce how far the task is; what was given up on may go on reporting, but nobody hears it."""
        with self.lock:
            if self._runs(self.schedule.index[context.name], context.token):
                self._publish(TaskProgress(self.now(), context.name, done, total, message))

    def pause_for_input(self, context: TaskContext, prompt: str) -> Any:
        """Pause the run until somebody resumes it with a value; return the value."""
        token = context.token
        forget = token.on_cancel(self._alarms.nudge(self._notify_changed))
        with self.lock:
            number = self.schedule.index[context.name]
            if token.reason is not None or not self._runs(number, token):
                raise Cancelled(token.reason or "it has ended")
            question = _Question(number, prompt)
            self._questions.append(question)
            self._paused = True
            # Once it was asked to stop, its clock is that of its grace, which goes on.
            left = None if number in self._asked else self._alarms.suspend(number)
            self._publish(RunPaused(self.now(), "input", context.name, prompt))
            while not question.answered and not token.cancelled:
                self.changed.wait(GLANCE_S)
            if left is not None and self._runs(number, token) and number not in self._asked:
                self._alarms.limit(number, self.now() + left)
            if not question.answered:
                self._questions.remove(question)
                self._go_on()
                raise Cancelled(token.reason or "cancelled")
        forget()
        return question.answer

    def _go_on(self) -> None:
        """End the pause once nothing is left that asks for it."""
        if self._paused and not self._held and not self._questions:
            self._paused = False
            if not self._over:
                self._publish(RunResumed(self.now()))
            self._call_worker()

    def result_of(self, context: TaskContext, name: str) -> TaskResult:  # noqa: ARG002
        """Return the result of a task that has ended; KeyError if there is none."""
        with self.lock:
            result = self.schedule.results[self.schedule.index[name]]
        if result is None:
            raise KeyError(name)
        return result
