"""When a failed attempt is worth another one, and how long the wait before it is."""

from __future__ import annotations

import doctest
import math
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core import retry
from configurator.core.cancel import Cancelled
from configurator.core.retry import RetryPolicy

PLAIN = RetryPolicy(max_attempts=5, delay_s=1.0, factor=2.0, max_delay_s=60.0, jitter=0.0)


def test_the_examples_in_the_documentation_hold() -> None:
    """What the docstrings show is what happens."""
    found = doctest.testmod(retry)
    assert found.attempted and not found.failed


# --- how long to wait


def test_each_wait_is_longer_by_the_factor_until_the_longest() -> None:
    """The first wait is delay_s itself: an exponent that is off by one would double every wait."""
    assert [PLAIN.delay(made, 0.5) for made in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_spreads_the_wait_in_both_directions() -> None:
    """The random value moves the wait from its lower to its upper end."""
    policy = RetryPolicy(delay_s=10.0, jitter=0.25)
    assert [policy.delay(1, value) for value in (0.0, 0.25, 0.5, 1.0)] == [7.5, 8.75, 10.0, 12.5]


def test_the_longest_wait_is_spread_as_well() -> None:
    """Clients that all wait the longest time must not come back at the same moment either."""
    policy = RetryPolicy(delay_s=100.0, max_delay_s=60.0, jitter=0.5)
    assert [policy.delay(3, value) for value in (0.0, 0.5, 0.75)] == [30.0, 60.0, 75.0]


@pytest.mark.parametrize("made", [2_000, 10**9, 10**400])
@pytest.mark.parametrize("factor", [2, 2.0, 1.5])
def test_a_wait_that_overflows_is_the_longest_wait(made: int, factor: float) -> None:
    """A policy with very many attempts must not end in an OverflowError, or in a huge integer power."""
    assert RetryPolicy(factor=factor, jitter=0.0).delay(made, 0.5) == 60.0


def test_no_wait_stays_no_wait_when_the_factor_overflows() -> None:
    """Zero seconds are never multiplied into the longest wait."""
    assert [RetryPolicy(delay_s=0).delay(made, 0.9) for made in (1, 10, 10**6)] == [0.0, 0.0, 0.0]


def test_the_first_wait_is_bounded_too() -> None:
    """A delay_s above max_delay_s is cut at once."""
    assert RetryPolicy(delay_s=100.0, max_delay_s=7.0, jitter=0.0).delay(1, 0.5) == 7.0


seconds = st.floats(min_value=0, max_value=1e6)


@given(
    delay_s=seconds,
    factor=st.floats(min_value=1, max_value=1e6),
    max_delay_s=seconds,
    jitter=st.floats(min_value=0, max_value=1),
    made=st.integers(min_value=1, max_value=50),
    random_value=st.floats(min_value=0, max_value=1),
)
def test_the_wait_is_the_exact_formula(
    delay_s: float, factor: float, max_delay_s: float, jitter: float, made: int, random_value: float
) -> None:
    """Compared with fractions, which neither round nor overflow."""
    wait = RetryPolicy(9, delay_s, factor, max_delay_s, jitter).delay(made, random_value)
    exact = min(Fraction(max_delay_s), Fraction(delay_s) * Fraction(factor) ** (made - 1))
    exact *= 1 + Fraction(jitter) * (2 * Fraction(random_value) - 1)
    assert math.isclose(wait, exact, rel_tol=1e-9, abs_tol=1e-9)


@given(
    delay_s=st.floats(min_value=0, max_value=sys.float_info.max),
    factor=st.floats(min_value=1, max_value=sys.float_info.max),
    made=st.integers(min_value=1),
    random_value=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_every_wait_can_be_waited_for(delay_s: float, factor: float, made: int, random_value: float) -> None:
    """No permitted policy gives a negative, infinite or undefined wait, and no later wait is shorter."""
    policy = RetryPolicy(delay_s=delay_s, factor=factor, max_delay_s=3600.0, jitter=1.0)
    wait, following = policy.delay(made, random_value), policy.delay(made + 1, random_value)
    assert 0.0 <= wait <= following <= 7200.0


@pytest.mark.parametrize("made", [0, -1])
def test_a_wait_before_the_first_attempt_is_refused(made: int) -> None:
    """Counting from zero is a mistake of the caller that would make every wait too short."""
    with pytest.raises(ValueError, match=f"attempts_made must be at least 1, not {made}"):
        PLAIN.delay(made, 0.5)


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan])
def test_a_random_value_outside_its_range_is_refused(value: float) -> None:
    """It would make a wait negative or leave the promised spread."""
    with pytest.raises(ValueError, match=f"random_value must be from 0 to 1, not {value}"):
        PLAIN.delay(1, value)


# --- what is worth another attempt


def test_the_number_of_attempts_includes_the_first() -> None:
    """max_attempts=3 means three calls, not three more."""
    policy = RetryPolicy(max_attempts=3)
    assert [policy.wants(OSError(), made) for made in (1, 2, 3, 4)] == [True, True, False, False]


def test_one_attempt_means_no_retry() -> None:
    """The smallest policy never retries."""
    assert not RetryPolicy(max_attempts=1).wants(OSError(), 1)


@pytest.mark.parametrize("retry_on", [(TimeoutError, ConnectionError), OSError])
def test_subtypes_of_the_named_types_are_retried(retry_on: Any) -> None:
    """As in an except clause; a single type is not mistaken for a function that says yes to everything."""
    policy = RetryPolicy(retry_on=retry_on)
    assert policy.wants(ConnectionResetError(), 1)
    assert not policy.wants(ValueError(), 1)


def test_no_types_mean_no_retry() -> None:
    """An empty tuple is the way to say `never`."""
    assert not RetryPolicy(retry_on=()).wants(OSError(), 1)


def test_a_function_decides_by_the_error_itself() -> None:
    """It sees the very error that the task raised."""
    policy = RetryPolicy(retry_on=lambda error: "busy" in str(error))
    assert policy.wants(OSError("device busy"), 1)
    assert not policy.wants(OSError("no such device"), 1)


def test_a_function_is_not_asked_in_vain() -> None:
    """After the last attempt, and for what is never retried, its answer could not matter."""
    asked: list[BaseException] = []

    def judge(error: BaseException) -> bool:
        asked.append(error)
        return True

    policy = RetryPolicy(max_attempts=2, retry_on=judge)
    assert not policy.wants(OSError(), 2)
    assert not policy.wants(Cancelled("stop"), 1)
    assert not policy.wants(KeyboardInterrupt(), 1)
    assert asked == []


def test_a_function_that_raises_means_no_and_leaves_a_note() -> None:
    """The task's own error stays the one that is reported, and says why it was not retried."""

    def judge(error: BaseException) -> bool:
        raise KeyError("code")

    error = OSError("broken")
    assert not RetryPolicy(retry_on=judge).wants(error, 1)
    assert error.__notes__ == ["not retried: retry_on raised KeyError('code')"]


def test_a_function_that_is_interrupted_is_not_an_answer() -> None:
    """Ctrl-C while it runs must stop the run, not only the retry."""

    def judge(error: BaseException) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RetryPolicy(retry_on=judge).wants(OSError(), 1)


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
@pytest.mark.parametrize("retry_on", [(BaseException,), (Cancelled, KeyboardInterrupt), lambda error: True])
def test_being_stopped_is_never_retried(error: BaseException, retry_on: Any) -> None:
    """Whoever stops a run must not have it come back, whatever the policy says."""
    assert not RetryPolicy(retry_on=retry_on).wants(error, 1)


# --- values that make no sense


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("max_attempts", 0, "at least 1"),
        ("max_attempts", math.nan, "at least 1"),
        ("delay_s", -0.1, "finite and at least 0"),
        ("delay_s", math.inf, "finite and at least 0"),
        ("delay_s", math.nan, "finite and at least 0"),
        ("delay_s", 10**400, "finite and at least 0"),
        ("factor", 0.99, "finite and at least 1"),
        ("factor", math.inf, "finite and at least 1"),
        ("max_delay_s", -1, "finite and at least 0"),
        ("max_delay_s", math.inf, "finite and at least 0"),
        ("jitter", -0.1, "from 0 to 1"),
        ("jitter", 1.1, "from 0 to 1"),
        ("jitter", math.nan, "from 0 to 1"),
        ("retry_on", None, "exception types or a function"),
        ("retry_on", [OSError], "exception types or a function"),
        ("retry_on", (OSError, "OSError"), "exception types or a function"),
        ("retry_on", (OSError, int), "exception types or a function"),
        ("retry_on", int, "exception types or a function"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(field: str, value: Any, limit: str) -> None:
    """It is refused where it is written, not in the middle of a run."""
    with pytest.raises(ValueError) as raised:
        RetryPolicy(**{field: value})
    assert str(raised.value) == f"{field} must be {limit}, not {value!r}"


def test_the_smallest_values_are_accepted() -> None:
    """The bounds themselves are inside."""
    policy = RetryPolicy(max_attempts=1, delay_s=0, factor=1, max_delay_s=0, jitter=0)
    assert policy.delay(1, 0.0) == 0.0
    assert RetryPolicy(jitter=1).delay(1, 0.0) == 0.0
