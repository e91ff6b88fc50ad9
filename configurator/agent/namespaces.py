"""What Linux offers to keep a process apart from its host, by the calls that Python 3.11 has no names for.

unshare(2), mount(2), umount2(2), prctl(2), capabilities(7). Every function raises OSError.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource

FILES = 0x00020000  # CLONE_NEWNS
NAMES = 0x04000000  # CLONE_NEWUTS
MESSAGES = 0x08000000  # CLONE_NEWIPC
PROCESSES = 0x20000000  # CLONE_NEWPID: of the children
NETWORK = 0x40000000  # CLONE_NEWNET

READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8  # MS_RDONLY...
REMOUNT, BIND = 32, 4096
_MOVE, _RECURSIVE, _PRIVATE = 8192, 16384, 1 << 18
_PARENT_DIES, _DROP = 1, 24  # PR_SET_PDEATHSIG, PR_CAPBSET_DROP
# What reaches beyond the namespaces: modules, raw devices, clocks, mounts, device files, the kernel's log...
# Without CAP_SYS_PTRACE (19) the root of a process that can do more, /proc/1/root, stays closed, too.
_BEYOND = (2, 9, 16, 17, 19, 20, 21, 22, 25, 26, 27, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_KILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(kinds: int) -> None:
    """Leave the host's namespaces of these kinds for new ones; mounts made from now on are ours alone."""
    _check(_libc.unshare(kinds), "unshare")
    if kinds & FILES:
        mount(None, "/", None, _RECURSIVE | _PRIVATE)


def mount(source: str | None, target: str, kind: str | None, flags: int = 0, options: str = "") -> None:
    """Mount something; see mount(2)."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    status = _libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(options) or None)
    _check(status, f"mount {kind or 'again'} at {target}")


def move_root(directory: str) -> None:
    """Make a mounted directory the root, and what was the root before out of reach."""
    os.chdir(directory)
    mount(".", "/", None, _MOVE)
    os.chroot(".")
    os.chdir("/")


def die_with_parent() -> None:
    """Have the kernel kill this process as soon as its parent has ended."""
    _check(_libc.prctl(_PARENT_DIES, _KILL, 0, 0, 0), "prctl")


def renounce() -> None:
    """Give up, for whatever is executed from now on, the powers that reach beyond the namespaces."""
    for number in _BEYOND:
        if _libc.prctl(_DROP, number, 0, 0, 0) != 0 and ctypes.get_errno() != errno.EINVAL:
            raise OSError(ctypes.get_errno(), "prctl")  # EINVAL: an old kernel does not know the last ones
    # core(5): a limit of 1 keeps the kernel from handing a crash to the host's own collector.
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def _check(status: int, what: str) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
