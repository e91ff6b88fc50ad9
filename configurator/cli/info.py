"""`check`, `hosts`, `facts`, `version`: commands that only tell something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from configurator import __version__
from configurator.cli.options import (
    json_option,
    login_options,
    playbook_option,
    to_run_options,
    where_options,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from configurator.core.errors import ConfiguratorError


@click.command(short_help="Check every file, without any host.")
@playbook_option
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
        click.echo(f"warning: {one_line(warning.advice)}", err=True)
    numbers = {name: getattr(report, name) for name in ("files", "roles", "hosts", "tasks")}
    if as_json:
        write_json([{"type": "check", **numbers}])
    else:
        counts = ", ".join(count(number, name.removesuffix("s")) for name, number in numbers.items())
        click.echo(f"No problems in {counts}.")
    return 0


@click.command(short_help="List the hosts of the inventory with their groups and roles.")
@click.option("--graph", "as_tree", is_flag=True, help="Show the groups as a tree instead.")
@click.option("--vars", "of", metavar="HOST", help="Show the variables of a host, a group or a glob instead.")
@click.option("--origin", is_flag=True, help="With --vars: also where each is set, and what it shadows.")
@playbook_option
@where_options
@json_option
def hosts(as_tree: bool, of: str | None, origin: bool, as_json: bool, **values: Any) -> int:
    """List the hosts of the inventory with their addresses, groups and roles."""
    if origin and of is None:
        raise click.UsageError("--origin belongs to --vars HOST")
    if of is not None:
        return _variables({**values, "hosts": (*values["hosts"], of)}, origin, as_json)
    if as_tree:
        return _groups(values, as_json)
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


def _groups(values: dict[str, Any], as_json: bool) -> int:
    from configurator.app import inventory  # noqa: PLC0415
    from configurator.cli.ending import ask_secret  # noqa: PLC0415
    from configurator.report.sanitize import one_line  # noqa: PLC0415

    with told_as_json(as_json):
        rows = inventory.groups(to_run_options(values), ask_secret)
    if as_json:
        names = ("name", "children", "hosts", "priority")
        write_json({"type": "group", **{name: getattr(row, name) for name in names}} for row in rows)
        return 0
    for line in inventory.tree(rows):
        click.echo(one_line(line))
    return 0


def _variables(values: dict[str, Any], origin: bool, as_json: bool) -> int:
    from configurator.app import inventory  # noqa: PLC0415
    from configurator.cli.ending import ask_secret  # noqa: PLC0415
    from configurator.report.grid import tree  # noqa: PLC0415
    from configurator.report.sanitize import one_line  # noqa: PLC0415
    from configurator.report.words import value  # noqa: PLC0415

    with told_as_json(as_json):
        rows = inventory.variables(to_run_options(values), ask_secret)
    if as_json:
        write_json(_variable_json(row) for row in rows)
        return 0
    for number, row in enumerate(rows):
        if number == 0 or rows[number - 1].host != row.host:
            click.echo(f"{one_line(row.host)}:")
        for line in tree({row.name: row.value}, 2):
            click.echo(line)
        if row.problem is not None:
            click.echo(f"      cannot be rendered: {one_line(row.problem)}")
        if origin:
            click.echo(f"      set at {one_line(row.origin)}")
            for weaker, place in row.shadowed:
                click.echo(f"      shadows {one_line(value(weaker))} at {one_line(place)}")
    return 0


def _variable_json(row: Any) -> Mapping[str, Any]:
    names = ("host", "name", "value", "origin", "problem")
    shadowed = [{"value": weaker, "origin": place} for weaker, place in row.shadowed]
    return {"type": "variable", **{name: getattr(row, name) for name in names}, "shadowed": shadowed}


@click.command(short_help="Show what is read from the hosts.")
@click.option(
    "--gather",
    "parts",
    multiple=True,
    metavar="PART",
    help="Also these, which are read only where something uses them: mounts, devices, local... or all.",
)
@where_options
@login_options
@json_option
def facts(as_json: bool, parts: tuple[str, ...], **values: Any) -> int:
    """Connect to the hosts and show their facts: what templates and conditions can use."""
    from configurator.app import info  # noqa: PLC0415
    from configurator.cli.ending import ask_secret, show_error  # noqa: PLC0415
    from configurator.core.errors import ConfiguratorError  # noqa: PLC0415
    from configurator.report.grid import tree  # noqa: PLC0415

    with told_as_json(as_json):
        wanted = [part.strip() for text in parts for part in text.split(",") if part.strip()]
        found = info.facts(to_run_options(values), ask_secret, wanted)
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
