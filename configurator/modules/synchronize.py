"""synchronize: a folder of the host has what a folder of the controller has, as rsync(1) sees it.

Parameters are those of ansible.posix.synchronize, for `mode: push`; with `remote_src: true` (ours) `src` is
on the host, too, which Ansible does with `delegate_to`. The package rsync is needed on the host alone: the
controller sends the tree, of which nobody but root sees a private copy in the agent's cache while the task
lasts, and there rsync decides what differs, and does it. So all its options mean what they mean, `--exclude`
and `--chmod` included, and a plan is what `rsync --dry-run` says.

- A plan needs no contents (but with `checksum`, and for the diffs that it shows), and of what a host has
  already no content is sent again. Files that `--exclude` leaves out are read on the controller all the same.
- Modes, times, links and names of any bytes travel, and owners by name as rsync does it: `owner: false` and
  `group: false` give new files to the user who works. Hard links become files of their own; what is no file,
  folder or link is an error.
- `copy_links` follows links on the controller.
- `compress`, `set_remote_user`, `use_ssh_args` and `verify_host` are accepted and mean nothing: rsync
  connects to no other host.
- The directory above `dest` must be there, unless `rsync_opts` has `--mkpath`.
- With `become_user` a plan does not know what would change: that user cannot look into the agent's cache.
"""

# The design: contents travel as those of `copy` do, so nothing new crosses the wire, and no second connection
# is opened past the host key checks, bastions and forks of the run. Rsync compares a staged tree with `dest`
# on the host itself. For the comparison the tree is hollow (sizes and times are all that rsync looks at); for
# the transfer it is whole, so that rsync can never take a hole for a content.

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import rsync
from configurator.modules.attributes import clean, path_problems
from configurator.modules.base import Guard, Module
from configurator.modules.content import LARGE_BYTES, large_content, matching_content, present_content
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, ParamSpec, absolute, param
from configurator.modules.rsync import Item
from configurator.modules.staging import Entry, name_of, readable
from configurator.modules.state import UNKNOWN, Change, Content, LargeContent, State
from configurator.modules.system import CommandResult, System

_SHOWN = 50  # differing paths that are shown one by one; the rest is a number
_REST = "others_below"
_NOT_INSTALLED = 127
_ANY = tuple(range(256))
_LOOK_S = 1800.0  # a comparison by checksums reads everything
_LEFT_OUT = " bytes left out ...]"  # System.query
_AS_SOURCE = "as in src"
_NO_CONNECTION = "rsync runs on the host itself, and connects to none"


@dataclass(frozen=True, slots=True)
class SynchronizeParams:
    """The parameters of ansible.posix.synchronize. `_tree` is what `src` names on the controller."""

    src: str | None = param("str", path=True)
    dest: str = param("str", required=True, path=True)
    mode: str = param("str", "push", choices=("push", "pull"))
    remote_src: bool = param("bool", False)
    archive: bool = param("bool", True)
    checksum: bool = param("bool", False)
    compress: bool = param("bool", True)
    copy_links: bool = param("bool", False)
    delay_updates: bool = param("bool", True)
    delete: bool = param("bool", False)
    dirs: bool = param("bool", False)
    existing_only: bool = param("bool", False)
    group: bool | None = param("bool")
    link_dest: tuple[str, ...] = param("list")
    links: bool | None = param("bool")
    owner: bool | None = param("bool")
    partial: bool = param("bool", False)
    perms: bool | None = param("bool")
    recursive: bool | None = param("bool")
    rsync_opts: tuple[str, ...] = param("list")
    rsync_timeout: int = param("int", 0)
    set_remote_user: bool = param("bool", True)
    times: bool | None = param("bool")
    use_ssh_args: bool = param("bool", False)
    verify_host: bool = param("bool", False)
    _tree: Any = field(default=None, metadata={"param": ParamSpec("raw")})


class Synchronize(Module[SynchronizeParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "synchronize"
    params: ClassVar[type] = SynchronizeParams
    omitted: ClassVar[Mapping[str, str]] = {
        "_local_rsync_password": _NO_CONNECTION,
        "_local_rsync_path": "the controller needs no rsync",
        "_ssh_args": _NO_CONNECTION,
        "_substitute_controller": "what the controller sends comes by the run's own connection",
        "dest_port": _NO_CONNECTION,
        "private_key": _NO_CONNECTION,
        "rsync_path": "rsync is taken where the package rsync puts it; `become_user` says who runs it",
        "ssh_connection_multiplexing": _NO_CONNECTION,
    }
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 1.0

    def check(self, params: SynchronizeParams) -> Sequence[ParamProblem]:
        found = path_problems("dest", params.dest)
        if params.mode == "pull":
            hint = "`fetch` brings files of a host to the controller"
            found.append(ParamProblem("mode", "`mode: pull` cannot be had", hint))
        if params.src is None and params._tree is None:
            found.append(ParamProblem("src", "missing required parameter 'src'"))
        if params.remote_src and not absolute(params.src or "/"):
            found.append(ParamProblem("src", "'src' must be an absolute path of the host with 'remote_src'"))
        if params.rsync_timeout < 0:
            found.append(ParamProblem("rsync_timeout", "'rsync_timeout' cannot be below 0"))
        for path in params.link_dest:
            found += path_problems("link_dest", path)
        problem = rsync.problem(params.rsync_opts, local=not params.remote_src)
        if problem is not None:
            found.append(ParamProblem("rsync_opts", f"'rsync_opts': {problem}"))
        return found

    def subject(self, params: SynchronizeParams) -> str:
        return f"path:{clean(params.dest)}"

    def effects(self, params: SynchronizeParams) -> Effects:
        path = clean(params.dest)
        reads = ["package:rsync", *path_keys(path), f"path:{path}"]
        reads += [f"path:{clean(one)}/**" for one in params.link_dest]
        if params.remote_src and params.src is not None:
            reads += [*path_keys(params.src), f"path:{clean(params.src).rstrip('/')}/**"]
        return effects(reads=reads, writes=[f"path:{path.rstrip('/')}/**"])

    def guard(self, params: SynchronizeParams, system: System) -> Guard | None:
        """Any of the files may be one that decides whether we can log in."""
        found = guard_for_path(system, clean(params.dest))
        if found is not None or params._tree is None:
            return found
        tree, guards = _tree(params), []
        for entry in tree.entries:
            inner = posixpath.normpath(posixpath.join(params.dest, tree.transferred(entry.path)))
            asked = inner.startswith("/etc/") or "/.ssh" in inner  # guards.py; asking takes commands
            guards.append(guard_for_path(system, inner) if asked else None)
        met = [guard for guard in guards if guard is not None]
        return _together(met) if met else None

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: SynchronizeParams) -> State:
        """Return what rsync would change: `path:FILE|FIELD` for the first paths, and the number of others."""
        source: _Tree | _OnHost = _OnHost(params) if params.remote_src else _tree(params)
        _look_before(system, params)
        hollow = not rsync.compares_contents(params)
        answer = _rsync(system, params, source.argument(system, params, hollow=hollow), look=True)
        if answer is None:
            return {"rsync": None}
        state: State = {"rsync": "there", _REST: 0}
        differing: list[tuple[str, State]] = []
        found = [*rsync.items(answer.stdout)]
        for item in found:
            path = _place(system, params, item, found)
            actual, wanted = _compare(system, item, path, source)
            if not wanted:
                continue
            differing.append((path, wanted))
            if len(differing) <= _SHOWN:
                state |= {f"path:{readable(path)}|{name}": actual.get(name) for name in wanted}
            else:
                state[_REST] += 1
        return state | {"differing": differing}

    def desired(self, params: SynchronizeParams, actual: State) -> State:  # noqa: ARG002
        if actual["rsync"] is None:
            return {"rsync": UNKNOWN}
        differing = actual["differing"]
        wanted: State = {_REST: 0} if len(differing) > _SHOWN else {}
        for path, values in differing[:_SHOWN]:
            wanted |= {f"path:{readable(path)}|{name}": value for name, value in values.items()}
        return wanted

    def converge(self, system: System, params: SynchronizeParams, change: Change) -> State | None:
        source: _Tree | _OnHost = _OnHost(params) if params.remote_src else _tree(params)
        if change.before["rsync"] is None:
            system.run(["rsync", "--version"], establishes={f"path:{clean(params.dest)}/**": None})
            return None
        differing: list[tuple[str, State]] = change.before["differing"]
        states: dict[str, State | None] = {}
        for path, wanted in differing:
            if wanted.get("kind") == "absent":
                states[f"path:{path}"] = {"exists": False}
                continue
            states[f"path:{path}"] = None
            if wanted.get("kind") == "directory":
                states[f"path:{path}/**"] = None
        argument = source.argument(system, params, hollow=False)
        answer = _rsync(system, params, argument, look=False, states=states)
        said = [readable(item.name) for item in rsync.items(answer.stdout)] if answer is not None else []
        return {"said": said}

    def outputs(self, params: SynchronizeParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return `rc`, and in `stdout_lines` the paths that rsync has changed."""
        said = actual.get("said", [])
        return {"rc": 0, "stdout_lines": said, "msg": "\n".join(said)}


def _together(guards: Sequence[Guard]) -> Guard:
    def all_of(name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(one for guard in guards for one in getattr(guard, name)))

    return Guard(
        all_of("saves"),
        all_of("saves_units"),
        all_of("saves_tables"),
        all_of("activates"),
        all_of("restores"),
    )


class _Tree:
    """The tree of the controller."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.name = name_of(data["name"])
        self.inside = bool(data["inside"])
        self.entries = tuple(map(Entry.from_json, data["entries"]))
        self._by_name = {self.transferred(entry.path): entry for entry in self.entries}

    def transferred(self, path: str) -> str:
        """Return the name that rsync has for an entry: with a slash behind `src` that in the folder."""
        if self.inside and self.entries[0].kind == "directory":
            return path
        return posixpath.join(self.name, path) if path else self.name

    def argument(self, system: System, params: SynchronizeParams, *, hollow: bool) -> str:
        """Return what rsync is to take from."""
        folder = self.entries[0].kind == "directory"
        like = params.dest.rstrip("/") or "/"
        if not (folder and self.inside):
            within = system.stat(params.dest, follow=True)
            if folder or params.dest.endswith("/") or (within is not None and within.kind == "directory"):
                like = posixpath.join(like, self.name)
        path = system.stage(self.entries, self.name, hollow=hollow, like=like)
        return f"{path}/" if folder and self.inside else path

    def target(self, system: System, name: str) -> str | None:  # noqa: ARG002
        """Return where a link leads."""
        entry = self._by_name.get(name)
        return None if entry is None else readable(entry.target)

    def content(self, system: System, name: str, path: str) -> Content | LargeContent | None:
        """Return what a file is to hold; if `path` holds it already it is not fetched."""
        entry = self._by_name.get(name)
        if entry is None or entry.kind != "file":
            return None
        return large_content(entry.content) or matching_content(system, entry.content, path)


class _OnHost:
    """A folder or file of the host."""

    def __init__(self, params: SynchronizeParams) -> None:
        assert params.src is not None
        self._src = params.src
        self._follow = params.copy_links

    def argument(self, system: System, params: SynchronizeParams, *, hollow: bool) -> str:  # noqa: ARG002
        """Return what rsync is to take from."""
        system.settled(self._src)
        found = system.stat(self._src, follow=True)
        if found is None:
            raise ParameterError(f"{self._src} does not exist on the host")
        return self._src

    def _path(self, name: str) -> str:
        top = self._src if self._src.endswith("/") else posixpath.dirname(self._src)
        return posixpath.join(top, name)

    def target(self, system: System, name: str) -> str | None:
        """Return where a link leads."""
        found = system.stat(self._path(name))
        return None if found is None or found.target is None else readable(found.target)

    def content(self, system: System, name: str, path: str) -> Content | LargeContent | None:  # noqa: ARG002
        """Return what a file is to hold."""
        source = self._path(name)
        found = system.stat(source, follow=True)
        if found is None or found.kind != "file":
            return None
        if found.size > LARGE_BYTES:
            return LargeContent(found.size, system.digest(source))
        return Content(system.read(source))


def _tree(params: SynchronizeParams) -> _Tree:
    if params._tree is None:
        raise ParameterError("the files of 'src' have not come along")
    return _Tree(params._tree)


def _look_before(system: System, params: SynchronizeParams) -> None:
    """Fail where rsync would, but not in a dry run; let a plan say where rsync cannot see what it changes."""
    system.settled(params.dest)
    for path in params.link_dest:
        system.settled(path)
    above = posixpath.dirname(params.dest.rstrip("/")) or "/"
    if system.stat(params.dest, follow=True) is None and "--mkpath" not in params.rsync_opts:
        found = system.stat(above, follow=True)
        if found is None or found.kind != "directory":
            what = "does not exist" if found is None else "is no directory"
            raise ParameterError(f"the directory {above} {what}", hint="needed for 'dest'")


def _rsync(
    system: System,
    params: SynchronizeParams,
    source: str,
    *,
    look: bool,
    states: Mapping[str, State | None] | None = None,
) -> CommandResult | None:
    """Look or do; None where a plan has yet to install rsync."""
    argv = ["rsync", *rsync.words(params), f"--out-format={rsync.MARK}%i %n"]
    argv += ["--dry-run"] if look else []
    argv += ["--", source, params.dest]
    if look:
        answer = system.query(argv, ok=_ANY, timeout_s=_LOOK_S)
    else:
        answer = system.run(argv, establishes=states, ok=_ANY)
    if answer.exit_status == _NOT_INSTALLED:
        if not system.lookup("package:rsync", lambda: {"exists": False})["exists"]:
            raise TaskError(
                "rsync is not installed on the host", hint="install it first: `apt: {name: rsync}`"
            )
        return None
    if answer.exit_status != 0:
        raise _failed(answer)
    if _LEFT_OUT in answer.stdout:
        raise TaskError("more differs than rsync can tell in 1 MiB", hint="synchronize parts of the tree")
    return answer


def _failed(answer: CommandResult) -> TaskError:
    lines = [line for line in answer.stderr.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("rsync:")), lines[0] if lines else "")
    told = told.removeprefix("rsync:").strip() or f"exit status {answer.exit_status}"
    return TaskError(
        f"rsync: {told}",
        command=answer.argv,
        exit_status=answer.exit_status,
        output=answer.stderr,
        hint="what rsync could do before is done" if answer.exit_status in (23, 24) else None,
    )


def _place(system: System, params: SynchronizeParams, item: Item, found: Sequence[Item]) -> str:
    """Return the path on the host that a line is about."""
    if not item.name:
        return params.dest.rstrip("/") or "/"
    alone = len(found) == 1 and item.kind != "directory" and not item.deleted and "/" not in item.name
    if alone and not params.dest.endswith("/"):
        there = system.stat(params.dest, follow=True)
        if there is None or there.kind != "directory":
            return params.dest
    return posixpath.join(params.dest, item.name)


def _compare(system: System, item: Item, path: str, source: _Tree | _OnHost) -> tuple[State, dict[str, Any]]:
    """Return the fields of one path that differ, as they are and as they are to be."""
    found = system.stat(path)
    kind = "absent" if found is None else found.kind
    if item.deleted:
        return {"kind": kind}, {"kind": "absent"}
    actual: State = {}
    wanted: dict[str, Any] = {}
    if item.new:
        actual["kind"], wanted["kind"] = kind, item.kind
    if item.kind == "link":
        target = None if found is None or found.target is None else readable(found.target)
        actual["target"], wanted["target"] = target, source.target(system, item.name)
    if item.transferred:
        content = source.content(system, item.name, path)
        if content is not None:
            here = found is not None and found.kind == "file"
            actual["content"] = present_content(system, path, found, content) if here and found else None
            wanted["content"] = content
    differs = [] if item.new else item.differs()
    if differs:
        actual["attributes"], wanted["attributes"] = f"other {', '.join(differs)}", _AS_SOURCE
    return actual, {name: value for name, value in wanted.items() if actual.get(name) != value}
