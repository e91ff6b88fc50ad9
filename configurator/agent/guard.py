"""Guarded changes: undone by the host itself unless we prove that we can still log in.

Before the change, the old state and a script that puts it back are written to a private directory, and a
watchdog is armed: a transient timer (systemd-run(1)), and a unit for the case of a reboot meanwhile.
After the change the controller logs in anew and runs the directory's `disarm`, which wins or loses against
the watchdog by one rename(2); then the run goes on.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from configurator.agent.places import make_private, state_directory
from configurator.core.errors import GuardError, TaskError
from configurator.modules.base import Guard
from configurator.modules.system import System

WATCHDOG_S = 90  # until the host undoes the change by itself
CONFIRM_S = 30  # how long the controller may take to log in again
_UNDO_S = 60.0  # putting files back takes no time, restarting a service some
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_XTABLES = ("iptables", "ip6tables")
# iptables(8), TABLES: the chains that are built in, for a table that nobody has used yet.
_CHAINS = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_UNITS = "/etc/systemd/system"  # systemd.unit(5): units of the administrator, found at the next boot


@dataclass(frozen=True, slots=True)
class Armed:
    """An armed watchdog. `disarm_command` is what a new login runs; it prints `disarmed TOKEN`."""

    token: str
    directory: str

    @property
    def disarm_command(self) -> tuple[str, ...]:
        """Return the argument list that disarms."""
        return ("/bin/sh", f"{self.directory}/disarm")

    @property
    def pending(self) -> bool:
        """True until somebody disarmed, or the old state was put back."""
        return os.path.exists(f"{self.directory}/armed")

    @property
    def disarmed(self) -> bool:
        """True once a disarm has won."""
        return os.path.exists(f"{self.directory}/disarmed")


def asked_for(keys: Sequence[str], own: Guard | None, system: System) -> Guard:
    """Return the guard of a task that asks for one: its files, its units, and all packet rules of the host.

    `own` is what its module guards anyway. Folders are not kept: nobody knows how much is in them.
    """
    own = own or Guard()
    paths = [key.removeprefix("path:") for key in keys if key.startswith("path:")]
    found = {path: system.stat(path) for path in paths if not path.endswith("*")}
    files = [path for path, stat in found.items() if stat is None or stat.kind in ("file", "link")]
    units = [key.removeprefix("unit:") for key in keys if key.startswith("unit:") and not key.endswith("*")]
    return replace(
        own,
        saves=tuple(dict.fromkeys((*own.saves, *files))),
        saves_units=tuple(dict.fromkeys((*own.saves_units, *units))),
        saves_tables=("*", *(table for table in own.saves_tables if table.startswith(_XTABLES))),
    )


def arm(system: System, guard: Guard) -> Armed:
    """Save what `guard` names and start the watchdog; on return the host will undo by itself."""
    token = secrets.token_hex(8)
    directory = os.path.join(make_private(os.path.join(state_directory(), "guard")), token)
    os.mkdir(directory, 0o700)
    unit = f"configurator-guard-{token}"
    restore = _save(system, guard, directory)
    _write(f"{directory}/undo", _undo_script(directory, unit, restore))
    _write(f"{directory}/disarm", _disarm_script(directory, unit, token))
    _write(f"{directory}/armed", token)
    try:
        _arm_for_boot(directory, unit)
        system.run(
            (
                "systemd-run",
                "--quiet",
                "--collect",
                f"--unit={unit}",
                f"--on-active={WATCHDOG_S}s",
                "--timer-property=AccuracySec=1s",
                "/bin/sh",
                f"{directory}/undo",
            ),
            establishes={},
        )
    except (OSError, TaskError) as error:
        shutil.rmtree(directory, ignore_errors=True)
        _disarm_boot(unit)
        raise GuardError(
            f"the change could cut our access, and no watchdog can be armed: {error}",
            hint="guarded changes need a running systemd",
        ) from error
    return Armed(token, directory)


def undo(armed: Armed, lock_descriptor: int | None) -> bool:
    """Put the old state back now, or wait until the watchdog has; return False if that is not certain.

    Unlike a task's commands it also runs while the agent is told to end: that is when a controller is gone
    in the middle of a guarded change. The host stays locked until it has ended.
    """
    keeps = () if lock_descriptor is None else (lock_descriptor,)
    command = ("/bin/sh", f"{armed.directory}/undo")
    environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8"}
    nothing = subprocess.DEVNULL
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            command,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=environment,
            pass_fds=keeps,
            timeout=_UNDO_S,
            check=False,
            start_new_session=True,
        )
    until = time.monotonic() + _UNDO_S
    while os.path.exists(f"{armed.directory}/undoing") and time.monotonic() < until:
        time.sleep(0.1)  # the watchdog was first
    return os.path.exists(f"{armed.directory}/undone")


def forget(armed: Armed) -> None:
    """Remove what was saved for a guard that is over."""
    shutil.rmtree(armed.directory, ignore_errors=True)


def settle_left_over(lock_descriptor: int | None) -> int:
    """Undo what a run that was killed could not confirm; return how many changes that were.

    The caller holds the host's lock, so nobody is about to confirm them. Left alone, the watchdog would
    undo under the hands of the new run what it has found to be as wanted.
    """
    base = os.path.join(state_directory(), "guard")
    count = 0
    for token in sorted(os.listdir(base)) if os.path.isdir(base) else ():
        armed = Armed(token, os.path.join(base, token))
        pending = armed.pending or os.path.exists(f"{armed.directory}/undoing")
        count += pending
        if not pending or undo(armed, lock_descriptor):
            forget(armed)
    return count


def _save(system: System, guard: Guard, directory: str) -> list[str]:
    """Copy the present state; return the shell lines that put it back."""
    lines: list[str] = []
    for number, path in enumerate(guard.saves):
        quoted = shlex.quote(path)
        found = system.stat(path)
        if found is None:
            lines.append(f"rm -f {quoted}")
            continue
        copy = f"{directory}/file-{number}"
        # -a keeps owner, mode, times and links (cp(1)); -T never puts it inside a directory of that name.
        system.run(("cp", "-a", "-T", path, copy), establishes={})
        lines.append(f"rm -rf {quoted} && cp -a -T {shlex.quote(copy)} {quoted}")
    for number, table in enumerate(guard.saves_tables):
        family, _, name = table.partition(" ")
        if family in _XTABLES:
            _write(f"{directory}/table-{number}", _saved_by_iptables(system, family, name))
            lines.append(f"{family}-restore {shlex.quote(f'{directory}/table-{number}')}")
            continue
        if table == "*":
            listed = system.query(("nft", "list", "ruleset"), ok=(0, 1, 127))
            script = "flush ruleset\n"
        else:
            listed = system.query(("nft", "list", "table", family, name), ok=(0, 1, 127))
            script = f"add table {family} {name}\ndelete table {family} {name}\n"
        _write(f"{directory}/table-{number}", script + (listed.stdout if listed.exit_status == 0 else ""))
        lines.append(f"nft -f {shlex.quote(f'{directory}/table-{number}')}")
    for unit in guard.saves_units:
        lines += _restore_unit(system, unit)
    return [*lines, *(shlex.join(command) for command in guard.restores)]


def _saved_by_iptables(system: System, family: str, table: str) -> str:
    """Return a table in the words of iptables-restore(8), which empties the table first.

    What iptables writes by way of nftables, nft can show but not read again.
    """
    saved = system.query((f"{family}-save", "--table", table), ok=(0, 1, 127)).stdout
    if f"*{table}" in saved.splitlines():
        return saved
    chains = "".join(f":{chain} ACCEPT [0:0]\n" for chain in _CHAINS.get(table, ()))
    return f"*{table}\n{chains}COMMIT\n"


def _restore_unit(system: System, unit: str) -> list[str]:
    quoted = shlex.quote(unit)
    # Exit statuses of systemctl(1): is-enabled and is-active use several; the word on stdout decides.
    every = tuple(range(256))
    enabled = system.query(("systemctl", "is-enabled", unit), ok=every).stdout.strip()
    active = system.query(("systemctl", "is-active", unit), ok=every).stdout.strip()
    lines = [f"systemctl unmask {quoted}"] if not enabled.startswith("masked") else []
    if enabled in ("enabled", "disabled"):
        lines.append(f"systemctl {enabled.removesuffix('d')} {quoted}")
    lines.append(f"systemctl reset-failed {quoted}")  # after five starts in ten seconds systemd refuses more
    lines.append(f"systemctl {'restart' if active in ('active', 'reloading') else 'stop'} {quoted}")
    return lines


def _undo_script(directory: str, unit: str, restore: list[str]) -> str:
    """Restore everything, whatever fails on the way; the rename makes sure that it happens once."""
    there = shlex.quote(directory)
    steps = "\n".join(f"{line} || echo {shlex.quote('failed: ' + line)} >&2" for line in restore)
    return (
        f"#!/bin/sh\nmv {there}/armed {there}/undoing 2>/dev/null || exit 0\n"
        f"{steps}\nmv {there}/undoing {there}/undone\n{_clean_up(unit)}"
    )


def _disarm_script(directory: str, unit: str, token: str) -> str:
    there = shlex.quote(directory)
    return f"#!/bin/sh\nmv {there}/armed {there}/disarmed || exit 1\n{_clean_up(unit)}echo disarmed {token}\n"


def _clean_up(unit: str) -> str:
    """Remove both watchdogs; stopping the timer from within its own service does no harm."""
    return (
        f"rm -f {_UNITS}/{unit}-boot.service {_UNITS}/multi-user.target.wants/{unit}-boot.service\n"
        f"systemctl stop {unit}.timer 2>/dev/null\n"
    )


def _arm_for_boot(directory: str, unit: str) -> None:
    """Write a unit that undoes at the next boot: a transient timer would not survive it."""
    path = f"{_UNITS}/{unit}-boot.service"
    _write(
        path,
        f"[Unit]\nDescription=Undo an unconfirmed change of access\nConditionPathExists={directory}/armed\n"
        f"After=local-fs.target nftables.service\nBefore=ssh.service\n\n"
        f"[Service]\nType=oneshot\nExecStart=/bin/sh {directory}/undo\n",
    )
    wants = f"{_UNITS}/multi-user.target.wants"
    os.makedirs(wants, exist_ok=True)
    os.symlink(path, f"{wants}/{unit}-boot.service")


def _disarm_boot(unit: str) -> None:
    for path in (f"{_UNITS}/{unit}-boot.service", f"{_UNITS}/multi-user.target.wants/{unit}-boot.service"):
        if os.path.lexists(path):
            os.unlink(path)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
