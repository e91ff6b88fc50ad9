"""Proving to a host who we are: keys, ssh-agent, and a password as the last resort."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import paramiko
from paramiko.pkey import UnknownKeyType

from configurator.core.errors import AuthenticationError, UnreachableError
from configurator.transport.endpoint import Endpoint

Prompt = Callable[[str], str | None]


@dataclass(slots=True)
class Secrets:
    """Passwords and passphrases of this run, asked for at most once each.

    `prompt` shows a question on the terminal and returns the answer, or None where there is no terminal.
    """

    prompt: Prompt = lambda _question: None
    password: str | None = None
    become_password: str | None = None
    _answers: dict[str, str | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, question: str) -> str | None:
        """Return the answer to a question; a second host with the same question gets the same answer."""
        with self._lock:
            if question not in self._answers:
                self._answers[question] = self.prompt(question)
            return self._answers[question]


def authenticate(transport: paramiko.Transport, endpoint: Endpoint, secrets: Secrets) -> None:
    """Authenticate, or raise AuthenticationError that names what was tried."""
    tried: list[str] = []
    try:
        for label, key in _keys(endpoint, secrets):
            tried.append(label)
            try:
                if not transport.auth_publickey(endpoint.user, key):
                    return
            except paramiko.BadAuthenticationType as error:
                if "publickey" not in error.allowed_types:
                    break
            except paramiko.AuthenticationException:
                continue
        _with_password(transport, endpoint, secrets, tried)
    except paramiko.AuthenticationException as error:
        raise _refused(endpoint, tried) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        message = f"the connection ended while logging in: {error or type(error).__name__}"
        # sshd closes the connection after MaxAuthTries failures (sshd_config(5)).
        raise (_refused(endpoint, tried) if tried else UnreachableError(endpoint.name, message)) from error


def _with_password(
    transport: paramiko.Transport, endpoint: Endpoint, secrets: Secrets, tried: list[str]
) -> None:
    password = endpoint.password or secrets.password
    if password is None:
        password = secrets.ask(f"Password for {endpoint.user}@{endpoint.address}: ")
    if password is None:
        raise _refused(endpoint, tried)
    tried.append("password")
    transport.auth_password(endpoint.user, password)


def _refused(endpoint: Endpoint, tried: list[str]) -> AuthenticationError:
    return AuthenticationError(
        endpoint.name,
        f"{endpoint.user}@{endpoint.address} accepted none of: {', '.join(tried) or 'no key was found'}",
        hint=f"try: ssh -p {endpoint.port} {endpoint.user}@{endpoint.address}",
    )


def _keys(endpoint: Endpoint, secrets: Secrets) -> Iterator[tuple[str, paramiko.PKey]]:
    """Yield the keys to offer: files asked for by name, the ssh-agent's, then the default files."""
    for path in endpoint.required_identities:
        key = _load(path, secrets)
        if key is not None:
            yield path, key
    if not endpoint.identities_only and os.environ.get("SSH_AUTH_SOCK"):
        for agent_key in paramiko.Agent().get_keys():
            yield f"ssh-agent {agent_key.get_name()}", agent_key
    for path in endpoint.identities:
        if path not in endpoint.required_identities and os.path.isfile(path):
            key = _load(path, secrets)
            if key is not None:
                yield path, key


def _load(path: str, secrets: Secrets) -> paramiko.PKey | None:
    try:
        return _load_plain(path)
    except paramiko.PasswordRequiredException:
        passphrase = secrets.ask(f"Passphrase for {path}: ")
    except (paramiko.SSHException, UnknownKeyType, OSError, ValueError):
        return None
    if passphrase is None:
        return None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key_file(path, password=passphrase)
        except (paramiko.SSHException, ValueError):
            continue
    return None


@functools.cache
def _load_plain(path: str) -> paramiko.PKey:
    """Load an unencrypted key once, not once for each of a hundred hosts."""
    try:
        return paramiko.PKey.from_path(path)
    except TypeError as error:  # cryptography's word for a key that is encrypted
        raise paramiko.PasswordRequiredException(path) from error
