"""The bus that carries the engine's events: no subscriber can slow or hurt a run."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast, overload

from configurator.core._event_line import EventHistory, EventLine
from configurator.core.engine_events import (
    BreakerChanged,
    EngineEvent,
    GroupEnded,
    GroupStarted,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopping,
    SubscriberFailed,
    TaskEnded,
    TaskProgress,
    TaskRetrying,
    TasksJoined,
    TaskStarted,
)

__all__ = [
    "BreakerChanged",
    "EngineEvent",
    "EventBus",
    "GroupEnded",
    "GroupStarted",
    "RunEnded",
    "RunPaused",
    "RunResumed",
    "RunStarted",
    "RunStopping",
    "Subscriber",
    "SubscriberFailed",
    "TaskEnded",
    "TaskProgress",
    "TaskRetrying",
    "TaskStarted",
    "TasksJoined",
]

Subscriber = Callable[[EngineEvent], object]
_E = TypeVar("_E", bound=EngineEvent)

# A Ctrl-C that arrives just before a wait begins is only seen when the wait ends, so none is long. The idle
# delivery thread looks up as often: its bus may be forgotten, or a Ctrl-C may have cut off the ring.
_GLANCE_S = 0.5
_FAILURES_KEPT = 100
# What is published while no thread delivers becomes history when this much has come together, not one by one.
_BACKLOG = 500
_TOGETHER = 100  # events that the delivery thread takes at once: a lock for each would double its work


class _Subscription:
    """One subscriber with its choice of types; queued itself, so that its place in the order is exact."""

    __slots__ = ("active", "name", "replay", "subscriber", "types")

    def __init__(
        self, subscriber: Callable[[Any], object], types: tuple[type[EngineEvent], ...], replay: bool
    ) -> None:
        self.subscriber = subscriber
        self.name: str = getattr(subscriber, "__qualname__", type(subscriber).__qualname__)
        self.types = types or (EngineEvent,)
        self.replay = replay
        self.active = True


class _Mark(threading.Event):
    """A place in the queue; set once everything queued before it was delivered."""

    def wait_for_it(self) -> None:
        while not self.wait(_GLANCE_S):
            pass


class EventBus:
    r"""Delivers events to every subscriber in exactly the order of `publish`, from a daemon thread.

    - A publisher never waits for a subscriber: `publish` queues, and may be called from any thread.
    - A subscriber that raises still gets the following events, and so do the others; they are told by a
      SubscriberFailed. `failures` keeps the newest failures, and `on_error(subscriber, error)` is called for
      each, in the delivery thread.
    - State events are never dropped. Of TaskProgress only the newest undelivered one of each task is kept,
      in its own place in the order.
    - The newest `history` events are kept for late subscribers, also while nobody is subscribed; of each
      task only its newest TaskProgress, and no SubscriberFailed.

    >>> bus = EventBus()
    >>> bus.publish(TaskStarted(0.0, "nginx", worker=0))
    >>> seen = []
    >>> take_back = bus.subscribe(seen.append, TaskStarted, TaskProgress, replay=True)
    >>> bus.publish(TaskProgress(1.5, "nginx", done=3, total=4))
    >>> bus.close()
    >>> print(*seen, sep="\n")
    TaskStarted(at_s=0.0, task_name='nginx', worker=0, attempt=1, group=None)
    TaskProgress(at_s=1.5, task_name='nginx', done=3, total=4, message='')
    """

    def __init__(
        self,
        on_error: Callable[[Callable[[Any], object], BaseException], object] | None = None,
        *,
        history: int = 1000,
    ) -> None:
        if history < 0:
            raise ValueError(f"history must not be negative, not {history}")
        self._on_error = on_error
        self._history = EventHistory(history)
        self._queue = EventLine()
        self._append = self._queue.append
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._failures: deque[tuple[Callable[[Any], object], BaseException]] = deque(maxlen=_FAILURES_KEPT)
        self._reset_thread()
        _buses.add(self)

    def _reset_thread(self) -> None:
        self._lock = threading.Lock()  # guards all that is here; never held while a subscriber runs
        self._bell = threading.Lock()  # released to wake the delivery thread: far cheaper than an Event
        self._bell.acquire()
        self._idle = True  # no thread takes from the queue now: it sleeps, or there is none
        self._thread: threading.Thread | None = None
        self._closing: _Mark | None = None

    # -- publishers ---------------------------------------------------------------------------------

    def publish(self, event: EngineEvent) -> None:
        """Queue an event; never waits for a subscriber, nor raises what one raises.

        On a bus that has no subscriber yet, or is closed, the event goes to the history only.
        """
        if type(event) is TaskProgress:
            with self._lock:
                self._queue.put_progress(event)
        else:
            # Without the lock: the scheduler must not wait until our thread, which may hold it, runs again.
            self._append(event)
        if self._idle:
            self._attend()

    def _attend(self) -> None:
        """Wake the delivery thread, or do its work when there is none.

        Only the thread says that it is idle, after which it looks at the queue once more: whoever appended
        before that is seen, whoever appends later sees it idle and rings.
        """
        if self._thread is not None:
            self._ring()
        elif self._queue.size() > _BACKLOG:
            with self._lock:
                if self._thread is None:
                    self._absorb()

    def _ring(self) -> None:
        if self._bell.locked():
            with contextlib.suppress(RuntimeError):  # another publisher was faster
                self._bell.release()

    # -- subscribers --------------------------------------------------------------------------------

    @overload
    def subscribe(self, subscriber: Subscriber, *, replay: bool = ...) -> Callable[[], None]: ...

    @overload
    def subscribe(
        self, subscriber: Callable[[_E], object], *types: type[_E], replay: bool = ...
    ) -> Callable[[], None]: ...

    def subscribe(
        self, subscriber: Callable[[Any], object], *types: type[EngineEvent], replay: bool = False
    ) -> Callable[[], None]:
        """Have `subscriber` called for every event from now on; return a function that takes that back.

        With `types`, only for events of these types. With `replay` it first gets the history, and after that
        every later event: none is lost, doubled or out of order. After the returned function has returned,
        no call begins; one that is under way may still end. Makes a closed bus deliver again, as `open` does.
        """
        subscription = _Subscription(subscriber, types, replay)
        with self._lock:
            self._start()
            self._put(subscription)
        return lambda: self._take_back(subscription)

    def open(self) -> None:
        """Deliver again after `close`, to the same subscribers; does nothing on a bus that is not closed.

        What was published while the bus was closed is in the history, and is not delivered late.
        """
        with self._lock:
            if self._subscriptions or self._closing is not None:
                self._start()

    def flush(self) -> None:
        """Return after everything that was published before this call was delivered.

        Called by a subscriber it returns at once: it would wait for itself. The caller must not hold a lock
        that a subscriber needs. A KeyboardInterrupt ends the wait and leaves the bus as it was.
        """
        with self._lock:
            if self._thread is None or self._thread is threading.current_thread():
                return
            mark = _Mark()
            self._put(mark)
        mark.wait_for_it()

    def close(self) -> None:
        """Return after everything published so far was delivered and the delivery thread has ended.

        Later events go to the history only, until `open` or `subscribe`; subscriptions are kept. Called by a
        subscriber it returns at once, and the thread ends later. A KeyboardInterrupt ends the wait alone.
        """
        with self._lock:
            thread = self._thread
            if thread is None:
                return
            mark = self._closing = _Mark()
            self._put(mark)
        if thread is threading.current_thread():
            return
        mark.wait_for_it()
        # Unless someone subscribed meanwhile, which makes this close a flush: then the thread goes on.
        while thread.is_alive() and (self._thread is not thread or self._closing is not None):
            thread.join(_GLANCE_S)

    @property
    def history(self) -> tuple[EngineEvent, ...]:
        """The newest events, oldest first, whether delivered or still queued; bounded by `history`."""
        with self._lock:
            history = self._history.copy()
            for item in self._queue:
                if isinstance(item, EngineEvent):
                    history.add(item)
        return tuple(history)

    @property
    def failures(self) -> tuple[tuple[Callable[[Any], object], BaseException], ...]:
        """The newest failures of subscribers as (subscriber, error), oldest first; at most 100 are kept."""
        with self._lock:
            return tuple(self._failures)

    # -- with the lock held -------------------------------------------------------------------------

    def _start(self) -> None:
        """Make sure that a thread delivers; a close that has not got that far becomes a flush."""
        self._closing = None
        if self._thread is None:
            self._absorb()  # not for those who subscribed before a close
            thread = threading.Thread(
                target=_pump, args=(weakref.ref(self), self._bell), name="events", daemon=True
            )
            thread.start()
            self._thread = (
                thread  # if a Ctrl-C cuts this off, the thread finds that it is not the one, and ends
            )

    def _put(self, item: _Subscription | _Mark) -> None:
        self._queue.append(item)
        self._ring()

    def _absorb(self) -> list[_Mark]:
        """Make history of what is queued, without delivering it; return the marks that someone waits for."""
        end = _Mark()  # publishers may go on meanwhile, and must not keep us here
        self._queue.append(end)
        marks = []
        while True:
            if states := self._queue.take_events(_BACKLOG):
                self._history.add_states(states)
                continue
            item = self._queue.take()
            if item is end:
                break
            if isinstance(item, EngineEvent):
                self._history.add(item)
            elif isinstance(item, _Mark):
                marks.append(item)
            else:
                self._subscriptions += (cast(_Subscription, item),)
        return marks

    def _take_back(self, subscription: _Subscription) -> None:
        with self._lock:
            subscription.active = False
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)

    # -- the delivery thread ------------------------------------------------------------------------

    def _deliver(self) -> float | None:
        """Deliver until the queue is empty; return how long to sleep, or None when the thread has to end."""
        with self._lock:
            if self._thread is not threading.current_thread():
                return None
            self._idle = False
        while True:
            with self._lock:
                states = self._queue.take_events(_TOGETHER)
                if states:
                    self._history.add_states(states)
                    targets: tuple[_Subscription, ...] = self._subscriptions
                else:
                    item = self._queue.take()
                    if item is None or item is self._closing:
                        return self._rest(item)
                    states, targets = self._next(item)
            for event in states:
                self._hand_over(event, targets)

    def _next(self, item: object) -> tuple[list[EngineEvent], tuple[_Subscription, ...]]:
        """Take note of something in the queue that is no state event; return what to deliver to whom."""
        if isinstance(item, EngineEvent):
            self._history.add(item)
            return [item], self._subscriptions
        if isinstance(item, _Subscription):
            if item.active:
                self._subscriptions += (item,)
            return list(self._history) if item.replay else [], (item,)
        cast(_Mark, item).set()
        return [], ()

    def _rest(self, closing: object | None) -> float | None:
        """The queue is empty, or the bus is to be closed: as `_deliver` returns."""
        self._idle = True
        if closing is None:
            return 0.0 if self._queue.size() else _GLANCE_S
        self._thread = self._closing = None
        for mark in (cast(_Mark, closing), *self._absorb()):
            mark.set()
        return None

    def _hand_over(self, event: EngineEvent, targets: Iterable[_Subscription]) -> None:
        """Call the subscribers, and tell the others of each that failed before the next event comes."""
        failed: list[tuple[_Subscription, BaseException]] = []
        for subscription in targets:
            try:
                if subscription.active and isinstance(event, subscription.types):
                    subscription.subscriber(event)
            except BaseException as error:  # noqa: BLE001  (a broken output must hurt nobody else)
                self._record(subscription.subscriber, error)
                failed.append((subscription, error))
        for subscription, problem in failed:
            notice = SubscriberFailed(event.at_s, subscription.name, problem)
            for other in self._subscriptions:
                if other is not subscription and other.active and isinstance(notice, other.types):
                    try:
                        other.subscriber(notice)
                    except BaseException as second:  # noqa: BLE001  (recorded, but not announced in turn)
                        self._record(other.subscriber, second)

    def _record(self, subscriber: Callable[[Any], object], error: BaseException) -> None:
        with self._lock:
            self._failures.append((subscriber, error))
        if self._on_error is not None:
            try:
                self._on_error(subscriber, error)
            except BaseException as worse:  # noqa: BLE001  (nor must the one who is told about it)
                with self._lock:
                    self._failures.append((subscriber, worse))


def _pump(bus_ref: weakref.ref[EventBus], bell: threading.Lock) -> None:
    """Deliver until the bus is closed, or was forgotten unclosed: while idle, nothing here holds it."""
    while (bus := bus_ref()) is not None:
        pause = bus._deliver()
        if pause is None:
            return
        del bus
        bell.acquire(timeout=pause)


_buses: weakref.WeakSet[EventBus] = weakref.WeakSet()


def _after_fork() -> None:
    """In a child process no bus has its thread, and a lock may have been held: each is as after a close.

    The marks are left alone: who waited for them is gone, and their locks may be held, too.
    """
    for bus in list(_buses):
        bus._reset_thread()
        bus._absorb()


os.register_at_fork(after_in_child=_after_fork)
