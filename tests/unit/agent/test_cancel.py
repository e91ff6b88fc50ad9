"""A cancel that arrives between the agent's runs: the next one begins nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from configurator.agent.agent import Agent
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Status
from configurator.core.task import Task


@pytest.mark.parametrize("abort", [False, True])
def test_a_run_that_begins_after_a_cancel_starts_nothing(abort: bool) -> None:
    """The controller may cancel before its request has arrived, or between two plays."""
    agent = Agent("", "/nonexistent")
    agent._cancel("because", abort=abort)
    executor, ran = ParallelExecutor(2), list[str]()
    agent.begin(SimpleNamespace(executor=executor), None)
    (result,) = executor.execute(TaskGraph([Task("a", lambda _context: ran.append("a"))]))
    assert ran == []
    assert result.status is Status.CANCELLED
