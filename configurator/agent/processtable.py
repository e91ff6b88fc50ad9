"""The commands that run now, so that all of them can be stopped when the connection ends."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from configurator.core.cancel import Cancelled

_GRACE_S = (
    2.0  # for commands to clean up when the agent ends; a killed controller must leave nothing for long
)


class Running:
    """One running command, the leader of its process group.

    A group is signalled only while its leader is not reaped: until then nobody else can get its number.
    """

    def __init__(self, process: subprocess.Popen[bytes], uninterruptible: bool) -> None:
        self.uninterruptible = uninterruptible
        self.wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)  # readable once somebody stopped it
        self.stopped_at: float | None = None
        self._process = process
        self._lock = threading.Lock()
        self._reaped = False

    @property
    def stopped(self) -> bool:
        """True if it was stopped before it had ended by itself."""
        return self.stopped_at is not None

    def stop(self) -> None:
        """Ask the group to end, and have whoever attends to it kill it if it does not."""
        with self._lock:
            if self._reaped or self.stopped_at is not None or self._ended():
                return
            self.stopped_at = time.monotonic()
            self._kill(signal.SIGTERM)
            os.eventfd_write(self.wake, 1)

    def send(self, number: int) -> None:
        """Send a signal to the group, if it is still there."""
        with self._lock:
            if not self._reaped:
                self._kill(number)

    def ended(self) -> bool:
        """Return True once the leader has ended, reaped or not."""
        with self._lock:
            return self._reaped or self._ended()

    def reap(self) -> int:
        """Take the exit status, negative for a signal; what a stopped command has left behind is killed."""
        with self._lock:
            if self.stopped_at is not None or not self._ended():
                self._kill(signal.SIGKILL)
            status = self._process.wait()
            self._reaped = True
            os.close(self.wake)
        return status

    def _ended(self) -> bool:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _kill(self, number: int) -> None:
        # PermissionError: the whole group has become another user's, as with sudo, which passes signals on.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class ProcessTable:
    """All running commands of an agent."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: set[Running] = set()
        self._uninterruptible = (
            0  # counted from before their start: nobody may miss one that is just starting
        )
        self._closed = False

    @contextmanager
    def room(self, uninterruptible: bool) -> Iterator[None]:
        """Hold a place for a command from before its start until its end; Cancelled once closed."""
        with self._changed:
            if self._closed:
                raise Cancelled("the connection is gone")
            self._uninterruptible += uninterruptible
        try:
            yield
        finally:
            with self._changed:
                self._uninterruptible -= uninterruptible
                self._changed.notify_all()

    def add(self, running: Running) -> None:
        """Note a started command; one that was starting while the table was closed is stopped."""
        with self._changed:
            self._running.add(running)
            closed = self._closed
        if closed and not running.uninterruptible:
            running.stop()

    def remove(self, running: Running) -> None:
        """Forget a command."""
        with self._changed:
            self._running.discard(running)
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse to start anything from now on."""
        with self._changed:
            self._closed = True

    def kill_all(self, *, except_uninterruptible: bool = True) -> None:
        """Stop the commands that run, but those that must not be interrupted; on return they have ended."""
        for running in self._interruptible(except_uninterruptible):
            running.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._interruptible(except_uninterruptible), _GRACE_S)
        for running in self._interruptible(except_uninterruptible):
            running.send(signal.SIGKILL)

    def _interruptible(self, except_uninterruptible: bool) -> list[Running]:
        with self._changed:
            return [one for one in self._running if not (one.uninterruptible and except_uninterruptible)]

    def wait_uninterruptible(self) -> None:
        """Return when nothing that must not be interrupted runs any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._uninterruptible == 0)
