"""Running the machine's own tools, so that a failure says what the tool said and a signal leaves no child
behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence

from configurator.core.errors import SandboxError

# How long a cancelled caller may go on waiting before it looks at its token again.
POLL_S = 0.2


class CancelledError(SandboxError):
    """The work was given up because another part of it failed or a signal came."""


def check(cancel: threading.Event | None) -> None:
    """Raise `CancelledError` if the token is set; every wait of the sandbox goes through here."""
    if cancel is not None and cancel.is_set():
        raise CancelledError("cancelled")


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a child that leads its own session together with everything it started, and collect it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    cancel: threading.Event | None = None,
    ok: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it wrote; with `ok` a non-zero exit raises SandboxError.

    The child leads its own session: Ctrl-C reaches us alone, and we end the child with all its children
    (debootstrap is a shell script, whose dpkg would otherwise go on in a tree that we are removing).
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env) if env is not None else None,
            start_new_session=True,
            umask=0o022,  # a tree made under a private umask would lock its own users out
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise SandboxError(f"{argv[0]} is not installed on this machine") from error
    try:
        out, err = _collect(process, argv, stdin, timeout, cancel)
    except BaseException:
        kill_group(process)
        raise
    if ok and process.returncode != 0:
        said = (err.strip() or out.strip())[-2000:]
        raise SandboxError(f"{' '.join(argv[:4])}... ended with {process.returncode}: {said}")
    return subprocess.CompletedProcess(list(argv), process.returncode, out, err)


def _collect(
    process: subprocess.Popen[str],
    argv: Sequence[str],
    stdin: str | None,
    timeout: float,
    cancel: threading.Event | None,
) -> tuple[str, str]:
    """Wait for the child in short steps, because an event cannot interrupt communicate()."""
    waited = 0.0
    while True:
        check(cancel)
        try:
            # After a TimeoutExpired communicate() may be called again and loses nothing, but input is sent
            # once.
            return process.communicate(stdin if waited == 0.0 else None, timeout=POLL_S)
        except subprocess.TimeoutExpired:
            waited += POLL_S
            if waited >= timeout:
                raise SandboxError(f"{argv[0]} did not end within {timeout:.0f} s") from None
