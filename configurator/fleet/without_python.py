"""A plan of a host on which nothing can be looked at yet: it has no python3, which an apply installs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import OrderedGraph
from configurator.core.changes import Certainty, FieldChange
from configurator.core.errors import InputError
from configurator.core.run_events import HostNotice, TaskFinished
from configurator.core.status import Outcome

_BECAUSE = "python3 is not installed yet"
_NEEDS_FACTS = "the plan of the roles needs facts, which need python3; apply installs it first"


def tasks_without_facts(compile_graph: Callable[[Mapping[str, Any]], OrderedGraph]) -> list[TaskSpec] | None:
    """Return the tasks of a host that cannot be looked at; None if its roles cannot be told without facts."""
    try:
        return [spec for spec in compile_graph({}).tasks if not spec.barrier and not spec.handler]
    except InputError:
        return None


def plan_without_python(
    host: str, compile_graph: Callable[[Mapping[str, Any]], OrderedGraph], at: float
) -> tuple[list[TaskFinished], HostNotice | None]:
    """Return what is known of such a host: that python3 comes first, and the tasks that need no facts.

    The notice says if the roles cannot be told without facts.
    """
    tasks = tasks_without_facts(compile_graph)
    notice = HostNotice(host, at, "warning", _NEEDS_FACTS) if tasks is None else None

    def unknown(task_id: str, role: str, name: str, module: str, change: FieldChange) -> TaskFinished:
        return TaskFinished(
            host, at, task_id, role, name, module, Outcome.CHANGED, at, 0.0, changes=(change,)
        )

    install = FieldChange("package:python3", "exists", False, True)
    found = [unknown("python3", "configurator", "Install python3 for the agent", "raw", install)]
    for spec in tasks or ():
        change = FieldChange(f"task:{spec.id}", "state", None, None, Certainty.UNKNOWN, _BECAUSE)
        found.append(unknown(spec.id, spec.role, spec.name, spec.module, change))
    return found, notice
