"""The use case `init`: a small project that `check` takes, with schemas by which editors complete."""

from __future__ import annotations

import os
from collections.abc import Mapping

from configurator.app.schemas import FOLDER, write_schemas
from configurator.core.errors import InputError, RefusedError

_CONFIG = """\
# Which hosts get which roles, and how they are reached. `configurator check` reads it all, without any host.
site:
  - hosts: all
    roles:
      - example

# performance:
#   forks: 20                 # hosts at once
# ssh:
#   host_key_checking: strict # or accept-new: a host never seen before is trusted; a changed key never is
"""
_HOSTS = """\
# Your hosts. 192.0.2.10 is an address for examples (RFC 5737): put yours here.
all:
  hosts:
    example:
      ansible_host: 192.0.2.10
      ansible_user: root
"""
_TASKS = """\
- name: Greeting
  copy:
    dest: /etc/motd
    content: "{{ example_greeting }}\\n"
    mode: "0644"
"""
_DEFAULTS = """\
# Variables of the role; inventory/group_vars/ and inventory/host_vars/ override them.
example_greeting: "This host is kept by Configurator."
"""
_META = """\
# Roles that must have succeeded before this one starts.
requires: []
"""
_IGNORED = """\
# Made by `configurator schema`, for editors.
/.configurator/
# Passwords.
.vault_pass
*.vault-pass
"""
# Each file with the kind of its schema, if it has one.
FILES: Mapping[str, tuple[str, str]] = {
    "config.yaml": ("config", _CONFIG),
    "inventory/hosts.yml": ("inventory", _HOSTS),
    "roles/example/defaults/main.yml": ("vars", _DEFAULTS),
    "roles/example/meta/main.yml": ("meta", _META),
    "roles/example/tasks/main.yml": ("tasks", _TASKS),
    ".gitignore": ("", _IGNORED),
}


def init(folder: str = ".") -> list[str]:
    """Write the files of a new project into a folder, made if need be, and return their paths.

    RefusedError, before anything is written, if one of them is there already.
    """
    there = [path for path in FILES if os.path.lexists(os.path.join(folder, path))]
    if there:
        hint = "choose another folder; `configurator schema` writes the schemas of a project that is there"
        where = "here" if folder == "." else f"in {folder}"
        raise RefusedError(f"{where} is a project already: {', '.join(there)}", hint=hint)
    written = []
    try:
        for path, (kind, content) in FILES.items():
            full = os.path.normpath(os.path.join(folder, path))
            os.makedirs(os.path.dirname(full) or ".", exist_ok=True)
            with open(full, "x", encoding="utf-8") as file:
                file.write(_modeline(path, kind) + content)
            written.append(full)
    except OSError as error:
        raise InputError(f"cannot write the project to {folder}: {error.strerror}") from None
    return [*written, *write_schemas(os.path.normpath(os.path.join(folder, FOLDER)), folder)]


def _modeline(path: str, kind: str) -> str:
    """Return the line by which yaml-language-server finds a file's schema: counted from that file."""
    if not kind:
        return ""
    schema = os.path.relpath(os.path.join(FOLDER, f"{kind}.json"), os.path.dirname(path) or ".")
    return f"# yaml-language-server: $schema={schema}\n"
