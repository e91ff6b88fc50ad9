"""unarchive: what a tar or zip archive holds is below a directory of the host, as the archive has it.

Parameters are those of ansible.builtin.unarchive. The archive may be compressed with gzip, bzip2, xz or zstd
(for which the host needs the package zstd); its beginning tells what it is, not its name. It is a file of the
controller, with `remote_src` one of the host, or a URL that the host fetches: what that holds is unknown to a
plan, unless `creates` tells that it is not needed.

Every entry is compared with what is on the host, by its content and not by its time, so that a plan names
the files that will be created or replaced, and nothing is changed where nothing differs. An archive with an
absolute name, a name with `..`, or a link that leads out of `dest` is refused whole.

Otherwise than in Ansible: no program unpacks, so of `extra_opts` those are known that change what is unpacked
and where (`--strip-components`, `--transform`, `--exclude`, `--no-same-owner`, `--numeric-owner`,
`--keep-newer-files`, `--skip-old-files`, and `-j` for zip), and others are refused. Directories that are
there keep their owner and mode unless the task names one, and so does `dest`. Owners are set if root works;
an owner whose name the host does not know is set by its number.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.account_files import group_state, home_of
from configurator.modules.archive_options import Options, matches, parse
from configurator.modules.archives import Archive, Member, Placed
from configurator.modules.attributes import Attributes, clean, common_problems, described
from configurator.modules.base import Module
from configurator.modules.content import decode_content, large_content
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.globbing import exists
from configurator.modules.modes import apply_mode, octal
from configurator.modules.params import ParamProblem, ParamSpec, absolute, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import FileStat, System
from configurator.modules.web import AGENT, Request, refused, relies_on, url_problem

_SHOWN = 50  # differing entries that are shown one by one; the rest is a number
_REST = "others_below"
_SCHEMES = ("http", "https", "ftp")


@dataclass(frozen=True, slots=True)
class UnarchiveParams:
    """The parameters of ansible.builtin.unarchive. `_content` is what `src` names on the controller."""

    src: str | None = param("str", path=True)
    dest: str = param("str", required=True, path=True)
    remote_src: bool = param("bool", False)
    copy: bool = param("bool", True)
    creates: str | None = param("str", path=True)
    include: tuple[str, ...] = param("list")
    exclude: tuple[str, ...] = param("list")
    extra_opts: tuple[str, ...] = param("list")
    keep_newer: bool = param("bool", False)
    list_files: bool = param("bool", False)
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")
    validate_certs: bool = param("bool", True)
    decrypt: bool = param("bool", True)
    _content: Any = field(default=None, metadata={"param": ParamSpec("raw")})
    _original_basename: str | None = param("str")

    # What requests have that the module does not offer.
    client_cert: ClassVar[str | None] = None
    client_key: ClassVar[str | None] = None

    @property
    def url(self) -> str:
        """The URL of the archive; "" if it is a file."""
        return self.src if self.src is not None and "://" in self.src else ""


class Unarchive(Module[UnarchiveParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "unarchive"
    params: ClassVar[type] = UnarchiveParams
    omitted: ClassVar[Mapping[str, str]] = {
        "io_buffer_size": "pieces of a mebibyte are read, which suits every archive",
    }
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 2.0

    def check(self, params: UnarchiveParams) -> Sequence[ParamProblem]:
        found = common_problems(params, path="dest")
        if params.src is None and params._content is None:
            found.append(ParamProblem("src", "missing required parameter 'src'"))
        if params.url and (problem := url_problem(params.url, _SCHEMES)):
            found.append(ParamProblem("src", problem.replace("'url'", "'src'")))
        of_host = params.remote_src or not params.copy
        if of_host and not params.url and not absolute(params.src or "/"):
            found.append(ParamProblem("src", "'src' must be an absolute path of the host with 'remote_src'"))
        if params.include and params.exclude:
            found.append(ParamProblem("exclude", "'include' and 'exclude' exclude each other"))
        if not absolute(params.creates or "/"):
            found.append(ParamProblem("creates", "'creates' must be an absolute path"))
        try:
            parse(params.extra_opts, zipped=True)
        except ValueError as error:
            hint = "the page of this module says which options there are"
            found.append(ParamProblem("extra_opts", f"'extra_opts': {error}", hint))
        return found

    def subject(self, params: UnarchiveParams) -> str:
        return f"path:{clean(params.dest)}"

    def effects(self, params: UnarchiveParams) -> Effects:
        path = clean(params.dest)
        reads = [*path_keys(path), f"path:{path}", *Attributes.of(params).account_keys()]
        if params.url:
            reads += relies_on(params)
        elif params.src is not None:
            reads += [*path_keys(params.src), f"path:{clean(params.src)}"]
        if params.creates is not None:
            reads.append(f"path:{clean(params.creates)}")
        return effects(reads=reads, writes=[f"path:{path.rstrip('/')}/**"])

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: UnarchiveParams) -> State:
        """What differs from the archive: `path:FILE|FIELD` for the first entries, and the number of others.

        `items` are all entries that are wanted, `differing` those that are not as they should be.
        """
        if params.creates is not None and exists(system, params.creates):
            return {"needless": f"{params.creates} exists"}
        found = system.stat(params.dest, follow=True)
        if found is None or found.kind != "directory":
            what = "does not exist" if found is None else "is no directory"
            raise ParameterError(f"the directory {params.dest} {what}", hint="'dest'")
        archive = _archive(system, params)
        chosen = _Chosen(system, params, system.members(archive))
        state: State = {"archive": archive, "dest": found, _REST: 0, "names": chosen.names}
        differing: list[tuple[Placed, State]] = []
        for item in chosen.items:
            actual, wanted = chosen.compare(item)
            wanted = {name: value for name, value in wanted.items() if actual.get(name) != value}
            if not wanted:
                continue
            differing.append((item, wanted))
            if len(differing) <= _SHOWN:
                state |= {f"path:{item.path}|{name}": actual.get(name) for name in wanted}
            else:
                state[_REST] += 1
        return state | {"differing": differing}

    def desired(self, params: UnarchiveParams, actual: State) -> State:  # noqa: ARG002
        differing = actual.get("differing", [])
        wanted: State = {_REST: 0} if len(differing) > _SHOWN else {}
        for item, values in differing[:_SHOWN]:
            wanted |= {f"path:{item.path}|{name}": value for name, value in values.items()}
        return wanted

    def converge(self, system: System, params: UnarchiveParams, change: Change) -> State | None:  # noqa: ARG002
        unpacked = [item for item, values in change.before["differing"] if _CONTENTS & set(values)]
        system.unpack(change.before["archive"], unpacked)
        for item, values in change.before["differing"]:
            if not _CONTENTS & set(values):
                Attributes(item.mode, item.owner, item.group).set(
                    system, item.path, follow=item.kind == "directory"
                )
        return None

    def outputs(self, params: UnarchiveParams, actual: State) -> dict[str, Any]:
        """Return Ansible's names: `dest` and its attributes, `src`, and with `list_files` the `files`."""
        src = params.src or params._original_basename
        if "names" not in actual:
            return {"dest": params.dest, "src": src, "skipped": True}
        stat: FileStat = actual["dest"]
        out: dict[str, Any] = {"dest": params.dest, "src": src, **described(stat)}
        return out | ({"files": list(actual["names"])} if params.list_files else {})


_CONTENTS = frozenset({"kind", "content", "target"})


def _archive(system: System, params: UnarchiveParams) -> Archive:
    if params._content is not None:
        return large_content(params._content) or decode_content(system, params._content)
    assert params.src is not None
    if params.url:
        request = Request(
            params.url, headers={"User-Agent": AGENT}, validate_certs=params.validate_certs, timeout_s=30
        )
        download = system.download(request)
        if not 200 <= download.answer.status < 300:
            raise refused(download.answer, params.url)
        return download
    if not params.remote_src and params.copy:
        raise ParameterError("the content of 'src' has not come along")
    if system.stat(params.src, follow=True) is None:
        raise ParameterError(f"{params.src} does not exist on the host", hint="`remote_src` reads it there")
    return params.src


class _Chosen:
    """The entries that a task wants: where each belongs, and how it compares to what is there."""

    def __init__(self, system: System, params: UnarchiveParams, members: Sequence[Member]) -> None:
        self._system = system
        self._params = params
        zipped = bool(members) and not any(member.uid >= 0 for member in members)  # zip knows no owners
        self._options: Options = parse(params.extra_opts, zipped=zipped)
        user = system.fact("user_id")
        self._as_root = user in (None, "root") and self._options.same_owner
        self._known: dict[tuple[str, str], bool] = {}
        placed = list(self._place(members))
        self.names = tuple(f"{name}/" if one.kind == "directory" else name for name, _, one in placed)
        latest = {name: (number, member) for name, number, member in placed}  # the last of two is what stays
        links = [name for name, (_, member) in latest.items() if member.kind == "link"]
        for link in links:
            if inside := next((name for name in latest if name.startswith(link + "/")), None):
                raise _unsafe(f"{inside!r} would be unpacked through the link {link!r}")
        items = [*self._parents(latest), *(self._item(name, *found) for name, found in latest.items())]
        # Directories come first, from the top down, whatever the order in the archive.
        self.items = sorted(
            items, key=lambda item: item.path.count("/") if item.kind == "directory" else _LAST
        )
        self._by_path = {item.path: item for item in self.items}

    def _place(self, members: Sequence[Member]) -> Iterator[tuple[str, int, Member]]:
        """Yield the wanted entries with the names that they get; refuse those that would leave `dest`."""
        unused = set(self._params.include)
        for number, member in enumerate(members):
            own = _normal(member.name)
            if own in ("", "."):
                continue  # the archive's own top: what `dest` is like is not for it to say
            included = [pattern for pattern in self._params.include if matches(own, pattern, anywhere=False)]
            unused -= set(included)
            excludes = (*self._params.exclude, *self._options.excludes)
            if (self._params.include and not included) or any(
                matches(own, p, anywhere=True) for p in excludes
            ):
                continue
            name = _normal(self._options.name(own))
            if not name or (member.kind == "directory" and self._options.strip is None):
                continue
            if member.name.startswith("/") or ".." in own.split("/") or ".." in name.split("/"):
                raise _unsafe(f"{member.name!r} is not a name below a directory")
            if member.kind == "other":
                raise ParameterError(
                    f"{member.name!r} is a device or a pipe, which are not unpacked",
                    hint="`exclude` leaves it out",
                )
            if member.kind == "link" and _leads_out(name, member.target):
                raise _unsafe(f"the link {member.name!r} leads out of it, to {member.target!r}")
            yield name, number, member
        if unused:
            raise TaskError(f"{sorted(unused)[0]!r} is not in the archive", hint="'include'")

    def _parents(self, latest: Mapping[str, tuple[int, Member]]) -> Iterator[Placed]:
        """Yield the directories that the archive does not name, but needs."""
        seen = set(latest)
        for name in list(latest):
            parts = name.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                parent = "/".join(parts[:depth])
                if parent not in seen:
                    seen.add(parent)
                    yield self._item(parent, -1, Member(parent, "directory", 0o755))

    def _item(self, name: str, number: int, member: Member) -> Placed:
        path = posixpath.join(self._params.dest, name)
        kind, source = member.kind, ""
        if kind == "hardlink":
            target = _normal(self._options.name(_normal(member.target)))
            source = posixpath.join(self._params.dest, target)
        mode = octal(member.mode)
        if self._params.mode is not None:
            mode = octal(apply_mode(self._params.mode, member.mode, kind == "directory"))
        owner = self._params.owner or self._account("user", member.owner, member.uid)
        group = self._params.group or self._account("group", member.group, member.gid)
        return Placed(number, member, path, kind, None if kind == "link" else mode, owner, group, source)

    def _account(self, kind: str, name: str, number: int) -> str | None:
        """Return the owner or group that the archive asks for: by name if the host has it, else by number."""
        if not self._as_root or number < 0:
            return None
        if (kind, name) not in self._known:
            by_name = bool(name) and not self._options.numeric_owner
            self._known[kind, name] = by_name and _account_exists(self._system, kind, name)
        return name if self._known[kind, name] else str(number)

    def compare(self, item: Placed) -> tuple[State, State]:
        """Return the fields of what is there, and those that it should have."""
        # A link that leads to a directory will do for one.
        found = self._system.stat(item.path, follow=item.kind == "directory")
        attributes = Attributes(item.mode, item.owner, item.group)
        actual = attributes.observed(found)
        kept = self._options.keep_existing or (
            found is not None
            and (self._params.keep_newer or self._options.keep_newer)
            and found.mtime > item.member.mtime
        )
        if found is not None and kept and item.kind != "directory":
            return actual, {}
        _refuse_kind(item, found)
        if item.kind == "directory":
            asked = Attributes(self._params.mode, self._params.owner, self._params.group)
            return actual, {"kind": "directory"} | (asked.wanted("directory", found) if found else {})
        if item.kind == "link":
            actual["target"] = None if found is None else found.target
            owners = Attributes(None, item.owner, item.group).wanted("link", None) if found else {}
            return actual, {"target": item.member.target} | owners
        return self._compare_file(item, found, actual)

    def _compare_file(self, item: Placed, found: FileStat | None, actual: State) -> tuple[State, State]:
        origin = self._origin(item)
        member = origin.member
        text = f"{member.size} bytes, sha256 {member.digest}"
        if found is None:
            return actual, {"content": text}
        wanted: State = {"mode": origin.mode} | Attributes(None, origin.owner, origin.group).wanted(
            "file", None
        )
        actual = actual | {"content": None}
        if found.kind != "file":
            return actual, {"kind": "file", "content": text}
        size = found.size
        digest = self._system.digest(item.path)
        if (size, digest) == (member.size, member.digest):
            actual["content"] = wanted["content"] = text
        elif member.content is not None and size <= len(member.content) + _MORE_BYTES:
            actual["content"], wanted["content"] = (
                Content(self._system.read(item.path)),
                Content(member.content),
            )
        else:
            actual["content"], wanted["content"] = f"{size} bytes, sha256 {digest}", text
        return actual, wanted

    def _origin(self, item: Placed) -> Placed:
        """Return the file that a hard link is another name of."""
        for _ in range(_MAX_LINKS):
            if item.kind != "hardlink":
                return item
            origin = self._by_path.get(item.source)
            if origin is None or origin.kind not in ("file", "hardlink"):
                break
            item = origin
        raise _unsafe(f"the link {item.member.name!r} names no file of it, but {item.member.target!r}")


def _account_exists(system: System, kind: str, name: str) -> bool:
    if kind == "user":
        return home_of(system, name) is not None
    return bool(group_state(system, name)["exists"])


_MORE_BYTES = 512 * 1024  # how much larger than its new content an old file may be for a diff
_MAX_LINKS = 40
_LAST = 1 << 30


def _refuse_kind(item: Placed, found: FileStat | None) -> None:
    """Refuse to put something in the place of what it cannot replace."""
    if found is None:
        return
    if item.kind == "directory" and found.kind != "directory":
        raise TaskError(f"{item.path} is no directory, but in the archive it is one")
    if item.kind != "directory" and found.kind in ("directory", "other"):
        what = "a directory" if found.kind == "directory" else "a device, a pipe or a socket"
        raise TaskError(f"{item.path} is {what}, but in the archive it is none")


def _normal(name: str) -> str:
    """Return a name without what means nothing in it; `..` stays, for it to be refused."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _leads_out(name: str, target: str) -> bool:
    """Return True if a link may lead out of the directory that its name stands in.

    A `..` behind a name could go up from wherever another link has led, so it is refused as well.
    """
    if target.startswith("/") or not target:
        return True
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    return ".." in parts[up:] or up > name.count("/")


def _unsafe(message: str) -> TaskError:
    return TaskError(
        f"the archive is refused: {message}", hint="nothing was unpacked; look at where it is from"
    )
