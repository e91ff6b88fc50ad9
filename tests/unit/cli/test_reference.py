"""The reference pages name every option, event and key that there is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click
import pytest

from configurator.cli.graph import graph
from configurator.cli.info import check, facts, hosts
from configurator.cli.main import COMMANDS
from configurator.cli.project import init, schema
from configurator.cli.runs import apply, plan
from configurator.compiler.order_edges import EdgeKind
from configurator.core.changes import Certainty, FieldChange
from configurator.core.run_events import HostSummary, RunEvent
from configurator.core.status import Outcome, SkipReason
from configurator.report.words import snake_case

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command", [plan, apply, check, facts, hosts, graph, init, schema], ids=lambda command: command.name
)
def test_every_option_is_described(command: click.Command) -> None:
    text = page("command-line.md")
    for option in (item for item in command.params if isinstance(item, click.Option)):
        for name in (*option.opts, *option.secondary_opts):
            assert f"`{name}`" in text or f"`{name} " in text, name


def test_every_command_is_described() -> None:
    assert [name for name in COMMANDS if f"| `{name}` |" not in page("command-line.md")] == []


def test_every_event_and_key_of_the_json_is_described() -> None:
    text = page("json-output.md")
    for event in RunEvent.__subclasses__():
        assert f"`{snake_case(event.__name__)}`" in text
        assert [item.name for item in fields(event) if f"`{item.name}`" not in text] == []
    for item in (*fields(FieldChange), *fields(HostSummary)):
        assert f"`{item.name}`" in text or f'"{item.name}"' in text
    for word in (*Outcome, *SkipReason, *Certainty, *EdgeKind):
        assert f"`{word}`" in text, word
