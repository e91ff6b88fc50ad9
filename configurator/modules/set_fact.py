"""set_fact: variables of the host have these values from here on, until the run ends.

Each parameter is a variable's name. The values are worked out on the controller before anything is done, in
the written order of the role's tasks, for each item of a loop and under the task's `when`; hosts are never
sent the task. `cacheable` is accepted and means nothing: no facts are kept from one run to the next. What
an earlier task would find out on the host is not known yet when variables are set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from configurator.modules.base import Module
from configurator.modules.effects import Effects
from configurator.modules.params import param
from configurator.modules.state import State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class SetFactParams:
    """What set_fact takes besides the variables."""

    cacheable: bool = param("bool", False)


class SetFact(Module[SetFactParams]):
    """Never reaches a host: the compiler knows what it means (compiler/expand.py)."""

    name: ClassVar[str] = "set_fact"
    params: ClassVar[type] = SetFactParams
    omitted: ClassVar[Mapping[str, str]] = {
        "key_value": "it stands for the variables, each of which is a parameter of its own name"
    }

    def subject(self, params: SetFactParams) -> str:  # noqa: ARG002
        return "set_fact:"

    def effects(self, params: SetFactParams) -> Effects:  # noqa: ARG002
        return Effects()

    def observe(self, system: System, params: SetFactParams) -> State:  # noqa: ARG002
        return {}

    def desired(self, params: SetFactParams, actual: State) -> State:  # noqa: ARG002
        return {}
