"""A role in many orders: each obeys the edges, and of one that leads elsewhere the deciding pair is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.protocol import TaskSpec
from configurator.app.orders import Order, deciding_pair, declared_order, in_order, orders
from configurator.app.roletest import Trial, run_test
from configurator.compiler.order import OrderedGraph
from configurator.report.roletest import role_test_lines
from configurator.sandbox.endstate import EndState


def graph_of(count: int, edges: Iterable[tuple[int, int]]) -> OrderedGraph:
    waits: dict[int, list[str]] = {number: [] for number in range(count)}
    for earlier, later in edges:
        waits[later].append(f"t{earlier}")
    return OrderedGraph(
        tasks=tuple(
            TaskSpec(
                f"t{n}", "r", f"task {n}", "ping", requires=tuple(waits[n][::2]), after=tuple(waits[n][1::2])
            )
            for n in range(count)
        )
    )


GRAPHS = st.integers(1, 8).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.sets(
            st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(
                lambda edge: edge[0] < edge[1]
            )
        ),
    )
)


@given(GRAPHS, st.integers(0, 99))
def test_every_order_obeys_every_edge_and_a_seed_repeats_them(
    shape: tuple[int, set[tuple[int, int]]], seed: int
) -> None:
    graph = graph_of(*shape)
    found = orders(graph, 4, seed)
    assert found == orders(graph, 4, seed)
    for order in [declared_order(graph), *found]:
        assert sorted(order) == sorted(spec.id for spec in graph.tasks)
        place = {name: number for number, name in enumerate(order)}
        for spec in graph.tasks:
            assert all(place[earlier] < place[spec.id] for earlier in (*spec.requires, *spec.after))


def test_without_edges_the_declared_order_is_as_written_and_the_first_other_is_its_reverse() -> None:
    """What is written upside down is what a forgotten prerequisite shows itself by."""
    graph = graph_of(4, ())
    assert declared_order(graph) == ("t0", "t1", "t2", "t3")
    assert orders(graph, 1, 0) == [("t3", "t2", "t1", "t0")]


@given(GRAPHS, st.integers(0, 99))
def test_a_graph_put_in_order_has_no_other(shape: tuple[int, set[tuple[int, int]]], seed: int) -> None:
    """And needs no success that it did not need before."""
    graph = graph_of(*shape)
    order = orders(graph, 2, seed)[1]
    arranged = in_order(graph, order)
    assert {declared_order(arranged), *orders(arranged, 3, seed)} == {order}
    assert [spec.requires for spec in arranged.tasks] == [spec.requires for spec in graph.tasks]


@given(GRAPHS, st.integers(0, 99), st.data())
def test_the_deciding_pair_is_found(
    shape: tuple[int, set[tuple[int, int]]], seed: int, data: st.DataObject
) -> None:
    """Whatever pair it is, and through orders that all obey the edges."""
    graph = graph_of(*shape)
    good, bad = declared_order(graph), orders(graph, 2, seed)[1]
    turned = [
        (first, second)
        for number, first in enumerate(good)
        for second in good[number + 1 :]
        if bad.index(second) < bad.index(first)
    ]
    if not turned:
        return
    pair = data.draw(st.sampled_from(turned))

    def is_bad(order: Order) -> bool:
        place = {name: number for number, name in enumerate(order)}
        for spec in graph.tasks:
            assert all(place[earlier] < place[spec.id] for earlier in (*spec.requires, *spec.after))
        return place[pair[1]] < place[pair[0]]

    assert deciding_pair(good, bad, is_bad)[0] == pair


def test_when_too_many_questions_would_be_needed_no_pair_is_named() -> None:
    good = tuple(f"t{number}" for number in range(40))
    asked: list[Order] = []

    def is_bad(order: Order) -> bool:
        asked.append(order)
        return True

    assert deciding_pair(good, good[::-1], is_bad, tries=3)[0] is None
    assert len(asked) == 3


# -- the whole test, on a bench that knows what each order leads to ------------------------------------------


class FakeBench:
    """Three tasks without edges; what an order leads to is decided by the test."""

    def __init__(self, lead: Callable[[Order | None], Trial], count: int = 3) -> None:
        self.tried: list[Order | None] = []
        self._lead = lead
        self._graph = graph_of(count, ())

    def graph(self) -> OrderedGraph:
        assert self.tried, "asked before a trial"
        return self._graph

    def name(self, task: str) -> str:
        return f"r: {task}"

    def try_order(self, order: Order | None, *, twice: bool = False) -> Trial:
        assert twice == (order is None)
        self.tried.append(order)
        return self._lead(order)


def state(**things: str) -> EndState:
    return EndState(things, {})


def before(order: Order | None, first: str, second: str) -> bool:
    return order is None or order.index(first) < order.index(second)


def test_a_role_whose_orders_all_lead_to_the_same_passes() -> None:
    bench = FakeBench(lambda _order: Trial(state(file="x")))
    report = run_test(bench, 5, 7, lambda _line: None)
    assert report.passed
    assert len(set(bench.tried)) == len(bench.tried), "no order is tried twice"
    assert list(role_test_lines("r", report)) == [
        f"{len(bench.tried) - 1} orders tried; repeat them with --seed 7.",
        "r: 3 tasks; a second apply changes nothing, and every order leads to the same state.",
    ]


def test_an_order_that_leads_elsewhere_is_told_with_the_pair_that_decides() -> None:
    def lead(order: Order | None) -> Trial:
        return Trial(state(file="right" if before(order, "t0", "t2") else "wrong"))

    report = run_test(FakeBench(lead), 4, 1, lambda _line: None)
    assert not report.passed
    first = report.findings[0]
    assert (first.order, first.pair) == (("r: t2", "r: t1", "r: t0"), ("r: t0", "r: t2"))
    assert [(item.thing, item.first, item.second) for item in first.found] == [("file", "right", "wrong")]
    assert [finding.pair for finding in report.findings[1:]] == [None] * (len(report.findings) - 1)
    assert "  It matters that 'r: t0' comes before 'r: t2', and nothing says so." in list(
        role_test_lines("r", report)
    )


def test_a_task_that_fails_in_one_order_alone_is_a_difference() -> None:
    def lead(order: Order | None) -> Trial:
        failed = {} if before(order, "t0", "t1") else {"r: t1": "no such file"}
        return Trial(state(), failed)

    report = run_test(FakeBench(lead), 3, 1, lambda _line: None)
    assert report.findings[0].found[0].second == "failed: no such file"
    assert report.findings[0].pair == ("r: t0", "r: t1")


def test_what_differs_by_itself_is_no_finding() -> None:
    """A random key, say: it differs between two runs of the very same order."""
    made: list[int] = []

    def lead(_order: Order | None) -> Trial:
        made.append(1)
        return Trial(state(key=str(len(made)), file="x"))

    assert run_test(FakeBench(lead), 3, 1, lambda _line: None).passed


@pytest.mark.parametrize("shuffle", [0, 3])
def test_what_fails_and_what_changes_again_is_told(shuffle: int) -> None:
    """Whether other orders are tried or not."""
    bench = FakeBench(lambda _order: Trial(state(), {"r: t1": "no"}, ("r: t2",)))
    report = run_test(bench, shuffle, 1, lambda _line: None)
    assert not report.passed
    assert len(bench.tried) == (2 if shuffle else 1), (
        "an order is nothing to compare where the declared fails"
    )
    assert list(role_test_lines("r", report))[:2] == [
        "failed: r: t1: no",
        "the second apply changes: r: t2",
    ]


def test_a_failure_of_the_usual_apply_alone_is_one_of_order() -> None:
    """Several tasks at once, in an order that nobody chose."""
    report = run_test(
        FakeBench(lambda order: Trial(state(), {} if order else {"r: t1": "no"})), 2, 1, lambda _line: None
    )
    assert not report.passed
    assert report.findings[0].number == 0
