"""`graph`: the tree, the plan, the drawings and the JSON, each on the right stream."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from configurator.cli.main import main
from configurator.core.errors import HostSetupError, UnreachableError
from tests.unit.app.sessions import FakeHosts, fake_hosts
from tests.unit.compiler.projects import write
from tests.unit.report import golden

__all__ = ["fake_hosts"]  # a fixture

ROLE = {
    "config.yaml": """
        site:
          - hosts: all
            roles: [people, site, {role: checks, requires: [people]}]
    """,
    "inventory/hosts.yml": "all: {hosts: {web1: {ansible_user: root}, web2: {ansible_user: root}}}",
    "roles/people/tasks/main.yml": """
        - {name: Group, group: {name: deploy}}
        - {name: Account, user: {name: deploy, group: deploy}}
        - {name: Greeting, copy: {dest: /etc/motd, content: x}}
        - {name: Greeting, copy: {dest: /etc/issue, content: x}}
        - {name: Farewell, file: {path: /etc/bye, state: absent}, when: false}
    """,
    "roles/site/tasks/main.yml": """
        - {name: Install the server, apt: {name: nginx}}
        - name: Pages
          copy: {dest: "/srv/{{ item }}", content: x, owner: deploy}
          loop: [a, b]
          notify: Reload
        - {name: Run it, systemd_service: {name: nginx, state: started}}
    """,
    "roles/site/handlers/main.yml": "- {name: Reload, systemd_service: {name: nginx, state: reloaded}}",
    "roles/checks/tasks/main.yml": """
        - {name: One, command: 'true', requires: 'site: Run it', effects: {}}
        - {name: Two, command: 'true', effects: {}}
    """,
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_hosts: FakeHosts) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    write(ROLE)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ([], "graph.txt"),
        (["-v"], "graph-verbose.txt"),
        (["--plan"], "graph-plan.txt"),
        (["--form", "mermaid"], "graph.mermaid"),
        (["--form", "dot"], "graph.dot"),
    ],
)
def test_one_host(flags: list[str], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer, and nothing else, is on standard output: it can go into a pipe."""
    assert main(["graph", "--host", "web1", *flags]) == 0
    out, err = capsys.readouterr()
    golden.check(name, out)
    assert err == ""


def test_several_hosts_stand_below_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, in the order of the inventory."""
    assert main(["graph", "--role", "people"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("web1:\npeople: Group\n")
    assert "(-v shows all).\n\nweb2:\npeople: Group\n" in out
    assert main(["graph", "--role", "people", "--plan"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.endswith(":")] == ["web1:", "web2:"]


def test_several_hosts_are_no_drawing(fake_hosts: FakeHosts, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 before any connection, and nothing that a program would try to draw."""
    assert main(["graph", "--form", "dot"]) == 1
    out, err = capsys.readouterr()
    assert (out, fake_hosts.asked) == ("", [])
    assert "web1, web2" in err


@pytest.mark.parametrize("flag", ["--plan", "--json"])
def test_a_drawing_is_nothing_else(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Two answers were asked for: say so instead of choosing one."""
    assert main(["graph", "--host", "web1", "--form", "mermaid", flag]) == 1
    assert f"--form mermaid cannot be combined with {flag}" in capsys.readouterr().err


def test_json_has_a_line_for_each_host(capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes, edges and plan, also without `--plan`."""
    assert main(["graph", "--json", "--role", "people", "--jobs", "3"]) == 0
    found = lines(capsys.readouterr().out)
    assert [line["type"] for line in found] == ["version", "graph", "graph", "finished"]
    assert [line["host"] for line in found[1:3]] == ["web1", "web2"]
    assert found[1].keys() == {"type", "host", "nodes", "edges", "plan"}
    assert [node["task"] for node in found[1]["nodes"]] == ["Group", "Account", "Greeting", "Greeting"]
    assert found[1]["plan"]["max_workers"] == 3


@pytest.mark.parametrize(
    ("error", "code"), [(UnreachableError("web1", "no answer"), 4), (HostSetupError("web1", "no sudo"), 3)]
)
def test_hosts_that_fail_are_told_behind_the_others(
    fake_hosts: FakeHosts, capsys: pytest.CaptureFixture[str], error: UnreachableError, code: int
) -> None:
    """The others' order is shown; the exit code is that of a plan."""
    fake_hosts.errors["web1"] = error
    assert main(["graph", "--role", "people"]) == code
    out, err = capsys.readouterr()
    assert out.startswith("web2:\n")
    assert err == f"error: web1: {error.message}\n"
    assert main(["graph", "--role", "people", "--json"]) == code
    found = lines(capsys.readouterr().out)
    assert [(line["type"], line.get("host")) for line in found] == [
        ("version", None),
        ("error", "web1"),
        ("graph", "web2"),
        ("finished", None),
    ]
    assert found[-1]["exit_code"] == code


def test_a_mistake_that_only_facts_show_names_its_host(capsys: pytest.CaptureFixture[str]) -> None:
    """The file alone does not tell on which host it goes wrong."""
    write(
        {**ROLE, "roles/people/tasks/main.yml": "- {command: 'echo {{ {\"web2\": 1}[ansible_hostname] }}'}"}
    )
    assert main(["graph", "--role", "people"]) == 3
    out, err = capsys.readouterr()
    assert out == "web2:\npeople: command: echo 1\n"
    assert err.startswith("web1: its tasks cannot be worked out\nerror: ")
    assert "roles/people/tasks/main.yml:1:" in err


def test_bad_input_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that reads JSON gets the problem as JSON, with the exit code of bad input."""
    assert main(["graph", "--json", "--role", "nope"]) == 1
    assert [line["type"] for line in lines(capsys.readouterr().out)] == ["version", "error", "finished"]


def test_warnings_do_not_get_between_the_lines_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """They are for people, on standard error."""
    write({**ROLE, "inventory/group_vars/wbe.yml": "a: 1"})
    assert main(["graph", "--host", "web1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("warning: inventory/group_vars/wbe.yml: no group is named 'wbe'")
    assert len(lines(out)) == 3


@pytest.mark.parametrize(("form", "encoding"), [("text", "ascii"), ("dot", "utf-8")])
def test_a_poor_terminal_gets_ascii_and_a_drawing_is_always_utf_8(
    monkeypatch: pytest.MonkeyPatch, form: str, encoding: str
) -> None:
    """A tree without its lines could not be read; Graphviz and Mermaid know no other encoding."""
    write(
        {
            **ROLE,
            "roles/people/tasks/main.yml": ROLE["roles/people/tasks/main.yml"].replace("Group,", "Größe,"),
        }
    )
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["graph", "--host", "web1", "--role", "people", "--form", form]) == 0
    stream.flush()
    data = stream.buffer.getvalue()
    if form == "text":
        assert data.startswith(b"people: Gr??e\n`-- people: Account\n")
    else:
        assert "people: Größe" in data.decode()


# -- why ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (
            "people: Group",
            "people: Account",
            "people: Account waits for people: Group, and runs only if that succeeds:\n"
            "  people: Group\n"
            "  └─ people: Account (as written: both touch group deploy)\n",
        ),
        (  # the other way round is the same question
            "Two",
            "account",
            "checks: Two waits for people: Account, and runs only if that succeeds:\n"
            "  people: Account\n"
            "  └─ checks: Two (its role requires that)\n",
        ),
        (
            "people: Account",
            "Reload",
            "site: Reload [handler] waits for people: Account, but not for its success:\n"
            "  people: Account\n"
            "  └─ site: Pages (a) (it needs user deploy)\n"
            "     └─ site: Reload [handler] (handlers come last)\n",
        ),
        (
            "Install the server",
            "One",
            "checks: One waits for site: Install the server, and runs only if that succeeds:\n"
            "  site: Install the server\n"
            "  └─ site: Pages (a) (as written: both touch /srv/a)\n"
            "     └─ site: Run it (as written: both touch any file)\n"
            "        └─ checks: One (it says so in `requires`)\n",
        ),
        ("one", "two", "checks: One and checks: Two have no order; they may run at once.\n"),
    ],
)
def test_why_a_task_waits_is_told_step_by_step(
    first: str, second: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every step with its reason: what was declared, what both touch, what a role requires."""
    assert main(["graph", "--host", "web1", "--why", first, second]) == 0
    assert capsys.readouterr().out == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Acount", "Group"), "did you mean 'people: Account'?"),
        (("Greeting", "Group"), "say which: 'people: Greeting', 'people: Greeting (2)'"),
        (("Group", "group"), "is one task"),
        (("Group", "Farewell"), "there is no task 'Farewell'"),
    ],
)
def test_a_task_that_is_not_clear_is_an_error(
    words: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that a condition skips has no place in the order."""
    assert main(["graph", "--host", "web1", "--why", *words]) == 1
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True), err


def test_why_for_several_hosts_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "--why", "One", "Two"]) == 0
    assert capsys.readouterr().out.startswith("web1:\nchecks: One and")
    assert main(["graph", "--why", "Group", "Account", "--host", "web1", "--json"]) == 0
    [line] = [line for line in lines(capsys.readouterr().out) if line["type"] == "why"]
    step = {
        "before": "people: Group",
        "after": "people: Account",
        "kind": "written_order",
        "key": "group:deploy",
    }
    assert line == {
        "type": "why",
        "host": "web1",
        "first": "people: Group",
        "second": "people: Account",
        "chain": [step],
        "hard": True,
        "locks": [],
    }
    assert main(["graph", "--why", "One", "Two", "--plan"]) == 1
