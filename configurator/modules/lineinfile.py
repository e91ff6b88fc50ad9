"""lineinfile: one line is in a file, or no such line is.

Parameters are Ansible's, but for `unsafe_writes`, `attributes` and the SELinux ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError
from configurator.modules import attributes
from configurator.modules.base import Guard, Module
from configurator.modules.copy import make_parents
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State, compare
from configurator.modules.system import System


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
        problems = []
        if params.state == "present" and params.line is None:
            problems.append(ParamProblem("", "'line' is required with 'state: present'"))
        if params.state == "absent" and not (params.line or params.regexp or params.search_string):
            problems.append(
                ParamProblem("", "one of 'line', 'regexp' and 'search_string' is required to remove lines")
            )
        if params.backrefs and params.regexp is None:
            problems.append(ParamProblem("backrefs", "'backrefs' needs 'regexp'"))
        if params.regexp is not None and params.search_string is not None:
            problems.append(ParamProblem("search_string", "'regexp' and 'search_string' exclude each other"))
        if params.insertafter is not None and params.insertbefore is not None:
            problems.append(
                ParamProblem("insertbefore", "'insertafter' and 'insertbefore' exclude each other")
            )
        for name in ("regexp", "insertafter", "insertbefore"):
            try:
                re.compile(getattr(params, name) or "")
            except re.error as error:
                problems.append(ParamProblem(name, f"{name!r} is no regular expression: {error}"))
        return problems

    def subject(self, params: LineInFileParams) -> str:
        return f"path:{params.path}"

    def effects(self, params: LineInFileParams) -> Effects:
        accounts = attributes.account_keys(params.owner, params.group)
        return effects(reads=[*path_keys(params.path), *accounts], writes=[f"path:{params.path}"])

    def locks(self, params: LineInFileParams) -> frozenset[str]:
        return frozenset({f"path:{params.path}"})

    def guard(self, params: LineInFileParams, system: System) -> Guard | None:
        return guard_for_path(system, params.path)

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: LineInFileParams) -> State:
        found = system.stat(params.path, follow=True)
        state = attributes.observed(found)
        if found is not None and found.kind == "directory":
            raise ParameterError(f"{params.path} is a directory")
        if found is not None:
            state["content"] = Content(system.read(params.path))
        elif params.state == "present" and not params.create:
            raise ParameterError(f"{params.path} does not exist", hint="`create: true` makes it")
        return state

    def desired(self, params: LineInFileParams, actual: State) -> State:
        if actual["kind"] == "absent" and params.state == "absent":
            return {}
        content = actual.get("content")
        data = content.data if isinstance(content, Content) else b""
        text = data.decode("utf-8", "surrogateescape")
        edited = present(text, params) if params.state == "present" else absent(text, params)
        wanted: State = {"content": Content(edited.encode("utf-8", "surrogateescape"))}
        current = int(str(actual.get("mode") or "0644"), 8)
        return wanted | attributes.wanted(
            mode=params.mode, owner=params.owner, group=params.group, current=current, is_dir=False
        )

    def compare(self, params: LineInFileParams, actual: State, wanted: State) -> Change:
        return compare(self.subject(params), actual, wanted)

    def converge(self, system: System, params: LineInFileParams, change: Change) -> State | None:
        if "content" not in change:
            attributes.set_changed(system, params.path, change.fields, change.after)
            return None
        if change.before["kind"] == "absent":
            make_parents(system, params.path.rpartition("/")[0] or "/", None, None, None)
        replaces = params.regexp and params.state == "present" and not params.backrefs
        if replaces and not re.search(params.regexp or "", params.line or ""):
            system.notice(
                f"regexp {params.regexp!r} does not match the line it writes: "
                "the line will be added again when it has been changed"
            )
        system.write(
            params.path,
            change.after["content"].data,
            mode=params.mode,
            owner=params.owner,
            group=params.group,
            backup=params.backup,
            validate=params.validate,
        )
        return None


def _split(text: str) -> list[str]:
    """Split at newlines alone: a form feed or a Unicode separator belongs to its line."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _ending(lines: Sequence[str]) -> str:
    """Return the line ending in use, so that a file with CRLF keeps it."""
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"


def present(text: str, params: LineInFileParams) -> str:
    """Return the text with the line in it: in place of the last match, else where it is to be inserted."""
    lines = _split(text)
    wanted = params.line or ""
    newline = _ending(lines)
    matches = _matching(lines, params)
    if matches:
        at = matches[0] if params.firstmatch else matches[-1]
        line = wanted
        if params.backrefs and params.regexp is not None:
            found = re.search(params.regexp, lines[at].rstrip("\r\n"))
            line = found.expand(wanted) if found is not None else lines[at].rstrip("\r\n")
        ending = lines[at][len(lines[at].rstrip("\r\n")) :] or newline
        lines[at] = line.removesuffix("\n") + ending
        return "".join(lines)
    if params.backrefs or any(line.rstrip("\r\n") == wanted for line in lines):
        return text
    at = _place(lines, params)
    if at == len(lines) and lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    lines.insert(at, wanted.removesuffix("\n") + newline)
    return "".join(lines)


def _matching(lines: Sequence[str], params: LineInFileParams) -> list[int]:
    if params.regexp is not None:
        pattern = re.compile(params.regexp)
        return [number for number, line in enumerate(lines) if pattern.search(line.rstrip("\r\n"))]
    if params.search_string is not None:
        return [number for number, line in enumerate(lines) if params.search_string in line]
    return []


def _place(lines: Sequence[str], params: LineInFileParams) -> int:
    """Return the number of the line before which the new one goes; without a match that is the end."""
    if params.insertbefore == "BOF" or params.insertafter == "BOF":
        return 0
    anchor = params.insertbefore or params.insertafter
    if anchor is None or anchor == "EOF":
        return len(lines)
    pattern = re.compile(anchor)
    found = [number for number, line in enumerate(lines) if pattern.search(line.rstrip("\r\n"))]
    if not found:
        return len(lines)
    at = found[0] if params.firstmatch else found[-1]
    return at if params.insertbefore is not None else at + 1


def absent(text: str, params: LineInFileParams) -> str:
    """Return the text without the lines that match, or that equal `line`."""
    lines = _split(text)
    if params.regexp is not None or params.search_string is not None:
        gone = set(_matching(lines, params))
    else:
        wanted = (params.line or "").rstrip("\r\n")
        gone = {number for number, line in enumerate(lines) if line.rstrip("\r\n") == wanted}
    return "".join(line for number, line in enumerate(lines) if number not in gone)
