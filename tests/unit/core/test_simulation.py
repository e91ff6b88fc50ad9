"""The simulation: what it says of a run, and runs of a hundred thousand tasks."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.core.errors import InputError
from configurator.core.graph import TaskGraph
from configurator.core.simulation import Outcome, simulate
from configurator.core.status import SkipReason, Status
from configurator.core.strategy import CriticalPath, DeclaredOrder, ResourceAware
from configurator.core.task import Skip, Subgraph, Task, TaskReport
from tests.unit.core.graphs import Case, never_called, said, task, times

APT = frozenset({"apt"})


# -- what a simulation says --------------------------------------------------------------------------------


def test_nothing_takes_no_time() -> None:
    """An empty graph is a run, too."""
    assert simulate(TaskGraph(())) == []


def test_tasks_take_what_they_are_estimated_to_take() -> None:
    """Without durations of its own the simulation uses the graph's, also for tasks that join."""
    joins = Subgraph((task("c", estimate_s=5.0), task("d")), "made")
    graph = TaskGraph([task("a", estimate_s=2.0), task("b", requires=("a",))])
    results = simulate(graph, outcome=lambda item, _attempt: joins if item.name == "a" else None)
    assert times(results) == {"a": (0, 2), "c": (2, 7), "d": (2, 3), "b": (7, 8)}
    assert [result.worker for result in results] == [0, 0, 1, 0]


def test_every_form_of_outcome_is_taken_as_a_run_takes_it() -> None:
    """Values, reports, skips, exceptions and graphs mean what they mean when a function returns them."""
    outcomes = {
        "value": 7,
        "report": TaskReport(8, output="text", warnings=2),
        "skip": Skip(SkipReason.CONDITION_FALSE, "when"),
        "error": ValueError("no"),
        "graph": TaskGraph([task("joined")]),
    }
    case = Case(tuple(task(name) for name in outcomes), outcomes={n: (o,) for n, o in outcomes.items()})
    results = {result.task_name: result for result in case.run().results}
    assert results["value"].result == 7
    assert (results["report"].result, results["report"].output, results["report"].warnings) == (8, "text", 2)
    assert results["skip"].reason is SkipReason.CONDITION_FALSE
    assert results["error"].error is outcomes["error"]
    assert (results["graph"].status, results["graph"].result) == (Status.SUCCESS, None)
    assert results["joined"].status is Status.SUCCESS


def test_a_timeout_ends_a_task_in_time() -> None:
    """At its limit, not later; one that takes exactly as long is not late."""
    case = Case(
        (task("late", timeout_s=1.0), task("just", timeout_s=2.0)), seconds={"late": 9.0, "just": 2.0}
    )
    results = case.run().results
    assert times(results) == {"late": (0, 1), "just": (0, 2)}
    assert [result.status for result in results] == [Status.TIMEOUT, Status.SUCCESS]


def test_a_batch_takes_as_long_as_the_longest_of_it() -> None:
    """All of it are started at once by one worker, and end together."""
    batch = {"batch_key": "apt", "batch_func": never_called}
    case = Case((task("a", **batch), task("b", **batch), task("c")), 1, {"a": 1.0, "b": 3.0, "c": 1.0})
    assert times(case.run().results) == {"a": (0, 3), "b": (0, 3), "c": (3, 4)}


def test_a_graph_that_can_never_run_is_refused_whole() -> None:
    """Every task that asks for too much is named before anything is simulated."""
    graph = TaskGraph(
        [
            task("heavy", weight=3.0),
            task("negative", weight=-1.0),
            task("wrong", weight=float("nan")),
            task("greedy", resources={"cpu": 2.0}),
            task("fits", weight=2.0, resources={"cpu": 1.0}),
            task("nothing", weight=0.0),
        ]
    )
    with pytest.raises(InputError) as caught:
        simulate(graph, max_workers=2, resources={"cpu": 1.0})
    assert [problem.tasks for problem in caught.value.diagnostics] == [
        ("greedy",),
        ("heavy",),
        ("negative",),
        ("wrong",),
    ]
    assert "task 'heavy' weighs 3, with 2 workers" in str(caught.value)


def test_what_runs_goes_on_when_the_run_is_stopped() -> None:
    """Whether work obeys its token only the work knows: a simulation lets it end by itself."""
    case = Case(
        (task("fails", critical=True), task("long"), task("next", after=("long",))),
        seconds={"long": 5.0},
        outcomes={"fails": (ValueError(),)},
    )
    results = case.run().results
    assert times(results) == {"fails": (0, 1), "long": (0, 5), "next": (1, 1)}
    assert said(results)["next"] == (Status.CANCELLED, None, "fails failed")


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        (None, ["path", "scarce", "first", "end"]),
        (CriticalPath(), ["path", "scarce", "first", "end"]),
        (DeclaredOrder(), ["first", "scarce", "path", "end"]),
        (ResourceAware(), ["scarce", "path", "first", "end"]),
    ],
    ids=["default", "critical path", "declared order", "resource aware"],
)
def test_a_strategy_says_what_goes_first(strategy: Any, order: list[str]) -> None:
    """The longest path by default; the order of writing; or what needs much of a scarce resource."""
    tasks = [
        task("first", estimate_s=1.0),
        task("scarce", estimate_s=2.0, resources={"cpu": 0.75, "none": 0.0}),
        task("path", estimate_s=2.0),
        task("end", estimate_s=1.0, requires=("path",)),
    ]
    case = Case(tuple(tasks), 1, capacities={"cpu": 1.0, "none": 0.0}, strategy=strategy)
    assert [start.task_name for start in case.run().starts()] == order


# -- great numbers: these would take minutes, or the stack, if anything were quadratic or recursive ---------

MANY = 100_000


def _one_second(_task: Task) -> float:
    return 1.0


def _succeeds(_task: Task, _attempt: int) -> object:
    return None


def _first_fails(item: Task, _attempt: int) -> object:
    return ValueError() if item.name == "t0" else None


@pytest.mark.parametrize(
    ("outcome", "seconds", "cause"), [(_succeeds, MANY, None), (_first_fails, 1, "t0")], ids=["good", "bad"]
)
def test_a_chain_of_a_hundred_thousand_ends(outcome: Outcome, seconds: int, cause: str | None) -> None:
    """No recursion, neither forwards nor when one failure skips all the rest."""
    tasks = [task("t0"), *(task(f"t{n}", requires=(f"t{n - 1}",)) for n in range(1, MANY))]
    results = simulate(TaskGraph(tasks), _one_second, outcome=outcome)
    assert len(results) == MANY
    assert (results[-1].ended_s, results[-1].cause) == (seconds, cause)


@pytest.mark.parametrize(
    ("options", "outcome", "seconds"),
    [
        ({"locks": APT}, _succeeds, MANY),
        ({"locks": APT}, _first_fails, 1),
        ({"resources": {"cpu": 1.0}}, _succeeds, MANY // 4),
        ({"resources": {"cpu": 1.0}}, _first_fails, 1),
        ({"weight": 2.0}, _succeeds, MANY // 4),
        ({"batch_key": "one", "batch_func": never_called}, _succeeds, 1),
        ({"exclusive": True}, _succeeds, MANY),
    ],
    ids=[
        "one lock",
        "one lock, stopped",
        "a capacity",
        "a capacity, stopped",
        "weights",
        "a batch",
        "exclusive",
    ],
)
def test_a_hundred_thousand_that_share_something_end(
    options: dict[str, Any], outcome: Outcome, seconds: int
) -> None:
    """To wake all that wait, or to look at them again, each time one of them ends would be quadratic."""
    graph = TaskGraph([task(f"t{number}", **options) for number in range(MANY)])
    results = simulate(graph, _one_second, 8, resources={"cpu": 4.0}, fail_fast=True, outcome=outcome)
    assert len(results) == MANY
    assert max(result.ended_s for result in results) == seconds


def test_ten_thousand_different_requests_end() -> None:
    """They are not looked at one by one just because no two are the same."""
    tasks = [task(f"t{n}", resources={"cpu": 0.5 + n / 100_000}) for n in range(10_000)]
    results = simulate(TaskGraph(tasks), _one_second, 8, resources={"cpu": 1.0})
    assert max(result.ended_s for result in results) == 10_000


def test_ten_thousand_unlike_tasks_of_one_batch_key_end() -> None:
    """Nothing joins, and nothing is looked at again for that."""
    tasks = [task(f"t{n}", batch_key="one", locks=frozenset({f"lock {n}"})) for n in range(10_000)]
    assert max(result.ended_s for result in simulate(TaskGraph(tasks), _one_second, 10)) == 1_000


def test_fanning_out_to_fifty_thousand_and_in_again_ends() -> None:
    """One task releases all of them, and one waits for all of them."""
    names = [f"t{number}" for number in range(MANY // 2)]
    middle = [task(name, requires=("start",)) for name in names]
    graph = TaskGraph([task("start"), *middle, task("end", requires=tuple(names))])
    results = simulate(graph, _one_second, 50)
    assert results[-1].started_s == 1_001


def test_ten_thousand_join_at_once_and_one_after_the_other() -> None:
    """From one parent, and each from the one before; and what waits, waits for the last of them."""

    def outcome(item: Task, _attempt: int) -> object:
        if item.name == "wide":
            return Subgraph(tuple(task(f"w{number}", requires=("slow",)) for number in range(10_000)))
        if item.name.startswith("deep") and int(item.name[4:]) < 10_000:
            return Subgraph((task(f"deep{int(item.name[4:]) + 1}"),))
        return None

    seconds = {"wide": 1.0, "slow": 5.0, "end": 1.0}
    graph = TaskGraph([task("wide"), task("slow"), task("deep0"), task("end", requires=("wide", "deep0"))])
    results = simulate(
        graph, lambda item: seconds.get(item.name, 1.0 if item.name[0] == "d" else 0.0), outcome=outcome
    )
    assert len(results) == 20_004
    assert results[-1].started_s == 10_001


def test_a_chain_of_ten_thousand_that_each_bring_a_task_ends() -> None:
    """That these require what ended long ago is no reason to walk down the whole chain each time."""

    def outcome(item: Task, _attempt: int) -> object:
        return Subgraph((task(f"of {item.name}", requires=("t0",)),)) if item.name[0] == "t" else None

    tasks = [task("t0"), *(task(f"t{n}", requires=(f"t{n - 1}",)) for n in range(1, 10_000))]
    results = simulate(TaskGraph(tasks), _one_second, outcome=outcome)
    assert [result.task_name for result in results[-2:]] == ["t9999", "of t9999"]
    assert results[-1].ended_s == 20_000
