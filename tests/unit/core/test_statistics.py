"""The figures of a run, from results that were made up: no clock, no threads."""

from __future__ import annotations

import doctest
import heapq
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core import statistics
from configurator.core.graph import TaskGraph
from configurator.core.statistics import RunStatistics, statistics_of
from configurator.core.status import SkipReason, Status
from configurator.core.task import Task, TaskResult

CHAIN = 100_000


def nothing(_context: object) -> None:
    """The work of a task that is never run here."""


def graph_of(*names: str, **requires: str) -> TaskGraph:
    """Tasks without prerequisites, then tasks with some: graph_of("a", b="a")."""
    return TaskGraph(
        [
            *(Task(name, nothing) for name in names),
            *(Task(name, nothing, requires=tuple(sources.split())) for name, sources in requires.items()),
        ]
    )


def ran(
    name: str, start: float, end: float, worker: int | None = 0, status: Status = Status.SUCCESS
) -> TaskResult:
    return TaskResult(name, status, started_s=start, ended_s=end, worker=worker)


def skipped(name: str, at: float) -> TaskResult:
    return TaskResult(
        name, Status.SKIPPED, reason=SkipReason.REQUIREMENT_FAILED, cause="a", started_s=at, ended_s=at
    )


@st.composite
def runs(draw: st.DrawFn) -> tuple[TaskGraph, list[TaskResult], int]:
    """What a greedy scheduler does with a small graph, in whole seconds so that sums are exact."""
    workers = draw(st.integers(1, 4))
    tasks = []
    for number in range(draw(st.integers(0, 9))):
        sources = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        tasks.append(Task(f"t{number}", nothing, requires=tuple(f"t{source}" for source in sources)))
    ends: dict[str, float] = {}
    free = [(0.0, worker) for worker in range(workers)]
    results = []
    for task in tasks:
        at, worker = heapq.heappop(free)
        start = max(at, *(ends[name] for name in task.requires), 0.0)
        ends[task.name] = start + draw(st.integers(0, 5))
        heapq.heappush(free, (ends[task.name], worker))
        results.append(ran(task.name, start, ends[task.name], worker))
    return TaskGraph(tasks), draw(st.permutations(results)), workers


def test_the_figures_of_a_small_run() -> None:
    """Two workers, a diamond with one idle second at its side."""
    graph = graph_of("a", b="a", c="a", d="b c")
    results = [ran("a", 1.0, 2.0), ran("b", 2.0, 5.0, 0), ran("c", 2.0, 4.0, 1), ran("d", 5.0, 7.0)]
    assert statistics_of(graph, results, 2, leaked=1) == RunStatistics(
        counts={
            Status.SUCCESS: 4,
            Status.FAILED: 0,
            Status.TIMEOUT: 0,
            Status.SKIPPED: 0,
            Status.CANCELLED: 0,
        },
        max_workers=2,
        makespan_s=6.0,
        work_s=8.0,
        speedup=8 / 6,
        max_parallelism=2,
        mean_parallelism=8 / 6,
        utilisation=8 / 12,
        critical_path=("a", "b", "d"),
        critical_path_s=6.0,
        bound_s=6.0,
        bound_ratio=1.0,
        retries=0,
        from_cache=0,
        leaked=1,
    )


def test_counts_are_by_status() -> None:
    """Final statuses are always listed, others only when a run is asked in its middle."""
    graph = graph_of("a", "b", "c", "d", "e", "f")
    results = [
        ran("a", 2.0, 3.0, 0, Status.FAILED),
        ran("b", 2.0, 3.0, 1, Status.TIMEOUT),
        skipped("c", 3.0),
        TaskResult("d", Status.CANCELLED, started_s=3.0, ended_s=3.0),
        TaskResult("e", Status.RUNNING, started_s=1.0, worker=0),
    ]
    run = statistics_of(graph, results, 2)
    assert run.to_json()["counts"] == {
        "running": 1,
        "success": 0,
        "failed": 1,
        "timeout": 1,
        "skipped": 1,
        "cancelled": 1,
    }
    assert run.tasks == 5
    assert (run.makespan_s, run.work_s) == (1.0, 2.0)


def test_what_never_ran_is_no_work() -> None:
    """A skip recorded long after the last end must not stretch the run; one that a task chose counts."""
    graph = graph_of("a", "b", "c")
    chose = TaskResult("c", Status.SKIPPED, reason=SkipReason.CONDITION_FALSE, ended_s=3.0, worker=1)
    run = statistics_of(graph, [ran("a", 0.0, 2.0), skipped("b", 99.0), chose], 2)
    assert (run.makespan_s, run.work_s, run.max_parallelism) == (3.0, 5.0, 2)


def test_results_from_a_snapshot_are_no_work() -> None:
    """Their times are those of an earlier run."""
    cached = TaskResult("a", Status.SUCCESS, ended_s=500.0, worker=3, from_cache=True)
    run = statistics_of(graph_of("a", b="a"), [cached, ran("b", 0.0, 2.0)], 1)
    assert (run.from_cache, run.work_s, run.makespan_s) == (1, 2.0, 2.0)
    assert (run.critical_path, run.counts[Status.SUCCESS]) == (("b",), 2)


def test_nothing_ran() -> None:
    """No figure divides by zero, and doing nothing in no time is perfect."""
    for results in ([], [skipped("a", 4.0)]):
        run = statistics_of(graph_of("a"), results, 4)
        assert (run.makespan_s, run.work_s, run.utilisation, run.mean_parallelism) == (0.0, 0.0, 0.0, 0.0)
        assert (run.speedup, run.bound_ratio, run.max_parallelism, run.critical_path) == (1.0, 1.0, 0, ())


def test_tasks_that_took_no_time() -> None:
    """One after another on one worker at the same instant, they are not parallel; yet something ran."""
    graph = graph_of("a", "b", "c")
    run = statistics_of(graph, [ran("a", 1.0, 1.0), ran("b", 1.0, 1.0), ran("c", 1.0, 1.0)], 1)
    assert (run.max_parallelism, run.mean_parallelism, run.speedup) == (1, 1.0, 1.0)
    apart = statistics_of(graph, [ran("a", 1.0, 1.0), ran("b", 3.0, 3.0)], 1)
    assert (apart.makespan_s, apart.work_s, apart.bound_ratio, apart.speedup) == (2.0, 0.0, 1.0, 0.0)
    among = statistics_of(graph, [ran("a", 0.0, 2.0), ran("b", 1.0, 1.0, 1), ran("c", 2.0, 4.0, 1)], 2)
    assert (among.max_parallelism, among.makespan_s) == (1, 4.0)


def test_what_ends_when_another_starts_does_not_overlap_it() -> None:
    """Intervals are half-open: a chain over two workers has a parallelism of one."""
    run = statistics_of(graph_of("a", b="a"), [ran("a", 0.0, 1.0, 0), ran("b", 1.0, 2.0, 1)], 2)
    assert run.max_parallelism == 1


def test_time_in_which_nothing_runs() -> None:
    """Waiting for a retry counts against the speed-up, not against how much ran at once."""
    run = statistics_of(graph_of("a", "b"), [ran("a", 0.0, 2.0, 0), ran("b", 8.0, 10.0, 1)], 2)
    assert (run.speedup, run.mean_parallelism, run.utilisation) == (0.4, 1.0, 0.2)


def test_a_batch_is_one_piece_of_work() -> None:
    """Five packages installed by one call on one worker are neither parallel nor five times the work."""
    names = [f"p{number}" for number in range(5)]
    results = [ran(name, 0.0, 10.0) for name in names]
    results[2] = ran("p2", 0.0, 1.0)  # settled early
    run = statistics_of(graph_of(*names), results, 1)
    assert (run.work_s, run.speedup, run.utilisation) == (10.0, 1.0, 1.0)
    assert (run.max_parallelism, run.bound_s, run.bound_ratio) == (1, 10.0, 1.0)


def test_without_workers_every_result_is_work_of_its_own() -> None:
    """Results that name no worker cannot be told to be a batch."""
    run = statistics_of(graph_of("a", "b"), [ran("a", 0.0, 2.0, None), ran("b", 0.0, 2.0, None)], 2)
    assert (run.work_s, run.max_parallelism, run.utilisation) == (4.0, 2, 1.0)


def test_tasks_that_joined_later_count_as_work() -> None:
    """They are not in the graph: the longest of them is a path of its own if it beats the graph's."""
    graph = graph_of("a", b="a")
    results = [ran("a", 0.0, 1.0), ran("b", 1.0, 2.0), ran("short", 2.0, 3.0), ran("joined", 2.0, 6.0, 1)]
    run = statistics_of(graph, results, 2)
    assert (run.work_s, run.critical_path, run.critical_path_s) == (7.0, ("joined",), 4.0)
    quick = statistics_of(graph, [*results[:3]], 2)
    assert (quick.critical_path, quick.critical_path_s) == (("a", "b"), 2.0)


def test_retries_are_attempts_beyond_the_first() -> None:
    """Of this run, whatever became of the task; one that never started made no attempt at all."""
    results = [
        TaskResult("a", Status.SUCCESS, ended_s=1.0, worker=0, attempts=3),
        TaskResult("b", Status.FAILED, ended_s=1.0, worker=1, attempts=2),
        TaskResult("c", Status.CANCELLED, attempts=2),  # cancelled while it waited for its third
        TaskResult("d", Status.SKIPPED, attempts=0),
        TaskResult("e", Status.SUCCESS, attempts=9, from_cache=True),
    ]
    assert statistics_of(graph_of("a", "b", "c", "d", "e"), results, 2).retries == 4


def test_the_bound_is_the_work_where_that_is_more() -> None:
    """Four equal tasks on two workers cannot end before twice their time; here one worker did three."""
    results = [ran("a", 0.0, 2.0), ran("b", 2.0, 4.0), ran("c", 4.0, 6.0), ran("d", 0.0, 2.0, 1)]
    run = statistics_of(graph_of("a", "b", "c", "d"), results, 2)
    assert (run.critical_path_s, run.bound_s, run.bound_ratio) == (2.0, 4.0, 1.5)


def test_the_figures_as_json() -> None:
    """Every field is there by its name, as plain JSON."""
    run = statistics_of(graph_of("a"), [ran("a", 0.0, 2.0)], 2)
    data = json.loads(json.dumps(run.to_json(), allow_nan=False))
    assert data == {
        "tasks": 1,
        "counts": {"success": 1, "failed": 0, "timeout": 0, "skipped": 0, "cancelled": 0},
        "max_workers": 2,
        "makespan_s": 2.0,
        "work_s": 2.0,
        "speedup": 1.0,
        "max_parallelism": 1,
        "mean_parallelism": 1.0,
        "utilisation": 0.5,
        "critical_path": ["a"],
        "critical_path_s": 2.0,
        "bound_s": 2.0,
        "bound_ratio": 1.0,
        "retries": 0,
        "from_cache": 0,
        "leaked": 0,
    }
    assert set(data) == {"tasks", *RunStatistics.__dataclass_fields__}
    assert hash(run) == hash(statistics_of(graph_of("a"), [ran("a", 0.0, 2.0)], 2))


def test_no_workers_is_an_error() -> None:
    """Nobody has no utilisation."""
    with pytest.raises(ValueError, match="max_workers must be at least 1, not 0"):
        statistics_of(graph_of("a"), [], 0)


def test_a_hundred_thousand_in_a_row() -> None:
    """Depth costs no recursion, and sums do not drift."""
    graph = TaskGraph(
        Task(str(number), nothing, requires=(str(number - 1),) if number else ()) for number in range(CHAIN)
    )
    run = statistics_of(graph, [ran(str(n), n * 0.5, n * 0.5 + 0.5) for n in range(CHAIN)], 4)
    assert (run.work_s, run.critical_path_s, run.speedup) == (CHAIN / 2, CHAIN / 2, 1.0)
    assert len(run.critical_path) == CHAIN


@given(runs())
def test_the_figures_of_any_schedule_agree(run: tuple[TaskGraph, list[TaskResult], int]) -> None:
    """Compared with counting second by second; no schedule beats its bound."""
    graph, results, workers = run
    figures = statistics_of(graph, results, workers)
    last = int(max((r.ended_s for r in results), default=0.0))
    busy = [sum(r.started_s <= at < r.ended_s for r in results) for at in range(last)]
    first = min((r.started_s for r in results), default=0.0)
    assert figures.makespan_s == last - first
    assert figures.work_s == sum(r.execution_time for r in results) == sum(busy)
    assert figures.max_parallelism == max(*busy, 0, bool(results))
    assert figures.max_parallelism <= workers
    assert figures.utilisation <= 1.0
    assert figures.bound_ratio >= 1.0
    assert figures.critical_path_s <= figures.bound_s <= figures.makespan_s
    if sum(busy):
        assert math.isclose(figures.mean_parallelism, sum(busy) / sum(count > 0 for count in busy))
        assert figures.speedup <= figures.mean_parallelism + 1e-12


def test_the_examples_in_the_documentation() -> None:
    """The public function has one, and it is true."""
    outcome = doctest.testmod(statistics)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)
    assert doctest.DocTestFinder().find(statistics_of, globs={})[0].examples
