"""any_errors_fatal on real hosts: the failure of one starts nothing more on the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

WAIT = "until test -e /run/go; do sleep 0.1; done"
TASKS = f"""
- name: fatal
  shell: "{WAIT}; exit 1"
  any_errors_fatal: true
  when: inventory_hostname == bad
- {{name: under way, shell: "touch /run/begun; {WAIT}", when: inventory_hostname != bad}}
- {{name: later, copy: {{dest: /opt/later, content: x}}}}
"""
PLAYBOOK = """
- {hosts: all, become: true, roles: [r]}
- {hosts: all, become: true, tasks: [{name: next play, copy: {dest: /opt/next, content: x}}]}
"""


@pytest.mark.parametrize("playbook", [False, True])
def test_one_fatal_failure_stops_both_hosts(playbook: bool, lab: Lab, tmp_path: Path) -> None:
    """What runs is finished, nothing more begins, also no later play; the notice says what has failed."""
    good, bad = hosts_of(lab, ["alpha", "beta"])
    for host in (good, bad):
        Remote(lab, host).sh("rm -rf /run/go /run/begun /opt/*")
    folder = Folder(tmp_path, [good, bad])
    folder.role("r", TASKS)
    folder.site("r")
    folder.write("site.yml", PLAYBOOK)
    words = ("--playbook", "site.yml") if playbook else ()
    running = folder.start("apply", *words, "--yes", "--json", "-e", f"bad={bad.name}")
    wait_until(lambda: running.over or Remote(lab, good).exists("/run/begun"), "the other host is at work")
    Remote(lab, bad).sh("touch /run/go")
    wait_until(lambda: running.over or "nothing more begins" in running.so_far(), "the alarm")
    wait_until(lambda: running.over or running.so_far().count("nothing more begins") == 2, "the alarm")
    Remote(lab, good).sh("touch /run/go")
    ended = running.end()
    assert ended.code == 3
    assert ended.task("under way", good.name)["status"] == "changed"
    assert ended.task("later", good.name)["status"] == "cancelled"
    assert ended.task("later", bad.name)["status"] in ("cancelled", "skipped")
    assert not any(Remote(lab, host).exists("/opt/later") for host in (good, bad))
    assert not any(Remote(lab, host).exists("/opt/next") for host in (good, bad))
    notices = {event["host"]: event["message"] for event in ended.of("host_notice", level="warning")}
    text = f"nothing more begins: 'r: fatal' has failed on {bad.name} (any_errors_fatal)"
    assert notices == {good.name: text, bad.name: text}
    assert ended.counts[good.name]["failed"] == 0
