"""What a host remembers of how long its changes took."""

from __future__ import annotations

import json
import os
from pathlib import Path

from configurator.agent.durations import ChangeDurations
from configurator.agent.work import Done
from configurator.core.changes import FieldChange
from configurator.core.status import Status
from configurator.core.task import TaskResult


def result(name: str, seconds: float, *, changed: bool, status: Status = Status.SUCCESS) -> TaskResult:
    changes = (FieldChange("package:nginx", "state"),) if changed else ()
    return TaskResult(name, status, Done(changes), started_s=1.0, ended_s=1.0 + seconds)


def test_only_changes_that_succeeded_are_remembered(tmp_path: Path) -> None:
    """A task that found nothing to do would make an installation look like an instant."""
    durations = ChangeDurations(str(tmp_path))
    durations.learn(
        [
            result("install", 8.0, changed=True),
            result("look", 0.001, changed=False),
            result("broken", 3.0, changed=True, status=Status.FAILED),
        ]
    )
    again = ChangeDurations(str(tmp_path))
    assert {name: again.estimate(name) for name in ("install", "look", "broken")} == {
        "install": 8.0,
        "look": None,
        "broken": None,
    }


def test_a_run_without_changes_writes_nothing(tmp_path: Path) -> None:
    """The second apply must leave the host as it was, our own files included."""
    ChangeDurations(str(tmp_path / "state")).learn([result("look", 0.1, changed=False)])
    assert not (tmp_path / "state").exists()


def test_the_file_is_private(tmp_path: Path) -> None:
    """Names of tasks say what a host is for."""
    ChangeDurations(str(tmp_path)).learn([result("install", 8.0, changed=True)])
    path = tmp_path / "durations.json"
    assert (path.stat().st_mode & 0o777, json.loads(path.read_text())) == (0o600, {"install": 8.0})
    assert os.listdir(tmp_path) == ["durations.json"]


def test_a_damaged_file_means_that_nothing_is_known(tmp_path: Path) -> None:
    """It costs a better order, never a run."""
    for text in ("", "[]", '{"a": "b"}', '{"a": null}', "\x00"):
        (tmp_path / "durations.json").write_text(text)
        assert ChangeDurations(str(tmp_path)).estimate("a") is None


def test_a_full_disk_fails_no_run(tmp_path: Path) -> None:
    """What cannot be saved is only forgotten."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    ChangeDurations(str(blocked / "below")).learn([result("install", 8.0, changed=True)])
