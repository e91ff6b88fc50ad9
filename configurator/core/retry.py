"""When a failed attempt is worth another one, and how long to wait before it. Nothing here waits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from configurator.core.cancel import Cancelled

ExceptionTypes = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a task is tried and how long it waits in between: exponential backoff with jitter.

    There are at most `max_attempts` attempts, the first one included. The wait after attempt n is
    `delay_s * factor ** (n - 1)` seconds, never more than `max_delay_s`, and then spread by up to the
    fraction `jitter` in both directions so that many clients do not come back at the same moment.

    `retry_on` says which errors are worth it: exception types, or a function that is given the error.
    Never retried, whatever it says: `Cancelled`, and what is no `Exception` (KeyboardInterrupt, SystemExit).
    Wrong values are a ValueError that names the field and the value.

    >>> policy = RetryPolicy(max_attempts=3, delay_s=1.0, factor=2.0, jitter=0.5, retry_on=(OSError,))
    >>> policy.wants(ConnectionResetError(), attempts_made=1), policy.wants(ValueError(), attempts_made=1)
    (True, False)
    >>> policy.wants(ConnectionResetError(), attempts_made=3)
    False
    >>> [policy.delay(2, random_value) for random_value in (0.0, 0.5)]
    [1.0, 2.0]
    """

    max_attempts: int = 3
    delay_s: float = 1.0
    factor: float = 2.0
    max_delay_s: float = 60.0
    jitter: float = 0.1
    retry_on: Callable[[BaseException], bool] | ExceptionTypes = (Exception,)

    def __post_init__(self) -> None:
        if not self.max_attempts >= 1:
            raise ValueError(f"max_attempts must be at least 1, not {self.max_attempts!r}")
        _check("delay_s", self.delay_s, 0, sys.float_info.max)
        _check("factor", self.factor, 1, sys.float_info.max)
        _check("max_delay_s", self.max_delay_s, 0, sys.float_info.max)
        _check("jitter", self.jitter, 0, 1)
        if not (
            _is_types(self.retry_on) or (callable(self.retry_on) and not isinstance(self.retry_on, type))
        ):
            raise ValueError(f"retry_on must be exception types or a function, not {self.retry_on!r}")

    def wants(self, error: BaseException, attempts_made: int) -> bool:
        """Return True if another attempt should follow `attempts_made` of them, the last with this error.

        A `retry_on` function that itself raises means no: it must not hide the error that it was asked
        about. What it raised is added to that error as a note.
        """
        if attempts_made >= self.max_attempts:
            return False
        if isinstance(error, Cancelled) or not isinstance(error, Exception):
            return False
        if isinstance(self.retry_on, (type, tuple)):
            return isinstance(error, self.retry_on)
        try:
            return bool(self.retry_on(error))
        except Exception as problem:  # noqa: BLE001  (a broken judge must not replace the task's own error)
            error.add_note(f"not retried: retry_on raised {problem!r}")
            return False

    def delay(self, attempts_made: int, random_value: float) -> float:
        """Return the seconds to wait after `attempts_made` attempts (1 or more) and before the next one.

        `random_value`, from 0 to 1, places the wait within its spread: 0.5 is the middle. It is the
        caller's, so that a simulation repeats exactly. The spread can exceed `max_delay_s` by `jitter`:
        cutting it off there would have half of all clients come back at the same moment.
        """
        if attempts_made < 1:
            raise ValueError(f"attempts_made must be at least 1, not {attempts_made!r}")
        _check("random_value", random_value, 0, 1)
        return self._backoff(attempts_made) * (1.0 + self.jitter * (2.0 * random_value - 1.0))

    def _backoff(self, attempts_made: int) -> float:
        if self.delay_s == 0:
            return 0.0  # 0 times what overflows is still 0
        try:
            # As a float: an integer power would not overflow but take minutes.
            wait = self.delay_s * float(self.factor) ** (attempts_made - 1)
        except OverflowError:
            wait = self.max_delay_s
        return float(min(wait, self.max_delay_s))


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # also false for nan
        limit = f"from {least} to {most}" if most == 1 else f"finite and at least {least}"
        raise ValueError(f"{name} must be {limit}, not {value!r}")


def _is_types(value: object) -> bool:
    items = value if isinstance(value, tuple) else (value,)
    return all(isinstance(item, type) and issubclass(item, BaseException) for item in items)
