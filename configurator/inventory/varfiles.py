"""group_vars/ and host_vars/: one file per name, or a folder of files per name."""

from __future__ import annotations

import os

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_variables
from configurator.config.sealed import HEADER, is_sealed
from configurator.config.yamlsource import load_yaml
from configurator.core.errors import InputError
from configurator.inventory.filevars import FileVars
from configurator.inventory.model import Inventory, VarFolder, Vars

_SUFFIXES = (".yml", ".yaml", ".json", "")


def read_var_folders(folder: str, shown: str, inventory: Inventory, diagnostics: Diagnostics) -> None:
    """Add what group_vars/ and host_vars/ in `folder` say; later folders win over earlier ones."""
    place = VarFolder()
    inventory.folders.append(place)
    for part, target in (("group_vars", place.groups), ("host_vars", place.hosts)):
        _read_folder(os.path.join(folder, part), os.path.join(shown, part), target, diagnostics)


def _read_folder(folder: str, shown: str, target: dict[str, FileVars], diagnostics: Diagnostics) -> None:
    for entry in _entries(folder):
        path, name = os.path.join(folder, entry), os.path.join(shown, entry)
        owner, suffix = os.path.splitext(entry)
        if os.path.isdir(path):
            for inner in _files_below(path):
                inner_name = os.path.join(name, os.path.relpath(inner, path))
                _add_file(target.setdefault(entry, FileVars()), inner, inner_name, diagnostics)
        else:  # an unknown suffix is part of a name with dots, such as web1.example.org
            known = owner if suffix in _SUFFIXES else entry
            _add_file(target.setdefault(known, FileVars()), path, name, diagnostics)


def _add_file(target: FileVars, path: str, name: str, diagnostics: Diagnostics) -> None:
    """Add a file's variables, or if it is encrypted the promise to read them."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(HEADER))
    except OSError:
        start = b""  # what is wrong is told where it is read
    if diagnostics.vault is None or not is_sealed(start):
        target.add(_read_file(path, name, diagnostics) or {}, Span(name))
        return
    try:
        with open(path, encoding="ascii", errors="replace") as text:
            diagnostics.vault.expect(text.read(), Span(name, 1, 1, len(HEADER), HEADER))
    except (InputError, OSError) as error:
        diagnostics.extend(getattr(error, "diagnostics", ()))
        return
    target.add_closed(lambda problems: _read_file(path, name, problems), Span(name), diagnostics.vault)


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


def _read_file(path: str, name: str, diagnostics: Diagnostics) -> Vars | None:
    value = load_yaml(path, diagnostics, name=name)
    if value is None:
        return None
    return as_variables(value, "a file of variables", diagnostics)
