"""Every module at once, in roles that overlap: the plan writes nothing and is what the apply then does."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Ended, Event, Folder, Remote, hosts_of
from tests.hosts.on_host import files

pytestmark = pytest.mark.host

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHaTd8PGYvfe9w68oKM5mvUDaGz/O70YeOVxUKLMP1N9 anna@laptop"
# Each waits until the other has begun: they end only if they run at the same time.
MEETING = """
- name: meet
  shell:
    cmd: touch /run/meet-{here}; until test -e /run/meet-{there}; do sleep 0.1; done; touch /opt/met-{here}
    creates: /opt/met-{here}
  timeout: 60
  effects: {{writes: ["path:/opt/met-{here}"]}}
"""
ROLES = {
    "packages": """
- name: tools
  apt: {name: [tree, cron], update_cache: true, cache_valid_time: 86400}
- name: cron runs
  service: {name: cron, state: started, enabled: true}
- name: own words
  lineinfile: {path: /etc/crontab, line: '# kept by Configurator'}
""",
    "people": MEETING.format(here="people", there="service")
    + """
- name: group
  group: {name: crew, gid: 4242}
- name: account
  user: {name: anna, uid: 4242, group: crew, groups: [adm], shell: /bin/bash, password: '$6$salt$QQQ'}
- name: key
  authorized_key: {user: anna, key: '{{ key }}'}
- name: folder
  file: {path: /srv/crew/in, state: directory, owner: anna, group: crew, mode: '2770'}
- name: words of the day
  copy: {dest: /srv/crew/README, content: "One line\\nanother, ünïcode\\n", owner: anna, mode: '0640'}
- name: link
  file: {path: /srv/crew/latest, src: README, state: link}
""",
    "machine": """
- name: name
  hostname: {name: blue.example.org}
- name: zone
  timezone: {name: Europe/Berlin}
- name: keepalive
  sysctl: {name: net.ipv4.tcp_keepalive_time, value: '1800', sysctl_set: true}
- name: rules
  nftables:
    table: house
    content: |
      chain input {
        type filter hook input priority filter; policy accept;
        tcp dport 8081 drop
      }
""",
    "service": MEETING.format(here="service", there="people")
    + """
- name: settings
  template: {src: job.conf.j2, dest: /etc/job.conf, mode: '0644'}
  notify: restart the job
- name: unit
  copy: {src: job.service, dest: /etc/systemd/system/job.service}
  notify: restart the job
- name: job runs
  systemd_service: {name: job, state: started, enabled: true, daemon_reload: true}
- name: first start
  command: {cmd: 'touch /var/lib/job-first', creates: /var/lib/job-first}
""",
}
HANDLER = "- name: restart the job\n  systemd: {name: job, state: restarted}\n"
UNIT = "[Service]\nExecStart=/bin/sleep 86400\n[Install]\nWantedBy=multi-user.target\n"
SETTINGS = (
    "port={{ ansible_port }}\nsystem={{ ansible_distribution }}\n{% for n in [1, 2] %}n{{ n }}\n{% endfor %}"
)


def project(path: Path, host: LabHost) -> Folder:
    folder = Folder(path, [host])
    for name, tasks in ROLES.items():
        folder.role(name, tasks)
    folder.role("service", ROLES["service"], handlers=HANDLER)
    folder.write("roles/service/files/job.service", UNIT)
    folder.write("roles/service/templates/job.conf.j2", SETTINGS)
    folder.write("inventory/group_vars/all.yml", f"key: {KEY}\n")
    folder.site(*ROLES, performance={"parallel_execution": {"max_workers": 6}})
    return folder


def exact(event: Event) -> list[Event]:
    """The changes of a task that its plan was sure of, without the words on how sure."""
    return [change for change in event["changes"] if change["certainty"] == "exact"]


def kept(planned: Ended, applied: Ended) -> None:
    """The apply did what the plan has shown: the same tasks, and what it was sure of to the letter."""
    assert applied.statuses() == planned.statuses()
    for before in planned.of("task_finished"):
        (after,) = applied.of("task_finished", task_id=before["task_id"])
        assert {repr(change) for change in exact(before)} <= {repr(change) for change in after["changes"]}
        if len(exact(before)) == len(before["changes"]):
            assert before["changes"] == after["changes"], before["task"]


def overlaps(ended: Ended) -> set[tuple[str, str]]:
    """The pairs of roles of which two tasks ran at the same time."""
    spans = [
        (event["role"], event["started_s"], event["started_s"] + event["duration_s"])
        for event in ended.of("task_finished")
    ]
    return {
        (min(a, b), max(a, b))
        for (a, a_from, a_to), (b, b_from, b_to) in combinations(spans, 2)
        if a != b and a_from < b_to and b_from < a_to
    }


def is_true(lab: Lab, host: LabHost, path: Path) -> None:
    """Plan, apply and apply again."""
    folder, seen = project(path, host), Remote(lab, host)
    before = files(host)
    planned = folder.run("plan", "--json")
    assert files(host) == before
    applied = folder.run("apply", "--yes", "--json")
    kept(planned, applied)
    assert len({event["module"] for event in applied.of("task_finished")}) >= 15
    idle = {name for name, status in applied.statuses().items() if status != "changed"}
    assert idle == {"cron runs", "restart the job"}, "started by its package, and after its last change"
    assert applied.counts[host.name]["changed"] == planned.counts[host.name]["changed"]
    assert ("people", "service") in overlaps(applied)
    after = files(host)
    again = folder.run("apply", "--yes", "--json")
    assert again.of("task_finished", status="changed") == []
    assert set(again.statuses().values()) == {"ok"}
    assert again.counts[host.name]["changed"] == 0
    assert {path: mark for path, mark in files(host).items() if path not in after} == {}
    assert seen.sh("hostname; date +%Z; id -nG anna; systemctl is-active job cron").split() == [
        "blue.example.org", *seen.sh("TZ=Europe/Berlin date +%Z").split(), "crew", "adm", "active", "active",
    ]  # fmt: skip


def test_a_site_of_many_modules_is_truly_planned_on_debian_12(lab: Lab, tmp_path: Path) -> None:
    """Predicted = done; nothing written by the plan, nothing to do the second time; roles overlapped."""
    is_true(lab, hosts_of(lab, ["alpha"])[0], tmp_path)


@pytest.mark.full
def test_a_site_of_many_modules_is_truly_planned_on_debian_13(lab: Lab, tmp_path: Path) -> None:
    """The same on the next release."""
    is_true(lab, hosts_of(lab, ["gamma"], "trixie")[0], tmp_path)
