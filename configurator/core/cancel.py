"""Asking work to stop: a token that the work watches, or that calls back whoever can stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Cancelled(Exception):  # noqa: N818  (the standard library's word for it, as in asyncio.CancelledError)
    """Raised by work that stops because its token was cancelled; `reason` says who asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# One for all tokens, held for a few instructions only: every task of a run has a token, and few of them are
# ever asked to do anything.
_LOCK = threading.Lock()


class CancelToken:
    """Set once, never unset; callbacks run exactly once, in the thread that cancels.

    A callback that is registered after the cancellation runs at once, so that no process started in
    between escapes. Callbacks must not block: they close a channel or signal a process group.
    """

    __slots__ = ("_callbacks", "reason")

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[], None]] | None = None
        self.reason: str | None = None

    @property
    def cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self.reason is not None

    def cancel(self, reason: str = "cancelled") -> None:
        """Set the token and run the callbacks; later calls do nothing and the first reason stays.

        Every callback is called, also after one that raises; the first of their errors is raised at the end.
        """
        with _LOCK:
            if self.reason is not None:
                return
            self.reason = reason
            callbacks, self._callbacks = self._callbacks or {}, None
        problem: BaseException | None = None
        for callback in callbacks.values():
            try:
                callback()
            except BaseException as error:  # noqa: BLE001  (the others stop other work)
                problem = problem or error
        if problem is not None:
            raise problem

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` run on cancellation; return a function that takes it back."""
        with _LOCK:
            if self.reason is None:
                key = object()
                if self._callbacks is None:
                    self._callbacks = {}
                self._callbacks[key] = callback
                return lambda: self._forget(key)
        callback()
        return lambda: None

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled if the token is set."""
        if self.reason is not None:
            raise Cancelled(self.reason)

    def _forget(self, key: object) -> None:
        with _LOCK:
            if self._callbacks is not None:
                self._callbacks.pop(key, None)
