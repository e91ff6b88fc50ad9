"""The engine as the benchmarks call it: with everything on that a real run has on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from benchmarks.calls import Contender, Laps
from configurator.core.events import EngineEvent
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Status
from configurator.core.task import Task, TaskResult

# The numbers of the earlier nodes that each node requires.
Requirements = Sequence[tuple[int, ...]]


def noop(*_arguments: object) -> object:
    """Do nothing: what remains is what the engine itself costs. Every contender calls this very function."""
    return None


class Subscriber:
    """The one subscriber of a run: it looks at every event, and does no work of its own."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, _event: EngineEvent) -> None:
        self.seen += 1


def build(
    requirements: Requirements, func: Callable[..., object] = noop, timeout_s: float | None = None
) -> TaskGraph:
    """Return the graph of one task per node, names and all."""
    names = [f"task-{number}" for number in range(len(requirements))]
    return TaskGraph(
        [
            Task(name, func, requires=tuple([names[one] for one in required]), timeout_s=timeout_s)
            for name, required in zip(names, requirements, strict=True)
        ]
    )


def run(graph: TaskGraph, workers: int) -> ParallelExecutor:
    """Run the graph with one subscriber; return after the last event was delivered to it."""
    executor = ParallelExecutor(workers, observer=Subscriber())
    executor.execute(graph)
    return executor


def check(executor: ParallelExecutor) -> list[TaskResult]:
    """Compute the statistics, and return the results; RuntimeError if a task did not succeed."""
    results = executor.results()
    succeeded = executor.statistics().counts[Status.SUCCESS]
    executor.events.close()
    if succeeded != len(results):
        raise RuntimeError("a task of the benchmark did not succeed: its figures mean nothing")
    return results


def run_callables(count: int, workers: int) -> list[TaskResult]:
    """Hand over bare callables, which the engine itself makes tasks of."""
    executor = ParallelExecutor(workers, observer=Subscriber())
    executor.execute_tasks([noop] * count)
    return check(executor)


def build_and_run(requirements: Requirements, workers: int) -> object:
    """From callables to results and statistics."""
    graph = build(requirements)
    return graph, check(run(graph, workers))


def only_run(requirements: Requirements, workers: int) -> object:
    """From callables to results."""
    graph = build(requirements)
    executor = run(graph, workers)
    executor.events.close()
    return graph, executor


def split(requirements: Requirements, workers: int, timeout_s: float | None = None) -> Contender:
    """Return a contender with three laps: building the graph, running it, and the statistics."""

    def contender() -> Laps:
        start = time.perf_counter()
        graph = build(requirements, timeout_s=timeout_s)
        built = time.perf_counter()
        executor = run(graph, workers)
        ended = time.perf_counter()
        kept = check(executor)
        checked = time.perf_counter()
        del kept, graph, executor
        return built - start, ended - built, checked - ended

    return contender
