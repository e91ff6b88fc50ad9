"""copy: a file on the host with a given content, owner and mode.

Parameters are Ansible's, but for `attributes`, `unsafe_writes` and the SELinux ones. What `src`
names on the controller has become `content` by the time that a host sees the task, and a folder many
tasks; what remains of it is the name, for a `dest` that is a directory. With `remote_src` the host reads it;
of a folder, what is new has the mode of its source where no `mode` or `directory_mode` is given.

A file may have any size. One of more than 8 MiB is compared by its sha256 and written piece by piece into a
file without a name, which takes its place when all of it was found right; a plan sends nothing of it, and
shows size and digest instead of a diff.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules import copytree
from configurator.modules.attributes import Attributes, clean, common_problems, described, make_parents
from configurator.modules.base import Guard, Module
from configurator.modules.content import large_content, matching_content
from configurator.modules.copytree import Item
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, ParamSpec, absolute, param
from configurator.modules.state import Change, Content, LargeContent, State, compare
from configurator.modules.system import System
from configurator.modules.validators import default_validator


@dataclass(frozen=True, slots=True)
class CopyParams:
    """The parameters of copy. `content` is text, base64 or a digest (content.py)."""

    dest: str = param("str", required=True, path=True)
    src: str | None = param("str", path=True)
    content: Any = field(default=None, metadata={"param": ParamSpec("raw")})
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")
    backup: bool = param("bool", False)
    force: bool = param("bool", True, aliases=("thirsty",))
    validate: str | None = param("str")
    directory_mode: str | None = param("mode")
    remote_src: bool = param("bool", False)
    checksum: str | None = param("str")
    follow: bool = param("bool", False)
    local_follow: bool = param("bool", True)
    decrypt: bool = param("bool", True)
    _original_basename: str | None = param("str")


class Copy(Module[Any]):
    """See the module's docstring."""

    name: ClassVar[str] = "copy"
    params: ClassVar[type] = CopyParams
    omitted: ClassVar[Mapping[str, str]] = {}
    timeout_s: ClassVar[float] = 3600.0  # a file may have any size

    def check(self, params: Any) -> Sequence[ParamProblem]:
        problems = common_problems(params, path="dest", preserve=True)
        if params.content is None and params.src is None:
            problems.append(ParamProblem("", "one of 'src' and 'content' is required"))
        if params.content is not None and params.src is not None:
            problems.append(ParamProblem("content", "'src' and 'content' exclude each other"))
        if params.remote_src and not absolute(params.src or ""):
            problems.append(
                ParamProblem("src", "'src' must be an absolute path of the host with 'remote_src'")
            )
        if params.checksum is not None and len(params.checksum) != _SHA1_DIGITS:
            problems.append(ParamProblem("checksum", "'checksum' must be a SHA-1: 40 hexadecimal digits"))
        return problems

    def subject(self, params: Any) -> str:
        return f"path:{clean(params.dest)}"

    def effects(self, params: Any) -> Effects:
        path = clean(params.dest)
        reads = [*path_keys(path), *Attributes.of(params).account_keys()]
        writes = [f"path:{path}"]
        name = posixpath.basename(params.src or "") if params.remote_src else params._original_basename
        if name:  # for the case that `dest` turns out to be a directory
            writes.append(f"path:{posixpath.join(path, name)}")
        if params.remote_src:
            source = clean(params.src or "/")
            reads += [*path_keys(source), f"path:{source}", f"path:{source.rstrip('/')}/**"]
            writes.append(f"path:{path.rstrip('/')}/**")
        makes = parent_keys(path) if params.remote_src or params.dest.endswith("/") else ()
        return effects(reads=reads, writes=writes, makes=makes)

    def guard(self, params: Any, system: System) -> Guard | None:
        name = posixpath.basename(params.src or "") if params.remote_src else params._original_basename
        path = self._destination(system, params, name) if name else params.dest
        return guard_for_path(system, clean(path))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: Any) -> State:
        """The fields of each file that is meant, named `path:FILE|FIELD` where it is not `dest` itself.

        `items` are the wanted files with their wanted contents.
        """
        items = self._items(system, params)
        state: State = {"items": items}
        for item in items:
            # A link that leads to a directory will do for one.
            found = system.stat(item.path, follow=params.follow or item.kind == "directory")
            fields = copytree.observed(system, item, found, Attributes.of(params))
            state |= {_name(params, item.path, name): value for name, value in fields.items()}
        return state

    def _items(self, system: System, params: Any) -> list[Item]:
        if params.content is not None:
            path = self._destination(system, params, params._original_basename)
            content = large_content(params.content) or matching_content(system, params.content, path)
            return [Item(path, "file", content, params.mode)]
        if not params.remote_src:
            raise ParameterError("the content of 'src' has not come along")
        source = system.stat(params.src, follow=True)
        if source is None:
            raise ParameterError(
                f"{params.src} does not exist on the host", hint="`remote_src` reads it there"
            )
        if source.kind == "directory":
            return list(copytree.items(system, params, source))
        path = self._destination(system, params, posixpath.basename(params.src))
        return [copytree.file_item(system, params, params.src, path, source)]

    def _destination(self, system: System, params: Any, name: str | None) -> str:
        """Return the file that is meant: below `dest` if that is a directory."""
        found = system.stat(params.dest, follow=True)
        if params.dest.endswith("/") or (found is not None and found.kind == "directory"):
            if not name:
                raise ParameterError(f"{params.dest} is a directory, and the content has no name")
            return posixpath.join(params.dest, name)
        return str(params.dest)

    def desired(self, params: Any, actual: State) -> State:
        wanted: State = {}
        for item in actual["items"]:
            there = {
                name: actual.get(_name(params, item.path, name))
                for name in ("kind", "stat", "content", "target")
            }
            if params.force or there["kind"] == "absent":
                fields = copytree.wanted(item, there, params)
                wanted |= {_name(params, item.path, name): value for name, value in fields.items()}
        if params.checksum is not None:
            _check_sum(params.checksum, actual["items"])
        return wanted

    def compare(self, params: Any, actual: State, wanted: State) -> Change:
        change = compare(self.subject(params), actual, wanted)
        # Where nothing was before, the content tells all: that a file appears needs no line of its own.
        fields = tuple(
            name
            for name in change.fields
            if not (
                name.endswith("kind")
                and actual.get(name) == "absent"
                and name.removesuffix("kind") + "content" in change.fields
            )
        )
        return Change(change.subject, actual, wanted, fields)

    def converge(self, system: System, params: Any, change: Change) -> State | None:
        proof: State = {}
        for item in change.before["items"]:
            changed = {name.rpartition("|")[2] for name in change.fields if _belongs(params, item.path, name)}
            if not changed:
                continue
            kind = change.before[_name(params, item.path, "kind")]
            if item.kind == "link":
                system.symlink(item.target or "", item.path)
            elif item.kind == "directory":
                self._directory(system, params, item, kind)
            elif changed & {"kind", "content"}:
                backup = self._file(system, params, item, kind)
                if backup is not None:
                    proof["backup_file"] = backup
            else:
                item.attributes(params).set(system, item.path, follow=params.follow)
        return proof

    def _directory(self, system: System, params: Any, item: Item, kind: str) -> None:
        if kind == "absent":
            make_parents(system, posixpath.dirname(item.path), owner=params.owner, group=params.group)
            own = item.attributes(params, new=True)
            system.mkdir(item.path, mode=own.mode, owner=own.owner, group=own.group)
        else:
            system.set_attributes(item.path, owner=params.owner, group=params.group)

    def _file(self, system: System, params: Any, item: Item, kind: str) -> str | None:
        if params.dest.endswith("/"):
            parent = params.dest.rstrip("/") or "/"
            make_parents(system, parent, mode=params.directory_mode, owner=params.owner, group=params.group)
        assert item.content is not None
        attributes = item.attributes(params, new=kind == "absent")
        return system.write(
            item.path,
            item.content if isinstance(item.content, LargeContent) else item.content.data,
            mode=attributes.mode,
            owner=attributes.owner,
            group=attributes.group,
            backup=params.backup,
            validate=params.validate or default_validator(system, item.path),
            follow=params.follow,
        )

    def outputs(self, params: Any, actual: State) -> dict[str, Any]:
        """Return Ansible's names for what is there now: `dest`, `checksum`, `mode`..., `backup_file`."""
        items = actual["items"]
        out: dict[str, Any] = {"dest": items[0].path if len(items) == 1 else params.dest}
        stat = actual.get(_name(params, out["dest"], "stat"))
        out |= {} if stat is None else described(stat)
        out |= {"src": params.src} if params.remote_src else {}
        content = actual.get(_name(params, out["dest"], "content")) if len(items) == 1 else None
        if isinstance(content, Content):
            out |= {"checksum": _digest(content.data, "sha1"), "md5sum": _digest(content.data, "md5")}
        if "backup_file" in actual:
            out["backup_file"] = actual["backup_file"]
        return out


_SHA1_DIGITS = 40


def _check_sum(expected: str, items: Sequence[Item]) -> None:
    for item in items:
        if item.content is not None:
            found = _sha1(item.content)
            if found != expected.lower():
                raise ParameterError(
                    f"the content has the checksum {found}, not {expected} as `checksum` says"
                )


def _sha1(content: Content | LargeContent) -> str | None:
    return content.sha1 if isinstance(content, LargeContent) else _digest(content.data, "sha1")


def _digest(data: bytes, algorithm: str) -> str:
    import hashlib  # noqa: PLC0415  (3 ms on the host)

    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def _name(params: Any, path: str, name: str) -> str:
    return name if path == params.dest else f"path:{path}|{name}"


def _belongs(params: Any, path: str, name: str) -> bool:
    key, bar, _ = name.rpartition("|")
    return key == f"path:{path}" if bar else path == params.dest
