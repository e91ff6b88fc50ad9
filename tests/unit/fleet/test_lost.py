"""A host that is lost: what may let it go, how long it is waited for, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.core.errors import HostKeyError, HostSetupError, UnreachableError
from configurator.fleet import lost as module
from configurator.fleet.lost import Loss, let_go, lost, unreachable_result
from configurator.transport.endpoint import Endpoint
from configurator.transport.sshauth import Secrets

GONE = UnreachableError("web", "gone")
CARELESS = TaskSpec("a", "r", "a", "command", ignore_unreachable=True)
CAREFUL = TaskSpec("b", "r", "b", "command")
WAITER = TaskSpec("c", "r", "c", "wait_for_connection", {"timeout": 90})


@pytest.mark.parametrize(
    ("error", "under_way", "unended", "patience"),
    [
        (GONE, [], [CARELESS], None),
        (GONE, [CARELESS], [CARELESS, CAREFUL], 30.0),
        (GONE, [CARELESS], [CARELESS, WAITER], 90.0),
        (GONE, [WAITER], [WAITER], 90.0),
        (GONE, [CARELESS, CAREFUL], [CAREFUL], None),
        (HostKeyError("web", "another key"), [CARELESS], [], None),
    ],
)
def test_a_host_is_let_go_only_if_nothing_under_way_minds(
    error: UnreachableError, under_way: list[TaskSpec], unended: list[TaskSpec], patience: float | None
) -> None:
    """And it is waited for as long as a task is there to wait; another key is never waited away."""
    found = lost(error, under_way, unended)
    assert (None if found is None else found.patience_s) == patience


@pytest.mark.parametrize(
    ("answers", "given_up", "tries", "raised"),
    [
        ([GONE, HostSetupError("web", "not ready"), None], False, 3, None),
        ([GONE] * 5, False, 4, UnreachableError),  # at 0, 1, 2 and 3 s
        ([GONE] * 5, True, 1, UnreachableError),
        ([HostKeyError("web", "another key")], False, 1, HostKeyError),
    ],
)
def test_it_is_tried_again_until_it_is_back_or_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[Exception | None],
    given_up: bool,
    tries: int,
    raised: type[Exception] | None,
) -> None:
    """Once at least; somebody who stops the run does not wait."""
    now, asked = [0.0], [0]

    def session(_endpoint: Endpoint, _secrets: Secrets) -> object:
        answer = answers[asked[0]]
        asked[0] += 1
        if answer is not None:
            raise answer
        return "session"

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(module, "HostSession", session)
    back: Callable[[], Any] = lambda: Loss(3.0).come_back(  # noqa: E731
        cast("Endpoint", None), Secrets(), lambda: given_up, clock=lambda: now[0], sleep=sleep
    )
    if raised is None:
        assert back() == "session"
    else:
        with pytest.raises(raised):
            back()
    assert asked[0] == tries


def test_what_is_told_and_registered_is_what_ansible_calls_unreachable() -> None:
    """A failure that is ignored, and a result that is neither failed nor changed."""
    event = let_go("web", CARELESS, GONE, 5.0, 2.0)
    assert (event.status, event.ignored, event.message) == ("failed", True, f"unreachable: {GONE.message}")
    assert (event.started_s, event.duration_s) == (2.0, 3.0)
    result = unreachable_result(GONE)
    assert (result["unreachable"], result["failed"], result["changed"]) == (True, False, False)
