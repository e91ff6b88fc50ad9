"""Configurator: agentless configuration of Debian hosts with a true plan and a parallel apply.

The engine can be used on its own: its names are imported from here when they are first asked for, so that
importing the package costs nothing.

>>> from configurator import ParallelExecutor
>>> [result.result for result in ParallelExecutor(max_workers=2).execute_tasks([lambda: "a", lambda: "b"])]
['a', 'b']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from configurator.core.breaker import CircuitBreaker
    from configurator.core.durations import LearnedDurations
    from configurator.core.errors import InputError
    from configurator.core.events import EventBus
    from configurator.core.graph import TaskGraph
    from configurator.core.groups import ErrorStrategy, Group
    from configurator.core.inputs import parallel_task
    from configurator.core.parallel import ParallelExecutor
    from configurator.core.retry import RetryPolicy
    from configurator.core.simulation import simulate
    from configurator.core.snapshot import RunSnapshot
    from configurator.core.status import SkipReason, Status
    from configurator.core.task import Skip, Subgraph, Task, TaskContext, TaskReport, TaskResult

__version__ = "0.1.0"

_HOMES = {
    "CircuitBreaker": "breaker",
    "ErrorStrategy": "groups",
    "EventBus": "events",
    "Group": "groups",
    "InputError": "errors",
    "LearnedDurations": "durations",
    "ParallelExecutor": "parallel",
    "RetryPolicy": "retry",
    "RunSnapshot": "snapshot",
    "Skip": "task",
    "SkipReason": "status",
    "Status": "status",
    "Subgraph": "task",
    "Task": "task",
    "TaskContext": "task",
    "TaskGraph": "graph",
    "TaskReport": "task",
    "TaskResult": "task",
    "parallel_task": "inputs",
    "simulate": "simulation",
}

__all__ = [
    "CircuitBreaker",
    "ErrorStrategy",
    "EventBus",
    "Group",
    "InputError",
    "LearnedDurations",
    "ParallelExecutor",
    "RetryPolicy",
    "RunSnapshot",
    "Skip",
    "SkipReason",
    "Status",
    "Subgraph",
    "Task",
    "TaskContext",
    "TaskGraph",
    "TaskReport",
    "TaskResult",
    "__version__",
    "parallel_task",
    "simulate",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415  (the command line and the host never come here)

    return getattr(importlib.import_module(f"configurator.core.{home}"), name)
