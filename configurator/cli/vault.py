"""`configurator vault`: files and values encrypted as ansible-vault encrypts them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from configurator.cli.options import vault_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from configurator.app.vault import VaultDesk

_FILES = click.argument("paths", metavar="[FILE]...", nargs=-1, type=click.Path())
_SOME_FILES = click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path())
_OUTPUT = click.option("--output", metavar="FILE", help="Write there instead; - is standard output.")
_CONFIG = click.option("--config", metavar="FILE", type=click.Path(), help="Settings (default: config.yaml).")
_ENCRYPT_ID = click.option(
    "--encrypt-vault-id", "encrypt_id", metavar="LABEL", help="Which of several passwords to encrypt with."
)


@click.group(short_help="Encrypt and decrypt files and values, as ansible-vault does.")
def vault() -> None:
    """Encrypt and decrypt files and values, as ansible-vault does."""


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    return vault_options(_CONFIG(function))


def _desk(values: dict[str, Any]) -> VaultDesk:
    from configurator.app.vault import VaultDesk, VaultOptions  # noqa: PLC0415  (start-up)
    from configurator.cli.ending import ask_secret  # noqa: PLC0415
    from configurator.vault.choice import VaultChoice  # noqa: PLC0415

    choice = VaultChoice(values["vault_ids"], values["vault_password_files"], values["ask_vault_pass"])
    options = VaultOptions(choice, values["config"], values.get("encrypt_id"), values.get("output"))
    return VaultDesk(options, ask_secret)


def _say(text: str) -> int:
    click.echo(text, err=True)
    return 0


@vault.command()
@_FILES
@_OUTPUT
@_ENCRYPT_ID
@_common
def encrypt(paths: tuple[str, ...], **values: Any) -> int:
    """Encrypt files in place, or standard input to standard output.

    A file that is encrypted already is refused, and then none is changed.
    """
    _desk(values).encrypt(paths)
    return _say("Encrypted.")


@vault.command()
@_FILES
@_OUTPUT
@_common
def decrypt(paths: tuple[str, ...], **values: Any) -> int:
    """Decrypt files in place, or standard input to standard output."""
    _desk(values).decrypt(paths)
    return _say("Decrypted.")


@vault.command()
@_SOME_FILES
@_common
def view(paths: tuple[str, ...], **values: Any) -> int:
    """Write the plain content of files to standard output."""
    _desk(values).view(paths)
    return 0


@vault.command()
@_SOME_FILES
@_common
def edit(paths: tuple[str, ...], **values: Any) -> int:
    """Open files in $VISUAL or $EDITOR and encrypt them again with the same password.

    What the editor sees lies in a private folder, in memory where there is one, and is gone afterwards.
    """
    desk = _desk(values)
    for path in paths:
        _say(f"{path}: encrypted again." if desk.edit(path) else f"{path}: nothing was changed.")
    return 0


@vault.command()
@click.argument("path", metavar="FILE", type=click.Path())
@_ENCRYPT_ID
@_common
def create(path: str, **values: Any) -> int:
    """Open a new file in $VISUAL or $EDITOR and encrypt it."""
    _desk(values).create(path)
    return _say("Encrypted.")


@vault.command()
@_SOME_FILES
@click.option(
    "--new-vault-id", "new", metavar="[LABEL@]SOURCE", help="The new password: a file, a program, or prompt."
)
@click.option(
    "--new-vault-password-file",
    "new_file",
    metavar="FILE",
    type=click.Path(),
    help="A file with the new one.",
)
@_common
def rekey(paths: tuple[str, ...], new: str | None, new_file: str | None, **values: Any) -> int:
    """Encrypt files with another password; without an option it is asked for.

    All files are opened first: if one cannot be, none is changed.
    """
    _desk(values).rekey(paths, new, new_file)
    return _say("Encrypted with the new password.")


@vault.command("encrypt-string")
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option("-n", "--name", "names", multiple=True, metavar="NAME", help="The variable's name. Repeatable.")
@click.option("--stdin-name", metavar="NAME", help="Read the value from standard input, for this variable.")
@click.option("-p", "--prompt", is_flag=True, help="Ask for the value, which is not shown.")
@_OUTPUT
@_ENCRYPT_ID
@_common
def encrypt_string(
    texts: tuple[str, ...], names: tuple[str, ...], stdin_name: str | None, prompt: bool, **values: Any
) -> int:
    """Write values as YAML for a file of variables: `NAME: !vault |` and the encrypted text.

    A TEXT on the command line can be seen by others while this runs: --prompt and standard input cannot. A
    line break at the end of standard input belongs to the value.
    """
    from configurator.cli.ending import ask_secret  # noqa: PLC0415
    from configurator.core.errors import RefusedError  # noqa: PLC0415

    given = list(texts)
    labels: list[str | None] = [*names, *[None] * (len(given) - len(names))][: len(given)]
    wanted: list[tuple[str | None, str]] = list(zip(labels, given, strict=True))
    if prompt:
        text = ask_secret("Value to encrypt: ")
        if text is None:
            raise RefusedError("a value was to be asked for, and there is no terminal")
        wanted.append((names[len(given)] if len(names) > len(given) else None, text))
    if stdin_name is not None or not wanted:
        wanted.append((stdin_name or (names[0] if names and not given else None), sys.stdin.read()))
    _desk(values).encrypt_values(wanted)
    return 0
