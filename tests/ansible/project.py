"""A project as someone who publishes a role lays it out, for both tools: the role, its play, hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from configurator.sandbox import LabHost
from tests.ansible.environment import HERE, ansible_playbook

# Facts of other hosts are asked for by none of the roles; nobody connects to these.
_NEIGHBOURS = {
    "databases": {
        "hosts": {
            "db1": {"ansible_host": "192.0.2.11", "db_port": 5432},
            "db2": {"ansible_host": "192.0.2.12"},
        },
        "vars": {"db_port": 5433},
    }
}


class Project:
    """A folder with `site.yml`, `roles` and an inventory of one host to work on, of the group `web`."""

    def __init__(self, path: Path, play: str, host: LabHost) -> None:
        self.path = path
        self.home = path / "home"
        self.home.mkdir(parents=True)
        shutil.copytree(HERE / "roles", path / "roles")
        shutil.copy(HERE / f"plays/{play}.yml", path / "site.yml")
        variables = HERE / f"plays/{play}"
        if variables.is_dir():
            shutil.copytree(variables, path, dirs_exist_ok=True)
        (path / "ansible.cfg").write_text(
            "[defaults]\nretry_files_enabled = False\n"
            "[ssh_connection]\npipelining = True\n"
            f"ssh_args = -F /dev/null -o ControlMaster=auto -o ControlPersist=20s"
            f" -o UserKnownHostsFile={host.known_hosts}\n"
        )
        (path / "inventory").mkdir(exist_ok=True)
        (path / "inventory/hosts.yml").write_text(yaml.safe_dump(_inventory(host), sort_keys=False))

    def environment(self) -> dict[str, str]:
        """The environment of a run: nothing of ours but the way to programs."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}

    def ansible(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `ansible-playbook site.yml`."""
        command = [str(ansible_playbook()), "-i", "inventory/hosts.yml", "site.yml", *words]
        with tempfile.TemporaryDirectory(prefix="cp") as sockets:  # their names may have 107 characters
            return subprocess.run(
                command,
                cwd=self.path,
                env={**self.environment(), "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets},
                capture_output=True,
                text=True,
                check=False,
            )

    def words(self, command: str) -> list[str]:
        """Return the words of our program for the same play."""
        return [command, "--playbook", "site.yml", "-i", "inventory/hosts.yml"]


def _inventory(host: LabHost) -> dict[str, object]:
    own = {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": host.user,
        "ansible_ssh_private_key_file": host.key_path,
        "ansible_ssh_known_hosts_file": host.known_hosts,
    }
    return {"all": {"children": {"web": {"hosts": {host.name: own}}, **_NEIGHBOURS}}}
