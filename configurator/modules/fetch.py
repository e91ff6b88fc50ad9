"""fetch: a file of the host is on the controller, byte by byte.

Parameters are those of ansible.builtin.fetch. It is written to `dest`, the host's name and the whole path of
`src` below that, or with `flat` to `dest` itself (into it, if it ends with a slash); a relative `dest` counts
from the project's folder. The controller alone decides that name, whatever the host says. The file is sent
piece by piece, and takes the old one's place only when all of it is there and its sha256 is right. What not
everybody may read on the host is private here, too. A plan tells whether the local file would change; what it
says is `absent` (no local file yet) or `differs`. A directory is not fetched: archive it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import Change, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class FetchParams:
    """The parameters of ansible.builtin.fetch.

    The compiler adds `_dest`, the file on the controller, and `_have`, its `size` and `sha256` if it exists.
    """

    src: str = param("str", required=True, path=True)
    dest: str = param("str", required=True)
    flat: bool = param("bool", False)
    fail_on_missing: bool = param("bool", True)
    validate_checksum: bool = param("bool", True)
    _dest: str = param("str", "")
    _have: dict[str, Any] = param("dict", {})


class Fetch(Module[FetchParams]):
    """Brings one file."""

    name: ClassVar[str] = "fetch"
    params: ClassVar[type] = FetchParams
    timeout_s: ClassVar[float] = 3600.0  # a large file over a slow line
    typical_s: ClassVar[float] = 0.2

    def check(self, params: FetchParams) -> Sequence[ParamProblem]:
        if not absolute(params.src):
            return [ParamProblem("src", f"'src' must be an absolute path, not {params.src!r}")]
        if not params.dest:
            return [ParamProblem("dest", "'dest' is empty")]
        return ()

    def subject(self, params: FetchParams) -> str:
        return f"controller:{params._dest or params.dest}"

    def effects(self, params: FetchParams) -> Effects:
        return effects(reads=(f"path:{params.src}", *path_keys(params.src)), writes=(self.subject(params),))

    def observe(self, system: System, params: FetchParams) -> State:
        found = system.stat(params.src, follow=True)
        if found is None:
            if params.fail_on_missing:
                raise TaskError(
                    f"no such file: {params.src}", hint="`fail_on_missing: false` goes on without it"
                )
            return {"missing": True}
        if found.kind != "file":
            what = "is a directory" if found.kind == "directory" else "is no regular file"
            raise TaskError(f"{what}: {params.src}", hint="make an archive of it, and fetch that")
        if not params._have:
            return {"state": "absent"}
        # A file of /proc has no size, which says nothing.
        same = found.size in (0, params._have.get("size"))
        same = same and system.digest(params.src) == params._have.get("sha256")
        state: State = {"state": "fetched" if same else "differs", "sha256": params._have.get("sha256")}
        return state | (_sums(system, params.src) if same else {})

    def desired(self, params: FetchParams, actual: State) -> State:  # noqa: ARG002
        return {} if actual.get("missing") else {"state": "fetched"}

    def converge(self, system: System, params: FetchParams, change: Change) -> State | None:  # noqa: ARG002
        size, digest = system.send_file(params.src)
        return {"state": "fetched", "size": size, "sha256": digest, **_sums(system, params.src)}

    def outputs(self, params: FetchParams, actual: State) -> dict[str, Any]:
        if actual.get("missing"):
            return {"file": params.src, "msg": "the remote file does not exist, not transferring, ignored"}
        names = ("size", "sha256", "checksum", "remote_checksum", "md5sum")
        told: Mapping[str, Any] = {name: actual[name] for name in names if name in actual}
        return {"src": params.src, "dest": params._dest, **told}


def _sums(system: System, path: str) -> dict[str, str]:
    """Return the checksums under Ansible's names."""
    sha1 = system.digest(path, "sha1")
    return {"checksum": sha1, "remote_checksum": sha1, "md5sum": system.digest(path, "md5")}
