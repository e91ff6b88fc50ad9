"""Small graphs of tasks that wait, as real ones do: how much time running them at once saves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks.calls import in_turn, whole
from benchmarks.figures import Figure
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Status
from configurator.core.task import Task

# Validation of a repository: nine tools that need nothing, and six that want another one's result first.
TOOLS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("autoflake", "black", "chapel-format", "hadolint", "isort", "ruff"), ()),
    **dict.fromkeys(("shellcheck", "taplo", "yamllint"), ()),
    "ansible-lint": ("yamllint",),
    "bandit": ("black",),
    "flake8": ("black", "isort"),
    "gitlab-ci": ("yamllint",),
    "helm-lint": ("yamllint",),
    "mypy": ("black", "isort"),
}
# Made up, in tenths of a second: the long second tools wait for quick first ones.
UNEVEN: dict[str, float] = {
    "autoflake": 2,
    "black": 1,
    "chapel-format": 2,
    "hadolint": 4,
    "isort": 1,
    "ruff": 0.5,
    "shellcheck": 5,
    "taplo": 1,
    "yamllint": 1,
    "ansible-lint": 5,
    "bandit": 2,
    "flake8": 3,
    "gitlab-ci": 2,
    "helm-lint": 2,
    "mypy": 5,
}

Requires = Mapping[str, tuple[str, ...]]
Seconds = Mapping[str, float]


def engine(requires: Requires, seconds: Seconds, workers: int, estimates: Seconds | None = None) -> list[str]:
    """Run the graph, each task sleeping its time; return the names in declared order."""
    known = estimates or dict.fromkeys(requires, 1.0)

    def sleeper(name: str) -> Callable[..., object]:
        return lambda _context: time.sleep(seconds[name])

    graph = TaskGraph(
        [
            Task(name, sleeper(name), requires=needs, estimate_s=known[name])
            for name, needs in requires.items()
        ]
    )
    results = ParallelExecutor(workers).execute(graph)
    if any(result.status is not Status.SUCCESS for result in results):
        raise RuntimeError("a task of the benchmark did not succeed: its figures mean nothing")
    return [result.task_name for result in results]


def serial(requires: Requires, seconds: Seconds) -> list[str]:
    """Sleep one after another."""
    for name in requires:
        time.sleep(seconds[name])
    return list(requires)


def by_level(requires: Requires, seconds: Seconds, workers: int) -> list[list[str]]:
    """Run level by level on a bare pool: a level starts when all of the one above has ended."""
    levels = split_levels(requires)
    with ThreadPoolExecutor(workers) as pool:
        for level in levels:
            list(pool.map(time.sleep, [seconds[name] for name in level]))
    return levels


def split_levels(requires: Requires) -> list[list[str]]:
    """Return the names by depth; every task comes after what it requires."""
    depths: dict[str, int] = {}
    for name, needs in requires.items():
        depths[name] = 1 + max((depths[one] for one in needs), default=-1)
    return [
        [name for name, one in depths.items() if one == depth] for depth in range(max(depths.values()) + 1)
    ]


def speed_up(unit_s: float, runs: int) -> list[Figure]:
    """The fifteen tools with equal durations on nine workers, next to one after another.

    With equal durations levels are as good as it gets: what a bare pool loses to 7.5 is the machine's.
    """
    seconds = dict.fromkeys(TOOLS, unit_s)
    timed = in_turn(
        {
            "ours": whole(partial(engine, TOOLS, seconds, 9)),
            "bare": whole(partial(by_level, TOOLS, seconds, 9)),
            "serial": whole(partial(serial, TOOLS, seconds)),
        },
        runs,
    )
    ours, bare = (timed["serial"].median / timed[name].median for name in ("ours", "bare"))
    return [
        Figure("15 tools, 9 workers: speed-up against serial", ours, at_least=7.2, note="7.5 is possible"),
        Figure("15 tools, 9 workers: speed-up of a bare pool", bare, note="level by level, by hand"),
    ]


def uneven(unit_s: float, runs: int) -> list[Figure]:
    """The fifteen tools with uneven durations, known from an earlier run or not, next to level by level."""
    seconds = {name: tenths * unit_s for name, tenths in UNEVEN.items()}
    timed = in_turn(
        {
            "known": whole(partial(engine, TOOLS, seconds, 9, seconds)),
            "unknown": whole(partial(engine, TOOLS, seconds, 9)),
            "levels": whole(partial(by_level, TOOLS, seconds, 9)),
        },
        runs,
    )
    levels, known, unknown = (timed[name].median for name in ("levels", "known", "unknown"))
    path = max(
        seconds[name] + max((seconds[one] for one in needs), default=0.0) for name, needs in TOOLS.items()
    )
    return [
        Figure("15 uneven tools: ours / level by level", known / levels, at_most=0.65, note=f"{known:.3f} s"),
        Figure("15 uneven tools: ours / critical path", known / path, at_most=1.05),
        Figure("15 uneven tools: ours without estimates / critical path", unknown / path),
    ]


def independent(tasks: int, each_s: float, runs: int, *, compare: bool = True) -> tuple[float, float]:
    """Return the seconds of ours and of one after another, for tasks that need nothing, a worker for each.

    Without `compare` the second is the sum of the durations.
    """
    names: Sequence[str] = [f"task-{number}" for number in range(tasks)]
    requires: Requires = dict.fromkeys(names, ())
    seconds = dict.fromkeys(names, each_s)
    contenders = {"ours": whole(partial(engine, requires, seconds, tasks))}
    if compare:
        contenders["serial"] = whole(partial(serial, requires, seconds))
    timed = in_turn(contenders, runs)
    return timed["ours"].median, timed["serial"].median if compare else tasks * each_s


def measure(*, full: bool) -> Iterator[tuple[str, list[Figure]]]:
    """Measure everything."""
    runs = 9 if full else 5
    mine, one_by_one = independent(20, 0.1, runs)
    saved = (1 - mine / one_by_one) * 100
    five, _ = independent(5, 1.0, 3, compare=False)
    figures = [
        *speed_up(0.1, runs),
        *uneven(0.1, runs),
        Figure("20 tasks of 100 ms, 20 workers: time saved", saved, "%", at_least=90, note="95 is possible"),
        Figure("5 tasks of 1 s, 5 workers", five, "s", at_most=1.05),
    ]
    yield "Tasks that wait", figures
