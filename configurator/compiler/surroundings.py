"""What a lookup sees: variables, the folders it searches, and what lookups keep for a run."""

from __future__ import annotations

import os
import threading
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import jinja2
from jinja2.runtime import Context

from configurator.config.diagnostics import Span
from configurator.config.paths import shown_path
from configurator.config.sealed import Opener, is_sealed, parts_of
from configurator.core.errors import InputError

FOLDERS = ("files", "templates", "vars", "tasks")
_MAX_BYTES = 16 * 1024 * 1024  # a larger file is no value of an expression


@runtime_checkable
class Scoped(Protocol):
    """The variables of a task, with the engine that renders them."""

    @property
    def engine(self) -> Any:
        """Return the engine of the project."""

    @property
    def secrets(self) -> set[str]:
        """Return the texts that must never be shown."""

    def child(self, own: Any = None, loops: Mapping[str, Any] | None = None) -> Any:
        """Return the same variables with more of them in front."""


@dataclass(slots=True)
class Kept:
    """What the lookups of a project keep: parsed templates, and new passwords until they may be written.

    Several hosts may ask for a password at once, and all get the same one.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    templates: dict[str, Any] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    writes: bool = False

    def write(self) -> None:
        """Write the new passwords, and from now on each as it is made: an apply does so, a plan never."""
        with self.lock:
            self.writes = True
            for path in list(self.pending):
                write_private(path, self.pending[path])
                del self.pending[path]


def write_private(path: str, text: str) -> None:
    """Write a file that nobody else can read, in place of an older one."""
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    beside = f"{path}.{os.getpid()}.new"
    try:
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        os.replace(beside, path)
    except OSError:
        if os.path.lexists(beside):
            os.unlink(beside)
        raise


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The variables where a lookup stands; `folders` are the kinds of files that it may mean, best first."""

    variables: Mapping[str, Any]
    undefined: type[jinja2.Undefined] = jinja2.StrictUndefined
    folders: tuple[str, ...] = FOLDERS

    @classmethod
    def of_template(cls, context: Context) -> Surroundings:
        """Return what is around an expression of a template."""
        return cls(context.get_all(), context.environment.undefined)

    def get(self, name: str) -> Any:
        """Return a variable's value, rendered; an undefined one if there is none."""
        try:
            return self.variables[name]
        except KeyError:
            return self.undefined(name=name)

    def text(self, name: str) -> str | None:
        """Return a variable that is a text; None if it is anything else."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    @property
    def root(self) -> str:
        """Return the folder of the project."""
        return self.text("playbook_dir") or os.getcwd()

    @property
    def scope(self) -> Scoped | None:
        """Return the scope of the task; None if the variables are not of one."""
        return _scope(self.variables)

    def kept(self) -> Kept:
        """Return what the lookups of the project keep."""
        found = getattr(self.scope.engine, "kept", None) if self.scope is not None else None
        return found if isinstance(found, Kept) else Kept()

    def places(self, name: str, folders: tuple[str, ...] = ()) -> Iterator[str]:
        """Yield where a file may be: in the role's folders, the role, the project's folders, the project."""
        name = os.path.expanduser(name)
        if os.path.isabs(name):
            yield name
            return
        kinds = folders or self.folders
        role = self.text("role_path")
        for base, more in ((role, ("tasks",)), (self.root, ())):
            for kind in (*kinds, "", *more) if base is not None else ():
                yield os.path.normpath(os.path.join(base or "", kind, name))

    def find(self, name: str, folders: tuple[str, ...] = ()) -> str | None:
        """Return the file that a name means; None if there is none."""
        return next((place for place in self.places(name, folders) if os.path.isfile(place)), None)

    def needed(self, name: str, folders: tuple[str, ...] = ()) -> str:
        """Return the file that a name means; ValueError if there is none."""
        found = self.find(name, folders)
        if found is None:
            raise ValueError(f"there is no file {name!r}")
        return found

    def read(self, name: str, encoding: str = "utf-8") -> str:
        """Return the text of the file that a name means, decrypted if need be."""
        path = self.needed(name, ("files",))
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ValueError(f"{name!r} is larger than {_MAX_BYTES // 1024 // 1024} MB")
        return self._opened(path, data).decode(encoding) if is_sealed(data) else data.decode(encoding)

    def _opened(self, path: str, data: bytes) -> bytes:
        if self.scope is None:
            raise ValueError("the file is encrypted, and there is no password for it here")
        vault: Opener = self.scope.engine.vault
        try:
            opened = vault.open(data.decode(), Span(shown_path(path)))
        except InputError as error:
            raise ValueError(error.diagnostics[0].message) from None
        text = opened.decode("utf-8", "replace")
        self.hide({text, *parts_of(text)} - {""})
        return opened

    def hide(self, texts: set[str]) -> None:
        """Have texts masked in everything that is shown from now on."""
        if self.scope is not None:
            self.scope.secrets.update(texts)
            self.scope.engine.vault.hide(texts)


def _scope(variables: Any) -> Scoped | None:
    if isinstance(variables, ChainMap):
        return next((found for part in variables.maps if (found := _scope(part)) is not None), None)
    return variables if isinstance(variables, Scoped) else None
