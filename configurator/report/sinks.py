"""Reporter: takes events from many threads and hands them to every sink from one."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Protocol, runtime_checkable

from configurator.core.run_events import RunEvent, RunFinished, Sink
from configurator.report.sanitize import cleaned

_TICK_S = 0.125  # eight pictures a second: smooth to the eye, 2 % of a core


@runtime_checkable
class Ticking(Protocol):
    """A sink that also acts when nothing happens: a clock on the board, a heartbeat line."""

    def tick(self) -> None:
        """About 0.1 s have passed."""


@runtime_checkable
class Suspendable(Protocol):
    """A sink that owns the terminal and can let go of it for a while."""

    def suspend(self) -> None:
        """Leave the terminal as it was found, until `resume`."""

    def resume(self) -> None:
        """Take the terminal again."""


class _Flush:
    """A mark in the queue; `reached` is set when everything before it was handled."""

    def __init__(self) -> None:
        self.reached = threading.Event()


class _Suspend(_Flush):
    """A mark at which the sinks let go of the terminal until `over` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()


class Reporter:
    """A sink that feeds other sinks, from one thread, in the order in which events arrived.

    `handle` never blocks and may be called from any thread. `people` are sinks whose output is read by
    people: they get events without control characters. `exact` ones (JSON) get them as they are. A sink
    that raises is detached and reported once through `complain`; the run and the other sinks go on.
    `log_path` is filled into the RunFinished events that carry none.
    """

    def __init__(
        self,
        people: Sequence[Sink],
        exact: Sequence[Sink] = (),
        *,
        log_path: str | None = None,
        complain: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people = list(people)
        self._exact = list(exact)
        self._log_path = log_path
        self._complain = complain or _to_stderr
        self._clock = clock
        self._queue: queue.SimpleQueue[RunEvent | _Flush | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._deliver, name="report", daemon=True)
        self._thread.start()

    def handle(self, event: RunEvent) -> None:
        """Queue an event; what comes after `close` is dropped."""
        if not self._closed:
            self._queue.put(event)

    def flush(self) -> None:
        """Return when every event that was queued before has been shown."""
        mark = _Flush()
        self._put_mark(mark)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal alone within the `with` block, for a question such as a password prompt.

        Events go on being queued and are shown afterwards.
        """
        mark = _Suspend()
        self._put_mark(mark)
        try:
            yield
        finally:
            mark.over.set()

    def close(self) -> None:
        """Show what is queued, close every sink, and return; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _put_mark(self, mark: _Flush) -> None:
        if self._closed or threading.current_thread() is self._thread:
            return
        self._queue.put(mark)
        while not mark.reached.wait(0.5):
            if not self._thread.is_alive():
                return

    # -- in the thread of the reporter ----------------------------------------------------------------

    def _deliver(self) -> None:
        next_tick = self._clock() + _TICK_S
        while True:
            try:
                item = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                item = _NOTHING
            if item is None:
                break
            if isinstance(item, _Suspend):
                self._each(lambda sink: sink.suspend() if isinstance(sink, Suspendable) else None)
                item.reached.set()
                item.over.wait()
                self._each(lambda sink: sink.resume() if isinstance(sink, Suspendable) else None)
            elif isinstance(item, _Flush):
                item.reached.set()
            elif isinstance(item, RunEvent) and item is not _NOTHING:
                self._hand_out(item)
            if self._clock() >= next_tick:
                self._each(lambda sink: sink.tick() if isinstance(sink, Ticking) else None)
                next_tick = self._clock() + _TICK_S
        self._each(lambda sink: sink.close())

    def _hand_out(self, event: RunEvent) -> None:
        if isinstance(event, RunFinished) and event.log_path is None:
            event = replace(event, log_path=self._log_path)
        for sink in tuple(self._exact):
            self._attempt(sink, lambda sink: sink.handle(event))
        shown = cleaned(event)
        for sink in tuple(self._people):
            self._attempt(sink, lambda sink: sink.handle(shown))

    def _each(self, act: Callable[[Sink], None]) -> None:
        for sink in (*self._exact, *self._people):
            self._attempt(sink, act)

    def _attempt(self, sink: Sink, act: Callable[[Sink], None]) -> None:
        try:
            act(sink)
        except BrokenPipeError:
            self._detach(sink)  # `| head` has read what it wanted; the run goes on without a reader
        except Exception as error:  # noqa: BLE001  (a broken output must never hurt the run)
            self._detach(sink)
            self._complain(f"{type(sink).__name__} gave up: {type(error).__name__}: {error}")

    def _detach(self, sink: Sink) -> None:
        for sinks in (self._exact, self._people):
            if sink in sinks:
                sinks.remove(sink)
        # A board that fails in the middle of a picture must still give the cursor back.
        with suppress(Exception):
            sink.close()


_NOTHING = RunEvent()


def _to_stderr(message: str) -> None:
    sys.stderr.write(f"warning: {message}\n")
