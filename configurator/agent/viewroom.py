"""The room in which a view's commands run: layers over the host's files, its own devices, its own processes.

In the memory of the process that holds the view (a tmpfs that nobody else sees) stand the layers: `PACKAGES`,
which packages have brought, and for each command a new one that takes what the command writes.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from configurator.agent import namespaces, viewfiles

_MEMORY = "/run"  # of the host's own nothing is needed there, and every host has it
_PACKAGES = f"{_MEMORY}/packages"
_UPPERMOST = f"{_MEMORY}/uppermost"
_ROOT = f"{_MEMORY}/root"
_SMALL_BYTES = 64 << 20  # of what a plan changes itself
_OUTPUT_BYTES = 64 << 10
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_FAILED = 1


class Room:
    """Runs in the namespaces of the view, as their first process."""

    def __init__(self) -> None:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            self._points = viewfiles.mount_points(file.read())
        directories = viewfiles.run_directories()
        self._bytes = _SMALL_BYTES
        namespaces.mount("tmpfs", _MEMORY, "tmpfs", namespaces.NO_SUID, f"mode=0700,size={self._bytes}")
        os.mkdir(_ROOT)
        self._layer(_PACKAGES)
        run = f"{_PACKAGES}/0/upper/run"
        for path, mode, uid, gid in [("", 0o755, 0, 0), *directories]:
            os.mkdir(run + path)
            os.chmod(run + path, mode)
            os.chown(run + path, uid, gid)

    def fill(self, act: Callable[[], int], size: int, timeout_s: float) -> tuple[int, str]:
        """Have a function put something into the packages' layer, which grows by `size` bytes for it."""
        if size > _available() // 4:
            raise OSError("too little memory to unpack the packages")
        self._bytes += size
        namespaces.mount(None, _MEMORY, None, namespaces.REMOUNT, f"size={self._bytes}")
        return self._inside(_PACKAGES, [], act, timeout_s)

    def run(self, act: Callable[[], int], timeout_s: float) -> tuple[int, str]:
        """Have a function act above the packages' layer; what it has written is gone on return."""
        self._layer(_UPPERMOST)
        try:
            return self._inside(_UPPERMOST, [_PACKAGES], act, timeout_s)
        finally:
            shutil.rmtree(_UPPERMOST, ignore_errors=True)

    def _layer(self, name: str) -> None:
        """Make an empty layer, with a part for each of the host's file systems."""
        for number, point in enumerate(self._points):
            for part in ("upper", "work"):
                os.makedirs(f"{name}/{number}/{part}")
            status = os.stat(point)
            os.chmod(f"{name}/{number}/upper", status.st_mode & 0o7777)
            os.chown(f"{name}/{number}/upper", status.st_uid, status.st_gid)

    def _inside(
        self, upper: str, lower: list[str], act: Callable[[], int], timeout_s: float
    ) -> tuple[int, str]:
        """Have a process act in the view; return its exit status and its output.

        OSError if it could not begin, or did not end in time. Whatever it has left running is killed.
        """
        output, output_end = os.pipe()
        problem, problem_end = os.pipe()  # closed when a program is executed
        process = os.fork()
        if process == 0:
            try:
                os.close(0)
                os.dup2(output_end, 1)
                os.dup2(output_end, 2)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                self._enter(upper, lower)
                os.open("/dev/null", os.O_RDONLY)  # becomes 0, the lowest that is free
                os.set_inheritable(0, True)
                namespaces.renounce()
                os._exit(act())
            except BaseException as error:  # noqa: BLE001  (a process of its own, which must end here)
                os.write(problem_end, f"{type(error).__name__}: {error}".encode()[:1000])
            os._exit(_FAILED)
        os.close(output_end)
        os.close(problem_end)
        try:
            text, in_time = _attend(process, output, time.monotonic() + timeout_s)
        finally:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # whatever it has left running; this process is spared
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with suppress(ChildProcessError):
            while os.waitpid(-1, 0):
                pass
        why = os.read(problem, 1000).decode(errors="replace")
        os.close(output)
        os.close(problem)
        if why or not in_time:
            raise OSError(why or f"it did not end within {timeout_s:g} s")
        return status, text

    def _enter(self, upper: str, lower: list[str]) -> None:
        """Make the view the root of this process, with its own /dev, /proc and /sys."""
        namespaces.unshare(namespaces.FILES)
        for number, point in enumerate(self._points):
            layers = ":".join([*(f"{name}/{number}/upper" for name in lower), point])
            place = f"{upper}/{number}"
            options = f"lowerdir={layers},upperdir={place}/upper,workdir={place}/work"
            namespaces.mount("overlay", (_ROOT + point).rstrip("/"), "overlay", 0, options)
        harmless = namespaces.NO_SUID | namespaces.NO_PROGRAMS
        namespaces.mount("tmpfs", f"{_ROOT}/dev", "tmpfs", harmless, "mode=0755,size=16m")
        for name in _DEVICES:
            with open(f"{_ROOT}/dev/{name}", "wb"):
                pass
            namespaces.mount(f"/dev/{name}", f"{_ROOT}/dev/{name}", None, namespaces.BIND)
        os.symlink("/proc/self/fd", f"{_ROOT}/dev/fd")
        shared = f"{_ROOT}/dev/shm"  # noqa: S108  (the view's own)
        os.mkdir(shared)
        os.chmod(shared, 0o1777)  # noqa: S103  (as on every host)
        kernels = harmless | namespaces.NO_DEVICES | namespaces.READ_ONLY
        namespaces.mount("proc", f"{_ROOT}/proc", "proc", kernels)
        with suppress(OSError):  # few programs need it
            namespaces.mount("sysfs", f"{_ROOT}/sys", "sysfs", kernels)
        namespaces.move_root(_ROOT)


def _attend(process: int, output: int, until: float) -> tuple[str, bool]:
    """Read what a process says until it has ended; True if that was in time. Ends with the agent."""
    ended = os.pidfd_open(process)
    os.set_blocking(output, False)  # a child in the background may keep it open
    poll = select.poll()
    for descriptor in (output, ended):
        poll.register(descriptor, select.POLLIN)
    poll.register(0, 0)  # POLLHUP alone: the agent has gone
    said = b""
    ready: set[int] = set()
    while ended not in ready and (left := until - time.monotonic()) > 0:
        ready = {descriptor for descriptor, _ in poll.poll(int(left * 1000) + 1)}
        if 0 in ready:
            os._exit(1)
        with suppress(BlockingIOError):
            while chunk := os.read(output, 65536):
                said = (said + chunk)[-_OUTPUT_BYTES:]
            with suppress(KeyError):
                poll.unregister(output)
    os.close(ended)
    return said.decode(errors="replace"), ended in ready


def _available() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return int(fields["MemAvailable"].split()[0]) * 1024
