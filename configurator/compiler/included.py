"""What an `include_role` and an `include_vars` bring in: a role's tasks and variables, files of variables."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from configurator.compiler.argcheck import check_arguments
from configurator.compiler.late import LateValueError
from configurator.compiler.roles import Role, RoleUse, part_variables
from configurator.compiler.scope import Entry, Layer, Scope
from configurator.compiler.taskmaker import TaskMaker
from configurator.compiler.tasknodes import Node, RoleNode, VarsNode
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import truthy
from configurator.compiler.variables import HostVariables
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_map, did_you_mean
from configurator.config.located import Located, LocatedMap, LocatedScalar
from configurator.config.paths import shown_path
from configurator.config.yamlsource import load_yaml


@dataclass(frozen=True, slots=True, eq=False)
class IncludedRole:
    """A role in the place of an include: its nodes, and the variables for them."""

    role: Role
    scope: Scope
    tasks: tuple[Node, ...]
    handlers: tuple[Node, ...]
    defaults: Layer
    vars: Layer


def included_role(
    node: RoleNode, scope: Scope, maker: TaskMaker, variables: HostVariables
) -> IncludedRole | None:
    """Return a role that is included here, None after noting that there is none."""
    name = str(scope.value(node.role))
    problems = maker.state.diagnostics
    library = maker.tools.library
    library.load(RoleUse(name, node.role.span), problems)
    role = library.get(name)
    if role is None:
        return None
    files = {
        part: _file(located, scope)
        for part, located in (
            ("tasks", node.tasks_from),
            ("handlers", node.handlers_from),
            ("defaults", node.defaults_from),
            ("vars", node.vars_from),
        )
    }
    tasks, handlers = _parts(role, files, maker, node.span)
    defaults = part_variables(role, "defaults", files["defaults"], node.span, problems)
    own = part_variables(role, "vars", files["vars"], node.span, problems)
    inner = variables.inner_scope(scope, role, defaults, own)
    if node.validate is None or truthy(scope.value(node.validate)):
        entry = os.path.splitext(files["tasks"] or "main")[0]
        check_arguments(role.name, role.arguments.get(entry), inner, node.span, problems)
    return IncludedRole(role, inner, tasks, handlers, defaults, own)


def is_public(node: RoleNode, scope: Scope) -> bool:
    """Return True if the tasks below see the role's variables; without `public` if it is imported."""
    return node.static if node.public is None else truthy(scope.value(node.public))


def export_ahead(node: RoleNode, scope: Scope, maker: TaskMaker) -> None:
    """Let the tasks below an include that is put off see the role's variables, if it is known which."""
    try:
        role = maker.tools.library.get(str(scope.value(node.role))) if is_public(node, scope) else None
        if role is not None:
            files = [_file(located, scope) for located in (node.defaults_from, node.vars_from)]
            parts = zip(("defaults", "vars"), files, strict=True)
            scope.facts.export(*(part_variables(role, *part, node.span, Diagnostics()) for part in parts))
    except (LateValueError, TemplatingError):
        return  # then they are seen once it is compiled


def _parts(
    role: Role, files: Mapping[str, str | None], maker: TaskMaker, span: Span
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    library, problems = maker.tools.library, maker.state.diagnostics
    tasks, handlers = role.tasks, role.handlers
    if files["tasks"] is not None:
        tasks = library.part(role, "tasks", files["tasks"], span, problems)
    if files["handlers"] is not None:
        handlers = library.part(role, "handlers", files["handlers"], span, problems)
    return tasks, handlers


def _file(located: LocatedScalar | None, scope: Scope) -> str | None:
    return None if located is None else str(scope.value(located))


def included_variables(node: VarsNode, scope: Scope, maker: TaskMaker) -> dict[str, Entry]:
    """Return the variables of the files that an `include_vars` means."""
    args: dict[str, Any] = {str(key): scope.value(value) for key, value in node.args.entries.items()}
    problems = Diagnostics()
    files = list(_files(node, args, maker))
    merged: dict[str, Located] = {}
    for path in files:
        value = load_yaml(path, problems, name=shown_path(path))
        found = as_map(value, "a file of variables", problems) if value is not None else None
        for key, item in (found.entries if found is not None else {}).items():
            known = merged.get(str(key))
            if args.get("hash_behaviour") == "merge" and known is not None:
                merged[str(key)] = _merged(known, item)
            else:
                merged[str(key)] = item
    maker.state.diagnostics.extend(problems.sorted())
    if args.get("name"):
        span = node.args.span
        return {str(args["name"]): LocatedMap(dict(merged), span, dict.fromkeys(merged, span))}
    return dict(merged)


def _merged(known: Located, item: Located) -> Located:
    if not isinstance(known, LocatedMap) or not isinstance(item, LocatedMap):
        return item
    return LocatedMap({**known.entries, **item.entries}, item.span, {**known.keys, **item.keys})


def _files(node: VarsNode, args: Mapping[str, Any], maker: TaskMaker) -> Iterator[str]:
    if "file" in args:
        located = node.args.entries["file"]
        yield _found(str(args["file"]), node, maker, located.span)
        return
    located = node.args.entries["dir"]
    folder = _found(str(args["dir"]), node, maker, located.span)
    depth = int(args.get("depth") or 0)
    wanted = re.compile(str(args["files_matching"])) if args.get("files_matching") else None
    ignored = args.get("ignore_files") or []
    extensions = args.get("extensions") or ("yml", "yaml", "json")
    suffixes = tuple(f".{str(item).lstrip('.')}" for item in extensions)
    for current, folders, names in os.walk(folder):
        folders.sort()
        level = 0 if current == folder else os.path.relpath(current, folder).count(os.sep) + 1
        if depth and level + 1 >= depth:
            folders.clear()
        for name in sorted(names):
            skip = any(fnmatch.fnmatch(name, str(item)) or re.search(str(item), name) for item in ignored)
            if skip or (wanted is not None and not wanted.search(name)):
                continue
            if name.endswith(suffixes):
                yield os.path.join(current, name)
            elif not truthy(args.get("ignore_unknown_extensions", False)):
                message = f"{name} has none of the extensions {', '.join(suffixes)}"
                raise TemplatingError(located.span.diagnostic(message, code="no-such-file"))


def _found(name: str, node: VarsNode, maker: TaskMaker, span: Span) -> str:
    """Return a file or folder: in the role's vars/, in the role, beside the task file, in the project."""
    name = os.path.expanduser(name)
    role, root = maker.role.path, maker.tools.root
    folders = [os.path.join(role, "vars"), role, node.folder, os.path.join(root, "vars"), root]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    near = os.listdir(folders[0]) if os.path.isdir(folders[0]) else ()
    hint = did_you_mean(name, near) or f"it is looked for in {shown_path(folders[0])} first"
    raise TemplatingError(
        span.diagnostic(f"there is no file of variables {name!r}", hint, code="no-such-file")
    )
