"""systemd_unit: a unit file, or a drop-in of one, has this content, or is not there.

A module of our own. `content` is the file's text, or `src` a template on the controller. `drop_in` names a
drop-in of the unit: `name: nginx`, `drop_in: limits` is nginx.service.d/limits.conf. `scope: user` means the
units of every user's own manager, in /etc/systemd/user; `directory` is any other place, such as the
.config/systemd/user of one user.

The file alone is kept: starting and enabling the unit is work for systemd_service, whose `daemon_reload`
has systemd read the file. Only for the units of ssh itself systemd reads it at once, and they are restarted,
so that a new login proves the change before it is kept.

Before the file is replaced, systemd-analyze(1) reads it: an unknown setting, a value that systemd would
ignore and a unit that it would refuse are failures that name the line. What may still come with a later task
is a warning (a program that is not there, a required unit). `verify: false` leaves all that out, for units
that are written for a later systemd.
"""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import systemd_units as units
from configurator.modules.attributes import Attributes, clean, common_problems, make_parents
from configurator.modules.base import Guard, Module
from configurator.modules.content import matching_content
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System

_SCOPES = {"system": "/etc/systemd/system", "user": "/etc/systemd/user"}  # systemd.unit(5)
_ANALYZE = "/usr/bin/systemd-analyze"
_OURS = frozenset({"ssh.service", "sshd.service", "ssh.socket"})  # our own way in
_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")  # systemd.unit(5)
# What systemd says of settings that still work, or do nothing any more: worth a warning.
_DATED = ("obsolete", "deprecated", "legacy", "has been removed", "no longer supported")
_NOT_THERE = re.compile(r"Command (?P<program>/\S+) is not executable")
_NO_UNIT = re.compile(r"Unit (?P<unit>\S+) not found|(?:service|unit) (?P<other>\S+) not loaded")


@dataclass(frozen=True, slots=True)
class UnitParams:
    """The parameters of systemd_unit."""

    name: str = param("str", required=True, aliases=("unit",))
    content: Any = param("raw")
    src: str | None = param("str", on_controller=True)
    drop_in: str | None = param("str", aliases=("dropin",))
    state: str = param("str", "present", choices=("present", "absent"))
    scope: str = param("str", "system", choices=("system", "user"))
    directory: str | None = param("str")
    verify: bool = param("bool", True)
    backup: bool = param("bool", False)
    mode: str | None = param("mode")
    owner: str | None = param("str")
    group: str | None = param("str")

    @property
    def unit(self) -> str:
        """The unit's full name."""
        return units.full_name(self.name)

    @property
    def path(self) -> str:
        """The file."""
        base = clean(self.directory) if self.directory else _SCOPES[self.scope]
        if self.drop_in is None:
            return f"{base}/{self.unit}"
        return f"{base}/{self.unit}.d/{self.drop_in.removesuffix('.conf')}.conf"


class SystemdUnit(Module[UnitParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "systemd_unit"
    params: ClassVar[type] = UnitParams
    typical_s: ClassVar[float] = 0.1

    def check(self, params: UnitParams) -> Sequence[ParamProblem]:
        """Return names that systemd would not take, and a unit without content."""
        problems = []
        if not _NAME.fullmatch(params.unit) or params.unit.startswith((".", "@")):
            problems.append(ParamProblem("name", f"{params.name!r} is not the name of a unit"))
        if params.drop_in is not None and (
            not params.drop_in.removesuffix(".conf")
            or "/" in params.drop_in
            or params.drop_in.startswith(".")
        ):
            problems.append(ParamProblem("drop_in", f"{params.drop_in!r} is not the name of a drop-in"))
        if params.state == "present" and params.content is None and params.src is None:
            problems.append(ParamProblem("content", "give 'content' or 'src'"))
        if params.directory is not None and params.scope != "system":
            problems.append(ParamProblem("directory", "'directory' and 'scope' exclude each other"))
        if not params.path.startswith("/"):
            problems.append(ParamProblem("directory", "'directory' must be an absolute path"))
        return [*problems, *common_problems(params)]

    def subject(self, params: UnitParams) -> str:
        """Return the file's key."""
        return f"path:{params.path}"

    def effects(self, params: UnitParams) -> Effects:
        """The file, and the directory of drop-ins; tasks of systemd_service read all unit files."""
        path = params.path
        writes = {f"path:{path}"} | ({units.MANAGER} if params.unit in _OURS else set())
        reads = [*path_keys(path), *Attributes.of(params).account_keys()]
        return effects(reads=reads, writes=writes, makes=parent_keys(path))

    def locks(self, params: UnitParams) -> frozenset[str]:
        """Two drop-ins of a unit share a directory, which goes away with the last."""
        return frozenset({f"unit-files:{params.unit}"})

    def guard(self, params: UnitParams, system: System) -> Guard | None:
        """Return how to undo a change of the units that let us in."""
        if params.unit not in _OURS:
            return None
        active = system.query(("systemctl", "is-active", params.unit), ok=range(256)).exit_status == 0
        # systemd counts starts, and refuses the fifth within ten seconds: ours must not be among them.
        forgive = ("systemctl", "reset-failed", params.unit)
        restart = (forgive, ("systemctl", "restart", params.unit)) if active else ()
        reload = ("systemctl", "daemon-reload")
        return Guard(saves=(params.path,), activates=restart, restores=(reload, *restart))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: UnitParams) -> State:
        """Return the file's kind, attributes and content."""
        found = system.stat(params.path)
        if found is not None and found.kind == "directory":
            raise ParameterError(f"{params.path} is a directory")
        state = Attributes.of(params).observed(found)
        state["stat"] = found
        if found is not None and found.kind == "file":
            state["content"] = Content(system.read(params.path))
        if params.state == "present":
            state["wanted"] = matching_content(system, params.content, params.path)
        return state

    def desired(self, params: UnitParams, actual: State) -> State:
        """Return the content, and the attributes that are asked for."""
        if params.state == "absent":
            return {"kind": "absent"}
        stat = actual["stat"] if actual["kind"] == "file" else None
        there = {} if actual["kind"] == "absent" else {"kind": "file"}
        return there | {"content": actual["wanted"]} | Attributes.of(params).wanted("file", stat)

    def converge(self, system: System, params: UnitParams, change: Change) -> None:
        """Replace or remove the file; have systemd read it where our own way in hangs on it."""
        if params.state == "absent":
            _warn_of_removal(system, params)
            system.remove(params.path)
            parent = posixpath.dirname(params.path)
            if params.drop_in is not None and not system.listdir(parent):
                system.remove(parent)
        elif change.fields and set(change.fields) <= {"mode", "owner", "group"}:
            Attributes.of(params).set(system, params.path)
        else:
            _write(system, params, change.after["content"].data)
        if params.unit in _OURS:
            now = units.manager_state(system) | {"reloaded_at": time.time()}
            system.run(["systemctl", "daemon-reload"], establishes={units.MANAGER: now})

    def outputs(self, params: UnitParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return `path` and the unit's full name."""
        return {"path": params.path, "unit": params.unit}


def _write(system: System, params: UnitParams, data: bytes) -> None:
    """Replace the file once systemd has no complaint about it; pass on its doubts as warnings."""
    if not data.strip():
        raise ParameterError(
            f"the content of {params.path} is empty",
            hint="an empty unit file masks the unit: `systemd_service: {masked: true}` says that better",
        )
    parent = posixpath.dirname(params.path)
    fresh = system.stat(parent, follow=True) is None
    make_parents(system, parent, owner=params.owner, group=params.group)
    try:
        _replace(system, params, data, verify=params.verify)
    except TaskError as error:
        if not error.output or "verify" not in (error.command or ()):
            raise
        problems, doubts = complaints(params.unit, params.drop_in is not None, error.output)
        if problems:
            if fresh:
                system.remove(parent)
            raise TaskError(
                f"systemd refuses {params.path}: {quoted(problems[0], data)}",
                command=error.command,
                exit_status=error.exit_status,
                output="\n".join(problems),
                hint="`verify: false` writes it all the same" if "Unknown" in problems[0] else None,
            ) from None
        for doubt in doubts:
            if not _is_there(system, doubt):
                system.notice(doubt)
        _replace(system, params, data, verify=False)


def _replace(system: System, params: UnitParams, data: bytes, *, verify: bool) -> None:
    verify = verify and system.stat(_ANALYZE, follow=True) is not None
    system.write(
        params.path,
        data,
        mode=params.mode,
        owner=params.owner,
        group=params.group,
        backup=params.backup,
        # The file is read under the name that it will have (systemd-analyze(1), verify).
        validate=f"{_ANALYZE} verify --man=no --recursive-errors=no %s:{params.unit}" if verify else None,
        follow=False,
    )


def complaints(unit: str, drop_in: bool, said: str) -> tuple[list[str], list[str]]:
    """Return what `systemd-analyze verify` says of this file: what it would not run, and mere doubts.

    A drop-in is read as if it were the whole unit, so only what concerns its lines is taken.
    """
    problems: list[str] = []
    doubts: list[str] = []
    for line in said.splitlines():
        placed = re.match(rf"\S*/(?:{re.escape(unit)}|[^/:]*\.conf):(\d+): (.*)", line)
        if placed is not None:
            dated = any(word in placed[2] for word in _DATED)
            (doubts if dated else problems).append(f"line {placed[1]}: {placed[2]}")
        elif not drop_in and ("Refusing" in line or "fatal error" in line):
            problems.append(line.partition(": ")[2] or line)
        elif _NOT_THERE.search(line) or (not drop_in and _NO_UNIT.search(line)):
            doubts.append(line.partition(": ")[2] or line)
    return problems, doubts


def quoted(problem: str, data: bytes) -> str:
    """Return a complaint with the text of the line that it names."""
    number = re.match(r"line (\d+): ", problem)
    lines = data.decode(errors="replace").splitlines()
    if number is None or not 0 < int(number[1]) <= len(lines):
        return problem
    return f"{problem} ({lines[int(number[1]) - 1].strip()!r})"


def _is_there(system: System, doubt: str) -> bool:
    """Return True if what systemd did not find is there: an earlier task of a plan makes it."""
    program = _NOT_THERE.search(doubt)
    if program is not None:
        return system.stat(program["program"], follow=True) is not None
    unit = _NO_UNIT.search(doubt)
    name = unit and (unit["unit"] or unit["other"])
    return any(name in system.listdir(directory) for directory in units.DIRECTORIES) if name else False


def _warn_of_removal(system: System, params: UnitParams) -> None:
    """Say what would be left dangling: links of an enabled unit, and a service without its file."""
    if params.drop_in is not None or params.scope != "system" or params.directory is not None:
        return
    if any(params.unit in system.listdir(directory) for directory in units.DIRECTORIES[1:]):
        return  # the package's own file takes its place
    state = units.unit_state(system, params.unit)
    left = [state[word] for word in ("active", "enabled") if state.get(word) in ("active", "enabled")]
    if left:
        system.notice(
            f"{params.unit} is still {' and '.join(left)}: "
            "stop and disable it with systemd_service before its file goes"
        )
