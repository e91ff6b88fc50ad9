"""lineinfile: one line is in a file, or no such line is.

Parameters are Ansible's, but for `attributes`, `unsafe_writes` and the SELinux ones. A link is written
through, to the file that it names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.lines import Edit, absent, present
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import System
from configurator.modules.textfile import TextFile, exclusive, expression_problems


@dataclass(frozen=True, slots=True)
class LineInFileParams:
    """The parameters of lineinfile."""

    path: str = param("str", required=True, aliases=("dest", "destfile", "name"), path=True)
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


class LineInFile(TextFile):
    """See the module's docstring."""

    name: ClassVar[str] = "lineinfile"
    params: ClassVar[type] = LineInFileParams
    backup_output: ClassVar[str] = "backup"

    def check(self, params: LineInFileParams) -> Sequence[ParamProblem]:
        problems = [*super().check(params)]
        selects = (params.line, params.regexp, params.search_string)
        if params.state == "present" and params.line is None:
            problems.append(ParamProblem("", "'line' is required with 'state: present'"))
        if params.state == "absent" and all(value is None for value in selects):
            problems.append(
                ParamProblem("", "one of 'line', 'regexp' and 'search_string' is required to remove lines")
            )
        if params.backrefs and params.regexp is None:
            problems.append(ParamProblem("backrefs", "'backrefs' needs 'regexp'"))
        problems += exclusive(params, "regexp", "search_string")
        problems += exclusive(params, "insertafter", "insertbefore")
        return problems + expression_problems(params, "regexp", "insertafter", "insertbefore")

    def observe(self, system: System, params: LineInFileParams) -> State:
        if params.regexp == "":
            system.notice("'regexp' is empty, and so matches every line")
        return super().observe(system, params)

    def edit(self, params: LineInFileParams, text: str) -> str:
        edit = Edit(
            params.line or "",
            params.regexp,
            params.search_string,
            params.backrefs,
            params.insertafter,
            params.insertbefore,
            params.firstmatch,
        )
        return present(text, edit) if params.state == "present" else absent(text, edit)

    def told(self, params: LineInFileParams, old: str | None, new: str) -> dict[str, Any]:
        """Return `msg`, `backup`, which is empty without one, and how many lines were `found` to remove."""
        before, after = (old or "").count("\n"), new.count("\n")
        # A last line without its end gets one before another is added behind it.
        before += 1 if old and not old.endswith("\n") else 0
        after += 1 if new and not new.endswith("\n") else 0
        if params.state == "absent":
            return {"backup": "", **_removed(before - after)}
        added = "line added" if after > before else "line replaced"
        return {"backup": "", "msg": "" if old == new else added}

    def remarks(self, params: LineInFileParams, edited: str) -> Sequence[str]:
        if params.state == "present" and not _matches_itself(params):
            return (
                f"the expression does not match the line that takes the place: once somebody changes "
                f"{params.line!r} in the file, it will be added a second time",
            )
        if self.edit(params, edited) != edited:
            return ("more lines match: the next run will change this file again",)
        return ()


def _removed(count: int) -> dict[str, Any]:
    return {"found": count, "msg": f"{count} line(s) removed" if count else ""}


def _matches_itself(params: LineInFileParams) -> bool:
    """Return True if the next run will know the line again by the expression that found its place."""
    if params.backrefs:
        return True
    if params.regexp is not None:
        return re.search(params.regexp, params.line or "") is not None
    return params.search_string is None or params.search_string in (params.line or "")
