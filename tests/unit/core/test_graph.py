"""The graph: what is refused when it is built, what is ready, and how long the paths are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.analysis import execution_plan
from configurator.core.errors import InputError
from configurator.core.graph import GraphProblem, TaskGraph
from configurator.core.status import Status
from configurator.core.task import Task, TaskResult
from configurator.core.visualize import visualize


def nothing(_context: object) -> None:
    """The work of a task that is never run here."""


def task(name: str, *requires: str, **options: Any) -> Task:
    return Task(name, nothing, requires=requires, **options)


@st.composite
def acyclic(draw: st.DrawFn) -> list[Task]:
    """Tasks in any declared order, with both kinds of edges, weights, and ties."""
    count = draw(st.integers(0, 10))
    tasks = []
    for number in range(count):
        earlier = st.sampled_from(range(number)) if number else st.nothing()
        pick = st.sets(earlier, max_size=3) if number else st.just(set())
        tasks.append(
            Task(
                f"t{number}",
                nothing,
                requires=tuple(f"t{source}" for source in draw(pick)),
                after=tuple(f"t{source}" for source in draw(pick)),
                estimate_s=draw(st.sampled_from([None, 0.0, 1.0, 2.5, 4.0])),
            )
        )
    return draw(st.permutations(tasks))


def waits_for(tasks: list[Task]) -> dict[str, set[str]]:
    return {task.name: {*task.requires, *task.after} for task in tasks}


# -- what is ready --------------------------------------------------------------------------------------


@given(tasks=acyclic(), choice=st.randoms(use_true_random=False))
def test_ready_tasks_are_exactly_those_whose_prerequisites_are_complete(
    tasks: list[Task], choice: Any
) -> None:
    """However tasks start and end: no completed nor running one, none too early, none forgotten."""
    graph, before = TaskGraph(tasks), waits_for(tasks)
    completed: list[str] = []
    running: list[str] = []
    while len(completed) < len(tasks):
        ready = graph.get_ready_tasks(completed, running)
        assert ready == [
            name
            for name in graph.index
            if before[name] <= set(completed) and name not in completed and name not in running
        ]
        if ready and (not running or choice.random() < 0.6):
            running.append(choice.choice(ready))
        else:
            completed.append(running.pop(choice.randrange(len(running))))
    assert graph.get_ready_tasks(completed, []) == []


def test_edges_of_both_kinds_between_the_same_tasks_are_one() -> None:
    """Else the task would wait for its prerequisite twice, which ends only once."""
    graph = TaskGraph([task("a"), Task("b", nothing, requires=("a", "a"), after=("a",))])
    assert (graph.predecessors, graph.successors) == ([0, 1], [[1], []])
    assert graph.hard == [frozenset({1}), frozenset()]
    assert graph.get_ready_tasks(["a"], []) == ["b"]


@pytest.mark.parametrize(("completed", "running"), [(["x"], []), ([], ["x"])])
def test_an_unknown_name_is_no_silent_answer(completed: list[str], running: list[str]) -> None:
    """A misspelled name among the completed would keep its successors waiting for ever."""
    with pytest.raises(KeyError, match="x"):
        TaskGraph([task("a")]).get_ready_tasks(completed, running)


# -- what is refused ------------------------------------------------------------------------------------


def test_every_problem_is_told_at_once() -> None:
    """A person corrects a graph once, not once per mistake; the cycle is among them."""
    tasks = [
        task("build", "test"),
        task("test", "build"),
        task("lint"),
        task("lint", "bulid"),
        task("heavy", resources={"cpu": 3, "gpu": 1, "memory": -1, "disk": math.nan}),
        Task("late", nothing, after=("nowhere",)),
    ]
    with pytest.raises(InputError) as caught:
        TaskGraph(tasks, {"cpu": 2, "memory": 1, "disk": 1})
    assert caught.value.diagnostics == (
        GraphProblem("two tasks are named 'lint'", ("lint",)),
        GraphProblem("task 'lint' requires unknown task 'bulid'", ("lint", "bulid"), "did you mean 'build'?"),
        GraphProblem("task 'late' requires unknown task 'nowhere'", ("late", "nowhere")),
        GraphProblem("task 'heavy' asks for 3 of resource 'cpu', which has 2", ("heavy",)),
        GraphProblem("task 'heavy' asks for unknown resource 'gpu' (known: cpu, disk, memory)", ("heavy",)),
        GraphProblem("task 'heavy' asks for -1 of resource 'memory'", ("heavy",)),
        GraphProblem("task 'heavy' asks for nan of resource 'disk'", ("heavy",)),
        GraphProblem("cycle: build -> test -> build", ("build", "test", "build")),
    )
    assert str(caught.value).startswith(
        "two tasks are named 'lint'; task 'lint' requires unknown task 'bulid' (did you mean 'build'?); "
    )


def test_resources_are_only_checked_when_the_capacities_are_known() -> None:
    """A graph may be built before the executor that runs it."""
    TaskGraph([task("heavy", resources={"cpu": 3})])
    with pytest.raises(InputError, match="unknown resource 'cpu' \\(known: none\\)"):
        TaskGraph([task("heavy", resources={"cpu": 3})], {})


@pytest.mark.parametrize(
    ("edges", "path"),
    [
        ({"a": "a"}, "a -> a"),
        ({"a": "b", "b": "c", "c": "a", "below": "a", "above": ""}, "a -> b -> c -> a"),
        # What only hangs on the cycle is not part of it, though it was declared first.
        ({"first": "x", "x": "y", "y": "x"}, "x -> y -> x"),
    ],
)
def test_a_cycle_is_shown_as_a_path(edges: Mapping[str, str], path: str) -> None:
    """Each task of it waits for the next one, and it ends where it began."""
    with pytest.raises(InputError) as caught:
        TaskGraph([task(name, *source.split()) for name, source in edges.items()])
    assert str(caught.value) == f"cycle: {path}"


@given(tasks=acyclic(), data=st.data())
def test_a_graph_is_refused_exactly_when_it_has_a_cycle(tasks: list[Task], data: st.DataObject) -> None:
    """One more edge: refused if and only if it closes a cycle, and then the path is real."""
    names = [task.name for task in tasks]
    if not names:
        return
    source, target = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    before = waits_for(tasks)
    before[target] = before[target] | {source}
    changed = [
        Task(t.name, nothing, requires=(*t.requires, source), after=t.after) if t.name == target else t
        for t in tasks
    ]
    try:
        TaskGraph(changed)
    except InputError as error:
        (problem,) = error.diagnostics
        assert problem.tasks[0] == problem.tasks[-1]
        assert all(
            source in before[name] for name, source in zip(problem.tasks, problem.tasks[1:], strict=False)
        )
    else:
        below, reached = {target}, set()
        while below:
            reached |= below
            below = {name for name in names if before[name] & below} - reached
        assert source not in reached


# -- from outside ---------------------------------------------------------------------------------------


def test_edges_from_outside_are_entries_and_not_waited_for() -> None:
    """Tasks that join a run may require its tasks; only the run knows how those stand."""
    graph = TaskGraph([Task("a", nothing, requires=("x", "b"), after=("y",)), task("b")], outside={"x", "y"})
    assert graph.entries == [(0, "x", True), (0, "y", False)]
    assert graph.predecessors == [1, 0]
    with pytest.raises(InputError, match=r"unknown task 'alhpa' \(did you mean 'alpha'\?\)"):
        TaskGraph([task("a", "alhpa")], outside={"alpha"})
    with pytest.raises(InputError, match="two tasks are named 'x'"):
        TaskGraph([task("x")], outside={"x"})


# -- estimates and ranks --------------------------------------------------------------------------------


def longest(name: str, seconds: Mapping[str, float], below: Mapping[str, list[str]]) -> float:
    return seconds[name] + max((longest(other, seconds, below) for other in below[name]), default=0.0)


@given(
    tasks=acyclic(), learned=st.dictionaries(st.sampled_from([f"t{i}" for i in range(10)]), st.floats(0, 9))
)
def test_a_rank_is_the_longest_path_from_there(tasks: list[Task], learned: dict[str, float]) -> None:
    """Checked against every path there is, by what is declared and by what was learned."""
    graph, before = TaskGraph(tasks), waits_for(tasks)
    below = {name: [other for other in before if name in before[other]] for name in before}
    other = graph.with_estimates(learned.get)
    for kind in (graph, other):
        seconds = dict(zip(kind.index, kind.estimates, strict=True))
        for name, number in kind.index.items():
            assert kind.ranks[number] == pytest.approx(longest(name, seconds, below))
    assert graph.estimates == [1.0 if t.estimate_s is None else t.estimate_s for t in tasks]
    assert (other.tasks, other.successors, other.hard) == (graph.tasks, graph.successors, graph.hard)


def test_what_was_learned_counts_first_then_what_is_declared_then_the_mean() -> None:
    """A task that nothing is known of counts as much as those that are known, on average."""
    graph = TaskGraph(
        [task("learned", estimate_s=99.0), task("declared", estimate_s=7.0), task("unknown"), task("x")]
    )
    assert graph.with_estimates({"learned": 2.0, "x": 4.0}.get).estimates == [2.0, 7.0, 3.0, 4.0]
    assert graph.with_estimates(lambda _name: None).estimates == [99.0, 7.0, 1.0, 1.0]
    assert graph.estimates == [99.0, 7.0, 1.0, 1.0], "the graph itself stays as it was"


def test_an_empty_graph_is_one() -> None:
    """Nothing to do is no mistake."""
    graph = TaskGraph([])
    assert (len(graph), graph.get_ready_tasks([], []), graph.topological()) == (0, [], [])
    assert (graph.plan().levels, graph.visualize("text")) == ((), "no tasks")


def test_a_graph_is_planned_and_drawn_by_its_own_methods() -> None:
    """They are those of analysis.py and visualize.py, with every argument passed on."""
    graph = TaskGraph([task("a"), task("b", "a")])
    assert graph.plan(1) == execution_plan(graph, 1) != graph.plan(2)
    results = [TaskResult("a", Status.FAILED)]
    assert graph.visualize("dot", results) == visualize(graph, "dot", results) != graph.visualize("dot")


def test_a_batch_queues_for_its_lock_as_one() -> None:
    """Packages are installed in one go: counted one by one, the last would seem too little urgent to join."""
    apt = frozenset({"apt"})
    graph = TaskGraph([Task(f"p{n}", print, locks=apt, estimate_s=8.0, batch_key="apt") for n in range(16)])
    assert set(graph.ranks) == {8.0}
    mixed = TaskGraph([*graph.tasks, Task("other", print, locks=apt, estimate_s=2.0)])
    assert mixed.ranks[0] == 10.0
    assert {*mixed.ranks} == {10.0, 2.0}


def test_a_queue_for_a_lock_is_a_path() -> None:
    """Whoever holds a lock that others need holds up all of them: that makes it urgent."""
    apt = frozenset({"apt"})
    graph = TaskGraph(
        [
            Task("a", print, locks=apt, estimate_s=2.0),
            Task("b", print, locks=apt, estimate_s=3.0),
            Task("c", print, locks=apt, estimate_s=1.0),
            Task("after c", print, requires=("c",), estimate_s=4.0),
            Task("before c", print, estimate_s=1.0),
            Task("free", print, estimate_s=2.0),
        ]
    )
    ranks = dict(zip(graph.index, graph.ranks, strict=True))
    # c goes first, since most is left after it; then a and b as declared, of which b ends the queue.
    assert ranks == {"a": 5.0, "b": 3.0, "c": 6.0, "after c": 4.0, "before c": 1.0, "free": 2.0}
    queued = TaskGraph(
        [task._replace(requires=("before c",)) if task.name == "c" else task for task in graph.tasks]
    )
    assert queued.ranks[queued.index["before c"]] == 7.0, "and so is what it waits for"
