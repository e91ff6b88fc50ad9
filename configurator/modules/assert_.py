"""assert: every condition holds, or the task fails and what is below it in its role is left alone.

Parameters are those of ansible.builtin.assert. The conditions are decided on the controller with the facts
that the host had when the run began, so a plan fails as the apply does, before anything has changed where
nothing stands above. A failure shows the first condition that is false, with the values in it. A condition
that holds costs nothing: nothing waits for it. `success_msg` is shown unless `quiet`. Write conditions
without braces; what a host's facts contain is never taken for a condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects
from configurator.modules.params import param
from configurator.modules.spoken import spoken
from configurator.modules.state import State
from configurator.modules.system import System

_MOST = 400  # characters of a value: the head of a long list tells enough


@dataclass(frozen=True, slots=True)
class AssertParams:
    """The parameters of ansible.builtin.assert.

    The compiler decides: `_false` is the first condition that does not hold, `_values` what is in it.
    """

    that: Any = param("raw", required=True)
    fail_msg: Any = param("raw", aliases=("msg",))
    success_msg: Any = param("raw")
    quiet: bool = param("bool", False)
    _false: str | None = param("str")
    _values: dict[str, Any] = param("dict", {})


class Assert(Module[AssertParams]):
    """Fails unless its conditions hold."""

    name: ClassVar[str] = "assert"
    params: ClassVar[type] = AssertParams
    as_user: ClassVar[bool] = False
    typical_s: ClassVar[float] = 0.0

    def subject(self, params: AssertParams) -> str:
        conditions = params.that if isinstance(params.that, list) else [params.that]
        # One of several would seem to be the one that has failed.
        return f"assert:{conditions[0]}" if len(conditions) == 1 else f"assert:{len(conditions)} conditions"

    def effects(self, params: AssertParams) -> Effects:
        return Effects() if params._false is None else OPAQUE

    def observe(self, system: System, params: AssertParams) -> State:  # noqa: ARG002
        if params._false is None:
            return {}
        said = spoken(params.fail_msg or "Assertion failed")
        lines = [said, f"{params._false}: false"]
        for name, value in params._values.items():
            text = value if isinstance(value, str) else spoken(value)
            shown = text if len(text) <= _MOST else f"{text[:_MOST]}…"
            lines.append(f"{name} is {shown!r}" if isinstance(value, str) else f"{name} is {shown}")
        outputs = {"msg": said, "assertion": params._false, "evaluated_to": False}
        raise TaskError("\n".join(lines), outputs=outputs)

    def desired(self, params: AssertParams, actual: State) -> State:  # noqa: ARG002
        return {}

    def outputs(self, params: AssertParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        return {"msg": params.success_msg or "All assertions passed"}

    def says(self, params: AssertParams, outputs: Mapping[str, Any]) -> str:
        return spoken(outputs["msg"]) if params.success_msg and not params.quiet else ""
