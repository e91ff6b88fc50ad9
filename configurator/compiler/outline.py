"""A host's graph for people: what waits for what among the tasks that they wrote, and why.

The compiler's graph also holds barriers, and tasks that only say why they do not run. Those are dissolved
here: what waited for one waits for what that one waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import Edge, OrderedGraph
from configurator.core.graph import TaskGraph
from configurator.core.task import Task, TaskContext
from configurator.modules import registry
from configurator.modules.base import Module


@dataclass(frozen=True, slots=True)
class Outline:
    """Tasks in declared order, and the edges between them. A dissolved edge has the reason of its end."""

    specs: tuple[TaskSpec, ...]
    edges: tuple[Edge, ...]

    def task_graph(self, names: Mapping[str, str]) -> TaskGraph:
        """Return a graph of the engine to be drawn or measured; `names` has what to call each task id.

        The estimates are what the modules typically take when they change something.
        """
        requires: dict[str, list[str]] = {spec.id: [] for spec in self.specs}
        after: dict[str, list[str]] = {spec.id: [] for spec in self.specs}
        for edge in self.edges:
            (requires if edge.hard else after)[edge.after].append(names[edge.before])
        return TaskGraph(
            Task(
                names[spec.id],
                _nothing,
                tuple(requires[spec.id]),
                tuple(after[spec.id]),
                estimate_s=typical_s(spec),
            )
            for spec in self.specs
        )


def outline(graph: OrderedGraph, *, skipped: bool = False) -> Outline:
    """Return all that an apply would run, and every edge; with `skipped` also what conditions skip."""
    links = _Links(graph)
    links.dissolve(spec.id for spec in graph.tasks if spec.barrier or _left_out(spec, skipped))
    return links.outline()


def sketch(graph: OrderedGraph, *, skipped: bool = False) -> Outline:
    """Return the outline as it is drawn: the fewest edges that tell the same order.

    An edge is left out where a chain of others tells it; that a task requires another one's success is only
    told by a chain of such edges. A barrier is drawn where that takes fewer edges than to do without.
    """
    links = _Links(graph)
    links.dissolve(spec.id for spec in graph.tasks if _left_out(spec, skipped))
    links.reduce()
    for spec in graph.tasks:
        if spec.barrier and not links.saves(spec.id):
            links.dissolve([spec.id])
    links.reduce()
    return links.outline()


def typical_s(spec: TaskSpec) -> float:
    """Return the seconds that the task's module typically takes when it changes something."""
    if spec.barrier or spec.skip is not None:
        return 0.0
    if registry.canonical(spec.module) is None:
        return Module.typical_s  # a module of the project: nobody knows better here
    return registry.get(spec.module).typical_s


def _left_out(spec: TaskSpec, skipped: bool) -> bool:
    return spec.skip is not None and not skipped


def _nothing(_context: TaskContext) -> None:
    """Stand in for the work: these graphs are looked at, never run."""


class _Links:
    """The edges of a host's graph by both of their ends, while nodes are taken out."""

    def __init__(self, graph: OrderedGraph) -> None:
        self._specs = {spec.id: spec for spec in graph.tasks}
        self._before: dict[str, dict[str, Edge]] = {name: {} for name in self._specs}
        self._behind: dict[str, set[str]] = {name: set() for name in self._specs}
        for edge in graph.edges:
            self._add(edge)

    def dissolve(self, names: Iterable[str]) -> None:
        """Take nodes out; what waited for one waits for what it waited for, and with the success of both."""
        for name in names:
            incoming = self._before.pop(name)
            del self._specs[name]
            for earlier in incoming:
                self._behind[earlier].discard(name)
            for later in self._behind.pop(name):
                end = self._before[later].pop(name)
                for earlier, begin in incoming.items():
                    self._add(Edge(earlier, later, end.kind, begin.hard and end.hard, end.key))

    def saves(self, name: str) -> bool:
        """Return True if there would be more edges without this node."""
        earlier, later = len(self._before[name]), len(self._behind[name])
        return earlier * later > earlier + later

    def reduce(self) -> None:
        """Drop every edge that a chain of others tells."""
        order = self._order()
        place = {name: number for number, name in enumerate(order)}
        reached = [0] * len(order)  # bit sets of places: what the node waits for by any chain
        relied = [0] * len(order)  # and by chains of hard edges alone
        for number, name in enumerate(order):
            waits = self._before[name]
            # The latest first: a chain from an earlier one leads through a later one.
            for earlier in sorted(waits, key=place.__getitem__, reverse=True):
                start = place[earlier]
                hard = waits[earlier].hard
                if (relied if hard else reached)[number] >> start & 1:
                    del waits[earlier]
                    self._behind[earlier].discard(name)
                    continue
                reached[number] |= reached[start] | 1 << start
                if hard:
                    relied[number] |= relied[start] | 1 << start

    def outline(self) -> Outline:
        """Return what is left."""
        place = {name: number for number, name in enumerate(self._specs)}
        edges = tuple(
            edge
            for name in self._specs
            for edge in sorted(self._before[name].values(), key=lambda edge: place[edge.before])
        )
        return Outline(tuple(self._specs.values()), edges)

    def _add(self, edge: Edge) -> None:
        """Add an edge; of two between the same nodes the hard one stays, else the first."""
        known = self._before[edge.after].get(edge.before)
        if known is None or (edge.hard and not known.hard):
            self._before[edge.after][edge.before] = edge
            self._behind[edge.before].add(edge.after)

    def _order(self) -> Sequence[str]:
        """Return the nodes in an order that respects every edge."""
        missing = {name: len(waits) for name, waits in self._before.items()}
        order = [name for name, count in missing.items() if not count]
        for name in order:
            for later in self._behind[name]:
                missing[later] -= 1
                if not missing[later]:
                    order.append(later)  # growing it while reading it is the algorithm
        return order
