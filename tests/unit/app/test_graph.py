"""`graph`: what is connected to, what is compiled, and how it is called and masked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from configurator.app.graph import GraphReport, HostOrder, graph, host_order
from configurator.app.options import RunOptions
from configurator.compiler.project import Project
from configurator.core.errors import InputError, UnreachableError
from configurator.transport.bootstrap import PythonMissingError
from tests.unit.app.sessions import FakeHosts, fake_hosts
from tests.unit.compiler.projects import FACTS, load, write
from tests.unit.report import golden

__all__ = ["fake_hosts"]  # a fixture

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna@laptop"
BUILT_IN: dict[str, dict[str, Any]] = {
    "base": {"base_timezone": "Europe/Berlin", "base_hostname": "blue.example.org"},
    "users": {
        "users_groups": [{"name": "deploy"}],
        "users_accounts": [
            {"name": "anna", "groups": ["deploy"], "sudo": True, "authorized_keys": [KEY]},
            {"name": "otto", "state": "absent"},
        ],
    },
    "firewall": {},
    "nginx": {},
}
TWO_ROLES = {
    "config.yaml": "site: [{hosts: all, roles: [people, site]}]",
    "inventory/hosts.yml": "all: {hosts: {web1: {ansible_user: root}, web2: {ansible_user: root}}}",
    "roles/people/tasks/main.yml": """
        - {name: Account, user: {name: deploy}}
        - {name: Note, copy: {dest: /opt/note, content: x}, when: false}
    """,
    "roles/site/tasks/main.yml": """
        - {name: Page, copy: {dest: "/srv/{{ item }}", content: x, owner: deploy}, loop: [a], notify: Tell}
        - {name: Page, copy: {dest: /srv/b, content: x}}
        - {name: Page, copy: {dest: /srv/c, content: x}}
    """,
    "roles/site/handlers/main.yml": "- {name: Tell, command: 'true'}",
}


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def order(files: dict[str, str], jobs: int = 4, *, skipped: bool = False) -> HostOrder:
    """The order of the first host of a project."""
    project = load(files)
    host = project.hosts()[0]
    return host_order(host.name, project.compile(host, FACTS), jobs, skipped=skipped)


def of(report: GraphReport, host: str) -> HostOrder:
    found = report.hosts[host]
    assert isinstance(found, HostOrder), found
    return found


@pytest.mark.parametrize("role", BUILT_IN)
def test_each_built_in_role_can_be_read_as_a_tree(role: str) -> None:
    """Looked at by people; barriers of the compiler are not in it."""
    write({"config.yaml": f"site: [{{hosts: all, roles: [{role}]}}]"})
    project = Project.load(extra_vars=[json.dumps(BUILT_IN[role])])
    host = project.hosts()[0]
    found = host_order(host.name, project.compile(host, FACTS), 4)
    golden.check(f"graph-{role}.txt", found.draw("text") + "\n")


def test_tasks_of_one_name_are_told_apart() -> None:
    """Loops, and two tasks called alike: each node of the drawing has a name of its own."""
    assert order(TWO_ROLES).plan().levels == (
        ("people: Account", "site: Page", "site: Page (2)"),
        ("site: Page (a)",),
        ("site: Tell [handler]",),
    )


def test_a_number_is_never_the_name_of_another_task() -> None:
    """`x (2)` may be written by somebody as it is."""
    tasks = "\n".join(
        f"- {{name: '{name}', command: echo {number}}}" for number, name in enumerate(["x", "x", "x (2)"])
    )
    levels = order({"roles/r/tasks/main.yml": tasks}).plan().levels
    assert levels == (("r: x",), ("r: x (3)",), ("r: x (2)",))


def test_what_was_found_across_roles_is_told_with_its_reason() -> None:
    """Nobody wrote it down, so nobody could know; the rest is told when asked for."""
    found = order(TWO_ROLES)
    [reason] = found.reasons()
    assert (reason.before, reason.after, reason.kind, reason.key) == (
        "people: Account",
        "site: Page (a)",
        "needs",
        "user:deploy",
    )
    assert {reason.kind for reason in found.reasons(every=True)} == {"needs", "handler"}


def test_barriers_are_drawn_where_that_is_clearer_but_have_no_reason_and_are_in_no_plan() -> None:
    """Three tasks before three: one node between them, which is no task and takes no time."""
    copies = "\n".join(f"- {{name: '{n}', copy: {{dest: /opt/ROLE{n}, content: x}}}}" for n in "abc")
    found = order(
        {
            "config.yaml": "site: [{hosts: all, roles: [one, {role: two, requires: [one]}]}]",
            "roles/one/tasks/main.yml": copies.replace("ROLE", "one"),
            "roles/two/tasks/main.yml": copies.replace("ROLE", "two"),
        }
    )
    assert "[end of one]" in found.draw("text").replace("└── ", "").split("\n")
    assert [reason.before for reason in found.reasons(every=True)] == ["[end of one]"] * 3
    assert found.plan().levels == (("one: a", "one: b", "one: c"), ("two: a", "two: b", "two: c"))
    assert len(found.to_json()["edges"]) == 9


def test_the_plan_is_bounded_by_the_jobs_of_the_host(fake_hosts: FakeHosts) -> None:
    """`--jobs` beats the settings; with parallel execution switched off tasks run one by one."""
    write(TWO_ROLES)
    assert of(graph(RunOptions()), "web1").plan().max_workers == 4
    assert of(graph(RunOptions(jobs=2)), "web1").plan().max_workers == 2
    settings = "performance: {parallel_execution: {enabled: false}}\n"
    write({**TWO_ROLES, "config.yaml": settings + TWO_ROLES["config.yaml"]})
    alone = of(graph(RunOptions()), "web1").plan()
    assert alone.max_workers == 1
    assert alone.bound_s == alone.work_s


def test_json_calls_tasks_by_their_ids_throughout() -> None:
    """Nodes, edges and plan speak of the same things, and of what `--json` of a run speaks of."""
    found = order(TWO_ROLES).to_json()
    ids = [node["task_id"] for node in found["nodes"]]
    assert len(set(ids)) == 5
    assert found["nodes"][0] == {
        "task_id": "people/1:Account",
        "role": "people",
        "task": "Account",
        "module": "user",
        "handler": False,
        "typical_s": 0.3,
        "skip": None,
    }
    assert found["edges"][0] == {
        "before": ids[0],
        "after": ids[1],
        "hard": True,
        "kind": "needs",
        "key": "user:deploy",
    }
    assert {name for edge in found["edges"] for name in (edge["before"], edge["after"])} <= set(ids)
    assert sorted(name for level in found["plan"]["levels"] for name in level) == sorted(ids)


def test_what_conditions_skip_is_counted_or_shown() -> None:
    """An apply would not run it; who asks sees why."""
    assert order(TWO_ROLES).left_out == 1
    shown = order(TWO_ROLES, skipped=True)
    assert shown.left_out == 0
    assert "people: Note [skipped]" in shown.draw("text")
    assert [node["skip"] for node in shown.to_json()["nodes"] if node["task"] == "Note"] == ["false"]


def test_every_selected_host_is_connected_to_and_let_go(fake_hosts: FakeHosts) -> None:
    """Read-only: a session is opened for the facts and closed, and nothing is run on it."""
    write(TWO_ROLES)
    report = graph(RunOptions())
    assert (list(report.hosts), sorted(fake_hosts.asked), fake_hosts.open) == (
        ["web1", "web2"],
        ["web1", "web2"],
        [],
    )
    assert list(graph(RunOptions(hosts=("web2",))).hosts) == ["web2"]


def test_the_selection_is_that_of_a_plan(fake_hosts: FakeHosts) -> None:
    """Roles and tasks that were not chosen are not there; a choice that means nothing is an error."""
    write(TWO_ROLES)
    chosen = of(graph(RunOptions(roles=("people",))), "web1")
    assert [spec.name for spec in chosen.whole.specs] == ["Account"]
    chosen = of(graph(RunOptions(only=("copy:Page",))), "web1")
    assert [spec.module for spec in chosen.whole.specs if not spec.handler] == ["copy"] * 3
    with pytest.raises(InputError, match="no task of these hosts is 'copy:Pge'"):
        graph(RunOptions(only=("copy:Pge",)))
    assert fake_hosts.open == []


def test_a_host_that_fails_does_not_hide_the_others(fake_hosts: FakeHosts) -> None:
    """Its error stands in the place of its order."""
    write(TWO_ROLES)
    fake_hosts.errors["web1"] = UnreachableError("web1", "no answer")
    report = graph(RunOptions())
    assert report.hosts["web1"] is fake_hosts.errors["web1"]
    assert of(report, "web2").whole.specs


def test_an_error_that_depends_on_facts_is_that_hosts_alone(fake_hosts: FakeHosts) -> None:
    write(
        {
            **TWO_ROLES,
            "roles/people/tasks/main.yml": "- {command: 'echo {{ {\"web2\": 1}[ansible_hostname] }}'}",
        }
    )
    report = graph(RunOptions(roles=("people",)))
    assert isinstance(report.hosts["web1"], InputError)
    assert of(report, "web2").whole.specs


def test_one_drawing_for_several_hosts_is_refused_before_any_connection(fake_hosts: FakeHosts) -> None:
    """Two drawings in one stream are no drawing."""
    write(TWO_ROLES)
    with pytest.raises(InputError, match="web1, web2"):
        graph(RunOptions(), one_host=True)
    assert fake_hosts.asked == []
    assert list(graph(RunOptions(hosts=("web1",)), one_host=True).hosts) == ["web1"]


def test_a_host_without_python_has_an_order_where_no_facts_are_needed(fake_hosts: FakeHosts) -> None:
    """An apply would install python3 first; where facts decide, what is missing is said."""
    write(TWO_ROLES)
    fake_hosts.errors["web1"] = PythonMissingError("web1", "python3 is not installed on the host")
    assert len(of(graph(RunOptions()), "web1").whole.specs) == 5
    write({**TWO_ROLES, "roles/people/tasks/main.yml": "- command: echo {{ ansible_distribution }}"})
    report = graph(RunOptions(roles=("people",)))
    assert report.hosts["web1"] is fake_hosts.errors["web1"]
    assert of(report, "web2").whole.specs


def test_secrets_are_masked_wherever_they_stand() -> None:
    """In names, ids and keys: all of them go to a terminal, a pipe or a picture."""
    project = load(
        {
            "roles/r/tasks/main.yml": """
                - {name: the s3cret-word, file: {path: /opt/s3cret-word, state: directory}}
                - {name: the s3cret-word, copy: {dest: /opt/s3cret-word/x, content: x}}
            """
        }
    )
    host = project.hosts()[0]
    found = host_order(
        host.name, project.compile(host, FACTS), 4, mask=lambda text: text.replace("s3cret-word", "********")
    )
    shown = [found.draw(form) for form in ("text", "mermaid", "dot")]
    shown += [found.plan().text(), str(found.to_json()), str(found.reasons(every=True))]
    assert "s3cret" not in "".join(shown)
    assert found.to_json()["edges"][0]["key"] == "path:/opt/********"


def test_an_error_is_masked_too(fake_hosts: FakeHosts) -> None:
    """What a host or a library says may quote the password that it was given."""
    inventory = "all: {hosts: {web1: {ansible_user: root, ansible_password: s3cret-word}}}"
    write({**TWO_ROLES, "inventory/hosts.yml": inventory})
    fake_hosts.errors["web1"] = UnreachableError("web1", "refused: s3cret-word", hint="not s3cret-word")
    error = graph(RunOptions()).hosts["web1"]
    assert isinstance(error, UnreachableError)
    assert (error.message, error.hint) == ("refused: ********", "not ********")


def test_a_name_cannot_speak_to_the_terminal() -> None:
    """Names come from files that others may have written."""
    tasks = r'- {name: "a\e[2Jb", command: "true"}'
    found = order({"roles/r/tasks/main.yml": tasks})
    assert found.draw("text") == "r: a␛[2Jb"
    assert found.plan().levels == (("r: a␛[2Jb",),)
