"""A user's own ssh key, made by ssh-keygen(1) as that user."""

from __future__ import annotations

import binascii
import posixpath
from typing import TYPE_CHECKING

from configurator.core.errors import TaskError
from configurator.modules.state import UNKNOWN, State
from configurator.modules.system import System

if TYPE_CHECKING:
    from configurator.modules.user import UserParams

# ssh-keygen(1) asks this program for the passphrase (SSH_ASKPASS in ssh(1)); it holds no secret itself.
_ASKPASS = b'#!/bin/sh\nprintf "%s\\n" "$CONFIGURATOR_PASSPHRASE"\n'


def key_path(params: UserParams, home: str) -> str:
    """Return where the private key belongs: `ssh_key_file` counts from the home."""
    return posixpath.join(home, params.ssh_key_file or f".ssh/id_{params.ssh_key_type}")


def observe(system: System, params: UserParams, home: str) -> State:
    """Return whether the key is there, and its public part."""
    path = key_path(params, home)

    def probe() -> State:
        # lstat: a dangling link is something that we must not write through.
        return {"exists": system.stat(path) is not None}

    state: State = {"ssh key": None, "ssh_key_file": path}
    known = system.lookup(f"ssh-key:{path}", probe)
    if not known["exists"]:
        return state
    state["ssh key"] = "present"
    if known.get("public") is not UNKNOWN and system.stat(f"{path}.pub", follow=True) is not None:
        public = system.read(f"{path}.pub").decode(errors="replace").strip()
        state |= {"ssh_public_key": public, "ssh_fingerprint": fingerprint(public)}
    return state


def fingerprint(public: str) -> str:
    """Return the fingerprint as `ssh-keygen -l` shows it; empty if this is no public key."""
    import hashlib  # noqa: PLC0415  (only tasks about keys need it)

    try:
        blob = binascii.a2b_base64(public.split()[1])
    except (IndexError, ValueError):
        return ""
    digest = binascii.b2a_base64(hashlib.sha256(blob).digest(), newline=False).decode().rstrip("=")
    return f"SHA256:{digest}"


def generate(system: System, params: UserParams, user: State) -> None:
    """Make the key as the user, so that nothing below the home can lead root astray."""
    path = key_path(params, str(user["home"]))
    directory = posixpath.dirname(path)
    if system.stat(directory, follow=True) is None:
        system.mkdir(directory, mode="0700", owner=params.name, group=str(user["group"]))
    comment = params.ssh_key_comment or f"{params.name}@{system.fact('nodename') or 'localhost'}"
    argv = ["ssh-keygen", "-q", "-t", params.ssh_key_type, "-C", comment, "-f", path]
    argv += ["-b", str(params.ssh_key_bits)] if params.ssh_key_bits else []
    establishes: dict[str, State | None] = {f"ssh-key:{path}": {"exists": True, "public": UNKNOWN}}
    establishes |= {f"path:{path}": None, f"path:{path}.pub": None}
    # runuser(1) changes the user without a shell of its own, and keeps the environment.
    as_user = ["runuser", "-u", params.name, "--"]
    every = tuple(range(256))
    if params.ssh_key_passphrase is None:
        done = system.run([*as_user, *argv, "-N", ""], establishes=establishes, ok=every)
    else:
        helper = f"{directory}/.configurator-askpass"
        system.write(helper, _ASKPASS, mode="0700", owner=params.name, group=str(user["group"]))
        environment = {
            "SSH_ASKPASS": helper,
            "SSH_ASKPASS_REQUIRE": "force",
            "CONFIGURATOR_PASSPHRASE": params.ssh_key_passphrase,
        }
        try:
            done = system.run([*as_user, *argv], establishes=establishes, ok=every, env=environment)
        finally:
            system.remove(helper)
    if done.exit_status != 0:
        raise TaskError(
            f"no ssh key could be made for {params.name!r}",
            command=done.argv,
            exit_status=done.exit_status,
            output=done.stdout + done.stderr,
        )
