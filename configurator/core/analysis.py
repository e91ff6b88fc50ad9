"""What a graph promises before it runs: its longest path, its shape, and how fast it can be at best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

from configurator.core.graph import TaskGraph
from configurator.core.visualize import one_line


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """What can be said of a run from its graph and the estimates alone; times are seconds.

    `levels` are for people: a task's level is its longest distance from a task without prerequisites. The
    scheduler does not run by level, it starts a task the moment its last prerequisite has ended; so
    `max_width`, the size of the largest level, is no limit to how much runs at once. No schedule of these
    tasks on `max_workers` workers ends before `bound_s`, locks and resources aside.
    """

    levels: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]
    critical_path_s: float
    work_s: float
    bound_s: float
    max_width: int
    max_workers: int

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values under the names of its fields."""
        return {
            "levels": [list(names) for names in self.levels],
            "critical_path": list(self.critical_path),
            "critical_path_s": self.critical_path_s,
            "work_s": self.work_s,
            "bound_s": self.bound_s,
            "max_width": self.max_width,
            "max_workers": self.max_workers,
        }

    def text(self) -> str:
        """Return one line for each level, the critical path, and what the run takes at best.

        A control character in a name is shown, not written, so that a name never makes a line of its own.
        """
        if not self.levels:
            return "no tasks"
        levels = (", ".join(map(one_line, names)) for names in self.levels)
        lines = [f"level {number}: {names}" for number, names in enumerate(levels, 1)]
        path = " -> ".join(map(one_line, self.critical_path)) or "none"
        lines.append(f"critical path: {path} ({_seconds(self.critical_path_s)})")
        workers = "1 worker" if self.max_workers == 1 else f"{self.max_workers} workers"
        lines.append(f"at best: {_seconds(self.bound_s)} of {_seconds(self.work_s)} of work on {workers}")
        return "\n".join(lines)


def execution_plan(graph: TaskGraph, max_workers: int = 4) -> ExecutionPlan:
    """Return the levels, the critical path and the shortest possible run of a graph, in linear time.

    ValueError if `max_workers` is less than 1.

    >>> from configurator.core.task import Task
    >>> graph = TaskGraph([
    ...     Task("lint", print, estimate_s=1.0),
    ...     Task("build", print, estimate_s=3.0),
    ...     Task("test", print, requires=("build",), estimate_s=2.0),
    ... ])
    >>> print(execution_plan(graph, max_workers=2).text())
    level 1: lint, build
    level 2: test
    critical path: build -> test (5 s)
    at best: 5 s of 6 s of work on 2 workers
    """
    if max_workers < 1:
        raise ValueError(f"max_workers must be at least 1, not {max_workers}")
    levels = _levels(graph)
    path, path_s = critical_path(graph)
    work_s = fsum(graph.estimates)
    return ExecutionPlan(
        levels=levels,
        critical_path=path,
        critical_path_s=path_s,
        work_s=work_s,
        bound_s=max(path_s, work_s / max_workers),
        max_width=max(map(len, levels), default=0),
        max_workers=max_workers,
    )


def critical_path(
    graph: TaskGraph, durations: Mapping[str, float] | None = None
) -> tuple[tuple[str, ...], float]:
    """Return the names along the longest path, first to last, and its seconds; linear time.

    Without `durations` the estimates count; a task that is missing in `durations` takes no time. The path
    begins and ends with a task that takes time, so it is empty when none does. Between equals the task that
    was declared first wins.

    >>> from configurator.core.task import Task
    >>> graph = TaskGraph([Task("a", print), Task("b", print), Task("c", print, requires=("a", "b"))])
    >>> critical_path(graph, {"a": 1.0, "b": 2.5, "c": 4.0})
    (('b', 'c'), 6.5)
    """
    takes = graph.estimates
    if durations is not None:
        takes = [durations.get(task.name, 0.0) for task in graph.tasks]
    starts = [0.0] * len(graph)
    came_from = [-1] * len(graph)
    for number in graph.topological():
        end = starts[number] + takes[number]
        for successor in graph.successors[number]:
            at = starts[successor]
            if end > at or (end == at and number < came_from[successor]):
                starts[successor] = end
                came_from[successor] = number
    last, longest = -1, 0.0
    for number, (at, taken) in enumerate(zip(starts, takes, strict=True)):
        if taken > 0.0 and at + taken > longest:
            last, longest = number, at + taken
    path = []
    while last >= 0:
        path.append(graph.tasks[last].name)
        last = came_from[last]
    return tuple(reversed(path)), longest


def _levels(graph: TaskGraph) -> tuple[tuple[str, ...], ...]:
    depths = [0] * len(graph)
    for number in graph.topological():
        below = depths[number] + 1
        for successor in graph.successors[number]:
            depths[successor] = max(depths[successor], below)
    levels: list[list[str]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for task, depth in zip(graph.tasks, depths, strict=True):
        levels[depth].append(task.name)
    return tuple(map(tuple, levels))


def _seconds(value: float) -> str:
    """Write seconds without the noise of binary fractions: `3 s`, `0.25 s`."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + " s"
