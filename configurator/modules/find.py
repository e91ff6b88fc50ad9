"""find: the files below some directories that answer a description have been looked up.

Parameters and the names of the values are Ansible's. In a plan the files are those that the tasks before
will have led to. Where this module differs: the files come in the order of their names, a directory that
links lead to twice is entered once, and more than 50,000 files are refused.
"""

from __future__ import annotations

import codecs
import fnmatch
import posixpath
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean, path_problems
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.looking import CHECKSUMS, Looking, described
from configurator.modules.modes import apply_mode, mode_problem
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import FileStat, System

_MAX_FILES = 50_000  # some 30 MB of results
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


@dataclass(frozen=True, slots=True)
class FindParams:
    """The parameters of find."""

    paths: tuple[str, ...] = param("list", required=True, aliases=("path", "name"), path=True)
    patterns: tuple[str, ...] = param("list", aliases=("pattern",))
    excludes: tuple[str, ...] = param("list", aliases=("exclude",))
    use_regex: bool = param("bool", False)
    file_type: str = param("str", "file", choices=("any", "directory", "file", "link"))
    recurse: bool = param("bool", False)
    depth: int | None = param("int")
    hidden: bool = param("bool", False)
    follow: bool = param("bool", False)
    contains: str | None = param("str")
    read_whole_file: bool = param("bool", False)
    encoding: str = param("str", "utf-8")
    age: str | None = param("str")
    age_stamp: str = param("str", "mtime", choices=("atime", "ctime", "mtime"))
    size: str | None = param("str")
    mode: str | None = param("mode")
    exact_mode: bool = param("bool", True)
    get_checksum: bool = param("bool", False)
    checksum_algorithm: str = param("str", "sha1", choices=CHECKSUMS, aliases=("checksum", "checksum_algo"))
    limit: int | None = param("int")


@dataclass(slots=True)
class Found:
    """What has been looked at so far, and why some of it could not be."""

    examined: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


class Find(Looking):
    """See the module's docstring."""

    name: ClassVar[str] = "find"
    params: ClassVar[type] = FindParams
    typical_s: ClassVar[float] = 0.2

    def check(self, params: FindParams) -> Sequence[ParamProblem]:
        problems = [problem for path in params.paths for problem in path_problems("paths", path)]
        for name, units in (("age", _SECONDS), ("size", _BYTES)):
            value = getattr(params, name)
            if value is not None and _amount(value, units) is None:
                shown = ", ".join(units)
                message = f"{name!r} must be a number with one of the units {shown}, not {value!r}"
                problems.append(ParamProblem(name, message))
        problem = mode_problem(params.mode)
        if problem is not None:
            problems.append(ParamProblem("mode", f"'mode': {problem}"))
        expressions = [("contains", params.contains)]
        if params.use_regex:
            expressions += [("patterns", one) for one in params.patterns]
            expressions += [("excludes", one) for one in params.excludes]
        for name, expression in expressions:
            try:
                re.compile(expression or "")
            except re.error as error:
                message = f"{name!r}: {expression!r} is no regular expression: {error}"
                problems.append(ParamProblem(name, message))
        try:
            codecs.lookup(params.encoding)
        except LookupError:
            problems.append(ParamProblem("encoding", f"unknown encoding {params.encoding!r}"))
        if params.limit is not None and params.limit < 1:
            problems.append(ParamProblem("limit", "'limit' must be 1 or more"))
        return problems

    def subject(self, params: FindParams) -> str:
        return f"path:{clean(params.paths[0]) if params.paths else '/'}"

    def effects(self, params: FindParams) -> Effects:
        reads: list[str] = []
        for path in map(clean, params.paths):
            reads += [*path_keys(path), f"path:{path}", f"path:{path.rstrip('/')}/**"]
        return effects(reads=reads)

    def observe(self, system: System, params: FindParams) -> State:
        found = Found()
        for name in ("size", "contains"):
            if getattr(params, name) is not None and params.file_type != "file":
                system.notice(f"{name!r} only counts with `file_type: file`")
        accepts = _filter(system, params, found)
        for root in params.paths:
            for path, stat in _walk(system, params, root, found):
                found.examined += 1
                if accepts(path, stat):
                    found.files.append(self._result(system, params, path, stat))
                if params.limit is not None and len(found.files) >= params.limit:
                    return {"found": found}
                if len(found.files) > _MAX_FILES:
                    raise TaskError(
                        f"more than {_MAX_FILES} files below {', '.join(params.paths)}",
                        hint="`patterns`, `depth` or `limit` make them fewer",
                    )
        for message in found.skipped.values():
            system.notice(message)
        return {"found": found}

    def _result(self, system: System, params: FindParams, path: str, stat: FileStat) -> dict[str, Any]:
        out = described(path, stat)
        if params.get_checksum and stat.kind == "file":
            out["checksum"] = system.digest(path, params.checksum_algorithm)
        return out

    def outputs(self, params: FindParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return `files`, how many have `matched` and were `examined`, and `skipped_paths` with reasons."""
        found: Found = actual["found"]
        return {
            "files": found.files,
            "matched": len(found.files),
            "examined": found.examined,
            "skipped_paths": found.skipped,
        }


def _walk(system: System, params: FindParams, root: str, found: Found) -> Iterator[tuple[str, FileStat]]:
    """Yield what is below a directory, in the order of the names; not recursive, since trees can be deep."""
    top = system.stat(root, follow=True)
    if top is None or top.kind != "directory":
        found.skipped[root] = f"{root} is not a directory"
        return
    seen = {(top.device, top.inode)}
    levels = [_entries(system, root, found)]
    while levels:
        item = next(levels[-1], None)
        if item is None:
            levels.pop()
            continue
        yield item
        path, stat = item
        deeper = params.recurse and (params.depth is None or len(levels) < params.depth)
        below = system.stat(path, follow=True) if stat.kind == "link" and params.follow else stat
        if deeper and below is not None and below.kind == "directory":
            place = (below.device, below.inode)
            if place not in seen or not below.inode:
                seen.add(place)
                levels.append(_entries(system, path, found))


def _entries(system: System, directory: str, found: Found) -> Iterator[tuple[str, FileStat]]:
    try:
        for name, stat in system.entries(directory):
            yield posixpath.join(directory, name), stat
    except TaskError as error:
        found.skipped[directory] = error.message


def _filter(system: System, params: FindParams, found: Found) -> Callable[[str, FileStat], bool]:
    """Return a function that tells whether a file answers the description; the cheap questions come first."""
    named = _names(params)
    size = _amount(params.size, _BYTES) if params.size is not None and params.file_type == "file" else None
    age = _amount(params.age, _SECONDS) if params.age is not None else None
    contains = params.contains if params.file_type == "file" else None
    now = time.time()

    def accepts(path: str, stat: FileStat) -> bool:
        name = posixpath.basename(path)
        if params.file_type not in ("any", stat.kind) or (name.startswith(".") and not params.hidden):
            return False
        if not named(name):
            return False
        if size is not None and not (stat.size >= size if size >= 0 else stat.size <= -size):
            return False
        if age is not None:
            past = now - (getattr(stat, params.age_stamp) or now)  # 0: changed by the plan
            if not (past >= age if age >= 0 else past <= -age):
                return False
        if params.mode is not None and not _has_mode(params, params.mode, stat):
            return False
        return contains is None or _contains(system, params, contains, path, found)

    return accepts


def _names(params: FindParams) -> Callable[[str], bool]:
    if params.use_regex:
        wanted = [re.compile(one) for one in params.patterns]
        unwanted = [re.compile(one) for one in params.excludes]
    else:
        wanted = [re.compile(fnmatch.translate(one)) for one in params.patterns]
        unwanted = [re.compile(fnmatch.translate(one)) for one in params.excludes]
    return lambda name: (
        (not wanted or any(one.match(name) for one in wanted))
        and not any(one.match(name) for one in unwanted)
    )


def _has_mode(params: FindParams, mode: str, stat: FileStat) -> bool:
    wanted = apply_mode(mode, stat.mode, stat.kind == "directory")
    return stat.mode == wanted if params.exact_mode else bool(stat.mode & wanted)


def _contains(system: System, params: FindParams, expression: str, path: str, found: Found) -> bool:
    """Look into a file: at the beginning of each line, or with `read_whole_file` anywhere, as in Ansible."""
    try:
        text = system.read(path).decode(params.encoding, "surrogateescape")
    except (TaskError, UnicodeError) as error:
        found.skipped[path] = error.message if isinstance(error, TaskError) else f"{path}: {error}"
        return False
    pattern = re.compile(expression)
    if params.read_whole_file:
        return pattern.search(text) is not None
    return any(pattern.match(line) for line in text.splitlines(keepends=True))


def _amount(value: str, units: dict[str, int]) -> int | None:
    """Return a number with a unit in seconds or bytes; None if it is no such thing."""
    match = re.fullmatch(r"(-?\d+)([a-z]?)", value.strip().lower())
    if match is None or (match[2] and match[2] not in units):
        return None
    return int(match[1]) * units.get(match[2], 1)
