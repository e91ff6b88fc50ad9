"""The circuit breaker among many threads: calls overlap, trials do not, and changes are told in order."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from configurator.core import breaker as module
from configurator.core.breaker import BreakerState, CircuitBreaker
from configurator.core.errors import BreakerOpenError
from tests.unit.core.test_breaker import CLOSED, HALF_OPEN, OPEN, Bench

PATIENCE_S = 60.0  # only ever waited out by a defect, which then fails the test instead of hanging it


def in_threads(count: int, work: Callable[[int], object]) -> None:
    """Run work(0), work(1)... at the same time; the first error of any of them is raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(count, timeout=PATIENCE_S)

    def guarded(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001  (raised again below)
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Have threads give way at every line of the breaker, so that a missing lock shows."""

    def give_way(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        time.sleep(0)  # lets go of the interpreter; nothing waits for it
        return give_way

    before = threading.gettrace()
    threading.settrace(give_way)  # for the threads that the test starts
    yield
    threading.settrace(before)


# --- many threads


def test_calls_overlap() -> None:
    """Every call waits for all the others: a lock that is held during a call would never let them meet."""
    breaker = CircuitBreaker("mirror")
    together = threading.Barrier(8, timeout=PATIENCE_S)
    in_threads(8, lambda _: breaker.call(together.wait))
    assert breaker.state is CLOSED


def test_calls_are_refused_while_the_trial_runs() -> None:
    """The others are turned away at once: they neither wait for the trial nor get in."""
    bench = Bench()
    bench.half_open()
    all_tried = threading.Barrier(8, timeout=PATIENCE_S)
    admitted: list[int] = []
    refused: list[int] = []

    def attempt(number: int) -> None:
        def trial() -> None:
            admitted.append(number)
            all_tried.wait()  # ends only after the seven others have been refused

        try:
            bench.breaker.call(trial)
        except BreakerOpenError:
            refused.append(number)
            all_tried.wait()

    in_threads(8, attempt)
    assert (len(admitted), len(refused)) == (1, 7)
    assert bench.states == [OPEN, HALF_OPEN, CLOSED]


@pytest.mark.usefixtures("hasty_threads")
def test_one_of_many_threads_gets_the_trial() -> None:
    """Asked at the same moment, over and over: never two, never none."""
    threads, rounds = 8, 25
    bench = Bench(failure_threshold=1)
    answers: list[list[bool]] = [[] for _ in range(threads)]
    line = threading.Barrier(threads, timeout=PATIENCE_S)

    def rush(number: int) -> None:
        for _ in range(rounds):
            if number == 0:
                bench.breaker.record_success()
                bench.half_open()
            line.wait()
            answers[number].append(bench.breaker.allow())
            line.wait()

    in_threads(threads, rush)
    assert [sum(one_round) for one_round in zip(*answers, strict=True)] == [1] * rounds


@pytest.mark.usefixtures("hasty_threads")
def test_no_failure_is_lost_between_threads() -> None:
    """Counted together: the breaker opens with the very last of all the failures, not later."""
    threads, each = 4, 250
    breaker = CircuitBreaker("mirror", threads * each)

    def fail(_number: int) -> None:
        for _ in range(each - 1):
            breaker.record_failure()

    in_threads(threads, fail)
    for _ in range(threads - 1):
        breaker.record_failure()
    assert breaker.state is CLOSED
    breaker.record_failure()
    assert breaker.state is OPEN


# --- telling


def test_changes_are_told_outside_the_lock() -> None:
    """A listener may have another thread use the breaker, and wait for it."""
    asked: list[bool] = []

    def listen(_name: str, _state: BreakerState) -> None:
        in_threads(1, lambda _: asked.append(breaker.allow()))

    breaker = CircuitBreaker("mirror", 1, on_change=listen)
    breaker.record_failure()
    assert asked == [False]
    assert breaker.on_change_error is None


def test_a_change_made_by_a_listener_is_told_after_the_one_before() -> None:
    """Told within each other, the outer listeners would see the changes in the wrong order."""
    told: list[str] = []

    def listen(_name: str, state: BreakerState) -> None:
        told.append(f"> {state}")
        if state is OPEN:
            assert breaker.allow()
        told.append(f"< {state}")

    breaker = CircuitBreaker("mirror", 1, recovery_s=0.0, on_change=listen)
    breaker.record_failure()
    assert told == ["> open", "< open", "> half-open", "< half-open"]


def test_changes_of_several_threads_are_told_in_order() -> None:
    """While one thread tells a change, another makes the next: it neither waits nor overtakes."""
    told: list[tuple[BreakerState, int]] = []
    telling, go_on = threading.Event(), threading.Event()

    def listen(_name: str, state: BreakerState) -> None:
        if state is OPEN:
            telling.set()
            assert go_on.wait(PATIENCE_S)
        told.append((state, threading.get_ident()))

    breaker = CircuitBreaker("mirror", 1, recovery_s=0.0, on_change=listen)
    opener: list[int] = []

    def take_part(number: int) -> None:
        if number == 0:
            opener.append(threading.get_ident())
            breaker.record_failure()
            return
        assert telling.wait(PATIENCE_S)
        assert breaker.allow()
        breaker.record_success()
        assert told == []
        go_on.set()

    in_threads(2, take_part)
    assert told == [(OPEN, opener[0]), (HALF_OPEN, opener[0]), (CLOSED, opener[0])]
    assert breaker.on_change_error is None


@pytest.mark.usefixtures("hasty_threads")
def test_what_is_told_is_always_a_path_through_the_states() -> None:
    """Under a storm of answers no change is lost, told twice, overtaken, or told alongside another."""
    told: list[BreakerState] = [CLOSED]
    alone = threading.Lock()

    def listen(_name: str, state: BreakerState) -> None:
        assert alone.acquire(blocking=False)
        told.append(state)
        alone.release()

    breaker = CircuitBreaker("mirror", 1, recovery_s=0.0, on_change=listen)

    def storm(number: int) -> None:
        for step in range(300):
            term = breaker.admit()
            if term is not None:
                answers = (breaker.record_failure, breaker.record_success, breaker.record_failure)
                answers[(step + number) % 3](term=term)

    in_threads(4, storm)
    assert breaker.on_change_error is None
    assert len(told) > 1
    assert set(itertools.pairwise(told)) <= {
        (CLOSED, OPEN),
        (OPEN, HALF_OPEN),
        (HALF_OPEN, OPEN),
        (HALF_OPEN, CLOSED),
    }
    assert breaker.state is (HALF_OPEN if told[-1] is OPEN else told[-1])


def test_a_broken_listener_spoils_nothing() -> None:
    """A call that worked stays one, later changes are still told, and the error can be looked up."""
    told: list[BreakerState] = []

    def listen(_name: str, state: BreakerState) -> None:
        told.append(state)
        if state is HALF_OPEN:
            raise RuntimeError("no space left")

    breaker = CircuitBreaker("mirror", 1, recovery_s=0.0, on_change=listen)
    breaker.record_failure()
    assert breaker.on_change_error is None
    assert breaker.call(lambda: "answer") == "answer"
    assert told == [OPEN, HALF_OPEN, CLOSED]
    assert str(breaker.on_change_error) == "no space left"


def test_a_listener_that_is_interrupted_leaves_no_trial_behind() -> None:
    """Ctrl-C while half-open is told: the trial never began, and later changes are told as before."""
    told: list[BreakerState] = []

    def listen(_name: str, state: BreakerState) -> None:
        told.append(state)
        if told == [OPEN, HALF_OPEN]:
            raise KeyboardInterrupt

    breaker = CircuitBreaker("mirror", 1, recovery_s=0.0, on_change=listen)
    breaker.record_failure()
    with pytest.raises(KeyboardInterrupt):
        breaker.allow()
    assert breaker.allow()
    breaker.record_success()
    assert told == [OPEN, HALF_OPEN, CLOSED]


def test_it_needs_no_listener() -> None:
    """Alone and with its own clock: no recovery time has passed, so it refuses."""
    breaker = CircuitBreaker("mirror", failure_threshold=1, recovery_s=86_400.0)
    breaker.record_failure()
    assert (str(breaker.state), breaker.allow()) == ("open", False)
