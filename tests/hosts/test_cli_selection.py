"""The options that choose hosts, tasks and how many at once do what they say, on real hosts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Ended, Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

TASKS = """
- {name: conf, copy: {dest: /opt/conf, content: '{{ run }}'}, tags: [config]}
- {name: page, copy: {dest: /opt/page, content: '{{ run }}'}, tags: [config, pages]}
- {name: folder, file: {path: '/opt/{{ run }}', state: directory}}
- {name: sure, copy: {dest: /opt/sure, content: '{{ run }}'}, tags: always}
- {name: rare, copy: {dest: /opt/rare, content: '{{ run }}'}, tags: [never, special]}
"""
OTHER = "- {name: other, copy: {dest: /opt/other, content: '{{ run }}'}, tags: [pages]}\n"
MEET = "touch /run/{0}-{1}; until test -e /run/{0}-{2}; do sleep 0.1; done"


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """Two hosts."""
    return hosts_of(lab, ["alpha", "beta"])


@pytest.fixture
def folder(tmp_path: Path, pair: list[LabHost]) -> Folder:
    """Two roles for both hosts, of which one is in the group `web`."""
    folder = Folder(tmp_path, pair)
    file = folder.path / "inventory/hosts.yml"
    inventory = yaml.safe_load(file.read_text())
    inventory["all"]["children"] = {"web": {"hosts": {"beta": {}}}, "db": {"hosts": {"alpha": {}}}}
    file.write_text(yaml.safe_dump(inventory))
    folder.write("inventory/group_vars/all.yml", f"run: {tmp_path.name}\n")
    folder.role("app", TASKS)
    folder.role("other", OTHER)
    folder.site("app", "other")
    return folder


def taken(ended: Ended) -> set[str]:
    """The tasks that ran."""
    return set(ended.statuses())


SELECTIONS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "everything": ((), {"conf", "page", "folder", "sure", "other"}),
    "a tag": (("--tags", "config"), {"conf", "page", "sure"}),
    "two tags": (("--tags", "pages,special"), {"page", "other", "sure", "rare"}),
    "not a tag": (("--skip-tags", "pages"), {"conf", "folder", "sure"}),
    "both": (("--tags", "config", "--skip-tags", "pages"), {"conf", "sure"}),
    "not even always": (("--skip-tags", "always"), {"conf", "page", "folder", "other"}),
    "a role": (("--role", "other"), {"other"}),
    "a role and a tag": (("--role", "app", "--tags", "pages"), {"page", "sure"}),
    "a module": (("--only", "file"), {"folder"}),
    "a task of a module": (("--only", "copy:page"), {"page"}),
    "a thing of a module": (("--only", "copy:/opt/other"), {"other"}),
    "two of them": (("--only", "file", "--only", "copy:conf"), {"folder", "conf"}),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_tasks_that_are_chosen_run_and_no_others(
    lab: Lab, folder: Folder, pair: list[LabHost], name: str
) -> None:
    """In the plan and in the apply alike; what was not chosen has left nothing on the host."""
    words, wanted = SELECTIONS[name]
    seen = Remote(lab, pair[0])
    seen.sh("rm -rf /opt/*")
    assert taken(folder.run("plan", "--json", "--host", "alpha", *words)) == wanted
    assert taken(folder.run("apply", "--yes", "--json", "--host", "alpha", *words)) == wanted
    made = {folder.path.name if item == "folder" else item for item in wanted}
    assert set(seen.sh("ls /opt").split()) == made


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
def test_a_task_that_no_host_has_is_an_error_before_anything_is_touched(
    lab: Lab, folder: Folder, pair: list[LabHost], command: tuple[str, ...]
) -> None:
    """A typo must neither do nothing quietly, nor half of what was asked for."""
    seen = Remote(lab, pair[0])
    seen.sh("rm -rf /opt/*")
    ended = folder.run(*command, "--json", "--only", "copy:conf", "--only", "copy:pge", code=1)
    (error,) = ended.of("error")
    (problem,) = error["diagnostics"]
    assert problem["message"] == "no task of these hosts is 'copy:pge'"
    assert problem["hint"] == "did you mean 'page'?"
    assert not ended.of("task_started")
    assert seen.sh("ls /opt") == ""


def test_a_task_that_some_hosts_have_is_none(folder: Folder) -> None:
    """`--only` over a fleet of unlike hosts."""
    folder.role("app", [{"name": "on {{ inventory_hostname }}", "copy": {"dest": "/opt/x", "content": "x"}}])
    assert taken(folder.run("plan", "--json", "--only", "copy:on beta")) == {"on beta"}


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ((), ["alpha", "beta"]),
        (("--host", "beta"), ["beta"]),
        (("--host", "beta", "--host", "alpha"), ["alpha", "beta"]),
        (("--host", "alp*"), ["alpha"]),
        (("--host", "web"), ["beta"]),
        (("--host", "web,db"), ["alpha", "beta"]),
        (("--host", "all"), ["alpha", "beta"]),
        (("--host", "all", "--host", "!web"), ["alpha"]),
    ],
)
def test_hosts_that_are_chosen(folder: Folder, words: tuple[str, ...], hosts: list[str]) -> None:
    """Names, globs, groups and exclusions, in the order of the inventory."""
    ended = folder.run("plan", "--json", *words)
    assert ended.of("run_started")[0]["hosts"] == hosts
    assert {event["host"] for event in ended.of("task_finished")} == set(hosts)


def test_a_host_that_is_in_no_inventory(folder: Folder, pair: list[LabHost]) -> None:
    """`user@address:port` is a member of all: the site's roles, and its key from ~/.ssh."""
    host = pair[0]
    (folder.home / ".ssh").mkdir()
    (folder.home / ".ssh/known_hosts").write_text(Path(host.known_hosts).read_text())
    (folder.home / ".ssh/config").write_text(
        f"IdentityFile {host.key_path}\nUserKnownHostsFile {folder.home}/.ssh/known_hosts\n"
    )
    name = f"root@{host.address}:22"
    ended = folder.run("plan", "--json", "--host", name)
    assert ended.of("run_started")[0]["hosts"] == [name]
    assert taken(ended) == {"conf", "page", "folder", "sure", "other"}


def test_one_host_at_a_time(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """`--forks 1`: while one host is busy nothing is heard of the other; with 2 it is done meanwhile."""
    busy = Remote(lab, pair[0])
    wait = "touch /run/busy; until test -e /run/go; do sleep 0.1; done"
    folder.role("app", [{"name": "wait", "shell": wait, "when": "inventory_hostname == 'alpha'"}])
    folder.site("app")
    done = '"type":"host_finished","host":"beta"'
    busy.sh("rm -f /run/busy /run/go")
    alone = folder.start("apply", "--yes", "--json", "--forks", "1")
    wait_until(lambda: busy.exists("/run/busy"), "the first host is busy")
    assert '"host":"beta"' not in alone.so_far()
    busy.sh("touch /run/go")
    assert alone.end().code == 0
    busy.sh("rm -f /run/busy /run/go")
    both = folder.start("apply", "--yes", "--json", "--forks", "2")
    wait_until(lambda: busy.exists("/run/busy"), "the first host is busy")
    wait_until(lambda: done in both.so_far(), "the second host is done meanwhile")
    busy.sh("touch /run/go")
    assert both.end().code == 0


def test_one_task_at_a_time(folder: Folder) -> None:
    """Tasks that wait for each other can end only with `--jobs 2`; with 1 no two overlap."""

    def meeting(here: str, there: str) -> list[dict[str, object]]:
        command = MEET.format(folder.path.name, here, there)
        effects = {"writes": [f"path:/run/{here}"]}
        return [{"name": here, "shell": command, "effects": effects, "timeout": 3}]

    folder.role("app", meeting("one", "two"))
    folder.role("other", meeting("two", "one"))
    alone = folder.run("apply", "--yes", "--json", "--host", "alpha", "--jobs", "1", code=3)
    assert alone.statuses() == {"one": "timeout", "two": "changed"}, (
        "the second one finds what the first left"
    )
    first, second = (alone.task(name) for name in ("one", "two"))
    ended = first["started_s"] + first["duration_s"]
    assert ended <= second["started_s"] + 0.0002, "the JSON rounds each to a tenth of a millisecond"
    both = folder.run("apply", "--yes", "--json", "--host", "beta", "--jobs", "2")
    assert both.statuses() == {"one": "changed", "two": "changed"}


def test_after_a_failure_nothing_more_begins(folder: Folder) -> None:
    """`--fail-fast` skips on that host with the reason; without it, and on other hosts, all is done."""
    bad: dict[str, object] = {"name": "bad", "command": "false", "when": "inventory_hostname == 'alpha'"}
    copies = {name: dict[str, object](name=name) for name in "abxy"}
    for name, copy in copies.items():
        copy["copy"] = {"dest": f"/opt/{name}", "content": "{{ run }}"}
    # The longest chain is begun first, so with one task at a time the failure comes before all else.
    chain = [bad, {**copies["a"], "requires": ["bad"]}, {**copies["b"], "requires": ["a"]}]
    folder.role("app", chain)
    folder.role("other", [copies["x"], copies["y"]])
    folder.site("app", "other")
    ended = folder.run("apply", "--yes", "--json", "--jobs", "1", "--fail-fast", code=3)
    assert {name: ended.task(name, "alpha")["reason"] for name in "abxy"} == {
        "a": "requirement_failed",
        "b": "requirement_failed",
        "x": "fail_fast",
        "y": "fail_fast",
    }
    assert set(ended.statuses("beta").items()) >= {("x", "changed"), ("y", "changed")}
    folder.site("app", "other", performance={"parallel_execution": {"fail_fast": True}})
    ended = folder.run("apply", "--yes", "--json", "--jobs", "1", code=3)
    assert ended.task("x", "alpha")["reason"] == "fail_fast"
    ended = folder.run("apply", "--yes", "--json", "--jobs", "1", "--no-fail-fast", code=3)
    assert [ended.task(name, "alpha")["status"] for name in "bxy"] == ["skipped", "changed", "changed"]
