"""stat: what is at a path has been looked at, and is returned as `stat`.

Parameters and the names of the values are Ansible's. Where this module differs: `get_mime` and
`get_attributes` are false unless given, since each starts a program (file(1), lsattr(1)). In a plan the
values are those that the tasks before will have led to; of a file that is not there yet, its times and its
place on the disk are left out.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean, path_problems
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.looking import CHECKSUMS, Looking, described
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import FileStat, System

_MAX_LINKS = 40  # path_resolution(7)
# chattr(1): the letters of lsattr(1), and the names that Ansible gives them.
_FLAGS = {
    "A": "noatime", "a": "append", "B": "compressed-raw", "c": "compressed", "C": "nocow", "d": "nodump",
    "D": "dirsync", "e": "extents", "E": "encrypted", "h": "blocksize", "i": "immutable", "I": "indexed",
    "j": "journalled", "N": "inline", "s": "zero", "S": "synchronous", "t": "notail", "T": "blockroot",
    "u": "undelete", "X": "compressedraw", "Z": "compresseddirty",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatParams:
    """The parameters of stat."""

    path: str = param("str", required=True, aliases=("dest", "name"), path=True)
    follow: bool = param("bool", False)
    get_checksum: bool = param("bool", True)
    checksum_algorithm: str = param("str", "sha1", choices=CHECKSUMS, aliases=("checksum", "checksum_algo"))
    get_mime: bool = param("bool", False, aliases=("mime", "mime_type", "mime-type"))
    get_attributes: bool = param("bool", False, aliases=("attr", "attributes"))


class Stat(Looking):
    """See the module's docstring."""

    name: ClassVar[str] = "stat"
    params: ClassVar[type] = StatParams

    def check(self, params: StatParams) -> Sequence[ParamProblem]:
        return path_problems("path", params.path)

    def subject(self, params: StatParams) -> str:
        return f"path:{clean(params.path)}"

    def effects(self, params: StatParams) -> Effects:
        path = clean(params.path)
        return effects(reads=[*path_keys(path), f"path:{path}"])

    def observe(self, system: System, params: StatParams) -> State:
        found = system.stat(params.path, follow=params.follow)
        if found is None:
            return {"stat": {"exists": False}}
        seen = {"exists": True, **described(params.path, found)}
        allowed = system.access(params.path)
        for letter, name in (("r", "readable"), ("w", "writeable"), ("x", "executable")):
            seen[name] = letter in allowed
        if found.kind == "link":
            seen |= {"lnk_target": found.target, "lnk_source": _real_path(system, params.path)}
        if params.get_checksum and found.kind == "file" and seen["readable"]:
            seen["checksum"] = system.digest(params.path, params.checksum_algorithm)
        if found.device >= 0:  # a program sees nothing of what is only planned
            seen |= _mime(system, params) if params.get_mime else {}
            seen |= _flags(system, params, found) if params.get_attributes else {}
        return {"stat": seen}

    def outputs(self, params: StatParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return `stat`: `exists`, and if so all the rest."""
        return {"stat": actual["stat"]}


def _real_path(system: System, path: str) -> str:
    """Return a path without links in it, as far as it exists."""
    todo = path.split("/")[::-1]
    done = ""
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = posixpath.dirname(done)
            continue
        found = system.stat(f"{done}/{part}")
        if found is None or found.target is None:
            done = f"{done}/{part}"
            continue
        links += 1
        if links > _MAX_LINKS:
            raise TaskError(f"too many symbolic links: {path}")
        todo += found.target.split("/")[::-1]
        done = "" if found.target.startswith("/") else done
    return done or "/"


def _mime(system: System, params: StatParams) -> dict[str, str]:
    follow = ("--dereference",) if params.follow else ("--no-dereference",)
    said = system.query(("file", "--brief", "--mime", *follow, "--", params.path), ok=range(256))
    if said.exit_status == 127:  # sh(1): there is no such program
        system.notice("the kind of a file is told by file(1), which comes with the package `file`")
    kind, _, charset = said.stdout.strip().partition("; charset=")
    known = said.exit_status == 0 and "/" in kind
    return {"mimetype": kind if known else "unknown", "charset": charset if known and charset else "unknown"}


def _flags(system: System, params: StatParams, found: FileStat) -> dict[str, Any]:
    """Return the flags of chattr(1); none where the file system has none, or for a link, which has none."""
    said = system.query(("lsattr", "-vd", "--", params.path), ok=range(256))
    words = said.stdout.split()
    if said.exit_status != 0 or len(words) < 2 or found.kind == "link":
        return {"attributes": [], "attr_flags": "", "version": None}
    flags = words[1].replace("-", "")
    return {
        "version": words[0],
        "attr_flags": flags,
        "attributes": [_FLAGS[flag] for flag in flags if flag in _FLAGS],
    }
