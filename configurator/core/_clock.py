"""The one thread of a run that watches the time: deadlines, retries, and cancelling on request."""

from __future__ import annotations

import contextlib
import heapq
import threading
from collections import deque
from collections.abc import Callable

from configurator.core.cancel import CancelToken

_GLANCE_S = 0.5
_STALE = 64  # how many outdated entries are worth clearing away


class Alarms:
    """A heap of deadlines and the thread that keeps them, started when the first one is set.

    One heap for all tasks: a timer thread for each would cost five hundred times as much. Deadlines of
    tasks that have ended stay in it until they come up, or until there are more of them than others.
    Every method but `soon` is called with the run's lock held; callbacks run in the thread, with the lock
    held. Tokens are cancelled without it, since what they call back is not ours. `fail` is told, also with
    the lock held, what a callback of the run's raised. What one of a token's raises concerns its task alone:
    if it goes on, it will be given up. `rested` is called, with the lock held, when nothing is pending.
    """

    def __init__(
        self,
        lock: threading.Lock,
        now: Callable[[], float],
        ring: Callable[[int], None],
        fail: Callable[[BaseException], None],
        rested: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._now = now
        self._ring = ring
        self._fail = fail
        self._rested = rested
        self._wake = threading.Condition(lock)
        self._heap: list[tuple[float, int, int | Callable[[], None]]] = []
        self._deadlines: dict[int, float] = {}  # of running tasks
        self._keyed: dict[str, float] = {}
        self._order = 0
        self._tokens: list[tuple[CancelToken, str]] = []
        self._requests: deque[Callable[[], None]] = deque()
        self._awake_at = 0.0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False

    @property
    def pending(self) -> bool:
        """True while something is yet to be done that was asked for without a time."""
        return bool(self._tokens or self._requests)

    def limit(self, number: int, at: float) -> None:
        """Ring for task `number` at this time and at no other."""
        self._deadlines[number] = at
        self._push(at, number)

    def forget(self, number: int) -> None:
        """The task has ended."""
        if self._deadlines and self._deadlines.pop(number, None) is not None:
            self._tidy()

    def suspend(self, number: int) -> float | None:
        """Stop the task's clock; return how many seconds it had left, or None if it has no limit."""
        at = self._deadlines.pop(number, None)
        return None if at is None else max(0.0, at - self._now())

    def at(self, at: float, callback: Callable[[], None], key: str | None = None) -> None:
        """Call back at this time; with a key not if the same is due by then anyway."""
        if key is not None:
            if self._keyed.get(key, float("inf")) <= at:
                return
            self._keyed[key] = at

            def once() -> None:
                if self._keyed.get(key) == at:  # else an earlier one came in between
                    del self._keyed[key]
                    callback()

            self._push(at, once)
        else:
            self._push(at, callback)

    def cancel(self, token: CancelToken, reason: str) -> None:
        """Cancel a token soon, without the lock."""
        self._tokens.append((token, reason))
        self._start()
        self._wake.notify()

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back soon, with the lock held; to be called without it, also from a signal handler."""
        self._requests.append(callback)
        self._start()
        # No notify: the lock may be held by the very thread that was interrupted. The thread glances.

    def nudge(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Return a function that has `callback` called soon; for callbacks of tokens."""
        return lambda: self.soon(callback)

    def close(self) -> None:
        """End the thread, after it has done what it was asked for without a time."""
        self._closed = True
        self._wake.notify()

    def _push(self, at: float, what: int | Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (at, self._order, what))
        self._start()
        if at < self._awake_at:
            self._wake.notify()

    def _tidy(self) -> None:
        live = len(self._deadlines) + _STALE
        if len(self._heap) > 2 * live:
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapq.heapify(self._heap)

    def _is_live(self, entry: tuple[float, int, int | Callable[[], None]]) -> bool:
        at, _, what = entry
        return not isinstance(what, int) or self._deadlines.get(what) == at

    def _start(self) -> None:
        if self._thread is None:
            with self._starting:  # `soon` comes without the run's lock
                if self._thread is None:
                    self._thread = threading.Thread(target=self._watch, name="clock", daemon=True)
                    self._thread.start()

    def _watch(self) -> None:
        while (due := self._next()) is not None:
            for token, reason in due:
                with contextlib.suppress(BaseException):  # it must not end the watch over all the others
                    token.cancel(reason)

    def _next(self) -> list[tuple[CancelToken, str]] | None:
        """Do what is due, else sleep; return the tokens that have to be cancelled, or None at the end."""
        with self._lock:
            try:
                while self._requests:
                    self._requests.popleft()()
                self._ring_due()
            except BaseException as error:  # noqa: BLE001  (a defect of ours: whoever waits must learn of it)
                self._fail(error)
            due, self._tokens = self._tokens, []
            if not due:
                if self._closed:
                    return None
                self._rested()  # before every sleep: who saw that something was pending may wait for this
                self._sleep()
            return due

    def _ring_due(self) -> None:
        now = self._now()
        while self._heap and self._heap[0][0] <= now and not (self._tokens or self._closed):
            entry = heapq.heappop(self._heap)
            what = entry[2]
            if not isinstance(what, int):
                what()
            elif self._deadlines.get(what) == entry[0]:
                del self._deadlines[what]
                self._ring(what)

    def _sleep(self) -> None:
        now = self._now()
        nearest = self._heap[0][0] if self._heap else now + _GLANCE_S
        self._awake_at = min(nearest, now + _GLANCE_S)
        self._wake.wait(max(0.0, self._awake_at - now))
        self._awake_at = 0.0
