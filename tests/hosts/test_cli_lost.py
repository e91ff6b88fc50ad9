"""A host that is lost, or not there: `ignore_unreachable` and `wait_for_connection` at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

CUT = "pkill -KILL -f '^sshd: root'; sleep 60"


@pytest.fixture(scope="module")
def remote(lab: Lab) -> Remote:
    return Remote(lab, hosts_of(lab, ["lost1"])[0])


@pytest.fixture
def folder(tmp_path: Path, remote: Remote) -> Folder:
    remote.sh("rm -rf /srv; mkdir /srv")
    folder = Folder(tmp_path, [remote.host])
    folder.site("r")
    return folder


def away_for(remote: Remote, seconds: float) -> None:
    """Have nobody answer at the host for a while."""
    remote.sh(
        f"systemd-run --quiet --on-active={seconds} --timer-property=AccuracySec=100ms systemctl start ssh;"
        " systemctl stop ssh.socket ssh"
    )


def test_a_task_that_loses_the_host_is_let_go_and_the_next_goes_on(folder: Folder, remote: Remote) -> None:
    """What has ended is not done again, its handlers run, and the result says what has happened."""
    folder.role(
        "r",
        [
            {"name": "before", "shell": "echo before >> /srv/order", "notify": "told"},
            {"name": "cut", "shell": CUT, "ignore_unreachable": True, "register": "found"},
            {"name": "there", "wait_for_connection": {"timeout": 20}},
            {"name": "after", "shell": "echo after >> /srv/order"},
            {"name": "said", "debug": {"msg": "{{ found is unreachable }} {{ found.changed }}"}},
        ],
        handlers=[{"name": "told", "shell": "echo told >> /srv/order"}],
    )
    done = folder.run("apply", "--yes", "--json")
    assert done.code == 0, done.text
    assert done.task("cut")["status"] == "failed"
    assert done.task("cut")["ignored"] is True
    assert done.task("cut")["message"].startswith("unreachable: ")
    assert done.task("said")["says"] == "True False"
    assert remote.sh("cat /srv/order") == "before\nafter\ntold\n"


def test_without_the_word_a_lost_host_is_unreachable(folder: Folder, remote: Remote) -> None:
    """Nobody can tell what came of the task."""
    folder.role("r", [{"name": "cut", "shell": CUT}, {"name": "after", "shell": "touch /srv/after"}])
    done = folder.run("apply", "--yes", "--json", code=4)
    (failed,) = done.of("host_failed")
    assert "under way: r: cut" in failed["message"]
    assert not remote.exists("/srv/after")


def test_a_host_that_is_not_there_is_let_go_where_all_its_tasks_do_not_mind(
    folder: Folder, remote: Remote
) -> None:
    """In a plan and an apply; one task that minds makes it unreachable."""
    careless = [
        {"name": name, "command": f"touch /srv/{name}"} | {"ignore_unreachable": True} for name in "ab"
    ]
    away_for(remote, 20)
    try:
        folder.role("r", careless)
        for words in (("plan", "--json"), ("apply", "--yes", "--json")):
            done = folder.run(*words)
            assert done.code == 0, done.text
            assert done.statuses() == {"a": "failed", "b": "failed"}
            assert done.task("a")["ignored"] is True
        folder.role("r", [*careless, {"name": "c", "command": "true"}])
        assert folder.run("apply", "--yes", code=4).code == 4
    finally:
        wait_until(lambda: remote.test("true"), "sshd is back")


def test_a_host_that_is_not_there_yet_is_waited_for(folder: Folder, remote: Remote) -> None:
    """By an apply whose first task is there for that."""
    folder.role(
        "r",
        [
            {"name": "there", "wait_for_connection": {"timeout": 30}},
            {"name": "after", "command": "touch /srv/after"},
        ],
    )
    away_for(remote, 3)
    done = folder.run("apply", "--yes", "--json")
    assert done.code == 0, done.text
    assert done.statuses() == {"there": "ok", "after": "changed"}
    assert any("waiting until it is there" in notice["message"] for notice in done.of("host_notice"))
