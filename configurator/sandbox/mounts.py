"""Mounts of the sandbox, read from and proven by the kernel's own table."""

from __future__ import annotations

import os
import re
import time

from configurator.core.errors import SandboxError
from configurator.sandbox.commands import run

# Of the sizes of tmpfs(5) those that nobody mistakes: a bare number would be bytes.
_SIZE = re.compile(r"([0-9]+)([KMGkmg%])")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
_LEAST_BYTES = 64 * 2**20  # a boot writes 1 MB, but with less there is no room to install anything


def table(path: str = "/proc/self/mountinfo") -> list[tuple[str, str]]:
    """Return every mount point with its options, in mounting order (proc(5), mountinfo: fields 5 and the
    last).
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        rows = [line.split() for line in file]
    return [(_unescape(row[4]), _unescape(row[-1])) for row in rows]


def _unescape(text: str) -> str:
    """Undo mountinfo's octal escapes for blanks and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def below(directory: str) -> list[str]:
    """Return the mount points at and below a directory, the last mounted first."""
    root = os.path.realpath(directory)
    return [point for point, _ in reversed(table()) if point == root or point.startswith(f"{root}/")]


def in_use(directory: str) -> bool:
    """Tell whether some overlay mount has a layer at or below this directory."""
    return any(os.path.realpath(directory) in options for _, options in table())


def check_size(text: str) -> str:
    """Return a size of memory that tmpfs takes and a host can boot with, else raise SandboxError."""
    hint = "write it as 512M, 1G or 25% (of this machine's memory)"
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise SandboxError(f"{text!r} is not a size of memory", hint=hint)
    number, unit = int(found[1]), found[2].upper()
    if unit == "%" and not 0 < number <= 100:
        raise SandboxError(f"{text!r} is no share of this machine's memory", hint=hint)
    if unit != "%" and number * _UNITS[unit] < _LEAST_BYTES:
        least = f"{_LEAST_BYTES // 2**20}M"
        raise SandboxError(f"a host cannot work with {text} of memory", hint=f"give it {least} or more")
    return found[1] + unit


def mount_tmpfs(point: str, size: str) -> None:
    """Mount memory of at most `size`, as `check_size` returns it, at a directory that is made if needed."""
    os.makedirs(point, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", point])


def mount_overlay(lowers: list[str], upper: str, work: str, point: str) -> None:
    """Mount layers over each other, the first lower one on top of the next, writes going to `upper` alone."""
    for path in (upper, work, point):
        os.makedirs(path, exist_ok=True)
    os.chmod(upper, 0o755)  # noqa: S103 (it becomes the mode of the merged root directory)
    for path in (*lowers, upper, work):
        if set(path) & set(":,\\"):
            raise SandboxError(f"overlay cannot take the path {path}: it holds one of : , \\")
    options = f"lowerdir={':'.join(lowers)},upperdir={upper},workdir={work}"
    run(["mount", "-t", "overlay", "-o", options, "overlay", point])


def unmount_below(directory: str) -> None:
    """Unmount all that is mounted at and below a directory of ours; a busy mount is retried, then detached.

    A dying process keeps its mounts for some milliseconds; detaching (umount2(2), MNT_DETACH) is for one that
    someone else looks into, and must not keep a sandbox from going.
    """
    deadline = time.monotonic() + 2.0
    for point in below(directory):
        while run(["umount", point], ok=False).returncode != 0 and point in below(directory):
            if time.monotonic() >= deadline:
                run(["umount", "--lazy", point])
                break
            time.sleep(0.02)
