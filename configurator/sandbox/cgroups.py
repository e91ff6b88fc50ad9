"""A control group per host: it names every process of a guest, even after its container manager died.

systemd-nspawn with --keep-unit makes `supervisor` and `payload` groups in the group it was started in
(keeping to the unit it was given). Without a group of its own each, all guests of a machine would share one
`payload`, and the systemd of one would find the processes of another in "its" ssh.service.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from configurator.sandbox.processes import identify, kill

# Groups live directly under the root of each hierarchy, as those of container engines do (cgroups(7)).
PREFIX = "configurator-"


def hierarchies(mountinfo: str = "/proc/self/mountinfo") -> list[str]:
    """Return where systemd keeps processes apart: the unified hierarchy and, on older set-ups,
    `name=systemd`.
    """
    found = []
    with open(mountinfo, encoding="utf-8", errors="replace") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            kind, _, options = right.partition(" ")
            named = kind == "cgroup" and "name=systemd" in options.strip().split(" ")[-1].split(",")
            if (kind == "cgroup2" or named) and left.split()[4] not in found:
                found.append(left.split()[4])
    return found


def paths(group: str, roots: list[str] | None = None) -> list[str]:
    """Return the group's directory in each hierarchy, whether or not it exists."""
    return [os.path.join(root, PREFIX + group) for root in (hierarchies() if roots is None else roots)]


def create(group: str) -> list[str]:
    """Make the group in each hierarchy and return its directories; groups below it get what controllers there
    are.
    """
    made = paths(group)
    for path in made:
        os.makedirs(path, exist_ok=True)
        with contextlib.suppress(
            OSError
        ):  # a hierarchy without this file, or a controller that is busy elsewhere
            with open(os.path.join(path, "cgroup.controllers"), encoding="ascii") as file:
                controllers = file.read().split()
            with open(os.path.join(path, "cgroup.subtree_control"), "w", encoding="ascii") as file:
                file.write(" ".join(f"+{name}" for name in controllers))
    return made


def members(group: str, only: str = "") -> set[int]:
    """Return the pids of all processes in the group and below it; with `only`, below groups of this name
    alone.
    """
    found: set[int] = set()
    for directory in _directories(group, only):
        found.update(_read_pids(os.path.join(directory, "cgroup.procs")))
    return found


def _directories(group: str, only: str = "") -> list[str]:
    return [
        directory
        for path in paths(group)
        for directory, _, _ in os.walk(path)
        if not only or only in directory.removeprefix(path).split("/")
    ]


def _read_pids(path: str) -> set[int]:
    try:
        with open(path, encoding="ascii") as file:
            return {int(line) for line in file}
    except OSError:  # the group went away, or (ENODEV) is being removed
        return set()


def kill_all(group: str, *, only: str = "", timeout: float = 10.0) -> bool:
    """Kill every process of the group and return whether none is left; repeats, since they may still fork.

    cgroup.kill (cgroups v2, Linux 5.14) ends them at one stroke; where it is missing, one by one.
    """
    deadline = time.monotonic() + timeout
    while True:
        for path in _directories(group, only):
            _kill_at_once(path)
        pids = members(group, only)
        if not pids:
            return True
        for pid in pids:
            process = identify(pid)
            if process is not None and pid in members(group, only):
                kill(process, signal.SIGKILL)
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)


def _kill_at_once(path: str) -> None:
    try:
        with open(os.path.join(path, "cgroup.kill"), "w", encoding="ascii") as file:
            file.write("1")
    except OSError:  # an older kernel or the named hierarchy: kill_all goes on one by one
        pass


def remove(group: str, timeout: float = 60.0) -> None:
    """Remove the empty group with the groups below it, and wait while the kernel still calls it busy.

    A killed process leaves its group's list at once, and the group itself only when it is wholly torn down:
    on a machine with much to do, after more than five seconds.
    """
    deadline = time.monotonic() + timeout
    for path in paths(group):
        while os.path.isdir(path):
            for directory, _, _ in os.walk(path, topdown=False):
                with contextlib.suppress(OSError):  # EBUSY
                    os.rmdir(directory)
            if time.monotonic() >= deadline:
                return
            if os.path.isdir(path):
                time.sleep(0.01)


def names(prefix: str) -> list[str]:
    """Return our groups whose name begins so, for a lab that lost its records."""
    found = set()
    for root in hierarchies():
        found |= {name.removeprefix(PREFIX) for name in os.listdir(root) if name.startswith(PREFIX + prefix)}
    return sorted(found)
