"""The agent: lives on the host as long as the connection, runs what it is sent, says what happens.

Input is read by one thread, runs happen in the main thread. When the input ends (the controller is gone,
the link is cut, or nothing came for SILENCE_S) the agent starts nothing more, stops what may be stopped,
waits for a dpkg under way, and ends. Nothing of it stays but its cache and its state directory.
"""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from configurator.agent import facts
from configurator.agent.frames import FrameError, Message, encode, messages

if TYPE_CHECKING:  # the hello goes out before the engine is imported
    from configurator.agent.hostlock import HostLock
    from configurator.core.cancel import CancelToken

Handler = Callable[["Agent", Message], None]

SILENCE_S = 60.0  # the controller sends a ping every 10 s; six lost ones mean that it is gone
_HEARTBEAT_S = 5.0
_PIECE_S = 600.0  # a piece of a content may take that long on a slow link; a dead one is noticed by SILENCE_S


class Agent:
    """One connection's worth of work."""

    def __init__(self, ssh_connection: str, cache: str) -> None:
        self._ssh_connection = ssh_connection
        self._cache = cache
        self._out = threading.Lock()
        self._gone = threading.Event()
        self._requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._answers: dict[str, queue.SimpleQueue[Message | None]] = {}
        self._answers_lock = threading.Lock()
        self._facts: dict[str, Any] = {}
        self._current: Any = None  # the HostRun under way
        self._handle: Handler | None = None
        self._context: Any = None
        self._predicted: Any = None
        self._stopped: str | None = None  # why nothing more is to begin
        self.lock: HostLock | None = None  # kept from one play to the next
        self._restarting = False  # the host was told to restart, and the controller knows

    # -- input and output -----------------------------------------------------------------------------

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; a controller that is gone is noticed by the reader, not here.

        What ends because the host restarts has not failed, so nobody is told: the next agent goes on with it.
        """
        if self._restarting and self._gone.is_set():
            return
        data = memoryview(encode(message))
        with self._out:
            try:
                while data:
                    data = data[os.write(1, data) :]
            except OSError:
                self._gone.set()

    def _read(self, count: int) -> bytes:
        """Read exactly `count` bytes, or return b"" at the end or after SILENCE_S without a byte."""
        parts: list[bytes] = []
        while count:
            ready, _, _ = select.select([0], [], [], SILENCE_S)
            chunk = os.read(0, min(count, 65536)) if ready else b""
            if not chunk:
                return b""
            parts.append(chunk)
            count -= len(chunk)
        return b"".join(parts)

    def _listen(self) -> None:
        try:
            for message in messages(self._read):
                kind = message["type"]
                if kind == "facts" and self._current is not None and self._handle is not None:
                    # The run itself waits for the answer: a task's text, which is made now, uses the facts.
                    threading.Thread(target=self._handle, args=(self, message), daemon=True).start()
                elif kind in ("run", "facts", "release"):
                    self._requests.put(message)
                elif kind == "answer":
                    with self._answers_lock:
                        waiting = self._answers.get(str(message.get("id")))
                    if waiting is not None:
                        waiting.put(message)
                elif kind == "cancel":
                    self._cancel(str(message.get("why") or "interrupted"), abort=bool(message.get("abort")))
        except (FrameError, OSError):
            pass  # no sense can be made of what follows: the same as the end
        self.shut_down()

    def ask(
        self, question: Mapping[str, Any], timeout_s: float | None, token: CancelToken | None = None
    ) -> Message | None:
        """Ask the controller and return its answer, or None if none came or the token was cancelled."""
        number = os.urandom(6).hex()
        waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        with self._answers_lock:
            if self._gone.is_set():
                return None
            self._answers[number] = waiting
        forget = token.on_cancel(lambda: waiting.put(None)) if token is not None else None
        try:
            self._restarting = self._restarting or question["type"] == "rebooting"
            self.send({**question, "id": number})
            return waiting.get(timeout=timeout_s)
        except queue.Empty:
            return None
        finally:
            if forget is not None:
                forget()
            with self._answers_lock:
                del self._answers[number]

    def shut_down(self) -> None:
        """Start nothing more and stop what may be stopped; the main thread ends when the rest has ended."""
        self._gone.set()
        with self._answers_lock:
            waiting = list(self._answers.values())
        for one in waiting:
            one.put(None)
        if self._current is not None:
            self._current.executor.drain("the connection is gone")
        if self._context is not None:
            self._context.processes.close()
            self._context.processes.kill_all()
        self._requests.put(None)

    def _cancel(self, why: str, *, abort: bool) -> None:
        self._stopped = why  # before the run is looked at: one that begins now must hear of it, too
        run = self._current
        if run is None:
            self._requests.put({"type": "release"})  # no play will follow
            return
        if abort:
            run.executor.cancel(why)
        else:
            run.executor.drain(why)

    def _beat(self) -> None:
        while not self._gone.wait(_HEARTBEAT_S):
            self.send({"type": "heartbeat"})

    # -- work -------------------------------------------------------------------------------------------

    def serve(self, load_handler: Callable[[], Handler]) -> None:
        """Say hello with the facts, then have the handler do what is asked until the end of input.

        `load_handler` is called after the hello: it imports what takes long, while the controller compiles.
        """
        self._facts = facts.collect()
        hello = {"type": "hello", "facts": self._facts, "pid": os.getpid()}
        self.send(hello)
        for target in (self._listen, self._beat):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()
        self._handle = load_handler()
        while (message := self._requests.get()) is not None:
            self._handle(self, message)
        if self._context is not None:
            self._context.processes.wait_uninterruptible()

    def piece(self, digest: str, offset: int, token: CancelToken | None = None) -> tuple[bytes, int]:
        """Return a piece of a content that the controller holds, and the size of the whole."""
        from configurator.core.errors import TaskError  # noqa: PLC0415

        answer = self.ask({"type": "blob", "digest": digest, "offset": offset}, _PIECE_S, token) or {}
        data, size = answer.get("data"), answer.get("size")
        if not isinstance(data, bytes) or not isinstance(size, int):
            problem = answer.get("error") or "it does not answer"
            raise TaskError(f"a file's content did not arrive from the controller: {problem}")
        return data, size

    @property
    def stopped(self) -> bool:
        """True once nothing more is to begin."""
        return self._stopped is not None or self._gone.is_set()

    @property
    def cache(self) -> str:
        """Return the agent's own cache directory on the host."""
        return self._cache

    @property
    def ssh_connection(self) -> str:
        """Return SSH_CONNECTION (ssh(1)): client address and port, server address and port."""
        return self._ssh_connection

    @property
    def facts(self) -> dict[str, Any]:
        """Return the facts as they were at the start."""
        return self._facts

    def begin(self, run: Any, context: Any) -> None:
        """Make a run the one that is cancelled when the connection ends."""
        self._context = context
        self._current = run
        if self._gone.is_set():
            self.shut_down()
        elif self._stopped is not None:
            run.executor.drain(self._stopped)

    def end(self) -> None:
        """The run is over."""
        self._current = None

    predicted = property(lambda self: self._predicted)

    def remember(self, predicted: Any) -> None:
        """Keep what a plan has shown, for an apply that follows on this connection."""
        self._predicted = predicted
