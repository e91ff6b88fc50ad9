"""What is said of a graph before it runs: levels, critical path, bounds."""

from __future__ import annotations

import doctest
import itertools
import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core import analysis
from configurator.core.analysis import ExecutionPlan, critical_path, execution_plan
from configurator.core.graph import TaskGraph
from configurator.core.task import Task

CHAIN = 100_000


def nothing(_context: object) -> None:
    """The work of a task that is never run here."""


def task(name: str, requires: str = "", seconds: float | None = 1.0, after: str = "") -> Task:
    """A task; prerequisites are names in one text."""
    return Task(
        name, nothing, requires=tuple(requires.split()), after=tuple(after.split()), estimate_s=seconds
    )


@st.composite
def graphs(draw: st.DrawFn) -> TaskGraph:
    """Small graphs whose declared order is no topological one."""
    count = draw(st.integers(0, 7))
    seconds = st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0])
    tasks = []
    for number in range(count):
        sources = draw(st.sets(st.integers(0, number - 1))) if number else set()
        soft = draw(st.sets(st.sampled_from(sorted(sources)))) if sources else set()
        requires = tuple(f"t{source}" for source in sources - soft)
        after = tuple(f"t{source}" for source in soft)
        tasks.append(Task(f"t{number}", nothing, requires=requires, after=after, estimate_s=draw(seconds)))
    return TaskGraph(draw(st.permutations(tasks)))


def paths(graph: TaskGraph) -> Iterable[Sequence[int]]:
    """Every path of a small graph, by brute force."""
    todo: list[tuple[int, ...]] = [(number,) for number in range(len(graph))]
    while todo:
        path = todo.pop()
        yield path
        todo += [(*path, successor) for successor in graph.successors[path[-1]]]


def test_the_plan_of_a_small_graph() -> None:
    """Levels count edges, the critical path counts seconds, and soft edges count in both."""
    graph = TaskGraph(
        [
            task("deploy", "test docs", 0.5),
            task("build", "fetch", 4.0),
            task("fetch", seconds=1.5),
            task("docs", after="fetch", seconds=2.0),
            task("test", "build", 3.0),
            task("lint", seconds=1.0),
        ]
    )
    assert execution_plan(graph, 2) == ExecutionPlan(
        levels=(("fetch", "lint"), ("build", "docs"), ("test",), ("deploy",)),
        critical_path=("fetch", "build", "test", "deploy"),
        critical_path_s=9.0,
        work_s=12.0,
        bound_s=9.0,
        max_width=2,
        max_workers=2,
    )


def test_few_workers_make_the_work_the_bound() -> None:
    """With one worker nothing overlaps, however short the critical path is."""
    plan = execution_plan(TaskGraph([task("a", seconds=2.0), task("b", seconds=3.0)]), 1)
    assert (plan.critical_path_s, plan.work_s, plan.bound_s) == (3.0, 5.0, 5.0)


def test_a_plan_as_text() -> None:
    """One line a level, the critical path, the bound; seconds without the noise of binary fractions."""
    graph = TaskGraph([task("a", seconds=0.1), task("b", "a", 0.2), task("c", seconds=30.0)])
    assert execution_plan(graph).text() == (
        "level 1: a, c\nlevel 2: b\ncritical path: c (30 s)\nat best: 30 s of 30.3 s of work on 4 workers"
    )
    assert execution_plan(graph, 1).text().endswith("at best: 30.3 s of 30.3 s of work on 1 worker")


def test_a_name_makes_no_line_of_its_own() -> None:
    """A line break in a name must not look like another level."""
    text = execution_plan(TaskGraph([task("a\nlevel 2: evil\x1b[2J")])).text()
    assert text.splitlines()[0] == "level 1: a␊level 2: evil␛[2J"
    assert len(text.splitlines()) == 3


def test_a_plan_as_json() -> None:
    """It survives JSON under the names of its fields."""
    plan = execution_plan(TaskGraph([task("a"), task("b", "a")]), 3)
    assert json.loads(json.dumps(plan.to_json())) == {
        "levels": [["a"], ["b"]],
        "critical_path": ["a", "b"],
        "critical_path_s": 2.0,
        "work_s": 2.0,
        "bound_s": 2.0,
        "max_width": 1,
        "max_workers": 3,
    }


def test_the_empty_graph() -> None:
    """No task is no error, and no division by nothing."""
    plan = execution_plan(TaskGraph([]))
    assert plan == ExecutionPlan((), (), 0.0, 0.0, 0.0, 0, 4)
    assert plan.text() == "no tasks"


def test_tasks_that_take_no_time() -> None:
    """No critical path leads through tasks that take no time alone; between others they keep it whole."""
    still = TaskGraph([task("a", seconds=0.0), task("b", "a", 0.0)])
    assert critical_path(still) == ((), 0.0)
    assert "critical path: none (0 s)" in execution_plan(still).text()
    still_ends = [task("z", "c", 0.0), task("y", seconds=0.0), task("a", "y"), task("b", "a", 0.0)]
    assert critical_path(TaskGraph([*still_ends, task("c", "b")])) == (("a", "b", "c"), 2.0)


def test_the_declared_first_wins_a_tie() -> None:
    """The answer is the same on every machine: neither sets nor the order of the edges decide."""
    graph = TaskGraph([task("b"), task("c", "x a b"), task("a"), task("d", "b"), task("x", seconds=0.0)])
    assert critical_path(graph) == (("b", "c"), 2.0)
    late = TaskGraph([task("early", "root"), task("plain"), task("end", "plain early"), task("root")])
    assert critical_path(late, {"plain": 2.0, "early": 1.0, "root": 1.0, "end": 1.0}) == (
        ("root", "early", "end"),
        3.0,
    )


def test_actual_durations_replace_the_estimates() -> None:
    """What did not run takes no time; names from elsewhere are no error."""
    graph = TaskGraph([task("a", seconds=9.0), task("b", "a"), task("c")])
    assert critical_path(graph, {"c": 2.0, "b": 1.0, "elsewhere": 50.0}) == (("c",), 2.0)


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_is_an_error(workers: int) -> None:
    """A plan for nobody has no bound."""
    with pytest.raises(ValueError, match="max_workers must be at least 1"):
        execution_plan(TaskGraph([]), workers)


def test_a_chain_of_a_hundred_thousand() -> None:
    """Depth costs neither recursion nor anything but linear space."""
    graph = TaskGraph(
        Task(str(number), nothing, requires=(str(number - 1),) if number else (), estimate_s=1.0)
        for number in range(CHAIN)
    )
    plan = execution_plan(graph)
    assert (len(plan.levels), plan.max_width, plan.critical_path_s) == (CHAIN, 1, float(CHAIN))
    assert plan.critical_path == tuple(map(str, range(CHAIN)))


@given(graphs())
def test_no_path_is_longer_than_the_critical_one(graph: TaskGraph) -> None:
    """Compared with every path of small graphs; the names form a path of that length."""
    names, seconds = critical_path(graph)
    assert seconds == max((sum(graph.estimates[n] for n in path) for path in paths(graph)), default=0.0)
    numbers = [graph.index[name] for name in names]
    assert sum(graph.estimates[number] for number in numbers) == seconds
    assert all(b in graph.successors[a] for a, b in itertools.pairwise(numbers))
    assert not names or (graph.estimates[numbers[0]] > 0.0 and graph.estimates[numbers[-1]] > 0.0)


@given(graphs(), st.integers(1, 5))
def test_levels_hold_every_task_below_its_prerequisites(graph: TaskGraph, workers: int) -> None:
    """Each task is listed once, one below the deepest of its prerequisites."""
    plan = execution_plan(graph, workers)
    level = {name: depth for depth, names in enumerate(plan.levels) for name in names}
    assert sorted(name for names in plan.levels for name in names) == sorted(graph.index)
    for item in graph.tasks:
        sources = (*item.requires, *item.after)
        assert level[item.name] == max((level[source] + 1 for source in sources), default=0)
    assert plan.max_width == max(map(len, plan.levels), default=0)
    assert plan.critical_path_s <= plan.bound_s <= plan.work_s
    assert plan.bound_s * workers >= plan.work_s


def test_the_examples_in_the_documentation() -> None:
    """Every public function has one, and it is true."""
    outcome = doctest.testmod(analysis)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)
    finder = doctest.DocTestFinder(exclude_empty=False)
    for function in (execution_plan, critical_path):
        assert finder.find(function, globs={})[0].examples
