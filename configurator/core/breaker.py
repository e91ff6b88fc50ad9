"""Circuit breaker: after several failures in a row, leave a broken dependency alone for a while.

Written by hand: the well-known library for this holds its lock while the protected function runs, so that
calls come one after the other. Here the lock only covers the bookkeeping before and after a call.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from configurator.core.cancel import Cancelled
from configurator.core.errors import BreakerOpenError

T = TypeVar("T")


class BreakerState(StrEnum):
    """How a breaker stands; `str()` of a member is the word that people read.

    >>> print(BreakerState.HALF_OPEN)
    half-open
    """

    CLOSED = "closed"  # calls pass
    OPEN = "open"  # calls are refused
    HALF_OPEN = "half-open"  # one call at a time may pass, as a trial


class CircuitBreaker:
    """Refuses calls to what keeps failing, and lets one trial through from time to time. Thread-safe.

    It opens after `failure_threshold` failures in a row. `recovery_s` seconds later it is half-open and
    admits one trial: success closes it, failure opens it for another `recovery_s`. Either use `call`, or
    ask `allow` and follow every True by exactly one of `record_success`, `record_failure` and `release`.

    `on_change(name, state)` is told each change, in order, never under the lock and never twice at once;
    half-open is told when the first trial is admitted. It may be called in the thread of another caller.
    What it raises is kept in `on_change_error` and goes no further, since a broken observer must not
    spoil a call. Every time can be given as `now`, in the unit and from the zero of `clock`.

    >>> seconds = [0.0]
    >>> breaker = CircuitBreaker("mirror", failure_threshold=1, recovery_s=30.0, clock=lambda: seconds[0])
    >>> breaker.allow(), breaker.record_failure(), breaker.allow(), breaker.retry_at
    (True, None, False, 30.0)
    >>> seconds[0] = 30.0
    >>> breaker.call(lambda: "answer"), str(breaker.state)
    ('answer', 'closed')
    """

    def __init__(
        self,
        name: str,
        failure_threshold: int = 5,
        recovery_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        *,
        on_change: Callable[[str, BreakerState], None] | None = None,
    ) -> None:
        if not failure_threshold >= 1:
            raise ValueError(f"failure_threshold must be at least 1, not {failure_threshold!r}")
        if not 0 <= recovery_s <= sys.float_info.max:
            raise ValueError(f"recovery_s must be finite and at least 0, not {recovery_s!r}")
        self.name = name
        self.failure_threshold = failure_threshold
        self.recovery_s = recovery_s
        self.on_change = on_change
        self.on_change_error: Exception | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._failures = 0  # in a row
        self._retry_at = 0.0
        self._trial = False  # a trial is under way
        # Counts the trials. An answer that carries an older number belongs to a call that was admitted
        # before the last trial: it says nothing about the one that is under way now, or its outcome.
        self._term = 1
        self._untold: deque[BreakerState] = deque()
        self._telling = False

    @property
    def state(self) -> BreakerState:
        """The state now, by the breaker's own clock; `state_at` if the times are given by hand."""
        return self.state_at(self._clock())

    def state_at(self, now: float) -> BreakerState:
        """Return the state at a time that is not before the last one it was given; changes nothing."""
        with self._lock:
            if self._state is BreakerState.OPEN and now >= self._retry_at:
                return BreakerState.HALF_OPEN
            return self._state

    @property
    def retry_at(self) -> float | None:
        """When it admits a trial, by its clock: past if at once; None if closed or a trial is under way."""
        with self._lock:
            return self._next_trial()

    def allow(self, now: float | None = None) -> bool:
        """Return True if a call may be made now; its end must then be recorded or released."""
        return self.admit(now) is not None

    def admit(self, now: float | None = None) -> int | None:
        """Do as `allow`, but return a number that ties the answer to this call; None if refused.

        Given back as `term`, it has the answer of a call ignored that began before the last trial. Without
        it, the late failure of such a call is taken for that of the trial.
        """
        return self._admit(self._now(now))[0]

    def record_success(self, now: float | None = None, *, term: int | None = None) -> None:
        """Take note that an admitted call worked; closes the breaker if it was the trial."""
        del now  # a success needs no time; accepted so that all three answers are given alike
        with self._lock:
            if self._is_current(term):
                self._failures = 0
                if self._trial:
                    self._change(BreakerState.CLOSED)
        self._tell()

    def record_failure(self, now: float | None = None, *, term: int | None = None) -> None:
        """Take note that an admitted call failed; opens the breaker at the threshold or after a trial."""
        now = self._now(now)
        with self._lock:
            if self._is_current(term):
                self._failures += 1
                if self._trial or self._failures >= self.failure_threshold:
                    self._retry_at = now + self.recovery_s
                    self._change(BreakerState.OPEN)
        self._tell()

    def release(self, now: float | None = None, *, term: int | None = None) -> None:
        """Take note that an admitted call came to nothing (skipped, cancelled): the trial is free again."""
        del now
        with self._lock:
            if self._is_current(term):
                self._trial = False

    def call(self, func: Callable[[], T]) -> T:
        """Return what `func` returns; BreakerOpenError, without calling it, if the breaker is open.

        Its exceptions pass through and count as failures, but for `Cancelled` and what is no `Exception`
        (KeyboardInterrupt): these say nothing about the dependency and release the call.
        """
        now = self._clock()
        term, retry_at = self._admit(now)
        if term is None:
            raise BreakerOpenError(self.name, None if retry_at is None else max(0.0, retry_at - now))
        try:
            result = func()
        except BaseException as error:
            if isinstance(error, Cancelled) or not isinstance(error, Exception):
                self.release(term=term)
            else:
                self.record_failure(term=term)
            raise
        self.record_success(term=term)
        return result

    def _now(self, now: float | None) -> float:
        return self._clock() if now is None else now

    def _admit(self, now: float) -> tuple[int | None, float | None]:
        """Return the number of the admitted call, or None and when to come back."""
        with self._lock:
            if self._state is not BreakerState.CLOSED:
                retry_at = self._next_trial()
                if retry_at is None or now < retry_at:
                    return None, retry_at
                if self._state is BreakerState.OPEN:
                    self._change(BreakerState.HALF_OPEN)
                self._trial = True
                self._term += 1
            term = self._term
        try:
            self._tell()
        except BaseException:  # Ctrl-C within on_change: nobody learns of this trial, so nobody would end it
            self.release(term=term)
            raise
        return term, None

    def _next_trial(self) -> float | None:
        return None if self._trial or self._state is BreakerState.CLOSED else self._retry_at

    def _is_current(self, term: int | None) -> bool:
        """Return True if an answer counts: the breaker is closed or has a trial, and knows the number."""
        expects = self._trial or self._state is BreakerState.CLOSED
        return expects and term in (None, self._term)

    def _change(self, state: BreakerState) -> None:
        self._state = state
        self._trial = False
        self._untold.append(state)

    def _tell(self) -> None:
        """Tell the changes that are left, unless a thread is at it already: it will see them, too."""
        if not self._untold:
            return
        while True:
            with self._lock:
                if self._telling or not self._untold:
                    return
                state = self._untold.popleft()
                self._telling = True
            try:
                if self.on_change is not None:
                    self.on_change(self.name, state)
            except Exception as error:  # noqa: BLE001  (kept for whoever looks; see the class)
                self.on_change_error = error
            finally:
                with self._lock:
                    self._telling = False
