"""Starting the agent: becoming root once, streaming what the host lacks, installing python3 if need be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from configurator.agent.loader import MARK
from configurator.core.errors import HostSetupError, UnreachableError
from configurator.transport.bundle import bundle, start_command
from configurator.transport.endpoint import Endpoint
from configurator.transport.ssh import Connection
from configurator.transport.sshauth import Secrets

if TYPE_CHECKING:
    from paramiko import Channel

_SUDO_PROMPT = "[configurator-sudo] "  # sudo(8) -p: how we know that it waits for the password
_NOISE_BYTES = 64 * 1024  # what a login shell's files may print before the loader speaks
_START_S = 30.0
_LAST_WORDS_S = 2.0  # between an exit status and the end of the output


class PythonMissingError(HostSetupError):
    """The host has no usable python3; it can be installed with `install_python`."""


def sudo_command(endpoint: Endpoint, secrets: Secrets) -> tuple[str, bytes]:
    """Return the prefix that makes a command run as root, and what it reads from its input first.

    The password is never on a command line. `-S` reads it from standard input without a terminal, `-n`
    fails at once instead of asking (sudo(8)).
    """
    if not endpoint.become or endpoint.user == "root":
        return "", b""
    password = endpoint.become_password or secrets.become_password
    if password is None:
        return "sudo -n --", b""
    return f"sudo -S -p '{_SUDO_PROMPT}' --", password.encode() + b"\n"


def start_agent(connection: Connection, secrets: Secrets) -> Channel:
    """Return the channel of a running agent; what is read from it next is the agent's first frame."""
    endpoint = connection.endpoint
    prefix, password = sudo_command(endpoint, secrets)
    try:
        return _start(connection, prefix, password)
    except _SudoAsksError:
        answer = secrets.ask(f"sudo password for {endpoint.user}@{endpoint.address}: ")
        if answer is None:
            raise HostSetupError(
                endpoint.name,
                f"sudo wants a password for {endpoint.user}",
                hint="use --ask-become-pass, or set ansible_become_password",
            ) from None
        return _start(connection, f"sudo -S -p '{_SUDO_PROMPT}' --", answer.encode() + b"\n")


class _SudoAsksError(Exception):
    """sudo -n was refused because a password is needed."""


def _start(connection: Connection, prefix: str, password: bytes) -> Channel:
    endpoint = connection.endpoint
    channel = connection.open(start_command(endpoint.python, prefix))
    try:
        deadline = time.monotonic() + _START_S
        letter = _await_mark(channel, endpoint, password, deadline)
        if letter == b"N":
            channel.sendall(memoryview(bundle().payload()))  # type: ignore[arg-type]
            letter = _await_mark(channel, endpoint, b"", deadline)
        if letter == b"R":
            return channel
        reason = channel.recv(4096).decode(errors="replace").strip()
        if "No module named" in reason or "older than" in reason:
            raise PythonMissingError(endpoint.name, f"python3 on the host is incomplete: {reason}")
        raise HostSetupError(endpoint.name, f"the agent cannot be stored on the host: {reason}")
    except TimeoutError:
        channel.close()
        raise UnreachableError(endpoint.name, f"the agent did not start within {_START_S:g} s") from None
    except BaseException:
        channel.close()
        raise


def _await_mark(channel: Channel, endpoint: Endpoint, password: bytes, deadline: float) -> bytes:
    """Read up to the loader's mark and return its letter; answer sudo's prompt once on the way."""
    seen, errors = b"", b""
    wanted = len(MARK) + 1
    while len(seen) < _NOISE_BYTES:
        found = seen.find(MARK)
        if found >= 0 and len(seen) >= found + wanted:
            return seen[found + len(MARK) : found + wanted]
        if channel.recv_stderr_ready():
            errors += channel.recv_stderr(4096)
            if errors.count(_SUDO_PROMPT.encode()) > 1:
                raise HostSetupError(endpoint.name, "sudo did not accept the password")
            if password and _SUDO_PROMPT.encode() in errors:
                channel.sendall(password)
                password = b""
        elif channel.recv_ready():
            # One byte after the mark is the letter; what follows belongs to the agent's frames.
            missing = wanted if found < 0 else found + wanted - len(seen)
            seen += channel.recv(max(1, missing - _partial(seen)))
        elif channel.exit_status_ready() or channel.closed:
            raise _ended(channel, endpoint, seen + errors)
        elif time.monotonic() > deadline:
            raise TimeoutError
        else:
            channel.status_event.wait(0.002)
    raise HostSetupError(endpoint.name, "the login shell prints without end", output=_tail(seen))


def _partial(seen: bytes) -> int:
    """Return how many bytes at the end of `seen` are a beginning of the mark."""
    return next((size for size in range(len(MARK) - 1, 0, -1) if seen.endswith(MARK[:size])), 0)


def _ended(channel: Channel, endpoint: Endpoint, output: bytes) -> Exception:
    status = channel.recv_exit_status() if channel.exit_status_ready() else -1
    # sshd may tell the exit status before the last words (RFC 4254 6.10); what it left behind may hold them.
    last = time.monotonic() + _LAST_WORDS_S
    while not (channel.eof_received or channel.closed) and time.monotonic() < last:
        time.sleep(0.002)
    while channel.recv_stderr_ready():
        output += channel.recv_stderr(4096)
    text = _tail(output)
    # sudo(8) words; LC_ALL is the host's own, so the exit status decides where the words do not match.
    if "a password is required" in text or "a terminal is required" in text:
        return _SudoAsksError()
    if "not in the sudoers" in text or "may not run sudo" in text or "not allowed to execute" in text:
        return HostSetupError(endpoint.name, f"sudo refuses {endpoint.user}", output=text)
    if "sudo: not found" in text or "sudo: command not found" in text:
        return HostSetupError(
            endpoint.name, "sudo is not installed", output=text, hint="log in as root, or install sudo"
        )
    if "No module named" in text:
        return PythonMissingError(endpoint.name, "python3 on the host is incomplete", output=text)
    if status == 127 or "command not found" in text or f"{endpoint.python}: not found" in text:
        return PythonMissingError(endpoint.name, "python3 is not installed on the host", output=text)
    return HostSetupError(
        endpoint.name, f"the agent did not start (exit status {status})", output=text, hint=_space_hint(text)
    )


def _space_hint(text: str) -> str | None:
    return "the host's disk is full" if "No space left" in text else None


def _tail(output: bytes) -> str:
    return output.decode(errors="replace").strip()[-4000:]


def install_python(endpoint: Endpoint, connection: Connection, secrets: Secrets) -> None:
    """Install python3 with plain SSH commands, or raise HostSetupError with apt's words."""
    prefix, stdin = sudo_command(endpoint, secrets)
    script = (
        "export DEBIAN_FRONTEND=noninteractive; o='-o DPkg::Lock::Timeout=60'; "
        "apt-get $o install -qy python3 || { apt-get $o update -q && apt-get $o install -qy python3; }"
    )
    status, output = connection.run(["/bin/sh", "-c", script], become=prefix, stdin=stdin, timeout_s=600)
    if status != 0:
        raise HostSetupError(
            endpoint.name, "python3 is missing and cannot be installed", output=_tail(output.encode())
        )
