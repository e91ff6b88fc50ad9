"""Memo: what one task has found out serves the next, until anything is done that could make it wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from configurator.agent.apply_taker import ApplyTaker
from configurator.agent.child import Children
from configurator.agent.memo import Memo
from configurator.agent.notifications import Notifications
from configurator.agent.plan_taker import PlanTaker
from configurator.agent.protocol import TaskSpec
from configurator.agent.system import HostContext, RealSystem
from configurator.core.cancel import CancelToken
from configurator.core.task import TaskContext


def filled(memo: Memo) -> None:
    for key in ("units unit:", "apt offers None", "select 1"):
        memo.recall(key, lambda: "found")


def kept(memo: Memo) -> list[str]:
    """Return what is still known."""
    lost: list[str] = []
    keys = ("units unit:", "apt offers None", "select 1")
    for key in keys:
        memo.recall(key, lambda key=key: lost.append(key))  # type: ignore[misc]
    return [key.split()[0] for key in keys if key not in lost]


def test_a_command_makes_all_of_it_old(host_system: RealSystem) -> None:
    """Nobody knows what a command does."""
    memo = host_system._context.memo
    filled(memo)
    assert kept(memo) == ["units", "apt", "select"]
    filled(memo)
    host_system.run(["true"])
    assert kept(memo) == []


@pytest.fixture
def host_system() -> RealSystem:
    return HostContext().for_task(CancelToken())


def test_a_changed_file_makes_old_what_systemd_said(host_system: RealSystem, tmp_path: Path) -> None:
    """A unit's file may be anywhere; what a database or apt's index has said is as true as before."""
    path, other = str(tmp_path / "a.service"), str(tmp_path / "b.service")
    changes: tuple[Callable[[], object], ...] = (
        lambda: host_system.write(path, b"x"),
        lambda: host_system.set_times(path, mtime=1.0),
        lambda: host_system.symlink(path, other),
        lambda: host_system.hardlink(path, other),
        lambda: host_system.unpack(b"", []),
        lambda: host_system.remove(other),
        lambda: host_system.pause(0),
    )
    for change in changes:
        memo = host_system._context.memo = Memo()
        filled(memo)
        before = memo.changes
        change()
        assert kept(memo) == ["apt", "select"]
        assert memo.changes > before, "a child agent is to notice"


def test_a_changed_file_of_apt_makes_old_what_apt_said() -> None:
    """As soon as it has changed, and not before."""
    memo = Memo()
    filled(memo)
    with memo.changing("/etc/apt/preferences"):
        assert kept(memo) == ["units", "apt", "select"]
    assert kept(memo) == []


def test_what_is_found_while_something_is_done_is_not_kept() -> None:
    """The answer may be from before."""
    memo = Memo()

    def find() -> str:
        memo.forget()
        return "from before"

    assert memo.recall("units unit:", find) == "from before"
    assert memo.recall("units unit:", lambda: "now") == "now"


def taker(context: HostContext) -> ApplyTaker:
    notes = Notifications(persistent=False)
    return ApplyTaker(context, notes, Children(context, []), lambda _armed, _ports: None, workers=1)


def test_what_is_really_done_in_a_plan_makes_old_what_the_plan_knew(tmp_path: Path) -> None:
    """`check_mode: false`: the command runs, and may have started what was asked about."""
    context = HostContext()
    planning = PlanTaker(context, Notifications(persistent=False), taker(context), str(tmp_path))
    planning._world.memo["units unit:", False] = {"a.service": "down"}
    for check_mode, known in ((None, True), (False, False)):
        spec = TaskSpec("t", "r", "t", "command", {"cmd": "true"}, check_mode=check_mode)
        planning.take(spec, TaskContext("t", CancelToken()))
        assert bool(planning._world.memo) == known


def test_an_apply_asks_ahead_before_its_first_task_of_a_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tasks that were declared are asked for at once; later ones find it done."""
    asked: list[list[str]] = []
    monkeypatch.setattr(
        "configurator.agent.apply_taker.anticipate",
        lambda specs, _system: asked.append([spec.id for spec in specs]),
    )
    applying = taker(HostContext())
    specs = [
        TaskSpec(name, "r", name, "systemd_service", {"name": name, "state": "started"}) for name in "abc"
    ]
    other = TaskSpec("d", "r", "d", "debug", {})
    for spec in (*specs, other):
        applying.declare(spec)
    for spec in (other, *specs):
        applying._anticipate(spec, TaskContext(spec.id, CancelToken()))
    assert asked == [["a", "b", "c"]]
