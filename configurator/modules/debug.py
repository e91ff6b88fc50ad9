"""debug: a message, or the value of a variable, is shown in plan and apply.

Parameters are those of ansible.builtin.debug. The value is worked out on the controller with the facts that
the host had when the run began, so a plan shows the same as the apply. A variable that is not defined is
shown as such, as in Ansible. With `verbosity: 2` the task is skipped unless `-vv` is given. Nothing waits for
this task, and it waits for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.base import Module
from configurator.modules.effects import Effects
from configurator.modules.params import param
from configurator.modules.spoken import spoken
from configurator.modules.state import State
from configurator.modules.system import System

NOT_DEFINED = "VARIABLE IS NOT DEFINED!"  # Ansible's words, which scripts look for


@dataclass(frozen=True, slots=True)
class DebugParams:
    """The parameters of ansible.builtin.debug; `_value` is `[value]` where the compiler knows `var`."""

    msg: Any = param("raw", "Hello world!")
    var: Any = param("raw")
    verbosity: int = param("int", 0)
    _value: tuple[Any, ...] = param("raw", ())


class Debug(Module[DebugParams]):
    """Says something and changes nothing."""

    name: ClassVar[str] = "debug"
    params: ClassVar[type] = DebugParams
    as_user: ClassVar[bool] = False
    typical_s: ClassVar[float] = 0.0

    def subject(self, params: DebugParams) -> str:
        return f"debug:{params.var or ''}"

    def effects(self, params: DebugParams) -> Effects:  # noqa: ARG002
        return Effects()

    def observe(self, system: System, params: DebugParams) -> State:  # noqa: ARG002
        return {}

    def desired(self, params: DebugParams, actual: State) -> State:  # noqa: ARG002
        return {}

    def outputs(self, params: DebugParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        if params.var is None:
            return {"msg": params.msg}
        return {str(params.var): params._value[0] if params._value else NOT_DEFINED}

    def says(self, params: DebugParams, outputs: Mapping[str, Any]) -> str:
        if params.var is None:
            return spoken(outputs["msg"])
        text = spoken(outputs[str(params.var)])
        return f"{params.var}:{chr(10) if chr(10) in text else ' '}{text}"
