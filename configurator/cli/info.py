"""`check`, `hosts`, `facts`, `version`: commands that only tell something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from configurator import __version__
from configurator.cli.options import json_option, login_options, to_run_options, where_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from configurator.core.errors import ConfiguratorError


@click.command(short_help="Check every file, without any host.")
@where_options
@json_option
def check(as_json: bool, **values: Any) -> int:
    """Check the configuration, the inventory and every role, without connecting to any host.

    All problems are shown at once, each with its file, line and column.
    """
    from configurator.app import info  # noqa: PLC0415  (start-up: --help needs none of this)
    from configurator.cli.ending import ask_secret  # noqa: PLC0415
    from configurator.report.sanitize import one_line  # noqa: PLC0415
    from configurator.report.words import count  # noqa: PLC0415

    with told_as_json(as_json):
        report = info.check(to_run_options(values), ask_secret)
    for warning in report.warnings:
        click.echo(f"warning: {one_line(str(warning))}", err=True)
    numbers = {name: getattr(report, name) for name in ("files", "roles", "hosts", "tasks")}
    if as_json:
        write_json([{"type": "check", **numbers}])
    else:
        counts = ", ".join(count(number, name.removesuffix("s")) for name, number in numbers.items())
        click.echo(f"No problems in {counts}.")
    return 0


@click.command(short_help="List the hosts of the inventory with their groups and roles.")
@where_options
@json_option
def hosts(as_json: bool, **values: Any) -> int:
    """List the hosts of the inventory with their addresses, groups and roles."""
    from configurator.app import info  # noqa: PLC0415
    from configurator.cli.ending import ask_secret  # noqa: PLC0415
    from configurator.report.grid import grid  # noqa: PLC0415

    with told_as_json(as_json):
        rows = info.hosts(to_run_options(values), ask_secret)
    if as_json:
        names = ("name", "address", "user", "port", "groups", "roles")
        write_json({"type": "host", **{name: getattr(row, name) for name in names}} for row in rows)
        return 0
    cells = [
        (
            row.name,
            f"{row.user}@{row.address}" if row.user else row.address,
            str(row.port or ""),
            ", ".join(row.groups),
            ", ".join(row.roles),
        )
        for row in rows
    ]
    for line in grid(("host", "address", "port", "groups", "roles"), cells):
        click.echo(line)
    return 0


@click.command(short_help="Show what is read from the hosts.")
@where_options
@login_options
@json_option
def facts(as_json: bool, **values: Any) -> int:
    """Connect to the hosts and show their facts: what templates and conditions can use."""
    from configurator.app import info  # noqa: PLC0415
    from configurator.cli.ending import ask_secret, show_error  # noqa: PLC0415
    from configurator.core.errors import ConfiguratorError  # noqa: PLC0415
    from configurator.report.grid import tree  # noqa: PLC0415

    with told_as_json(as_json):
        found = info.facts(to_run_options(values), ask_secret)
    errors = [item for item in found.values() if isinstance(item, ConfiguratorError)]
    code = worst_exit_code(errors)
    if as_json:
        write_json(_facts_json(found), code)
        return code
    for name, item in found.items():
        if not isinstance(item, ConfiguratorError):
            for line in tree({name: item}):
                click.echo(line)
    for error in errors:
        show_error(error)
    return code


@click.command(short_help="Show the version.")
def version() -> int:
    """Show the version of configurator and of the Python that runs it."""
    import platform  # noqa: PLC0415

    click.echo(f"configurator {__version__} (Python {platform.python_version()})")
    return 0


def worst_exit_code(errors: Iterable[ConfiguratorError]) -> int:
    """Return the exit code of several hosts' errors: 3 beats 4, no error is 0."""
    codes = {error.exit_code for error in errors}
    return min(codes - {1}, default=1) if codes else 0


def _facts_json(found: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    from configurator.core.errors import ConfiguratorError  # noqa: PLC0415
    from configurator.report.jsonl import error_json  # noqa: PLC0415

    for name, item in found.items():
        if isinstance(item, ConfiguratorError):
            yield {**error_json(item), "host": name}
        else:
            yield {"type": "facts", "host": name, "facts": item}


def write_json(lines: Iterable[Mapping[str, Any]], exit_code: int = 0) -> None:
    """Write the JSON Lines of an answer: the version first, then `lines`, `finished` last."""
    from configurator.report.jsonl import FORMAT, dumps  # noqa: PLC0415

    click.echo(dumps({"type": "version", "format": FORMAT}))
    for line in lines:
        click.echo(dumps(line))
    click.echo(dumps({"type": "finished", "exit_code": exit_code}))


class told_as_json:  # noqa: N801  (used as a with statement's word)
    """Writes an error of ours as JSON Lines too, then lets it pass."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from configurator.core.errors import ConfiguratorError  # noqa: PLC0415
        from configurator.report.jsonl import error_json  # noqa: PLC0415

        if self._wanted and isinstance(error, ConfiguratorError):
            write_json([error_json(error)], error.exit_code)
