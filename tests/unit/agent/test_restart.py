"""A run that goes on after the host's restart: what had ended counts, and is neither done nor told again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from configurator.agent.host_run import HostRun
from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.system import HostContext
from configurator.agent.work import Done
from configurator.core.cancel import CancelToken
from configurator.core.changes import Certainty, FieldChange
from configurator.core.errors import TaskError
from configurator.core.task import SettleEarly, TaskContext


class Recorder:
    """Takes every task with success, and remembers which."""

    workers = 2

    def __init__(self) -> None:
        self.taken: list[str] = []

    def declare(self, spec: TaskSpec) -> Mapping[str, Any]:
        return {}

    def take(self, spec: TaskSpec, context: TaskContext) -> Done:
        self.taken.append(spec.id)
        return Done()

    def unknown(self, spec: TaskSpec, because: str) -> Done:
        raise NotImplementedError

    def take_together(
        self, specs: Sequence[TaskSpec], contexts: Sequence[TaskContext], settle: SettleEarly
    ) -> Sequence[Done | None]:
        raise NotImplementedError


def go_on(
    specs: Sequence[TaskSpec], ended: Mapping[str, str], tmp_path: Path
) -> tuple[list[str], dict[str, str]]:
    """Return which tasks were done, and how each ended that was reported."""
    taker = Recorder()
    sent: list[Mapping[str, Any]] = []
    notifications = Notifications(persistent=False, directory=str(tmp_path))
    HostRun(specs, taker, notifications, sent.append, False, ended=ended).execute()
    told = {message["task_id"]: message["status"] for message in sent if message["type"] == "task_finished"}
    started = {message["task_id"] for message in sent if message["type"] == "task_started"}
    assert started <= told.keys()
    return taker.taken, told


def spec(name: str, *requires: str, **more: Any) -> TaskSpec:
    return TaskSpec(name, "r", name, "command", {"cmd": "true"}, requires=requires, **more)


def test_what_had_ended_is_neither_done_nor_told_again(tmp_path: Path) -> None:
    """What requires it runs if it had ended well, or if its failure was to be ignored."""
    specs = [
        spec("ok"),
        spec("changed"),
        spec("failed"),
        spec("timeout"),
        spec("ignored", ignore_errors=True),
        spec("after ok", "ok", "changed"),
        spec("after failed", "failed"),
        spec("after timeout", "timeout"),
        spec("after ignored", "ignored"),
        spec("skipped before", "failed"),
    ]
    ended = {"ok": "ok", "changed": "changed", "failed": "failed", "timeout": "timeout", "ignored": "failed"}
    taken, told = go_on(specs, {**ended, "skipped before": "skipped"}, tmp_path)
    assert sorted(taken) == ["after ignored", "after ok"]
    assert told == {
        "after ok": "ok",
        "after ignored": "ok",
        "after failed": "skipped",
        "after timeout": "skipped",
    }


def test_a_role_that_had_ended_stays_so_after_a_restart(tmp_path: Path) -> None:
    """Its `meta` is not done again, and what is below it is not either."""
    end = TaskSpec("end", "r", "end", "meta", {"action": "end_role"})
    other = TaskSpec("other", "other", "other", "command", {"cmd": "true"})
    taken, told = go_on([end, spec("below", "end"), other], {"end": "ok"}, tmp_path)
    assert (taken, told) == (["other"], {"below": "skipped", "other": "ok"})


def test_a_confirmed_plan_reaches_the_next_agent() -> None:
    """It is all that tells a change that was shown from one that was not; it travels as JSON."""
    change = FieldChange("path:/x", "content", None, "1 byte", Certainty.EXACT, None, "+x\n")
    for done in (Done((change,)), Done((change,), exact=False), Done()):
        again = Done.from_json(json.loads(json.dumps(done.to_json())))
        assert (again.changes, again.exact) == (done.changes, done.exact)


def system(rebooted: Mapping[str, Any], asked: list[Mapping[str, Any]], answer: Any) -> Any:
    def ask(question: Mapping[str, Any], timeout_s: float | None, token: CancelToken) -> Any:
        asked.append(question)
        return answer

    return HostContext(ask=ask, rebooted=rebooted).for_task(CancelToken(), task_id="boot")


def reboot(system: Any, command: tuple[str, ...] = ("true",)) -> float:
    return float(system.reboot(command, boot_time_command="echo now", delay_s=0, timeout_s=5))


def test_the_task_that_restarted_the_host_is_over_when_the_boot_is_another_one() -> None:
    """The second agent takes it again, asks nobody, and runs no command."""
    asked: list[Mapping[str, Any]] = []
    rebooted = {"task_id": "boot", "boot_id": "before", "elapsed_s": 12.5}
    assert reboot(system(rebooted, asked, None), ("/nowhere/shutdown",)) == 12.5
    assert asked == []
    with pytest.raises(TaskError, match="has not restarted within 5 s"):
        reboot(system({**rebooted, "boot_id": "now"}, asked, None))


def test_nothing_is_run_unless_the_controller_comes_back_for_us(tmp_path: Path) -> None:
    """An agent whose controller does not know would be a host that is lost in the middle of a run."""
    asked: list[Mapping[str, Any]] = []
    touch = ("touch", str(tmp_path / "restarted"))
    for answer in (None, {"error": "nobody asked for a restart"}):
        with pytest.raises(TaskError, match="the controller would not come back"):
            reboot(system({}, asked, answer), touch)
    assert list(tmp_path.iterdir()) == []
    assert asked[0] == {"type": "reboot", "task_id": "boot", "boot_id": "now"}
    with pytest.raises(TaskError, match="still up 5 s after"):
        reboot(system({"task_id": "another"}, asked, {}), touch)
    assert list(tmp_path.iterdir()) != []
