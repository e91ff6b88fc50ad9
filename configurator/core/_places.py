"""Waiting for tasks of a run, also from within one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from configurator.core._workers import GLANCE_S, Lender, Workers
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.status import SkipReason


class Places(Workers):
    """Workers that lend their place to another while the task that they run waits for others."""

    def inside_task(self) -> int | None:
        """Return the task that the calling thread is running, if it is one of this run's workers."""
        return getattr(self._current, "number", None)

    def act_for(self, number: int | None) -> None:
        """Have the calling thread count as the one that runs the task."""
        self._current.number = number

    def wait_until(self, condition: Callable[[], bool], *, heed: bool = True) -> None:
        """Wait until `condition()`, which is called with the lock held; or until the run is over.

        To be called without the lock. While a worker waits here, another one has its place. Cancelled if
        the worker's task is asked to stop meanwhile, and to be heeded; RuntimeError if it waits for itself.
        """
        number = self.inside_task()
        if number is None:
            self._wait_outside(condition)
            return
        worker, token = self._worker_of(number)
        if token is None or not heed:
            token = CancelToken()
        forget = token.on_cancel(self._alarms.nudge(self._notify_changed))
        try:
            with self.lock:
                self._wait_inside(number, worker, condition, token)
        finally:
            forget()

    def _wait_outside(self, condition: Callable[[], bool]) -> None:
        """Wait in a thread that a Ctrl-C may reach: within Condition.wait it could lose the lock, or take
        it from under somebody else. A bare lock that others release has nothing to lose.
        """
        bell = threading.Lock()
        bell.acquire()
        try:
            with self.lock:
                self._watchers += 1
                self._bells.append(bell)
            while True:
                with self.lock:
                    if condition() or self._over:
                        return
                bell.acquire(timeout=GLANCE_S)
        finally:
            with self.lock:
                if bell in self._bells:  # else a Ctrl-C came before it was
                    self._bells.remove(bell)
                    self._watchers -= 1

    def _worker_of(self, number: int) -> tuple[int, CancelToken | None]:
        """Return the worker that runs the task that waits, and the task's token.

        A task that was settled before the rest of its batch has none, and may run again on another worker.
        """
        entry, own = self._running.get(number), getattr(self._current, "worker", -1)
        if entry is None or own not in (-1, entry[2]):
            return own, None
        return entry[2], entry[0]

    def _wait_inside(
        self, number: int, worker: int, condition: Callable[[], bool], token: CancelToken
    ) -> None:
        self._watchers += 1
        lent = None if condition() else self._lend_place(number, worker, condition)
        try:
            while not condition() and not self._over:
                if token.reason is not None:
                    raise Cancelled(token.reason)
                if lent is not None and lent[1].in_vain:
                    raise RuntimeError(f"{self.schedule.tasks[number].name!r} waits for what waits for it")
                if not self._breaks_deadlock():
                    self.changed.wait(GLANCE_S)
        finally:
            if lent is not None:
                self._take_place_back(*lent, condition)
            self._watchers -= 1

    def _lend_place(
        self, number: int, worker: int, condition: Callable[[], bool]
    ) -> tuple[int, Lender] | None:
        """Let another worker have this one's place; None if all that it ran was given up."""
        placed = worker not in self._leaked_workers
        if worker < 0 or not (placed or self._has_tasks(worker)):
            return None
        lender = self._lenders.get(worker)
        if lender is None:
            number = self.schedule.queue.holder(number)
            lender = self._lenders[worker] = Lender(number, [])
            if placed:
                self._busy -= 1
                self.schedule.queue.lend(number)
                self._call_worker()
        lender.waits.append(condition)
        self.changed.notify_all()  # who waits for a place can have this one
        return worker, lender

    def _take_place_back(self, worker: int, lender: Lender, condition: Callable[[], bool]) -> None:
        """Wait for a place to go on in, unless the task still waits for something else or was given up."""
        lender.waits.remove(condition)
        if lender.waits or self._lenders.get(worker) is not lender:
            return
        if worker in self._leaked_workers:
            del self._lenders[worker]
            return
        lender.returning = True
        self._returning += 1
        queue, most, back = self.schedule.queue, self._rules.max_workers, False
        while not (lender.waits or self._over or back):
            back = self._busy < most and queue.take_back(lender.number)
            if not back:
                self.changed.wait(GLANCE_S)
                if self._lenders.get(worker) is not lender:
                    return
                if worker in self._leaked_workers:
                    if not lender.waits:
                        del self._lenders[worker]
                    return
        lender.returning = False
        self._returning -= 1
        if not back:
            queue.wait_again(lender.number)
            self._call_worker()
        if not lender.waits:
            del self._lenders[worker]
            self._busy += 1

    def _breaks_deadlock(self) -> bool:
        """Skip what can never start because the only tasks that run wait for it and hold what it needs.

        False if there is no deadlock.
        """
        if not self._lenders or self._busy or self._returning or self._paused or self._alarms.pending:
            return False
        if self.schedule.queue or self.schedule.delayed:
            return False
        lenders = list(self._lenders.values())
        if any(lender.in_vain for lender in lenders):
            return False  # it was told: without a wait here, it would never get the lock to give way
        if any(worker not in self._lenders for _, _, worker in self._running.values()):
            return False  # the rest of a batch, in a thread that was given up
        if any(condition() for lender in lenders for condition in lender.waits):
            return False
        holder = self.schedule.tasks[lenders[0].number].name
        if self.schedule.skip_ready(SkipReason.DEADLOCK, holder, self.now()):
            self._after_change()
            self._call_worker()  # something may come merely after what was skipped
        else:  # they wait for each other, or one for itself: the innermost has to give way
            max(lenders, key=lambda lender: lender.number).in_vain = True
            self._notify_changed()
        return True
