"""The first answer comes at once: `--help` loads click and nothing else that is heavy."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from configurator.cli.main import COMMANDS, cli

HEAVY = ("paramiko", "rich", "jinja2", "pydantic", "yaml", "cryptography", "configurator.app.run")


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["plan", "--help"],
        ["apply", "--help"],
        ["facts", "-h"],
        ["graph", "-h"],
        [],
    ],
)
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    """Each of these modules costs 60 to 230 ms; --help has to be there within 100 ms of a bare Python."""
    program = (
        "import sys\n"
        "from configurator.cli.main import main\n"
        f"code = main({args!r})\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "sandbox"])
def test_the_line_of_help_in_the_list_is_the_commands_own(name: str) -> None:
    """The list is written by hand, so that --help need not import the commands: it must not drift."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert command.short_help == COMMANDS[name][1]
    assert cli.get_command(None, name) is command  # type: ignore[arg-type]


def test_shell_completion_knows_commands_and_options() -> None:
    program = "from configurator.cli.main import run; run()"

    def complete(words: str, index: int) -> list[str]:
        environment = {
            "_CONFIGURATOR_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(index),
        }
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert complete("configurator a", 1) == ["apply"]
    assert "--dry-run" in complete("configurator apply --d", 2)
