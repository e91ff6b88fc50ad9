"""Counts and exit codes: what the summary and the shell are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from configurator.core.run_events import HostSummary, TaskFinished
from configurator.core.status import Outcome
from configurator.fleet.run import exit_code
from configurator.fleet.tally import Tally


def ended(status: Outcome, *, ignored: bool = False) -> TaskFinished:
    return TaskFinished("h", 0.0, "id", "role", "task", "module", status, ignored=ignored)


def test_every_way_to_end_is_counted_once() -> None:
    """Timeouts are failures, cancelled tasks were skipped, ignored failures are no failures."""
    tally = Tally()
    for status in (Outcome.OK, Outcome.CHANGED, Outcome.FAILED, Outcome.TIMEOUT, Outcome.SKIPPED):
        tally.task(ended(status))
    tally.task(ended(Outcome.CANCELLED))
    tally.task(ended(Outcome.FAILED, ignored=True))
    assert tally.summary(1.23456) == HostSummary(2, 1, 2, 2, 0, 1.235)


def test_what_only_an_apply_runs_is_counted_as_ok_and_by_itself() -> None:
    """In a plan a command that never counts as changed is ok, but nobody knows what it returns."""
    tally = Tally()
    tally.task(replace(ended(Outcome.OK), unknown="'ask' has not run yet"))
    tally.task(ended(Outcome.OK))
    assert tally.summary(0.0) == HostSummary(ok=2, unknown=1)


def test_a_host_that_cannot_be_worked_on_counts() -> None:
    """An unreachable host is told apart from one that failed."""
    tally = Tally()
    tally.host(Outcome.UNREACHABLE)
    tally.host(Outcome.FAILED)
    assert tally.summary(0.0) == HostSummary(failed=1, unreachable=1)


@pytest.mark.parametrize(
    ("summaries", "code"),
    [
        ([], 0),
        ([HostSummary(ok=1, changed=2, skipped=3)], 0),
        ([HostSummary(unreachable=1), HostSummary()], 4),
        ([HostSummary(unreachable=1), HostSummary(failed=1)], 3),
    ],
)
def test_exit_codes(summaries: list[HostSummary], code: int) -> None:
    """3 beats 4, and skipped alone is no failure."""
    assert exit_code({str(number): summary for number, summary in enumerate(summaries)}) == code
