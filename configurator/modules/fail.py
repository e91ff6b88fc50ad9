"""fail: the task fails with a message, and everything below it in its role is left alone.

Parameters are those of ansible.builtin.fail. It goes with a `when`, which is decided on the controller with
the host's facts: where it does not hold, nothing waits for this task. Where it holds, a plan fails as the
apply does, and tasks of the same role that stand below are skipped in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects
from configurator.modules.params import param
from configurator.modules.state import State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class FailParams:
    """The parameters of ansible.builtin.fail."""

    msg: str = param("str", "Failed as requested from task")


class Fail(Module[FailParams]):
    """Fails."""

    name: ClassVar[str] = "fail"
    params: ClassVar[type] = FailParams
    as_user: ClassVar[bool] = False
    typical_s: ClassVar[float] = 0.0

    def subject(self, params: FailParams) -> str:  # noqa: ARG002
        return "fail:"

    def effects(self, params: FailParams) -> Effects:  # noqa: ARG002
        return OPAQUE  # what stands below it must not be done

    def observe(self, system: System, params: FailParams) -> State:  # noqa: ARG002
        raise TaskError(params.msg)
