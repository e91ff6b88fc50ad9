"""Locks between processes: flock(2), which the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from configurator.core.errors import SandboxError
from configurator.sandbox.commands import check


@contextmanager
def held(path: str, *, timeout: float = 600.0, cancel: threading.Event | None = None) -> Iterator[None]:
    """Hold the lock file exclusively inside the block; SandboxError if others keep it for `timeout` seconds.

    A lock file may be removed by its holder together with its lab, so a lock counts only if the file is still
    the one at that path: otherwise two processes could hold "the same" lock on two files.
    """
    deadline = time.monotonic() + timeout
    while (descriptor := _acquire(path)) is None:
        check(cancel)
        if time.monotonic() >= deadline:
            raise SandboxError(f"another sandbox command is at work and did not end within {timeout:.0f} s")
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)


def _acquire(path: str) -> int | None:
    """Return the descriptor that holds the lock, None if it is someone else's just now."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:  # its directory went between the two calls
        return None
    if _try_lock(descriptor) and _still_there(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still_there(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
