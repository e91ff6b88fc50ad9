"""`check_mode: true` in an apply: the task says what it would change, and changes nothing."""

from __future__ import annotations

from pathlib import Path

from configurator.agent.apply_taker import ApplyTaker
from configurator.agent.child import Children
from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.system import HostContext
from configurator.core.cancel import CancelToken
from configurator.core.task import TaskContext


def taker(notes: Notifications) -> ApplyTaker:
    context = HostContext()
    return ApplyTaker(context, notes, Children(context, []), lambda _armed, _ports: None, workers=1)


def test_a_file_is_not_made_and_its_handler_is_told_of_the_change_as_with_ansible(tmp_path: Path) -> None:
    """A role asks so whether something would change, and acts on the answer."""
    path = tmp_path / "made"
    notes = Notifications(persistent=False, directory=str(tmp_path))
    params = {"path": str(path), "state": "directory"}
    spec = TaskSpec("t", "r", "t", "file", params, notify=("h",), check_mode=True)
    done = taker(notes).take(spec, TaskContext("t", CancelToken()))
    assert done.changed
    assert not path.exists()
    assert notes.order("h") is not None
    path.mkdir()
    assert not taker(notes).take(spec, TaskContext("t", CancelToken())).changed


def test_a_command_is_passed_over(tmp_path: Path) -> None:
    """Nobody knows what it would do."""
    path = tmp_path / "made"
    spec = TaskSpec("t", "r", "t", "command", {"cmd": f"touch {path}"}, check_mode=True)
    notes = Notifications(persistent=False, directory=str(tmp_path))
    assert not taker(notes).take(spec, TaskContext("t", CancelToken())).changed
    assert not path.exists()
