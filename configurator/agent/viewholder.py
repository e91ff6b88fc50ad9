"""The process that holds a view of the host, as the agent sees it; see hostview.py."""

from __future__ import annotations

import os
import posixpath
import select
import signal
import subprocess
import sys
import time

from configurator.agent.frames import FrameError, Message, encode, messages
from configurator.agent.processtable import ProcessTable, Running


class Holder:
    """The process that holds the view, and the questions to it."""

    def __init__(self, table: ProcessTable) -> None:
        source = posixpath.dirname(posixpath.dirname(posixpath.dirname(posixpath.abspath(__file__))))
        code = (
            f"import sys;sys.path.insert(0,{source!r});from configurator.agent import main;main.main('','')"
        )
        with table.room(uninterruptible=False):
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", code, "--view"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                umask=0o022,
                start_new_session=True,
            )
            self._running = Running(self._process, uninterruptible=False)
            table.add(self._running)
        self._table = table
        self._until = 0.0
        self._answers = messages(self._read)
        self.alive = True

    def ask(self, question: Message, timeout_s: float) -> Message:
        """Return the answer; OSError if there is none, or if the view lacks something."""
        self._until = time.monotonic() + timeout_s
        assert self._process.stdin is not None
        try:
            rest = memoryview(encode(question))
            while rest:
                rest = rest[self._process.stdin.write(rest) or 0 :]
            answer = next(self._answers, None)
        except (OSError, FrameError):
            self.alive = False
            raise
        if answer is None:
            self.alive = False
            raise OSError("no view can be made here")
        if answer["type"] == "error":
            raise OSError(answer["message"])
        return answer

    def _read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        descriptor, parts = self._process.stdout.fileno(), list[bytes]()
        while count:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, self._until - time.monotonic()))
            chunk = os.read(descriptor, min(count, 65536)) if ready else b""
            if not chunk:
                return b""
            parts.append(chunk)
            count -= len(chunk)
        return b"".join(parts)

    def stop(self) -> None:
        """End it at once; whoever waits for an answer gets none."""
        self._running.stop()

    def close(self) -> None:
        """End it and all that runs in it; on return nothing of it is left."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._running.send(signal.SIGKILL)
        self._running.reap()
        self._table.remove(self._running)
