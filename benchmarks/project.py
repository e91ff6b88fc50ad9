"""A project of 40 ordinary tasks in four roles, for timing."""

from __future__ import annotations

from pathlib import Path

from configurator.sandbox import LabHost

_ROLE = """\
- name: Directory of {role}
  file: {{path: /etc/bench/{role}, state: directory, mode: "0755"}}
- name: Settings of {role}
  template: {{src: settings.j2, dest: /etc/bench/{role}/settings, mode: "0640"}}
- name: Notes of {role}
  copy: {{content: "notes\\n", dest: /etc/bench/{role}/notes}}
- name: A line of {role}
  lineinfile: {{path: /etc/bench/{role}/notes, line: "a line"}}
- name: Group of {role}
  group: {{name: bench-{role}}}
- name: User of {role}
  user: {{name: bench-{role}, group: bench-{role}, shell: /usr/sbin/nologin}}
- name: Home of {role}
  file: {{path: /home/bench-{role}/x, state: directory, owner: bench-{role}}}
- name: Package for {role}
  apt: {{name: [ca-certificates, sudo]}}
- name: Service of {role}
  systemd_service: {{name: ssh, state: started, enabled: true}}
- name: Link of {role}
  file: {{path: /etc/bench/{role}/link, src: settings, state: link}}
"""
_ROLES = ("one", "two", "three", "four")


def write_project(root: Path, host: LabHost, address: str, port: int) -> Path:
    """Write a project that reaches `host` at address and port, and return its folder."""
    for role in _ROLES:
        tasks = root / "roles" / role / "tasks"
        tasks.mkdir(parents=True)
        (tasks / "main.yml").write_text(_ROLE.format(role=role))
        templates = root / "roles" / role / "templates"
        templates.mkdir()
        (templates / "settings.j2").write_text("host = {{ ansible_hostname }}\nrole = {{ role_name }}\n")
    write_inventory(root, host, address, port)
    (root / "config.yaml").write_text(f"site:\n  - hosts: all\n    roles: [{', '.join(_ROLES)}]\n")
    return root


def write_inventory(root: Path, host: LabHost, address: str, port: int) -> None:
    """Write the inventory of a project that reaches `host` at address and port, and the host's keys."""
    place = address if port == 22 else f"[{address}]:{port}"  # sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
    keys = Path(host.known_hosts).read_text().splitlines()
    known = [f"{place} {line.split(maxsplit=1)[1]}\n" for line in keys if line.startswith(host.address)]
    (root / "known_hosts").write_text("".join(known))
    (root / "inventory").mkdir()
    (root / "inventory" / "hosts.yml").write_text(
        "all:\n  hosts:\n    bench:\n"
        f"      ansible_host: {address}\n      ansible_port: {port}\n      ansible_user: root\n"
        f"      ansible_ssh_private_key_file: {host.key_path}\n"
        f"      ansible_ssh_known_hosts_file: {root / 'known_hosts'}\n"
    )
