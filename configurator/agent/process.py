"""Commands on the host: argument lists in their own process group, bounded output, always an end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError
from configurator.modules.system import CommandResult

_KEEP = 512 * 1024  # of each end of an output; what lies between is left out and said so
_GRACE_S = 5.0  # between SIGTERM and SIGKILL
_LINGER_S = 1.0  # for a background child that keeps the pipe open after the command has ended
_NOT_FOUND = 127  # sh(1)


class ProcessTable:
    """The process groups that run now, so that they can all be stopped when the connection ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._groups: dict[int, bool] = {}
        self._closed = False

    def start(self, argv: Sequence[str], uninterruptible: bool, **options: object) -> subprocess.Popen[bytes]:
        """Start a command and register it; TaskError once the table is closed."""
        with self._lock:
            if self._closed:
                raise TaskError("the connection is gone: nothing more is started", command=argv)
            process: subprocess.Popen[bytes] = subprocess.Popen(argv, start_new_session=True, **options)  # type: ignore[call-overload]
            self._groups[process.pid] = uninterruptible
            return process

    def ended(self, pid: int) -> None:
        """Forget a command."""
        with self._lock:
            self._groups.pop(pid, None)
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse to start anything from now on."""
        with self._lock:
            self._closed = True

    def kill_all(self, *, except_uninterruptible: bool = True) -> None:
        """Kill the groups that run, but those that must not be interrupted."""
        with self._lock:
            for group, uninterruptible in self._groups.items():
                if not (uninterruptible and except_uninterruptible):
                    kill_group(group, signal.SIGKILL)

    def wait_uninterruptible(self) -> None:
        """Return when nothing that must not be interrupted runs any more."""
        with self._changed:
            while any(self._groups.values()):
                self._changed.wait()


def kill_group(group: int, number: signal.Signals) -> None:
    """Signal a process group; one that has ended already is fine."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        pass  # every process of the group has become another user's: sudo, which passes signals on itself


@dataclass(frozen=True, slots=True)
class Command:
    """How to run something."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: str | None = None
    cwd: str | None = None
    timeout_s: float | None = None
    uninterruptible: bool = False
    pass_fds: tuple[int, ...] = ()


def run(command: Command, table: ProcessTable, token: CancelToken) -> CommandResult:
    """Run a command to its end; a missing program is exit status 127.

    Cancelling the token or running out of time stops the whole process group, and is a TaskError.
    """
    token.raise_if_cancelled()
    try:
        process = table.start(
            command.argv,
            command.uninterruptible,
            stdin=subprocess.PIPE if command.stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(command.environment),
            cwd=command.cwd,
            pass_fds=command.pass_fds,
        )
    except FileNotFoundError as error:
        if command.cwd is not None and not os.path.isdir(command.cwd):
            raise TaskError(f"no such directory: {command.cwd}", command=command.argv) from error
        return CommandResult(command.argv, _NOT_FOUND, "", f"{command.argv[0]}: command not found\n")
    except OSError as error:
        raise TaskError(f"{command.argv[0]}: {error.strerror}", command=command.argv) from error
    stopper = _Stopper(process)
    forget = token.on_cancel(stopper.stop) if not command.uninterruptible else (lambda: None)
    try:
        out, err = _Output(process.stdout), _Output(process.stderr)
        _feed(process, command.stdin)
        try:
            status = process.wait(command.timeout_s)
        except subprocess.TimeoutExpired:
            stopper.stop()
            process.wait()
            raise TaskError(
                f"{command.argv[0]} did not end within {command.timeout_s:g} s",
                command=command.argv,
                output=out.text() + err.text(),
            ) from None
        end = time.monotonic() + _LINGER_S
        out.finish(end)
        err.finish(end)
    finally:
        forget()
        stopper.over()
        table.ended(process.pid)
    token.raise_if_cancelled()
    return CommandResult(command.argv, status, out.text(), err.text())


class _Stopper:
    """Stops a process group: SIGTERM, and SIGKILL if it does not listen."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._timer: threading.Timer | None = None

    def stop(self) -> None:
        kill_group(self._process.pid, signal.SIGTERM)
        self._timer = threading.Timer(_GRACE_S, kill_group, (self._process.pid, signal.SIGKILL))
        self._timer.daemon = True
        self._timer.start()

    def over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            kill_group(self._process.pid, signal.SIGKILL)


def _feed(process: subprocess.Popen[bytes], text: str | None) -> None:
    if text is None or process.stdin is None:
        return
    stdin = process.stdin
    data = text.encode()

    def write() -> None:
        try:
            stdin.write(data)
            stdin.close()
        except OSError:
            return  # it does not want to read: its exit status tells why

    if len(data) <= 4096:  # PIPE_BUF: fits into any pipe without waiting
        write()
    else:
        threading.Thread(target=write, daemon=True).start()


class _Output:
    """Reads one output to its end in a thread, keeping the first and the last part."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self._stream.fileno(), 65536):
            room = _KEEP - len(self._head)
            self._head += chunk[:room]
            self._tail += chunk[room:]
            if len(self._tail) > 2 * _KEEP:
                self._left_out += len(self._tail) - _KEEP
                del self._tail[:-_KEEP]

    def finish(self, deadline: float) -> None:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if not self._thread.is_alive():
            self._stream.close()

    def text(self) -> str:
        head, tail = bytes(self._head), bytes(self._tail)
        left_out = self._left_out + max(0, len(tail) - _KEEP)
        if left_out:
            head += f"\n[... {left_out} bytes left out ...]\n".encode()
            tail = tail[-_KEEP:]
        return (head + tail).decode(errors="replace")
