"""Roles on disk: found by name, read once, and kept for all hosts."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from configurator.compiler import keywords as words
from configurator.compiler.argspecs import EntryPoints, read_argument_specs
from configurator.compiler.compiled import Requirement
from configurator.compiler.taskfile import ModuleTable, TaskFileReader
from configurator.compiler.tasknodes import BlockNode, IncludeNode, Keywords, Node, RoleNode
from configurator.compiler.templating import is_template
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_list, as_map, as_text, as_variables, did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar
from configurator.config.paths import shown_path
from configurator.config.yamlsource import load_yaml

_SUFFIXES = (".yml", ".yaml")
_META_KEYS = ("dependencies", "requires", "galaxy_info", "allow_duplicates", "collections", "argument_specs")


@dataclass(frozen=True, slots=True, eq=False)
class RoleUse:
    """One mention of a role, in `site:`, a play or as another role's dependency, with what it says besides.

    `vars` are those below `vars:`, `params` those beside `role:`, which win over what tasks set. `keywords`
    are those that are no variables, tags or conditions: `become`, say.
    """

    name: str
    span: Span
    vars: Mapping[str, Located] = field(default_factory=dict)
    tags: tuple[LocatedScalar, ...] = ()
    when: tuple[LocatedScalar, ...] = ()
    requires: tuple[Requirement, ...] = ()
    keywords: Keywords = field(default_factory=Keywords)
    params: Mapping[str, Located] = field(default_factory=dict)

    @property
    def given(self) -> Mapping[str, Located]:
        """Return all variables that the mention gives the role."""
        return {**self.vars, **self.params}


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """A role's files. `path` is absolute, `shown` how messages call it; `files` has its other task files.

    With `allow_duplicates` a play runs it as often as it is mentioned, even in the same way.
    """

    name: str
    path: str
    shown: str
    span: Span
    tasks: tuple[Node, ...] = ()
    handlers: tuple[Node, ...] = ()
    defaults: Mapping[str, Located] = field(default_factory=dict)
    vars: Mapping[str, Located] = field(default_factory=dict)
    needs: tuple[RoleUse, ...] = ()
    arguments: EntryPoints = field(default_factory=dict)
    allow_duplicates: bool = False
    files: dict[str, tuple[Node, ...]] = field(default_factory=dict)

    def nodes(self) -> Iterator[Node]:
        """Yield every node of the tasks, the handlers and the other files read so far, blocks included."""
        pending = [*self.tasks, *self.handlers, *(node for nodes in [*self.files.values()] for node in nodes)]
        pending.reverse()
        while pending:
            node = pending.pop()
            yield node
            if isinstance(node, BlockNode):
                pending += reversed((*node.children, *node.rescue, *node.always))

    def mentioned(self) -> Iterator[RoleUse]:
        """Yield the roles that its tasks include by a plain name."""
        for node in self.nodes():
            if isinstance(node, RoleNode) and not is_template(str(node.role.value)):
                yield RoleUse(str(node.role.value), node.role.span)


def builtin_roles_path() -> str:
    """Return the folder of the roles that come with Configurator.

    A wheel has them inside the package; a checkout beside it.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    packed = os.path.join(package, "_roles")
    return packed if os.path.isdir(packed) else os.path.join(os.path.dirname(package), "roles")


class RoleLibrary:
    """Finds and reads roles. `get` may be called from any thread once a role was loaded by `load`."""

    def __init__(self, folders: Sequence[str], modules: ModuleTable) -> None:
        self._folders = [os.path.abspath(folder) for folder in folders]
        self._modules = modules
        self._loaded: dict[str, Role | None] = {}
        self._paths = dict(self._find())

    def _find(self) -> Iterator[tuple[str, str]]:
        for folder in reversed(self._folders):  # earlier folders win
            if not os.path.isdir(folder):
                continue
            for name in sorted(os.listdir(folder)):
                path = os.path.join(folder, name)
                if os.path.isdir(path) and not name.startswith((".", "_")):
                    yield name, path

    def names(self) -> Collection[str]:
        """Return the names of all roles that can be found."""
        return self._paths.keys()

    def stands_in(self, name: str, folders: Sequence[str]) -> bool:
        """Return True if the role was found directly in one of these folders."""
        return os.path.dirname(self._paths[name]) in {os.path.abspath(folder) for folder in folders}

    def get(self, name: str) -> Role | None:
        """Return a role that was loaded; None if it is unknown or could not be read."""
        return self._loaded.get(name)

    def loaded(self) -> tuple[Role, ...]:
        """Return every role that could be read."""
        return tuple(role for role in self._loaded.values() if role is not None)

    def load(self, use: RoleUse, diagnostics: Diagnostics) -> None:
        """Read a role and every role that it needs, noting what is wrong with them."""
        pending = [use]
        while pending:
            use = pending.pop(0)
            if use.name not in self._paths:
                hint = did_you_mean(use.name, self._paths) or self._where()
                diagnostics.add(use.span, f"unknown role {use.name!r}", hint, code="unknown-role")
                continue
            if use.name not in self._loaded:
                role = self._loaded[use.name] = self._read(use.name, diagnostics)
                pending += (*role.needs, *role.mentioned())

    def add(self, role: Role, diagnostics: Diagnostics) -> None:
        """Take in a role that is no folder, such as the tasks of a play, and read what it includes."""
        self._loaded[role.name] = role
        self._read_includes(role, diagnostics)
        for use in role.mentioned():
            self.load(use, diagnostics)

    def _where(self) -> str:
        return "roles are looked for in " + ", ".join(shown_path(folder) for folder in self._folders)

    def _read(self, name: str, diagnostics: Diagnostics) -> Role:
        path = self._paths[name]
        reader = TaskFileReader(self._modules, self.names(), diagnostics)
        files: dict[str, tuple[Node, ...]] = {}
        needs, duplicates = self._meta(path, reader)
        role = Role(
            name=name,
            path=path,
            shown=shown_path(path),
            span=Span(shown_path(path)),
            tasks=self._main_tasks(path, "tasks", reader),
            handlers=self._main_tasks(path, "handlers", reader),
            defaults=_variables(path, "defaults", diagnostics),
            vars=_variables(path, "vars", diagnostics),
            needs=needs,
            arguments=_arguments(path, diagnostics),
            allow_duplicates=duplicates,
            files=files,
        )
        self._read_includes(role, diagnostics)
        return role

    def _main_tasks(self, path: str, part: str, reader: TaskFileReader) -> tuple[Node, ...]:
        file = main_file(path, part)
        if file is None:
            return ()
        value = load_yaml(file, reader.diagnostics, name=shown_path(file))
        return () if value is None else reader.read(value, os.path.dirname(file), handlers=part == "handlers")

    # -- included files -------------------------------------------------------------------------------

    def _read_includes(self, role: Role, diagnostics: Diagnostics) -> None:
        """Read every file that is included by a plain name, and those that they include."""
        pending = [*role.tasks]
        handlers = [*role.handlers]
        while pending or handlers:
            in_handlers = not pending
            node = (handlers if in_handlers else pending).pop()
            found: Sequence[Node] = ()
            if isinstance(node, BlockNode):
                found = (*node.children, *node.rescue, *node.always)
            elif isinstance(node, IncludeNode) and not is_template(str(node.file.value)):
                path = include_path(node, str(node.file.value), role)
                if path not in role.files:
                    found = self.included(role, node, str(node.file.value), diagnostics, handlers=in_handlers)
            (handlers if in_handlers else pending).extend(found)

    def included(
        self, role: Role, node: IncludeNode, name: str, diagnostics: Diagnostics, *, handlers: bool = False
    ) -> tuple[Node, ...]:
        """Return the nodes of an included file, reading it at its first use."""
        path = include_path(node, name, role)
        if path not in role.files:
            if not os.path.isfile(path):
                folder = os.path.dirname(path)
                near = os.listdir(folder) if os.path.isdir(folder) else ()
                diagnostics.add(
                    node.file.span,
                    f"there is no task file {name!r}",
                    did_you_mean(name, near),
                    code="no-such-file",
                )
                return ()
            reader = TaskFileReader(self._modules, self.names(), diagnostics)
            value = load_yaml(path, diagnostics, name=shown_path(path))
            read = () if value is None else reader.read(value, os.path.dirname(path), handlers=handlers)
            role.files[path] = read
        return role.files[path]

    def part(
        self, role: Role, part: str, name: str, span: Span, diagnostics: Diagnostics
    ) -> tuple[Node, ...]:
        """Return the nodes of another file than main.yml of a role's tasks or handlers."""
        path = part_file(role.path, part, name)
        if path is None:
            folder = os.path.join(role.path, part)
            near = did_you_mean(name, os.listdir(folder) if os.path.isdir(folder) else ())
            diagnostics.add(
                span, f"role {role.name!r} has no file {name!r} in {part}/", near, code="role-entry"
            )
            return ()
        if path not in role.files:
            reader = TaskFileReader(self._modules, self.names(), diagnostics)
            value = load_yaml(path, diagnostics, name=shown_path(path))
            read = reader.read(value, os.path.dirname(path), handlers=part == "handlers") if value else ()
            role.files[path] = read
        return role.files[path]

    # -- meta -----------------------------------------------------------------------------------------

    def _meta(self, path: str, reader: TaskFileReader) -> tuple[tuple[RoleUse, ...], bool]:
        """Return what a role needs, and whether it may run again in the same way."""
        file = main_file(path, "meta")
        if file is None:
            return (), False
        diagnostics = reader.diagnostics
        value = load_yaml(file, diagnostics, name=shown_path(file))
        meta = as_map(value, "meta/main.yml", diagnostics) if value is not None else None
        if meta is None:
            return (), False
        for key in meta.entries:
            if key not in _META_KEYS and (hint := did_you_mean(key, _META_KEYS)):
                diagnostics.add(meta.key_span(key), f"unknown key {key!r}", hint, code="unknown-key")
        uses: list[RoleUse] = []
        for key in ("dependencies", "requires"):
            wanted = meta.get(key)
            if isinstance(wanted, LocatedScalar) and isinstance(wanted.value, str) and key == "requires":
                wanted = LocatedList((wanted,), wanted.span)
            items = as_list(wanted, f"'{key}'", diagnostics) if wanted is not None else ()
            found = [use for item in items or () if (use := read_role_use(item, reader)) is not None]
            uses += [replace(use, requires=()) for use in found]  # what a role needs stands in its own meta
        again = meta.get("allow_duplicates")
        said = again.value if isinstance(again, LocatedScalar) else None
        if again is not None and not isinstance(said, bool):
            message = f"'allow_duplicates' must be true or false, not {kind_of(again)}"
            diagnostics.add(again.span, message, code="wrong-value")
        return tuple(uses), said is True


def read_role_use(item: Located, reader: TaskFileReader) -> RoleUse | None:
    """Return a mention of a role: its name, or a mapping with `role`, `vars`, `tags`, `when`, `requires`.

    Any other key is a variable for the role, as in Ansible's older files.
    """
    diagnostics = reader.diagnostics
    if isinstance(item, LocatedScalar):
        name = as_text(item, "a role", diagnostics)
        return None if name is None else RoleUse(name, item.span)
    if not isinstance(item, LocatedMap):
        diagnostics.add(
            item.span, f"a role must be a name or a mapping, not {kind_of(item)}", code="role-entry"
        )
        return None
    named = item.get("role") or item.get("name")
    name = None if named is None else as_text(named, "'role'", diagnostics)
    if name is None or named is None:
        if named is None:
            diagnostics.add(item.span, "this entry names no role", "write 'role: NAME'", code="role-entry")
        return None
    keywords = reader.keywords(item)
    known = {"role", "name", "vars", "tags", "when", "requires", "become", "become_user", "environment"}
    params = {
        str(key): value for key, value in item.entries.items() if key not in known and key not in words.COMMON
    }
    requires = reader.requirements(item.get("requires"), roles_only=True)
    rest = replace(keywords, vars={}, tags=(), when=())
    return RoleUse(name, named.span, keywords.vars, keywords.tags, keywords.when, requires, rest, params)


def main_file(role_path: str, part: str) -> str | None:
    """Return the main file of a part of a role, or None if it has none."""
    for suffix in _SUFFIXES:
        path = os.path.join(role_path, part, f"main{suffix}")
        if os.path.isfile(path):
            return path
    return None


def part_file(role_path: str, part: str, name: str) -> str | None:
    """Return a file of a part of a role by its name, with or without its suffix."""
    for suffix in ("", *_SUFFIXES):
        path = os.path.join(role_path, part, name + suffix)
        if os.path.isfile(path):
            return path
    return None


def part_variables(
    role: Role, part: str, name: str | None, span: Span, diagnostics: Diagnostics
) -> Mapping[str, Located]:
    """Return a role's defaults or vars: those of main.yml, or of the file of this name."""
    if name is None or name in ("main", "main.yml"):
        return role.defaults if part == "defaults" else role.vars
    path = part_file(role.path, part, name)
    if path is None:
        diagnostics.add(span, f"role {role.name!r} has no file {name!r} in {part}/", code="role-entry")
        return {}
    return _file_variables([path], diagnostics)


def include_path(node: IncludeNode, name: str, role: Role) -> str:
    """Return the file that an include means: beside the including file, else in the role's tasks/."""
    beside = os.path.normpath(os.path.join(node.folder, name))
    return beside if os.path.isfile(beside) else os.path.normpath(os.path.join(role.path, "tasks", name))


def _arguments(role_path: str, diagnostics: Diagnostics) -> EntryPoints:
    """Return what a role declares of its variables: in a file of its own, else in meta/main.yml."""
    files = [os.path.join(role_path, "meta", f"argument_specs{suffix}") for suffix in _SUFFIXES]
    file = next((path for path in files if os.path.isfile(path)), None)
    if file is not None:
        value = load_yaml(file, diagnostics, name=shown_path(file))
        return {} if value is None else read_argument_specs(value, diagnostics)
    file = main_file(role_path, "meta")
    value = (
        load_yaml(file, Diagnostics(diagnostics.vault), name=shown_path(file)) if file is not None else None
    )
    return read_argument_specs(value, diagnostics) if isinstance(value, LocatedMap) else {}


def _variables(role_path: str, part: str, diagnostics: Diagnostics) -> dict[str, Located]:
    """Return the variables of defaults/ or vars/: of main.yml, or of all files in main/."""
    folder = os.path.join(role_path, part, "main")
    files = [main_file(role_path, part)]
    if os.path.isdir(folder):
        names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIXES))
        files += [os.path.join(folder, name) for name in names]
    return _file_variables(files, diagnostics)


def _file_variables(files: Iterable[str | None], diagnostics: Diagnostics) -> dict[str, Located]:
    variables: dict[str, Located] = {}
    for file in files:
        value = load_yaml(file, diagnostics, name=shown_path(file)) if file is not None else None
        variables |= as_variables(value, "a file of variables", diagnostics) if value is not None else {}
    return variables
