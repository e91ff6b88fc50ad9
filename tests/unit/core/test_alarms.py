"""The clock of a run, without a run: deadlines, keyed alarms, cancelling, and its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

import pytest

from configurator.core import _clock
from configurator.core._clock import Alarms
from configurator.core.cancel import CancelToken
from tests.unit.core.watch import WAIT_S, no_hang

pytestmark = no_hang


class Bench:
    """Alarms whose thread is the test: `look` does what that thread does when it looks up once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_clock, "_GLANCE_S", 0.0)
        self.at = 0.0
        self.rung: list[int | str] = []
        self.failures: list[BaseException] = []
        self.rests: list[bool] = []  # what was pending when it went to sleep
        self.lock = threading.Lock()
        self.alarms = Alarms(self.lock, lambda: self.at, self.rung.append, self.failures.append, self._rest)
        self.alarms._thread = threading.current_thread()

    def _rest(self) -> None:
        assert self.lock.locked()
        self.rests.append(self.alarms.pending)

    def note(self, name: str) -> Callable[[], None]:
        def call() -> None:
            assert self.lock.locked(), "callbacks need no lock of their own"
            self.rung.append(name)

        return call

    def cancel(self, token: CancelToken, reason: str) -> None:
        with self.lock:
            self.alarms.cancel(token, reason)

    def look(self, at: float) -> list[int | str]:
        """Let it be that time; return what rang."""
        self.at = at
        self.rung.clear()
        while due := self.alarms._next():
            for token, reason in due:
                token.cancel(reason)
        return list(self.rung)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_deadlines_ring_once_each_in_the_order_of_their_times(bench: Bench) -> None:
    """Not before, and those of the same time in the order in which they were set."""
    for number, at in [(1, 5.0), (2, 3.0), (3, 3.0), (4, 9.0)]:
        bench.alarms.limit(number, at)
    assert bench.look(2.9) == []
    assert bench.look(5.0) == [2, 3, 1]
    assert bench.look(100.0) == [4]
    assert bench.look(200.0) == []


@pytest.mark.parametrize("later", [2.0, 8.0])
def test_a_deadline_that_is_replaced_rings_at_the_new_time_alone(bench: Bench, later: float) -> None:
    """As when the grace begins, or the time goes on after a question."""
    bench.alarms.limit(1, 5.0)
    bench.alarms.limit(1, later)
    assert bench.look(later - 0.1) == []
    assert bench.look(later) == [1]
    assert bench.look(100.0) == []


def test_a_deadline_that_is_forgotten_does_not_ring(bench: Bench) -> None:
    """The task has ended; another attempt of it has a deadline of its own."""
    bench.alarms.limit(1, 5.0)
    bench.alarms.forget(1)
    bench.alarms.forget(1)
    bench.alarms.limit(2, 6.0)
    assert bench.look(6.0) == [2]
    bench.alarms.limit(1, 7.0)
    assert bench.look(7.0) == [1]


def test_a_suspended_deadline_tells_what_was_left(bench: Bench) -> None:
    """Never less than nothing, and nothing at all for a task without one."""
    bench.alarms.limit(1, 5.0)
    bench.at = 2.0
    assert bench.alarms.suspend(1) == 3.0
    assert bench.alarms.suspend(1) is None
    assert bench.look(10.0) == []
    bench.alarms.limit(1, 4.0)
    assert bench.alarms.suspend(1) == 0.0


def test_what_has_ended_is_cleared_away(bench: Bench) -> None:
    """A million short tasks with a long timeout must not leave a million deadlines; what is live stays."""
    bench.alarms.at(50.0, bench.note("callback"))
    for number in range(5000):
        bench.alarms.limit(number, 10.0 + number % 3)
        if number % 100:
            bench.alarms.forget(number)
    assert len(bench.alarms._heap) < 500
    rung = bench.look(100.0)
    assert sorted(item for item in rung if isinstance(item, int)) == list(range(0, 5000, 100))
    assert rung[-1] == "callback"


def test_an_alarm_with_a_key_is_set_once(bench: Bench) -> None:
    """A later one is not needed, an earlier one takes its place, and afterwards it can be set again."""
    alarms = bench.alarms
    alarms.at(5.0, bench.note("five"), key="delayed")
    alarms.at(7.0, bench.note("seven"), key="delayed")
    alarms.at(3.0, bench.note("three"), key="delayed")
    alarms.at(3.0, bench.note("three again"), key="delayed")
    assert bench.look(10.0) == ["three"]
    alarms.at(12.0, bench.note("twelve"), key="delayed")
    assert bench.look(12.0) == ["twelve"]


def test_an_alarm_that_sets_the_next_one_does_not_multiply(bench: Bench) -> None:
    """A thousand retries with ever shorter waits are woken for once each, not a thousand times."""
    alarms = bench.alarms

    def again() -> None:
        bench.rung.append("woken")
        alarms.at(bench.at + 1.0, again, key="delayed")

    for number in range(1000):
        alarms.at(2000.0 - number, again, key="delayed")
    assert bench.look(2500.0) == ["woken"]
    assert bench.look(2501.0) == ["woken"]
    assert len(alarms._heap) == 1


def test_a_token_is_cancelled_without_the_lock(bench: Bench) -> None:
    """Whom it calls back may ask the run something."""
    token = CancelToken()
    free: list[bool] = []
    token.on_cancel(lambda: free.append(not bench.lock.locked()))
    bench.cancel(token, "time is up")
    assert bench.alarms.pending
    bench.look(1.0)
    assert (token.reason, free, bench.alarms.pending) == ("time is up", [True], False)


def test_nothing_rings_any_more_when_the_run_has_ended(bench: Bench) -> None:
    """Its last task may be given up in the very moment in which its own time is up."""
    bench.alarms.at(1.0, bench.alarms.close)
    bench.alarms.at(1.0, bench.note("time is up"))
    assert bench.look(2.0) == []


def test_it_tells_when_nothing_is_pending_any_more(bench: Bench) -> None:
    """Whoever waits may have put off a decision until every token was cancelled."""
    token = CancelToken()
    bench.cancel(token, "time is up")
    token.on_cancel(lambda: bench.rests.append(True))
    bench.look(1.0)
    assert bench.rests == [True, False]


def test_who_is_asked_to_stop_is_asked_before_its_grace_ends(bench: Bench) -> None:
    """Also with no grace at all: else it would be given up as if it had been deaf."""
    token = CancelToken()
    reasons: list[str | None] = []
    bench.cancel(token, "time is up")
    bench.alarms.at(0.0, lambda: reasons.append(token.reason))
    bench.look(1.0)
    assert reasons == ["time is up"]


def test_what_is_asked_for_soon_is_called_with_the_lock(bench: Bench) -> None:
    """In the order of asking, and before what is due by time."""
    bench.alarms.at(0.0, bench.note("due"))
    bench.alarms.soon(bench.note("first"))
    bench.alarms.nudge(bench.note("second"))()
    assert bench.alarms.pending
    assert bench.look(1.0) == ["first", "second", "due"]


def test_a_callback_that_breaks_is_told_and_does_not_end_the_watch(bench: Bench) -> None:
    """It is a defect of the scheduler: the run has to end with it, and its tokens still be cancelled."""
    error = ZeroDivisionError()

    def breaks() -> None:
        raise error

    token = CancelToken()
    bench.alarms.soon(breaks)
    assert bench.look(1.0) == []
    assert bench.failures == [error]
    bench.cancel(token, "crashed")
    bench.alarms.limit(1, 2.0)
    assert bench.look(2.0) == [1]
    assert token.cancelled


def test_after_the_end_nothing_rings(bench: Bench) -> None:
    """The run has said its last word. Who was to be cancelled still is, and wakes whoever waits for that."""
    token = CancelToken()
    token.on_cancel(bench.alarms.nudge(bench.note("woken")))
    bench.alarms.limit(1, 1.0)
    bench.cancel(token, "the end")
    with bench.lock:
        bench.alarms.close()
    assert bench.look(2.0) == ["woken"]
    assert token.cancelled
    assert bench.alarms._next() is None


# -- with its thread ----------------------------------------------------------------------------------------


class Watched:
    """Alarms with their thread, of which one can wait until it sleeps."""

    def __init__(self) -> None:
        self.asleep = threading.Event()
        self.rung: list[int] = []
        self.ring = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.alarms = Alarms(self.lock, lambda: 0.0, self._ring, _no_failure, lambda: None)
        wait = self.alarms._wake.wait

        def watched(timeout: float | None = None) -> bool:
            self.asleep.set()  # the lock is held until it really sleeps
            return wait(timeout)

        self.alarms._wake.wait = watched  # type: ignore[method-assign]

    def _ring(self, number: int) -> None:
        self.rung.append(number)
        self.ring.release()


def _no_failure(error: BaseException) -> None:
    raise AssertionError from error


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(_clock, "_GLANCE_S", 3600.0)
    return Watched()


def test_the_thread_starts_with_the_first_deadline_and_ends_with_the_run(watched: Watched) -> None:
    """A run without a deadline costs none, and none is left behind."""
    assert watched.alarms._thread is None
    with watched.lock:
        watched.alarms.limit(1, 0.0)
    assert watched.ring.acquire(timeout=WAIT_S)
    (thread,) = [thread for thread in threading.enumerate() if thread is watched.alarms._thread]
    with watched.lock:
        watched.alarms.close()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_an_earlier_deadline_wakes_the_sleeping_thread(watched: Watched) -> None:
    """It sleeps until the nearest one that it knew of."""
    with watched.lock:
        watched.alarms.limit(1, 1000.0)
    assert watched.asleep.wait(WAIT_S)
    with watched.lock:
        watched.alarms.limit(2, 2000.0)
        watched.alarms.limit(3, 0.0)
    assert watched.ring.acquire(timeout=WAIT_S)
    assert watched.rung == [3]
    with watched.lock:
        watched.alarms.close()


def test_a_cancel_wakes_the_sleeping_thread(watched: Watched) -> None:
    """Nobody waits for a glance until he is asked to stop."""
    with watched.lock:
        watched.alarms.limit(1, 1000.0)
    assert watched.asleep.wait(WAIT_S)
    cancelled = threading.Event()
    token = CancelToken()
    token.on_cancel(cancelled.set)
    with watched.lock:
        watched.alarms.cancel(token, "now")
    assert cancelled.wait(WAIT_S)
    with watched.lock:
        watched.alarms.close()


def test_a_callback_of_a_token_that_breaks_does_not_keep_the_others_from_theirs(watched: Watched) -> None:
    """A process that is gone already is no reason to let all timeouts pass."""

    def breaks() -> None:
        raise ProcessLookupError

    first, second = CancelToken(), CancelToken()
    first.on_cancel(breaks)
    cancelled = threading.Event()
    second.on_cancel(cancelled.set)
    with watched.lock:
        watched.alarms.cancel(first, "now")
        watched.alarms.cancel(second, "now")
    assert cancelled.wait(WAIT_S)
    with watched.lock:
        watched.alarms.limit(1, 0.0)
    assert watched.ring.acquire(timeout=WAIT_S)
    with watched.lock:
        watched.alarms.close()


def test_two_that_need_the_thread_at_once_start_one(watched: Watched) -> None:
    """A Ctrl-C starts it without the run's lock, while somebody with the lock does the same."""

    class Contended:
        """A lock that somebody else had, who has started the thread meanwhile."""

        def __enter__(self) -> None:
            watched.alarms._thread = threading.current_thread()

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            return None

    watched.alarms._starting = Contended()  # type: ignore[assignment]
    watched.alarms.soon(lambda: None)
    assert watched.alarms._thread is threading.current_thread()


def test_all_callbacks_of_a_token_run_though_one_breaks() -> None:
    """Each stops other work. Who cancels learns of the first that broke."""
    token = CancelToken()
    calls: list[str] = []

    def breaks() -> None:
        calls.append("breaks")
        raise ValueError("first")

    def breaks_too() -> None:
        raise OSError("second")

    token.on_cancel(breaks)
    token.on_cancel(breaks_too)
    token.on_cancel(lambda: calls.append("last"))
    with pytest.raises(ValueError, match="first"):
        token.cancel()
    assert calls == ["breaks", "last"]
    assert token.cancelled
    token.cancel()


def test_taking_a_callback_back_after_the_cancellation_does_nothing() -> None:
    """Work that ends as it is cancelled takes back what has just been called."""
    token = CancelToken()
    calls: list[str] = []
    forget = token.on_cancel(lambda: calls.append("called"))
    token.cancel()
    forget()
    token.on_cancel(lambda: calls.append("late"))()
    assert calls == ["called", "late"]
