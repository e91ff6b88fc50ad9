"""Handlers of roles through the command line: once, in spite of failures, and never forgotten."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

UNIT = "[Service]\nExecStartPre=/bin/sh -c 'echo started >>/var/log/{0}.starts'\nExecStart=/bin/sleep 86400\n"
COUNT = {"name": "count", "shell": "echo ran >>/opt/count"}


@pytest.fixture(scope="module")
def host(lab: Lab) -> LabHost:
    """One host with two services that write down each of their starts."""
    host = hosts_of(lab, ["alpha"])[0]
    for name in ("one", "two"):
        unit = UNIT.format(name).replace("'", "'\\''")
        Remote(lab, host).sh(f"printf '%s' '{unit}' > /etc/systemd/system/{name}.service")
    Remote(lab, host).sh("systemctl daemon-reload && systemctl start one two")
    return host


@pytest.fixture
def seen(lab: Lab, host: LabHost) -> Remote:
    """The host, with nothing counted."""
    seen = Remote(lab, host)
    seen.sh("rm -rf /opt/* /run/slow; rm -f /var/log/*.starts")
    return seen


@pytest.fixture
def folder(tmp_path: Path, host: LabHost) -> Folder:
    """An empty project."""
    return Folder(tmp_path, [host])


def file(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "copy": {"dest": f"/opt/{name}", "content": "{{ text | default('x') }}"}, **more}


def restart(name: str) -> dict[str, object]:
    return {"name": f"restart {name}", "systemd_service": {"name": name, "state": "restarted"}}


def test_once_for_many_notifications_and_not_without(folder: Folder, seen: Remote) -> None:
    """Three changes, by name and by topic: one run at the end; the next apply runs none; plans list them."""
    handlers = [{**COUNT, "listen": "topic"}]
    tasks = [file("a", notify="count"), file("b", notify=["topic", "count"]), file("c", notify="topic")]
    folder.role("app", tasks, handlers=handlers)
    folder.site("app")
    planned = folder.run("plan", "--json")
    assert planned.statuses() == {"a": "changed", "b": "changed", "c": "changed", "count": "changed"}
    applied = folder.run("apply", "--yes", "--json")
    assert applied.statuses() == planned.statuses()
    assert applied.of("task_finished")[-1]["task"] == "count"
    assert seen.sh("cat /opt/count") == "ran\n"
    again = folder.run("apply", "--yes", "--json")
    assert again.statuses() == {"a": "ok", "b": "ok", "c": "ok"}
    assert seen.sh("cat /opt/count") == "ran\n"


def test_it_runs_although_another_task_failed(folder: Folder, seen: Remote) -> None:
    """An unrelated failure, in the same role and in another: exit 3, and the handler has run."""
    folder.role("app", [file("a", notify="count"), {"name": "bad", "command": "false"}], handlers=[COUNT])
    folder.role("other", [{"name": "worse", "command": "false"}])
    folder.site("app", "other")
    ended = folder.run("apply", "--yes", "--json", code=3)
    assert ended.statuses() == {"a": "changed", "bad": "failed", "worse": "failed", "count": "changed"}
    assert seen.sh("cat /opt/count") == "ran\n"


def test_a_handler_that_failed_is_tried_again(folder: Folder, seen: Remote) -> None:
    """It is still owed in the next run, which changes nothing else."""
    folder.role(
        "app", [file("a", notify="count")], handlers=[{"name": "count", "command": "test -e /opt/ok"}]
    )
    folder.site("app")
    assert folder.run("apply", "--yes", "--json", code=3).statuses() == {"a": "changed", "count": "failed"}
    planned = folder.run("plan", "--json")
    assert planned.statuses() == {"a": "ok", "count": "changed"}
    seen.sh("touch /opt/ok")
    assert folder.run("apply", "--yes", "--json").statuses() == {"a": "ok", "count": "changed"}
    assert folder.run("apply", "--yes", "--json").statuses() == {"a": "ok"}


def test_a_killed_run_owes_its_handler(folder: Folder, seen: Remote) -> None:
    """SIGKILL of the program between the change and the handler: the next apply runs it, once.

    That the role was edited meanwhile is usual: somebody looked for what went wrong.
    """
    slow = {"name": "slow", "shell": "touch /run/slow; sleep 600", "requires": ["a"]}
    folder.role("app", [file("a", notify="count"), slow], handlers=[COUNT])
    folder.site("app")
    running = folder.start("apply", "--yes")
    wait_until(lambda: running.over or seen.exists("/run/slow"), "the slow task begins")
    running.signal(signal.SIGKILL)
    wait_until(lambda: seen.agents() == "", "no agent is left", 10)
    assert not seen.exists("/opt/count")
    other = {"name": "another", "command": "touch /opt/another"}
    folder.role("app", [other, file("a", notify="count")], handlers=[other, COUNT])
    ended = folder.run("apply", "--yes", "--json")
    assert {**ended.statuses(), "another": ""} == {"another": "", "a": "ok", "count": "changed"}
    folder.role("app", [file("a", notify="count")], handlers=[COUNT])
    assert folder.run("apply", "--yes", "--json").statuses() == {"a": "ok"}
    assert seen.sh("cat /opt/count") == "ran\n"


def test_a_restart_is_not_repeated(folder: Folder, seen: Remote) -> None:
    """Asked for by two roles, beside a reload, and after a start: each service starts exactly once."""
    seen.sh("systemctl stop two")
    folder.role("web", [file("a", notify="restart one")], handlers=[restart("one")])
    folder.role("app", [file("b", notify="restart one")])
    folder.role(
        "late",
        [
            file("c", notify="restart two"),
            {"name": "two runs", "systemd_service": {"name": "two", "state": "started"}},
        ],
        handlers=[restart("two")],
    )
    folder.site("web", "app", "late")
    ended = folder.run("apply", "--yes", "--json")
    assert ended.task("restart one")["status"] == "changed"
    assert ended.task("restart two")["status"] == "ok"
    assert ended.task("restart two")["warnings"] == ["not needed: the unit was started after the last change"]
    assert seen.sh("cat /var/log/one.starts") == "started\n"
    assert seen.sh("cat /var/log/two.starts") == "started\n"
