"""The index of effect keys gives the order that comparing every pair of tasks would give."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.compiler.order import OrderedGraph, build_graph
from configurator.compiler.order_effects import EffectIndex
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.task import Task, TaskContext
from configurator.modules.effects import Effects, covers, effects, meet
from tests.unit.compiler.building import by_id, guarantees, role, task

KEYS = st.sampled_from(
    [
        "path:/a", "path:/a/b", "path:/a/b/c", "path:/ab", "path:/z", "unit:x", "user:u", "*",
        "path:**", "path:/a/**", "path:/a/b/**", "path:/a**", "unit:**", "package:p", "path:/",
    ]
)  # fmt: skip
EFFECTS = st.builds(Effects, st.frozensets(KEYS, max_size=3), st.frozensets(KEYS, max_size=2))


INSTALLS = {"module": "apt", "params": {"name": ["x"]}}
BATCHED = st.lists(st.tuples(EFFECTS, st.booleans()), max_size=10)


def hard_pair(earlier: Effects, later: Effects) -> bool:
    return meet(earlier.writes, later.reads | later.writes)


def soft_pair(earlier: Effects, later: Effects) -> bool:
    return meet(earlier.reads, later.writes)


def graph_of(all_effects: list[Effects]) -> OrderedGraph:
    tasks = [task(f"t{n}", reads=e.reads, writes=e.writes) for n, e in enumerate(all_effects)]
    return build_graph([role("r", tasks)])


@settings(max_examples=400)
@given(st.lists(EFFECTS, max_size=14))
def test_every_pair_that_meets_is_ordered_and_no_other(all_effects: list[Effects]) -> None:
    """Written before read or write: success is required; read before written: order only; else nothing."""
    graph = graph_of(all_effects)
    specs = by_id(graph)
    succeeded, ended = guarantees(graph)
    names = [f"r/t{n}" for n in range(len(all_effects))]
    for j, later in enumerate(all_effects):
        for i, earlier in enumerate(all_effects[:j]):
            if hard_pair(earlier, later):
                assert names[i] in succeeded[names[j]]
            elif soft_pair(earlier, later):
                assert names[i] in ended[names[j]]
            assert (names[i] in specs[names[j]].requires) <= hard_pair(earlier, later)
            assert (names[i] in specs[names[j]].after) <= soft_pair(earlier, later)
        assert all(names.index(n) < j for n in (*specs[names[j]].requires, *specs[names[j]].after))


@settings(max_examples=300)
@given(BATCHED)
def test_neighbours_of_one_batch_are_not_ordered_and_all_else_is(items: list[tuple[Effects, bool]]) -> None:
    """Installs next to each other share a transaction; who comes behind waits for each of them."""
    tasks = [
        task(f"t{n}", reads=e.reads, writes=e.writes, **(INSTALLS if install else {}))  # type: ignore[arg-type]
        for n, (e, install) in enumerate(items)
    ]
    graph = build_graph([role("r", tasks)])
    succeeded, ended = guarantees(graph)
    batch: list[int] = []
    for j, (later, install) in enumerate(items):
        if not (later.reads or later.writes):
            continue
        mates = [items[i][0] for i in batch]
        exactly = {key for mate in mates for key in mate.writes if not key.endswith("*")}
        mine = {key for key in later.writes if not key.endswith("*")}
        joins = install and exactly.isdisjoint(later.reads | later.writes)
        joins = joins and mine.isdisjoint(key for mate in mates for key in mate.reads)
        batch = [*batch, j] if joins and all(items[i][1] for i in batch) else [j]
        for i, (earlier, _) in enumerate(items[:j]):
            if i in batch:
                assert f"r/t{i}" not in ended[f"r/t{j}"]
            elif hard_pair(earlier, later):
                assert f"r/t{i}" in succeeded[f"r/t{j}"]
            elif soft_pair(earlier, later):
                assert f"r/t{i}" in ended[f"r/t{j}"]


def test_a_loop_of_installs_is_one_batch_behind_the_refresh() -> None:
    """Ten packages in a loop are ready at once; but not before the index that they are found in is fresh."""
    wide = ["path:**", "unit:**"]
    refresh = task("refresh", writes=[*wide, "package:a", "apt-index:"], module="apt", params={"name": ["a"]})
    loop = [
        task(
            "l", reads=["apt-index:"], writes=[*wide, f"package:{n}"], module="apt", params={"name": [f"{n}"]}
        )
        for n in range(10)
    ]
    graph = build_graph([role("r", [refresh, *loop, task("conf", writes=["path:/etc/x"])])])
    specs = by_id(graph)
    names = ["r/l", *(f"r/l-{n}" for n in range(2, 11))]
    assert all(specs[name].requires == ("r/refresh",) for name in names)
    assert specs["r/conf"].requires == tuple(names)


@settings(max_examples=200)
@given(st.lists(EFFECTS, max_size=10))
def test_no_edge_is_implied_by_the_others(all_effects: list[Effects]) -> None:
    """The graph is as small as it can be: taking any edge away loses a guarantee."""
    graph = graph_of(all_effects)
    succeeded, ended = guarantees(graph)
    for name, spec in by_id(graph).items():
        for other in spec.requires:
            rest = [n for n in spec.requires if n != other]
            assert not any(other in succeeded[n] for n in rest), (other, name)
        for other in spec.after:
            assert not any(other in ended[n] for n in spec.requires), (other, name)


@settings(max_examples=150, deadline=None)
@given(st.lists(EFFECTS, max_size=9), st.sets(st.integers(0, 8)), st.sets(st.integers(0, 8)))
def test_the_engine_keeps_the_written_order_whatever_fails(
    all_effects: list[Effects], failing: set[int], ignored: set[int]
) -> None:
    """Run by the real scheduler: what meets never overlaps, and nothing runs on the ruins of a failure."""
    graph = graph_of(all_effects)
    number = {f"r/t{n}": n for n in range(len(all_effects))}
    started: list[int] = []

    def run(context: TaskContext) -> None:
        started.append(number[context.name])
        if number[context.name] in failing:
            raise RuntimeError("broken on purpose")

    tasks = [
        Task(s.id, run, requires=s.requires, after=s.after, ignore_errors=number[s.id] in ignored)
        for s in graph.tasks
    ]
    ParallelExecutor(1).execute(TaskGraph(tasks))
    blocked: set[int] = set()
    for j, later in enumerate(all_effects):
        for i, earlier in enumerate(all_effects[:j]):
            if hard_pair(earlier, later) and (i in blocked or (i in failing and i not in ignored)):
                blocked.add(j)
            if i in started and j in started and (hard_pair(earlier, later) or soft_pair(earlier, later)):
                assert started.index(i) < started.index(j)
    assert set(started) == set(range(len(all_effects))) - blocked


@given(st.lists(EFFECTS, max_size=30), EFFECTS)
def test_the_index_never_forgets_a_writer(all_effects: list[Effects], last: Effects) -> None:
    """Entries that a wider write swallowed stay represented by the one that swallowed them."""
    index = EffectIndex()
    for number, item in enumerate(all_effects):
        index.add(number, item)
    hard, after = index.add(len(all_effects), last)
    touching = [n for n, e in enumerate(all_effects) if hard_pair(e, last)]
    assert set(hard) <= set(touching)
    assert bool(hard) == bool(touching)
    assert set(after) <= {n for n, e in enumerate(all_effects) if soft_pair(e, last)}
    assert all(
        any(covers(key, k) for k in all_effects[n].writes | all_effects[n].reads)
        for n, key in (hard | after).items()
    )


def test_a_thousand_tasks_need_few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work grows with the number of keys, not of pairs: counted, since clocks differ."""
    steps = 0
    original = EffectIndex._meeting

    def counted(self: EffectIndex, key: str) -> Iterator[object]:
        nonlocal steps
        for found in original(self, key):
            steps += 1
            yield found

    monkeypatch.setattr(EffectIndex, "_meeting", counted)
    keys = [
        effects(reads=["path:/etc", f"path:/etc/a{n % 50}", "user:root"], writes=[f"path:/etc/a{n % 50}/{n}"])
        for n in range(1000)
    ]
    graph = graph_of([effects(writes=["path:**", "unit:**"]), *keys, effects(writes=["path:**"])])
    assert len(graph.tasks) == 1002
    assert steps < 20_000


def test_the_same_roles_give_the_same_graph() -> None:
    """No set or hash seed leaks into the order of tasks or edges."""
    all_effects = [effects(writes=[f"path:/{n % 3}"], reads=[f"unit:{n % 2}"]) for n in range(12)]
    assert graph_of(all_effects) == graph_of(all_effects)
