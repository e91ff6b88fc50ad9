"""The options that several commands share, and how they become RunOptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from configurator.app.options import RunOptions

F = TypeVar("F", bound=Callable[..., Any])


def _split(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Accept `--tags a,b` and `--tags a --tags b` alike."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


_WHERE = (
    click.option(
        "--host",
        "hosts",
        multiple=True,
        metavar="HOST",
        callback=_split,
        help="A host, group or glob of the inventory, or user@address:port. Repeatable.",
    ),
    click.option(
        "-l",
        "--limit",
        multiple=True,
        metavar="PATTERN",
        callback=_split,
        help="Of these hosts only those that match this too; @FILE has a pattern a line. Repeatable.",
    ),
    click.option(
        "-i",
        "--inventory",
        multiple=True,
        metavar="SOURCE",
        help="A file, a program, a folder of them, or hosts with commas (default: inventory/hosts.yml). "
        "Repeatable.",
    ),
    click.option(
        "--config",
        metavar="FILE",
        type=click.Path(),
        help="Settings and site (default: config.yaml).",
    ),
    click.option(
        "-e",
        "--extra-vars",
        multiple=True,
        metavar="VARS",
        help="Variables that beat all others: key=value, JSON, or @FILE. Repeatable.",
    ),
    click.option(
        "-v", "--verbose", "verbosity", count=True, help="Show more: -v what is ok too, -vv tracebacks."
    ),
)

_PLAYBOOK = (
    click.option(
        "--playbook",
        metavar="FILE",
        type=click.Path(),
        help="Do the plays of this playbook instead of what config.yaml says in site.",
    ),
)

_VAULT = (
    click.option(
        "--vault-id",
        "vault_ids",
        multiple=True,
        metavar="[LABEL@]SOURCE",
        help="A vault password: a file, a program that prints it, or prompt. Repeatable.",
    ),
    click.option(
        "--vault-password-file",
        "--vault-pass-file",
        "vault_password_files",
        multiple=True,
        metavar="FILE",
        type=click.Path(),
        help="A file with a vault password, or a program that prints it. Repeatable.",
    ),
    click.option(
        "-J", "--ask-vault-pass", "--ask-vault-password", is_flag=True, help="Ask for the vault password."
    ),
)

_LOGIN = (
    click.option("-k", "--ask-pass", is_flag=True, help="Ask for the SSH password."),
    click.option("-K", "--ask-become-pass", is_flag=True, help="Ask for the sudo password."),
)

_CHOICE = (
    click.option("--tags", multiple=True, metavar="TAGS", callback=_split, help="Only tasks so tagged."),
    click.option("--skip-tags", multiple=True, metavar="TAGS", callback=_split, help="No tasks so tagged."),
    click.option(
        "--role",
        "roles",
        multiple=True,
        metavar="ROLE",
        callback=_split,
        help="Only these roles.",
    ),
    click.option(
        "--only",
        multiple=True,
        metavar="MODULE[:NAME]",
        help="Only tasks of a module, or one of them: apt, systemd_service:nginx. Repeatable.",
    ),
)

_PACE = (
    click.option("--forks", type=click.IntRange(min=1), metavar="N", help="Hosts at once."),
    click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Tasks at once on each host."),
)

_FAILURE = (
    click.option(
        "--fail-fast/--no-fail-fast",
        default=None,
        help="After a failure start nothing more on that host.",
    ),
)

_OUTPUT = (
    click.option(
        "--diff/--no-diff",
        default=None,
        help="Show contents of files as diffs (a plan does by default).",
    ),
    click.option("--json", "as_json", is_flag=True, help="Write JSON Lines to stdout."),
    click.option("--log", metavar="FILE", type=click.Path(), help="Write the full log there."),
    click.option("--junit", metavar="FILE", type=click.Path(), help="Write a JUnit report there, for CI."),
)


def _add(options: tuple[Callable[[F], F], ...]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def where_options(function: F) -> F:
    """Add which hosts, and the files that describe them."""
    return _add((*_WHERE, *_VAULT))(function)


def playbook_option(function: F) -> F:
    """Add `--playbook` alone."""
    return _add(_PLAYBOOK)(function)


def vault_options(function: F) -> F:
    """Add where vault passwords come from."""
    return _add(_VAULT)(function)


def login_options(function: F) -> F:
    """Add the passwords to ask for."""
    return _add(_LOGIN)(function)


def run_options(function: F) -> F:
    """Add all options of a plan and an apply."""
    options = (*_CHOICE, *_PACE, *_FAILURE, *_OUTPUT, *_LOGIN, *_VAULT, *_WHERE[1:])
    return _add((*_WHERE[:1], *_PLAYBOOK, *options))(function)


def graph_options(function: F) -> F:
    """Add what says of which tasks and hosts the order is shown, and how many of them run at once."""
    options = (*_CHOICE, *_PACE, *_OUTPUT[1:2], *_LOGIN, *_VAULT, *_WHERE[1:])
    return _add((*_WHERE[:1], *_PLAYBOOK, *options))(function)


def json_option(function: F) -> F:
    """Add `--json` alone."""
    return _add(_OUTPUT[1:2])(function)


def to_run_options(values: dict[str, Any]) -> RunOptions:
    """Return the options of a command as the app takes them; what is no field of theirs is left out."""
    from dataclasses import fields  # noqa: PLC0415  (start-up: --help needs none of this)

    from configurator.app.options import RunOptions  # noqa: PLC0415

    names = {item.name for item in fields(RunOptions)}
    return RunOptions(**{name: value for name, value in values.items() if name in names})
