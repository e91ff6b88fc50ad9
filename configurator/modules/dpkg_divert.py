"""dpkg_divert: packages put their file somewhere else, so that ours may stand in its place, or they do not.

Parameters are those of community.general.dpkg_divert; everything is done by dpkg-divert(1), and read back
from it. `rename: true` also moves the file that is there. An existing diversion to another place, or of
another holder, is refused unless `force: true` replaces it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.modes import octal
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_LOCAL = "LOCAL"  # the holder of the administrator's diversions


@dataclass(frozen=True, slots=True)
class DpkgDivertParams:
    """The parameters of community.general.dpkg_divert."""

    path: str = param("str", required=True, aliases=("name",))
    state: str = param("str", "present", choices=("present", "absent"))
    holder: str | None = param("str")
    divert: str | None = param("str")
    rename: bool = param("bool", False)
    force: bool = param("bool", False)


class DpkgDivert(Module[DpkgDivertParams]):
    """Keeps a diversion."""

    name = "dpkg_divert"
    params = DpkgDivertParams
    typical_s: ClassVar[float] = 0.1

    def check(self, params: DpkgDivertParams) -> Sequence[ParamProblem]:
        """Return paths that dpkg-divert would not take."""
        problems = []
        for name in ("path", "divert"):
            value = getattr(params, name)
            if value is not None and not value.startswith("/"):
                problems.append(ParamProblem(name, f"{name!r} must be an absolute path, not {value!r}"))
        if params.divert == params.path:
            problems.append(ParamProblem("divert", "a file cannot be diverted to itself"))
        return problems

    def subject(self, params: DpkgDivertParams) -> str:
        """Return the diversion's key."""
        return f"diversion:{params.path}"

    def effects(self, params: DpkgDivertParams) -> Effects:
        """The diversion, and with `rename` both files."""
        files = {f"path:{params.path}", f"path:{_place(params)}"}
        keys = {self.subject(params)}
        return effects(reads=() if params.rename else files, writes=keys | files if params.rename else keys)

    def locks(self, params: DpkgDivertParams) -> frozenset[str]:  # noqa: ARG002
        """dpkg works for one at a time."""
        return frozenset({"apt"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DpkgDivertParams) -> State:
        """Return where the file is diverted to, and by whom; refuse to touch another one's."""
        _refuse_path(system, params)
        found = system.lookup(self.subject(params), lambda: _probe(system, params.path))
        state: State = {
            "exists": found["exists"],
            "divert": found.get("divert"),
            "holder": found.get("holder"),
        }
        if not found["exists"] or params.force:
            return state
        other = params.holder is not None or params.state == "present"
        if other and found["holder"] != _holder(params):
            raise TaskError(
                f"{params.path} is diverted already, by {found['holder']}",
                hint="`force: true` replaces that diversion"
                if params.state == "present"
                else "name its holder",
            )
        named = params.divert is not None or params.state == "present"
        if named and found["divert"] != _place(params):
            raise TaskError(
                f"{params.path} is diverted already, to {found['divert']}",
                hint="`force: true` replaces that diversion",
            )
        return state

    def desired(self, params: DpkgDivertParams, actual: State) -> State:  # noqa: ARG002
        """Return the diversion, or that there is none."""
        if params.state == "absent":
            return {"exists": False}
        return {"exists": True, "divert": _place(params), "holder": _holder(params)}

    def converge(self, system: System, params: DpkgDivertParams, change: Change) -> None:
        """Remove what is in the way, then add."""
        before = change.before
        if before["exists"]:
            self._call(system, params, "--remove", before["divert"], before["holder"])
        if params.state == "present":
            self._call(system, params, "--add", _place(params), _holder(params))

    def _call(self, system: System, params: DpkgDivertParams, action: str, divert: str, holder: str) -> None:
        adding = action == "--add"
        source, target = (params.path, divert) if adding else (divert, params.path)
        moves = params.rename and system.stat(source) is not None
        if moves and system.stat(target) is not None:
            if not params.force:
                raise TaskError(
                    f"{source} cannot be moved: {target} exists",
                    hint="`force: true` removes it, if it is what should go",
                )
            system.remove(target)
        who = ["--local"] if holder == _LOCAL else ["--package", holder]
        rename = "--rename" if params.rename else "--no-rename"
        after: State = {"exists": True, "divert": divert, "holder": holder} if adding else {"exists": False}
        argv = ["dpkg-divert", *who, rename, "--divert", divert, action, params.path]
        done = system.run(argv, establishes={self.subject(params): after}, ok=tuple(range(256)))
        if done.exit_status != 0:
            said = done.stderr.strip().rpartition("error: ")[2] or "dpkg-divert gave no reason"
            raise TaskError(said, command=done.argv, exit_status=done.exit_status, output=done.stderr)
        if moves:
            _move(system, source, target)

    def outputs(self, params: DpkgDivertParams, actual: State) -> dict[str, object]:
        """Return the diversion as it is now."""
        return {"path": params.path, "divert": actual["divert"], "holder": actual["holder"]}


def _refuse_path(system: System, params: DpkgDivertParams) -> None:
    """Fail as dpkg-divert would, which looks at the path itself when it adds."""
    if params.state == "absent":
        return
    found = system.stat(params.path)
    if found is not None and found.kind == "directory":
        raise ParameterError(f"{params.path} is a directory, and dpkg-divert diverts files alone")
    above = params.path
    while found is None and above != "/":
        above = posixpath.dirname(above)
        found = system.stat(above, follow=True)
        if found is not None and found.kind != "directory":
            raise ParameterError(f"{params.path} cannot be: {above} is no directory")


def _holder(params: DpkgDivertParams) -> str:
    return params.holder or _LOCAL


def _place(params: DpkgDivertParams) -> str:
    return params.divert or f"{params.path}.distrib"


def _probe(system: System, path: str) -> State:
    """Return the diversion of a path: dpkg-divert(1), --listpackage and --truename."""
    holder = system.query(["dpkg-divert", "--listpackage", path]).stdout.strip()
    if not holder:
        return {"exists": False}
    return {
        "exists": True,
        "holder": holder,
        "divert": system.query(["dpkg-divert", "--truename", path]).stdout.strip(),
    }


def _move(system: System, source: str, target: str) -> None:
    """Have the file stand at its new place, unless dpkg-divert has moved it there."""
    found = system.stat(source)
    if found is None:
        return
    if found.kind == "link":
        system.symlink(found.target or "", target)
    else:
        mode = octal(found.mode)
        system.write(target, system.read(source), mode=mode, owner=found.owner, group=found.group)
    system.remove(source)
