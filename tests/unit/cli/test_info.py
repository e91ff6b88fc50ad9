"""check, hosts and facts, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from configurator.cli.main import main
from configurator.config.diagnostics import Diagnostic
from configurator.core.errors import HostSetupError, InputError, UnreachableError
from tests.unit.cli.conftest import FakeApp


@dataclass
class Report:
    files: int = 12
    roles: int = 4
    hosts: int = 1
    tasks: int = 40
    warnings: tuple[Diagnostic, ...] = ()


@dataclass
class Row:
    name: str
    address: str
    user: str
    port: int
    groups: tuple[str, ...]
    roles: tuple[str, ...]


ROWS = [
    Row("web1", "192.0.2.10", "admin", 22, ("web", "all"), ("base", "nginx")),
    Row("database1", "192.0.2.20", "", 2222, ("db",), ()),
]


def test_check_tells_what_it_would_ignore(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning stops nothing, and does not get between the answer's lines."""
    app.info["check"] = Report(
        warnings=(Diagnostic("inventory/hosts.yml", 2, 5, "'x' is ignored", "did you mean 'y'?"),)
    )
    assert main(["check"]) == 0
    said = capsys.readouterr()
    assert said.err == "warning: inventory/hosts.yml:2:5: 'x' is ignored (did you mean 'y'?)\n"
    assert said.out.startswith("No problems in ")


def test_check_counts_what_it_has_looked_at(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.info["check"] = Report()
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "No problems in 12 files, 4 roles, 1 host, 40 tasks.\n"
    assert main(["check", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"type": "version", "format": 1},
        {"type": "check", "files": 12, "roles": 4, "hosts": 1, "tasks": 40},
        {"type": "finished", "exit_code": 0},
    ]


def test_check_with_problems(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.info["check"] = InputError("no such role")
    assert main(["check", "--json"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["version", "error", "finished"]
    assert err == "error: no such role\n"


def test_hosts(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.info["hosts"] = ROWS
    assert main(["hosts"]) == 0
    assert capsys.readouterr().out == (
        "host       address           port  groups    roles\n"
        "web1       admin@192.0.2.10  22    web, all  base, nginx\n"
        "database1  192.0.2.20        2222  db\n"
    )
    assert main(["hosts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1]) == {
        "type": "host",
        "name": "web1",
        "address": "192.0.2.10",
        "user": "admin",
        "port": 22,
        "groups": ["web", "all"],
        "roles": ["base", "nginx"],
    }


def test_facts_of_some_hosts_are_shown_although_others_fail(
    app: FakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app.info["facts"] = {
        "web1": {"distribution": "Debian", "memory_mb": 981},
        "web2": UnreachableError("web2", "no answer"),
    }
    assert main(["facts"]) == 4
    out, err = capsys.readouterr()
    assert out == "web1:\n  distribution: Debian\n  memory_mb: 981\n"
    assert err == "error: web2: no answer\n"
    assert main(["facts", "--json"]) == 4
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found[1] == {
        "type": "facts",
        "host": "web1",
        "facts": {"distribution": "Debian", "memory_mb": 981},
    }
    assert (found[2]["type"], found[2]["host"]) == ("error", "web2")
    assert found[3] == {"type": "finished", "exit_code": 4}


def test_a_host_that_cannot_be_worked_on_beats_one_that_cannot_be_reached(app: FakeApp) -> None:
    app.info["facts"] = {"a": UnreachableError("a", "x"), "b": HostSetupError("b", "sudo refused")}
    assert main(["facts"]) == 3
