"""Ctrl-C and SIGTERM in the middle of an apply: nothing new begins, and the host is left in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, Running, hosts_of, wait_until

pytestmark = pytest.mark.host

TASKS = """
- name: before
  copy: {dest: /opt/before, content: x}
- name: slow
  shell: touch /run/slow; until test -e /run/go; do sleep 0.1; done; touch /opt/slow
- name: after
  copy: {dest: /opt/after, content: x}
"""
GONE_S = 10.0


@pytest.fixture(scope="module")
def host(lab: Lab) -> LabHost:
    """One host."""
    return hosts_of(lab, ["alpha"])[0]


@pytest.fixture
def seen(lab: Lab, host: LabHost) -> Iterator[Remote]:
    """The host, without what an earlier test left, and without an agent in the end."""
    seen = Remote(lab, host)
    seen.sh("rm -rf /run/slow /run/go /opt/*")
    yield seen
    wait_until(lambda: seen.agents() == "", "no agent is left", GONE_S)
    assert not seen.locked()
    assert not seen.test("pgrep -f 'until test -e /run/g[o]'")


@pytest.fixture
def folder(tmp_path: Path, host: LabHost) -> Folder:
    """A project with a task before, one that takes as long as we like, and one after it."""
    folder = Folder(tmp_path, [host])
    folder.role("app", TASKS)
    folder.site("app")
    return folder


def under_way(folder: Folder, seen: Remote, *words: str) -> Running:
    """Start an apply; return once its slow task runs."""
    running = folder.start("apply", "--yes", *words)
    wait_until(lambda: running.over or seen.exists("/run/slow"), "the slow task begins")
    return running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_the_first_signal_lets_the_task_finish(folder: Folder, seen: Remote, number: signal.Signals) -> None:
    """What runs ends well, nothing follows, the summary tells it, and the exit code is 130."""
    running = under_way(folder, seen, "--json")
    running.signal(number)
    wait_until(lambda: "a second Ctrl-C" in running.so_far(), "the person is told")
    assert not running.over, "the task under way is waited for"
    seen.sh("touch /run/go")
    ended = running.end(30)
    assert ended.code == 130
    assert ended.statuses() == {"before": "changed", "slow": "changed", "after": "cancelled"}
    assert (ended.counts["alpha"]["changed"], ended.counts["alpha"]["skipped"]) == (2, 1)
    assert seen.sh("ls /opt") == "before\nslow\n"
    folder.run("apply", "--yes")
    assert seen.exists("/opt/after")


def test_a_handler_is_owed_after_the_first_signal(folder: Folder, seen: Remote) -> None:
    """What it was notified of has been done, so that the next apply would see no reason to run it."""
    folder.role(
        "app",
        TASKS.replace("content: x}", "content: x}\n  notify: told", 1),
        handlers=[{"name": "told", "command": "touch /opt/told"}],
    )
    running = under_way(folder, seen)
    running.signal(signal.SIGINT)
    wait_until(lambda: "a second Ctrl-C" in running.so_far(), "the person is told")
    seen.sh("touch /run/go")
    assert running.end(30).code == 130
    assert seen.sh("ls /opt") == "before\nslow\n"
    ended = folder.run("apply", "--yes", "--json")
    assert (ended.task("before")["status"], ended.task("told")["status"]) == ("ok", "changed")
    assert seen.exists("/opt/told")


def test_the_summary_is_shown_to_people(folder: Folder, seen: Remote) -> None:
    """Without --json: the table, and what to do next."""
    running = under_way(folder, seen)
    running.signal(signal.SIGINT)
    wait_until(lambda: "a second Ctrl-C" in running.so_far(), "the person is told")
    seen.sh("touch /run/go")
    ended = running.end(30)
    assert ended.code == 130
    assert "Interrupted: 2 changed" in ended.stdout
    assert "The same command goes on from there." in ended.stdout


def test_the_second_signal_stops_at_once(folder: Folder, seen: Remote) -> None:
    """The task under way is stopped on the host, too."""
    running = under_way(folder, seen, "--json")
    running.signal(signal.SIGINT)
    wait_until(lambda: "a second Ctrl-C" in running.so_far(), "the person is told")
    running.signal(signal.SIGINT)
    ended = running.end(10)
    assert ended.code == 130
    wait_until(lambda: seen.agents() == "", "no agent is left", GONE_S)
    seen.sh("touch /run/go")
    assert seen.sh("ls /opt") == "before\n"


def test_before_anything_runs(folder: Folder, seen: Remote) -> None:
    """While files are read or the host is reached, a signal ends the run with nothing done."""
    running = folder.start("apply", "--yes", "--json")
    wait_until(lambda: '"version"' in running.so_far(), "the first line")
    running.signal(signal.SIGINT)
    ended = running.end(30)
    assert ended.code == 130
    assert seen.sh("ls /opt") in ("", "before\n")
    assert not seen.exists("/run/slow") or ended.statuses()["slow"] != "changed"


def test_an_agent_that_dies_is_a_host_out_of_reach(folder: Folder, seen: Remote) -> None:
    """Exit 4: what was under way is named, what was done before is counted."""
    running = under_way(folder, seen, "--json")
    seen.sh("pkill -KILL -f '[p]ython3 -I -S'; touch /run/go")
    ended = running.end(30)
    assert ended.code == 4
    assert ended.statuses() == {"before": "changed"}
    (failure,) = ended.of("host_failed")
    assert failure["message"].endswith("; under way: app: slow")
    assert (ended.counts["alpha"]["changed"], ended.counts["alpha"]["unreachable"]) == (1, 1)
