"""Notifications: a restart that was asked for survives everything but its own success."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from configurator.agent.apply_taker import ApplyTaker
from configurator.agent.child import Children
from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.system import HostContext
from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError
from configurator.core.task import TaskContext


def test_what_was_noted_is_found_by_the_next_run(tmp_path: Path) -> None:
    """A run that dies after the note finds it again; a handler that succeeded is forgotten."""
    first = Notifications(persistent=True, directory=str(tmp_path))
    first.add(("nginx/reload", "ssh/restart"))
    second = Notifications(persistent=True, directory=str(tmp_path))
    assert second.left_over == {"nginx/reload", "ssh/restart"}
    second.done("nginx/reload")
    assert Notifications(persistent=True, directory=str(tmp_path)).left_over == {"ssh/restart"}
    second.done("ssh/restart")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_writes_nothing(tmp_path: Path) -> None:
    """A plan knows what is due, and what would be, without touching the disk."""
    Notifications(persistent=True, directory=str(tmp_path)).add(("a",))
    before = (tmp_path / "notifications.json").read_text()
    plan = Notifications(persistent=False, directory=str(tmp_path))
    plan.add(("b",))
    plan.done("a")
    assert plan.order("b") is not None
    assert (tmp_path / "notifications.json").read_text() == before


def test_a_damaged_file_is_not_the_end(tmp_path: Path) -> None:
    """After a crash of the disk an apply still starts."""
    (tmp_path / "notifications.json").write_text('["a", ')
    assert Notifications(persistent=True, directory=str(tmp_path)).left_over == frozenset()


def test_order_tells_which_came_last(tmp_path: Path) -> None:
    """A start after the last notification makes a restart needless; one before it does not."""
    notes = Notifications(persistent=False, directory=str(tmp_path))
    notes.add(("restart",))
    started = notes.tick()
    first = notes.order("restart")
    assert first is not None
    assert started > first
    notes.add(("restart",))
    second = notes.order("restart")
    assert second is not None
    assert started < second


def test_a_change_that_was_none_takes_its_notification_back(tmp_path: Path) -> None:
    """A restart for nothing at each run; what others have notified stays, whenever they did."""
    due = Notifications(persistent=True, directory=str(tmp_path))
    due.add(("before",))
    noted = due.add(("before", "mine", "since"))
    due.add(("since",))
    due.withdraw(noted)
    assert due.order("mine") is None
    assert due.order("before") == 1
    assert due.order("since") == 3
    found = Notifications(persistent=True, directory=str(tmp_path))
    assert found.left_over == {"before", "since"}


def test_a_command_that_fails_notifies_nobody(tmp_path: Path) -> None:
    """It runs again in the next apply; with `failed_when: false` it has changed something."""
    notes = Notifications(persistent=False, directory=str(tmp_path))
    context = HostContext()
    taker = ApplyTaker(context, notes, Children(context, []), lambda _armed, _ports: None, workers=1)
    failing = TaskSpec("t", "r", "t", "command", {"cmd": "false"}, notify=("h",))
    with pytest.raises(TaskError):
        taker.take(failing, TaskContext("t", CancelToken()))
    assert notes.order("h") is None
    assert taker.take(replace(failing, failed_when=False), TaskContext("t", CancelToken())).changed
    assert notes.order("h") is not None
