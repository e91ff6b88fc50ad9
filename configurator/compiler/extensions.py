"""A project's own modules: found in its folder `modules/`, checked before any host is asked."""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from configurator.compiler import keywords as words
from configurator.compiler.taskfile import ModuleTable
from configurator.config.diagnostics import Diagnostics
from configurator.config.paths import line_span
from configurator.modules.base import Module
from configurator.modules.extension import ExtensionError, load
from configurator.modules.registry import COLLECTIONS

FOLDER = "modules"
_SENT = ("configurator.core", "configurator.modules")  # what of ours is on every host


@dataclass(frozen=True, slots=True)
class Extension:
    """A module of the project; `source` is what a host gets that has a task of it, under its `digest`."""

    module: Module[Any]
    source: bytes
    digest: str


class Modules:
    """Our modules and those of a project, which win."""

    def __init__(self, builtin: ModuleTable, extensions: Mapping[str, Extension]) -> None:
        self._builtin = builtin
        self.extensions = dict(extensions)

    def names(self) -> list[str]:
        """Return every name by which a module can be called."""
        return sorted({*self._builtin.names(), *self.extensions})

    def canonical(self, name: str) -> str | None:
        """Return the module's own name, or None if there is none."""
        short = _short(name)
        return short if short in self.extensions else self._builtin.canonical(name)

    def get(self, name: str) -> Module[Any]:
        """Return the module; KeyError if there is none."""
        found = self.extensions.get(_short(name))
        return self._builtin.get(name) if found is None else found.module


def with_extensions(builtin: ModuleTable, root: str, problems: Diagnostics) -> ModuleTable:
    """Return `builtin` with the modules of the project in `root`, noting what is wrong with these."""
    found = dict(_found(builtin, os.path.join(root, FOLDER), problems))
    return Modules(builtin, found) if found else builtin


def used(modules: ModuleTable, names: set[str]) -> dict[str, Extension]:
    """Return those of the project's modules that are among these names."""
    known = modules.extensions if isinstance(modules, Modules) else {}
    return {name: extension for name, extension in known.items() if name in names}


def _found(builtin: ModuleTable, folder: str, problems: Diagnostics) -> Iterator[tuple[str, Extension]]:
    try:
        files = sorted(os.listdir(folder))
    except OSError:
        return
    for file in files:
        name, suffix = os.path.splitext(file)
        if suffix != ".py" or name.startswith(("_", ".")):
            continue
        path = os.path.join(folder, file)
        try:
            extension = _read(name, path)
            _check_name(name, builtin, extension.module)
        except ExtensionError as error:
            problems.add(line_span(path, error.line or 1), error.message, error.hint, code="extension")
        except OSError as error:
            problems.add(line_span(path, 1), f"cannot be read: {error.strerror}", code="extension")
        else:
            yield name, extension


def _read(name: str, path: str) -> Extension:
    with open(path, "rb") as file:
        source = file.read()
    _check_imports(source, path)
    try:
        module = load(name, source, path)
    except ExtensionError as error:
        raise ExtensionError(error.message, error.line or _class_line(source), error.hint) from None
    return Extension(module, source, hashlib.sha256(source).hexdigest())


def _check_imports(source: bytes, path: str) -> None:
    """Refuse what a host does not have: it has Python's standard library, and what modules are made of."""
    try:
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError):
        return  # reading it says so
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = ["." * node.level + (node.module or "")]
        else:
            continue
        for imported in found:
            ours = any(f"{imported}.".startswith(f"{package}.") for package in _SENT)
            if not ours and imported.partition(".")[0] not in sys.stdlib_module_names:
                hint = f"it has Python's standard library, {_SENT[0]} and {_SENT[1]}"
                raise ExtensionError(f"a host has no {imported!r} to import", node.lineno, hint)


def _check_name(name: str, builtin: ModuleTable, module: Module[Any]) -> None:
    taken = words.TASK | words.WITHOUT_MEANING | words.BLOCK | {*words.CONTROL, *words.LOOPS}
    if not name.isidentifier() or name in taken:
        raise ExtensionError(f"{name!r} cannot be a module's name", 1)
    if builtin.canonical(name) is not None and not module.override:
        hint = "call it otherwise, or set `override = True` in its class if it is to replace ours"
        raise ExtensionError(f"there is a module {name!r} already", 1, hint)


def _class_line(source: bytes) -> int:
    """Return the line of the last class of a file, which is the module in all likelihood."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return 1
    return max((node.lineno for node in body if isinstance(node, ast.ClassDef)), default=1)


def _short(name: str) -> str:
    for prefix in COLLECTIONS:
        name = name.removeprefix(prefix)
    return name
