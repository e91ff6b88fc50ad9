"""Tasks that concern several hosts: handed to another one, done once for all, done by few at a time."""

from __future__ import annotations

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Folder, Remote, hosts_of

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Remote, Remote]:
    hosts = hosts_of(lab, ["together1", "together2"])
    folder = Folder(tmp_path_factory.mktemp("together"), hosts)
    folder.site("r")
    one, two = (Remote(lab, host) for host in hosts)
    return folder, one, two


def test_a_task_is_done_by_the_host_that_it_is_handed_to(site: tuple[Folder, Remote, Remote]) -> None:
    """Another host of the run, which is locked by it, or this machine; the result is registered as ever."""
    folder, one, two = site
    for host in (one, two):
        host.sh("rm -f /root/from-*")
    folder.role(
        "r",
        [
            {
                "name": "Hand over",
                "copy": {
                    "content": "{{ inventory_hostname }}\n",
                    "dest": "/root/from-{{ inventory_hostname }}",
                },
                "delegate_to": "together2",
                "register": "handed",
            },
            {"name": "Here", "command": "echo here", "delegate_to": "localhost", "register": "here"},
            {"name": "Say", "debug": {"msg": "{{ handed.changed }} {{ here.stdout }}"}},
            {"name": "Fails there", "command": "false", "delegate_to": "together1", "ignore_errors": True},
        ],
    )
    planned = folder.run("plan", "--json")
    assert planned.task("Hand over", "together1")["status"] == "changed"
    ended = folder.run("apply", "--yes", "--json")
    for name in ("together1", "together2"):
        assert ended.task("Say", name)["says"] == "True here"
        assert "status 1" in ended.task("Fails there", name)["message"]
    assert two.sh("cat /root/from-together1 /root/from-together2").split() == ["together1", "together2"]
    assert not one.exists("/root/from-together1")
    again = folder.run("apply", "--yes", "--json")
    assert again.task("Hand over", "together1")["status"] == "ok"


def test_a_task_is_done_once_and_all_hosts_know_its_result(site: tuple[Folder, Remote, Remote]) -> None:
    """The first host does it; the others wait for it and go on with what it has found out."""
    folder, one, two = site
    for host in (one, two):
        host.sh("rm -f /root/token")
    folder.role(
        "r",
        [
            {"name": "Once", "shell": "hostname | tee /root/token", "run_once": True, "register": "token"},
            {"name": "Each", "debug": {"msg": "{{ token.stdout }}"}},
        ],
    )
    ended = folder.run("apply", "--yes", "--json")
    assert ended.task("Once", "together1")["status"] == "changed"
    assert ended.task("Once", "together2")["status"] == "skipped"
    assert ended.task("Each", "together2")["says"] == "together1"
    assert not two.exists("/root/token")


def test_few_hosts_at_a_time_do_a_throttled_task(site: tuple[Folder, Remote, Remote]) -> None:
    """With `throttle: 1` the hosts' times of it do not overlap; sandbox hosts have one clock."""
    folder, _, _ = site
    times = "date +%s%N; sleep 0.2; date +%s%N"
    folder.role("r", [{"name": "Slow", "shell": times, "throttle": 1}])
    ended = folder.run("apply", "--yes", "--json")
    slow = ended.of("task_finished", task="Slow")
    (_, end), (begin, _) = sorted([int(line) for line in event["outputs"]["stdout_lines"]] for event in slow)
    assert end < begin
