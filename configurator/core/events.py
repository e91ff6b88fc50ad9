"""The engine's own events and the bus that carries them: no subscriber can slow or hurt a run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from configurator.core.task import TaskResult


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Base of what the engine announces; `at_s` is seconds since the start of the run."""

    at_s: float


@dataclass(frozen=True, slots=True)
class TaskStarted(EngineEvent):
    """A worker took the task."""

    task_name: str
    worker: int


@dataclass(frozen=True, slots=True)
class TaskEnded(EngineEvent):
    """The task's result is final."""

    result: TaskResult


Subscriber = Callable[[EngineEvent], None]


class EventBus:
    """Delivers events in the order of the state changes, from one thread of its own.

    A subscriber that raises is reported through `on_error` and still gets the following events.
    """

    def __init__(self, on_error: Callable[[Subscriber, Exception], None] | None = None) -> None:
        self._queue: queue.SimpleQueue[EngineEvent | None] = queue.SimpleQueue()
        self._subscribers: list[Subscriber] = []
        self._on_error = on_error
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have `subscriber` called for every event from now on."""
        with self._lock:
            self._subscribers.append(subscriber)
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="events", daemon=True)
                self._thread.start()

    def publish(self, event: EngineEvent) -> None:
        """Queue an event; never blocks."""
        if self._thread is not None:
            self._queue.put(event)

    def close(self) -> None:
        """Return after every queued event was delivered."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _deliver(self) -> None:
        while (event := self._queue.get()) is not None:
            for subscriber in tuple(self._subscribers):
                try:
                    subscriber(event)
                except Exception as error:  # noqa: BLE001  (a broken output must not hurt the run)
                    if self._on_error is not None:
                        self._on_error(subscriber, error)
