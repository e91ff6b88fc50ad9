"""The event bus: order, types, late subscribers, coalescing, isolation, flush, close, Ctrl-C, fork."""

from __future__ import annotations

import contextlib
import dataclasses
import doctest
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.core import engine_events, events
from configurator.core._event_line import EventHistory, EventLine
from configurator.core.events import (
    EngineEvent,
    EventBus,
    GroupEnded,
    GroupStarted,
    SubscriberFailed,
    TaskEnded,
    TaskProgress,
    TaskRetrying,
    TaskStarted,
)
from configurator.core.status import Status
from configurator.core.task import TaskResult

WAIT_S = 10  # how long a test waits for what must come; never a measure


def started(name: str, at: float = 0.0) -> TaskStarted:
    return TaskStarted(at, name, 0)


def ended(name: str) -> TaskEnded:
    return TaskEnded(0.0, TaskResult(name, Status.SUCCESS))


def progress(name: str, done: float) -> TaskProgress:
    return TaskProgress(0.0, name, done)


def numbered(count: int, first: int = 0) -> list[EngineEvent]:
    return [GroupStarted(float(number), "g") for number in range(first, first + count)]


def publish_all(bus: EventBus, published: list[EngineEvent]) -> None:
    for event in published:
        bus.publish(event)


class Held:
    """A subscriber that holds the delivery thread in its first call until it is let go."""

    def __init__(self) -> None:
        self.seen: list[EngineEvent] = []
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, event: EngineEvent) -> None:
        self.seen.append(event)
        self.reached.set()
        assert self.let_go.wait(WAIT_S)


@contextlib.contextmanager
def held(bus: EventBus) -> Iterator[list[EngineEvent]]:
    """Hold the delivery within the block; what was published there is in the list after it."""
    holder = Held()
    bus.subscribe(holder)
    bus.publish(GroupStarted(-1.0, "held"))
    assert holder.reached.wait(WAIT_S)
    try:
        yield holder.seen
    finally:
        holder.let_go.set()
    bus.flush()
    del holder.seen[0]


class Watched(EventBus):
    """Tells when something other than an event was queued, so that a test knows that a wait has begun."""

    def __init__(self) -> None:
        self.queued = threading.Semaphore(0)
        super().__init__()

    def _put(self, item: Any) -> None:
        super()._put(item)
        self.queued.release()


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def join(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()


def thread_of(bus: EventBus) -> threading.Thread:
    assert bus._thread is not None
    return bus._thread


# -- the types --------------------------------------------------------------------------------------


def test_the_example_in_the_docstring_is_true() -> None:
    """What people copy first must work as printed."""
    outcome = doctest.testmod(events)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("name", sorted(set(events.__all__) - {"EventBus", "Subscriber"}))
def test_event_types_are_frozen_slotted_and_begin_with_their_time(name: str) -> None:
    """Several threads share an event; positional use relies on the time being first."""
    kind = getattr(events, name)
    assert kind is getattr(engine_events, name)
    assert issubclass(kind, EngineEvent)
    if kind is EngineEvent:
        return
    names = getattr(kind, "_fields", None) or tuple(field.name for field in dataclasses.fields(kind))
    assert names[0] == "at_s"
    event = kind(*range(len(names)))
    with pytest.raises(AttributeError):  # FrozenInstanceError is one, too
        event.at_s = 1.0
    assert not hasattr(event, "__dict__")


# -- order and choice -------------------------------------------------------------------------------


def test_events_come_in_the_order_of_publish() -> None:
    """State changes make sense in their order only."""
    bus = EventBus()
    seen: list[EngineEvent] = []
    bus.subscribe(seen.append)
    published = numbered(3000)
    publish_all(bus, published)
    bus.close()
    assert seen == published


def test_all_subscribers_see_one_order_that_no_publisher_disagrees_with() -> None:
    """Many workers publish at once: nothing is lost, and each worker's own order stays."""
    bus = EventBus()
    views: tuple[list[EngineEvent], list[EngineEvent]] = ([], [])
    for view in views:
        bus.subscribe(view.append)
    barrier = threading.Barrier(4)

    def work(publisher: int) -> None:
        barrier.wait(WAIT_S)
        for number in range(2000):
            bus.publish(GroupEnded(0.0, str(publisher), number))

    join(*[in_thread(lambda publisher=publisher: work(publisher)) for publisher in range(4)])  # type: ignore[misc]
    bus.close()
    assert views[0] == views[1]
    for publisher in range(4):
        own = [e.failed for e in views[0] if isinstance(e, GroupEnded) and e.group == str(publisher)]
        assert own == list(range(2000))


def test_a_subscriber_gets_only_the_types_it_asked_for() -> None:
    """None means all, several mean any, and a base type means all below it."""
    bus = EventBus()
    everything: list[EngineEvent] = []
    base: list[EngineEvent] = []
    some: list[EngineEvent] = []
    one: list[TaskEnded] = []
    bus.subscribe(everything.append)
    bus.subscribe(base.append, EngineEvent)
    bus.subscribe(some.append, TaskStarted, TaskEnded)
    bus.subscribe(one.append, TaskEnded)
    published = [started("a"), GroupStarted(0.0, "g"), ended("a")]
    publish_all(bus, published)
    bus.close()
    assert everything == base == published
    assert some == [published[0], published[2]]
    assert one == [published[2]]


def test_a_publisher_does_not_wait_for_a_subscriber() -> None:
    """It publishes with the scheduler's lock held: a blocked terminal must not stop the run."""
    bus = EventBus()
    published = numbered(2000)
    with held(bus) as seen:
        publish_all(bus, published)
        assert seen == [GroupStarted(-1.0, "held")]
    assert seen == published
    bus.close()


def test_events_from_before_a_subscription_are_not_delivered_to_it() -> None:
    """From now on means just that, even when older events still wait for delivery."""
    bus = EventBus()
    late: list[EngineEvent] = []
    with held(bus):
        publish_all(bus, numbered(5))
        bus.subscribe(late.append)
        publish_all(bus, numbered(5, 5))
    bus.close()
    assert late == numbered(5, 5)


def test_no_call_comes_after_a_subscription_was_taken_back() -> None:
    """Who closes its file after taking back must not be written to."""
    bus = EventBus()
    gone: list[EngineEvent] = []
    never: list[EngineEvent] = []
    stays: list[EngineEvent] = []
    take_back = bus.subscribe(gone.append)
    bus.subscribe(stays.append)
    publish_all(bus, numbered(2))
    bus.flush()
    with held(bus):
        take_back()
        take_back()
        bus.subscribe(never.append, replay=True)()
        publish_all(bus, numbered(2, 2))
    bus.close()
    assert [e for e in gone if e.at_s >= 0] == numbered(2)
    assert [e for e in stays if e.at_s >= 0] == numbered(4)
    assert never == []


def test_a_subscriber_may_take_itself_back_and_subscribe_another() -> None:
    """The bus holds no lock while it calls; within one event the others still get it."""
    bus = EventBus()
    first: list[EngineEvent] = []
    second: list[EngineEvent] = []

    def once(event: EngineEvent) -> None:
        first.append(event)
        take_back()
        bus.subscribe(second.append)

    take_back = bus.subscribe(once)
    bus.publish(started("a"))
    bus.flush()
    bus.publish(started("b"))
    bus.close()
    assert (first, second) == ([started("a")], [started("b")])


# -- the history ------------------------------------------------------------------------------------


def test_a_late_subscriber_first_gets_the_history() -> None:
    """An output that is opened in the middle of a run tells the whole story."""
    bus = EventBus()
    publish_all(bus, numbered(3))
    early: list[EngineEvent] = []
    late: list[EngineEvent] = []
    chosen: list[EngineEvent] = []
    bus.subscribe(early.append)
    publish_all(bus, numbered(3, 3))
    bus.subscribe(late.append, replay=True)
    bus.subscribe(chosen.append, TaskStarted, replay=True)
    publish_all(bus, numbered(3, 6))
    bus.close()
    assert early == numbered(6, 3)
    assert late == numbered(9)
    assert chosen == []


def test_replay_is_complete_while_others_publish() -> None:
    """Whenever one joins: the history and what follows are one story, without gap, double or disorder."""
    publishers, count, joiners = 3, 600, 8
    for _ in range(3):
        bus = EventBus(history=publishers * count)
        replayed: list[list[EngineEvent]] = [[] for _ in range(joiners)]
        plain: list[list[EngineEvent]] = [[] for _ in range(joiners)]
        barrier = threading.Barrier(publishers + 1)

        def work(publisher: int, bus: EventBus = bus, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(WAIT_S)
            for number in range(count):
                bus.publish(GroupEnded(0.0, str(publisher), number))

        threads = [in_thread(lambda publisher=publisher: work(publisher)) for publisher in range(publishers)]  # type: ignore[misc]
        barrier.wait(WAIT_S)
        for whole, rest in zip(replayed, plain, strict=True):
            bus.subscribe(whole.append, replay=True)
            bus.subscribe(rest.append)
        join(*threads)
        bus.close()
        assert len(bus.history) == publishers * count
        for whole, rest in zip(replayed, plain, strict=True):
            assert tuple(whole) == bus.history
            assert rest == whole[len(whole) - len(rest) :]


def test_opening_and_closing_while_others_publish_loses_nothing_from_the_history() -> None:
    """An event that is published just when the thread ends or starts is still part of the story."""
    publishers, count = 2, 3000
    bus = EventBus(history=publishers * count)
    barrier = threading.Barrier(publishers + 1)
    seen: list[EngineEvent] = []

    def work(publisher: int) -> None:
        barrier.wait(WAIT_S)
        for number in range(count):
            bus.publish(GroupEnded(0.0, str(publisher), number))

    threads = [in_thread(lambda publisher=publisher: work(publisher)) for publisher in range(publishers)]  # type: ignore[misc]
    bus.subscribe(seen.append)
    barrier.wait(WAIT_S)
    while any(thread.is_alive() for thread in threads):
        bus.close()
        bus.open()
    bus.close()
    history = bus.history
    for publisher in range(publishers):
        own = [e.failed for e in history if isinstance(e, GroupEnded) and e.group == str(publisher)]
        assert own == list(range(count))
    places = {id(event): place for place, event in enumerate(history)}
    delivered = [places[id(event)] for event in seen]
    assert delivered == sorted(set(delivered))


def test_the_history_is_bounded_and_keeps_the_newest() -> None:
    """A run of days must not fill the memory, with or without a subscriber."""
    bus = EventBus(history=10)
    publish_all(bus, numbered(2000))
    assert bus.history == tuple(numbered(10, 1990))
    assert bus._queue.size() < 600, "what nobody waits for must not pile up"
    bus.subscribe(lambda _event: None)
    publish_all(bus, numbered(20))
    bus.close()
    assert bus.history == tuple(numbered(10, 10))


def test_the_history_has_what_is_still_queued() -> None:
    """A status page that asks while an output is stuck must not be behind; progress is there once."""
    bus = EventBus()
    bus.publish(progress("a", 1))
    with held(bus):
        publish_all(bus, [started("b"), progress("a", 2)])
        bus.subscribe(lambda _event: None)
        expected = (GroupStarted(-1.0, "held"), started("b"), progress("a", 2))
        assert bus.history == expected
    assert bus.history == expected
    bus.close()


def test_a_history_of_nothing_and_a_negative_one() -> None:
    """Nothing is a choice, less than nothing a mistake."""
    bus = EventBus(history=0)
    bus.publish(started("a"))
    assert bus.history == ()
    with pytest.raises(ValueError, match="-1"):
        EventBus(history=-1)


# -- progress ---------------------------------------------------------------------------------------


def test_undelivered_progress_is_replaced_and_keeps_its_order() -> None:
    """A fast reporter and a slow output: only the newest of each task is kept, in its own place."""
    bus = EventBus()
    with held(bus) as seen:
        for number in range(1000):
            publish_all(bus, [progress("a", number), progress("b", number)])
            if number == 500:
                bus.publish(started("c"))
        bus.publish(ended("a"))
        assert bus._queue.size() <= 4, "the queue must not grow with the progress"
    bus.close()
    assert seen == [started("c"), progress("a", 999), progress("b", 999), ended("a")]


def test_progress_stays_behind_the_start_of_its_attempt() -> None:
    """A retry's progress must not appear in the place of the failed attempt's."""
    bus = EventBus()
    retrying = TaskRetrying(1.0, "a", 1, 0.5, None)
    with held(bus) as seen:
        publish_all(bus, [started("a"), progress("a", 9), retrying, started("a", 2.0), progress("a", 1)])
    bus.close()
    assert seen == [started("a"), retrying, started("a", 2.0), progress("a", 1)]


EVENTS = st.one_of(
    st.builds(started, st.sampled_from("abc")),
    st.builds(ended, st.sampled_from("abc")),
    st.builds(progress, st.sampled_from("abc"), st.integers(0, 9)),
    st.builds(GroupStarted, st.just(0.0), st.just("g")),
)


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(st.one_of(EVENTS, st.none())))
def test_a_line_is_a_queue_in_which_newer_progress_takes_out_the_older(
    steps: list[EngineEvent | None],
) -> None:
    """Against the plainest model: a list; None takes one. Bundles never outnumber the other items by two."""
    line = EventLine()
    model: list[EngineEvent] = []
    for step in steps:
        if step is None:
            assert line.take() is (model.pop(0) if model else None)
        elif isinstance(step, TaskProgress):
            older = [e for e in model if isinstance(e, TaskProgress) and e.task_name == step.task_name]
            assert line.put_progress(step) is not bool(older)
            model = [e for e in model if not any(e is other for other in older)]
            model.append(step)
        else:
            line.append(step)
            model.append(step)
        assert list(line) == model
        others = sum(not isinstance(e, TaskProgress) for e in model)
        assert line.size() <= 2 * others + 1
    while model:
        assert line.take() is model.pop(0)
    assert line.take() is None


@settings(max_examples=300, deadline=None)
@given(published=st.lists(EVENTS), limit=st.integers(0, 6))
def test_a_history_is_the_newest_of_what_counts(published: list[EngineEvent], limit: int) -> None:
    """Against the plainest model: all that counts, of progress the newest of each task, cut to the limit."""
    history = EventHistory(limit)
    counting: list[EngineEvent] = []
    for event in published:
        history.add(event)
        if isinstance(event, TaskProgress):
            name = event.task_name
            counting = [e for e in counting if not (isinstance(e, TaskProgress) and e.task_name == name)]
        counting.append(event)
        counting = counting[max(0, len(counting) - limit) :]
        assert list(history) == counting
    copy = history.copy()
    copy.add(GroupStarted(1.0, "g"))
    assert list(history) == counting


# -- isolation --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(3), KeyboardInterrupt()])
def test_a_failing_subscriber_hurts_nobody_and_the_others_are_told(error: BaseException) -> None:
    """Output is a subscriber: when it breaks, the run and the other outputs go on."""
    told: list[tuple[object, BaseException]] = []
    bus = EventBus(lambda subscriber, error: told.append((subscriber, error)))
    tried: list[EngineEvent] = []
    others: tuple[list[EngineEvent], list[EngineEvent]] = ([], [])

    def broken(event: EngineEvent) -> None:
        tried.append(event)
        raise error

    bus.subscribe(others[0].append)
    bus.subscribe(broken)
    bus.subscribe(others[1].append)
    publish_all(bus, [started("a", 1.0), ended("a")])
    bus.close()
    notices = [SubscriberFailed(at, broken.__qualname__, error) for at in (1.0, 0.0)]
    published: list[EngineEvent] = [started("a", 1.0), ended("a")]
    assert tried == published
    expected: list[EngineEvent] = [started("a", 1.0), notices[0], ended("a"), notices[1]]
    assert others[0] == others[1] == expected
    assert list(bus.failures) == told == [(broken, error), (broken, error)]
    assert bus.history == (started("a", 1.0), ended("a")), "a broken output must not push out the story"


def test_a_subscriber_that_fails_on_a_failure_does_not_loop() -> None:
    """Two broken outputs would else tell each other for ever."""
    bus = EventBus()
    calls: list[str] = []

    class Broken:
        def __init__(self, name: str) -> None:
            self.name = name

        def __call__(self, event: EngineEvent) -> None:
            calls.append(f"{self.name} {type(event).__name__}")
            raise RuntimeError(self.name)

    seen: list[SubscriberFailed] = []
    bus.subscribe(Broken("x"))
    bus.subscribe(Broken("y"))
    bus.subscribe(seen.append, SubscriberFailed)
    bus.publish(started("a"))
    bus.close()
    assert calls == ["x TaskStarted", "y TaskStarted", "y SubscriberFailed", "x SubscriberFailed"]
    assert [(e.subscriber, str(e.error)) for e in seen] == [
        (Broken.__qualname__, "x"),
        (Broken.__qualname__, "y"),
    ]
    assert len(bus.failures) == 4


def test_a_subscriber_that_fails_in_the_history_gets_the_rest_of_it() -> None:
    """Replay is no less isolated than what follows."""
    bus = EventBus()
    notices: list[SubscriberFailed] = []
    tried: list[EngineEvent] = []

    def broken(event: EngineEvent) -> None:
        tried.append(event)
        raise ValueError

    publish_all(bus, numbered(3))
    bus.subscribe(notices.append, SubscriberFailed)
    bus.subscribe(broken, replay=True)
    bus.close()
    assert tried == numbered(3)
    assert [notice.at_s for notice in notices] == [0.0, 1.0, 2.0]


def test_failures_are_bounded_and_a_failing_error_callback_is_one_of_them() -> None:
    """An output that fails on every event must not fill the memory, nor end the delivery."""
    worse = SystemExit("callback")

    def on_error(_subscriber: object, _error: BaseException) -> None:
        raise worse

    def broken(_event: EngineEvent) -> None:
        raise ValueError

    bus = EventBus(on_error)
    seen: list[EngineEvent] = []
    bus.subscribe(broken)
    bus.subscribe(seen.append, GroupStarted)
    publish_all(bus, numbered(80))
    bus.close()
    assert seen == numbered(80)
    assert len(bus.failures) == 100
    assert bus.failures[-1] == (broken, worse)


# -- flush, close, open -----------------------------------------------------------------------------


def test_flush_returns_after_the_delivery() -> None:
    """A summary that is printed after a flush contains everything."""
    bus = EventBus()
    bus.publish(started("a"))
    bus.flush()
    seen: list[EngineEvent] = []
    bus.subscribe(seen.append)
    for number in range(200):
        bus.publish(GroupStarted(float(number), "g"))
        bus.flush()
        assert len(seen) == number + 1
    bus.close()
    bus.flush()


def test_flush_and_close_in_a_subscriber_do_not_wait_for_themselves() -> None:
    """Both would be a deadlock; a close that is asked for there happens all the same."""
    bus = EventBus()
    seen: list[EngineEvent] = []

    def ends_it(event: EngineEvent) -> None:
        bus.flush()
        bus.close()
        seen.append(event)

    bus.subscribe(ends_it)
    thread = thread_of(bus)
    bus.publish(started("a"))
    join(thread)
    bus.publish(started("b"))
    bus.close()
    assert seen == [started("a")]
    assert bus.history == (started("a"), started("b"))


def test_close_leaves_no_thread_and_later_events_are_history() -> None:
    """An executor that was used once must leave nothing behind; its history can still be read."""
    bus = EventBus()
    seen: list[EngineEvent] = []
    bus.subscribe(seen.append)
    thread = thread_of(bus)
    assert thread.daemon, "a forgotten close must not keep the program alive"
    bus.publish(started("a"))
    bus.close()
    assert not thread.is_alive()
    bus.publish(ended("a"))
    bus.close()
    assert seen == [started("a")]
    assert bus.history == (started("a"), ended("a"))


def test_close_returns_only_after_the_thread_has_ended() -> None:
    """Also when it has said its last word and is not gone yet: no thread is left behind."""

    class Lingering(EventBus):
        def _deliver(self) -> float | None:
            pause = super()._deliver()
            if pause is None:
                assert joining.wait(WAIT_S)
            return pause

    joining = threading.Event()
    bus = Lingering()
    bus.subscribe(lambda _event: None)
    thread = thread_of(bus)
    really_join = thread.join

    def watched_join(timeout: float | None = None) -> None:
        joining.set()
        really_join(timeout)

    thread.join = watched_join  # type: ignore[method-assign]
    bus.close()
    assert not thread.is_alive()


def test_a_bus_that_nobody_subscribed_to_has_no_thread() -> None:
    """Runs without outputs pay for none."""
    bus = EventBus()
    bus.publish(started("a"))
    bus.open()
    assert bus._thread is None
    bus.close()


def test_after_close_subscribing_or_opening_goes_on_with_the_same_subscribers() -> None:
    """An executor closes the bus after each run: who subscribed once sees every run, but nothing late."""
    bus = EventBus()
    first: list[EngineEvent] = []
    second: list[EngineEvent] = []
    bus.subscribe(first.append)
    bus.publish(started("a"))
    bus.close()
    bus.publish(started("between"))
    bus.subscribe(second.append, replay=True)
    bus.publish(started("b"))
    bus.close()
    bus.publish(started("again between"))
    bus.open()
    bus.open()
    bus.publish(started("c"))
    bus.close()
    assert first == [started(name) for name in ("a", "b", "c")]
    assert second == [started(name) for name in ("a", "between", "b", "c")]


def test_subscribing_while_a_close_waits_keeps_the_bus_open() -> None:
    """The close has then flushed, and who came last is served."""
    bus = Watched()
    late: list[EngineEvent] = []
    with held(bus):
        while bus.queued.acquire(blocking=False):
            pass
        closer = in_thread(bus.close)
        assert bus.queued.acquire(timeout=WAIT_S)
        bus.subscribe(late.append)
    join(closer)
    bus.publish(started("a"))
    bus.flush()
    assert late == [started("a")]
    bus.close()
    assert bus._thread is None


def test_opening_while_a_close_waits_keeps_the_bus_open() -> None:
    """Two runs that follow each other closely: the second's events are delivered."""
    bus = EventBus()
    seen: list[EngineEvent] = []

    def closes_and_opens(event: EngineEvent) -> None:
        seen.append(event)
        bus.close()
        bus.open()

    bus.subscribe(closes_and_opens)
    bus.publish(started("a"))
    bus.flush()
    bus.publish(started("b"))
    bus.flush()
    assert seen == [started("a"), started("b")]
    bus.close()


def test_a_flush_behind_a_close_ends() -> None:
    """Nobody may wait for a thread that has ended."""
    bus = Watched()
    with held(bus):
        while bus.queued.acquire(blocking=False):
            pass
        closer = in_thread(bus.close)
        assert bus.queued.acquire(timeout=WAIT_S)
        flusher = in_thread(bus.flush)
        assert bus.queued.acquire(timeout=WAIT_S)
    join(closer, flusher)


def test_two_closes_at_once_both_end() -> None:
    """The run's own close and the program's must not wait for each other."""
    bus = Watched()
    with held(bus) as seen:
        while bus.queued.acquire(blocking=False):
            pass
        closers = [in_thread(bus.close), in_thread(bus.close)]
        for _ in closers:
            assert bus.queued.acquire(timeout=WAIT_S)
        bus.publish(started("late"))
    join(*closers)
    assert seen == []
    assert bus.history[-1] == started("late")


# -- Ctrl-C, forgotten buses, forks, races ----------------------------------------------------------


@pytest.mark.parametrize("method", ["flush", "close"])
def test_ctrl_c_ends_the_wait_and_leaves_the_bus_usable(method: str) -> None:
    """A signal that another thread takes is only seen when the wait looks up."""
    bus = EventBus()
    let_go = threading.Event()
    seen: list[EngineEvent] = []

    def interrupts(event: EngineEvent) -> None:
        seen.append(event)
        signal.raise_signal(signal.SIGINT)
        assert let_go.wait(WAIT_S)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        take_back = bus.subscribe(interrupts)
        with pytest.raises(KeyboardInterrupt):  # wherever in it the signal is seen
            bus.publish(started("a"))
            getattr(bus, method)()
    finally:
        signal.signal(signal.SIGINT, before)
    take_back()
    bus.subscribe(seen.append)
    bus.publish(started("b"))
    let_go.set()
    bus.close()
    assert seen == [started("a"), started("b")]
    assert bus._thread is None


def test_a_long_wait_is_made_of_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C just before a wait is seen when that ends, so it must end soon, and the next one follow."""
    looks: list[float | None] = []
    holder = Held()
    really_wait = threading.Event.wait

    def wait(mark: threading.Event, timeout: float | None = None) -> bool:
        looks.append(timeout)
        if len(looks) == 3:
            holder.let_go.set()
            return really_wait(mark, WAIT_S)
        return mark.is_set()

    monkeypatch.setattr(events._Mark, "wait", wait)
    bus = EventBus()
    bus.subscribe(holder)
    bus.publish(started("a"))
    bus.flush()
    assert len(looks) == 3
    bus.close()
    assert all(timeout is not None and timeout <= 0.5 for timeout in looks)


def test_ctrl_c_while_subscribing_leaves_no_second_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two delivery threads would deliver out of order; the one that nobody knows of ends."""
    orphans: list[threading.Thread] = []

    class CutOff(threading.Thread):
        def start(self) -> None:
            super().start()
            orphans.append(self)
            raise KeyboardInterrupt

    bus = EventBus()
    with monkeypatch.context() as patched:
        patched.setattr("configurator.core.events.threading.Thread", CutOff)
        with pytest.raises(KeyboardInterrupt):
            bus.subscribe(lambda _event: None)
    join(*orphans)
    seen: list[EngineEvent] = []
    bus.subscribe(seen.append)
    bus.publish(started("a"))
    bus.close()
    assert seen == [started("a")]


def test_a_forgotten_bus_ends_its_thread() -> None:
    """Who forgets to close leaks neither the thread nor the history."""
    bus = EventBus()
    bus.subscribe(lambda _event: None)
    bus.flush()
    thread = thread_of(bus)
    del bus
    gc.collect()
    join(thread)


def test_a_forked_child_has_a_closed_bus() -> None:
    """Its thread is not there and a lock may be held: a child that closes it at its exit must not hang."""
    bus = EventBus()
    seen: list[EngineEvent] = []
    bus.subscribe(seen.append)
    bus.publish(started("a"))
    bus.flush()
    with bus._lock:
        child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            bus.flush()
            bus.close()
            bus.publish(started("unseen"))
            bus.open()
            bus.publish(started("b"))
            bus.close()
            code = 0 if seen == [started("a"), started("b")] else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    bus.publish(started("c"))
    bus.close()
    assert seen == [started("a"), started("c")]


def test_after_a_fork_what_was_queued_is_history_and_who_subscribed_stays() -> None:
    """The same in one process, in the middle of everything: the old thread notices and ends."""
    bus = EventBus()
    late: list[EngineEvent] = []
    with held(bus):
        publish_all(bus, [started("a"), progress("a", 1)])
        bus.subscribe(late.append)
        flusher = in_thread(bus.flush)
        thread = thread_of(bus)
        events._after_fork()
        assert bus._thread is None
        assert bus.history[1:] == (started("a"), progress("a", 1))
    join(thread)
    assert flusher.daemon, "whoever waited there does not exist in a child"
    bus.open()
    bus.publish(started("b"))
    bus.close()
    assert late == [started("b")]


def test_two_publishers_that_ring_at_once_do_no_harm() -> None:
    """The lock that serves as a bell may have been released between the look and the release."""

    class Rung:
        def locked(self) -> bool:
            return True

        def release(self) -> None:
            raise RuntimeError("release unlocked lock")

    bus = EventBus()
    seen: list[EngineEvent] = []
    bus.subscribe(seen.append)
    bus.flush()
    bell, bus._bell = bus._bell, Rung()  # type: ignore[assignment]
    bus._ring()
    bus._bell = bell
    bus.publish(started("a"))
    bus.close()
    assert seen == [started("a")]


def test_a_subscriber_that_comes_while_a_publisher_tidies_up_gets_what_follows() -> None:
    """The publisher that finds too much undelivered must not take it from a thread that just began."""
    bus = EventBus()
    publish_all(bus, numbered(500))
    seen: list[EngineEvent] = []
    lock = bus._lock

    class Overtaken:
        def __enter__(self) -> None:
            bus._lock = lock
            bus.subscribe(seen.append)
            bus.publish(GroupStarted(501.0, "g"))
            lock.acquire()

        def __exit__(self, *_exc: object) -> None:
            lock.release()

    bus._lock = Overtaken()  # type: ignore[assignment]
    bus.publish(GroupStarted(500.0, "g"))
    bus.close()
    assert seen == numbered(1, 501)
    assert bus.history == tuple(numbered(502))
