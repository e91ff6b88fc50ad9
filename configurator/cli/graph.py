"""`graph`: in which order the tasks of a host run, for people and for programs that draw."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from configurator.cli.options import graph_options, to_run_options

if TYPE_CHECKING:
    from configurator.app.graph import HostOrder
    from configurator.core.errors import ConfiguratorError
    from configurator.report.order import Why

    Found = Mapping[str, HostOrder | ConfiguratorError]


@click.command(short_help="Show in which order the tasks of a host run.")
@graph_options
@click.option(
    "--form",
    type=click.Choice(("text", "mermaid", "dot")),
    default="text",
    show_default=True,
    help="A tree for people, or a drawing of one host for Mermaid or Graphviz.",
)
@click.option(
    "--plan",
    "as_plan",
    is_flag=True,
    help="Show levels, critical path and how fast it can be at best.",
)
@click.option(
    "--why",
    nargs=2,
    metavar="TASK TASK",
    help="Only tell why one of two tasks waits for the other one.",
)
def graph(form: str, as_plan: bool, why: tuple[str, str] | None, as_json: bool, **values: Any) -> int:
    """Connect as `plan` does, and show in which order an apply would run the tasks. Changes nothing.

    A task stands below each task that it waits for. Tasks on different branches may run at once.
    """
    from configurator.app import graph as app  # noqa: PLC0415  (start-up: --help needs none of this)
    from configurator.cli.ending import ask_secret, say  # noqa: PLC0415
    from configurator.cli.info import told_as_json, write_json  # noqa: PLC0415

    drawing = form != "text"
    if drawing and (as_plan or as_json):
        raise click.UsageError(f"--form {form} cannot be combined with {'--plan' if as_plan else '--json'}")
    if why and (drawing or as_plan):
        raise click.UsageError(f"--why cannot be combined with {'--plan' if as_plan else '--form'}")
    with told_as_json(as_json):
        report = app.graph(to_run_options(values), ask_secret, one_host=drawing)
        reasons = _reasons(report.hosts, *why) if why else {}
    for warning in report.warnings:
        say(f"warning: {warning.advice}")
    code = _exit_code(report.hosts)
    if why:
        if as_json:
            write_json(_why_json(report.hosts, reasons), code)
        else:
            _write_text(_why_text(reasons, several=len(report.hosts) > 1))
    elif as_json:
        write_json(_json(report.hosts), code)
    elif drawing:
        _write_drawing(order.draw(form) for order in _orders(report.hosts))
    else:
        _write_text(_text(report.hosts, as_plan=as_plan, every=values["verbosity"] > 0))
    if not as_json:
        _show_errors(report.hosts)
    return code


def _orders(hosts: Found) -> Iterator[HostOrder]:
    from configurator.app.graph import HostOrder  # noqa: PLC0415

    return (item for item in hosts.values() if isinstance(item, HostOrder))


def _errors(hosts: Found) -> dict[str, ConfiguratorError]:
    from configurator.core.errors import ConfiguratorError  # noqa: PLC0415

    return {name: item for name, item in hosts.items() if isinstance(item, ConfiguratorError)}


def _exit_code(hosts: Found) -> int:
    """Return what a plan of these hosts would end with: 3 beats 4."""
    codes = {3 if error.exit_code == 1 else error.exit_code for error in _errors(hosts).values()}
    return min(codes, default=0)


def _json(hosts: Found) -> Iterator[Mapping[str, Any]]:
    from configurator.report.jsonl import error_json  # noqa: PLC0415

    errors = _errors(hosts)
    for name, error in errors.items():
        yield {**error_json(error), "host": name}
    for order in _orders(hosts):
        yield {"type": "graph", **order.to_json()}


def _reasons(hosts: Found, first: str, second: str) -> dict[str, Why]:
    """Return how the two tasks are ordered on each host that has both; InputError if none has."""
    from configurator.core.errors import InputError  # noqa: PLC0415

    found: dict[str, Why] = {}
    problem: InputError | None = None
    for order in _orders(hosts):
        try:
            found[order.host] = order.why(first, second)
        except InputError as error:
            problem = problem or error
    if problem is not None and not found:
        raise problem
    return found


def _why_json(hosts: Found, reasons: Mapping[str, Why]) -> Iterator[Mapping[str, Any]]:
    from dataclasses import asdict  # noqa: PLC0415

    from configurator.report.jsonl import error_json  # noqa: PLC0415

    for name, error in _errors(hosts).items():
        yield {**error_json(error), "host": name}
    for host, why in reasons.items():
        yield {"type": "why", "host": host, **asdict(why)}


def _why_text(reasons: Mapping[str, Why], *, several: bool) -> Iterator[str]:
    from configurator.report.order import why_lines  # noqa: PLC0415
    from configurator.report.sanitize import one_line  # noqa: PLC0415

    for number, (host, why) in enumerate(reasons.items()):
        if several:
            yield from ([""] if number else [])
            yield f"{one_line(host)}:"
        yield from why_lines(why)


def _text(hosts: Found, *, as_plan: bool, every: bool) -> Iterator[str]:
    from configurator.report.order import order_lines, plan_lines  # noqa: PLC0415
    from configurator.report.sanitize import one_line  # noqa: PLC0415

    several = len(hosts) > 1
    for number, order in enumerate(_orders(hosts)):
        if several:
            yield from ([""] if number else [])
            yield f"{one_line(order.host)}:"
        if as_plan:
            yield from plan_lines(order.plan().text())
        else:
            yield from order_lines(order.draw("text"), order.reasons(every=every), order.left_out, every)


def _write_text(lines: Iterable[str]) -> None:
    from configurator.report.terminal import joined, make_console, write  # noqa: PLC0415

    write(make_console(sys.stdout), map(joined, lines))


def _write_drawing(drawings: Iterable[str]) -> None:
    """Write for a program: in UTF-8 under every locale, as Mermaid and Graphviz read it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    for drawing in drawings:
        click.echo(drawing)


def _show_errors(hosts: Found) -> None:
    from configurator.cli.ending import say, show_error  # noqa: PLC0415
    from configurator.core.errors import InputError  # noqa: PLC0415

    for name, error in _errors(hosts).items():
        if isinstance(error, InputError):  # it tells the file, but not of which host it is wrong
            say(f"{name}: its tasks cannot be worked out")
        show_error(error)
