"""Named settings: what they are for, and how an executor takes them."""

from __future__ import annotations

import inspect

import pytest

from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.profiles import PROFILES, Profile, profile
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext


def test_each_profile_has_what_its_occasion_asks_for() -> None:
    """Where nobody watches a run ends some day; where somebody waits it ends at the first failure."""
    assert PROFILES.keys() == {"interactive", "ci", "hook"}
    assert profile("interactive").timeout_s is None
    assert profile("ci").timeout_s is not None
    assert not profile("ci").fail_fast
    hook = profile("hook")
    assert hook.fail_fast
    assert hook.timeout_s is not None
    assert hook.timeout_s < (profile("ci").timeout_s or 0.0)


@pytest.mark.parametrize("name", PROFILES)
def test_an_executor_takes_every_setting(name: str) -> None:
    """A profile that an executor ignores in part would be a promise without a keeper."""
    executor, wanted = ParallelExecutor.from_profile(name), profile(name)
    for setting, value in wanted.options().items():
        assert getattr(executor, setting) == value


def test_a_profile_without_changes_is_the_executor_without_arguments() -> None:
    """The defaults are written in two places, which must not come apart."""
    parameters = inspect.signature(ParallelExecutor).parameters
    assert Profile().options() == {name: parameters[name].default for name in Profile().options()}


def test_options_override_a_profile() -> None:
    """Here the first failure ends the run, although the profile alone would go on."""

    def fail(_context: TaskContext) -> None:
        raise ValueError

    graph = TaskGraph([Task("a", fail), Task("b", lambda _context: None)])
    statuses = {
        fail_fast: [
            result.status
            for result in ParallelExecutor.from_profile("ci", max_workers=1, fail_fast=fail_fast).execute(
                graph
            )
        ]
        for fail_fast in (True, False)
    }
    assert statuses == {True: [Status.FAILED, Status.SKIPPED], False: [Status.FAILED, Status.SUCCESS]}


@pytest.mark.parametrize(("name", "hint"), [("hok", "; did you mean 'hook'?"), ("production", ""), ("", "")])
def test_an_unknown_profile_names_the_known_ones(name: str, hint: str) -> None:
    """A typo in a CI file is corrected without a look into the documentation."""
    with pytest.raises(ValueError, match="there is no profile") as caught:
        ParallelExecutor.from_profile(name)
    assert str(caught.value) == f"there is no profile {name!r} (known: interactive, ci, hook){hint}"
