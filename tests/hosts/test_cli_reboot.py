"""`reboot` at the command line: the host comes back, and the run goes on where it was."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

NOTE = "date +%s%N >> /srv/{0}; echo {0} >> /srv/order"  # shell: it changes something each time


def note(name: str) -> dict[str, str]:
    return {"name": name, "shell": NOTE.format(name)}


@pytest.fixture(scope="module")
def remote(lab: Lab) -> Remote:
    return Remote(lab, hosts_of(lab, ["reboot1"])[0])


@pytest.fixture
def folder(tmp_path: Path, remote: Remote) -> Folder:
    remote.sh("rm -rf /srv; mkdir /srv")
    folder = Folder(tmp_path, [remote.host])
    folder.site("r")
    return folder


def later(seconds: str, command: str) -> str:
    """Return a command that has the host do something on its own, after a while."""
    return f"systemd-run --quiet --on-active={seconds} --timer-property=AccuracySec=100ms {command}"


def boot_id(remote: Remote) -> str:
    return remote.sh("cat /proc/sys/kernel/random/boot_id")


def test_the_run_goes_on_after_the_restart(folder: Folder, remote: Remote) -> None:
    """What has ended is not done again, what is left is done, once; handlers of before still run.

    A plan restarts nothing, says so, and is not sure of what follows; the other role is not disturbed.
    """
    folder.role(
        "r",
        [
            {"name": "file", "copy": {"dest": "/srv/file", "content": "x"}, "notify": "told"},
            {"name": "fails", "command": "false", "ignore_errors": True},
            {"name": "skipped", "command": "true", "when": False},
            note("before"),
            {
                "name": "Restart",
                "reboot": {"msg": "back soon", "test_command": "test -e /run/systemd/system"},
            },
            note("after"),
            {"name": "there", "wait_for_connection": {}},
            {"name": "second", "copy": {"dest": "/srv/second", "content": "x"}},
        ],
        handlers=[note("told")],
    )
    folder.role("other", [{"name": "broken", "command": "false"}, note("below broken")])
    folder.site("r", "other")
    before = boot_id(remote)
    planned = folder.run("plan", "--json", code=None)
    assert boot_id(remote) == before
    assert planned.task("Restart")["changes"] == [
        {"subject": "host:", "field": "rebooted", "before": None, "after": True, "certainty": "assumed"}
        | {"because": planned.task("Restart")["changes"][0]["because"]}
    ]
    assert planned.task("after")["changes"][0]["because"].startswith("'Restart' runs before")
    done = folder.run("apply", "--yes", "--json", code=3)
    assert boot_id(remote) != before
    assert done.statuses() == {
        "file": "changed",
        "fails": "failed",
        "skipped": "skipped",
        "before": "changed",
        "Restart": "changed",
        "after": "changed",
        "there": "ok",
        "second": "changed",
        "told": "changed",
        "broken": "failed",
        "below broken": "skipped",
    }
    assert len(done.of("task_finished")) == len(done.statuses())
    assert len(done.of("task_started", task="Restart")) == 1
    restart = done.task("Restart")
    assert restart["outputs"]["rebooted"] is True
    assert restart["started_s"] >= done.task("before")["started_s"]
    assert abs(restart["at_s"] - restart["started_s"] - restart["duration_s"]) < 0.01
    assert done.task("after")["started_s"] >= restart["at_s"] - 0.01
    assert remote.sh("cat /srv/order").split() == ["before", "after", "told"]
    assert done.counts[remote.name]["changed"] == 6
    assert not remote.exists("/var/lib/configurator/notifications.json")


def test_a_handler_may_restart_the_host_and_no_other_handler_is_lost(folder: Folder, remote: Remote) -> None:
    """The usual form: a change asks for a restart. The second apply restarts nothing."""
    folder.role(
        "r",
        [
            {
                "name": "kernel",
                "copy": {"dest": "/srv/kernel", "content": "x"},
                "notify": ["one", "boot", "two"],
            },
        ],
        handlers=[note("one"), {"name": "boot", "reboot": {"post_reboot_delay": 0}}, note("two")],
    )
    before = boot_id(remote)
    done = folder.run("apply", "--yes", "--json")
    assert done.statuses() == {"kernel": "changed", "one": "changed", "boot": "changed", "two": "changed"}
    assert remote.sh("cat /srv/order").split() == ["one", "two"]
    after = boot_id(remote)
    assert after != before
    assert folder.run("apply", "--yes", "--json").statuses() == {"kernel": "ok"}
    assert boot_id(remote) == after


def test_a_restart_that_does_not_happen_is_a_failure_of_its_task(folder: Folder, remote: Remote) -> None:
    """A command that fails, one that does nothing, one that is missing: the rest of the run goes on."""
    folder.role(
        "a",
        [{"name": "fails", "reboot": {"reboot_command": "echo no >&2; exit 3"}}, note("below")],
    )
    folder.role("b", [{"name": "idle", "reboot": {"reboot_command": "true", "reboot_timeout": 1}}])
    folder.role("c", [{"name": "missing", "reboot": {"search_paths": ["/nowhere"]}}])
    folder.role("d", [{"name": "goes on", "command": "true"}])
    folder.site("a", "b", "c", "d")
    before = boot_id(remote)
    done = folder.run("apply", "--yes", "--json", code=3)
    assert boot_id(remote) == before
    assert done.statuses() == {
        "fails": "failed",
        "below": "skipped",
        "idle": "failed",
        "missing": "failed",
        "goes on": "changed",
    }
    assert done.task("fails")["exit_status"] == 3
    assert done.task("fails")["output"] == "no"
    assert "still up 1 s after it was told to restart" in done.task("idle")["message"]
    assert "no program 'shutdown' in /nowhere" in done.task("missing")["message"]


def test_a_host_that_is_back_without_a_restart_says_so(folder: Folder, remote: Remote) -> None:
    """Only the connection was lost: the task fails on the host, and what is not below it goes on."""
    lost = "setsid sh -c 'sleep 0.3; pkill -KILL -of \"python3 -I -S\"' >/dev/null 2>&1 &"
    folder.role(
        "r", [{"name": "lost", "reboot": {"reboot_command": lost, "reboot_timeout": 4}}, note("below")]
    )
    folder.role("other", [{"name": "wait", "requires": "r", "command": "true"}, note("later")])
    before = boot_id(remote)
    done = folder.run("apply", "--yes", "--json", code=3)
    assert boot_id(remote) == before
    assert done.statuses() == {"lost": "failed", "below": "skipped"}
    assert "has not restarted within 4 s" in done.task("lost")["message"]


def test_a_host_that_does_not_come_back_is_unreachable(folder: Folder, remote: Remote) -> None:
    """Within the task's own time; what was under way is named."""
    gone = "systemctl stop ssh.socket ssh; setsid sh -c 'sleep 0.3; pkill -f sshd:' >/dev/null 2>&1 &"
    back = later("12s", "systemctl start ssh")
    folder.role("r", [{"name": "away", "reboot": {"reboot_command": f"{back}; {gone}", "reboot_timeout": 3}}])
    done = folder.run("apply", "--yes", "--json", code=4)
    (failed,) = done.of("host_failed")
    assert failed["status"] == "unreachable"
    assert "did not come back within 3 s after its restart" in failed["message"]
    assert "under way: r: away" in failed["message"]
    wait_until(lambda: remote.test("true"), "sshd is back")


def test_ctrl_c_twice_ends_the_wait(folder: Folder, remote: Remote) -> None:
    """The first one lets the host come back; the second does not wait for it."""
    away = f"{later('8s', 'systemctl start ssh')}; systemctl stop ssh; pkill -f sshd:"
    folder.role(
        "r", [{"name": "away", "reboot": {"reboot_command": f"setsid sh -c '{away}' &"}}, note("below")]
    )
    running = folder.start("apply", "--yes", "-v")
    wait_until(lambda: "the host restarts" in running.so_far(), "the restart is noticed")
    running.signal(signal.SIGINT)
    wait_until(lambda: "interrupted: what runs is finished" in running.so_far(), "the first is noticed")
    running.signal(signal.SIGINT)
    assert running.end().code == 130
    wait_until(lambda: remote.test("true"), "sshd is back")
    assert not remote.exists("/srv/below")
