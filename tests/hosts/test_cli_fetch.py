"""`fetch` at the command line: a file of a host comes to the controller, as a plan has told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Folder, Remote, hosts_of

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def remote(lab: Lab) -> Remote:
    return Remote(lab, hosts_of(lab, ["fetch1"])[0])


@pytest.fixture
def folder(tmp_path: Path, remote: Remote) -> Folder:
    folder = Folder(tmp_path, [remote.host])
    folder.site("r")
    return folder


def test_a_file_comes_over_as_planned_and_once(folder: Folder, remote: Remote) -> None:
    """Absent, the same, different: each is told by the plan, done by the apply, and then nothing is left."""
    remote.sh("mkdir -p '/srv/a b'; printf 'one\\0two\\377' > '/srv/a b/f'; chmod 600 '/srv/a b/f'")
    folder.role("r", [{"name": "Fetch", "fetch": {"src": "/srv/a b/../a b/f", "dest": "got"}}])
    there = folder.path / "got" / remote.name / "srv/a b/f"
    for content in (b"one\0two\xff", b"another"):
        if there.exists():
            remote.sh("printf another > '/srv/a b/f'")
        before = there.read_bytes() if there.exists() else None
        planned = folder.run("plan", "--json").task("Fetch")
        assert (there.read_bytes() if there.exists() else None) == before
        done = folder.run("apply", "--yes", "--json").task("Fetch")
        assert planned["status"] == done["status"] == "changed"
        assert planned["changes"] == done["changes"]
        change = {"before": "absent" if before is None else "differs", "after": "fetched"}
        assert done["changes"] == [
            {"subject": f"controller:{there}", "field": "state", "certainty": "exact", **change}
        ]
        assert there.read_bytes() == content
        assert there.stat().st_mode & 0o777 == 0o600
        sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        assert done["outputs"] == {
            "src": "/srv/a b/../a b/f",
            "dest": str(there),
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "checksum": sha1,
            "remote_checksum": sha1,
            "md5sum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        }
        for mode in (("plan",), ("apply", "--yes")):
            assert folder.run(*mode, "--json").task("Fetch")["status"] == "ok"
    assert [path.name for path in there.parent.iterdir()] == ["f"]
    assert "+ r: Fetch" not in folder.run("plan").stdout


def test_where_it_goes(folder: Folder, remote: Remote) -> None:
    """Below the host's name, flat to a name, flat into a directory; and what an earlier task has written."""
    remote.sh("echo x > /srv/x")
    folder.role(
        "r",
        [
            {"name": "tree", "fetch": {"src": "/srv/x", "dest": "tree/"}},
            {"name": "flat", "fetch": {"src": "/srv/x", "dest": "deep/er/name", "flat": True}},
            {"name": "into", "fetch": {"src": "/srv/x", "dest": "into/", "flat": True}},
            {"name": "proc", "fetch": {"src": "/proc/sys/kernel/ostype", "dest": "os", "flat": True}},
            {"name": "empty", "copy": {"dest": "/srv/empty", "content": ""}},
            {"name": "fetch empty", "fetch": {"src": "/srv/empty", "dest": "empty", "flat": True}},
            {
                "name": "as user",
                "become_user": "admin",
                "fetch": {"src": "/srv/x", "dest": "user", "flat": True},
            },
        ],
    )
    planned = folder.run("plan", "--json")
    done = folder.run("apply", "--yes", "--json")
    assert set(planned.statuses().values()) == set(done.statuses().values()) == {"changed"}
    read = {
        name: (folder.path / name).read_text() for name in ("deep/er/name", "into/x", "os", "empty", "user")
    }
    assert read == {"deep/er/name": "x\n", "into/x": "x\n", "os": "Linux\n", "empty": "", "user": "x\n"}
    assert (folder.path / "tree" / remote.name / "srv/x").read_text() == "x\n"
    assert set(folder.run("apply", "--yes", "--json").statuses().values()) == {"ok"}


def test_what_cannot_be_fetched(folder: Folder, remote: Remote) -> None:
    """Missing files and directories are errors in the plan already; a local obstacle is named."""
    remote.sh("mkdir -p /srv/dir")
    (folder.path / "file").write_text("")
    folder.role(
        "r",
        [
            {"name": "missing", "fetch": {"src": "/srv/none", "dest": "got"}},
            {"name": "ignored", "fetch": {"src": "/srv/gone", "dest": "got", "fail_on_missing": False}},
            {"name": "directory", "fetch": {"src": "/srv/dir", "dest": "got"}},
        ],
    )
    planned = folder.run("plan", "--json", code=3)
    done = folder.run("apply", "--yes", "--json", code=3)
    for ended in (planned, done):
        assert ended.task("missing")["message"] == "no such file: /srv/none"
        assert ended.task("ignored")["status"] == "ok"
        assert ended.task("directory")["message"] == "is a directory: /srv/dir"
    obstacle = {"src": "/etc/passwd", "dest": "file/below", "flat": True}
    folder.role("r", [{"name": "obstacle", "fetch": obstacle}])
    assert f"cannot read {folder.path}/file/below: Not a directory" in folder.run("plan", code=3).stdout
    assert not (folder.path / "got").exists()


def test_a_large_file_is_not_held_in_memory(folder: Folder, remote: Remote) -> None:
    """It comes in many pieces, and the agent's memory stays far below its size."""
    remote.sh("head -c 300M /dev/zero > /srv/large")
    folder.role(
        "r",
        [
            {"name": "large", "fetch": {"src": "/srv/large", "dest": "large", "flat": True}},
            {"name": "peak", "shell": "grep VmHWM /proc/$(pgrep -of 'python3 -I -S')/status"},
        ],
    )
    done = folder.run("apply", "--yes", "--json")
    assert (folder.path / "large").stat().st_size == 300 << 20
    kilobytes = int(done.task("peak")["outputs"]["stdout"].split()[1])
    assert kilobytes < 100 << 10
    remote.sh("rm /srv/large")
