"""Facts of a real host, also those that are read only because a role uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, hosts_of

pytestmark = pytest.mark.host

TASKS = """
- name: what is used is asked for
  copy:
    dest: /etc/facts
    content: |
      {{ (ansible_mounts | selectattr('mount', 'equalto', '/') | first).fstype }}
      {{ ansible_local.app.section.name }} {{ ansible_facts.local.program.from }}
      {{ 'openssh-server' in ansible_facts.packages }} {{ ansible_facts.services['ssh.service'].state }}
      {{ ansible_memory_mb.real.total > 0 }} {{ ansible_processor_cores > 0 }} {{ ansible_is_chroot }}
      {{ ansible_virtualization_type }} {{ ansible_lvm is defined }}
"""
LATE = """
- {command: echo one, register: ran, changed_when: false}
- {getent: {database: passwd, key: root}}
- copy:
    dest: /etc/late
    content: >
      {{ ran.stdout }} {{ ansible_facts.mounts | length > 0 }} {{ ansible_facts.getent_passwd.root[3] }}
      {{ 'openssh-server' in ansible_facts['pack' ~ 'ages'] }} {{ 'lsb' in ansible_facts }}
"""
PLACE = "/etc/ansible/facts.d"


@pytest.fixture(scope="module")
def host(lab: Lab) -> LabHost:
    """A host with facts of its own, one of which is broken."""
    host = hosts_of(lab, ["alpha"])[0]
    Remote(lab, host).sh(
        f"mkdir -p {PLACE}; printf '[section]\\nname = value\\n' > {PLACE}/app.fact;"
        f' printf \'#!/bin/sh\\necho "{{\\\\"from\\\\": \\\\"program\\\\"}}"\\n\' > {PLACE}/program.fact;'
        f" chmod +x {PLACE}/program.fact; echo broken > {PLACE}/broken.fact"
    )
    return host


def test_a_role_may_use_any_fact(lab: Lab, host: LabHost, tmp_path_factory: pytest.TempPathFactory) -> None:
    """They are read while the host's tasks are compiled; what is broken is told and harms nothing else."""
    folder = Folder(tmp_path_factory.mktemp("facts"), [host])
    folder.role("app", TASKS)
    folder.site("app")
    ended = folder.run("apply", "--yes", "--json")
    assert Remote(lab, host).sh("cat /etc/facts") == (
        "overlay\nvalue program\nTrue running\nTrue True False\ncontainer False\n"
    )
    warnings = [event["message"] for event in ended.of("host_notice", level="warning")]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"facts: {PLACE}/broken.fact is no fact: ")


@pytest.mark.parametrize("before", ["", "- setup: {}\n"])
def test_a_task_that_is_made_late_may_use_any_fact(
    lab: Lab, host: LabHost, tmp_path: Path, before: str
) -> None:
    """The host is asked in the middle of its run; nothing waits for ever."""
    folder = Folder(tmp_path, [host])
    folder.role("late", before + LATE)
    folder.site("late")
    folder.run("plan")
    folder.run("apply", "--yes")
    assert Remote(lab, host).sh("cat /etc/late") == "one True root True True\n"


def test_a_new_name_of_the_host_is_known_to_the_tasks_below(lab: Lab, host: LabHost, tmp_path: Path) -> None:
    """What uses it is right in the first run, so that a second one changes nothing."""
    folder = Folder(tmp_path, [host])
    before = Remote(lab, host).sh("hostname").strip()
    tasks = "- hostname: {name: web1.example.com}\n"
    tasks += '- copy: {dest: /etc/named, content: "{{ ansible_hostname }} {{ ansible_facts.fqdn }}\\n"}\n'
    folder.role("named", tasks)
    folder.site("named")
    assert "+web1 web1.example.com" in folder.run("plan").stdout
    folder.run("apply", "--yes")
    assert Remote(lab, host).sh("cat /etc/named; hostname") == "web1 web1.example.com\nweb1.example.com\n"
    assert "Nothing to change" in folder.run("apply", "--yes").stdout
    Remote(lab, host).sh(f"hostname {before}; echo {before} > /etc/hostname")


def test_parts_are_shown_if_they_are_asked_for(
    host: LabHost, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without being asked only what every run reads; a part that does not exist is an error."""
    folder = Folder(tmp_path_factory.mktemp("parts"), [host])
    folder.site()
    usual = folder.run("facts", "--json").of("facts")[0]["facts"]
    assert {"mounts", "packages", "local"}.isdisjoint(usual)
    more = folder.run("facts", "--gather", "mounts,local", "--gather", "dns", "--json").of("facts")[0][
        "facts"
    ]
    assert {"mounts", "local", "dns", *usual} == more.keys()
    assert "did you mean 'mounts'" in folder.run("facts", "--gather", "mount", code=1).stderr
