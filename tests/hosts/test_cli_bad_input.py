"""Mistakes that need no host to be seen: exit 1, each at its place, all at once, and no host is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, hosts_of
from tests.hosts.on_host import files

pytestmark = pytest.mark.host

GOOD = "- copy: {dest: /opt/good, content: x}\n"


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """Two hosts that none of these runs may touch."""
    return hosts_of(lab, ["alpha", "beta"])


@pytest.fixture
def folder(tmp_path: Path, pair: list[LabHost]) -> Iterator[Folder]:
    """A sound project; after the test the hosts are as they were before it."""
    before = [files(host) for host in pair]
    folder = Folder(tmp_path, pair)
    folder.role("good", GOOD)
    folder.role("app", GOOD)
    folder.site("good", "app")
    yield folder
    assert [files(host) for host in pair] == before


TASKS = "roles/app/tasks/main.yml"
MISTAKES: dict[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "unknown module": (
        {TASKS: "- name: x\n  templat: {src: a, dest: /b}\n"},
        (f"{TASKS}:2:3", "unknown module 'templat'", "did you mean 'template'?"),
    ),
    "unknown parameter": (
        {TASKS: "- copy: {dest: /opt/x, contnt: y}\n"},
        (f"{TASKS}:1:24", "unknown parameter 'contnt'", "did you mean 'content'?"),
    ),
    "unknown role": (
        {"config.yaml": "site:\n  - hosts: all\n    roles: [good, ap]\n"},
        ("config.yaml:3:19", "'ap'", "did you mean 'app'?"),
    ),
    "unknown group": (
        {"config.yaml": "site:\n  - hosts: wbe\n    roles: [good]\n"},
        ("config.yaml:2:12", "'wbe'"),
    ),
    "unknown requirement": (
        {TASKS: "- {name: x, command: 'true', requires: [gooood]}\n"},
        (f"{TASKS}:1:41", "'gooood' is neither a task of role 'app' nor a role", "did you mean 'good'?"),
    ),
    "cycle of tasks": (
        {
            TASKS: "- {name: a, command: w, requires: [c]}\n- {name: b, command: w, requires: [a]}\n"
            "- {name: c, command: w, requires: [b]}\n"
        },
        (f"{TASKS}:", "cycle: app: a -> app: c -> app: b -> app: a"),
    ),
    "cycle of roles": (
        {"roles/good/meta/main.yml": "requires: [app]\n", "roles/app/meta/main.yml": "requires: [good]\n"},
        ("meta/main.yml:1:", "cycle: good -> app -> good"),
    ),
    "wrong type": (
        {TASKS: "- file: {path: /opt/x, state: directory, recurse: maybe}\n"},
        (f"{TASKS}:1:42", "'recurse': must be true or false, not 'maybe'"),
    ),
    "duplicate key": (
        {TASKS: "- copy:\n    dest: /opt/x\n    content: a\n    dest: /opt/y\n"},
        (f"{TASKS}:4:5", "duplicate key 'dest'", "line 2"),
    ),
    "bad template in a task": (
        {TASKS: "- copy: {dest: /opt/x, content: 'a {{ b'}\n"},
        (f"{TASKS}:1:33", "bad template"),
    ),
    "bad template file": (
        {
            TASKS: "- template: {src: x.j2, dest: /opt/x}\n",
            "roles/app/templates/x.j2": "first\n{% if a %}\nno end\n",
        },
        ("roles/app/templates/x.j2:", "endif"),
    ),
    "missing file": (
        {TASKS: "- copy: {src: nope.conf, dest: /opt/x}\n"},
        (f"{TASKS}:1:15", "there is no file 'nope.conf'"),
    ),
    "not YAML": (
        {TASKS: "- copy: {dest: /opt/x, content: [}\n"},
        (f"{TASKS}:1:",),
    ),
    "wrong setting": (
        {"config.yaml": "performance:\n  forks: many\nsite:\n  - hosts: all\n    roles: [good]\n"},
        ("config.yaml:2:10", "forks"),
    ),
    "unknown setting": (
        {"config.yaml": "performence: {}\nsite:\n  - hosts: all\n    roles: [good]\n"},
        ("config.yaml:1:1", "performence", "did you mean 'performance'?"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_shown_at_its_place_and_nothing_is_touched(folder: Folder, name: str) -> None:
    """File, line and column, the source line with a caret, a near name; exit 1, also of `check`."""
    texts, expected = MISTAKES[name]
    for path, text in texts.items():
        folder.write(path, text)
    ended = folder.run("apply", "--yes", code=1)
    for word in expected:
        assert word in ended.stderr, ended.stderr
    assert "^" in ended.stderr
    assert ended.stdout == ""
    assert folder.run("check", code=1).stderr == ended.stderr


def test_all_problems_of_all_files_come_at_once(folder: Folder) -> None:
    """A wrong setting hides neither those of the inventory nor those of any role."""
    folder.write(
        "config.yaml",
        "performance: {forks: 0}\nshh: {}\nsite:\n  - hosts: all\n    roles: [good, app, nope]\n",
    )
    folder.write("inventory/group_vars/all.yml", "a: 1\na: 2\n")
    folder.role("good", "- {cpy: x}\n- {file: {path: /x, stat: file}}\n")
    folder.role("app", "- template: {src: t.j2, dest: /x}\n")
    folder.write("roles/app/templates/t.j2", "{% for %}\n")
    ended = folder.run("apply", "--yes", "--json", code=1)
    (error,) = ended.of("error")
    places = [f"{item['path']}:{item['line']}:{item['column']}" for item in error["diagnostics"]]
    assert places == [
        "config.yaml:1:22",
        "config.yaml:2:1",
        "config.yaml:5:24",
        "inventory/group_vars/all.yml:2:1",
        "roles/good/tasks/main.yml:1:4",
        "roles/good/tasks/main.yml:2:21",
        "roles/app/templates/t.j2:1:1",
    ]
    assert ended.counts == {}
    shown = folder.run("plan", code=1).stderr
    assert [line for line in shown.splitlines() if line.strip().startswith("-->")] == [
        f"  --> {place}" for place in places
    ]


COMMAND_LINES = {
    "unknown host": (("--host", "alpa"), "no host or group is named 'alpa'", "did you mean 'alpha'?"),
    "unmatched glob": (("--host", "web*"), "'web*'", ""),
    "unknown role": (("--role", "goood"), "unknown role 'goood'", "did you mean 'good'?"),
    "unknown tag": (("--tags", "nothing"), "'nothing'", ""),
    "unknown module": (("--only", "copi"), "'copi'", "did you mean 'copy'?"),
    "unknown option": (("--hots", "alpha"), "--hots", "did you mean --host?"),
    "wrong number": (("--forks", "0"), "--forks", ""),
    "missing configuration": (("--config", "nope.yaml"), "nope.yaml", ""),
    "missing inventory": (("-i", "nope.yml"), "nope.yml", ""),
    "missing variables": (("-e", "@nope.yml"), "nope.yml", ""),
    "malformed variables": (("-e", "{a: "), "--extra-vars", ""),
}


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_a_mistake_on_the_command_line_touches_nothing(folder: Folder, name: str) -> None:
    """Exit 1 for every one of them, in words on stderr, and framed with --json."""
    words, message, hint = COMMAND_LINES[name]
    shown = folder.run("apply", "--yes", *words, code=1)
    assert message in shown.stderr
    assert hint in shown.stderr
    assert shown.stdout == ""
    framed = folder.run("apply", "--yes", "--json", *words, code=1)
    assert [event["type"] for event in framed.events] == ["version", "error", "run_finished"]
    assert message in str(framed.events[1])


def test_apply_without_a_terminal_wants_yes(folder: Folder) -> None:
    """Nobody can be asked: exit 1, and the command to run instead."""
    ended = folder.run("apply", "--host", "alpha", code=1)
    assert "configurator apply --host alpha --yes" in ended.stderr
    assert folder.run("apply", "--json", code=1).of("error")[0]["error"] == "refused_error"
