"""How close the engine's schedule comes to the best that is possible, under a virtual clock.

The figure is the makespan over a bound that no schedule can beat: the critical path, the work per worker
and, with a lock, the work of all who need it. dags.py says what the graphs are like.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import mean

from benchmarks import rivals
from benchmarks.dags import Dag, guesses, role_dag
from benchmarks.figures import Figure
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.simulation import simulate
from configurator.core.status import Status
from configurator.core.task import Task, TaskResult

_SIGMA = 0.5
_LOCK = frozenset({"dpkg"})
# What the mean of each way to estimate may be, with any number of workers.
_LIMITS = {
    "true durations": 1.01,
    "estimates off by sigma 0.5": 1.03,
    "no estimates": 1.08,
    "one lock": 1.06,
}
_REAL_LIMIT_PERCENT = 5.0


def graph_of(
    dag: Dag,
    estimates: Sequence[float | None],
    *,
    locks: bool = False,
    func: Callable[[int], object] | None = None,
) -> TaskGraph:
    """Return the graph as tasks; `func` is called with the number of the node."""
    work = func or (lambda _number: None)
    return TaskGraph(
        [
            Task(
                str(number),
                partial(_call, work, number),
                requires=tuple([str(one) for one in required]),
                estimate_s=estimates[number],
                locks=_LOCK if locks and number in dag.locked else frozenset(),
            )
            for number, required in enumerate(dag.requires)
        ]
    )


def simulated(dag: Dag, graph: TaskGraph, workers: int) -> float:
    """Return the makespan of the engine's schedule under the virtual clock, in seconds."""
    return _end(simulate(graph, lambda task: dag.durations[int(task.name)], workers))


def on_threads(dag: Dag, workers: int, scale: float) -> float:
    """Return the makespan of a real run whose tasks sleep their scaled durations, in seconds."""
    graph = graph_of(dag, dag.durations, func=lambda number: time.sleep(dag.durations[number] * scale))
    return _end(ParallelExecutor(workers).execute(graph))


def ways(dag: Dag, number: int) -> dict[str, tuple[TaskGraph, bool]]:
    """Return for each scenario the graph, and whether the lock counts."""
    return {
        "true durations": (graph_of(dag, dag.durations), False),
        "estimates off by sigma 0.5": (graph_of(dag, guesses(dag, number, _SIGMA)), False),
        "no estimates": (graph_of(dag, [None] * len(dag)), False),
        "one lock": (graph_of(dag, dag.durations, locks=True), True),
    }


def schedules(count: int, workers: tuple[int, ...]) -> list[Figure]:
    """Simulate `count` graphs with every number of workers; mean and p95 of makespan / bound."""
    ratios: dict[tuple[int, str], list[float]] = {}
    for number in range(count):
        dag = role_dag(number)
        graphs = ways(dag, number)
        for size in workers:
            for name, (graph, locks) in graphs.items():
                ratio = simulated(dag, graph, size) / dag.bound(size, locks=locks)
                ratios.setdefault((size, name), []).append(ratio)
            for rival, locks in ((rivals.fifo, False), (rivals.levels, False), (rivals.fifo, True)):
                name = rival.__name__ + (", one lock" if locks else "")
                ratio = rival(dag, size, locks=locks) / dag.bound(size, locks=locks)
                ratios.setdefault((size, name), []).append(ratio)
    return [
        Figure(
            f"{size} workers: {name}", mean(values), at_most=_LIMITS.get(name), note=f"p95 {_p95(values):.3f}"
        )
        for (size, name), values in ratios.items()
    ]


def real_runs(count: int, workers: int, each_s: float) -> Figure:
    """Run the first graphs on threads, scaled to about `each_s`; how far the worst is from its simulation."""
    worst = 0.0
    for number in range(count):
        dag = role_dag(number)
        expected = simulated(dag, graph_of(dag, dag.durations), workers)
        scale = each_s / expected
        worst = max(worst, abs(on_threads(dag, workers, scale) / (expected * scale) - 1))
    return Figure(
        f"{count} graphs on real threads: furthest from simulation", worst * 100, "%", _REAL_LIMIT_PERCENT
    )


def measure(*, full: bool, count: int = 1000) -> Iterator[tuple[str, list[Figure]]]:
    """Measure everything, section by section; `full` also takes longer for the real runs."""
    yield f"Makespan / bound, mean of {count:,} graphs", schedules(count, (4, 8, 16))
    yield "Simulation and reality", [real_runs(10, 4, 2.0 if full else 1.5)]


def _call(work: Callable[[int], object], number: int, _context: object) -> object:
    return work(number)


def _end(results: Sequence[TaskResult]) -> float:
    if any(result.status is not Status.SUCCESS for result in results):
        raise RuntimeError("a task of the benchmark did not succeed: its figures mean nothing")
    return max(result.ended_s for result in results)


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]
