"""The makespan benchmark: its graphs, its bound, the schedules it compares with, and the simulated engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from benchmarks import dags, engine_makespan, ours, rivals
from configurator.core.simulation import simulate

WORKERS = 3


@pytest.mark.parametrize("number", range(8))
def test_role_dags_are_what_they_are_said_to_be(number: int) -> None:
    """Twenty tasks or more, edges from earlier nodes only, the same again for the same number."""
    dag = dags.role_dag(number)
    assert dag == dags.role_dag(number)
    assert dag.shape == dags.SHAPES[number % 4]
    assert 20 <= len(dag) <= 130
    assert all(one < node for node, required in enumerate(dag.requires) for one in required)
    assert all(len(set(required)) == len(required) for required in dag.requires)


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("rival", [rivals.fifo, rivals.levels])
def test_no_rival_beats_the_bound(rival: Callable[..., float], number: int) -> None:
    """One that did would mean that the bound, and so every ratio to it, is wrong."""
    dag = dags.role_dag(number)
    for workers in (1, 4, 200):
        for locks in (False, True):
            assert rival(dag, workers, locks=locks) >= dag.bound(workers, locks=locks) * (1 - 1e-9)
    assert rivals.fifo(dag, 1) == pytest.approx(sum(dag.durations))
    assert rivals.fifo(dag, 200) == pytest.approx(dag.critical_path())


def test_rivals_on_a_graph_worked_out_by_hand() -> None:
    """Two workers: a (1 s), b (4 s), c (3 s) after a. First come first served 4 s, in levels 7 s."""
    dag = dags.Dag("hand", ((), (), (0,)), (1.0, 4.0, 3.0), frozenset({1, 2}))
    assert rivals.fifo(dag, 2) == 4.0
    assert rivals.levels(dag, 2) == 7.0
    assert rivals.fifo(dag, 2, locks=True) == 7.0
    assert dag.bound(2) == 4.0
    assert dag.bound(2, locks=True) == 7.0


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("workers", [1, 4, 16])
def test_the_simulated_engine_keeps_to_the_bounds_of_theory(number: int, workers: int) -> None:
    """Never below the bound; without the lock not above Graham's bound, with it not above serial work."""
    dag = dags.role_dag(number)
    work, path = sum(dag.durations), dag.critical_path()
    for name, (graph, locks) in engine_makespan.ways(dag, number).items():
        makespan = engine_makespan.simulated(dag, graph, workers)
        worst = work if locks else work / workers + path * (1 - 1 / workers)
        assert dag.bound(workers, locks=locks) * (1 - 1e-9) <= makespan <= worst * (1 + 1e-9), name


def test_only_one_task_holds_the_lock_at_a_time() -> None:
    """Else the figure with the lock would be too good."""
    dag = dags.role_dag(1)
    graph, locks = engine_makespan.ways(dag, 1)["one lock"]
    results = simulate(graph, lambda task: dag.durations[int(task.name)], 8)
    held = sorted((r.started_s, r.ended_s) for r in results if int(r.task_name) in dag.locked)
    assert locks
    assert len(held) > 5
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(held))


def test_real_runs_do_all_the_work() -> None:
    """The graphs that are run on threads are those that are simulated."""
    dag = dags.role_dag(2)
    done: list[int] = []
    graph = engine_makespan.graph_of(dag, dag.durations, func=done.append)
    assert len(ours.check(ours.run(graph, WORKERS))) == len(dag)
    assert sorted(done) == list(range(len(dag)))
    assert engine_makespan.on_threads(dag, WORKERS, scale=0.0) >= 0.0


def test_every_schedule_gives_a_figure_of_its_own() -> None:
    """Four ways to estimate and three rivals, for each number of workers."""
    figures = engine_makespan.schedules(4, (4, 8))
    assert len({figure.name for figure in figures}) == len(figures) == 14
    assert all(figure.value is not None and figure.value >= 1 - 1e-9 for figure in figures)
