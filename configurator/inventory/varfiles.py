"""group_vars/ and host_vars/: one file per name, or a folder of files per name."""

from __future__ import annotations

import os

from configurator.config.diagnostics import Diagnostics
from configurator.config.expect import as_map, kind_of
from configurator.config.yamlsource import load_yaml
from configurator.inventory.model import Inventory, Vars

_SUFFIXES = (".yml", ".yaml", ".json", "")


def read_var_folders(folder: str, shown: str, inventory: Inventory, diagnostics: Diagnostics) -> None:
    """Add what group_vars/ and host_vars/ in `folder` say; later folders win over earlier ones."""
    for part, target in (("group_vars", inventory.group_files), ("host_vars", inventory.host_files)):
        _read_folder(os.path.join(folder, part), os.path.join(shown, part), target, diagnostics)


def _read_folder(folder: str, shown: str, target: dict[str, Vars], diagnostics: Diagnostics) -> None:
    for entry in _entries(folder):
        path, name = os.path.join(folder, entry), os.path.join(shown, entry)
        owner, suffix = os.path.splitext(entry)
        if os.path.isdir(path):
            for inner in _files_below(path):
                inner_name = os.path.join(name, os.path.relpath(inner, path))
                target.setdefault(entry, {}).update(_read_file(inner, inner_name, diagnostics))
        elif suffix in _SUFFIXES:
            target.setdefault(owner, {}).update(_read_file(path, name, diagnostics))
        else:  # a name with a dot, such as web1.example.org
            target.setdefault(entry, {}).update(_read_file(path, name, diagnostics))


def _entries(folder: str) -> list[str]:
    """Return what may hold variables, in order of names: no hidden files, no editors' backups."""
    try:
        found = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in found if not name.startswith(".") and not name.endswith(("~", ".bak", ".orig"))]


def _files_below(folder: str) -> list[str]:
    found = []
    for path, folders, _files in os.walk(folder):
        folders.sort()
        for name in _entries(path):
            full = os.path.join(path, name)
            if os.path.splitext(name)[1] in _SUFFIXES and not os.path.isdir(full):
                found.append(full)
    return found


def _read_file(path: str, name: str, diagnostics: Diagnostics) -> Vars:
    value = load_yaml(path, diagnostics, name=name)
    found = None if value is None else as_map(value, "a file of variables", diagnostics)
    variables: Vars = {}
    for key, item in found.entries.items() if found else ():
        if isinstance(key, str):
            variables[key] = item
        elif found:
            diagnostics.add(found.key_span(key), f"a variable's name must be text, not {kind_of(key)}")
    return variables
