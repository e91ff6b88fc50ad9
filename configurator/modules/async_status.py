"""async_status: the task that was started with `async` and `poll: 0` has ended, and its result is returned.

`jid` is the `ansible_job_id` of that task's registered result. Such a task runs beside the others of its host
from the moment it is started; this one waits for it, so `until`, `retries` and `delay` have nothing to do.
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
class AsyncStatusParams:
    """The parameters of ansible.builtin.async_status that mean something here."""

    jid: str = param("str", required=True)
    mode: str = param("str", "status", choices=("status", "cleanup"))


class AsyncStatus(Module[AsyncStatusParams]):
    """Never reaches a host: the compiler knows what it means (compiler/expand.py)."""

    name: ClassVar[str] = "async_status"
    params: ClassVar[type] = AsyncStatusParams
    omitted: ClassVar[Mapping[str, str]] = {"_async_dir": "jobs leave no files on the host"}

    def subject(self, params: AsyncStatusParams) -> str:
        return f"job:{params.jid}"

    def effects(self, params: AsyncStatusParams) -> Effects:  # noqa: ARG002
        return Effects()

    def observe(self, system: System, params: AsyncStatusParams) -> State:  # noqa: ARG002
        return {}

    def desired(self, params: AsyncStatusParams, actual: State) -> State:  # noqa: ARG002
        return {}
