"""What modules that edit a part of a text file have in common: all else in it stays byte for byte."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.attributes import Attributes, clean, common_problems, make_parents
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.modes import apply_mode, octal
from configurator.modules.params import ParamProblem
from configurator.modules.state import Change, Content, State
from configurator.modules.system import FileStat, System
from configurator.modules.validators import default_validator


class TextFile(Module[Any]):
    """A module whose `edit` is a function from the old text of the file at `path` to the new one.

    Its parameters have `path`, `owner`, `group`, `mode`, `backup`; those that it lacks of `state`, `create`,
    `validate`, `follow` and `encoding` have the values that mean nothing.
    """

    backup_output: ClassVar[str] = "backup_file"  # Ansible's name for the path of the copy

    def edit(self, params: Any, text: str) -> str:
        """Return the new text; nothing but its arguments counts."""
        raise NotImplementedError

    def remarks(self, params: Any, edited: str) -> Sequence[str]:
        """Return warnings about an edit that was needed, given its result."""
        if self.edit(params, edited) != edited:
            return ("what was written matches again: the next run will change this file once more",)
        return ()

    def told(self, params: Any, old: str | None, new: str) -> dict[str, Any]:  # noqa: ARG002
        """Return what Ansible's module returns of an edit; `old` is None where no file was."""
        return {}

    # -- declarations -----------------------------------------------------------------------------------

    def check(self, params: Any) -> Sequence[ParamProblem]:
        return common_problems(params)

    def subject(self, params: Any) -> str:
        return f"path:{clean(params.path)}"

    def effects(self, params: Any) -> Effects:
        path = clean(params.path)
        accounts = Attributes.of(params).account_keys()
        makes = parent_keys(path) if getattr(params, "create", False) else ()
        return effects(reads=[*path_keys(path), *accounts], writes=[f"path:{path}"], makes=makes)

    def locks(self, params: Any) -> frozenset[str]:
        # Two edits of one file each read it, change their part and write it whole: one would be lost.
        return frozenset({f"path:{clean(params.path)}"})

    def guard(self, params: Any, system: System) -> Guard | None:
        return guard_for_path(system, clean(params.path))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: Any) -> State:
        found = system.stat(params.path, follow=True)
        if found is not None and found.kind == "directory":
            raise ParameterError(f"{params.path} is a directory")
        state = Attributes.of(params).observed(found)
        state["stat"] = found
        if found is not None:
            state["content"] = Content(system.read(params.path))
        elif not _absent(params) and not getattr(params, "create", False):
            hint = "`create: true` makes it" if hasattr(params, "create") else None
            raise ParameterError(f"{params.path} does not exist", hint=hint)
        return state

    def desired(self, params: Any, actual: State) -> State:
        if actual["kind"] == "absent" and _absent(params):
            return {}
        wanted = Attributes.of(params).wanted("file", actual["stat"])
        # After our own edit the file must be what we wrote. Editing it again need not leave it as it is,
        # since an expression may match several lines, or its own result, which `remarks` tells.
        content = actual.get("written") or self._edited(params, actual.get("content"))
        return {"content": content} | wanted

    def _edited(self, params: Any, content: Content | None) -> Content:
        old = "" if content is None else decoded(params, content.data)
        new = self.edit(params, old)
        # An unchanged text keeps its bytes, of which an encoding may know several that mean the same.
        return content if content is not None and new == old else Content(_encoded(params, new))

    def converge(self, system: System, params: Any, change: Change) -> State | None:
        if "content" not in change:
            Attributes.of(params).set(system, params.path)
            return None
        content = change.after["content"]
        if change.before["kind"] == "absent":
            make_parents(system, posixpath.dirname(params.path))
        for remark in self.remarks(params, decoded(params, content.data)):
            system.notice(remark)
        link = None if getattr(params, "follow", True) else system.stat(params.path)
        asked = Attributes.of(params)
        if link is not None and link.kind == "link":
            asked = _taken_over(asked, change.before["stat"])
        backup = system.write(
            params.path,
            content.data,
            mode=asked.mode,
            owner=asked.owner,
            group=asked.group,
            backup=params.backup,
            validate=getattr(params, "validate", None) or default_validator(system, params.path),
            follow=link is None,
        )
        before = change.before.get("content")
        old = None if before is None else decoded(params, before.data)
        told = self.told(params, old, decoded(params, content.data))
        return {"written": content, "told": told} | ({"backup": backup} if backup is not None else {})

    def outputs(self, params: Any, actual: State) -> dict[str, Any]:
        """Return what `told` says, and the path of the copy of the old file, if there is one."""
        out: dict[str, Any] = actual.get("told") or self.told(params, "", "")
        return out | ({self.backup_output: actual["backup"]} if "backup" in actual else {})


def expression_problems(params: Any, *names: str) -> list[ParamProblem]:
    """Return those of the parameters that are given, but no regular expressions."""
    problems = []
    for name in names:
        try:
            re.compile(getattr(params, name) or "")
        except re.error as error:
            problems.append(ParamProblem(name, f"{name!r} is no regular expression: {error}"))
    return problems


def exclusive(params: Any, one: str, other: str) -> list[ParamProblem]:
    """Return a problem if both parameters are given."""
    if getattr(params, one) is None or getattr(params, other) is None:
        return []
    return [ParamProblem(other, f"{one!r} and {other!r} exclude each other")]


def _absent(params: Any) -> bool:
    return getattr(params, "state", "present") == "absent"


def _taken_over(asked: Attributes, stat: FileStat | None) -> Attributes:
    """Return the attributes of a file that takes the place of a link: those of the file that it named."""
    if stat is None:
        return asked
    mode = stat.mode if asked.mode is None else apply_mode(asked.mode, stat.mode, False)
    return Attributes(octal(mode), asked.owner or stat.owner, asked.group or stat.group)


def decoded(params: Any, data: bytes) -> str:
    """Return the text; bytes that are no UTF-8 are carried along as they are."""
    encoding = getattr(params, "encoding", "utf-8")
    if encoding == "utf-8":
        return data.decode("utf-8", "surrogateescape")
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        raise TaskError(f"{params.path} is not encoded in {encoding}: {error}") from None


def _encoded(params: Any, text: str) -> bytes:
    encoding = getattr(params, "encoding", "utf-8")
    if encoding == "utf-8":
        return text.encode("utf-8", "surrogateescape")
    try:
        return text.encode(encoding)
    except UnicodeError as error:
        raise TaskError(f"the new text of {params.path} cannot be encoded in {encoding}: {error}") from None
