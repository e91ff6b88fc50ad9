"""copy: a file on the host with a given content, owner and mode.

Parameters are Ansible's, but for `attributes`, `unsafe_writes` and the SELinux ones, which have no use on
Debian. `decrypt` is not offered: there is no vault yet. On the controller, `src` becomes `content`; what
remains of it here is the name, for a destination that is a directory.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules import attributes
from configurator.modules.base import Guard, Module
from configurator.modules.content import decode_content
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State, compare
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class CopyParams:
    """The parameters of copy. `content` is text, base64 or a digest (content.py)."""

    dest: str = param("str", required=True)
    src: str | None = param("str")
    content: Any = param("raw")
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
    local_follow: bool = param("bool", True, on_controller=True)
    _original_basename: str | None = param("str")


class Copy(Module[Any]):
    """See the module's docstring."""

    name: ClassVar[str] = "copy"
    params: ClassVar[type] = CopyParams
    timeout_s: ClassVar[float] = 300.0

    def check(self, params: Any) -> Sequence[ParamProblem]:
        problems = []
        if not params.dest.startswith("/"):
            problems.append(ParamProblem("dest", f"'dest' must be an absolute path, not {params.dest!r}"))
        if params.content is None and params.src is None:
            problems.append(ParamProblem("", "one of 'src' and 'content' is required"))
        if params.validate is not None and "%s" not in params.validate:
            problems.append(ParamProblem("validate", "'validate' must contain %s"))
        return problems

    def subject(self, params: Any) -> str:
        return f"path:{params.dest.rstrip('/') or '/'}"

    def effects(self, params: Any) -> Effects:
        path = params.dest.rstrip("/") or "/"
        reads = [*path_keys(path), *attributes.account_keys(params.owner, params.group)]
        writes = [f"path:{path}"]
        if params.remote_src and params.src:
            reads.append(f"path:{params.src.rstrip('/')}/**")
        if params.dest.endswith("/") or params.remote_src:
            writes.append(f"path:{path}/**")
        return effects(reads=reads, writes=writes)

    def guard(self, params: Any, system: System) -> Guard | None:
        return guard_for_path(system, params.dest)

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: Any) -> State:
        """One set of fields for each file, named `path:FILE|FIELD` where it is not `dest` itself."""
        state: State = {"plan": self._plan(system, params)}
        for path, _ in state["plan"]:
            found = system.stat(path, follow=params.follow)
            fields = attributes.observed(found)
            if found is not None and found.kind == "file":
                fields["content"] = Content(system.read(path))
            state |= {_name(params, path, field): value for field, value in fields.items()}
        return state

    def _plan(self, system: System, params: Any) -> list[tuple[str, bytes | None]]:
        """Return every path that is to be there: with its content, or None for a directory."""
        if params.content is not None:
            data = decode_content(system, params.content)
            _check_sum(params.checksum, data)
            return [(self._destination(system, params, params._original_basename), data)]
        source = system.stat(params.src, follow=True)
        if source is None:
            raise ParameterError(f"{params.src} does not exist on the host", hint="`src` with `remote_src`")
        if source.kind == "directory":
            base = params.dest.rstrip("/") or "/"
            if not params.src.endswith("/"):
                base = posixpath.join(base, posixpath.basename(params.src))
            return [(base, None), *_tree(system, params.src.rstrip("/"), base)]
        data = system.read(params.src)
        _check_sum(params.checksum, data)
        return [(self._destination(system, params, posixpath.basename(params.src)), data)]

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
        for path, data in actual["plan"]:
            kind = actual.get(_name(params, path, "kind"))
            if kind not in ("absent", None) and not params.force and data is not None:
                continue
            fields: State = {"kind": "file" if data is not None else "directory"}
            if data is not None:
                fields["content"] = Content(data)
            current = int(str(actual.get(_name(params, path, "mode")) or "0644"), 8)
            mode = params.mode if data is not None else params.directory_mode or None
            fields |= attributes.wanted(
                mode=mode, owner=params.owner, group=params.group, current=current, is_dir=data is None
            )
            wanted |= {_name(params, path, field): value for field, value in fields.items()}
        return wanted

    def compare(self, params: Any, actual: State, wanted: State) -> Change:
        change = compare(self.subject(params), actual, wanted)
        # A content that differs says all: that the file appears needs no line of its own.
        fields = tuple(
            name
            for name in change.fields
            if not (name.endswith("kind") and name.replace("kind", "content") in change.fields)
        )
        return Change(change.subject, actual, wanted, fields)

    def converge(self, system: System, params: Any, change: Change) -> State | None:
        for path, data in change.before["plan"]:
            changed = {name.rpartition("|")[2] for name in change.fields if _of(params, path, name)}
            if not changed:
                continue
            fields = {
                name.rpartition("|")[2]: value
                for name, value in change.after.items()
                if _of(params, path, name)
            }
            if data is None:
                self._directory(system, params, path, changed)
            elif changed & {"kind", "content"}:
                self._file(system, params, path, data)
            else:
                attributes.set_changed(system, path, changed, fields, follow=params.follow)
        return None

    def _directory(self, system: System, params: Any, path: str, changed: set[str]) -> None:
        if "kind" in changed:
            system.mkdir(path, mode=params.directory_mode, owner=params.owner, group=params.group)
        else:
            system.set_attributes(path, mode=params.directory_mode, owner=params.owner, group=params.group)

    def _file(self, system: System, params: Any, path: str, data: bytes) -> None:
        parent = posixpath.dirname(path)
        if params.dest.endswith("/") and system.stat(parent, follow=True) is None:
            make_parents(system, parent, params.directory_mode, params.owner, params.group)
        found = system.stat(path)
        if found is not None and found.kind == "link" and not params.follow:
            system.remove(path)
        mode = params.mode
        if mode == "preserve":
            source = system.stat(params.src, follow=True) if params.remote_src and params.src else None
            mode = f"{source.mode:04o}" if source is not None else None
        system.write(
            path,
            data,
            mode=mode,
            owner=params.owner,
            group=params.group,
            backup=params.backup,
            validate=params.validate,
        )


def make_parents(system: System, path: str, mode: str | None, owner: str | None, group: str | None) -> None:
    """Make a directory and those above it that are missing, all with the same attributes."""
    missing = []
    while path not in ("/", "") and system.stat(path, follow=True) is None:
        missing.append(path)
        path = posixpath.dirname(path)
    for one in reversed(missing):
        system.mkdir(one, mode=mode, owner=owner, group=group)


def _tree(system: System, source: str, base: str) -> list[tuple[str, bytes | None]]:
    found: list[tuple[str, bytes | None]] = []
    for name in system.listdir(source):
        path, dest = posixpath.join(source, name), posixpath.join(base, name)
        stat = system.stat(path, follow=True)
        if stat is not None and stat.kind == "directory":
            found += [(dest, None), *_tree(system, path, dest)]
        elif stat is not None and stat.kind == "file":
            found.append((dest, system.read(path)))
    return found


def _check_sum(expected: str | None, data: bytes) -> None:
    if expected is None:
        return
    import hashlib  # noqa: PLC0415

    if hashlib.sha1(data, usedforsecurity=False).hexdigest() != expected:
        raise ParameterError("the content does not have the given checksum", hint="`checksum` is SHA-1")


def _name(params: Any, path: str, field: str) -> str:
    return field if path == params.dest else f"path:{path}|{field}"


def _of(params: Any, path: str, name: str) -> bool:
    key, bar, _ = name.rpartition("|")
    return key == f"path:{path}" if bar else path == params.dest
