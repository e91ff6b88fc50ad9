"""A System made of recorded answers: files in a dictionary, command outputs by the words of the command."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.params import parse
from configurator.modules.state import Change, LargeContent, State
from configurator.modules.system import CommandResult, FileStat, T

Answer = tuple[int, str, str] | str | Callable[[Sequence[str], str | None], "tuple[int, str, str] | str"]


@dataclass
class Entry:
    """A file, link or directory of the recorded host."""

    stat: FileStat
    content: bytes = b""


class RecordedSystem:
    """Answers as a host would; `ran` keeps what was run, `established` what the commands promised.

    `answers` maps the beginning of a command line to its output; the longest that fits is taken. A command
    without an answer is a failure of the test, so nothing is run by accident.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None, *, plan: bool = True) -> None:
        self.answers = dict(answers or {})
        self.plan = plan
        self.files: dict[str, Entry] = {}
        self.established: dict[str, State | None] = {}
        self.ran: list[tuple[tuple[str, ...], str | None]] = []
        self.queried: list[tuple[str, ...]] = []
        self.notices: list[str] = []
        self.memo: dict[str, Any] = {}
        self.facts: dict[str, Any] = {"architecture": "x86_64"}
        self.ports: tuple[int, ...] = (22,)
        self.put_directory("/")

    # -- preparing ------------------------------------------------------------------------------------

    def put(
        self,
        path: str,
        content: str | bytes = b"",
        *,
        mode: int = 0o644,
        owner: str = "root",
        mtime: float = 0,
    ) -> None:
        data = content.encode() if isinstance(content, str) else content
        self._parents(path)
        uid = 0 if owner == "root" else 1000
        self.files[path] = Entry(FileStat("file", mode, uid, uid, owner, owner, len(data), mtime), data)

    def put_directory(self, path: str, *, mode: int = 0o755, owner: str = "root", mtime: float = 0) -> None:
        if path != "/":
            self._parents(path)
        uid = 0 if owner == "root" else 1000
        self.files[path] = Entry(FileStat("directory", mode, uid, uid, owner, owner, 0, mtime))

    def put_link(self, path: str, target: str) -> None:
        self._parents(path)
        self.files[path] = Entry(FileStat("link", 0o777, 0, 0, "root", "root", 0, target=target))

    def _parents(self, path: str) -> None:
        parent = posixpath.dirname(path)
        if parent not in self.files:
            self.put_directory(parent)

    # -- files ----------------------------------------------------------------------------------------

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        entry = self.files.get(path)
        if entry is None:
            return None
        if follow and entry.stat.target is not None:
            return self.stat(posixpath.join(posixpath.dirname(path), entry.stat.target), follow=True)
        return entry.stat

    def read(self, path: str) -> bytes:
        entry = self.files.get(path)
        if entry is None:
            raise TaskError(f"no such file: {path}")
        if entry.stat.target is not None:
            return self.read(posixpath.join(posixpath.dirname(path), entry.stat.target))
        return entry.content

    def listdir(self, path: str) -> list[str]:
        prefix = path.rstrip("/") + "/"
        return sorted(
            name[len(prefix) :]
            for name in self.files
            if name.startswith(prefix) and "/" not in name[len(prefix) :]
        )

    def entries(self, path: str) -> list[tuple[str, FileStat]]:
        return [(name, self.files[posixpath.join(path, name)].stat) for name in self.listdir(path)]

    def access(self, path: str) -> str:
        return "rw" if path in self.files else ""

    def write(
        self,
        path: str,
        content: bytes | LargeContent,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        backup: bool = False,
        validate: str | None = None,
        follow: bool = True,
    ) -> str | None:
        if posixpath.dirname(path) not in self.files:
            raise TaskError(f"no such directory: {posixpath.dirname(path)}")
        assert isinstance(content, bytes), "nothing large is recorded"
        old = self.files.get(path)
        base = old.stat if old else FileStat("file", 0o644, 0, 0, "root", "root", 0)
        self.files[path] = Entry(replace(base, kind="file", target=None, size=len(content)), content)
        self.set_attributes(path, mode=mode, owner=owner, group=group)
        return None

    def mkdir(
        self, path: str, *, mode: str | None = None, owner: str | None = None, group: str | None = None
    ) -> None:
        if path in self.files or posixpath.dirname(path) not in self.files:
            raise TaskError(f"cannot make directory: {path}")
        self.put_directory(path)
        self.set_attributes(path, mode=mode, owner=owner, group=group)

    def symlink(self, target: str, path: str) -> None:
        self.put_link(path, target)

    def hardlink(self, target: str, path: str) -> None:
        self.files[path] = self.files[target]

    def set_attributes(
        self,
        path: str,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        follow: bool = True,
    ) -> None:
        entry = self.files[path]
        changes: dict[str, Any] = {}
        if mode is not None:
            changes["mode"] = int(mode, 8)
        if owner is not None:
            changes["owner"] = owner
        if group is not None:
            changes["group"] = group
        entry.stat = replace(entry.stat, **changes)

    def set_times(self, path: str, *, atime: float | None = None, mtime: float | None = None) -> None:
        entry = self.files[path]
        entry.stat = replace(entry.stat, mtime=entry.stat.mtime if mtime is None else mtime)

    def remove(self, path: str) -> None:
        for name in [name for name in self.files if name == path or name.startswith(path.rstrip("/") + "/")]:
            del self.files[name]

    # -- commands -------------------------------------------------------------------------------------

    def lookup(self, key: str, probe: Callable[[], State]) -> State:
        known = self.established.get(key) if self.plan else None
        return dict(known) if known is not None else probe()

    def fresh_index(self) -> bool:
        return False

    def recall(self, key: str, find: Callable[[], T]) -> T:
        if key not in self.memo:
            self.memo[key] = find()
        found: T = self.memo[key]
        return found

    def query(
        self,
        argv: Sequence[str],
        *,
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        self.queried.append(tuple(argv))
        return self._answer(argv, ok, stdin)

    def run(
        self,
        argv: Sequence[str],
        *,
        establishes: Mapping[str, State | None] | None = None,
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        uninterruptible: bool = False,
    ) -> CommandResult:
        self.ran.append((tuple(argv), stdin))
        self.memo = {}
        if self.plan:
            for key in establishes or {}:
                self.established[key] = (establishes or {})[key]
            return CommandResult(tuple(argv), 0, "", "")
        return self._answer(argv, ok, stdin)

    def _answer(self, argv: Sequence[str], ok: Sequence[int], stdin: str | None) -> CommandResult:
        line = " ".join(argv)
        fitting = [known for known in self.answers if line == known or line.startswith(known + " ")]
        if not fitting:
            raise AssertionError(f"no recorded answer for: {line}")
        answer = self.answers[max(fitting, key=len)]
        if callable(answer):
            answer = answer(argv, stdin)
        status, out, err = (0, answer, "") if isinstance(answer, str) else answer
        if status not in ok:
            raise TaskError(f"{argv[0]} failed", command=argv, exit_status=status, output=out + err)
        return CommandResult(tuple(argv), status, out, err)

    def shell(self, command: str, **_: Any) -> CommandResult:
        raise AssertionError("no module but shell uses a shell")

    # -- what no test here needs ------------------------------------------------------------------------

    def _unused(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("no test of a module needs this yet")

    script = pause = ask = send_file = reboot = gather = _unused

    # -- other servers --------------------------------------------------------------------------------

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        return hashlib.new(algorithm, self.read(path), usedforsecurity=False).hexdigest()

    def http(self, request: Any, *, limit: int = 0) -> Any:
        raise AssertionError(f"no recorded answer of {request.url}")

    def download(self, request: Any, **_: Any) -> Any:
        raise AssertionError(f"no recorded answer of {request.url}")

    def install(self, download: Any, path: str, **_: Any) -> str | None:
        raise AssertionError("nothing was downloaded")

    def stage(self, tree: Any, name: str, **_: Any) -> str:
        return f"/stage/{name}"

    def settled(self, path: str) -> None:
        pass

    def members(self, archive: Any) -> Any:
        raise AssertionError(f"no recorded archive {archive!r}")

    def unpack(self, archive: Any, placed: Any) -> None:
        raise AssertionError("nothing is unpacked here")

    def dial(self, host: str, port: int, **_: Any) -> bool | None:
        raise AssertionError("nobody is dialled here")

    def wait_until(self, met: Callable[[], bool], *, every_s: float, timeout_s: float) -> bool:
        return met()

    # -- the run --------------------------------------------------------------------------------------

    def blob(self, digest: str) -> bytes:
        raise TaskError(f"no such content: {digest}")

    def ssh_ports(self) -> tuple[int, ...]:
        return self.ports

    def notice(self, message: str) -> None:
        self.notices.append(message)

    def fact(self, name: str) -> Any:
        return self.facts.get(name)

    # -- looking back ---------------------------------------------------------------------------------

    @property
    def commands(self) -> list[str]:
        """The command lines that were run, as text."""
        return [" ".join(argv) for argv, _ in self.ran]


def params_of(module: Module[Any], /, **raw: Any) -> Any:
    """Return the parsed parameters; the test fails on any problem."""
    parsed, problems = parse(module.params, raw)
    problems = problems or list(module.check(parsed))
    assert not problems, problems
    return parsed


def problems_of(module: Module[Any], /, **raw: Any) -> list[str]:
    """Return the messages about wrong parameters."""
    parsed, problems = parse(module.params, raw)
    return [problem.message for problem in (problems or module.check(parsed))]


def change_of(module: Module[Any], system: RecordedSystem, /, **raw: Any) -> Change:
    """Return what the module would change."""
    params = params_of(module, **raw)
    actual = module.observe(system, params)
    return module.compare(params, actual, module.desired(params, actual))


def converge(module: Module[Any], system: RecordedSystem, /, **raw: Any) -> Change:
    """Have the module do its work, and return what still differs afterwards, as the runner does."""
    params = params_of(module, **raw)
    change = change_of(module, system, **raw)
    proof = module.converge(system, params, change) if change else None
    after = module.observe(system, params) | (proof or {})
    return module.compare(params, after, module.desired(params, after))
