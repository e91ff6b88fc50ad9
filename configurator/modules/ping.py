"""ping: the host's agent has answered, as it has for every task.

Parameters are those of ansible.builtin.ping. `data: crash` fails, for trying out what a failure looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects
from configurator.modules.params import param
from configurator.modules.state import State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class PingParams:
    """The parameters of ansible.builtin.ping."""

    data: str = param("str", "pong")


class Ping(Module[PingParams]):
    """Answers."""

    name: ClassVar[str] = "ping"
    params: ClassVar[type] = PingParams
    typical_s: ClassVar[float] = 0.0

    def subject(self, params: PingParams) -> str:  # noqa: ARG002
        return "ping:"

    def effects(self, params: PingParams) -> Effects:  # noqa: ARG002
        return Effects()

    def observe(self, system: System, params: PingParams) -> State:  # noqa: ARG002
        if params.data == "crash":
            raise TaskError("boom", hint="`data: crash` asks for this")
        return {}

    def desired(self, params: PingParams, actual: State) -> State:  # noqa: ARG002
        return {}

    def outputs(self, params: PingParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        return {"ping": params.data}
