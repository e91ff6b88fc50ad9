"""`graph` on real hosts: it reads facts, touches nothing, and an apply keeps the order that it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until
from tests.hosts.on_host import files

pytestmark = pytest.mark.host

PEOPLE = """
- {name: Account, user: {name: deploy}}
- {name: Older, copy: {dest: /opt/older, content: x}, when: ansible_distribution_release == 'bullseye'}
"""
SITE = """
- {name: Folder, file: {path: /opt/site, state: directory}}
- {name: Page, copy: {dest: '/opt/site/{{ item }}', content: x, owner: deploy}, loop: [a, b], notify: Tell}
- {name: Look, command: ls /opt/site}
"""
TREE = """\
people: Account
├── site: Page (a)
│   └── site: Look
│       └── site: Tell [handler] (after)
└── site: Page (b)
    └── site: Look (see above)
site: Folder
├── site: Page (a) (see above)
└── site: Page (b) (see above)

Found in what tasks of different roles read and write:
  site: Page (a) waits for people: Account (it needs user deploy)
  site: Page (b) waits for people: Account (it needs user deploy)

1 task not shown: a condition skips it (-v shows all).
"""


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """Two hosts."""
    return hosts_of(lab, ["alpha", "beta"])


@pytest.fixture
def folder(tmp_path: Path, pair: list[LabHost]) -> Folder:
    """Two unordered roles, of which one needs the account that the other one makes."""
    folder = Folder(tmp_path, pair)
    folder.role("people", PEOPLE)
    folder.role("site", SITE, handlers="- {name: Tell, command: ls /opt/site/a}")
    folder.site("people", "site")
    return folder


def test_an_apply_keeps_the_order_that_is_shown(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """The same tasks, and none begins before those have ended that it is said to wait for."""
    before = files(pair[0])
    assert folder.run("graph", "--host", "alpha").stdout == TREE
    shown = folder.run("graph", "--host", "alpha", "--json").events[1]
    assert files(pair[0]) == before
    wait_until(lambda: not Remote(lab, pair[0]).agents(), "the agent has ended")
    applied = folder.run("apply", "--yes", "--json", "--host", "alpha", "--jobs", "4")
    lines = {(e["type"], e["task_id"]): n for n, e in enumerate(applied.events) if "task_id" in e}
    started = {task_id for kind, task_id in lines if kind == "task_started"}
    assert {node["task_id"] for node in shown["nodes"]} == started
    assert len(shown["edges"]) >= 7
    for edge in shown["edges"]:
        ended, begun = lines["task_finished", edge["before"]], lines["task_started", edge["after"]]
        assert ended < begun, edge


def test_several_hosts_and_drawings(folder: Folder) -> None:
    """Facts of each host decide; a program gets one drawing, or none."""
    folder.role("people", PEOPLE.replace("'bullseye'", "ansible_distribution_release"))
    tree = folder.run("graph", "--role", "people").stdout
    assert tree == "alpha:\npeople: Account\npeople: Older\n\nbeta:\npeople: Account\npeople: Older\n"
    drawing = folder.run("graph", "--host", "beta", "--role", "people", "--form", "mermaid").stdout
    assert drawing == 'flowchart TD\n    n0["people#58; Account"]\n    n1["people#58; Older"]\n'
    assert folder.run("graph", "--form", "dot", code=1).stdout == ""
    plan = folder.run("graph", "--host", "beta", "--plan", "--jobs", "2").stdout
    assert plan.startswith("level 1: people: Account, people: Older, site: Folder\nlevel 2: ")
    assert "on 2 workers\n" in plan


def test_a_host_that_is_not_there(folder: Folder, pair: list[LabHost]) -> None:
    """The other one is shown; the exit code says that one was unreachable."""
    folder.inventory(pair, alpha={"ansible_port": 1})
    ended = folder.run("graph", "--role", "people", code=4)
    assert ended.stdout.startswith("beta:\npeople: Account\n")
    assert "alpha" in ended.stderr
