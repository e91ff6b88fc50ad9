"""What SimulatedSystem does to files: they change in memory alone, where later tasks see them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from configurator.agent.accounts import gid_of, group_name, uid_of, user_name
from configurator.agent.assumptions import Verdict, parent_of
from configurator.agent.files import no_second_name
from configurator.agent.overlay import Later
from configurator.agent.simulated_looking import SimulatedLooking
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.content import LARGE_BYTES
from configurator.modules.modes import after_chown, apply_mode
from configurator.modules.state import LargeContent, State
from configurator.modules.system import FileStat
from configurator.modules.validators import is_read_only

MISSING_PROGRAM = 127  # sh(1): the command was not found
_NOT_YET = "its validator runs only in an apply"


class SimulatedFiles(SimulatedLooking):
    """The doors of modules/system.py by which files are changed."""

    def lookup(self, key: str, probe: Callable[[], State]) -> State:
        """See modules/system.py; what a plan knows of it is in simulated_states.py."""
        raise NotImplementedError

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
        self._need_accounts(owner, group)
        resolved, found = self._to_write(path, follow=follow)
        if found is not None and found.kind == "directory":
            raise TaskError(f"is a directory: {path}")
        if found is None:
            self._need_directory(resolved, path)
        new = self._world.files.new(resolved, "file", 0o644, self._user)
        base = found if found is not None and found.kind == "file" else new
        stat = self._with_attributes(base, mode, owner, group)
        # The file is replaced by another one: its other names keep the old one.
        stat = replace(
            stat,
            size=len(content) if isinstance(content, bytes) else content.size,
            mtime=new.mtime,
            device=new.device,
            inode=new.inode,
            links=1,
            ctime=0.0,
            blocks=0,
        )
        if isinstance(content, LargeContent):
            content = Later.because(f"{path} is written in the apply", content.sha256)
        if validate is not None:
            self._run_validator(validate, path, resolved, stat, content)
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
            new = replace(new, mode=0o755)  # what was handed down counts only where nothing else is wanted
        stat = self._with_attributes(new, mode, owner, group)
        self._world.files.put(resolved, stat, fresh=True)

    def symlink(self, target: str, path: str) -> None:
        resolved, found = self._to_write(path, follow=False)
        if found is not None and found.kind == "directory":
            raise TaskError(f"is a directory: {path}")
        self._need_directory(resolved, path)
        self._world.files.remove(resolved)
        new = self._world.files.new(resolved, "link", 0o777, self._user)
        self._world.files.put(resolved, replace(new, target=target))

    def hardlink(self, target: str, path: str) -> None:
        source, found = self._to_write(target, follow=True)
        if found is None:
            raise TaskError(f"no such file: {target}")
        if found.kind == "directory":
            raise no_second_name(target)
        resolved, _ = self._to_write(path, follow=False)
        self._need_directory(resolved, path)
        self._world.files.put(resolved, found, self._content_of(source, found))

    def _content_of(self, resolved: str, found: FileStat) -> bytes:
        """Return the content of a file, or what stands for that of a large one."""
        files = self._world.files
        kept = files.kept(resolved)
        if kept is None and found.size > LARGE_BYTES and files.unsettled(resolved) is None:
            return Later.because(f"{resolved} gets another name in the apply", self.digest(resolved))
        return files.read(resolved) if kept is None else kept

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        """See modules/system.py, and simulated_fetching.py."""
        raise NotImplementedError

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
        atime = found.atime if atime is None else atime
        mtime = found.mtime if mtime is None else mtime
        self._world.files.change(resolved, replace(found, atime=atime, mtime=mtime))

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
            stat = replace(
                stat, owner=owner if uid is None else user_name(uid), uid=-1 if uid is None else uid
            )
        if group is not None:
            self._need_account("group", group)
            gid = _number("group", group)
            stat = replace(
                stat, group=group if gid is None else group_name(gid), gid=-1 if gid is None else gid
            )
        if mode is not None:
            return replace(stat, mode=apply_mode(mode, stat.mode, stat.kind == "directory"))
        if stat.kind == "file" and (stat.owner, stat.group) != (before.owner, before.group):
            return replace(stat, mode=after_chown(stat.mode))
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

    def _run_validator(self, command: str, path: str, resolved: str, stat: FileStat, content: bytes) -> None:
        if isinstance(content, Later):
            self.doubt.assume(_NOT_YET)
            return
        try:
            why = self._validated_on_host(command, path, content)
        except TaskError:
            if self._attempted(command, resolved, stat, content).accepted:
                return  # it needs what earlier tasks would change
            raise
        if why is not None:
            verdict = self._attempted(command, resolved, stat, content)
            if not verdict.accepted:
                self.doubt.assume(verdict.because or why)

    def _validated_on_host(self, command: str, path: str, content: bytes) -> str | None:
        """Have the host's own program look at the content; return why it is assumed to be good, if it is."""
        if self._validate is None or not is_read_only(command):
            return _NOT_YET
        pending = self._world.pending
        try:
            self._validate(command, path, content)
        except TaskError as error:
            if error.exit_status == MISSING_PROGRAM and pending.any:
                return pending.because(command)
            if pending.any or pending.opaque:
                # The validator may look at files that the plan has only in memory.
                return "its validator cannot see what earlier tasks would change"
            raise
        return None

    def _attempted(self, command: str, resolved: str, stat: FileStat, content: bytes) -> Verdict:
        if self._attempt is None or self._user != "root":
            return Verdict()
        return self._attempt(command, resolved, stat, content)


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
