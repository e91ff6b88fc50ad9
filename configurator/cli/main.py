"""The console script: the group of commands, and how every way to end becomes an exit code.

Nothing here imports what `--help` does not need; a test holds it to that.
"""

from __future__ import annotations

import sys

import click

from configurator import __version__
from configurator.cli.lazy import LazyGroup

COMMANDS = {
    "init": ("configurator.cli.project:init", "Make a small project to begin with."),
    "plan": ("configurator.cli.runs:plan", "Show what an apply would change; change nothing."),
    "apply": ("configurator.cli.runs:apply", "Plan, ask, and make the hosts what their configuration says."),
    "check": ("configurator.cli.info:check", "Check every file, without any host."),
    "facts": ("configurator.cli.info:facts", "Show what is read from the hosts."),
    "hosts": ("configurator.cli.info:hosts", "List the hosts of the inventory with their groups and roles."),
    "graph": ("configurator.cli.graph:graph", "Show in which order the tasks of a host run."),
    "schema": (
        "configurator.cli.project:schema",
        "Write JSON Schemas by which editors complete and check.",
    ),
    "vault": ("configurator.cli.vault:vault", "Encrypt and decrypt files and values, as ansible-vault does."),
    "explain": ("configurator.cli.explain:explain", "Tell what the code of an error means, and what to do."),
    "sandbox": ("configurator.cli.sandbox:sandbox", "Disposable Debian hosts to try things on."),
    "version": ("configurator.cli.info:version", "Show the version."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=False,
    no_args_is_help=False,
    epilog="Exit codes: 0 done, 1 nothing was touched, 2 changes pending (plan --detailed-exitcode), "
    "3 a task failed, 4 a host was unreachable, 130 interrupted.",
)
@click.version_option(__version__, prog_name="configurator", message="%(prog)s %(version)s")
def cli() -> None:
    """Make Debian hosts be what their configuration says.

    Start with `configurator check`, then `configurator plan --host HOST`, then the same with `apply`.
    """


def run() -> None:
    """Run the command line and exit; the entry point of the console script."""
    from configurator.cli.ending import prepare_streams  # noqa: PLC0415

    prepare_streams(sys.argv[1:])
    sys.exit(main(sys.argv[1:]))


def main(args: list[str]) -> int:
    """Run the command line and return the exit code; no exception leaves this function."""
    from configurator.cli import ending  # noqa: PLC0415  (small, but only needed from here on)

    if not args:
        args = ["--help"]
    ending.catch_termination()
    try:
        result = cli.main(args, prog_name="configurator", standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except BaseException as error:  # noqa: BLE001  (the boundary: every way to end becomes an exit code)
        code = ending.exit_code_of(error, args)
    return ending.flushed(code)
