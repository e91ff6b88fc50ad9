"""tempfile: a new empty file or folder with a name that nobody can foresee, open to its owner alone.

Parameters are Ansible's; `path` is the folder in which it is made, /tmp unless given. It is made anew in
every run, and its name is known only then. Nothing removes it: that is another task (`file`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.attributes import clean, path_problems
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_RANDOM_BYTES = 8


@dataclass(frozen=True, slots=True)
class TempfileParams:
    """The parameters of tempfile."""

    path: str = param("str", "/tmp", path=True)  # noqa: S108  (the name in it is a secret until it is taken)
    prefix: str = param("str", "ansible.")
    suffix: str = param("str", "")
    state: str = param("str", "file", choices=("file", "directory"))


class Tempfile(Module[Any]):
    """See the module's docstring."""

    name: ClassVar[str] = "tempfile"
    params: ClassVar[type] = TempfileParams

    def check(self, params: TempfileParams) -> Sequence[ParamProblem]:
        problems = path_problems("path", params.path)
        for name in ("prefix", "suffix"):
            if set(getattr(params, name)) & {"/", "\0"}:
                problems.append(ParamProblem(name, f"{name!r} cannot contain a slash"))
        return problems

    def subject(self, params: TempfileParams) -> str:
        return f"path:{posixpath.join(clean(params.path), params.prefix)}*{params.suffix}"

    def effects(self, params: TempfileParams) -> Effects:
        path = clean(params.path)
        made = posixpath.join(path, params.prefix)
        return effects(reads=[*path_keys(path), f"path:{path}"], writes=[f"path:{made}**"])

    def observe(self, system: System, params: TempfileParams) -> State:  # noqa: ARG002
        return {"made": False}

    def desired(self, params: TempfileParams, actual: State) -> State:  # noqa: ARG002
        return {"made": True}

    def converge(self, system: System, params: TempfileParams, change: Change) -> State | None:  # noqa: ARG002
        import secrets  # noqa: PLC0415

        name = f"{params.prefix}{secrets.token_hex(_RANDOM_BYTES)}{params.suffix}"
        path = posixpath.join(params.path, name)
        if params.state == "directory":
            system.mkdir(path, mode="0700")
        else:
            system.write(path, b"", mode="0600", follow=False)
        return {"made": True, "path": path, "stat": system.stat(path)}

    def outputs(self, params: TempfileParams, actual: State) -> dict[str, Any]:
        """Return the `path` of what was made, its `state`, `mode`, `owner`, `group`, `uid`, `gid`, `size`."""
        stat = actual.get("stat")
        if stat is None:
            return {}
        out = {"path": actual["path"], "state": params.state, "mode": f"{stat.mode:04o}", "size": stat.size}
        return out | {"owner": stat.owner, "group": stat.group, "uid": stat.uid, "gid": stat.gid}
