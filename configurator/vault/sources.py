"""Where vault passwords come from: a file, a program that prints one, or a question; each has a label."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

from configurator.core.errors import InputError, RefusedError

DEFAULT_LABEL = "default"
_PROMPTS = ("prompt", "prompt_ask_vault_pass")
_UNKNOWN_LABEL = 2  # how a `-client` program ends that has no password for the label
_TIMEOUT_S = 120.0  # a program may wait for somebody to unlock a key
_MAX_BYTES = 1024 * 1024  # a key file is a line; anything larger was named by mistake
Ask = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class VaultId:
    """A password by its label; `source` is a path or `prompt`."""

    source: str
    label: str = DEFAULT_LABEL

    def __str__(self) -> str:
        return f"{self.label}@{self.source}"

    @property
    def asks(self) -> bool:
        """Return True if a person is asked."""
        return self.source in _PROMPTS


@dataclass(frozen=True, slots=True)
class Password:
    """One password; its text is in no message, and not in the repr."""

    label: str
    secret: bytes = field(repr=False)


def parse_vault_id(text: str, folder: str | None = None) -> VaultId:
    """Return what `label@source` means; a text without `@` is a source.

    Relative paths count from `folder`, or from the working directory.
    """
    label, at, source = text.partition("@")
    if not at:
        label, source = "", text
    if not source:
        raise InputError(f"the vault id {text!r} names no source", hint="write label@file or label@prompt")
    if source not in _PROMPTS:
        source = os.path.expanduser(source)
        source = os.path.join(folder, source) if folder is not None else source
    return VaultId(source, label or DEFAULT_LABEL)


def read_password(vault_id: VaultId, ask: Ask, *, new: bool = False) -> Password:
    """Return the password of an id; InputError or RefusedError says why there is none.

    `new` asks twice, since a typo would lock everybody out of what is encrypted with it.
    """
    if vault_id.asks:
        secret = _asked(vault_id.label, ask, new=new)
    elif os.access(vault_id.source, os.X_OK) and os.path.isfile(vault_id.source):
        secret = _printed(vault_id)
    else:
        secret = _read(vault_id.source)
    if not secret:
        raise InputError(f"the vault password of {str(vault_id)!r} is empty")
    return Password(vault_id.label, secret)


def _asked(label: str, ask: Ask, *, new: bool) -> bytes:
    of = f" ({label})" if label != DEFAULT_LABEL else ""
    found = ask(f"{'New vault' if new else 'Vault'} password{of}: ")
    again = ask(f"New vault password{of} again: ") if new and found else found
    if found is None or again is None:
        raise RefusedError("a vault password was to be asked for, and there is no terminal")
    if found != again:
        raise RefusedError("the two passwords differ; nothing was changed")
    return found.encode()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise InputError(f"cannot read the vault password file {path!r}: {reason}") from None
    if len(data) > _MAX_BYTES:
        raise InputError(f"the vault password file {path!r} is too large to be one")
    return data.strip()


def _printed(vault_id: VaultId) -> bytes:
    """Return what a program prints; what it has to say goes to our stderr, and it may ask on the terminal."""
    path = os.path.abspath(vault_id.source)
    command = [path]
    if os.path.splitext(os.path.basename(path))[0].endswith("-client"):
        command += ["--vault-id", vault_id.label]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{path} printed no vault password within {_TIMEOUT_S:g} s") from None
    except OSError as error:
        hint = "take away its x bit if it is a text with the password" if error.errno else None
        raise InputError(f"cannot run {path} for the vault password: {error.strerror}", hint=hint) from None
    if done.returncode == _UNKNOWN_LABEL and len(command) > 1:
        raise InputError(f"{path} knows no vault password for {vault_id.label!r}")
    if done.returncode != 0:
        raise InputError(f"{path}, which should print the vault password, ended with {done.returncode}")
    return done.stdout.strip(b"\r\n")
