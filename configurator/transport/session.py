"""A host's agent at the other end of a connection: started once, asked to plan or to apply, ended.

Every wait ends: the agent sends a heartbeat every 5 s, and a host from which nothing came for SILENCE_S is
unreachable. The reader answers each heartbeat, so that the agent knows that we are there, also while a
person looks at a plan.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, cast

from configurator.agent.frames import FrameError, Message, encode, messages
from configurator.agent.protocol import Held
from configurator.core.errors import HostSetupError, UnreachableError
from configurator.transport.blobs import piece_of
from configurator.transport.bootstrap import start_agent, sudo_command
from configurator.transport.endpoint import Endpoint
from configurator.transport.ssh import Connection, connect
from configurator.transport.sshauth import Secrets

SILENCE_S = 25.0  # five heartbeats
# The agent gives up on a login after 35 s and undoes the change; TCP then sends again only after a while.
_UNDONE_S = 150.0
_CONFIRM_PAUSES_S = (0.0, 0.5, 2.0)  # sshd listens anew only a moment after it was told to reload


# Gets a message and what sends its answer, which may be called later, and from any thread.
Question = Callable[[Message, Callable[[Mapping[str, Any]], None]], None]


def reach(endpoint: Endpoint, secrets: Secrets) -> Connection:
    """Return a connection to a host, or what stands for one if it is this machine."""
    if endpoint.local:
        from configurator.transport.local import LocalConnection  # noqa: PLC0415  (few runs need it)

        return cast("Connection", LocalConnection(endpoint))
    return connect(endpoint, secrets)


class HostSession:
    """A running agent. `facts` are those of its hello; close it, or use it as a context manager."""

    def __init__(self, endpoint: Endpoint, secrets: Secrets) -> None:
        self.endpoint = endpoint
        self._secrets = secrets
        self._quiet_until = 0.0  # until then silence means nothing
        self._connection: Connection = reach(endpoint, secrets)
        try:
            self._channel = start_agent(self._connection, secrets)
            self._channel.settimeout(SILENCE_S)
            self._incoming: Iterator[Message] = messages(self._read)
            self._out = threading.Lock()
            hello = next(self._incoming, None)
            if hello is None or hello["type"] != "hello":
                raise HostSetupError(endpoint.name, "the agent ended at once", output=self._stderr())
        except FrameError as error:
            self._connection.close()
            raise UnreachableError(endpoint.name, f"the agent makes no sense: {error}") from error
        except BaseException:
            self._connection.close()
            raise
        self.facts: dict[str, Any] = dict(hello.get("facts", {}))
        self._queue: queue.SimpleQueue[Message | Exception] = queue.SimpleQueue()
        self._aside: deque[Message | Exception] = deque()  # what came while facts were waited for
        threading.Thread(target=self._listen, name=f"read-{endpoint.name}", daemon=True).start()

    # -- runs -------------------------------------------------------------------------------------------

    def run(
        self,
        request: Mapping[str, Any],
        blobs: Mapping[str, Held],
        on_message: Callable[[Message], None],
        questions: Mapping[str, Question] | None = None,
    ) -> None:
        """Have the agent plan or apply; `on_message` gets its reports until it has finished.

        `questions` are what tasks may ask besides, by the type of the message.

        Raises UnreachableError when the agent or the link is gone, HostSetupError when it refuses.
        """
        self._send({"type": "run", **request})
        while True:
            message = self._aside.popleft() if self._aside else self._queue.get()
            if isinstance(message, Exception):
                raise message
            kind = message["type"]
            if kind == "finished":
                return
            if kind == "refused":
                raise self._refusal(message)
            if kind == "blob":
                self._answer(message, piece_of(blobs, message))
            elif kind == "guard":
                self._answer(message, self._confirm(message))
            elif questions and kind in questions:
                questions[kind](message, functools.partial(self._answer, message))
            else:
                on_message(message)

    def gather(self, parts: Collection[str], timeout_s: float = 10.0) -> Message:
        """Return the agent's answer with the facts of these parts.

        While a run is under way only the thread that is in `run` may call it, such as for the text of a task
        that is made late; what the agent says meanwhile is for `run`. `timeout_s` is for what may hang on the
        host. Raises UnreachableError when the agent or link is gone.
        """
        self._send({"type": "facts", "parts": sorted(parts), "timeout_s": timeout_s})
        while True:
            message = self._queue.get()
            if isinstance(message, Exception):
                self._aside.append(message)
                raise message
            if message["type"] == "facts":
                return message
            self._aside.append(message)

    def cancel(self, *, abort: bool, why: str = "interrupted") -> None:
        """Ask the agent to start nothing more; with `abort` also to stop what runs."""
        self._send({"type": "cancel", "abort": abort, "why": why})

    def release(self) -> None:
        """Let others work on the host; call it while no run is under way."""
        self._send({"type": "release"})

    def _answer(self, question: Message, answer: Mapping[str, Any]) -> None:
        self._send({"type": "answer", "id": question.get("id"), **answer})

    def _refusal(self, message: Message) -> HostSetupError:
        holder = message.get("holder")
        who = holder if isinstance(holder, dict) else {}
        name = f"{who.get('user', 'somebody')}@{who.get('controller', 'an unknown machine')}"
        return HostSetupError(
            self.endpoint.name,
            f"another apply is under way: {name}, agent process {who.get('pid', '?')}",
            hint="it frees the host by ending; no lock is left behind",
        )

    def _confirm(self, message: Message) -> dict[str, Any]:
        """Prove that we can still log in: over a new TCP connection, at a port that is now declared."""
        declared = [port for port in message.get("ports", ()) if isinstance(port, int)]
        others = [self.endpoint.with_port(port) for port in declared if port != self.endpoint.port]
        answer: dict[str, Any] = {}
        # A rule may have cut this connection, too: it goes on once the host has put the old ones back.
        self._quiet_until = time.monotonic() + _UNDONE_S
        for pause in _CONFIRM_PAUSES_S:
            time.sleep(pause)
            for endpoint in (self.endpoint, *others):
                answer = self._disarm(endpoint, message)
                if answer["ok"]:
                    self._quiet_until = 0.0
                    self.endpoint = endpoint
                    return answer
        return answer

    def _disarm(self, endpoint: Endpoint, message: Message) -> dict[str, Any]:
        command = [str(word) for word in message.get("command", ())]
        try:
            with reach(endpoint, self._secrets) as fresh:
                become, stdin = sudo_command(endpoint, self._secrets)
                status, output = fresh.run(command, become=become, stdin=stdin, timeout_s=20)
        except UnreachableError as error:
            return {"ok": False, "error": error.message}
        if status == 0 and f"disarmed {message.get('token')}" in output:
            return {"ok": True}
        return {"ok": False, "error": output.strip()[-500:] or f"exit status {status}"}

    # -- input and output ---------------------------------------------------------------------------------

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            with self._out:
                self._channel.sendall(memoryview(encode(message)))  # type: ignore[arg-type]
        except (OSError, EOFError) as error:
            raise self._lost(str(error) or "it was closed") from error

    def _read(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            try:
                chunk = self._channel.recv(count)
            except TimeoutError:
                if time.monotonic() < self._quiet_until:
                    continue
                raise
            if not chunk:
                return b""
            parts.append(chunk)
            count -= len(chunk)
        return b"".join(parts)

    def _listen(self) -> None:
        try:
            for message in self._incoming:
                if message["type"] == "heartbeat":
                    self._send({"type": "ping"})
                else:
                    self._queue.put(message)
            self._queue.put(self._lost(self._stderr() or "the agent ended"))
        except TimeoutError:
            self._queue.put(self._lost(f"nothing came for {SILENCE_S:g} s"))
        except (OSError, EOFError) as error:
            self._queue.put(self._lost(str(error)))
        except (FrameError, UnreachableError) as error:
            self._queue.put(error if isinstance(error, UnreachableError) else self._lost(str(error)))

    def _lost(self, reason: str) -> UnreachableError:
        return UnreachableError(
            self.endpoint.name,
            f"the connection was lost: {reason}",
            hint="the host ends a package installation under way, and undoes a change of firewall or sshd "
            "that was not confirmed within 90 s; look at a plan before you apply again",
        )

    def _stderr(self) -> str:
        try:
            self._channel.settimeout(1)
            return self._channel.recv_stderr(4096).decode(errors="replace").strip()
        except (OSError, EOFError):
            return ""

    def close(self) -> None:
        """End the agent and the connection."""
        self._channel.close()
        self._connection.close()
