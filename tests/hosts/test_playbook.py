"""Playbooks on real hosts: two plays that need each other, truly planned; batches and failures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Ended, Folder, Remote, Running, hosts_of, wait_until
from tests.hosts.on_host import files
from tests.hosts.test_cli_confirm import Terminal

pytestmark = pytest.mark.host

PLAYBOOK = """
- name: The machine
  hosts: all
  become: true
  vars: {greeting: of the play, owner: nobody}
  vars_files: [vars/people.yml]
  pre_tasks:
    - name: note the beginning
      copy: {dest: /opt/began, content: "{{ greeting }} {{ owner }}\\n"}
      notify: count
    - set_fact: {place: /srv/crew, person: "{{ owner }}"}
  roles:
    - people
    - {role: service, service_level: high, tags: [service]}
  tasks:
    - {name: words, template: {src: words.j2, dest: "{{ place }}/words", force: false}, notify: count}
    - {name: other words, copy: {src: words.txt, dest: "{{ place }}/other"}, notify: count}
  post_tasks:
    - {name: settings are private, file: {path: /etc/crew.conf, mode: "0600"}}
  handlers:
    - {name: count, copy: {dest: /opt/counted, src: /opt/began, remote_src: true}}
- name: The people
  hosts: all
  become: true
  tasks:
    - name: a file of hers
      copy: {dest: "{{ place }}/hers", content: "x\\n", owner: "{{ person }}", group: crew}
    - {name: a line, lineinfile: {path: "{{ place }}/words", line: the end}}
"""
ROLES = {
    "people": """
- {name: group, group: {name: crew, gid: 4242}}
- {name: account, user: {name: "{{ owner }}", uid: 4242, group: crew}}
- name: folder
  file: {path: "{{ place }}", state: directory, owner: "{{ owner }}", group: crew, mode: '2770'}
""",
    "service": """
- {name: settings, copy: {dest: /etc/crew.conf, content: "level={{ service_level }}\\n"}, notify: reload crew}
""",
}
HANDLER = "- {name: reload crew, copy: {dest: /opt/reloaded, src: /opt/counted, remote_src: true}}\n"


def project(path: Path, hosts: list[LabHost]) -> Folder:
    folder = Folder(path, hosts)
    for name, tasks in ROLES.items():
        folder.role(name, tasks, handlers=HANDLER if name == "service" else "[]\n")
    folder.write("site.yml", PLAYBOOK)
    folder.write("vars/people.yml", "owner: anna\n")
    folder.write("templates/words.j2", "{{ inventory_hostname }} {{ ansible_play_name }}\n")
    folder.write("files/words.txt", "as they are\n")
    return folder


def changes(ended: Ended) -> list[tuple[str, str, str]]:
    """What changed in which order of plays, with how it ended; handlers and tasks alike."""
    return sorted(
        (event["role"], event["task"], repr(event["changes"]))
        for event in ended.of("task_finished")
        if event["status"] == "changed"
    )


def test_two_plays_are_truly_planned(lab: Lab, tmp_path: Path) -> None:
    """Play 2 sees what play 1 would do: its account, its folder, its file. The plan writes nothing."""
    (host,) = hosts_of(lab, ["alpha"])
    folder, seen = project(tmp_path, [host]), Remote(lab, host)
    before = files(host)
    planned = folder.run("plan", "--playbook", "site.yml", "--json")
    assert files(host) == before
    applied = folder.run("apply", "--playbook", "site.yml", "--yes", "--json")
    assert [event["play"] for event in applied.of("play_started")] == ["The machine", "The people"]
    assert len(planned.of("run_finished")) == len(planned.of("host_finished")) == 1
    assert changes(planned) == changes(applied)
    assert applied.counts[host.name] == {
        **planned.counts[host.name],
        "duration_s": applied.counts[host.name]["duration_s"],
    }
    assert applied.of("host_started")[-1]["tasks"] == len(
        [event for event in applied.of("task_finished") if not event["handler"]]
    )
    assert seen.sh("cat /opt/reloaded /srv/crew/words /srv/crew/other /etc/crew.conf").split("\n") == [
        "of the play anna", f"{host.name} The machine", "the end", "as they are", "level=high", "",
    ]  # fmt: skip
    owners = seen.sh("stat -c %U:%G:%a /srv/crew/hers /etc/crew.conf").split()
    assert owners == ["anna:crew:644", "root:root:600"]
    again = folder.run("apply", "--playbook", "site.yml", "--yes", "--json")
    assert again.of("task_finished", status="changed") == []


def test_a_confirmed_playbook_is_held_to_its_plan(lab: Lab, tmp_path: Path) -> None:
    """Plan, question and apply on one connection with all plays; nothing is stale that was shown."""
    (host,) = hosts_of(lab, ["alpha"])
    folder, seen = project(tmp_path, [host]), Remote(lab, host)
    terminal = Terminal(folder, "apply", "--playbook", "site.yml")
    try:
        text = terminal.wait_for(re.compile(r"Apply .* to .*\? \[y/N\] "))
        assert "Play: The machine" in text
        assert "Play: The people" in text
        terminal.type("y\n")
        assert terminal.end() == 0
    finally:
        terminal.close()
    assert "Done: " in terminal.text
    assert seen.exists("/srv/crew/hers", "/opt/reloaded")


HANDLERS = """
- hosts: all
  become: true
  pre_tasks: [{name: a, copy: {dest: /opt/a, content: a}, notify: count}]
  tasks:
    - {name: b, copy: {dest: /opt/b, content: b}, notify: count}
    - {name: c, copy: {dest: /opt/c, content: c}, notify: count}
    - {name: seen, shell: "test $(wc -l < /opt/counted) = 1 && touch /opt/seen"}
  post_tasks: [{name: seen again, shell: "test $(wc -l < /opt/counted) = 2 && touch /opt/seen-again"}]
  handlers: [{name: count, shell: "echo x >> /opt/counted"}]
"""


def test_handlers_run_once_at_the_end_of_each_part(lab: Lab, tmp_path: Path) -> None:
    """Before the tasks those of the pre-tasks, before the post-tasks those of the tasks."""
    (host,) = hosts_of(lab, ["alpha"])
    folder = Folder(tmp_path, [host])
    folder.write("site.yml", HANDLERS)
    folder.run("apply", "--playbook", "site.yml", "--yes", "--json")
    assert Remote(lab, host).exists("/opt/seen", "/opt/seen-again")


BATCHES = """
- name: first
  hosts: all
  serial: [1, 2]
  max_fail_percentage: 50
  become: true
  tasks:
    - {name: fail there, fail: {msg: broken}, when: inventory_hostname == broken}
    - {name: mark, copy: {dest: /opt/mark, content: "{{ ansible_play_batch | join(' ') }}\\n"}}
- name: second
  hosts: all
  become: true
  tasks: [{name: again, copy: {dest: /opt/again, content: x}}]
"""


def test_batches_follow_each_other_and_failures_stop_them(lab: Lab, tmp_path: Path) -> None:
    """A host that failed is out of the second play; a batch that failed as a whole stops everything."""
    hosts = hosts_of(lab, ["alpha", "beta", "gamma-2"])
    folder = Folder(tmp_path, hosts)
    folder.write("site.yml", BATCHES)
    names = [host.name for host in hosts]
    words = ("apply", "--playbook", "site.yml", "--yes", "--json", "-e")
    some = folder.run(*words, f"broken={names[1]}", code=3)
    assert [event["hosts"] for event in some.of("play_started")] == [
        names[:1],
        names[1:],
        [names[0], names[2]],
    ]
    assert some.counts[names[1]]["failed"] == 1
    assert Remote(lab, hosts[2]).sh("cat /opt/mark").split() == names[1:]
    assert not Remote(lab, hosts[1]).exists("/opt/again")
    whole = folder.run(*words, f"broken={names[0]}", code=3)
    assert [event["hosts"] for event in whole.of("play_started")] == [names[:1]]
    assert {event["host"] for event in whole.of("host_notice", level="warning")} == set(names[1:])
    assert set(whole.counts) == set(names)


def test_work_as_another_user_needs_become(lab: Lab, tmp_path: Path) -> None:
    """Ansible's default holds in playbooks: a task without become runs as the user who logs in."""
    (host,) = hosts_of(lab, ["alpha"])
    folder, seen = Folder(tmp_path, [host]), Remote(lab, host)
    folder.inventory([host], **{host.name: {"ansible_user": "admin"}})
    playbook = "- {hosts: all, tasks: [{name: mine, copy: {dest: /tmp/mine, content: x}}ROOT]}\n"
    folder.write("site.yml", playbook.replace("ROOT", ""))
    folder.run("apply", "--playbook", "site.yml", "--yes", "--json")
    assert seen.sh("stat -c %U /tmp/mine").strip() == "admin"
    root = ", {name: roots, become: true, copy: {dest: /opt/roots, content: x}}"
    folder.write("site.yml", playbook.replace("mine", "mine2").replace("ROOT", root))
    folder.run("apply", "--playbook", "site.yml", "--yes", "--json")
    assert seen.sh("stat -c %U /tmp/mine2 /opt/roots").split() == ["admin", "root"]


REGISTERED = """
- hosts: all
  become: true
  tasks:
    - {name: kernel, command: uname -r, register: kernel, check_mode: false, changed_when: false}
    - {name: made, shell: "echo made > /opt/made; echo of /opt/made", register: made}
- hosts: all
  become: true
  tasks:
    - {name: release, copy: {dest: /opt/release, content: "{{ kernel.stdout }}\\n"}}
    - {name: report, copy: {dest: /opt/report, content: "{{ made.stdout }}\\n"}, when: made.rc == 0}
"""


def test_what_a_play_has_registered_is_known_in_the_next(lab: Lab, tmp_path: Path) -> None:
    """A plan tells what it knows of it, and calls the rest unknown; the apply that was confirmed does it."""
    (host,) = hosts_of(lab, ["alpha"])
    folder, seen = Folder(tmp_path, [host]), Remote(lab, host)
    folder.write("site.yml", REGISTERED)
    planned = folder.run("plan", "--playbook", "site.yml", "--json")
    kernel = seen.sh("uname -r")
    assert f"+{kernel.strip()}" in str(planned.task("release")["changes"])
    assert {change["certainty"] for change in planned.task("report")["changes"]} == {"unknown"}
    terminal = Terminal(folder, "apply", "--playbook", "site.yml")
    try:
        terminal.wait_for(re.compile(r"Apply .* to .*\? \[y/N\] "))
        terminal.type("y\n")
        assert terminal.end() == 0, terminal.text
    finally:
        terminal.close()
    assert seen.sh("cat /opt/release /opt/report") == f"{kernel}of /opt/made\n"


BETWEEN = """
- hosts: all
  become: true
  tasks:
    - {name: fails there, command: /bin/false, when: inventory_hostname == broken}
    - {name: waits, shell: "touch /run/begun; until test -e /run/go; do sleep 0.1; done", when: slow}
    - {name: first, copy: {dest: /opt/first, content: x}}
- {hosts: all, become: true, tasks: [{name: second, copy: {dest: /opt/second, content: x}}]}
"""


def has_ended(running: Running, host: LabHost, task: str) -> bool:
    """Return True once the program has told the end of a task."""
    words = '"task_finished"', f'"{host.name}"', f'"{task}"'
    return any(all(word in line for word in words) for line in running.so_far().splitlines())


def test_a_host_stays_locked_between_its_plays(lab: Lab, tmp_path: Path) -> None:
    """Nobody else begins while others finish the play; one that has failed is free at once."""
    waiting, slow, broken = hosts_of(lab, ["alpha", "beta", "gamma-2"])
    for host in (waiting, slow, broken):
        Remote(lab, host).sh("rm -rf /run/go /run/begun /opt/*")
    folder = Folder(tmp_path, [waiting, slow, broken])
    folder.inventory(
        [waiting, slow, broken],
        **{host.name: {"slow": host is slow, "broken": broken.name} for host in (waiting, slow, broken)},
    )
    folder.write("site.yml", BETWEEN)
    running = folder.start("apply", "--playbook", "site.yml", "--yes", "--json")
    seen = {host.name: Remote(lab, host) for host in (waiting, slow, broken)}
    wait_until(lambda: running.over or seen[slow.name].exists("/run/begun"), "the slow host is at work")
    wait_until(lambda: running.over or has_ended(running, waiting, "first"), "one is done")
    wait_until(lambda: running.over or has_ended(running, broken, "fails there"), "one is out")
    wait_until(lambda: running.over or not seen[broken.name].locked(), "who is out is free")
    wait_until(lambda: running.over or seen[waiting.name].exists("/opt/first"), "the other has done the play")
    assert not running.over, running.so_far()
    assert seen[waiting.name].locked()
    seen[slow.name].sh("touch /run/go")
    ended = running.end()
    assert ended.code == 3
    assert seen[waiting.name].exists("/opt/second")
    assert seen[slow.name].exists("/opt/second")
    assert not any(remote.locked() for remote in seen.values())
