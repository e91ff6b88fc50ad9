"""`plan` and `apply`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from configurator.cli.options import run_options, to_run_options

if TYPE_CHECKING:
    from configurator.cli.output import Output
    from configurator.core.run_events import HostSummary


_deep = click.option(
    "--deep", is_flag=True, help="Download packages to be installed, so that the plan knows what they bring."
)


@click.command(short_help="Show what an apply would change; change nothing.")
@run_options
@_deep
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when changes are pending.")
def plan(**values: Any) -> int:
    """Show what an apply would change, on which hosts, and how sure that is. Changes nothing.

    Every planned change is exact unless it says `assumed because ...` or `known after apply`.
    """
    return _plan(values)


@click.command(short_help="Plan, ask, and make the hosts what their configuration says.")
@run_options
@_deep
@click.option("-n", "--dry-run", is_flag=True, help="Only plan: the same as `configurator plan`.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask, and make no separate plan.")
def apply(**values: Any) -> int:
    """Make the hosts what their configuration says.

    Shows the plan and asks first. With --yes it applies at once; --json and scripts need that.
    """
    if values["dry_run"]:
        return _plan(values)
    if values["yes"]:
        return _apply(values, None)
    return _apply(values, _Question())


def _plan(values: dict[str, Any]) -> int:
    from configurator.cli.output import PendingSink, perform  # noqa: PLC0415  (--help needs none of this)

    options = to_run_options(values)

    def work(output: Output) -> int:
        from configurator.app import run  # noqa: PLC0415

        sink = PendingSink(output.reporter) if values.get("detailed_exitcode") else output.reporter
        code = run.plan(options, sink, prompt=output.ask, ask=output.ask_person)
        output.settle()
        return output.plan_exit_code(code)

    return perform("plan", values, work)


def _apply(values: dict[str, Any], question: _Question | None) -> int:
    from configurator.cli.output import perform  # noqa: PLC0415

    options = to_run_options(values)

    def work(output: Output) -> int:
        if question is not None:
            refuse_without_terminal(values["as_json"], sys.argv[1:])
            question.output = output
        from configurator.app import run  # noqa: PLC0415

        code = run.apply(options, output.reporter, question, prompt=output.ask, ask=output.ask_person)
        return code if question is None else question.exit_code(code)

    return perform("apply", values, work)


class _Question:
    """Asks once the plan is shown; called by the app between plan and apply."""

    def __init__(self) -> None:
        self.output: Output | None = None
        self._declined = False
        self._nothing = False

    def __call__(self, summaries: Mapping[str, HostSummary]) -> bool:
        assert self.output is not None
        self.output.reporter.flush()
        changes = sum(summary.changed for summary in summaries.values())
        hosts = sum(summary.changed > 0 for summary in summaries.values())
        unknown = sum(summary.unknown for summary in summaries.values())
        self._nothing = not changes and not unknown
        if self._nothing:
            return False
        left_out = sum(bool(summary.failed or summary.unreachable) for summary in summaries.values())
        if left_out:
            click.echo(f"{_count(left_out, 'host')} had trouble in the plan, see above.", err=True)
        if not changes:  # as with --yes: what counts as no change needs nobody's consent
            are = "is" if unknown == 1 else "are"
            left = f"{_count(unknown, 'task')} that only an apply runs {are} run now"
            click.echo(f"Nothing to change; {left}.", err=True)
            return True
        asked = f"Apply {_count(changes, 'change')} to {_count(hosts, 'host')}? [y/N] "
        click.echo(asked, nl=False, err=True)
        try:
            self._declined = sys.stdin.readline().strip().lower() not in ("y", "yes")
        except KeyboardInterrupt:
            click.echo(err=True)  # what follows shall not stand behind the question
            raise
        if self._declined:
            click.echo("Nothing was changed.", err=True)
        return not self._declined

    def exit_code(self, code: int) -> int:
        """Return what the command ends with, given what the app ended with."""
        if self._declined:
            return 1
        if self._nothing and self.output is not None:
            return self.output.plan_exit_code(code)
        return code


def refuse_without_terminal(as_json: bool, args: Sequence[str]) -> None:
    """Raise RefusedError where nobody can be asked; it names the command that asks nothing."""
    from configurator.core.errors import RefusedError  # noqa: PLC0415

    if sys.stdin.isatty() and sys.stderr.isatty() and not as_json:
        return
    why = "--json leaves no place to ask" if as_json else "there is no terminal to ask on"
    raise RefusedError(
        f"apply asks before it changes anything, and {why}",
        hint=f"look at the plan first, then run: {command_line([*args, '--yes'])}",
    )


def command_line(args: Sequence[str]) -> str:
    """Return the command as one would type it; values of --extra-vars may be secrets and are masked."""
    shown: list[str] = []
    for number, arg in enumerate(args):
        before = args[number - 1] if number else ""
        if before in ("-e", "--extra-vars") and not arg.startswith("@"):
            shown.append(_masked(arg))
        elif arg.startswith("--extra-vars=") and not arg.startswith("--extra-vars=@"):
            shown.append("--extra-vars=" + _masked(arg.removeprefix("--extra-vars=")))
        elif arg.startswith("-e") and len(arg) > 2 and not arg.startswith("-e@"):
            shown.append("-e" + _masked(arg[2:]))
        else:
            shown.append(arg)
    return shlex.join(["configurator", *shown])


def _masked(assignment: str) -> str:
    name, equals, _ = assignment.partition("=")
    return f"{name}=..." if equals and name.isidentifier() else "..."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
