"""What modules that set packet rules have in common: asking iptables, and saying why it refused."""

from __future__ import annotations

from collections.abc import Sequence

from configurator.core.errors import TaskError
from configurator.modules.system import CommandResult, System

NOT_INSTALLED = 127
ANY = tuple(range(256))
WAIT_S = "5"  # for another program that holds the lock of the rules; iptables(8), --wait


def asked(system: System, argv: Sequence[str], *, stdin: str | None = None) -> CommandResult:
    """Return what a command that only reads answers; TaskError if it may not, or is not going to be there."""
    answer = system.query(argv, ok=ANY, stdin=stdin)
    if answer.exit_status == NOT_INSTALLED:
        package = system.lookup("package:iptables", lambda: {"exists": False})
        if not package["exists"]:
            raise TaskError(
                f"{argv[0]} is not installed on the host", hint="install it first: `apt: {name: iptables}`"
            )
    elif denied(answer):
        raise refused(argv[0], answer)
    return answer


def denied(answer: CommandResult) -> bool:
    """Return True if the host may not do that."""
    return "ermission denied" in answer.stderr or "not permitted" in answer.stderr


def refused(program: str, done: CommandResult) -> TaskError:
    """Return the error that says what a program has against what it was told."""
    said = next((line for line in done.stderr.splitlines() if line.strip()), "it gave no reason")
    problem = said.partition("): ")[2] or said.partition(": ")[2] or said
    hint = None
    if denied(done):
        hint = "the host may not set packet rules: run as root; a container needs CAP_NET_ADMIN"
    return TaskError(
        f"{program}: {problem}",
        command=done.argv,
        exit_status=done.exit_status,
        output=done.stderr,
        hint=hint,
    )
