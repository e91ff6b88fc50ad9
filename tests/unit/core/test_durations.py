"""Durations learned from earlier runs: what is remembered, what is forgotten, and what a run makes of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.durations import LearnedDurations
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.snapshot import RunSnapshot
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext, TaskResult


def took(name: str, seconds: float, status: Status = Status.SUCCESS, *, cached: bool = False) -> TaskResult:
    return TaskResult(name, status, started_s=5.0, ended_s=5.0 + seconds, from_cache=cached)


def test_the_first_run_is_taken_as_it_is() -> None:
    """With nothing to compare it to, it is the best that is known."""
    durations = LearnedDurations()
    assert durations.estimate("build") is None
    durations.learn([took("build", 8.0)])
    assert durations.estimate("build") == 8.0


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=30))
def test_an_estimate_stays_within_what_was_seen(seconds: list[float]) -> None:
    """It is a mean: one odd run neither makes it negative nor carries it beyond the others."""
    durations = LearnedDurations()
    for value in seconds:
        durations.learn([took("build", value)])
    estimate = durations.estimate("build")
    assert estimate is not None
    assert min(seconds) - 1e-6 <= estimate <= max(seconds) + 1e-6


def test_a_lasting_change_shows_after_a_few_runs_and_one_slow_run_does_not() -> None:
    """Three runs in ten count; a single one moves the estimate by less than a third of the way."""
    durations = LearnedDurations({"build": 10.0})
    durations.learn([took("build", 20.0)])
    assert durations.estimate("build") == pytest.approx(13.0)
    for _ in range(6):
        durations.learn([took("build", 20.0)])
    assert durations.estimate("build") == pytest.approx(20.0, abs=1.0)


@pytest.mark.parametrize(
    "result",
    [took("build", 1.0, status) for status in Status if status is not Status.SUCCESS]
    + [took("build", 1.0, cached=True)],
    ids=lambda result: "cached" if result.from_cache else str(result.status),
)
def test_only_what_ran_and_succeeded_is_learned(result: TaskResult) -> None:
    """A failure at the first line, a timeout, a result from a snapshot say nothing about the next run."""
    durations = LearnedDurations({"build": 30.0})
    durations.learn([result])
    assert durations.to_json() == {"build": 30.0}


def test_names_of_the_distant_past_are_forgotten() -> None:
    """Names that carry dates or versions must not make the file grow for ever; the last seen stay."""
    durations = LearnedDurations({"old": 1.0, "used": 2.0})
    durations.learn([*(took(f"t{number}", 1.0) for number in range(9_999)), took("used", 2.0)])
    assert durations.estimate("old") is None
    assert durations.estimate("used") == 2.0
    assert len(durations.to_json()) == 10_000


def test_what_is_saved_is_what_was_known() -> None:
    """Through JSON, and later learning does not reach into what was saved."""
    durations = LearnedDurations({"build": 30, "test": 0.1})
    saved = durations.to_json()
    assert LearnedDurations(json.loads(json.dumps(saved))).to_json() == {"build": 30.0, "test": 0.1}
    durations.learn([took("build", 10.0)])
    assert saved["build"] == 30.0


def test_a_run_starts_with_what_took_longest_last_time_and_learns() -> None:
    """Without a word in the graph the second run begins with the long task."""
    order: list[str] = []
    graph = TaskGraph([Task(name, lambda context: order.append(context.name)) for name in ("short", "long")])
    durations = LearnedDurations({"short": 1.0, "long": 60.0})
    executor = ParallelExecutor(1, durations=durations)
    executor.execute(graph)
    assert order == ["long", "short"]
    learned = durations.to_json()
    assert learned["long"] < 60.0
    assert learned["short"] < 1.0
    executor.execute(graph)
    assert order[2:] == ["long", "short"], "most of the minute is still remembered"


def test_a_recovered_run_learns_only_from_what_it_did() -> None:
    """What a snapshot gave took no time, and must not be learned as free."""

    def work(_context: TaskContext) -> None:
        """Do nothing."""

    durations = LearnedDurations({"a": 60.0})
    graph = TaskGraph([Task("a", work), Task("b", work)])
    snapshot = RunSnapshot({"a": Status.SUCCESS}, (TaskResult("a", Status.SUCCESS, ended_s=50.0),))
    ParallelExecutor(1, durations=durations).execute(graph, recover=snapshot)
    assert durations.estimate("a") == 60.0
    assert durations.estimate("b") is not None
