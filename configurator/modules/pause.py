"""pause: the tasks below it in its role wait for a while, or until somebody has answered.

Parameters are those of ansible.builtin.pause. A plan does not wait and asks nothing. `prompt`, or a pause
without any time, is asked on the controller's terminal, once for all hosts that come to the same task; the
words are those of the role, never a host's. Where there is no terminal the run goes on with a warning, as in
Ansible. With a time and a `prompt` the answer is awaited for that long. `echo: false` hides what is typed,
here and in every output.
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

DEFAULT_PROMPT = "Press Enter to continue"
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class PauseParams:
    """The parameters of ansible.builtin.pause."""

    seconds: float | None = param("float")
    minutes: float | None = param("float")
    prompt: str | None = param("str")
    echo: bool = param("bool", True)

    @property
    def duration_s(self) -> float | None:
        """How long to wait, or None: until there is an answer."""
        if self.minutes is not None:
            return self.minutes * 60
        return self.seconds

    @property
    def asks(self) -> bool:
        """True if somebody is to be asked."""
        return self.prompt is not None or self.duration_s is None


class Pause(Module[PauseParams]):
    """Waits."""

    name: ClassVar[str] = "pause"
    params: ClassVar[type] = PauseParams
    as_user: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 30 * _DAY_S  # it ends by itself; a shorter one is the task's `timeout`
    typical_s: ClassVar[float] = 5.0

    def check(self, params: PauseParams) -> Sequence[ParamProblem]:
        if params.seconds is not None and params.minutes is not None:
            return [ParamProblem("minutes", "'seconds' and 'minutes' exclude each other")]
        name = "minutes" if params.minutes is not None else "seconds"
        if params.duration_s is not None and not 0 <= params.duration_s < 30 * _DAY_S:
            return [ParamProblem(name, f"{name!r} must be 0 or more, and less than 30 days")]
        return ()

    def subject(self, params: PauseParams) -> str:
        return f"pause:{params.prompt or ''}"

    def effects(self, params: PauseParams) -> Effects:  # noqa: ARG002
        return OPAQUE  # it comes after what is above it, and what is below waits

    def observe(self, system: System, params: PauseParams) -> State:
        answer = None
        if params.asks:
            answer = system.ask(timeout_s=params.duration_s)
            if answer is None:
                system.notice("there is no terminal to ask on: the run goes on without an answer")
        if answer is None and params.duration_s is not None:
            system.pause(params.duration_s)
        return {"answer": answer}

    def desired(self, params: PauseParams, actual: State) -> State:  # noqa: ARG002
        return {}

    def outputs(self, params: PauseParams, actual: State) -> dict[str, Any]:
        told = {} if params.duration_s is None else {"delta": params.duration_s}
        return {"echo": params.echo, "user_input": actual["answer"] or "", **told}
