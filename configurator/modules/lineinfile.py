"""lineinfile: one line is in a file, or no such line is.

Parameters are Ansible's, but for `attributes`, `unsafe_writes` and the SELinux ones. A link is written
through, to the file that it names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules.attributes import Attributes, clean, common_problems, make_parents
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.lines import Edit, absent, present
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System
from configurator.modules.validators import default_validator


@dataclass(frozen=True, slots=True)
class LineInFileParams:
    """The parameters of lineinfile."""

    path: str = param("str", required=True, aliases=("dest", "destfile", "name"))
    line: str | None = param("str", aliases=("value",))
    regexp: str | None = param("str", aliases=("regex",))
    search_string: str | None = param("str")
    state: str = param("str", "present", choices=("present", "absent"))
    backrefs: bool = param("bool", False)
    insertafter: str | None = param("str")
    insertbefore: str | None = param("str")
    firstmatch: bool = param("bool", False)
    create: bool = param("bool", False)
    backup: bool = param("bool", False)
    validate: str | None = param("str")
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")


class LineInFile(Module[LineInFileParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "lineinfile"
    params: ClassVar[type] = LineInFileParams

    def check(self, params: LineInFileParams) -> Sequence[ParamProblem]:
        problems = common_problems(params)
        selects = (params.line, params.regexp, params.search_string)
        if params.state == "present" and params.line is None:
            problems.append(ParamProblem("", "'line' is required with 'state: present'"))
        if params.state == "absent" and all(value is None for value in selects):
            problems.append(
                ParamProblem("", "one of 'line', 'regexp' and 'search_string' is required to remove lines")
            )
        if params.backrefs and params.regexp is None:
            problems.append(ParamProblem("backrefs", "'backrefs' needs 'regexp'"))
        for one, other in (("regexp", "search_string"), ("insertafter", "insertbefore")):
            if getattr(params, one) is not None and getattr(params, other) is not None:
                problems.append(ParamProblem(other, f"{one!r} and {other!r} exclude each other"))
        for name in ("regexp", "insertafter", "insertbefore"):
            try:
                re.compile(getattr(params, name) or "")
            except re.error as error:
                problems.append(ParamProblem(name, f"{name!r} is no regular expression: {error}"))
        return problems

    def subject(self, params: LineInFileParams) -> str:
        return f"path:{clean(params.path)}"

    def effects(self, params: LineInFileParams) -> Effects:
        path = clean(params.path)
        accounts = Attributes.of(params).account_keys()
        makes = parent_keys(path) if params.create else ()
        return effects(reads=[*path_keys(path), *accounts], writes=[f"path:{path}"], makes=makes)

    def locks(self, params: LineInFileParams) -> frozenset[str]:
        # Two edits of one file each read it, change their line and write it whole: one would be lost.
        return frozenset({f"path:{clean(params.path)}"})

    def guard(self, params: LineInFileParams, system: System) -> Guard | None:
        return guard_for_path(system, clean(params.path))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: LineInFileParams) -> State:
        found = system.stat(params.path, follow=True)
        if found is not None and found.kind == "directory":
            raise ParameterError(f"{params.path} is a directory")
        state = Attributes.of(params).observed(found)
        state["stat"] = found
        if found is not None:
            state["content"] = Content(system.read(params.path))
        elif params.state == "present" and not params.create:
            raise ParameterError(f"{params.path} does not exist", hint="`create: true` makes it")
        if params.regexp == "":
            system.notice("'regexp' is empty, and so matches every line")
        return state

    def desired(self, params: LineInFileParams, actual: State) -> State:
        if actual["kind"] == "absent" and params.state == "absent":
            return {}
        wanted = Attributes.of(params).wanted("file", actual["stat"])
        # After our own edit the file must be what we wrote. Editing it again need not leave it as it is,
        # since an expression may match several lines, which `converge` warns of.
        edited = actual.get("written") or _edited(params, actual.get("content"))
        return {"content": edited} | wanted

    def converge(self, system: System, params: LineInFileParams, change: Change) -> State | None:
        if "content" not in change:
            Attributes.of(params).set(system, params.path)
            return None
        content = change.after["content"]
        if change.before["kind"] == "absent":
            make_parents(system, posixpath.dirname(params.path))
        if params.state == "present" and not _matches_itself(params):
            system.notice(
                f"the expression does not match the line that takes the place: once somebody changes "
                f"{params.line!r} in the file, it will be added a second time"
            )
        elif _edited(params, content) != content:
            system.notice("more lines match: the next run will change this file again")
        backup = system.write(
            params.path,
            content.data,
            mode=params.mode,
            owner=params.owner,
            group=params.group,
            backup=params.backup,
            validate=params.validate or default_validator(system, params.path),
        )
        return {"written": content} | ({"backup": backup} if backup is not None else {})

    def outputs(self, params: LineInFileParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return `backup`, the path of the copy of the old file, if there is one."""
        return {"backup": actual["backup"]} if "backup" in actual else {}


def _matches_itself(params: LineInFileParams) -> bool:
    """Return True if the next run will know the line again by the expression that found its place."""
    if params.backrefs:
        return True
    if params.regexp is not None:
        return re.search(params.regexp, params.line or "") is not None
    return params.search_string is None or params.search_string in (params.line or "")


def _edited(params: LineInFileParams, content: Content | None) -> Content:
    """Return what the edit makes of a content; bytes that are no UTF-8 stay as they are."""
    text = content.data.decode("utf-8", "surrogateescape") if content is not None else ""
    edit = Edit(
        params.line or "",
        params.regexp,
        params.search_string,
        params.backrefs,
        params.insertafter,
        params.insertbefore,
        params.firstmatch,
    )
    edited = present(text, edit) if params.state == "present" else absent(text, edit)
    return Content(edited.encode("utf-8", "surrogateescape"))
