"""Commands on the host: argument lists in their own process group, bounded output, and always an end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configurator.agent.output import Kept
from configurator.agent.processtable import ProcessTable, Running
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.system import CommandResult

__all__ = ["Command", "MissingProgramError", "ProcessTable", "run"]

NOT_FOUND = 127  # sh(1): what a shell would answer
_GRACE_S = 5.0  # between SIGTERM and SIGKILL
_LINGER_S = 1.0  # for a background child that keeps the pipe open after the command has ended
_LOOK_S = 0.05  # how often to look for the end of a command where the kernel cannot tell


class MissingProgramError(TaskError):
    """The program is not there."""


@dataclass(frozen=True, slots=True)
class Command:
    """How to run something. `timeout_s` None: until it ends, or its task is cancelled."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: str | None = None
    cwd: str | None = None
    timeout_s: float | None = None
    uninterruptible: bool = False
    pass_fds: tuple[int, ...] = ()


def run(command: Command, table: ProcessTable, token: CancelToken) -> CommandResult:
    """Run a command to its end and return how it ended, whatever its exit status.

    A cancelled token stops the whole process group (SIGTERM, later SIGKILL) and raises Cancelled, a
    timeout stops it and raises TaskError; an uninterruptible command is left to end by itself. A missing
    program is a MissingProgramError, a missing directory a ParameterError.
    """
    token.raise_if_cancelled()
    with table.room(command.uninterruptible):
        process = _start(command)
        running = Running(process, command.uninterruptible)
        try:
            table.add(running)
            forget = None if command.uninterruptible else token.on_cancel(running.stop)
            try:
                attendant = _Attendant(command, process, running)
                timed_out = attendant.attend()
            finally:
                if forget is not None:
                    forget()
        finally:
            status = running.reap()
            table.remove(running)
    result = CommandResult(command.argv, status, attendant.stdout.text(), attendant.stderr.text())
    if timed_out:
        raise TaskError(
            f"{command.argv[0]} did not end within {command.timeout_s:g} s",
            command=command.argv,
            output=result.stdout + result.stderr,
        )
    if running.stopped:
        raise Cancelled(token.reason or "the connection is gone")
    return result


def _start(command: Command) -> subprocess.Popen[bytes]:
    program = command.argv[0]
    try:
        return subprocess.Popen(
            command.argv,
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=dict(command.environment),
            cwd=command.cwd,
            pass_fds=command.pass_fds,
            start_new_session=True,  # its own process group, and no terminal to ask on
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        if command.cwd is not None and not os.path.isdir(command.cwd):
            what = "is no directory" if os.path.lexists(command.cwd) else "does not exist"
            raise ParameterError(f"the directory {command.cwd} {what}") from error
        if isinstance(error, FileNotFoundError):
            raise MissingProgramError(
                f"{program} is not installed",
                command=command.argv,
                exit_status=NOT_FOUND,
                outputs=_not_started(command, error),
            ) from error
        raise TaskError(
            f"cannot start {program}: {error.strerror}",
            command=command.argv,
            outputs=_not_started(command, error),
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in an argument
        raise TaskError(f"cannot start {program}: {error}", command=command.argv) from error


def _not_started(command: Command, error: OSError) -> dict[str, Any]:
    """Return what a role may ask of a program that did not start: Ansible's `rc` is then the errno."""
    empty = {"stdout": "", "stdout_lines": [], "stderr": "", "stderr_lines": []}
    return {"rc": error.errno, "cmd": list(command.argv), **empty}


class _Attendant:
    """Feeds and empties one command's pipes in the caller's own thread, and keeps its deadlines."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes], running: Running) -> None:
        self.stdout = Kept()
        self.stderr = Kept()
        self._process = process
        self._running = running
        self._poll = select.poll()
        self._outputs: dict[int, Kept] = {}
        self._rest = memoryview((command.stdin or "").encode(errors="surrogateescape"))
        self._timeout_at = float("inf")
        if command.timeout_s is not None:
            self._timeout_at = time.monotonic() + command.timeout_s
        self._ended_at = float("inf")
        self._killed = False

    def attend(self) -> bool:
        """Return when the command has ended (but is not reaped); True if that was by its timeout."""
        process, timed_out = self._process, False
        assert process.stdout is not None
        assert process.stderr is not None
        self._outputs = {process.stdout.fileno(): self.stdout, process.stderr.fileno(): self.stderr}
        for descriptor in self._outputs:
            self._poll.register(descriptor, select.POLLIN)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._poll.register(process.stdin.fileno(), select.POLLOUT)
        self._poll.register(self._running.wake, select.POLLIN)
        watch = _watch(process.pid)
        if watch is not None:
            self._poll.register(watch, select.POLLIN)
        try:
            while not self._over():
                self._step(watch)
                if time.monotonic() >= self._timeout_at:
                    timed_out, self._timeout_at = True, float("inf")
                    self._running.stop()
        finally:
            if watch is not None:
                os.close(watch)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        return timed_out

    def _over(self) -> bool:
        """Tell whether it has ended and its output is complete, or the wait for that is over."""
        if self._ended_at == float("inf"):
            return False
        return not self._outputs or time.monotonic() >= self._ended_at + _LINGER_S

    def _step(self, watch: int | None) -> None:
        """Wait for something to happen, and see to it."""
        for descriptor, _ in self._poll.poll(self._wait_ms(watch)):
            if descriptor in self._outputs:
                self._read(descriptor)
            elif descriptor == self._running.wake:
                os.eventfd_read(descriptor)
            elif descriptor == watch:
                self._poll.unregister(descriptor)
                self._ended_at = time.monotonic()
            else:
                self._feed(descriptor)
        if watch is None and self._ended_at == float("inf") and self._running.ended():
            self._ended_at = time.monotonic()
        stopped_at = self._running.stopped_at
        if stopped_at is not None and not self._killed and time.monotonic() >= stopped_at + _GRACE_S:
            self._killed = True
            self._running.send(signal.SIGKILL)

    def _wait_ms(self, watch: int | None) -> int | None:
        until = min(self._timeout_at, self._ended_at + _LINGER_S)
        if self._running.stopped_at is not None and not self._killed:
            until = min(until, self._running.stopped_at + _GRACE_S)
        if watch is None:
            until = min(until, time.monotonic() + _LOOK_S)
        if until == float("inf"):
            return None
        return max(0, int((until - time.monotonic()) * 1000) + 1)

    def _read(self, descriptor: int) -> None:
        chunk = os.read(descriptor, 65536)
        if chunk:
            self._outputs[descriptor].add(chunk)
        else:
            self._poll.unregister(descriptor)
            del self._outputs[descriptor]

    def _feed(self, descriptor: int) -> None:
        try:
            self._rest = self._rest[os.write(descriptor, self._rest) :]
        except BlockingIOError:
            return
        except OSError:
            self._rest = self._rest[:0]  # it does not want to read: its exit status tells why
        if not self._rest:
            self._poll.unregister(descriptor)
            assert self._process.stdin is not None
            self._process.stdin.close()


def _watch(pid: int) -> int | None:
    """Return a descriptor that is readable once the process has ended; None on a kernel before 5.3."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
