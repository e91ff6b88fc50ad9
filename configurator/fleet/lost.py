"""A host that is lost while it does what may cost the connection: `ignore_unreachable`.

As in Ansible, such a task counts as done, and the next one finds out whether the host is there again. What
waits for that (`wait_for_connection`) may be cut off as well, and goes on waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import OrderedGraph
from configurator.core.errors import HostKeyError, HostSetupError, UnreachableError
from configurator.core.run_events import TaskFinished
from configurator.core.status import Outcome
from configurator.fleet.without_python import tasks_without_facts
from configurator.modules.params import parse
from configurator.modules.wait_for_connection import WaitForConnectionParams
from configurator.transport.endpoint import Endpoint
from configurator.transport.session import HostSession
from configurator.transport.sshauth import Secrets

_WAITER = "wait_for_connection"
_LOOK_S = 1.0  # between two tries
_PATIENCE_S = 30.0  # where nothing waits for the host: a network that has only been away for a moment


@dataclass(frozen=True, slots=True)
class Loss:
    """A connection that may be lost: whether the host is there again is looked at for `patience_s`."""

    patience_s: float
    began: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        return "the host cannot be reached"

    def told(self, _now: float) -> dict[str, Any]:
        """Return what the next agent is to know: nothing."""
        return {}

    def come_back(
        self,
        endpoint: Endpoint,
        secrets: Secrets,
        given_up: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> HostSession:
        """Return a new session; UnreachableError if the host is not back in time."""
        until = clock() + self.patience_s
        while True:
            try:
                return HostSession(endpoint, secrets)
            except HostKeyError:
                raise
            except (UnreachableError, HostSetupError):  # sshd is up before everything else is
                if clock() >= until or given_up():
                    raise
            sleep(_LOOK_S)


def lost(error: UnreachableError, under_way: Sequence[TaskSpec], unended: Sequence[TaskSpec]) -> Loss | None:
    """Return the loss if nothing under way minds it, None otherwise; a wrong host key minds everything."""
    if isinstance(error, HostKeyError) or not under_way:
        return None
    if not all(spec.ignore_unreachable or spec.module == _WAITER for spec in under_way):
        return None
    return Loss(max([_PATIENCE_S, *(_waits(spec) for spec in unended if spec.module == _WAITER)]))


def _waits(spec: TaskSpec) -> float:
    params, problems = parse(WaitForConnectionParams, spec.params)
    return _PATIENCE_S if problems else float(params.timeout)


def let_go(
    host: str, spec: TaskSpec, error: UnreachableError, at: float, began: float | None = None
) -> TaskFinished:
    """Return the event of a task whose host is lost, which is ignored."""
    started = at if began is None else began
    return TaskFinished(
        host=host,
        at_s=at,
        task_id=spec.id,
        role=spec.role,
        task=spec.name,
        module=spec.module,
        status=Outcome.FAILED,
        started_s=started,
        duration_s=at - started,
        message=f"unreachable: {error.message}",
        ignored=True,
        position=spec.position,
        handler=spec.handler,
    )


def unreachable_result(error: UnreachableError) -> dict[str, Any]:
    """Return what such a task registers."""
    return {
        "changed": False,
        "failed": False,
        "unreachable": True,
        "message": error.message,
        "outputs": {},
    }


def all_let_go(
    host: str,
    compile_graph: Callable[[Mapping[str, Any]], OrderedGraph],
    error: UnreachableError,
    at: float,
) -> list[TaskFinished]:
    """Return the ends of all tasks of a host that is not there; raises the error if any minds that."""
    specs = _without_facts(compile_graph, error)
    if not specs or not all(spec.ignore_unreachable for spec in specs):
        raise error
    return [let_go(host, spec, error, at) for spec in specs]


def waited_for(
    compile_graph: Callable[[Mapping[str, Any]], OrderedGraph], error: UnreachableError
) -> Loss | None:
    """Return how long the first of a host's tasks waits for it to be there; None if it does not."""
    first = next(iter(_without_facts(compile_graph, error)), None)
    return None if first is None or first.module != _WAITER else Loss(_waits(first))


def _without_facts(
    compile_graph: Callable[[Mapping[str, Any]], OrderedGraph], error: UnreachableError
) -> list[TaskSpec]:
    """Return the tasks of a host that is not there; none of one that has another key."""
    return [] if isinstance(error, HostKeyError) else tasks_without_facts(compile_graph) or []
