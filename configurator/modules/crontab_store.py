"""Where crontabs are kept: a user's behind crontab(1), a system one in a file."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.account_files import user_state
from configurator.modules.state import State
from configurator.modules.system import CommandResult, System

_MISSING_PROGRAM = 127  # System.query
_PACKAGES = ("cron", "systemd-cron", "cronie", "bcron")  # what provides cron-daemon in Debian
_BACKUPS = "/var/backups"
_NOT_TEXT = "\ufffd"  # what bytes that are no UTF-8 are shown as


@dataclass(frozen=True, slots=True)
class Crontab:
    """One crontab. `text` is None if there is none; it is in the file `path`, else it is that of `user`."""

    text: str | None
    path: str | None = None
    user: str = ""

    def replace(self, system: System, text: str | None, *, backup: bool) -> str | None:
        """Put a new text in the place of the old one (None: remove it); return where a backup was made."""
        if self.path is not None:
            return self._replace_file(system, self.path, text, backup=backup)
        old = self.text
        if old is not None and _NOT_TEXT in old:
            raise TaskError(
                "the crontab holds bytes that are no UTF-8, which crontab(1) could not be given back",
                hint="write its comments in UTF-8 first: `crontab -e`",
            )
        kept = None
        if backup and old is not None:
            kept = _backup_name(system, self.user)
            system.write(kept, old.encode(errors="surrogateescape"), mode="0600")
        argv = _argv(system, self.user, "-r" if text is None else "-")
        state: State = {"exists": text is not None, "text": text}
        establishes = {f"crontab:{self.user}": state}
        done = system.run(argv, stdin=text, establishes=establishes, ok=tuple(range(256)))
        if done.exit_status != 0:
            raise _refused(done)
        return kept

    def _replace_file(self, system: System, path: str, text: str | None, *, backup: bool) -> str | None:
        if text is not None:
            # cron(8): a file in /etc/cron.d must not be writable by group and others.
            mode = "0644" if self.text is None else None
            return system.write(path, text.encode(errors="surrogateescape"), mode=mode, backup=backup)
        # Emptied first, which makes the backup in one step; cron passes over its name.
        kept = system.write(path, b"", backup=True) if backup else None
        system.remove(path)
        return kept


def _backup_name(system: System, user: str) -> str:
    stamp = time.strftime("%Y-%m-%d@%H:%M:%S")
    name, number = f"{_BACKUPS}/crontab-{user}.{stamp}~", 0
    while system.stat(name) is not None:  # two changes within a second must not share a backup
        number += 1
        name = f"{_BACKUPS}/crontab-{user}.{number}.{stamp}~"
    return name


def from_file(system: System, path: str) -> Crontab:
    """Return the crontab in a file; a directory is a TaskError."""
    if system.stat(path, follow=True) is None:
        return Crontab(None, path)
    return Crontab(system.read(path).decode(errors="surrogateescape"), path)


def of_user(system: System, user: str | None, *, needed: bool) -> Crontab:
    """Return a user's crontab (None: that of whom the task runs as), as earlier tasks would have left it.

    A missing crontab(1) is a TaskError if it is `needed`, and means that there is no crontab otherwise.
    """
    name = user or str(system.fact("user_id") or "root")
    state = system.lookup(f"crontab:{name}", lambda: _probe(system, name, needed=needed))
    return Crontab(state["text"] if state["exists"] else None, None, name)


def _argv(system: System, user: str, action: str) -> list[str]:
    """Only root may name a user, even itself (crontab(1))."""
    if system.fact("user_uid") in (0, None):
        return ["crontab", "-u", user, action]
    if user != system.fact("user_id"):
        raise ParameterError(
            f"only root may change the crontab of {user!r}", hint="leave out `become_user`, or `user`"
        )
    return ["crontab", action]


def _probe(system: System, user: str, *, needed: bool) -> State:
    answer = system.query(_argv(system, user, "-l"), ok=range(256))
    if answer.exit_status == 0:
        return {"exists": True, "text": answer.stdout}
    if answer.exit_status == _MISSING_PROGRAM:
        if needed and not any(_is_pending(system, name) for name in _PACKAGES):
            raise TaskError(
                "crontab is not installed on the host", hint="install it first: `apt: {name: cron}`"
            )
    elif "no crontab for" not in answer.stderr:
        if not user_state(system, user)["exists"]:
            raise ParameterError(
                f"user {user!r} does not exist on the host",
                hint="make it in an earlier task: `user: {name: ...}`",
            )
        # An account that only the plan knows is no user to crontab(1) yet.
        if "unknown" not in answer.stderr:
            raise _refused(answer)
    return {"exists": False, "text": None}


def _is_pending(system: System, package: str) -> bool:
    return bool(system.lookup(f"package:{package}", lambda: {"exists": False}).get("exists"))


def _refused(answer: CommandResult) -> TaskError:
    said = next((line for line in answer.stderr.splitlines() if line.strip()), "it gave no reason")
    # A bad line is said as `"-":3: bad minute`.
    said = re.sub(r'^"-":(\d+):', r"line \1:", said.strip())
    return TaskError(
        f"crontab: {said.removeprefix('crontab: ')}",
        command=answer.argv,
        exit_status=answer.exit_status,
        output=answer.stderr,
        hint="cron.allow and cron.deny say who may use it" if "allowed" in said else None,
    )
