"""When a host can be used: sshd greets, a login by key works, and systemd has finished starting."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

from configurator.core.errors import SandboxError
from configurator.sandbox.commands import check, run

BOOT_TIMEOUT_S = 60.0

# systemctl(1), is-system-running: what a finished boot answers; degraded means that some unit failed.
FINISHED = ("running", "degraded")


def greets(address: str, port: int, timeout: float = 1.0) -> bool:
    """Tell whether an ssh server sends its banner (RFC 4253, 4.2); an open port alone may be one that is
    still starting.
    """
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.settimeout(timeout)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_ready(
    address: str,
    port: int,
    ssh: Sequence[str],
    *,
    running: Callable[[], bool],
    cancel: threading.Event,
    timeout: float = BOOT_TIMEOUT_S,
) -> None:
    """Return when the host is ready; SandboxError when its container ended or the time is over."""
    deadline = time.monotonic() + timeout
    while not greets(address, port):
        check(cancel)
        if not running():
            raise SandboxError("the container ended while it booted")
        if time.monotonic() >= deadline:
            raise SandboxError(f"no ssh server answered at {address}:{port} within {timeout:.0f} s")
        time.sleep(0.02)
    left = max(1.0, deadline - time.monotonic())
    answer = run([*ssh, "systemctl is-system-running --wait"], timeout=left, cancel=cancel, ok=False)
    if answer.stdout.strip() not in FINISHED:
        raise SandboxError(
            f"the host did not finish starting: {answer.stdout.strip()} {answer.stderr.strip()}"
        )
