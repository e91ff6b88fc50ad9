"""A session's patience: silence means that the host is lost, but not while a change is being confirmed."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from configurator.agent.frames import Message
from configurator.transport.session import HostSession


class Channel:
    """Says nothing a few times, and then something."""

    def __init__(self, silences: int) -> None:
        self.silences = silences

    def recv(self, count: int) -> bytes:
        if self.silences:
            self.silences -= 1
            raise TimeoutError
        return b"x" * count


def session(silences: int, quiet_until: float) -> HostSession:
    made = HostSession.__new__(HostSession)
    made._channel = Channel(silences)  # type: ignore[assignment]
    made._quiet_until = quiet_until
    return made


def test_silence_loses_the_host() -> None:
    """An agent speaks every five seconds."""
    with pytest.raises(TimeoutError):
        session(1, 0.0)._read(3)


def test_a_rule_that_cut_the_connection_is_waited_for() -> None:
    """The host puts the old rules back, and the connection goes on: what it then says is better to know."""
    assert session(3, time.monotonic() + 60)._read(3) == b"xxx"


def test_facts_that_a_late_task_uses_are_asked_for_in_the_middle_of_a_run() -> None:
    """What the agent says while it looks for them is not lost: it is for the run, in its order."""
    made = HostSession.__new__(HostSession)
    made._queue, made._aside = queue.SimpleQueue(), deque()
    sent: list[str] = []
    made._send = lambda message: sent.append(str(message["type"]))  # type: ignore[method-assign]
    said: tuple[Message, ...] = (
        {"type": "late", "id": "1"},
        {"type": "task", "number": 1},
        {"type": "facts", "facts": {"mounts": []}},
        {"type": "task", "number": 2},
        {"type": "finished"},
    )
    for message in said:
        made._queue.put(message)
    told: list[Message] = []

    def expand(_message: Message, answer: Callable[[Mapping[str, Any]], None]) -> None:
        answer({"found": made.gather(["hardware"])["facts"]})

    made.run({"mode": "plan"}, {}, told.append, {"late": expand})
    assert sent == ["run", "facts", "answer"]
    assert [message["number"] for message in told] == [1, 2]
