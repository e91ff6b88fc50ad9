"""The log: everything, private, and not more than fifty of them."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from configurator.report.log import LogSink, log_directory, new_log_path, prune
from tests.unit.report import golden, stream


def test_the_log_holds_every_event_with_full_output(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "x.log"
    golden.play(stream.apply_run(), LogSink(str(path)))
    text = path.read_text(encoding="utf-8")
    golden.check("apply.log", text.partition("\n")[2])  # the first line holds the time of day
    assert "apply of web1, web2, old1" in text.partition("\n")[0]


def test_directory_and_file_are_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "logs" / "x.log"
    golden.play(stream.quiet_run(), LogSink(str(path)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_only_the_newest_logs_are_kept_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"20250101T0000{number:02d}Z-plan.log").touch()
    (tmp_path / "notes.txt").touch()
    sink = LogSink(str(tmp_path / "20250102T000000Z-plan.log"))
    sink.open()
    sink.close()
    logs = sorted(path.name for path in tmp_path.glob("*.log"))
    assert len(logs) == 50
    assert logs[0] == "20250101T000011Z-plan.log"
    assert logs[-1] == "20250102T000000Z-plan.log"
    assert (tmp_path / "notes.txt").exists()


def test_a_missing_directory_has_nothing_to_prune(tmp_path: Path) -> None:
    prune(str(tmp_path / "none"))


def test_a_log_asked_for_by_name_removes_no_other(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number:02d}.log").touch()
    sink = LogSink(str(tmp_path / "mine.log"), prunes=False)
    sink.open()
    sink.close()
    assert len(list(tmp_path.glob("*.log"))) == 61


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    """In a shared directory somebody else could point the log's name at a file of ours."""
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "x.log").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        LogSink(str(tmp_path / "x.log")).open()
    assert target.read_text() == "kept"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_the_state_directory_follows_the_xdg_specification(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", value)
    assert log_directory() == str(tmp_path / ".local/state/configurator/logs")
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert log_directory() == "/var/state/configurator/logs"


def test_logs_sort_by_time_and_name_their_mode() -> None:
    path = new_log_path("apply", datetime(2025, 3, 4, 5, 6, 7, 89, tzinfo=UTC))
    assert os.path.basename(path) == "20250304T050607.000089Z-apply.log"
