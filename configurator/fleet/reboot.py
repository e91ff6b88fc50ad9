"""A host that restarts in the middle of a run: waited for, and gone on with where it was.

The agent of before has gone with the old boot. Which tasks had ended is known here, from its reports; which
handlers are due is on the host's disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.core.errors import HostKeyError, HostSetupError, UnreachableError
from configurator.modules.params import parse
from configurator.modules.reboot import RebootParams
from configurator.transport.bootstrap import sudo_command
from configurator.transport.endpoint import Endpoint
from configurator.transport.session import HostSession
from configurator.transport.ssh import connect
from configurator.transport.sshauth import Secrets

_LOOK_S = 1.0  # between two tries
_CONNECT_S = 5.0  # a host that is down answers nothing: waiting for longer only delays the next try
_ANSWER_S = 15.0


@dataclass(frozen=True, slots=True)
class Restart:
    """A restart that was announced: of which task, what the host called its boot before, and since when.

    `carried` is what the agent wants its successor to know.
    """

    spec: TaskSpec
    boot_id: str
    began: float
    carried: Any = None

    def __str__(self) -> str:
        return "the host restarts"

    @property
    def params(self) -> RebootParams:
        """Return the task's parameters: ours, not what the host says of them."""
        params, problems = parse(RebootParams, self.spec.params)
        assert not problems, problems
        found: RebootParams = params
        return found

    def told(self, now: float) -> dict[str, Any]:
        """Return what the next agent is to know."""
        about = {"task_id": self.spec.id, "boot_id": self.boot_id, "elapsed_s": round(now - self.began, 3)}
        return {**about, "carried": self.carried}

    def come_back(self, endpoint: Endpoint, secrets: Secrets, given_up: Callable[[], bool]) -> HostSession:
        """Return a session with the host's next boot; UnreachableError if it does not come back in time."""
        return come_back(self, endpoint, secrets, given_up)


def announced(spec: TaskSpec | None, message: Mapping[str, Any]) -> Restart | None:
    """Return the restart that a host announces, or None if no task of ours asks for one."""
    if spec is None or spec.module != "reboot":
        return None
    carried = message.get("carried")
    return Restart(
        spec, str(message.get("boot_id")), time.monotonic(), carried if isinstance(carried, dict) else None
    )


def come_back(
    restart: Restart,
    endpoint: Endpoint,
    secrets: Secrets,
    given_up: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> HostSession:
    """Return a session with the host's next boot; UnreachableError if it does not come back in time.

    A host that is there, but has not restarted, gets a session when the time is over: the task fails there.
    """
    params = restart.params
    until = restart.began + params.pre_reboot_delay + params.reboot_timeout
    quick = replace(endpoint, connect_timeout_s=params.connect_timeout or _CONNECT_S)
    problem: UnreachableError | HostSetupError | None = None
    while not given_up():
        try:
            boot_id = _boot_id(quick, secrets, params.boot_time_command)
            if boot_id != restart.boot_id or clock() >= until:
                return HostSession(endpoint, secrets)
            problem = None
        except HostKeyError:
            raise
        except (UnreachableError, HostSetupError) as error:
            problem = error  # sshd is up before everything else is
        if clock() >= until:
            why = "it is still up" if problem is None else problem.message
            raise UnreachableError(
                endpoint.name,
                f"the host did not come back within {params.reboot_timeout} s after its restart: {why}",
                hint="look at its console; a longer `reboot_timeout` waits longer",
            )
        sleep(_LOOK_S)
    raise UnreachableError(endpoint.name, "interrupted while the host was restarting")


def _boot_id(endpoint: Endpoint, secrets: Secrets, command: str) -> str:
    """Return what the host calls its boot."""
    become, stdin = sudo_command(endpoint, secrets)
    with connect(endpoint, secrets) as connection:
        status, output = connection.run(
            ["/bin/sh", "-c", command], become=become, stdin=stdin, timeout_s=_ANSWER_S
        )
    if status != 0:
        raise UnreachableError(endpoint.name, f"`boot_time_command` fails there: {output.strip()[-200:]}")
    return output.strip()
