"""Who a process is: a pid can be given to another process, a pid with its start time and its boot cannot."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process of this boot: its pid and its start time in clock ticks since boot (proc(5), stat field
    22).
    """

    pid: int
    started: int


def parse_stat(text: str) -> ProcessId | None:
    """Return whom a line of /proc/PID/stat describes; None for a zombie or a torn line.

    proc(5): the second field is the command in parentheses and may itself hold blanks and parentheses, so
    fields are counted from the last closing one: state is the first after it and starttime the twentieth.
    """
    head, separator, tail = text.rpartition(")")
    fields = tail.split()
    if not separator or len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    pid, started = head.split(" ", 1)[0], fields[19]
    return ProcessId(int(pid), int(started)) if pid.isdigit() and started.isdigit() else None


def identify(pid: int) -> ProcessId | None:
    """Return the full identity of a running process, None if there is none by this pid."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return parse_stat(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None


def myself() -> ProcessId:
    """Return the identity of the calling process."""
    found = identify(os.getpid())
    assert found is not None
    return found


def alive(process: ProcessId) -> bool:
    """Tell whether this very process still runs; a recycled pid counts as dead."""
    return identify(process.pid) == process


def boot_id() -> str:
    """Return the kernel's random name for this boot (random(4)): after a reboot no recorded pid means
    anything.
    """
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def kill(process: ProcessId, number: int) -> bool:
    """Send a signal to this very process and tell whether it was still there; never signals another one.

    pidfd_open(2) pins the process first, so that its pid cannot be recycled between the check and the signal.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(process):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def wait_gone(process: ProcessId, timeout: float) -> bool:
    """Wait until the process has ended, ours or not; False if it still runs after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while alive(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True
