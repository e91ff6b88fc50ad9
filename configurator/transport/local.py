"""The controller itself as a host: the agent as a child process, spoken to like one behind SSH."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import subprocess
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from configurator.core.errors import UnreachableError
from configurator.transport.endpoint import Endpoint


class LocalChannel:
    """A process with the methods of a paramiko channel that this project uses."""

    def __init__(self, command: str) -> None:
        # A group of its own: a Ctrl-C at the terminal is for us, and we tell the agent.
        self._process = subprocess.Popen(  # noqa: S602  (a command line, as a shell behind SSH gets it)
            command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._timeout: float | None = None
        self.status_event = threading.Event()  # never set: whoever waits for it looks again after its time
        self.eof_received = False
        self.closed = False

    def settimeout(self, timeout_s: float | None) -> None:
        """Set how long `recv` waits."""
        self._timeout = timeout_s

    def sendall(self, data: bytes | memoryview) -> None:
        """Write everything; OSError if the process has gone."""
        assert self._process.stdin is not None
        if self.closed:
            raise OSError("the channel is closed")
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def shutdown_write(self) -> None:
        """Let the process see the end of its input."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def recv(self, count: int) -> bytes:
        """Return what the process has written, nothing at its end; TimeoutError if nothing comes."""
        if self.closed:
            return b""
        if not _readable(self._out, self._timeout):
            raise TimeoutError
        data = os.read(self._out, count)
        self.eof_received = self.eof_received or not data
        return data

    def recv_stderr(self, count: int) -> bytes:
        """Return what the process has said of errors."""
        return os.read(self._err, count) if not self.closed and _readable(self._err, self._timeout) else b""

    def recv_ready(self) -> bool:
        """Return True if `recv` would not wait."""
        return not self.closed and not self.eof_received and _readable(self._out, 0)

    def recv_stderr_ready(self) -> bool:
        """Return True if something was said of errors, or never will be."""
        return not self.closed and self._process.poll() is None and _readable(self._err, 0)

    def exit_status_ready(self) -> bool:
        """Return True if the process has ended."""
        return self._process.poll() is not None

    def recv_exit_status(self) -> int:
        """Return the exit status, waiting for it."""
        return self._process.wait()

    def close(self) -> None:
        """Let the process end; the agent does so at the end of its input."""
        if self.closed:
            return
        self.closed = True
        self.shutdown_write()


class LocalConnection:
    """What stands for a connection to the machine that we are on."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def open(self, command: str, timeout_s: float = 15.0) -> LocalChannel:
        """Return a channel on which `command` was started."""
        channel = LocalChannel(command)
        channel.settimeout(timeout_s)
        return channel

    def run(
        self, command: Sequence[str], *, become: str = "", stdin: bytes = b"", timeout_s: float = 60.0
    ) -> tuple[int, str]:
        """Run a command to its end; return its exit status and what it wrote, both outputs together."""
        words = [*shlex.split(become), *command]
        try:
            done = subprocess.run(
                words,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnreachableError(self.endpoint.name, f"{words[0]}: {error}") from error
        return done.returncode, done.stdout.decode(errors="replace")

    @property
    def alive(self) -> bool:
        """True: this machine is there."""
        return True

    def close(self) -> None:
        """Close nothing: the channels are closed by who opened them."""

    def __enter__(self) -> LocalConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _readable(descriptor: int, timeout_s: float | None) -> bool:
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    left = timeout_s
    while True:
        poll = select.poll()  # select(2) knows no descriptor above 1023
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
        if poll.poll(None if left is None else max(0, left) * 1000):
            return True
        if deadline is None:
            continue
        left = deadline - time.monotonic()
        if left <= 0:
            return False
