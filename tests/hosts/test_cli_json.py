"""`--json` as another program reads it: one object a line, framed, and counts that the events add up to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from configurator.core.status import Outcome, SkipReason
from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Ended, Folder, hosts_of

pytestmark = pytest.mark.host

TASKS = """
- {name: changes, copy: {dest: '/opt/{{ name }}', content: "a\\nb\\n"}, notify: told}
- {name: fails, command: sh -c 'echo first; echo last >&2; exit 7'}
- {name: is skipped, copy: {dest: /opt/skipped, content: x}, requires: [fails]}
- {name: does not apply, copy: {dest: /opt/not, content: x}, when: false, requires: [changes]}
- {name: is ignored, command: 'false', ignore_errors: true, requires: [changes]}
- {name: takes too long, command: sleep 600, timeout: 1, requires: [changes]}
"""
HANDLERS = "- {name: told, command: 'true'}\n- {name: not told, command: 'true'}\n"
FIELDS = {"host", "role", "task", "module", "status", "reason", "duration_s", "changes"}
COUNTED = {"timeout": "failed", "cancelled": "skipped"}


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """Two hosts."""
    return hosts_of(lab, ["alpha", "beta"])


def project(path: Path, pair: list[LabHost], tasks: str = TASKS) -> Folder:
    folder = Folder(path, pair)
    folder.role("app", tasks, handlers=HANDLERS)
    folder.site("app")
    folder.write("inventory/group_vars/all.yml", f"name: {path.name}\n")
    return folder


def adds_up(ended: Ended) -> None:
    """The last line counts what the events tell, host by host, and each task has its documented fields."""
    assert ended.events[1]["type"] == "run_started"
    for host, counts in ended.counts.items():
        tasks = ended.of("task_finished", host=host)
        found = Counter(
            "ok" if task["ignored"] else COUNTED.get(task["status"], task["status"]) for task in tasks
        )
        assert {key: counts[key] for key in ("ok", "changed", "failed", "skipped")} == {
            key: found[key] for key in ("ok", "changed", "failed", "skipped")
        }
        assert counts["unreachable"] == 0
        assert counts["duration_s"] > 0
        assert ended.of("host_finished", host=host)[0]["summary"] == counts
    started = {(event["host"], event["task_id"]) for event in ended.of("task_started")}
    for task in ended.of("task_finished"):
        assert task.keys() >= FIELDS
        assert task["status"] in set(Outcome)
        assert (task["reason"] in set(SkipReason)) == (task["status"] == "skipped")
        assert task["duration_s"] >= 0
        if task["status"] != "cancelled":  # what was waiting is cancelled, too
            assert ((task["host"], task["task_id"]) in started) == (task["status"] != "skipped")
        for change in task["changes"]:
            assert change.keys() >= {"subject", "field", "before", "after", "certainty"}


def test_an_apply_adds_up(tmp_path: Path, pair: list[LabHost]) -> None:
    """Every way to end in one run of two hosts: exit 3 in the last line as in the process."""
    ended = project(tmp_path, pair).run("apply", "--yes", "--json", code=3)
    adds_up(ended)
    assert ended.stderr == ""
    for host in ("alpha", "beta"):
        assert ended.statuses(host) == {
            "changes": "changed",
            "fails": "failed",
            "is skipped": "skipped",
            "does not apply": "skipped",
            "is ignored": "failed",
            "takes too long": "timeout",
            "told": "changed",
        }
        failed = ended.task("fails", host)
        assert (failed["exit_status"], failed["command"][0]) == (7, "sh")
        assert "first" in failed["output"] and "last" in failed["output"]
        assert failed["position"].startswith("roles/app/tasks/main.yml:3:")
        skipped = ended.task("is skipped", host)
        assert (skipped["reason"], skipped["cause"]) == ("requirement_failed", "app: fails")
        assert ended.task("does not apply", host)["reason"] == "condition_false"
    assert Path(ended.events[-1]["log_path"]).read_text() == ended.log


def test_a_plan_counts_predictions(tmp_path: Path, pair: list[LabHost]) -> None:
    """What it counts as changed is what the apply then changes; --detailed-exitcode says 2 in both places."""
    tasks = "- {name: one, copy: {dest: '/opt/{{ name }}', content: x}}\n- {name: two, file: {path: /opt}}\n"
    folder = project(tmp_path, pair, tasks)
    planned = folder.run("plan", "--json")
    adds_up(planned)
    pending = folder.run("plan", "--json", "--detailed-exitcode", code=2)
    assert pending.counts["alpha"]["changed"] == 1
    applied = folder.run("apply", "--yes", "--json")
    adds_up(applied)
    for host in ("alpha", "beta"):
        assert planned.counts[host]["changed"] == applied.counts[host]["changed"] == 1
        assert planned.task("one", host)["changes"] == applied.task("one", host)["changes"]
    assert folder.run("plan", "--json", "--detailed-exitcode").counts["alpha"]["changed"] == 0


def test_a_critical_failure_stops_what_runs(tmp_path: Path, pair: list[LabHost]) -> None:
    """What runs is cancelled, and so is what waits, each with the task to blame."""
    folder = Folder(tmp_path, pair)
    long = "touch /run/long; sleep 600"
    bad = "until test -e /run/long; do sleep 0.1; done; false"
    folder.role("one", [{"name": "long", "shell": long, "effects": {"writes": ["path:/run/long"]}}])
    folder.role("two", [{"name": "bad", "shell": bad, "critical": True}])
    folder.role("app", [{"name": "waits", "command": "true", "requires": ["one"]}])
    folder.site("app", "one", "two")
    ended = folder.run("apply", "--yes", "--json", "--host", "alpha", code=3)
    adds_up(ended)
    assert ended.statuses() == {"bad": "failed", "long": "cancelled", "waits": "cancelled"}
    assert {ended.task(name)["cause"] for name in ("long", "waits")} == {"two: bad"}
    assert ended.counts["alpha"]["failed"] == 1


def test_check_hosts_and_facts_are_framed(tmp_path: Path, pair: list[LabHost]) -> None:
    """The other commands: version first, `finished` last."""
    folder = project(tmp_path, pair)
    for command, kind, count in (("check", "check", 1), ("hosts", "host", 2), ("facts", "facts", 2)):
        events = folder.run(command, "--json").events
        assert events[0] == {"type": "version", "format": 1}
        assert [event["type"] for event in events[1:]] == [kind] * count + ["finished"]
        assert events[-1]["exit_code"] == 0
