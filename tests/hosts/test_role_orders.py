"""`sandbox test`: a role on fresh hosts, in many orders; what it forgot to declare is found and named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from configurator.sandbox import Lab
from configurator.sandbox.endstate import differences, read_state
from tests.hosts.cli import PROGRAM
from tests.hosts.conftest import HostFactory

pytestmark = pytest.mark.host

ROLE = """
- name: Account
  user: {name: deploy, shell: /bin/sh}
- name: Settings
  copy: {dest: /etc/app.conf, content: "a=1\\n", owner: deploy}
- name: Folder
  file: {path: /srv/app, state: directory, owner: deploy}
- name: Take them over
  command: cp /etc/app.conf /opt/app.conf
  args: {creates: /opt/app.conf}
  effects: EFFECTS
"""


def project(folder: Path, effects: str) -> Path:
    (folder / "roles/app/tasks").mkdir(parents=True)
    (folder / "roles/app/tasks/main.yml").write_text(ROLE.replace("EFFECTS", effects))
    (folder / "config.yaml").write_text("site: []\n")
    return folder


def sandbox_test(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), "sandbox", "test", "app", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_prerequisite_is_found_and_named(lab: Lab, tmp_path: Path) -> None:
    """The command says what it writes and not what it reads, so nothing keeps it behind the file."""
    done = sandbox_test(
        project(tmp_path, "{writes: ['path:/opt/app.conf']}"), "--shuffle", "1", "--seed", "5"
    )
    assert done.returncode == 3, done.stderr
    assert "file /opt/app.conf" in done.stdout
    assert "It matters that 'app: Settings' comes before 'app: Take them over'" in done.stdout
    assert "--seed 5" in done.stdout


def test_a_role_that_declares_what_it_needs_passes(lab: Lab, tmp_path: Path) -> None:
    declared = "{reads: ['path:/etc/app.conf'], writes: ['path:/opt/app.conf']}"
    done = sandbox_test(project(tmp_path, declared), "--shuffle", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every order leads to the same state" in done.stdout


def test_two_pristine_hosts_are_the_same_and_a_change_of_any_kind_is_told(
    lab: Lab, host_factory: HostFactory
) -> None:
    """What is left out of the comparison hides nothing that matters."""
    host = host_factory()

    def shell(script: str) -> str:
        done = lab.shell(host.name, ["sh", "-c", script])
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    first = read_state(host, shell)
    [host] = lab.reset(host.name)
    assert differences(first, read_state(host, shell)) == ()
    shell(
        "useradd -m zoe; usermod -aG games zoe; echo x > /etc/new; chmod 600 /etc/hostname; rm /etc/motd;"
        "systemctl mask --now systemd-timesyncd.service 2>/dev/null;"
        "nft add table inet mine; apt-mark hold bash >/dev/null"
    )
    found = {item.thing for item in differences(first, read_state(host, shell))}
    assert found >= {
        *("user zoe", "group zoe", "group games", "file /home/zoe", "file /etc/new", "file /etc/hostname"),
        *("file /etc/motd", "ruleset table inet mine", "package bash"),
    }
