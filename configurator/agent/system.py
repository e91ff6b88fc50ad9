"""RealSystem: what modules do, done on this host. Implements the Protocol in modules/system.py."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from configurator.agent import files, replace
from configurator.agent.asking import Asking
from configurator.agent.contents import FetchPiece, no_controller, pieces
from configurator.agent.memo import Memo
from configurator.agent.process import NOT_FOUND, Command, MissingProgramError, run
from configurator.agent.processtable import ProcessTable
from configurator.agent.staging import Staging
from configurator.agent.unpacking import Unpacking
from configurator.core.cancel import CancelToken
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.state import LargeContent, State
from configurator.modules.system import CommandResult, FileStat, T

_SSHD = "/usr/sbin/sshd"  # Debian's openssh-server
# Where Debian keeps programs: what root finds at a login (login.defs(5), ENV_SUPATH).
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _no_controller(*_question: Any) -> None:
    return None


@dataclass(slots=True)
class HostContext:
    """What all tasks of a run on this host share.

    `ask` puts a question to the controller and returns its answer, or None if there is none. `rebooted` is
    what the controller says of a restart in this run: `task_id`, the `boot_id` before, and `elapsed_s`.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    fetch_piece: FetchPiece = no_controller
    ask: Callable[[Mapping[str, Any], float | None, CancelToken], Mapping[str, Any] | None] = _no_controller
    ssh_connection: str = ""
    rebooted: Mapping[str, Any] = field(default_factory=dict)
    lock_descriptor: int | None = None
    processes: ProcessTable = field(default_factory=ProcessTable)
    memo: Memo = field(default_factory=Memo)  # see System.recall
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def for_task(
        self, token: CancelToken, *, environment: Mapping[str, str] | None = None, task_id: str = ""
    ) -> RealSystem:
        """Return the System of one task; cancelling the token stops its commands."""
        return RealSystem(self, token, environment or {}, task_id)

    def blob(self, digest: str) -> bytes:
        """Return a content of the controller, fetched once a run."""
        with self._lock:
            known = self._blobs.get(digest)
        if known is None:
            known = b"".join(pieces(self.fetch_piece, digest))
            with self._lock:
                self._blobs[digest] = known
        return known


class RealSystem(Asking, Staging, Unpacking):
    """Acts on the host. `notices` collects the warnings of the task."""

    def __init__(
        self, context: HostContext, token: CancelToken, environment: Mapping[str, str], task_id: str = ""
    ) -> None:
        self._context = context
        self._token = token
        self._environment = environment
        self._task_id = task_id
        self._downloads = []
        self._staged = []
        self._archives = {}
        self._sent_archives = {}
        self._stages = {}
        self.notices: list[str] = []

    # -- files ----------------------------------------------------------------------------------------

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        return files.describe(path, follow=follow)

    def read(self, path: str) -> bytes:
        return files.read(path)

    def listdir(self, path: str) -> list[str]:
        return files.names(path)

    def entries(self, path: str) -> list[tuple[str, FileStat]]:
        return files.entries(path)

    def access(self, path: str) -> str:
        return files.access(path)

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
        with self._context.memo.changing(path):
            return replace.write(
                path,
                content if isinstance(content, bytes) else self._in_pieces(content),
                mode=mode,
                owner=owner,
                group=group,
                backup=backup,
                follow=follow,
                validator=None if validate is None else (lambda new: self.validate(validate, new, path)),
                size=None if isinstance(content, bytes) else content.size,
            )

    def validate(self, command: str, temporary: str, path: str) -> None:
        """Run a validator on the new content, which stands under another path until it has passed."""
        import shlex  # noqa: PLC0415

        if "%s" not in command:
            raise ParameterError(f"'validate' must contain %s: {command}")
        try:
            self.run([word.replace("%s", temporary) for word in shlex.split(command)])
        except MissingProgramError:
            raise
        except TaskError as error:
            raise TaskError(
                f"the new content of {path} was refused, the old one stays",
                command=error.command,
                exit_status=error.exit_status,
                output=error.output.replace(temporary, path),
            ) from error

    def mkdir(
        self, path: str, *, mode: str | None = None, owner: str | None = None, group: str | None = None
    ) -> None:
        files.make_directory(path, mode=mode, owner=owner, group=group)

    def symlink(self, target: str, path: str) -> None:
        with self._context.memo.changing(path):
            files.make_link(target, path)

    def hardlink(self, target: str, path: str) -> None:
        with self._context.memo.changing(path):
            files.make_hard_link(target, path)

    def set_attributes(
        self,
        path: str,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        follow: bool = True,
    ) -> None:
        files.set_attributes(path, mode=mode, owner=owner, group=group, follow=follow)

    def set_times(self, path: str, *, atime: float | None = None, mtime: float | None = None) -> None:
        with self._context.memo.changing(path):
            files.set_times(path, atime=atime, mtime=mtime)

    def remove(self, path: str) -> None:
        with self._context.memo.changing(path):
            files.remove(path)

    # -- commands --------------------------------------------------------------------------------------

    def lookup(self, key: str, probe: Callable[[], State]) -> State:  # noqa: ARG002
        return probe()

    def fresh_index(self) -> bool:
        return False  # what is asked of apt here is answered by the index of the host

    def recall(self, key: str, find: Callable[[], T]) -> T:
        return self._context.memo.recall(key, find)

    def query(
        self,
        argv: Sequence[str],
        *,
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        command = Command(tuple(argv), self._env(env), stdin, timeout_s=timeout_s)
        try:
            result = self._run(command)
        except MissingProgramError as error:
            return CommandResult(command.argv, NOT_FOUND, "", f"{error.message}\n")
        if result.exit_status in ok:
            return result
        raise _failed(result)

    def run(
        self,
        argv: Sequence[str],
        *,
        establishes: Mapping[str, State | None] | None = None,  # noqa: ARG002
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        uninterruptible: bool = False,
    ) -> CommandResult:
        lock = self._context.lock_descriptor
        command = Command(
            tuple(argv),
            self._env(env),
            stdin,
            cwd,
            uninterruptible=uninterruptible,
            # Who must not be interrupted keeps the host locked until it has ended, even without its agent.
            pass_fds=(lock,) if uninterruptible and lock is not None else (),
        )
        try:
            result = self._run(command)
        finally:
            self._context.memo.forget()
        if result.exit_status in ok:
            return result
        raise _failed(result)

    def shell(
        self,
        command: str,
        *,
        executable: str = "/bin/sh",
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> CommandResult:
        return self.run([executable, "-c", command], ok=ok, stdin=stdin, env=env, cwd=cwd)

    def script(
        self,
        name: str,
        content: bytes,
        arguments: Sequence[str] = (),
        *,
        executable: str | None = None,
        ok: Sequence[int] = (0,),
        cwd: str | None = None,
    ) -> CommandResult:
        from configurator.agent import scripts  # noqa: PLC0415

        with scripts.written(name, content) as path:
            return self.run(scripts.command(path, content, arguments, executable), ok=ok, cwd=cwd)

    def _run(self, command: Command) -> CommandResult:
        return run(command, self._context.processes, self._token)

    def environment(self) -> dict[str, str]:
        """Return the environment that the task's commands find."""
        return self._env(None)

    def _env(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return _base_environment() | dict(self._environment) | dict(extra or {})

    # -- what a run knows --------------------------------------------------------------------------------

    def blob(self, digest: str) -> bytes:
        return self._context.blob(digest)

    def ssh_ports(self) -> tuple[int, ...]:
        # SSH_CONNECTION (ssh(1)): client address, client port, server address, server port.
        words = self._context.ssh_connection.split()
        ports = [int(words[3])] if len(words) == 4 and words[3].isdigit() else []
        # Asked anew each time: a task may have moved the port. Where sshd -T fails (not root, no /run/sshd
        # since nothing runs) the port that we came in by is what is known. sshd wants its whole path.
        with suppress(TaskError):
            shown = self.query((_SSHD, "-T"), timeout_s=10)
            for line in shown.stdout.splitlines():
                key, _, value = line.partition(" ")
                if key == "port" and value.isdigit() and int(value) not in ports:
                    ports.append(int(value))
        return tuple(ports)

    def notice(self, message: str) -> None:
        if message not in self.notices:  # a module observes twice, before and after
            self.notices.append(message)

    def gather(self, parts: Collection[str], timeout_s: float) -> dict[str, Any]:
        from configurator.agent import facts_more  # noqa: PLC0415  (most runs never need it)

        return facts_more.gather(parts, timeout_s)

    def fact(self, name: str) -> Any:
        return self._context.facts.get(name)


def _base_environment() -> dict[str, str]:
    """Return what every command finds, whatever sshd, sudo or a login has handed to the agent."""
    import pwd  # noqa: PLC0415

    try:
        entry = pwd.getpwuid(os.geteuid())
        home, user = entry.pw_dir, entry.pw_name
    except KeyError:
        home, user = "/", str(os.geteuid())
    return {
        "PATH": _PATH,
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",  # debconf(7): ask nothing
    }


def _failed(result: CommandResult) -> TaskError:
    program = result.argv[0]
    if result.exit_status < 0:
        message = f"{program} was ended by signal {-result.exit_status}"
    else:
        message = f"{program} failed with exit status {result.exit_status}"
    output = "\n".join(part for part in (result.stdout.rstrip(), result.stderr.rstrip()) if part)
    outputs = {"rc": result.exit_status, "cmd": list(result.argv)}
    for name, text in (("stdout", result.stdout), ("stderr", result.stderr)):
        told = text.rstrip("\r\n")
        outputs |= {name: told, f"{name}_lines": told.splitlines()}
    return TaskError(
        message, command=result.argv, exit_status=result.exit_status, output=output, outputs=outputs
    )
