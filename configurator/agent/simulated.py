"""SimulatedSystem: reads fall through to the host, writes stay in memory. A plan is a graph run on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from configurator.agent.accounts import account_of, gid_of, group_name, uid_of, user_name
from configurator.agent.assumptions import Doubt, PendingPackages, never_packaged, parent_of
from configurator.agent.files import no_second_name
from configurator.agent.overlay import FilesAhead, Overlay
from configurator.agent.simulated_fetching import SimulatedFetching
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.modes import after_chown, apply_mode, permitted
from configurator.modules.shapes import INDEX_AHEAD, PACKAGE_INDEX, assumed_group, assumed_unit, assumed_user
from configurator.modules.state import State, UnknownState
from configurator.modules.system import CommandResult, FileStat, System, T
from configurator.modules.validators import is_read_only

if TYPE_CHECKING:
    from configurator.agent.index_ahead import IndexAhead
    from configurator.agent.packages_ahead import PackagesAhead

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where a root login looks
_DECIDING = ("/etc/apt/sources", "/etc/apt/preferences")  # they decide which version apt would take
_MISSING_PROGRAM = 127  # sh(1): the command was not found


class World:
    """What all simulated tasks of one plan share: the files, the established states, the assumptions."""

    def __init__(
        self, real: System, ahead: PackagesAhead | None = None, index: IndexAhead | None = None
    ) -> None:
        self.files = Overlay(real if ahead is None else FilesAhead(real, ahead))
        self.states: dict[str, State | None] = {}
        self.ahead = ahead
        self.index = index
        self.pending = PendingPackages(ahead)
        self.memo: dict[tuple[str, bool], Any] = {}  # see System.recall


class SimulatedSystem(SimulatedFetching):
    """The System of one task in a plan; implements the Protocol in modules/system.py.

    `doubt` tells afterwards how sure the task's result is. `validate` writes a file's future content where
    a validator can read it and runs the validator there; it is the only thing that leaves memory, and
    stays within the agent's cache.
    """

    def __init__(
        self,
        world: World,
        real: System,
        task: str,
        *,
        user: str = "root",
        validate: Callable[[str, str, bytes], None] | None = None,
    ) -> None:
        self._world = world
        self._real = real
        self._task = task
        self._user = user
        self._validate = validate
        self.doubt = Doubt()
        self.notices: list[str] = []
        if world.pending.opaque is not None:
            self.doubt.assume(f"{world.pending.opaque!r} runs before, and nobody can look into it")

    # -- files: reading ------------------------------------------------------------------------------

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        files = self._world.files
        resolved, found = files.stat(path) if follow else files.lstat(path)
        if found is None:
            self._doubt_absence(resolved)
        else:
            self._doubt_brought(resolved)
        return found

    def read(self, path: str) -> bytes:
        resolved, found = self._world.files.stat(path)
        if found is None and self._doubt_absence(resolved):
            raise UnknownState(self._world.files.unsettled(resolved) or self._world.pending.because(path))
        if found is None:
            raise TaskError(f"no such file: {path}")
        self._doubt_brought(resolved)
        return self._world.files.read(resolved)

    def listdir(self, path: str) -> list[str]:
        resolved, found = self._world.files.stat(path)
        if found is None:
            self._doubt_absence(resolved)
            return []
        self._doubt_filled(resolved)
        return self._world.files.names(resolved)

    def entries(self, path: str) -> list[tuple[str, FileStat]]:
        files = self._world.files
        resolved, found = files.stat(path)
        if found is None:
            self._doubt_absence(resolved)
            return []
        self._doubt_filled(resolved)
        pending = self._world.pending
        if pending.unseen and not never_packaged(f"{resolved}/") and not files.is_ours(resolved):
            self.doubt.assume(pending.because(resolved))  # a package may put more into it
        return files.entries(resolved)

    def access(self, path: str) -> str:
        resolved, found = self._world.files.stat(path)
        if found is None:
            return ""
        uid, gid, _ = account_of(self._user)
        if self._user == "root" or uid == os.geteuid():
            if self._real.stat(resolved) == found:
                return self._real.access(resolved)
            uid, groups = os.geteuid(), os.getgroups()
        else:
            groups = os.getgrouplist(self._user, gid)
        return permitted(found.mode, root=uid == 0, owner=uid == found.uid, member=found.gid in groups)

    def _doubt_absence(self, resolved: str) -> bool:
        """Note that something that only the apply does may bring the path; return True if that is likely."""
        if because := self._world.files.unsettled(resolved):
            self.doubt.question(because)
            return True
        pending = self._world.pending
        if not pending.any or never_packaged(resolved) or self._world.files.is_ours(parent_of(resolved)):
            return False
        missing = self._world.files.lstat(parent_of(resolved))[1] is None
        if (missing and pending.unseen) or pending.may_bring(resolved):
            self.doubt.question(pending.because(resolved))
            return True
        return False

    def _doubt_brought(self, resolved: str) -> None:
        """Note that what is there, or what a package brings, may be changed at once by others."""
        if because := self._world.files.unsettled(resolved):
            self.doubt.assume(because)
        ahead = self._world.ahead
        if ahead is not None and ahead.brings(resolved) and (by := ahead.altered(resolved)):
            self.doubt.assume(f"the scripts of {by} may change it")

    def _doubt_filled(self, resolved: str) -> None:
        """Note that nobody knows all the names in a directory that something else fills."""
        if because := self._world.files.unsettled(f"{resolved}/*"):
            self.doubt.assume(because)

    # -- files: writing ------------------------------------------------------------------------------

    def write(
        self,
        path: str,
        content: bytes,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        backup: bool = False,
        validate: str | None = None,
        follow: bool = True,
    ) -> str | None:
        self._need_accounts(owner, group)
        resolved, found = self._to_write(path, follow=follow)
        if found is not None and found.kind == "directory":
            raise TaskError(f"is a directory: {path}")
        if found is None:
            self._need_directory(resolved, path)
        if validate is not None:
            self._run_validator(validate, path, content)
        new = self._world.files.new(resolved, "file", 0o644, self._user)
        base = found if found is not None and found.kind == "file" else new
        stat = self._with_attributes(base, mode, owner, group)
        # The file is replaced by another one: its other names keep the old one.
        only = {"device": new.device, "inode": new.inode, "links": 1, "ctime": 0.0, "blocks": 0}
        stat = _replace(stat, size=len(content), mtime=new.mtime, **only)
        self._world.files.put(resolved, stat, content)
        return f"{path}~" if backup and found is not None else None

    def mkdir(
        self, path: str, *, mode: str | None = None, owner: str | None = None, group: str | None = None
    ) -> None:
        self._need_accounts(owner, group)
        resolved, found = self._to_write(path, follow=False)
        if found is not None:
            raise TaskError(f"already exists: {path}")
        self._need_directory(resolved, path)
        new = self._world.files.new(resolved, "directory", 0o755, self._user)
        if mode is not None:
            new = _replace(new, mode=0o755)  # what was handed down counts only where nothing else is wanted
        stat = self._with_attributes(new, mode, owner, group)
        self._world.files.put(resolved, stat, fresh=True)

    def symlink(self, target: str, path: str) -> None:
        resolved, found = self._to_write(path, follow=False)
        if found is not None and found.kind == "directory":
            raise TaskError(f"is a directory: {path}")
        self._need_directory(resolved, path)
        self._world.files.remove(resolved)
        new = self._world.files.new(resolved, "link", 0o777, self._user)
        self._world.files.put(resolved, _replace(new, target=target))

    def hardlink(self, target: str, path: str) -> None:
        source, found = self._to_write(target, follow=True)
        if found is None:
            raise TaskError(f"no such file: {target}")
        if found.kind == "directory":
            raise no_second_name(target)
        resolved, _ = self._to_write(path, follow=False)
        self._need_directory(resolved, path)
        self._world.files.put(resolved, found, self._world.files.read(source))

    def set_attributes(
        self,
        path: str,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        follow: bool = True,
    ) -> None:
        resolved, found = self._to_write(path, follow=follow)
        if found is None:
            if self._doubt_absence(resolved):
                return
            raise TaskError(f"no such file: {path}")
        self._world.files.change(resolved, self._with_attributes(found, mode, owner, group))

    def set_times(self, path: str, *, atime: float | None = None, mtime: float | None = None) -> None:
        resolved, found = self._to_write(path, follow=True)
        if found is None:
            raise TaskError(f"no such file: {path}")
        times = {"atime": found.atime if atime is None else atime}
        times["mtime"] = found.mtime if mtime is None else mtime
        self._world.files.change(resolved, _replace(found, **times))

    def remove(self, path: str) -> None:
        resolved, found = self._to_write(path, follow=False)
        if found is not None:
            self._world.files.remove(resolved)

    def _to_write(self, path: str, *, follow: bool) -> tuple[str, FileStat | None]:
        """Resolve a path that is to be changed, refusing what the real system refuses to follow as root."""
        files = self._world.files
        careful = self._user == "root" and os.geteuid() == 0
        return files.stat(path, careful=careful) if follow else files.lstat(path, careful=careful)

    def _need_directory(self, resolved: str, path: str) -> None:
        """Refuse to write where no directory is, unless a pending package will have made it."""
        parent = parent_of(resolved)
        _, found = self._world.files.stat(parent)
        if found is not None and found.kind == "directory":
            return
        if found is None and self._world.pending.any:
            self.doubt.assume(self._world.pending.because(parent))
            return
        if found is None and (because := self._world.files.unsettled(parent)):
            self.doubt.assume(because)
            return
        what = "does not exist" if found is None else "is no directory"
        above = parent
        while found is None and above != "/":  # what is in the way is met first
            above = parent_of(above)
            _, found = self._world.files.stat(above)
        if found is not None and found.kind != "directory":
            parent, what = above, "is no directory"
        raise ParameterError(f"the directory {parent} {what}", hint=f"needed for {path}")

    def _with_attributes(
        self, stat: FileStat, mode: str | None, owner: str | None, group: str | None
    ) -> FileStat:
        before = stat
        if owner is not None:
            self._need_account("user", owner)
            uid = _number("user", owner)
            # The number of a user that the plan makes is not known: nothing but the name can be compared.
            stat = _replace(
                stat, owner=owner if uid is None else user_name(uid), uid=-1 if uid is None else uid
            )
        if group is not None:
            self._need_account("group", group)
            gid = _number("group", group)
            stat = _replace(
                stat, group=group if gid is None else group_name(gid), gid=-1 if gid is None else gid
            )
        if mode is not None:
            return _replace(stat, mode=apply_mode(mode, stat.mode, stat.kind == "directory"))
        if stat.kind == "file" and (stat.owner, stat.group) != (before.owner, before.group):
            return _replace(stat, mode=after_chown(stat.mode))
        return stat

    def _need_accounts(self, owner: str | None, group: str | None) -> None:
        """Refuse unknown owners before anything else is looked at, as an apply does."""
        if owner is not None:
            self._need_account("user", owner)
        if group is not None:
            self._need_account("group", group)

    def _need_account(self, kind: str, name: str) -> None:
        """Refuse an owner that will not exist, in the words in which the apply would."""
        if name.isdigit():
            return
        if self.lookup(f"{kind}:{name}", lambda: _account_exists(kind, name)).get("exists"):
            return
        ahead = self._world.ahead
        if ahead is not None and ahead.account(name):
            return
        if self._world.pending.any:
            self.doubt.assume(self._world.pending.because(name))
            return
        raise ParameterError(f"{kind} {name!r} does not exist on the host")

    def _run_validator(self, command: str, path: str, content: bytes) -> None:
        if self._validate is None or not is_read_only(command):
            self.doubt.assume("its validator runs only in an apply")
            return
        try:
            self._validate(command, path, content)
        except TaskError as error:
            if error.exit_status == _MISSING_PROGRAM and self._world.pending.any:
                self.doubt.assume(self._world.pending.because(command))
                return
            if self._world.pending.any or self._world.pending.opaque:
                # The validator may look at files that the plan has only in memory.
                self.doubt.assume("its validator cannot see what earlier tasks would change")
                return
            raise

    # -- state that commands establish ---------------------------------------------------------------

    def lookup(self, key: str, probe: Callable[[], State]) -> State:
        states = self._world.states
        if key == INDEX_AHEAD:
            return {"exists": self._fresh_index()}
        if key in states:
            known = states[key]
            if known is None:
                raise UnknownState(f"{key} is changed by an earlier task")
            return dict(known)
        state = probe()
        if key == PACKAGE_INDEX and any(self._world.files.touched(path) for path in _DECIDING):
            state["pending"] = True
        # A unit that systemd has not read is known by a file alone, which may be that of a package to come.
        if (state.get("exists") is False or "read_at" in state) and self._world.pending.any:
            return self._assume(key, state)
        return state

    def _assume(self, key: str, state: State) -> State:
        """Answer for something that is not there yet, but may come with a pending package."""
        namespace, _, name = key.partition(":")
        pending = self._world.pending
        if namespace == "unit" and self._world.ahead is not None:
            return self._unit_ahead(self._world.ahead, name, state)
        if state.get("exists"):
            return state
        if namespace == "unit":
            self.doubt.answer(pending.because(name))
            return assumed_unit() | self._read_by_systemd(name)
        if namespace in ("user", "group") and pending.may_bring(name):
            if self._world.ahead is None or not self._world.ahead.account(name):
                self.doubt.answer(pending.because(name))
            return assumed_user(name) if namespace == "user" else assumed_group(name)
        return state

    def _fresh_index(self) -> bool:
        """Return True if a current package index is at hand; none is if its sources are to change."""
        index, files = self._world.index, self._world.files
        return index is not None and not files.touched("/etc/apt/") and index.refresh()

    def _unit_ahead(self, ahead: PackagesAhead, name: str, found: State) -> State:
        """Return the state of a unit as packages bring it that were looked into; else as it was found."""
        brought = ahead.unit(name)
        if brought is None and found.get("exists"):
            return found
        if brought is None and not self._world.pending.unseen:
            return found
        state, sure = brought or (assumed_unit(), False)
        if not sure:
            self.doubt.answer(self._world.pending.because(name))
        known = {key: found[key] for key in ("names", "files", "result", "ran") if key in found}
        return self._read_by_systemd(name) | state | known

    def _read_by_systemd(self, name: str) -> State:
        """Return what tells whether systemd will know later changes of the unit that a package brings."""
        return {"files": (f"/usr/lib/systemd/system/{name}",), "read_at": self._world.pending.installed_at}

    def recall(self, key: str, find: Callable[[], T]) -> T:
        index = self._world.index  # another one may answer differently
        place = key, index is not None and index.ready
        if place not in self._world.memo:
            self._world.memo[place] = find()
        found: T = self._world.memo[place]
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
        if self._world.pending.any and self._missing(argv):
            self.doubt.assume(self._world.pending.because(argv[0]))
            return CommandResult(tuple(argv), _MISSING_PROGRAM, "", f"{argv[0]}: not installed yet")
        if self._world.index is not None:
            argv = self._world.index.led(argv)
        if self._user != "root":
            argv, env = self._as_user(argv, env)
        elif self._world.index is not None:
            argv = self._world.index.led(argv)
        return self._real.query(argv, ok=ok, stdin=stdin, env=env, timeout_s=timeout_s)

    def _as_user(
        self, argv: Sequence[str], env: Mapping[str, str] | None
    ) -> tuple[Sequence[str], Mapping[str, str]]:
        """Have a command answer as it would answer the user whom the task works as."""
        from configurator.agent.as_user import command_as  # noqa: PLC0415

        try:
            return command_as(self._user, argv, env)
        except ParameterError:
            if self._world.states.get(f"user:{self._user}"):
                raise UnknownState(f"user {self._user!r} is made by an earlier task") from None
            if self._world.pending.any:
                raise UnknownState(self._world.pending.because(self._user)) from None
            raise

    def _missing(self, argv: Sequence[str]) -> bool:
        import shutil  # noqa: PLC0415

        return shutil.which(argv[0], path=_PATH) is None

    def run(
        self,
        argv: Sequence[str],
        *,
        establishes: Mapping[str, State | None] | None = None,
        ok: Sequence[int] = (0,),  # noqa: ARG002
        stdin: str | None = None,  # noqa: ARG002
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,  # noqa: ARG002
        uninterruptible: bool = False,  # noqa: ARG002
    ) -> CommandResult:
        if establishes is None:
            self._world.pending.add_opaque(self._task)
        else:
            self._look_ahead(argv, establishes, env or {})
            for key, state in establishes.items():
                self._establish(key, state)
        return CommandResult(tuple(argv), 0, "", "")

    def _look_ahead(
        self, argv: Sequence[str], establishes: Mapping[str, State | None], env: Mapping[str, str]
    ) -> None:
        """In a deep plan, look into the packages that the command would install."""
        ahead = self._world.ahead
        wanted = {
            key.partition(":")[2]: state.get("version")
            for key, state in establishes.items()
            if key.startswith("package:") and state is not None and _is_new(state)
        }
        if ahead is None or not wanted or not ahead.fetch(argv, env):
            return
        for name, version in wanted.items():
            ahead.add(name, version if isinstance(version, str) else None)

    def _establish(self, key: str, state: State | None) -> None:
        namespace, _, name = key.partition(":")
        if namespace == "path" and state is None:
            resolved, _ = self._world.files.lstat(name.removesuffix("/**"))
            because = f"{self._task!r} fills {resolved} in the apply"
            self._world.files.unsettle(resolved, because, below=name.endswith("/**"))
            return
        if namespace == "path" and state is not None and state.get("kind", "directory") == "directory":
            self._establish_directory(name, state)
        if namespace == "package" and state is not None and _is_new(state):
            known = self._world.states.get(key)
            if known is None or not known.get("exists"):
                self._world.pending.add_package(name, self._task)
        self._world.states[key] = None if state is None else dict(state)

    def _establish_directory(self, path: str, state: State) -> None:
        """Have a directory be there, or be gone, that a command makes or removes on its way."""
        resolved, _ = self._world.files.lstat(path)
        if not state["exists"]:
            self._world.files.remove(resolved)
        elif state.get("kind") == "directory":
            stat = self._with_attributes(
                self._world.files.new(resolved, "directory", 0o755, self._user),
                state.get("mode"),
                state.get("owner"),
                state.get("group"),
            )
            self._world.files.put(resolved, stat, fresh=True)

    def shell(
        self,
        command: str,
        *,
        executable: str = "/bin/sh",
        ok: Sequence[int] = (0,),  # noqa: ARG002
        stdin: str | None = None,  # noqa: ARG002
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        cwd: str | None = None,  # noqa: ARG002
    ) -> CommandResult:
        return self.run([executable, "-c", command])

    def script(
        self,
        name: str,
        content: bytes,  # noqa: ARG002
        arguments: Sequence[str] = (),
        *,
        executable: str | None = None,  # noqa: ARG002
        ok: Sequence[int] = (0,),  # noqa: ARG002
        cwd: str | None = None,  # noqa: ARG002
    ) -> CommandResult:
        return self.run([name, *arguments])

    # -- waiting and asking --------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        pass

    def ask(self, *, timeout_s: float | None = None) -> str | None:  # noqa: ARG002
        return ""

    def send_file(self, path: str) -> tuple[int, str]:  # noqa: ARG002
        return 0, ""

    def reboot(
        self,
        command: Sequence[str],
        *,
        boot_time_command: str,  # noqa: ARG002
        delay_s: float,  # noqa: ARG002
        timeout_s: float,  # noqa: ARG002
    ) -> float:
        self.run(command)  # what the host starts, and what it forgets, cannot be known
        return 0.0

    # -- what a run knows ----------------------------------------------------------------------------

    def blob(self, digest: str) -> bytes:
        return self._real.blob(digest)

    def ssh_ports(self) -> tuple[int, ...]:
        return self._real.ssh_ports()

    def notice(self, message: str) -> None:
        if message not in self.notices:  # a module observes twice, before and after
            self.notices.append(message)

    def gather(self, parts: Collection[str], timeout_s: float) -> dict[str, Any]:
        return self._real.gather(parts, timeout_s)

    def fact(self, name: str) -> Any:
        if name == "user_id" and self._user != "root":
            return self._user  # a plan reads as whom it came in, but is about what that user would do
        return self._real.fact(name)


def _is_new(state: State) -> bool:
    """Return True for a package that was not there; an upgrade brings nothing that had to be assumed."""
    return bool(state.get("exists") and state.get("new", True))


def _replace(stat: FileStat, **changes: Any) -> FileStat:
    from dataclasses import replace  # noqa: PLC0415

    return replace(stat, **changes)


def _number(kind: str, name: str) -> int | None:
    try:
        return uid_of(name) if kind == "user" else gid_of(name)
    except ParameterError:
        return None


def _account_exists(kind: str, name: str) -> State:
    import grp  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    try:
        (pwd.getpwnam if kind == "user" else grp.getgrnam)(name)
    except KeyError:
        return {"exists": False}
    return {"exists": True}
