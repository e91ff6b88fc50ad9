"""What the engine costs a task that does nothing, next to a bare thread pool and to other engines.

Ours is timed from callables to results, building the graph included, with a subscriber that gets every event;
the statistics, which are computed when somebody asks for them, are a row of their own.
The base is a bare ThreadPoolExecutor that is given the same callables at once and in no order, also where
the others keep the order of a graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from benchmarks import ours, peers
from benchmarks.calls import Contender, Timed, in_turn, peak_bytes, whole
from benchmarks.dags import chain, window_dag
from benchmarks.figures import Figure
from benchmarks.ours import Requirements

WORKERS = 4
# The bare pool keeps no order, no results by name and no events; to cost no more than it is the goal.
_RATIO_LIMIT = 1.0
_GROWTH_LIMIT = 1.5
# doit is slow, and its cost of a task does not fall with their number.
_DOIT_TASKS = 500


def no_ops(shape: str, requirements: Requirements, runs: int, *, collector: bool = True) -> list[Figure]:
    """Time ours and what the standard library offers on one graph in turn, as ratios to the bare pool."""
    size = len(requirements)
    contenders: dict[str, Contender] = {
        "bare": whole(partial(peers.bare_pool, requirements, WORKERS)),
        "ours": whole(partial(ours.only_run, requirements, WORKERS)),
        "split": ours.split(requirements, WORKERS),
        "graphlib": whole(partial(peers.graphlib_pool, requirements, WORKERS)),
    }
    if shape == "list":
        contenders["callables"] = whole(partial(ours.run_callables, size, WORKERS))
    timed = in_turn(contenders, runs, collector=collector)
    label = f"{shape} of {size:,}" + ("" if collector else ", collector off")
    build, run, statistics = (_each(timed["split"].lap(lap), size) for lap in range(3))
    cpu = timed["ours"].cpu / timed["bare"].cpu
    figures = [
        Figure(f"{label}: bare pool", _each(timed["bare"].median, size), "us"),
        Figure(
            f"{label}: ours / bare",
            _ratio(timed, "ours"),
            at_most=_RATIO_LIMIT,
            note=f"build {build:.1f}, run {run:.1f} us; CPU {cpu:.2f} x",
        ),
        Figure(f"{label}: ours with statistics / bare", _ratio(timed, "split"), note=f"{statistics:.1f} us"),
        Figure(f"{label}: graphlib + pool / bare", _ratio(timed, "graphlib")),
    ]
    if "callables" in timed:
        figures.append(Figure(f"{label}: ours by execute_tasks / bare", _ratio(timed, "callables")))
    return figures


def optional(shape: str, requirements: Requirements, names: tuple[str, ...], runs: int) -> list[Figure]:
    """Time other engines, where they are installed, in turn with the bare pool."""
    bare = {"bare": whole(partial(peers.bare_pool, requirements, WORKERS))}
    others = {
        name: whole(partial(peers.OPTIONAL[name], requirements, WORKERS))
        for name in names
        if peers.installed(name)
    }
    timed = in_turn(bare | others, runs) if others else {}
    size = len(requirements)
    return [
        Figure(
            f"{shape} of {size:,}: {name} / bare",
            _ratio(timed, name) if name in others else None,
            note=f"{_each(timed[name].median, size):.0f} us" if name in others else "not installed",
        )
        for name in names
    ]


def memory(size: int) -> list[Figure]:
    """Measure the peak of bytes a task, in runs that are not timed."""
    figures = []
    for shape, requirements in (("list", [()] * size), ("graph", window_dag(size))):
        bare = peak_bytes(partial(peers.bare_pool, requirements, WORKERS)) / size
        mine = peak_bytes(partial(ours.build_and_run, requirements, WORKERS)) / size
        label = f"{shape} of {size:,}"
        figures += [
            Figure(f"{label}: bare pool, memory a task", bare, "bytes"),
            Figure(f"{label}: ours, memory a task", mine, "bytes"),
            Figure(f"{label}: ours / bare, memory", mine / bare, at_most=_RATIO_LIMIT),
        ]
    return figures


def growth(sizes: tuple[int, ...], runs: int) -> list[Figure]:
    """Time ours alone on growing lists and chains; the cost of a task stays about the same."""
    figures = []
    for shape, make in (("list", lambda size: [()] * size), ("chain", chain)):
        graphs: dict[str, Requirements] = {f"{shape} of {size:,}": make(size) for size in sizes}
        timed = in_turn({name: ours.split(graph, WORKERS) for name, graph in graphs.items()}, runs)
        for part, lap in (("build", 0), ("run", 1), ("statistics", 2)):
            costs = {name: _each(timed[name].lap(lap), len(graph)) for name, graph in graphs.items()}
            first, *_, last = costs.values()
            figures += [Figure(f"{name}: {part}", cost, "us") for name, cost in costs.items()]
            figures.append(Figure(f"{shape}: {part}, last / first size", last / first, at_most=_GROWTH_LIMIT))
    return figures


def measure(*, full: bool) -> Iterator[tuple[str, list[Figure]]]:
    """Measure everything, section by section; `full` adds the million, joblib and dask with longer lists."""
    small, large = 10_000, 100_000
    repeats = 7 if full else 3
    yield (
        f"Cost of a task that does nothing, {WORKERS} workers",
        [
            *no_ops("list", [()] * small, 11),
            *no_ops("graph", window_dag(small), 11),
            *no_ops("list", [()] * large, repeats),
            *no_ops("graph", window_dag(large), repeats),
            *no_ops("list", [()] * large, repeats, collector=False),
            *no_ops("graph", window_dag(large), repeats, collector=False),
            *no_ops("chain", chain(large), repeats),
        ],
    )
    # No larger graph for dask: its memory grows with the square, and 100,000 tasks would take 25 GB.
    others = [
        *optional("list", [()] * small, ("joblib", "dask"), 5),
        *optional("graph", window_dag(small), ("dask",), 5),
        *optional("list", [()] * _DOIT_TASKS, ("doit",), 5),
        *optional("graph", window_dag(_DOIT_TASKS), ("doit",), 5),
    ]
    if full:
        others += optional("list", [()] * large, ("joblib", "dask"), 3)
    yield "Other engines", others
    yield "Memory of a task (peak of building and running)", memory(small)
    sizes = (small, large, 1_000_000) if full else (small, large)
    yield "Growth with the number of tasks", growth(sizes, 3)


def _each(seconds: float, size: int) -> float:
    return seconds / size * 1e6


def _ratio(timed: Mapping[str, Timed], name: str) -> float:
    return timed[name].median / timed["bare"].median
