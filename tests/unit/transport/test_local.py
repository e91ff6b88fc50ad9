"""This machine as a host: a child process that is spoken to like one behind SSH."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.core.errors import UnreachableError
from configurator.transport.endpoint import Endpoint
from configurator.transport.local import LocalChannel, LocalConnection

ENDPOINT = Endpoint("localhost", "localhost")
LARGE = 1 << 20


@pytest.fixture
def cat() -> Iterator[LocalChannel]:
    channel = LocalChannel("exec cat")
    channel.settimeout(30)
    yield channel
    channel.close()
    channel.recv_exit_status()


def read(channel: LocalChannel) -> bytes:
    found = b""
    while data := channel.recv(65536):
        found += data
    return found


def test_what_is_sent_comes_back_and_the_end_is_seen(cat: LocalChannel) -> None:
    """Whole, and an end of input is an end of output."""
    cat.sendall(b"hello")
    assert cat.recv(100) == b"hello"
    assert not cat.recv_ready()
    cat.shutdown_write()
    assert read(cat) == b""
    assert cat.eof_received
    assert cat.recv_exit_status() == 0
    assert cat.exit_status_ready()


def test_a_channel_that_nothing_comes_from_is_a_timeout_and_goes_on(cat: LocalChannel) -> None:
    """As paramiko's: the caller looks at its own clock and asks again."""
    cat.settimeout(0)
    with pytest.raises(TimeoutError):
        cat.recv(1)
    cat.settimeout(30)
    cat.sendall(b"x")
    assert cat.recv(1) == b"x"


def test_a_closed_channel_takes_nothing_and_gives_nothing(cat: LocalChannel) -> None:
    """Closing twice is closing once; the process sees the end of its input."""
    cat.close()
    cat.close()
    with pytest.raises(OSError, match="closed"):
        cat.sendall(b"x")
    assert cat.recv(1) == b""
    assert cat.recv_stderr(1) == b""
    assert not cat.recv_ready()
    assert cat.recv_exit_status() == 0


def test_errors_and_the_exit_status_are_kept_apart_from_the_output() -> None:
    """What the agent says of a crash is told to people."""
    channel = LocalChannel("printf out; printf wrong >&2; exit 3")
    channel.settimeout(30)
    assert read(channel) == b"out"
    assert channel.recv_stderr(100) == b"wrong"
    assert channel.recv_exit_status() == 3


def test_large_contents_go_both_ways() -> None:
    """More than any pipe holds, in one call."""
    command = (
        f"{sys.executable} -c 'import sys; d = sys.stdin.buffer.read({LARGE}); sys.stdout.buffer.write(d)'"
    )
    channel = LocalChannel(command)
    channel.settimeout(60)
    data = bytes(range(256)) * (LARGE // 256)
    channel.sendall(memoryview(data))
    assert read(channel) == data
    assert channel.recv_exit_status() == 0


def test_a_process_that_has_gone_is_an_os_error() -> None:
    """Not a value: the session says that the host is lost."""
    channel = LocalChannel("exec true")
    assert channel.recv_exit_status() == 0
    with pytest.raises(OSError):
        channel.sendall(b"x" * LARGE)


def test_a_command_is_run_with_its_input_and_both_outputs() -> None:
    """And one that cannot be started says that this machine cannot be worked on."""
    with LocalConnection(ENDPOINT) as connection:
        assert connection.alive
        assert connection.run(["sh", "-c", "cat; echo err >&2; exit 4"], stdin=b"in\n") == (4, "in\nerr\n")
        assert connection.run(["echo", "x"], become="env A=1") == (0, "x\n")
        with pytest.raises(UnreachableError, match="no-such-program"):
            connection.run(["no-such-program"])


def test_a_command_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """It is unreachable, as a host that does not answer."""
    with LocalConnection(ENDPOINT) as connection, pytest.raises(UnreachableError, match="timed out"):
        connection.run(["cat", str(_fifo(tmp_path))], timeout_s=0.05)


def _fifo(tmp_path: Path) -> Path:

    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path
