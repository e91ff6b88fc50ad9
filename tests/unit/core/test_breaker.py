"""The circuit breaker: when it refuses, when it tries again, and what it makes of a call."""

from __future__ import annotations

import contextlib
import doctest
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from configurator.core import breaker as module
from configurator.core.breaker import BreakerState, CircuitBreaker
from configurator.core.cancel import Cancelled
from configurator.core.errors import BreakerOpenError, TaskError

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A breaker with a fake clock, and everything it told."""

    def __init__(self, failure_threshold: int = 3, recovery_s: float = 30.0) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, BreakerState]] = []
        self.breaker = CircuitBreaker(
            "mirror",
            failure_threshold,
            recovery_s,
            self.clock,
            on_change=lambda name, state: self.told.append((name, state)),
        )

    @property
    def states(self) -> list[BreakerState]:
        return [state for _, state in self.told]

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.breaker.allow()
            self.breaker.record_failure()

    def open(self) -> None:
        self.fail(self.breaker.failure_threshold)

    def half_open(self) -> None:
        """Open it and let it recover; nothing is admitted yet."""
        self.open()
        self.clock.now += self.breaker.recovery_s


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_examples_in_the_documentation_hold() -> None:
    """What the docstrings show is what happens."""
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


# --- from state to state


def test_it_opens_after_failures_in_a_row(bench: Bench) -> None:
    """One failure fewer than the threshold changes nothing; the last one refuses the next call."""
    bench.fail(2)
    assert (bench.breaker.state, bench.told) == (CLOSED, [])
    bench.fail()
    assert bench.breaker.state is OPEN
    assert not bench.breaker.allow()
    assert bench.told == [("mirror", OPEN)]


def test_a_success_in_between_starts_the_count_anew(bench: Bench) -> None:
    """Failures now and then are no outage."""
    for _ in range(5):
        bench.fail(2)
        bench.breaker.record_success()
    assert bench.breaker.state is CLOSED
    bench.fail(3)
    assert bench.breaker.state is OPEN


def test_a_release_in_between_keeps_the_count(bench: Bench) -> None:
    """A cancelled call says nothing, so it does not interrupt a row of failures."""
    bench.fail(2)
    assert bench.breaker.allow()
    bench.breaker.release()
    bench.fail()
    assert bench.breaker.state is OPEN


def test_it_is_half_open_once_the_recovery_time_is_over(bench: Bench) -> None:
    """To the moment: a scheduler that wakes at retry_at must be admitted, not have to come back."""
    bench.open()
    assert bench.breaker.retry_at == 130.0
    bench.clock.now = 129.999
    assert (bench.breaker.state, bench.breaker.allow()) == (OPEN, False)
    bench.clock.now = 130.0
    assert (bench.breaker.state, bench.breaker.allow()) == (HALF_OPEN, True)


@given(now=st.floats(0, 1e9), recovery_s=st.floats(0, 1e6))
def test_whoever_waits_until_retry_at_is_admitted(now: float, recovery_s: float) -> None:
    """Also when adding the times rounds: a difference that is a hair too short would wait for ever."""
    breaker = CircuitBreaker("mirror", 1, recovery_s, lambda: now)
    breaker.record_failure()
    retry_at = breaker.retry_at
    assert retry_at is not None
    assert breaker.allow(retry_at)


def test_looking_changes_nothing(bench: Bench) -> None:
    """Half-open is told when a trial is admitted, not because a display asked for the state."""
    bench.half_open()
    assert (bench.breaker.state, bench.breaker.retry_at) == (HALF_OPEN, 130.0)
    assert bench.states == [OPEN]
    assert bench.breaker.allow()
    assert bench.states == [OPEN, HALF_OPEN]


def test_half_open_admits_one_trial_at_a_time(bench: Bench) -> None:
    """What has just come back must not be run over; nobody can know when the trial ends."""
    bench.half_open()
    assert bench.breaker.allow()
    assert [bench.breaker.allow() for _ in range(3)] == [False, False, False]
    assert bench.breaker.retry_at is None
    bench.clock.now += 1_000
    assert not bench.breaker.allow()


def test_a_trial_that_works_closes_it(bench: Bench) -> None:
    """And the failures from before the outage are forgotten."""
    bench.half_open()
    assert bench.breaker.allow()
    bench.breaker.record_success()
    assert (bench.breaker.state, bench.breaker.retry_at) == (CLOSED, None)
    bench.fail(2)
    assert bench.breaker.state is CLOSED
    assert bench.states == [OPEN, HALF_OPEN, CLOSED]


def test_a_trial_that_fails_opens_it_for_a_fresh_recovery_time(bench: Bench) -> None:
    """One failure is enough, and the time counts from the trial, not from the first outage."""
    bench.half_open()
    assert bench.breaker.allow()
    bench.clock.now = 150.0
    bench.breaker.record_failure()
    assert (bench.breaker.state, bench.breaker.retry_at) == (OPEN, 180.0)
    bench.clock.now = 179.0
    assert not bench.breaker.allow()
    assert bench.states == [OPEN, HALF_OPEN, OPEN]


def test_a_released_trial_lets_the_next_one_in_at_once(bench: Bench) -> None:
    """A cancelled trial must not leave the breaker half-open for ever."""
    bench.half_open()
    assert bench.breaker.allow()
    bench.breaker.release()
    assert (bench.breaker.state, bench.breaker.retry_at) == (HALF_OPEN, 130.0)
    assert [bench.breaker.allow(), bench.breaker.allow()] == [True, False]
    assert bench.states == [OPEN, HALF_OPEN]


def test_answers_while_it_is_open_are_ignored(bench: Bench) -> None:
    """Calls that began earlier end late: they neither prolong the outage nor end it."""
    bench.open()
    bench.clock.now += 10
    for _ in range(3):
        bench.breaker.record_failure()
    bench.breaker.record_success()
    bench.breaker.release()
    assert (bench.breaker.state, bench.breaker.retry_at) == (OPEN, 130.0)


@pytest.mark.parametrize("answer", ["record_success", "record_failure", "release"])
def test_a_late_answer_does_not_judge_the_trial(bench: Bench, answer: str) -> None:
    """A slow call from before the outage ends during the trial: only the trial may close, open or free it."""
    late = bench.breaker.admit()
    assert late is not None
    bench.half_open()
    trial = bench.breaker.admit()
    assert trial is not None
    getattr(bench.breaker, answer)(term=late)
    assert (bench.breaker.state, bench.breaker.allow()) == (HALF_OPEN, False)
    bench.breaker.record_success(term=trial)
    assert bench.breaker.state is CLOSED
    bench.breaker.record_failure(term=late)
    bench.fail(2)
    assert bench.breaker.state is CLOSED


def test_a_released_trial_cannot_answer_for_the_next_one(bench: Bench) -> None:
    """A timed-out trial is released; its thread may still come back with an answer."""
    bench.half_open()
    first = bench.breaker.admit()
    assert first is not None
    bench.breaker.release(term=first)
    second = bench.breaker.admit()
    assert second not in (None, first)
    bench.breaker.record_failure(term=first)
    assert bench.breaker.state is HALF_OPEN
    bench.breaker.record_success(term=second)
    assert bench.breaker.state is CLOSED


def test_a_scheduler_can_give_the_time() -> None:
    """With a virtual clock nothing may look at the real one."""

    def clock() -> float:
        raise AssertionError("asked for the time")

    breaker = CircuitBreaker("mirror", 1, 30.0, clock)
    assert breaker.allow(0.0)
    breaker.record_failure(5.0)
    assert (breaker.state_at(34.0), breaker.state_at(35.0)) == (OPEN, HALF_OPEN)
    assert (breaker.allow(34.0), breaker.retry_at, breaker.allow(35.0)) == (False, 35.0, True)
    breaker.release(36.0)
    assert breaker.allow(36.0)
    breaker.record_success(37.0)
    assert breaker.state_at(37.0) is CLOSED


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("failure_threshold", 0, "at least 1"),
        ("failure_threshold", math.nan, "at least 1"),
        ("recovery_s", -0.1, "finite and at least 0"),
        ("recovery_s", math.inf, "finite and at least 0"),
        ("recovery_s", math.nan, "finite and at least 0"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(field: str, value: Any, limit: str) -> None:
    """It is refused where it is written, not in the middle of a run."""
    with pytest.raises(ValueError) as raised:
        CircuitBreaker("mirror", **{field: value})
    assert str(raised.value) == f"{field} must be {limit}, not {value!r}"


# --- calls


def test_a_call_returns_what_the_function_returns(bench: Bench) -> None:
    """And counts as a success."""
    bench.fail(2)
    assert bench.breaker.call(lambda: 42) == 42
    bench.fail(2)
    assert bench.breaker.state is CLOSED


def broken() -> None:
    raise OSError("unreachable")


def test_a_call_that_raises_counts_as_a_failure_and_raises(bench: Bench) -> None:
    """The caller gets the very error of the function."""
    for _ in range(3):
        with pytest.raises(OSError, match="unreachable"):
            bench.breaker.call(broken)
    assert bench.breaker.state is OPEN


def test_a_refused_call_says_whose_breaker_and_for_how_long(bench: Bench) -> None:
    """The function is not called; the error is a task's, and carries what a caller can act on."""
    bench.open()
    bench.clock.now += 12.5
    with pytest.raises(BreakerOpenError) as raised:
        bench.breaker.call(lambda: pytest.fail("was called"))
    assert (raised.value.breaker, raised.value.retry_in_s) == ("mirror", 17.5)
    assert isinstance(raised.value, TaskError)
    assert str(raised.value) == "the circuit breaker 'mirror' is open for another 17.5 s"


def test_a_call_refused_because_of_a_trial_knows_no_time(bench: Bench) -> None:
    """Nobody can say when the trial ends."""
    bench.half_open()

    def trial() -> str:
        with pytest.raises(BreakerOpenError) as raised:
            bench.breaker.call(lambda: pytest.fail("was called"))
        assert raised.value.retry_in_s is None
        return str(raised.value)

    assert bench.breaker.call(trial) == "the circuit breaker 'mirror' is open while a trial is under way"
    assert bench.breaker.state is CLOSED


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt(), SystemExit(0)])
def test_a_call_that_is_stopped_is_not_judged(bench: Bench, error: BaseException) -> None:
    """Whoever presses Ctrl-C often has not shown that the dependency is broken; a trial is given back."""

    def stopped() -> None:
        raise error

    for _ in range(5):
        with pytest.raises(type(error)):
            bench.breaker.call(stopped)
    assert bench.breaker.state is CLOSED
    bench.half_open()
    with pytest.raises(type(error)):
        bench.breaker.call(stopped)
    assert (bench.breaker.state, bench.breaker.allow()) == (HALF_OPEN, True)


@pytest.mark.parametrize("error", [OSError("late"), Cancelled("late"), None])
def test_a_call_that_began_before_the_outage_does_not_judge_the_trial(error: Exception | None) -> None:
    """`call` ties each answer to its own call, so a slow one cannot close, open or free the trial."""
    bench = Bench(failure_threshold=1, recovery_s=0.0)

    def slow() -> None:
        bench.breaker.record_failure()
        assert bench.breaker.allow()  # the trial of somebody else, which does not end here
        if error is not None:
            raise error

    with contextlib.suppress(OSError, Cancelled):
        bench.breaker.call(slow)
    assert bench.states == [OPEN, HALF_OPEN]
    assert not bench.breaker.allow()


# --- against a model


class Model(RuleBasedStateMachine):
    """Any order of calls, answers and time: the breaker does what the few lines here say.

    Calls stay under way for as long as hypothesis likes, so answers come late, early and in any order.
    """

    THRESHOLD, RECOVERY = 2, 10

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(self.THRESHOLD, self.RECOVERY)
        self.under_way: list[tuple[int, object]] = []  # the breaker's number, and what the model knows it by
        self.state = CLOSED
        self.row = 0
        self.recovers_at = 0.0
        self.era = object()  # calls of one closed time share it
        self.trial: object = None
        self.told: list[BreakerState] = []

    def becomes(self, state: BreakerState) -> None:
        self.state, self.row, self.trial, self.era = state, 0, None, object()
        self.told.append(state)

    def counts(self, call: object) -> bool:
        return call is (self.era if self.state is CLOSED else self.trial)

    @rule(seconds=st.integers(1, 12))
    def time_passes(self, seconds: int) -> None:
        self.bench.clock.now += seconds

    @rule(explicit=st.booleans())
    def ask(self, explicit: bool) -> None:
        now = self.bench.clock.now
        number = self.bench.breaker.admit(now if explicit else None)
        call: object = None
        if self.state is CLOSED:
            call = self.era
        elif self.trial is None and now >= self.recovers_at:
            if self.state is OPEN:
                self.becomes(HALF_OPEN)
            call = self.trial = object()
        assert (number is not None) == (call is not None)
        if number is not None:
            self.under_way.append((number, call))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), answer=st.sampled_from(["success", "failure", "release"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        number, call = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        breaker = self.bench.breaker
        if answer == "release":
            breaker.release(term=number)
            if self.counts(call):
                self.trial = None
        elif answer == "success":
            breaker.record_success(term=number)
            if self.counts(call):
                self.row = 0
                if self.state is HALF_OPEN:
                    self.becomes(CLOSED)
        else:
            breaker.record_failure(term=number)
            if self.counts(call):
                self.row += 1
                if self.state is HALF_OPEN or self.row == self.THRESHOLD:
                    self.recovers_at = self.bench.clock.now + self.RECOVERY
                    self.becomes(OPEN)

    @invariant()
    def agree(self) -> None:
        breaker, recovered = self.bench.breaker, self.bench.clock.now >= self.recovers_at
        assert breaker.state is (HALF_OPEN if self.state is OPEN and recovered else self.state)
        assert breaker.retry_at == (None if self.state is CLOSED or self.trial else self.recovers_at)
        assert self.bench.states == self.told


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
