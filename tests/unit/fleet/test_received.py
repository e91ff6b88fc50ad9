"""A file that a host sends goes where our own graph says, whole or not at all, whatever the host says."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configurator.agent.protocol import TaskSpec
from configurator.fleet import received as receiving
from configurator.fleet.received import Received


def spec(dest: Path, **params: Any) -> TaskSpec:
    return TaskSpec("r/1:x", "r", "x", "fetch", {"src": "/x", "dest": "y", "_dest": str(dest), **params})


def piece(data: bytes, offset: int, whole: bytes, **more: Any) -> dict[str, Any]:
    return {
        "data": data,
        "offset": offset,
        "total": len(whole),
        "sha256": hashlib.sha256(whole[: offset + len(data)]).hexdigest(),
        "private": False,
        **more,
    }


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@given(st.binary(max_size=200), st.integers(1, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_make_the_file(tmp_path: Path, whole: bytes, size: int) -> None:
    """In order, of any size; the old file stays what it was until the last one."""
    dest = tmp_path / "a/b/file"
    dest.parent.mkdir(parents=True, exist_ok=True)
    dest.write_bytes(b"old")
    received = Received()
    for offset in range(0, max(len(whole), 1), size):
        assert dest.read_bytes() == b"old"
        assert received.take(spec(dest), piece(whole[offset : offset + size], offset, whole)) == {}
    assert dest.read_bytes() == whole
    assert left(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("mode", "private", "expected"),
    [(None, False, 0o644), (None, True, 0o600), (0o640, False, 0o640), (0o664, True, 0o600)],
)
def test_what_is_private_there_is_private_here(
    tmp_path: Path, mode: int | None, private: bool, expected: int
) -> None:
    """A key must not become readable by being fetched; otherwise an old file keeps its mode."""
    dest = tmp_path / "key"
    if mode is not None:
        dest.touch()
        dest.chmod(mode)
    assert Received().take(spec(dest), piece(b"x", 0, b"x", private=private)) == {}
    assert stat.S_IMODE(dest.stat().st_mode) == expected


@pytest.mark.parametrize(
    "messages",
    [
        [piece(b"abc", 0, b"abcdef"), piece(b"XYZ", 3, b"abcXYZ", sha256="0")],
        [piece(b"abc", 0, b"abcdef"), piece(b"d", 2, b"abcdef")],
        [piece(b"abc", 0, b"abcdef"), piece(b"defg", 3, b"abcdefg")],
        [piece(b"abc", 0, b"abcdef"), piece(b"def", 3, b"abcdef", total=7)],
        [piece(b"abc", 0, b"ab")],
        [piece(b"abc", 3, b"abcdef")],
        [piece(b"", 0, b"abc")],
        [{**piece(b"abc", 0, b"abc"), "data": "*"}],
        [{**piece(b"abc", 0, b"abc"), "offset": "0"}],
        [{**piece(b"abc", 0, b"abc"), "offset": -1}],
        [piece(b"abc", 0, b"abc", total=None)],
        [piece(b"abc", 0, b"abc", total=True)],
        [piece(b"abc", 0, b"abc", total=1 << 62)],
        [{}],
    ],
    ids=str,
)
def test_who_does_not_keep_to_it_is_refused(tmp_path: Path, messages: list[dict[str, Any]]) -> None:
    """The old file stays, and nothing is left beside it."""
    dest = tmp_path / "file"
    dest.write_bytes(b"old")
    received = Received()
    answers = [received.take(spec(dest), message) for message in messages]
    assert "error" in answers[-1]
    assert dest.read_bytes() == b"old"
    assert left(tmp_path) == ["file"]
    assert "error" in received.take(spec(dest), piece(b"def", 3, b"abcdef"))  # nothing goes on after that


def test_names_in_a_message_mean_nothing(tmp_path: Path) -> None:
    """A message has no name to give; a task that is no fetch gets nothing written."""
    message = piece(b"x", 0, b"x", dest="/etc/passwd", path="../../x", task_id="../x")
    assert Received().take(spec(tmp_path / "file"), message) == {}
    assert left(tmp_path) == ["file"]
    for other in (
        None,
        TaskSpec("r/1:x", "r", "x", "copy", {"_dest": str(tmp_path / "no")}),
        spec(Path("x")),
    ):
        assert Received().take(other, message) == {"error": "nobody asked for a file"}
    assert left(tmp_path) == ["file"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """What the name led to stays what it was."""
    target, dest = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"kept")
    os.symlink(target, dest)
    assert Received().take(spec(dest), piece(b"x", 0, b"x")) == {}
    assert target.read_bytes() == b"kept"
    assert not dest.is_symlink()


def test_what_did_not_end_is_removed(tmp_path: Path) -> None:
    """The connection may end at any piece."""
    received = Received()
    assert received.take(spec(tmp_path / "file"), piece(b"abc", 0, b"abcdef")) == {}
    assert left(tmp_path) != []
    received.close()
    assert left(tmp_path) == []


def test_what_cannot_be_written_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory in the way, a file where a directory must be, a full disk."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    one = piece(b"x", 0, b"x")
    assert "is a directory" in Received().take(spec(tmp_path / "dir"), one)["error"]
    assert "exists" in Received().take(spec(tmp_path / "file/inside"), one)["error"].lower()
    monkeypatch.setattr(receiving, "_KEPT_FREE", 1 << 62)
    assert "no room for 1 bytes" in Received().take(spec(tmp_path / "new"), one)["error"]


def test_without_validation_a_wrong_checksum_passes(tmp_path: Path) -> None:
    """`validate_checksum: false` is the person's choice."""
    message = piece(b"x", 0, b"x", sha256="0")
    assert "damaged" in Received().take(spec(tmp_path / "file"), message)["error"]
    assert Received().take(spec(tmp_path / "file", validate_checksum=False), message) == {}
