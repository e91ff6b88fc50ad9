"""The plays of one host as one graph, for people who look at the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import Edge, OrderedGraph
from configurator.compiler.order_edges import EdgeKind


def join_plays(graphs: Sequence[OrderedGraph]) -> OrderedGraph:
    """Return one graph in which each play waits for the whole play before.

    With several plays their number stands before each task's id, which is unique within a play alone.
    """
    if len(graphs) == 1:
        return graphs[0]
    tasks: list[TaskSpec] = []
    edges: list[Edge] = []
    before = ""
    for number, graph in enumerate(graphs, 1):
        named = [_numbered(number, spec) for spec in graph.tasks]
        inner = [replace(e, before=f"{number}/{e.before}", after=f"{number}/{e.after}") for e in graph.edges]
        waited = {edge.before for edge in inner}
        if before:
            starts = [spec.id for spec in named if not (spec.requires or spec.after)]
            named = [replace(spec, requires=(before,)) if spec.id in starts else spec for spec in named]
            inner += [Edge(before, start, EdgeKind.ROLE, True) for start in starts]
        tasks += named
        edges += inner
        ends = [spec.id for spec in named if spec.id not in waited]
        if not ends:
            continue
        before = f"{number}/end"
        tasks.append(
            TaskSpec(before, "", f"end of play {number}", "barrier", barrier=True, requires=tuple(ends))
        )
        edges += [Edge(end, before, EdgeKind.ROLE, True) for end in ends]
    secrets = frozenset(text for graph in graphs for text in graph.secrets)
    return OrderedGraph(tasks=tuple(tasks), secrets=secrets, edges=tuple(edges))


def without_unused(graph: OrderedGraph, handlers: str) -> OrderedGraph:
    """Return the graph without those handlers of this role that nobody notifies, and without its barriers.

    A play's handlers are lent to the parts that notify them; the role they come from does nothing itself.
    """
    notified = {name for spec in graph.tasks for name in spec.notify}
    notified |= {name for words in graph.words.values() for names in words.values() for name in names}
    gone = {spec.id for spec in graph.tasks if spec.role == handlers and spec.id not in notified}
    tasks = tuple(
        replace(
            spec,
            requires=tuple(name for name in spec.requires if name not in gone),
            after=tuple(name for name in spec.after if name not in gone),
        )
        for spec in graph.tasks
        if spec.id not in gone
    )
    edges = tuple(edge for edge in graph.edges if edge.before not in gone and edge.after not in gone)
    return replace(graph, tasks=tasks, edges=edges)


def _numbered(number: int, spec: TaskSpec) -> TaskSpec:
    return replace(
        spec,
        id=f"{number}/{spec.id}",
        requires=tuple(f"{number}/{name}" for name in spec.requires),
        after=tuple(f"{number}/{name}" for name in spec.after),
        notify=tuple(f"{number}/{name}" for name in spec.notify),
    )
