"""Starting the agent: noise before the mark, sudo's prompt, and every reason why it may not start."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from configurator.agent.loader import MARK
from configurator.core.errors import HostSetupError
from configurator.transport.bootstrap import (
    PythonMissingError,
    start_agent,
    sudo_command,
)
from configurator.transport.bundle import bundle, loader_bytes, start_command
from configurator.transport.endpoint import Endpoint
from configurator.transport.sshauth import Secrets


class FakeChannel:
    """A channel that has said something already, and has ended or not."""

    def __init__(self, out: bytes = b"", err: bytes = b"", status: int | None = None) -> None:
        self.out, self.err, self.status = out, err, status
        self.sent = b""
        self.closed = False
        self.eof_received = status is not None
        self.status_event = threading.Event()

    def recv_ready(self) -> bool:
        return bool(self.out)

    def recv(self, size: int) -> bytes:
        chunk, self.out = self.out[:size], self.out[size:]
        return chunk

    def recv_stderr_ready(self) -> bool:
        return bool(self.err)

    def recv_stderr(self, size: int) -> bytes:
        chunk, self.err = self.err[:size], self.err[size:]
        return chunk

    def exit_status_ready(self) -> bool:
        return self.status is not None

    def recv_exit_status(self) -> int:
        return -1 if self.status is None else self.status

    def sendall(self, data: Any) -> None:
        self.sent += bytes(data)
        if self.sent.endswith(b"secret\n"):
            self.out += MARK + b"R"

    def close(self) -> None:
        self.closed = True


class FakeConnection:
    """Hands out prepared channels."""

    def __init__(self, *channels: FakeChannel, **endpoint: Any) -> None:
        self.endpoint = Endpoint("web1", "192.0.2.1", **{"user": "anna", **endpoint})
        self.channels = list(channels)
        self.commands: list[str] = []

    def open(self, command: str) -> Any:
        self.commands.append(command)
        return self.channels.pop(0)


def start(*channels: FakeChannel, answer: str | None = None, **endpoint: Any) -> FakeConnection:
    connection = FakeConnection(*channels, **endpoint)
    start_agent(connection, Secrets(prompt=lambda _question: answer))  # type: ignore[arg-type]
    return connection


def test_noise_of_the_login_shell_is_passed_over() -> None:
    """What ~/.bashrc prints before the mark is not taken for frames, and what follows is left alone."""
    channel = FakeChannel(b"Welcome!\n\0not it\n" + MARK + b"R" + b"FRAMES")
    start(channel)
    assert channel.out == b"FRAMES"


def test_a_host_without_the_agent_is_sent_it() -> None:
    """`N` is answered with the bundle."""

    class Cold(FakeChannel):
        def sendall(self, data: Any) -> None:
            super().sendall(data)
            self.out += MARK + b"R"

    channel = Cold(MARK + b"N")
    start(channel)
    assert channel.sent == bundle().payload()


def test_sudo_gets_the_password_on_its_input_and_never_on_the_command_line() -> None:
    """The prompt is answered once; the command line has none of it."""
    first = FakeChannel(err=b"sudo: a password is required\n", status=1)
    second = FakeChannel(err=b"[configurator-sudo] ")
    connection = start(first, second, answer="secret")
    assert second.sent == b"secret\n"
    assert all("secret" not in command for command in connection.commands)
    assert connection.commands[0].startswith("sudo -n -- python3")


def test_a_wrong_password_is_told_and_not_tried_again() -> None:
    """A second prompt means that sudo did not take it."""
    channel = FakeChannel(err=b"[configurator-sudo] Sorry, try again.\n[configurator-sudo] ")
    with pytest.raises(HostSetupError, match="did not accept the password"):
        start(channel, become_password="wrong")
    assert channel.closed


@pytest.mark.parametrize(
    ("channel", "kind", "text"),
    [
        (FakeChannel(err=b"sh: 1: python3: not found\n", status=127), PythonMissingError, "not installed"),
        (FakeChannel(MARK + b"ENo module named 'json'\n"), PythonMissingError, "incomplete"),
        (FakeChannel(MARK + b"Epython3 is older than 3.11: 3.9.2\n"), PythonMissingError, "older"),
        (FakeChannel(MARK + b"E[Errno 28] No space left\n"), HostSetupError, "cannot be stored"),
        (
            FakeChannel(err=b"anna is not in the sudoers file.\n", status=1),
            HostSetupError,
            "sudo refuses anna",
        ),
        (FakeChannel(err=b"sh: 1: sudo: not found\n", status=127), HostSetupError, "sudo is not installed"),
        (FakeChannel(b"This account is disabled.\n", status=1), HostSetupError, "exit status 1"),
        (FakeChannel(err=b"sudo: a password is required\n", status=1), HostSetupError, "wants a password"),
        (FakeChannel(b"x" * 100_000), HostSetupError, "prints without end"),
    ],
)
def test_every_reason_why_it_may_not_start(channel: FakeChannel, kind: type[Exception], text: str) -> None:
    """Each is an error of its own words, never a hang."""
    with pytest.raises(kind, match=text):
        start(channel)


def test_root_needs_no_sudo() -> None:
    """Who is root already, or does not want to be, is not sent through sudo."""
    for endpoint in (Endpoint("h", "a"), Endpoint("h", "a", user="anna", become=False)):
        assert sudo_command(endpoint, Secrets()) == ("", b"")


def test_the_loader_is_small() -> None:
    """It travels with every connection; 12 KB are the most that the design allows."""
    assert loader_bytes() < 4096
    assert "'" not in start_command("python3", "").split("-c ")[1][1:200]


def test_last_words_may_come_after_the_exit_status() -> None:
    """sshd tells the status as soon as the process has ended, and then what is left of its output."""

    class Late(FakeChannel):
        @property
        def eof_received(self) -> bool:
            """Asked for, the end is waited for: only then the words arrive."""
            self.err = self.err or b"sudo: a password is required\n"
            return True

        @eof_received.setter
        def eof_received(self, _value: bool) -> None:
            pass

    with pytest.raises(HostSetupError, match="wants a password"):
        start(Late(status=1))
