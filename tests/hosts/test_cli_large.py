"""`copy` of large files at the command line: none is in memory as a whole, and none is half in its place."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from configurator.modules.content import LARGE_BYTES
from configurator.sandbox import Lab
from tests.hosts.cli import PROGRAM, Folder, Remote, Running, hosts_of, wait_until

pytestmark = pytest.mark.host

MEMORY_KB = 200_000  # that neither the program nor the agent may come to need
# Runs the program and tells what memory it came to have.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
# The agent is the parent of what a task runs.
PEAK = {"name": "peak", "shell": "grep VmHWM /proc/$PPID/status > /run/peak"}


@pytest.fixture(scope="module")
def remote(lab: Lab) -> Remote:
    """A host with room for large files."""
    hosts_of(lab, [])
    return Remote(lab, lab.up(["large1"], memory="4G")[0])


@pytest.fixture
def folder(tmp_path: Path, remote: Remote) -> Folder:
    """A project whose role `r` has a folder `files`."""
    remote.sh("rm -rf /srv/l; mkdir /srv/l")
    folder = Folder(tmp_path, [remote.host])
    folder.site("r")
    (folder.path / "roles/r/files").mkdir(parents=True)
    return folder


def write_large(path: Path, size: int, seed: int = 0) -> str:
    """Write a file that looks random and is so cheap to make; return its sha256."""
    block, summer = os.urandom(1 << 20), hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            piece = (f"{seed} {start} ".encode() + block)[: min(len(block), size - start)]
            file.write(piece)
            summer.update(piece)
    return summer.hexdigest()


def measured(folder: Folder, *words: str) -> int:
    """Run the program, which must succeed; return the most memory that it had, in kilobytes."""
    command = [sys.executable, "-c", MEASURED, "peak", str(PROGRAM), *words]
    ended = Running(command, folder.path, folder.environment()).end(600)
    assert ended.code == 0, (ended.stdout[-3000:], ended.stderr[-3000:])
    return int((folder.path / "peak").read_text())


def test_a_large_file_is_planned_sent_and_copied_on(folder: Folder, remote: Remote) -> None:
    """Just over the threshold: as root, as a user, on the host with a backup; all as planned, and once."""
    source = folder.path / "roles/r/files/large"
    tasks: list[dict[str, Any]] = [
        {"name": "sent", "copy": {"src": "large", "dest": "/srv/l/a", "mode": "0640", "owner": "admin"}},
        {"name": "here", "copy": {"src": "/srv/l/a", "dest": "/srv/l/b", "remote_src": True, "backup": True}},
        {"name": "as user", "become_user": "admin", "copy": {"src": "large", "dest": "/home/admin/c"}},
        {"name": "stat", "stat": {"path": "/srv/l/b", "checksum_algorithm": "sha256"}},
    ]
    folder.role("r", tasks)
    sizes: list[int] = []
    for size in (LARGE_BYTES + 1, LARGE_BYTES + 2_000_000):
        digest = write_large(source, size, seed=size)
        planned = folder.run("plan", "--json")
        assert remote.sh("ls /srv/l") == ("" if not sizes else "a\nb\n")
        done = folder.run("apply", "--yes", "--json")
        for name in ("sent", "as user", "here"):
            assert done.task(name)["status"] == planned.task(name)["status"] == "changed"
        for name in ("sent", "as user"):
            assert planned.task(name)["changes"] == done.task(name)["changes"]
            changes = {change["field"]: change for change in done.task(name)["changes"]}
            assert changes["content"]["after"] == f"large file, {size / 1e6:.1f} MB, sha256 {digest[:12]}"
            assert "diff" not in changes["content"]
            assert changes["content"].get("before") == (
                f"large file, {sizes[0] / 1e6:.1f} MB" if sizes else None
            )
        found = remote.sh("cd /srv/l; sha256sum < a; sha256sum < b; sha256sum < /home/admin/c").split()
        assert found == [digest, "-"] * 3
        assert remote.sh("stat -c '%a %U' /srv/l/a /home/admin/c") == "640 admin\n644 admin\n"
        sizes.append(size)
        again = folder.run("apply", "--yes", "--json")
        assert set(again.statuses().values()) == {"ok"}
    assert remote.sh("ls -A /srv/l | wc -l") == "3\n", "two files, one backup, and nothing else"
    assert remote.sh("cat /srv/l/b.*~ | wc -c") == f"{sizes[0]}\n"


def test_a_killed_program_leaves_no_part_of_a_file(folder: Folder, remote: Remote) -> None:
    """The agent is in the middle of a file when nobody answers any more: the old one stays, alone."""
    folder.role("r", [{"name": "sent", "copy": {"src": "large", "dest": "/srv/l/a"}}])
    with (folder.path / "roles/r/files/large").open("wb") as file:
        file.truncate(1 << 30)
    remote.sh("echo old > /srv/l/a")
    running = folder.start("apply", "--yes")
    # open(2), O_TMPFILE: what has no name is shown as deleted; a file system without that has a hidden name.
    begun = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -E '/srv/l/(#|[.]configurator-)' >/dev/null"
    wait_until(lambda: running.over or remote.test(begun), "the file is on its way")
    assert not running.over
    running.signal(signal.SIGKILL)
    assert running.end().code == -signal.SIGKILL
    wait_until(lambda: remote.agents() == "", "no agent is left")
    assert remote.sh("ls -A /srv/l; cat /srv/l/a") == "a\nold\n"
    assert not remote.locked()


@pytest.mark.full
def test_memory_is_bounded_whatever_the_size(folder: Folder, remote: Remote) -> None:
    """More than a gigabyte, sent, copied on and compared again: neither side ever has much of it at once."""
    size = 1_200_000_000
    digest = write_large(folder.path / "roles/r/files/large", size)
    copy = {"src": "/srv/l/a", "dest": "/srv/l/b", "remote_src": True}
    tasks: list[dict[str, Any]] = [
        {"name": "sent", "copy": {"src": "large", "dest": "/srv/l/a"}},
        {"name": "here", "copy": copy},
        PEAK,
    ]
    folder.role("r", tasks)
    for words in (("plan",), ("apply", "--yes"), ("apply", "--yes")):
        assert measured(folder, *words, "--json") < MEMORY_KB
        if words == ("plan",):
            assert remote.sh("ls -A /srv/l") == ""
            continue
        assert int(remote.sh("cat /run/peak").split()[1]) < MEMORY_KB
    assert (
        remote.sh("cd /srv/l; ls -A; sha256sum < a; sha256sum < b").split() == ["a", "b"] + [digest, "-"] * 2
    )
