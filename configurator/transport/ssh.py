"""One SSH connection, from the TCP socket to a channel; with sshauth.py the only importer of paramiko."""

from __future__ import annotations

import random
import shlex
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import paramiko

from configurator.core.errors import HostKeyError, UnreachableError
from configurator.transport.endpoint import Endpoint
from configurator.transport.known_hosts import KnownKey, fingerprint, known_keys, remember
from configurator.transport.sshauth import Secrets, authenticate

# Fast and sound ones first; Diffie-Hellman groups cost 35 to 118 ms of CPU and stay as a last resort.
_KEX = ("curve25519-sha256@libssh.org", "curve25519-sha256")
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr")
_TCP_USER_TIMEOUT_MS = 20_000  # tcp(7): unacknowledged data is given up after this; a frozen link is noticed
_CHANNEL_REQUEST = 98  # SSH_MSG_CHANNEL_REQUEST (RFC 4254, 9)
_ATTEMPTS = 4  # sshd's MaxStartups refuses connections at random when many come at once (sshd_config(5))
_gate = threading.BoundedSemaphore(64)  # handshakes in flight in this process: more are refused, not faster


class Connection:
    """An authenticated connection; close it, or use it as a context manager."""

    def __init__(self, endpoint: Endpoint, transport: paramiko.Transport, below: Connection | None) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self._below = below

    def open(self, command: str, timeout_s: float = 15.0) -> paramiko.Channel:
        """Return a channel on which `command` was started, without a terminal."""
        try:
            channel = self._transport.open_session(timeout=timeout_s, window_size=4 << 20)
            channel.settimeout(timeout_s)
            _execute(self._transport, channel, command)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnreachableError(self.endpoint.name, f"the connection was lost: {_text(error)}") from error
        return channel

    def run(
        self, command: Sequence[str], *, become: str = "", stdin: bytes = b"", timeout_s: float = 60.0
    ) -> tuple[int, str]:
        """Run a command to its end; return its exit status and what it wrote, both outputs together."""
        channel = self.open(f"{become} {shlex.join(command)}".strip())
        channel.set_combine_stderr(True)
        channel.settimeout(timeout_s)
        try:
            if stdin:
                channel.sendall(stdin)
            channel.shutdown_write()
            parts = []
            while chunk := channel.recv(65536):
                parts.append(chunk)
            status = channel.recv_exit_status()
        except (OSError, EOFError) as error:
            raise UnreachableError(self.endpoint.name, f"the connection was lost: {_text(error)}") from error
        finally:
            channel.close()
        return status, b"".join(parts).decode(errors="replace")

    def tunnel(self, address: str, port: int, timeout_s: float) -> paramiko.Channel:
        """Return a channel to another host, for connections that go through this one."""
        return self._transport.open_channel(
            "direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=timeout_s
        )

    @property
    def alive(self) -> bool:
        """True while the connection has not been seen to break."""
        return self._transport.is_active()

    def close(self) -> None:
        """Close the connection, and those that it goes through."""
        self._transport.close()
        if self._below is not None:
            self._below.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(endpoint: Endpoint, secrets: Secrets) -> Connection:
    """Return an authenticated connection, or raise UnreachableError saying what stood in the way.

    A connection that the server drops before its banner is tried again, since that is how sshd sheds load.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with _gate:
                return _connect_once(endpoint, secrets)
        except _ShedError as error:
            if attempt == _ATTEMPTS:
                raise UnreachableError(
                    endpoint.name, f"{_place(endpoint)} closed the connection: {error}"
                ) from error
            time.sleep(random.uniform(0.1, 0.5) * 2**attempt)  # noqa: S311  (spreads load, protects nothing)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _execute(transport: paramiko.Transport, channel: paramiko.Channel, command: str) -> None:
    """Ask for a command (RFC 4254, 6.5) without waiting for the answer, which would be a round trip more.

    Whoever opened the channel waits for the command's first output or for its end anyway.
    """
    message = paramiko.Message()
    message.add_byte(bytes([_CHANNEL_REQUEST]))
    message.add_int(channel.remote_chanid)
    message.add_string("exec")
    message.add_boolean(False)
    message.add_string(command)
    transport._send_user_message(message)  # type: ignore[attr-defined]


class _ShedError(Exception):
    """The server closed the connection before the key exchange."""


def _connect_once(endpoint: Endpoint, secrets: Secrets) -> Connection:
    below = connect(endpoint.jump, secrets) if endpoint.jump is not None else None
    try:
        sock: Any = _socket(endpoint) if below is None else _through(endpoint, below)
        transport = _handshake(endpoint, sock)
        try:
            _check_host_key(endpoint, transport)
            authenticate(transport, endpoint, secrets)
        except BaseException:
            transport.close()
            raise
    except BaseException:
        if below is not None:
            below.close()
        raise
    return Connection(endpoint, transport, below)


def _socket(endpoint: Endpoint) -> socket.socket:
    try:
        sock = socket.create_connection((endpoint.address, endpoint.port), endpoint.connect_timeout_s)
    except socket.gaierror as error:
        raise UnreachableError(
            endpoint.name, f"the name {endpoint.address} cannot be resolved: {error.strerror}"
        ) from error
    except TimeoutError as error:
        message = f"{_place(endpoint)} did not answer within {endpoint.connect_timeout_s:g} s"
        raise UnreachableError(endpoint.name, message) from error
    except OSError as error:
        raise UnreachableError(
            endpoint.name, f"{_place(endpoint)}: {error.strerror or error}", hint=_connect_hint(error)
        ) from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else about 40 ms a request (Nagle)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TCP_USER_TIMEOUT_MS)
    return sock


def _connect_hint(error: OSError) -> str | None:
    if isinstance(error, ConnectionRefusedError):
        return "is sshd running there, and is this its port?"
    return None


def _through(endpoint: Endpoint, below: Connection) -> paramiko.Channel:
    try:
        return below.tunnel(endpoint.address, endpoint.port, endpoint.connect_timeout_s)
    except (paramiko.SSHException, OSError, EOFError) as error:
        message = f"{_place(endpoint)} cannot be reached through {below.endpoint.name}: {_text(error)}"
        raise UnreachableError(endpoint.name, message) from error


def _handshake(endpoint: Endpoint, sock: Any) -> paramiko.Transport:
    transport = paramiko.Transport(sock)
    transport.banner_timeout = transport.auth_timeout = max(15.0, endpoint.connect_timeout_s)
    options = transport.get_security_options()
    options.kex = _preferred(_KEX, options.kex)
    options.ciphers = _preferred(_CIPHERS, options.ciphers)
    known = [key.algorithm for key in known_keys(endpoint.known_hosts, endpoint.host_key_name)]
    if known:
        # Ask for a kind of key that is on record: with another kind a good host would look unknown.
        wanted = [name for name in options.key_types if _kind(name) in {_kind(key) for key in known}]
        options.key_types = _preferred(wanted, options.key_types)
    try:
        transport.start_client(timeout=endpoint.connect_timeout_s + 5)
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        if "banner" in str(error) or isinstance(error, (EOFError, ConnectionResetError)):
            raise _ShedError(_text(error)) from error
        raise UnreachableError(endpoint.name, f"{_place(endpoint)}: {_text(error)}") from error
    return transport


def _kind(algorithm: str) -> str:
    """Return the kind of key: one RSA key serves three signature algorithms (RFC 8332)."""
    return "ssh-rsa" if algorithm in ("rsa-sha2-256", "rsa-sha2-512") else algorithm


def _preferred(first: Sequence[str], every: Sequence[str]) -> tuple[str, ...]:
    return (*(name for name in first if name in every), *(name for name in every if name not in first))


def _check_host_key(endpoint: Endpoint, transport: paramiko.Transport) -> None:
    key = transport.get_remote_server_key()
    blob, algorithm, name = key.asbytes(), key.get_name(), endpoint.host_key_name
    known = known_keys(endpoint.known_hosts, name)
    if any(one.marker == "@revoked" and one.blob == blob for one in known):
        raise HostKeyError(endpoint.name, f"the key of {name} is marked as revoked ({fingerprint(blob)})")
    plain = [one for one in known if not one.marker]
    if any(one.blob == blob for one in plain):
        return
    if plain:
        raise _changed(endpoint, plain, blob)
    if endpoint.host_key_checking == "accept-new":
        remember(endpoint.known_hosts, name, algorithm, blob)
        return
    port = f" -p {endpoint.port}" if endpoint.port != 22 else ""
    raise HostKeyError(
        endpoint.name,
        f"the host key of {name} is not known: {algorithm} {fingerprint(blob)}",
        hint=f"compare it with the host's own, then: ssh-keyscan{port} {endpoint.address} >> "
        f"{endpoint.known_hosts[0]}",
    )


def _changed(endpoint: Endpoint, known: Sequence[KnownKey], blob: bytes) -> HostKeyError:
    places = ", ".join(one.place for one in known)
    return HostKeyError(
        endpoint.name,
        f"the host key of {endpoint.host_key_name} has changed: it shows {fingerprint(blob)}, on record is "
        f"{', '.join(fingerprint(one.blob) for one in known)}",
        hint=f"somebody may be in between; if the host was installed anew, remove the old key from {places}",
    )


def _place(endpoint: Endpoint) -> str:
    return f"{endpoint.address}:{endpoint.port}"


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
