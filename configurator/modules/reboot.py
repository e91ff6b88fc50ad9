"""reboot: the host has been restarted, and is back with another boot id.

Parameters are those of ansible.builtin.reboot. The task is taken alone, after everything that stands above
it. The agent says goodbye and gives the command; the controller waits until the host answers with another
output of `boot_time_command`, logs in anew, and the run goes on where it was: what had ended stays ended, and
handlers that were notified before still run. `pre_reboot_delay` is waited in seconds, without Ansible's
rounding to minutes. A host that comes back without having restarted, or does not come back within
`reboot_timeout`, is a failure. It restarts the host each time: put a `when` or a handler before it. A plan is
not sure of what comes after it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"  # random(4)
_PATHS = ("/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin")
_ANY = tuple(range(256))


@dataclass(frozen=True, slots=True)
class RebootParams:
    """The parameters of ansible.builtin.reboot; times are seconds."""

    reboot_timeout: int = param("int", 600, aliases=("reboot_timeout_sec",))
    connect_timeout: int | None = param("int", aliases=("connect_timeout_sec",))
    pre_reboot_delay: int = param("int", 0, aliases=("pre_reboot_delay_sec",))
    post_reboot_delay: int = param("int", 0, aliases=("post_reboot_delay_sec",))
    test_command: str = param("str", "whoami")
    msg: str = param("str", "Reboot initiated by Configurator")
    boot_time_command: str = param("str", BOOT_ID)
    reboot_command: str | None = param("str")
    search_paths: tuple[str, ...] = param("list", _PATHS)


class Reboot(Module[RebootParams]):
    """Restarts the host."""

    name: ClassVar[str] = "reboot"
    params: ClassVar[type] = RebootParams
    as_user: ClassVar[bool] = False
    exclusive: ClassVar[bool] = True
    timeout_s: ClassVar[float] = 86400.0  # its own limits end it
    typical_s: ClassVar[float] = 60.0

    def check(self, params: RebootParams) -> Sequence[ParamProblem]:
        problems = [
            ParamProblem(name, f"{name!r} must be {least} or more")
            for name, least in (
                ("reboot_timeout", 1),
                ("connect_timeout", 1),
                ("pre_reboot_delay", 0),
                ("post_reboot_delay", 0),
            )
            if getattr(params, name) is not None and getattr(params, name) < least
        ]
        for name in ("boot_time_command", "test_command"):
            if not getattr(params, name).strip():
                problems.append(ParamProblem(name, f"{name!r} is empty"))
        return problems

    def subject(self, params: RebootParams) -> str:  # noqa: ARG002
        return "host:"

    def effects(self, params: RebootParams) -> Effects:  # noqa: ARG002
        return OPAQUE

    def observe(self, system: System, params: RebootParams) -> State:  # noqa: ARG002
        return {}

    def desired(self, params: RebootParams, actual: State) -> State:  # noqa: ARG002
        return {"rebooted": True}

    def converge(self, system: System, params: RebootParams, change: Change) -> State | None:  # noqa: ARG002
        elapsed_s = system.reboot(
            _command(system, params),
            boot_time_command=params.boot_time_command,
            delay_s=params.pre_reboot_delay,
            timeout_s=params.reboot_timeout,
        )
        system.pause(params.post_reboot_delay)
        _test(system, params)
        return {"rebooted": True, "elapsed": round(elapsed_s)}

    def outputs(self, params: RebootParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        return {name: actual[name] for name in ("rebooted", "elapsed") if name in actual}


def _command(system: System, params: RebootParams) -> tuple[str, ...]:
    if params.reboot_command is not None:
        return ("/bin/sh", "-c", params.reboot_command)
    for folder in params.search_paths:
        path = posixpath.join(folder, "shutdown")
        found = system.stat(path, follow=True)
        if found is not None and found.kind == "file":
            return (path, "-r", "now", params.msg)
    raise TaskError(
        f"no program 'shutdown' in {', '.join(params.search_paths)}",
        hint="it is in the package systemd-sysv; or give a `reboot_command`",
    )


def _test(system: System, params: RebootParams) -> None:
    """Try the test command until it succeeds: services may still be starting."""
    command = ("/bin/sh", "-c", params.test_command)
    for _ in range(params.reboot_timeout):
        if system.run(command, establishes={}, ok=_ANY).exit_status == 0:
            return
        system.pause(1)
    system.run(command, establishes={})  # says how it fails
