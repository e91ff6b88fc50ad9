"""The host lock: one apply at a time, and never a lock that outlives its holder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from configurator.agent.hostlock import HostLock


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    """A refused apply can say by whom."""
    first, second = HostLock(str(tmp_path)), HostLock(str(tmp_path))
    assert first.acquire({"user": "anna", "pid": 7}) is None
    assert second.acquire({"user": "bob"}) == {"user": "anna", "pid": 7}
    first.release()
    assert second.acquire({"user": "bob"}) is None


def test_it_is_free_when_the_holder_was_killed(tmp_path: Path) -> None:
    """SIGKILL leaves the file, and no lock."""
    code = (
        "import os,sys,signal;from configurator.agent.hostlock import HostLock;"
        "HostLock(sys.argv[1]).acquire({'pid':1});os.kill(os.getpid(),signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert HostLock(str(tmp_path)).acquire({}) is None


def test_a_child_that_must_not_be_interrupted_keeps_it(tmp_path: Path) -> None:
    """A dpkg that outlives its agent keeps the host locked until it has ended."""
    lock = HostLock(str(tmp_path))
    lock.acquire({"pid": 1})
    assert lock.descriptor is not None
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(lock.descriptor,))
    lock.release()
    assert HostLock(str(tmp_path)).acquire({}) == {"pid": 1}
    child.communicate()
    assert HostLock(str(tmp_path)).acquire({}) is None
