"""file: a file, directory or link with given attributes, or its absence.

Parameters are Ansible's, but for `attributes`, `unsafe_writes` and the SELinux ones, which have no use on
Debian.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import attributes
from configurator.modules.base import Guard, Module
from configurator.modules.copy import make_parents
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import FileStat, System

_STATES = ("file", "directory", "link", "hard", "touch", "absent")


@dataclass(frozen=True, slots=True)
class FileParams:
    """The parameters of file."""

    path: str = param("str", required=True, aliases=("dest", "name"))
    state: str | None = param("str", choices=_STATES)
    src: str | None = param("str")
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")
    recurse: bool = param("bool", False)
    follow: bool = param("bool", True)
    force: bool = param("bool", False)
    access_time: str | None = param("str")
    access_time_format: str = param("str", "%Y%m%d%H%M.%S")
    modification_time: str | None = param("str")
    modification_time_format: str = param("str", "%Y%m%d%H%M.%S")


class File(Module[FileParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "file"
    params: ClassVar[type] = FileParams

    def check(self, params: FileParams) -> Sequence[ParamProblem]:
        problems = []
        if not params.path.startswith("/"):
            problems.append(ParamProblem("path", f"'path' must be an absolute path, not {params.path!r}"))
        if params.recurse and params.state != "directory":
            problems.append(ParamProblem("recurse", "'recurse' needs 'state: directory'"))
        if params.src is not None and params.state not in ("link", "hard"):
            problems.append(ParamProblem("src", "'src' needs 'state: link' or 'state: hard'"))
        if params.state in ("link", "hard") and params.src is None:
            problems.append(ParamProblem("state", f"'state: {params.state}' needs 'src'"))
        return problems

    def subject(self, params: FileParams) -> str:
        return f"path:{_clean(params.path)}"

    def effects(self, params: FileParams) -> Effects:
        path = _clean(params.path)
        reads = [*path_keys(path), *attributes.account_keys(params.owner, params.group)]
        if params.src is not None:
            reads.append(f"path:{posixpath.normpath(posixpath.join(posixpath.dirname(path), params.src))}")
        writes = [f"path:{path}"]
        if params.recurse or params.state in ("absent", "link", "hard"):
            writes.append(f"path:{path}/**")
        return effects(reads=reads, writes=writes)

    def guard(self, params: FileParams, system: System) -> Guard | None:
        return guard_for_path(system, _clean(params.path))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: FileParams) -> State:
        path = _clean(params.path)
        follow = params.follow and params.state not in ("link", "hard", "absent")
        found = system.stat(path, follow=follow)
        state = attributes.observed(found) | {"state": params.state or _default_state(found)}
        if found is not None:
            state |= {"mtime": found.mtime, "atime": found.atime, "inode": found.inode}
        if state["state"] == "hard" and params.src is not None:
            source = system.stat(params.src)
            if source is None:
                raise ParameterError(f"{params.src} does not exist on the host", hint="`src`")
            state["same"] = found is not None and found.kind == "file" and _same_file(source, found)
        if state["state"] == "link" and not params.force:
            self._check_link_target(system, params, path)
        state["followed"] = follow
        state["tree"] = {}
        if params.recurse and found is not None and found.kind == "directory":
            state["tree"] = dict(_tree(system, path))
            for below, stat in state["tree"].items():
                fields = attributes.observed(stat)
                state |= {f"path:{below}|{field}": value for field, value in fields.items()}
        return state

    def _check_link_target(self, system: System, params: FileParams, path: str) -> None:
        target = posixpath.join(posixpath.dirname(path), str(params.src))
        if system.stat(target, follow=True) is None:
            system.notice(f"the link's target {target} does not exist")
            raise ParameterError(
                f"the link's target {target} does not exist", hint="`force: true` makes the link all the same"
            )

    def desired(self, params: FileParams, actual: State) -> State:
        state = actual["state"]
        kind = actual["kind"]
        if state == "absent":
            return {"kind": "absent"}
        if state == "file" and kind != "file":
            what = "does not exist" if kind == "absent" else f"is a {kind}"
            hint = "`state: touch` makes an empty file, `copy` one with a content"
            raise ParameterError(f"{params.path} {what}", hint=hint)
        is_dir = state == "directory"
        current = int(actual.get("mode") or ("0755" if is_dir else "0644"), 8)
        fields: State = {"kind": {"directory": "directory", "link": "link"}.get(state, "file")}
        if state == "touch" and kind in ("directory", "link"):
            fields["kind"] = kind
        if state == "link":
            fields["target"] = params.src
        elif state == "hard":
            fields["same"] = True
        mode = params.mode if state != "link" else None
        fields |= attributes.wanted(
            mode=mode, owner=params.owner, group=params.group, current=current, is_dir=is_dir
        )
        if state in ("touch", "file", "directory"):
            fields |= self._times(params, state, actual)
        for below, stat in actual["tree"].items():
            inner = attributes.wanted(
                mode=params.mode if stat.kind != "link" else None,
                owner=params.owner,
                group=params.group,
                current=stat.mode,
                is_dir=stat.kind == "directory",
            )
            fields |= {f"path:{below}|{field}": value for field, value in inner.items()}
        return fields

    def _times(self, params: FileParams, state: str, actual: State) -> State:
        """Return the times that are asked for; `touch` alone means now, which is an event."""
        default = "now" if state == "touch" else "preserve"
        fields: State = {}
        for name, text, layout in (
            ("mtime", params.modification_time, params.modification_time_format),
            ("atime", params.access_time, params.access_time_format),
        ):
            value = default if text is None else text
            if value == "now":
                fields["touched"] = True
            elif value != "preserve":
                try:
                    fields[name] = time.mktime(time.strptime(value, layout))
                except ValueError as error:
                    raise ParameterError(f"{value!r} is no time: {error}") from None
        if fields.get("touched") and actual["kind"] == "absent":
            del fields["touched"]
        return fields

    def compare(self, params: FileParams, actual: State, wanted: State) -> Change:
        change = super().compare(params, actual, wanted)
        if "kind" in change and "same" in change:
            fields = tuple(name for name in change.fields if name != "same")
            return Change(change.subject, actual, wanted, fields)
        return change

    def converge(self, system: System, params: FileParams, change: Change) -> State | None:
        path = _clean(params.path)
        wanted, kind = change.after, change.before["kind"]
        state = change.before["state"]
        if state == "absent":
            system.remove(path)
            return None
        if state == "directory" and "kind" in change:
            self._directory(system, params, path, kind)
        elif state == "link" and ("kind" in change or "target" in change):
            self._make_room(system, params, path, kind)
            system.symlink(str(params.src), path)
        elif state == "hard" and ("kind" in change or "same" in change):
            self._make_room(system, params, path, kind)
            system.hardlink(str(params.src), path)
        elif state == "touch" and kind == "absent":
            system.write(path, b"", mode=params.mode, owner=params.owner, group=params.group)
        own = [name for name in change.fields if "|" not in name]
        attributes.set_changed(system, path, own, wanted, follow=change.before["followed"])
        for below in change.before["tree"]:
            key = f"path:{below}|"
            fields = {name.removeprefix(key) for name in change.fields if name.startswith(key)}
            values = {name.removeprefix(key): v for name, v in wanted.items() if name.startswith(key)}
            attributes.set_changed(system, below, fields, values, follow=False)
        return self._set_times(system, params, path, change)

    def _directory(self, system: System, params: FileParams, path: str, kind: str) -> None:
        if kind != "absent":
            if not params.force:
                raise TaskError(f"{path} is a {kind}, not a directory", hint="`force: true` replaces it")
            system.remove(path)
        parent = posixpath.dirname(path)
        # As in Ansible, missing parents get the owner but not the mode, which is the leaf's alone.
        make_parents(system, parent, None, params.owner, params.group)
        system.mkdir(path, mode=params.mode, owner=params.owner, group=params.group)

    def _make_room(self, system: System, params: FileParams, path: str, kind: str) -> None:
        if kind == "directory":
            if not params.force:
                raise TaskError(f"{path} is a directory", hint="`force: true` replaces it")
            if system.listdir(path):
                raise TaskError(f"{path} is a directory that is not empty")
            system.remove(path)
        elif kind in ("file", "other") and not params.force:
            raise TaskError(f"{path} is a {kind}", hint="`force: true` replaces it by the link")

    def _set_times(self, system: System, params: FileParams, path: str, change: Change) -> State | None:
        if not {"mtime", "atime", "touched"} & set(change.fields):
            return None
        now = time.time()
        times = {name: change.after.get(name) for name in ("mtime", "atime")}
        if "touched" in change:
            for name, text in (("mtime", params.modification_time), ("atime", params.access_time)):
                if text == "now" or (text is None and change.before["state"] == "touch"):
                    times[name] = now
        system.set_times(path, mtime=times["mtime"], atime=times["atime"])
        return {"touched": True}


def _clean(path: str) -> str:
    return path.rstrip("/") or "/"


def _default_state(found: FileStat | None) -> str:
    """Return what `state` means where it is not given: whatever is there, as in Ansible."""
    if found is not None and found.kind == "directory":
        return "directory"
    return "file"


def _same_file(left: FileStat, right: FileStat) -> bool:
    return left.inode == right.inode and left.inode != 0


def _tree(system: System, path: str) -> Iterator[tuple[str, FileStat]]:
    """Yield everything below a directory, without following links."""
    for name in system.listdir(path):
        below = posixpath.join(path, name)
        stat = system.stat(below)
        if stat is not None:
            yield below, stat
            if stat.kind == "directory":
                yield from _tree(system, below)
