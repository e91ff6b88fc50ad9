"""sudoers: a user or group may run these commands as another user, by a file of its own in /etc/sudoers.d.

Parameters are those of community.general.sudoers, whose files are taken over as they are. A file is installed
only after `visudo -c` has accepted it, and a change that takes away our own rights is undone (sudoers(5):
one file that cannot be read stops sudo for everybody).

Differences, on purpose: `validation: absent` means the same as `detect`, and a name that sudo would pass over
(one with a dot or a `~` at its end) is an error.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import Attributes, clean
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System

_DIRECTORY = "/etc/sudoers.d"
_VISUDO = "/usr/sbin/visudo"
_ATTRIBUTES = Attributes("0440", "root", "root")  # sudoers(5), FILES
_INSTALL = "install it first: `apt: {name: sudo}`"


@dataclass(frozen=True, slots=True)
class SudoersParams:
    """The parameters of community.general.sudoers."""

    name: str = param("str", required=True)
    user: str | None = param("str")
    group: str | None = param("str")
    commands: tuple[str, ...] = param("list")
    state: str = param("str", "present", choices=("present", "absent"))
    host: str = param("str", "ALL")
    runas: str | None = param("str")
    nopassword: bool = param("bool", True)
    noexec: bool = param("bool", False)
    setenv: bool = param("bool", False)
    sudoers_path: str = param("str", _DIRECTORY)
    validation: str = param("str", "detect", choices=("absent", "detect", "required"))

    @property
    def path(self) -> str:
        """The rule's own file."""
        return clean(posixpath.join(self.sudoers_path, self.name))

    @property
    def line(self) -> str:
        """The rule, as Ansible writes it."""
        who = self.user if self.user is not None else f"%{self.group}"
        runas = f"({self.runas})" if self.runas is not None else ""
        given = (("NOEXEC:", self.noexec), ("NOPASSWD:", self.nopassword), ("SETENV:", self.setenv))
        tags = "".join(tag for tag, wanted in given if wanted)
        return f"{who} {self.host}={runas}{tags} {', '.join(self.commands)}\n"


class Sudoers(Module[SudoersParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "sudoers"
    params: ClassVar[type] = SudoersParams

    def check(self, params: SudoersParams) -> Sequence[ParamProblem]:
        problems = []
        if "/" in params.name or params.name in ("", ".", ".."):
            problems.append(ParamProblem("name", f"{params.name!r} is not the name of a file"))
        elif params.state == "present" and ("." in params.name or params.name.endswith("~")):
            problems.append(
                ParamProblem("name", f"sudo passes over {params.name!r}: its name has a dot or ends in `~`")
            )
        if not params.sudoers_path.startswith("/"):
            problems.append(ParamProblem("sudoers_path", "'sudoers_path' must be an absolute path"))
        if params.state == "absent":
            return problems
        if (params.user is None) is (params.group is None):
            problems.append(ParamProblem("", "exactly one of 'user' and 'group' is required"))
        if not params.commands:
            problems.append(ParamProblem("commands", "'commands' is required with 'state: present'"))
        for field in ("user", "group", "host", "runas", "commands"):
            value = getattr(params, field)
            words = value if isinstance(value, tuple) else (value or "x",)
            if any(not word.strip() or set(word) & set("\r\n\0") for word in words):
                problems.append(ParamProblem(field, f"{field!r} must hold neither line breaks nor nothing"))
        return problems

    def subject(self, params: SudoersParams) -> str:
        return f"path:{params.path}"

    def effects(self, params: SudoersParams) -> Effects:
        accounts = (("user", params.user), ("group", params.group))
        named = {f"{kind}:{name}" for kind, name in accounts if name is not None}
        reads = {"package:sudo", *path_keys(params.path), *named}
        return effects(reads=reads, writes={f"path:{params.path}"})

    def guard(self, params: SudoersParams, system: System) -> Guard | None:
        return guard_for_path(system, params.path) or Guard(saves=(params.path,))

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: SudoersParams) -> State:
        found = system.stat(params.path, follow=True)
        state = _ATTRIBUTES.observed(found)
        if found is not None and found.kind == "directory":
            raise TaskError(f"{params.path} is a directory")
        if found is not None:
            state["content"] = Content(system.read(params.path))
        if params.state == "present":
            _need_sudo(system, params)
        return state

    def desired(self, params: SudoersParams, actual: State) -> State:
        if params.state == "absent":
            return {"kind": "absent"}
        wanted: State = {"content": Content(params.line.encode())}
        if actual["kind"] != "absent":
            wanted |= _ATTRIBUTES.wanted("file", None)
        return wanted

    def converge(self, system: System, params: SudoersParams, change: Change) -> None:
        if params.state == "absent":
            system.remove(params.path)
            return
        there = system.stat(_VISUDO, follow=True) is not None
        system.write(
            params.path,
            change.after["content"].data,
            mode=_ATTRIBUTES.mode,
            owner=_ATTRIBUTES.owner,
            group=_ATTRIBUTES.group,
            validate=f"{_VISUDO} -c -f %s" if there else None,
        )


def _need_sudo(system: System, params: SudoersParams) -> None:
    if system.stat(params.sudoers_path, follow=True) is None:
        raise TaskError(f"the directory {params.sudoers_path} does not exist", hint=_INSTALL)
    if params.validation == "required" and system.stat(_VISUDO, follow=True) is None:
        raise TaskError("visudo is not installed on the host", hint=_INSTALL)
