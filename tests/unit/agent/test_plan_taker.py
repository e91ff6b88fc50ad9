"""PlanTaker: what a plan says of a content that a validator refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from configurator.agent import hostview
from configurator.agent.apply_taker import ApplyTaker
from configurator.agent.notifications import Notifications
from configurator.agent.plan_taker import PlanTaker
from configurator.agent.protocol import TaskSpec
from configurator.agent.remembered import Remembered
from configurator.agent.system import HostContext
from configurator.core.cancel import CancelToken
from configurator.core.changes import Certainty
from configurator.core.errors import TaskError
from configurator.core.task import TaskContext


def test_a_refused_content_is_refused_in_the_words_of_the_apply(tmp_path: Path) -> None:
    """A person must not see where the plan kept the content: the output speaks of the path that was meant."""
    cache, path = tmp_path / "cache", str(tmp_path / "script")
    cache.mkdir()
    context = HostContext()
    taker = PlanTaker(context, Notifications(persistent=False), cast(ApplyTaker, None), str(cache))
    params = {"dest": path, "content": "if true\n", "validate": "sh -n %s"}
    token = CancelToken()
    with pytest.raises(TaskError) as planned:
        taker.take(TaskSpec("t", "r", "t", "copy", params), TaskContext("t", token))
    with pytest.raises(TaskError) as applied:
        context.for_task(token).write(path, b"if true\n", validate="sh -n %s")
    assert planned.value.message == f"the new content of {path} was refused, the old one stays"
    assert planned.value.message == applied.value.message
    assert planned.value.output == applied.value.output
    assert path in planned.value.output
    assert list(cache.iterdir()) == []
    assert list(tmp_path.iterdir()) == [cache]


def test_what_a_command_may_make_is_not_missing_in_a_plan(tmp_path: Path) -> None:
    """Without a command above it, the copy of a file that is not there fails as in the apply."""
    cache = tmp_path / "cache"
    cache.mkdir()
    taker = PlanTaker(HostContext(), Notifications(persistent=False), cast(ApplyTaker, None), str(cache))
    params = {"src": f"{tmp_path}/made", "dest": f"{tmp_path}/kept", "remote_src": True}
    copy = TaskSpec("copy", "r", "copy", "copy", params)
    with pytest.raises(TaskError, match="made does not exist"):
        taker.take(copy, TaskContext("copy", CancelToken()))
    command = TaskSpec("make", "r", "make", "command", {"cmd": "touch made"}, changed_when=False)
    assert not taker.take(command, TaskContext("make", CancelToken())).changed
    [change] = taker.take(copy, TaskContext("copy", CancelToken())).changes
    assert change.certainty is Certainty.UNKNOWN
    assert change.because == f"{tmp_path}/made does not exist on the host, but 'make' runs before"


@pytest.mark.parametrize(("deep", "uid", "sure"), [(True, 0, True), (False, 0, False), (True, 1000, False)])
def test_a_deep_plan_by_root_tries_validators_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deep: bool, uid: int, sure: bool
) -> None:
    """With the task's own environment; what is taken for it is let go at the end of the plan."""
    asked: list[dict[str, Any]] = []
    closed: list[bool] = []

    class Holder:
        alive = True

        def __init__(self, _table: object) -> None:
            pass

        def ask(self, question: dict[str, Any], timeout_s: float) -> dict[str, Any]:
            asked.append(question)
            return {"type": "ended", "status": 0, "output": "", "timeout_s": timeout_s}

        def stop(self) -> None:
            pass

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(hostview, "Holder", Holder)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    cache = tmp_path / "cache"
    taker = PlanTaker(
        HostContext(), Notifications(persistent=False), cast(ApplyTaker, None), str(cache), deep=deep
    )
    params = {"dest": str(tmp_path / "site"), "content": "x", "validate": "nginx -t -c %s"}
    spec = TaskSpec("t", "r", "t", "copy", params, environment={"SITE": "one"})
    done = taker.take(spec, TaskContext("t", CancelToken()))
    taker.close()
    assert [change.certainty is Certainty.EXACT for change in done.changes] == [sure]
    assert closed == ([True] if sure else [])
    assert [(question["environment"]["SITE"], "PATH" in question["environment"]) for question in asked] == (
        [("one", True)] if sure else []
    )


def test_a_plan_goes_on_in_the_world_of_the_play_before(tmp_path: Path) -> None:
    """The second play of a playbook sees what the first would have done, and what handlers were due there."""
    cache, folder = tmp_path / "cache", tmp_path / "new"
    cache.mkdir()

    def planned(before: PlanTaker | None) -> PlanTaker:
        context, notifications = HostContext(), Notifications(persistent=False, directory=str(tmp_path))
        if before is not None:
            context, notifications = before.context, before.notifications
        return PlanTaker(context, notifications, cast(ApplyTaker, None), str(cache), before=before)

    make = TaskSpec("make", "r", "make", "file", {"path": str(folder), "state": "directory"})
    use = TaskSpec("use", "r", "use", "file", {"path": f"{folder}/f", "state": "touch"})
    first = planned(None)
    assert first.take(make, TaskContext("make", CancelToken())).changed
    assert not planned(first).take(make, TaskContext("make", CancelToken())).changed
    assert planned(first).take(use, TaskContext("use", CancelToken())).changed
    with pytest.raises(TaskError):
        planned(None).take(use, TaskContext("use", CancelToken()))
    assert not folder.exists()


def test_what_plays_have_shown_outlives_a_restart_of_the_host(tmp_path: Path) -> None:
    """The next agent holds later plays to it as well; one that was not shown may change nothing."""
    context = HostContext()
    taker = PlanTaker(context, Notifications(persistent=False), cast(ApplyTaker, None), str(tmp_path))
    make = TaskSpec("make", "r", "make", "file", {"path": f"{tmp_path}/d", "state": "directory"})
    taker.take(make, TaskContext("make", CancelToken()))
    carried = json.loads(json.dumps(Remembered({"2": taker.predicted}, taker).to_json()))
    again = Remembered.from_json(carried)
    assert again.of("2")["make"].changes == taker.predicted["make"].changes
    assert again.of("1") == {}


@pytest.mark.parametrize("verdict", [False, True, None])
def test_an_apply_is_held_to_what_the_module_would_do(tmp_path: Path, verdict: bool | None) -> None:
    """A command that never counts as changed (`changed_when: false`) is no surprise after the plan."""
    cache, marker = tmp_path / "cache", tmp_path / "ran"
    cache.mkdir()
    context = HostContext()
    notifications = Notifications(persistent=False, directory=str(tmp_path))
    plan = PlanTaker(context, notifications, cast(ApplyTaker, None), str(cache))
    spec = TaskSpec("run", "r", "run", "command", {"cmd": f"touch {marker}"}, changed_when=verdict)
    planned = plan.take(spec, TaskContext("run", CancelToken()))
    assert not marker.exists()
    assert (planned.changed, planned.unknown is None) == (verdict is not False, verdict is not False)
    apply = ApplyTaker(
        context, notifications, cast(Any, None), lambda *_: None, workers=1, planned=plan.predicted
    )
    done = apply.take(spec, TaskContext("run", CancelToken()))
    assert (done.changed, marker.exists()) == (verdict is not False, True)
