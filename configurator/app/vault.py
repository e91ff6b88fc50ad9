"""The use cases of `configurator vault`: encrypt, decrypt, view, edit, create, rekey, encrypt a value."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from configurator.config.diagnostics import Diagnostics
from configurator.config.settings import load_settings
from configurator.core.errors import InputError
from configurator.transport.sshauth import Prompt
from configurator.vault import files
from configurator.vault.choice import VaultChoice
from configurator.vault.sources import Password, VaultId, parse_vault_id, read_password
from configurator.vault.vault import Vault

STANDARD = "-"  # standard input or output in the place of a file


@dataclass(frozen=True, slots=True)
class VaultOptions:
    """The choices of one command; `encrypt_id` is the label of the password to encrypt with."""

    choice: VaultChoice = field(default_factory=VaultChoice)
    config: str | None = None
    encrypt_id: str | None = None
    output: str | None = None


class VaultDesk:
    """Does to files what was asked for; InputError or RefusedError before any file was changed.

    `ask` asks for passwords. `edit` opens an editor on a path and returns when it was closed.
    """

    def __init__(self, options: VaultOptions, ask: Prompt, edit: Callable[[str], None] | None = None) -> None:
        problems = Diagnostics()
        loaded = load_settings(options.config, problems)
        problems.raise_if_any()
        settings = loaded.settings.vault
        self._ask = ask
        self._edit = edit or open_editor
        self._output = options.output
        self._encrypt_id = options.encrypt_id or settings.encrypt_id
        self._vault = Vault(options.choice, ask=ask)
        self._vault.configure(settings.ids, settings.password_file, loaded.root)
        self._asks_always = not self._vault.ids  # as ansible-vault does where it was told of no password
        if self._asks_always:
            self._vault = Vault(replace(options.choice, ask=True), ask=ask)
            self._vault.configure()

    # -- the commands ----------------------------------------------------------------------------------

    def encrypt(self, paths: Sequence[str]) -> None:
        """Encrypt files in place; without any, standard input to standard output."""
        contents = self._contents(paths)
        for path, data in contents:
            files.must_be_plain(path, data)
        password = self._to_encrypt()
        for path, data in contents:
            self._write(path, files.sealed(data, password))

    def decrypt(self, paths: Sequence[str]) -> None:
        """Decrypt files in place; without any, standard input to standard output."""
        contents = self._contents(paths)
        plain = [(path, files.opened(path, data, self._vault)[0]) for path, data in contents]
        for path, data in plain:
            self._write(path, data)

    def view(self, paths: Sequence[str]) -> None:
        """Write the plain content of files to standard output."""
        for path, data in self._contents(paths):
            _write_out(files.opened(path, data, self._vault)[0])

    def edit(self, path: str) -> bool:
        """Have a file edited and encrypt it as it was; return False if nothing was changed."""
        plain, password, label = files.opened(path, files.read(path), self._vault)
        changed = files.edited(plain, os.path.splitext(path)[1], self._edit)
        if changed == plain:
            return False
        files.replace(path, files.sealed(changed, password, label))
        return True

    def create(self, path: str) -> None:
        """Have a new file edited and encrypt it."""
        if os.path.lexists(path):
            raise InputError(f"{path} exists already", hint=f"`configurator vault edit {shlex.quote(path)}`")
        password = self._to_encrypt()
        files.replace(path, files.sealed(files.edited(b"", os.path.splitext(path)[1], self._edit), password))

    def rekey(self, paths: Sequence[str], new: str | None, new_file: str | None) -> None:
        """Encrypt files anew with another password; all of them can be opened before one is changed."""
        contents = self._contents(paths)
        plain = [(path, files.opened(path, data, self._vault)[0]) for path, data in contents]
        vault_id = parse_vault_id(new) if new else VaultId("prompt")
        if new_file:
            vault_id = parse_vault_id(f"@{new_file}")
        password = read_password(vault_id, self._ask, new=True)
        for path, data in plain:
            self._write(path, files.sealed(data, password))

    def encrypt_values(self, values: Sequence[tuple[str | None, str]]) -> None:
        """Write values, each with its name, as YAML for a file of variables."""
        password = self._to_encrypt()
        texts = [files.as_value(files.sealed(text.encode(), password), name) for name, text in values]
        self._write(STANDARD, "".join(texts).encode())

    # -- reading and writing ---------------------------------------------------------------------------

    def _contents(self, paths: Sequence[str]) -> list[tuple[str, bytes]]:
        paths = tuple(paths) or (STANDARD,)
        if self._output is not None and len(paths) > 1:
            raise InputError("--output is for one file", hint="leave it out: files are changed in place")
        return [(path, sys.stdin.buffer.read() if path == STANDARD else files.read(path)) for path in paths]

    def _write(self, path: str, data: bytes) -> None:
        path = self._output or path
        if path == STANDARD:
            _write_out(data)
        else:
            files.replace(path, data)

    # -- passwords -------------------------------------------------------------------------------------

    def _to_encrypt(self) -> Password:
        """Return the password to encrypt with; which it is must be clear."""
        ids = self._vault.ids
        labels = list(dict.fromkeys(vault_id.label for vault_id in ids))
        if self._encrypt_id is not None:
            ids = tuple(vault_id for vault_id in ids if vault_id.label == self._encrypt_id)
            if self._asks_always:
                ids = (VaultId("prompt", self._encrypt_id),)
        if not ids:
            hint = f"there are {', '.join(labels)}"
            raise InputError(f"no vault password has the label {self._encrypt_id!r}", hint=hint)
        if self._encrypt_id is None and len(ids) > 1:
            hint = f"choose one of {', '.join(labels)} with --encrypt-vault-id"
            raise InputError("there are several vault passwords to encrypt with", hint=hint)
        return read_password(ids[0], self._ask, new=True) if ids[0].asks else self._vault.password(ids[0])


def open_editor(path: str) -> None:
    """Open $VISUAL or $EDITOR, or vi, on a file and return when it was closed."""
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    try:
        done = subprocess.run([*words, path], check=False)
    except OSError as error:
        raise InputError(f"cannot start the editor {words[0]}: {error.strerror}", hint="set EDITOR") from None
    if done.returncode != 0:
        raise InputError(f"the editor {words[0]} ended with {done.returncode}; nothing was changed")


def _write_out(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
