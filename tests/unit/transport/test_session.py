"""A session's patience: silence means that the host is lost, but not while a change is being confirmed."""

from __future__ import annotations

import time

import pytest

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
