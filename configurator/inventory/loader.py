"""Finding and reading the inventory: files in YAML or INI, folders of them, and the variables beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.yamlsource import parse_yaml, read_source
from configurator.inventory.inifile import read_ini_inventory
from configurator.inventory.model import Inventory
from configurator.inventory.ranges import expand
from configurator.inventory.script import is_script, read_script
from configurator.inventory.varfiles import read_var_folders
from configurator.inventory.yamlfile import read_yaml_inventory

# What is read where nothing was said, the first that exists.
DEFAULT_SOURCES = ("inventory/hosts.yml", "inventory/hosts.yaml", "inventory/hosts.ini", "inventory/hosts")
_DEFAULT_FOLDER = "inventory"
_SKIPPED_SUFFIXES = (
    "~",
    ".orig",
    ".bak",
    ".cfg",
    ".retry",
    ".pyc",
    ".pyo",
    ".md",
    ".swp",
    ".txt",
    ".rst",
    ".rpm",
)
_YAML_START = re.compile(r"---|[\w.\"'-]+\s*:\s*(#.*)?$|\{")


def load_inventory(
    sources: Sequence[tuple[str, Span]], root: str, diagnostics: Diagnostics, *, shown_root: str = ""
) -> Inventory:
    """Return everything that the sources say; without sources, the inventory of the project at `root`.

    A source is a file in YAML, JSON or INI, a program that prints JSON, a folder of them, or hosts with
    commas (`web1,web2` or `web1,`). Several make one inventory; what later ones say of a name wins.
    Relative sources count from the working directory or are absolute; `shown_root` begins the names in
    messages of what was found below `root`.
    """
    inventory = Inventory()
    if not sources:
        sources = _default_sources(root)
    folders: dict[str, None] = {}
    for path, span in sources:
        if _is_list(path):
            _read_list(path, span, inventory, diagnostics)
        elif os.path.isdir(path):
            _read_folder(path, inventory, diagnostics)
            folders[path] = None
        elif os.path.lexists(path):
            _read_source(path, inventory, diagnostics)
            folders[os.path.dirname(path)] = None
        else:
            diagnostics.add(span, f"there is no inventory at {path!r}", code="no-inventory")
    inventory.finish(diagnostics)
    seen: set[str] = set()
    for folder, shown in ((folder, folder) for folder in (*folders, root)):
        real = os.path.realpath(folder)
        if real not in seen:
            seen.add(real)
            read_var_folders(folder, shown if folder != root else shown_root, inventory, diagnostics)
    return inventory


def _default_sources(root: str) -> list[tuple[str, Span]]:
    relative = os.path.relpath(root)
    for name in (*DEFAULT_SOURCES, _DEFAULT_FOLDER):
        path = os.path.normpath(os.path.join(relative, name))
        if os.path.lexists(path):
            return [(path, Span(path))]
    return []


def _is_list(source: str) -> bool:
    return "," in source and not os.path.lexists(source)


def _read_list(source: str, span: Span, inventory: Inventory, diagnostics: Diagnostics) -> None:
    inventory.group("all", span)
    for word in filter(None, map(str.strip, source.split(","))):
        try:
            for name in expand(word):
                inventory.add_host(name, span, "all")
        except ValueError as error:
            diagnostics.add(span, f"host {word!r}: {error}", code="host-range")


def _read_folder(folder: str, inventory: Inventory, diagnostics: Diagnostics) -> None:
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.startswith(".") or name in ("group_vars", "host_vars") or name.endswith(_SKIPPED_SUFFIXES):
            continue
        if os.path.isdir(path):
            _read_folder(path, inventory, diagnostics)
        else:
            _read_source(path, inventory, diagnostics)


def _read_source(path: str, inventory: Inventory, diagnostics: Diagnostics) -> None:
    if is_script(path):
        inventory.sources.append(path)
        read_script(path, inventory, diagnostics)
        return
    source = read_source(path, diagnostics)
    if source is None:
        return
    text = source.text
    inventory.sources.append(path)
    if _is_yaml(path, text):
        value = parse_yaml(text, path, diagnostics, sealed=source.sealed)
        if value is not None:
            read_yaml_inventory(value, inventory, diagnostics)
    else:
        read_ini_inventory(text, path, inventory, diagnostics, sealed=source.sealed)


def _is_yaml(path: str, text: str) -> bool:
    """Tell by the suffix; without one by the first line that says something."""
    suffix = os.path.splitext(path)[1]
    if suffix in (".yml", ".yaml", ".json"):
        return True
    if suffix == ".ini":
        return False
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return _YAML_START.match(first) is not None
