"""Writes tools/ansible_arguments.json: the published arguments of Ansible's modules, by their names alone.

python -m tools.ansible_arguments FOLDER

FOLDER holds unpacked wheels of ansible-core and ansible (`pip download --no-deps`, then `unzip`). The list is
what `docs/reference/modules/` compares ours with, and what a test holds them to.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).with_name("ansible_arguments.json")
_COLLECTIONS = {
    "ansible.builtin": "ansible",
    "ansible.posix": "ansible_collections/ansible/posix/plugins",
    "community.general": "ansible_collections/community/general/plugins",
    "community.crypto": "ansible_collections/community/crypto/plugins",
    "community.postgresql": "ansible_collections/community/postgresql/plugins",
    "community.mysql": "ansible_collections/community/mysql/plugins",
    "community.docker": "ansible_collections/community/docker/plugins",
}
MODULES = {
    "ansible.builtin": """
        apt apt_key apt_repository assemble assert blockinfile command copy cron
        deb822_repository debconf debug dpkg_selections fail fetch file find get_url
        getent git group hostname iptables known_hosts lineinfile package package_facts
        pause ping pip raw reboot replace script service service_facts set_fact setup
        shell slurp stat systemd_service tempfile template unarchive uri user wait_for
        wait_for_connection
    """,
    "ansible.posix": "acl authorized_key mount sysctl synchronize",
    "community.general": """
        alternatives htpasswd ini_file iptables_state locale_gen modprobe npm pam_limits
        sudoers timezone ufw dpkg_divert
    """,
    "community.crypto": "openssl_privatekey x509_certificate",
    "community.postgresql": "postgresql_db postgresql_ext postgresql_privs postgresql_user",
    "community.mysql": "mysql_db mysql_user",
    "community.docker": """
        docker_compose_v2 docker_container docker_image docker_image_pull docker_network
        docker_volume
    """,
}


def main() -> None:
    """Write the file."""
    root = Path(sys.argv[1])
    found: dict[str, Any] = {}
    for collection, names in MODULES.items():
        base = root / _COLLECTIONS[collection]
        for name in names.split():
            found[name] = {"collection": collection, "arguments": dict(sorted(_arguments(root, base, name)))}
    DATA.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _arguments(root: Path, base: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each argument with its aliases, those of shared fragments too."""
    document = yaml.safe_load(_constants(base / "modules" / f"{name}.py")["DOCUMENTATION"])
    fragments = document.get("extends_documentation_fragment", [])
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        yield from _options(_fragment(root, base, fragment))
    yield from _options(document)


def _options(document: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, option in (document.get("options") or {}).items():
        yield name, sorted(option.get("aliases") or [])


def _fragment(root: Path, base: Path, name: str) -> Mapping[str, Any]:
    parts = name.split(".")
    if len(parts) > 2 and ".".join(parts[:2]) in _COLLECTIONS:
        base, parts = root / _COLLECTIONS[".".join(parts[:2])], parts[2:]
    elif base.name == "plugins":
        base = root / "ansible"
    folder = base if base.name == "plugins" else base / "plugins"
    constants = _constants(
        folder / "doc_fragments" / f"{parts[0].lstrip('_')}.py", folder / "doc_fragments" / f"{parts[0]}.py"
    )
    text = constants.get(parts[1].upper() if len(parts) > 1 else "DOCUMENTATION", "")
    return yaml.safe_load(text) or {}


def _constants(*paths: Path) -> dict[str, str]:
    """Return the texts that are assigned to names in a module, without running it."""
    path = next(path for path in paths if path.exists())
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = str(node.value.value)
    return found


if __name__ == "__main__":
    main()
