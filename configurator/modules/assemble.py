"""assemble: a file is the fragments of a folder, joined in the order of their names.

Parameters are Ansible's. The fragments are on the host, or with `remote_src: false` on the controller,
which joins them and sends a `copy`. A fragment without a line ending at its end gets one before the next.
If `dest` is in `src` it is no fragment of itself, otherwise than in Ansible, where it would grow each time.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules.attributes import Attributes, clean, common_problems, path_problems
from configurator.modules.copy import Copy
from configurator.modules.copytree import Item
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.fragments import chosen, joined
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Content
from configurator.modules.system import FileStat, System
from configurator.modules.textfile import expression_problems


@dataclass(frozen=True, slots=True)
class AssembleParams:
    """The parameters of assemble."""

    src: str = param("str", required=True, path=True)
    dest: str = param("str", required=True, path=True)
    delimiter: str | None = param("str")
    regexp: str | None = param("str")
    ignore_hidden: bool = param("bool", False)
    remote_src: bool = param("bool", True)
    backup: bool = param("bool", False)
    validate: str | None = param("str")
    decrypt: bool = param("bool", True)
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")

    # What copy has and assemble has not.
    content: ClassVar[None] = None
    force: ClassVar[bool] = True
    follow: ClassVar[bool] = False
    checksum: ClassVar[str | None] = None
    directory_mode: ClassVar[str | None] = None
    _original_basename: ClassVar[str | None] = None


class Assemble(Copy):
    """See the module's docstring."""

    name: ClassVar[str] = "assemble"
    params: ClassVar[type] = AssembleParams
    omitted: ClassVar[Mapping[str, str]] = {}

    def check(self, params: Any) -> Sequence[ParamProblem]:
        problems = [*common_problems(params, path="dest"), *expression_problems(params, "regexp")]
        if params.remote_src:
            problems += path_problems("src", params.src)
        if params.dest.endswith("/"):
            problems.append(ParamProblem("dest", f"'dest' must name a file, not the folder {params.dest}"))
        return problems

    def effects(self, params: Any) -> Effects:
        path, source = clean(params.dest), clean(params.src)
        reads = [*path_keys(path), *Attributes.of(params).account_keys(), *path_keys(source)]
        reads += [f"path:{source}", f"path:{source.rstrip('/')}/**"]
        return effects(reads=reads, writes=[f"path:{path}"])

    def _items(self, system: System, params: Any) -> list[Item]:
        if not params.remote_src:
            raise ParameterError("the fragments of 'src' have not come along")
        source = system.stat(params.src, follow=True)
        if source is None or source.kind != "directory":
            what = "does not exist" if source is None else "is no directory"
            hint = "`remote_src: false` reads the fragments on the controller" if source is None else None
            raise ParameterError(f"{params.src} {what} on the host", hint=hint)
        names = [name for name, _ in system.entries(params.src)]
        fragments = []
        for name in chosen(names, params.regexp, ignore_hidden=params.ignore_hidden):
            path = posixpath.join(params.src, name)
            found = system.stat(path, follow=True)
            if found is not None and found.kind == "file" and not _is_dest(system, params, name, found):
                fragments.append(system.read(path))
        return [Item(params.dest, "file", Content(joined(fragments, params.delimiter)), params.mode)]

    def _destination(self, system: System, params: Any, name: str | None) -> str:  # noqa: ARG002
        return str(params.dest)


def _is_dest(system: System, params: Any, name: str, found: FileStat) -> bool:
    """Return True if a fragment is the file to be made, or a link to it; another name of it is none."""
    dest = clean(params.dest)
    if name == posixpath.basename(dest) and _same(
        system.stat(params.src, follow=True), system.stat(posixpath.dirname(dest), follow=True)
    ):
        return True
    link = system.stat(posixpath.join(params.src, name))
    return link is not None and link.kind == "link" and _same(found, system.stat(dest, follow=True))


def _same(one: FileStat | None, other: FileStat | None) -> bool:
    return one is not None and other is not None and (one.device, one.inode) == (other.device, other.inode)
