"""A host's graph without barriers and skipped tasks, and the fewest edges that draw it."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import Edge, OrderedGraph, build_graph
from configurator.compiler.order_edges import EdgeKind
from configurator.compiler.outline import Outline, outline, sketch, typical_s
from tests.unit.compiler.building import role, task

TASK, BARRIER, SKIPPED = range(3)
Links = list[tuple[int, int, bool]]


def graph(kinds: Iterable[int], links: Links) -> OrderedGraph:
    """Nodes `n0`, `n1`... of these kinds, with edges (before, after, hard)."""
    specs = tuple(
        TaskSpec(
            f"n{number}",
            "r",
            f"task {number}",
            "file",
            barrier=kind == BARRIER,
            skip="never" if kind == SKIPPED else None,
        )
        for number, kind in enumerate(kinds)
    )
    edges = tuple(Edge(f"n{a}", f"n{b}", EdgeKind.DECLARED, hard, f"key:{a}-{b}") for a, b, hard in links)
    return OrderedGraph(specs, edges=edges)


@st.composite
def graphs(draw: st.DrawFn) -> OrderedGraph:
    """Graphs whose nodes are declared in another order than the one in which they run."""
    kinds = draw(st.lists(st.sampled_from([TASK, TASK, BARRIER, SKIPPED]), min_size=1, max_size=9))
    place = draw(st.permutations(range(len(kinds))))
    pairs = [(a, b) for a in range(len(kinds)) for b in range(a)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return graph(kinds, [(place[b], place[a], draw(st.booleans())) for a, b in chosen])


def chains(edges: Iterable[Edge]) -> set[tuple[str, str]]:
    """Every pair of which the second waits for the first, by one edge or more."""
    found = {(edge.before, edge.after) for edge in edges}
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


def both(edges: Iterable[Edge]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """What waits for what, and what requires what."""
    kept = list(edges)
    return chains(kept), chains(edge for edge in kept if edge.hard)


def among(names: set[str], pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(a, b) for a, b in pairs if a in names and b in names}


def arrows(found: Outline) -> list[str]:
    return [f"{edge.before} {'->' if edge.hard else '..'} {edge.after}" for edge in found.edges]


@given(graphs(), st.booleans())
def test_what_is_taken_out_changes_no_order_of_the_rest(compiled: OrderedGraph, skipped: bool) -> None:
    """Whoever waited for a task through barriers still does, and requires it if every step did."""
    found = outline(compiled, skipped=skipped)
    names = {spec.id for spec in found.specs}
    assert names == {
        spec.id for spec in compiled.tasks if not spec.barrier and (skipped or spec.skip is None)
    }
    assert both(found.edges) == tuple(among(names, pairs) for pairs in both(compiled.edges))


@given(graphs(), st.booleans())
def test_a_sketch_tells_the_same_in_the_fewest_edges(compiled: OrderedGraph, skipped: bool) -> None:
    """Between tasks nothing is lost, and no edge is left that the others tell."""
    whole, drawn = outline(compiled, skipped=skipped), sketch(compiled, skipped=skipped)
    names = {spec.id for spec in whole.specs}
    assert [spec for spec in drawn.specs if not spec.barrier] == list(whole.specs)
    assert tuple(among(names, pairs) for pairs in both(drawn.edges)) == both(whole.edges)
    for edge in drawn.edges:
        others = [other for other in drawn.edges if other != edge]
        assert (edge.before, edge.after) not in both(others)[1 if edge.hard else 0]


def test_a_dissolved_edge_has_the_reason_of_its_end() -> None:
    """What waits behind a barrier knows why, what stands before it does not."""
    found = outline(graph([TASK, BARRIER, TASK], [(0, 1, False), (1, 2, True)]))
    assert found.edges == (Edge("n0", "n2", EdgeKind.DECLARED, False, "key:1-2"),)


def test_of_an_edge_and_a_dissolved_one_the_hard_one_stays() -> None:
    """A requirement must not turn into mere waiting, whichever of the two is found first."""
    assert arrows(outline(graph([TASK, BARRIER, TASK], [(0, 2, False), (0, 1, True), (1, 2, True)]))) == [
        "n0 -> n2"
    ]
    assert arrows(outline(graph([TASK, BARRIER, TASK], [(0, 2, True), (0, 1, False), (1, 2, False)]))) == [
        "n0 -> n2"
    ]


def test_a_barrier_stays_in_the_drawing_where_it_saves_edges() -> None:
    """Three tasks before three others would cross each other nine times."""
    many = [(0, 3, True), (1, 3, True), (2, 3, True), (3, 4, True), (3, 5, True), (3, 6, True)]
    crossing = graph([TASK, TASK, TASK, BARRIER, TASK, TASK, TASK], many)
    assert [spec.id for spec in sketch(crossing).specs if spec.barrier] == ["n3"]
    assert len(sketch(crossing).edges) == 6
    assert len(outline(crossing).edges) == 9
    one = graph([TASK, TASK, BARRIER, TASK], [(0, 2, True), (1, 2, True), (2, 3, True)])
    assert arrows(sketch(one)) == ["n0 -> n3", "n1 -> n3"]


def test_the_engines_graph_has_the_same_edges_and_the_modules_durations() -> None:
    """What is drawn and measured is what was compiled; what does nothing takes no time."""
    compiled = build_graph(
        [
            role(
                "app",
                [
                    task("install", module="apt", writes=["path:**"], notify=["restart"]),
                    task("write", reads=["path:/x"], writes=["path:/x"]),
                ],
                [task("restart", module="systemd_service")],
            )
        ]
    )
    names = {spec.id: spec.name.upper() for spec in compiled.tasks}
    found = outline(compiled).task_graph(names)
    assert [task.name for task in found.tasks] == ["INSTALL", "WRITE", "RESTART"]
    assert found.tasks[1].requires == ("INSTALL",)
    assert found.tasks[2].after == ("INSTALL", "WRITE")
    assert found.tasks[2].requires == ()
    assert [task.estimate_s for task in found.tasks] == [8.0, 0.05, 0.5]
    assert {typical_s(spec) for spec in compiled.tasks if spec.barrier} == {0.0}
    assert typical_s(TaskSpec("a", "r", "a", "include_tasks", skip="never")) == 0.0
