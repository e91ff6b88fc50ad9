"""file: a file, directory or link with given attributes, or its absence.

Parameters are Ansible's, but for `attributes`, `unsafe_writes` and the SELinux ones, which have no use on
Debian. Where this module differs: of the directories that `state: directory` has to make on the way, only
the last one gets `mode`, and `recurse` never follows the links that it finds in a tree.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import filetree
from configurator.modules.attributes import Attributes, clean, common_problems, described, make_parents
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.filetimes import Times, times_problem
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import Change, State
from configurator.modules.system import FileStat, System

_STATES = ("file", "directory", "link", "hard", "touch", "absent")
_TIME_FORMAT = "%Y%m%d%H%M.%S"


@dataclass(frozen=True, slots=True)
class FileParams:
    """The parameters of file."""

    path: str = param("str", required=True, aliases=("dest", "name"), path=True)
    state: str | None = param("str", choices=_STATES)
    src: str | None = param("str", path=True)
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")
    recurse: bool = param("bool", False)
    follow: bool = param("bool", True)
    force: bool = param("bool", False)
    access_time: str | None = param("str")
    access_time_format: str = param("str", _TIME_FORMAT)
    modification_time: str | None = param("str")
    modification_time_format: str = param("str", _TIME_FORMAT)
    _directory_mode: str | None = param("mode")  # of what a copy of a folder has to make, and of that alone


class File(Module[FileParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "file"
    params: ClassVar[type] = FileParams

    def check(self, params: FileParams) -> Sequence[ParamProblem]:
        problems = common_problems(params)
        if params.recurse and params.state not in ("directory", None):
            problems.append(ParamProblem("recurse", "'recurse' needs 'state: directory'"))
        if params.src is not None and params.state not in ("link", "hard"):
            problems.append(ParamProblem("src", "'src' needs 'state: link' or 'state: hard'"))
        if params.state == "hard" and not absolute(params.src or "/"):
            problems.append(ParamProblem("src", "'src' of a hard link must be an absolute path"))
        if params.state == "absent" and clean(params.path) == "/":
            problems.append(ParamProblem("path", "refusing to remove /"))
        for name in ("access_time", "modification_time"):
            problem = times_problem(getattr(params, name), getattr(params, f"{name}_format"))
            if problem is not None:
                problems.append(ParamProblem(name, f"{name!r}: {problem}"))
        return problems

    def subject(self, params: FileParams) -> str:
        return f"path:{clean(params.path)}"

    def effects(self, params: FileParams) -> Effects:
        path, attributes = clean(params.path), Attributes.of(params)
        reads = [*path_keys(path), *attributes.account_keys()]
        writes = [f"path:{path}"]
        if params.src is not None:
            source = clean(_absolute_source(params))
            reads += [*path_keys(source), f"path:{source}"]
            # With `follow` the attributes are those of what the link names; a hard link shares them.
            writes += [f"path:{source}"] if attributes and (params.follow or params.state == "hard") else []
        if params.recurse or params.state == "absent":
            writes.append(f"path:{path.rstrip('/')}/**")
        makes = parent_keys(path) if params.state == "directory" or params.recurse else ()
        return effects(reads=reads, writes=writes, makes=makes)

    def guard(self, params: FileParams, system: System) -> Guard | None:
        return guard_for_path(system, clean(params.path))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: FileParams) -> State:
        """Kind and attributes; for a link also `target`, for a hard link `same`, with `recurse` the tree.

        `state` is the parameter or what it means where it is not given; `carrier` is what the attributes
        are those of: the path itself, or what a followed link names; `here` is what the task returns.
        """
        path = _strip(params.path)
        found = here = system.stat(path)
        state = params.state or _default_state(system, params, found)
        if params.recurse and state != "directory":
            raise ParameterError(f"{params.path} is no directory", hint="'recurse' needs one")
        if found is not None and found.kind == "link" and params.follow and state not in _NEVER_FOLLOWED:
            found = here = system.stat(path, follow=True)
        carrier = found
        if state == "link":
            carrier = self._link_target(system, params, found)
        elif state == "hard":
            carrier = found or self._hard_link_source(system, params)
        attributes = Attributes.of(params)
        actual = attributes.observed(carrier)
        actual |= {"kind": "absent" if found is None else found.kind, "state": state, "carrier": carrier}
        actual["here"] = here
        if carrier is not None:
            actual |= {"mtime": carrier.mtime, "atime": carrier.atime}
        if state == "link":
            actual["target"] = None if found is None else found.target
            if actual["kind"] == "directory" and system.listdir(path):
                raise TaskError(f"{params.path} is a directory that is not empty, and no link replaces it")
        elif state == "hard" and params.src is not None:
            source = self._hard_link_source(system, params)
            actual["same"] = found is not None and _same_file(source, found)
        if params.recurse and found is not None and found.kind == "directory":
            actual |= filetree.observed(system, path, attributes)
        return actual

    def _link_target(self, system: System, params: FileParams, found: FileStat | None) -> FileStat | None:
        """Return what will carry the link's attributes; ParameterError if the link may not be made."""
        if params.src is None:
            if found is None or found.kind != "link":
                raise ParameterError(f"{params.path} is no link yet, and 'src' does not say where it leads")
            return system.stat(params.path, follow=True) if params.follow else found
        source = _absolute_source(params)
        target = system.stat(source, follow=True)
        if target is None and not params.force:
            hint = "`force: true` makes the link all the same"
            raise ParameterError(f"the link's target {source} does not exist", hint=hint)
        if not params.follow:
            return found if found is not None and found.kind == "link" else None
        if target is None and Attributes.of(params):
            system.notice(
                f"{source} does not exist, so its mode and owner are left; `follow: false` avoids this"
            )
        return target

    def _hard_link_source(self, system: System, params: FileParams) -> FileStat:
        source = system.stat(params.src, follow=True) if params.src is not None else None
        if source is None:
            missing = "'src' is missing" if params.src is None else f"{params.src} does not exist on the host"
            raise ParameterError(missing, hint="a hard link needs a file that is there")
        return source

    def desired(self, params: FileParams, actual: State) -> State:
        state, kind = actual["state"], actual["kind"]
        if state == "absent":
            return {"kind": "absent"}
        wanted: State = {"kind": _wanted_kind(params, state, kind)}
        if state == "link" and params.src is not None:
            wanted["target"] = params.src
        elif state == "hard" and params.src is not None:
            wanted["same"] = True
            if kind == "file" and not actual["same"] and not params.force:
                raise TaskError(f"{params.path} is another file", hint="`force: true` replaces it")
        carrier = actual["carrier"]
        if state != "link" or carrier is not None or not params.follow:
            attributes = Attributes.of(params)
            carried = carrier.kind if carrier is not None and state in ("link", "hard") else wanted["kind"]
            wanted |= attributes.wanted(carried, carrier)
            wanted |= Times.of(params, state).wanted(absent=carrier is None)
        if state == "directory" and carrier is None and params._directory_mode is not None:
            wanted |= Attributes(params._directory_mode).wanted("directory", None)
        return wanted | filetree.wanted(actual)

    def compare(self, params: FileParams, actual: State, wanted: State) -> Change:
        change = super().compare(params, actual, wanted)
        # Where another kind of thing comes, what it will be tells enough.
        implied = {"same"} if "kind" in change else set()
        fields = tuple(name for name in change.fields if name not in implied)
        return Change(change.subject, actual, wanted, fields)

    def converge(self, system: System, params: FileParams, change: Change) -> State | None:
        path, state = _strip(params.path), change.before["state"]
        attributes = Attributes.of(params)
        new = "kind" in change
        if state == "absent":
            system.remove(path)
            return None
        if state == "directory" and new:
            # Missing parents get the owner as in Ansible, but not the mode, which is meant for the leaf.
            made = params._directory_mode
            make_parents(system, posixpath.dirname(path), mode=made, owner=params.owner, group=params.group)
            system.mkdir(path, mode=params.mode or made, owner=params.owner, group=params.group)
        elif state == "link" and (new or "target" in change):
            if change.before["kind"] == "directory":
                system.remove(path)
            system.symlink(str(params.src), path)
        elif state == "hard" and (new or "same" in change):
            system.hardlink(str(params.src), path)
        elif state == "touch" and new:
            system.write(path, b"", mode=params.mode, owner=params.owner, group=params.group)
        if {"mode", "owner", "group"} & set(change.after):
            attributes.set(system, path, follow=params.follow)
        filetree.converge(system, attributes, change.before)
        return Times.of(params, state).converge(system, path, change)

    def outputs(self, params: FileParams, actual: State) -> dict[str, Any]:
        """Return Ansible's `path` and `dest`, which mean the same, `state`, `mode`, `owner`, `size`..."""
        here: FileStat | None = actual["here"]
        out = {"path": params.path, "dest": params.path, "state": "absent"}
        return out if here is None else out | described(here)


_NEVER_FOLLOWED = ("link", "hard", "absent")
_KINDS = {"directory": "directory", "link": "link"}


def _strip(path: str) -> str:
    return path.rstrip("/") or "/"


def _absolute_source(params: FileParams) -> str:
    """Return the path that a link's `src` means: seen from the link's own directory."""
    return posixpath.join(posixpath.dirname(_strip(params.path)), params.src or "")


def _default_state(system: System, params: FileParams, found: FileStat | None) -> str:
    """Return what `state` means where it is not given: what is there, as in Ansible."""
    if found is not None and found.kind == "link" and params.follow:
        found = system.stat(params.path, follow=True)
    if found is None:
        return "directory" if params.recurse else "file"
    return _KINDS.get(found.kind, "file")


def _wanted_kind(params: FileParams, state: str, kind: str) -> str:
    """Return the kind that is to be there, or raise if what is there must not be replaced."""
    path = params.path
    if state == "file":
        if kind not in ("file", "other"):
            what = "does not exist" if kind == "absent" else f"is a {kind}"
            hint = "`state: touch` makes an empty file, `copy` one with a content"
            raise ParameterError(f"{path} {what}", hint=hint)
        return kind
    if state == "touch":
        return "file" if kind == "absent" else kind
    if state == "directory":
        if kind not in ("directory", "absent"):
            raise TaskError(f"{path} is a {kind}, not a directory", hint="remove it first (`state: absent`)")
        return "directory"
    if params.src is not None and not params.force:
        if kind in ("directory", "other") or (kind == "file" and state == "link"):
            raise TaskError(f"{path} is a {kind}, not a link", hint="`force: true` replaces it")
    elif kind == "directory" and state == "hard":
        raise TaskError(f"{path} is a directory, which no hard link replaces")
    return "link" if state == "link" else "file"


def _same_file(left: FileStat, right: FileStat) -> bool:
    return left.inode != 0 and (left.device, left.inode) == (right.device, right.inode)
