"""wait_for_connection: the host's agent answers, as it does for every task.

Parameters are those of ansible.builtin.wait_for_connection. A task runs on the host itself, so there is
nothing left to wait for but `delay`, which a plan does not wait. After a `reboot` the host is back already.
Where it is the first task of an apply, and where an earlier task with `ignore_unreachable` has cost the
connection, the controller waits for the host, `timeout` seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class WaitForConnectionParams:
    """The parameters of Ansible's module; `sleep` and `connect_timeout` mean nothing here."""

    delay: int = param("int", 0)
    timeout: int = param("int", 600)
    sleep: int = param("int", 1)
    connect_timeout: int = param("int", 5)


class WaitForConnection(Module[WaitForConnectionParams]):
    """Is there already."""

    name: ClassVar[str] = "wait_for_connection"
    params: ClassVar[type] = WaitForConnectionParams
    as_user: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 86400.0
    typical_s: ClassVar[float] = 0.0

    def check(self, params: WaitForConnectionParams) -> Sequence[ParamProblem]:
        return [
            ParamProblem(name, f"{name!r} must be 0 or more")
            for name in ("delay", "timeout", "sleep", "connect_timeout")
            if getattr(params, name) < 0
        ]

    def subject(self, params: WaitForConnectionParams) -> str:  # noqa: ARG002
        return "connection:"

    def effects(self, params: WaitForConnectionParams) -> Effects:
        return OPAQUE if params.delay else Effects()

    def observe(self, system: System, params: WaitForConnectionParams) -> State:
        system.pause(params.delay)
        return {}

    def desired(self, params: WaitForConnectionParams, actual: State) -> State:  # noqa: ARG002
        return {}

    def outputs(self, params: WaitForConnectionParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        return {"elapsed": params.delay}
