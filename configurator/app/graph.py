"""The use case `graph`: connect and compile as a plan does, and show the order instead of running it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from configurator.app.fleet import Fleet, FleetHost, load_fleet, masked
from configurator.app.options import RunOptions
from configurator.app.why import find_task, why
from configurator.compiler.order import Edge, OrderedGraph
from configurator.compiler.order_edges import EdgeKind
from configurator.compiler.outline import Outline, outline, sketch, typical_s
from configurator.config.diagnostics import Diagnostic
from configurator.core.analysis import ExecutionPlan
from configurator.core.errors import ConfiguratorError, InputError
from configurator.core.run_events import RunEvent
from configurator.fleet.host import start_clock
from configurator.fleet.run import run_hosts
from configurator.report.order import Reason, Why
from configurator.report.redact import RedactingSink, Redactor
from configurator.report.words import task_title
from configurator.transport.sshauth import Prompt

_FOUND = frozenset({EdgeKind.NEEDS, EdgeKind.SAME_WISH})  # across roles, without anybody having said so


@dataclass(frozen=True, slots=True)
class HostOrder:
    """The order of one host's tasks, with every secret masked.

    `whole` has every edge and no barrier, `drawn` as few as tell the same. `left_out` counts the tasks that
    conditions skip and that are not shown; `jobs` are how many run at once.
    """

    host: str
    whole: Outline
    drawn: Outline
    left_out: int
    jobs: int
    mask: Callable[[str], str]

    def draw(self, form: str) -> str:
        """Return the drawing of the tasks: "text", "mermaid" or "dot"."""
        return self.drawn.task_graph(self._names()).visualize(form)

    def plan(self) -> ExecutionPlan:
        """Return levels, critical path and bound, in the names that the drawing has."""
        return self.whole.task_graph(self._names()).plan(self.jobs)

    def reasons(self, *, every: bool = False) -> list[Reason]:
        """Return why tasks wait for tasks of other roles, where that was found; or why any task waits."""
        names = self._names()
        # A barrier stands for what it waits for: there is no more to say about that.
        barriers = {spec.id for spec in self.drawn.specs if spec.barrier}
        edges = [
            edge
            for edge in (self.drawn if every else self.whole).edges
            if (every or edge.kind in _FOUND) and edge.after not in barriers
        ]
        return [
            Reason(names[edge.before], names[edge.after], edge.kind, self.mask(edge.key)) for edge in edges
        ]

    def why(self, first: str, second: str) -> Why:
        """Return why one of two tasks waits for the other one; InputError if one is unknown.

        People call them as drawings do, or by the task's own name alone.
        """
        shown = self._names()
        names = {spec.id: shown[spec.id] for spec in self.whole.specs}
        one, other = find_task(first, names), find_task(second, names)
        if one == other:
            raise InputError(f"{names[one]!r} is one task, and --why asks about two")
        return why(one, other, self.whole.specs, self.whole.edges, names, self.mask)

    def to_json(self) -> dict[str, Any]:
        """Return nodes, edges and plan as JSON values; tasks are called by their ids."""
        ids = dict(_told_apart((spec.id, self.mask(spec.id)) for spec in self.whole.specs))
        nodes = [
            {
                "task_id": ids[spec.id],
                "role": self.mask(spec.role),
                "task": self.mask(spec.name),
                "module": spec.module,
                "handler": spec.handler,
                "typical_s": typical_s(spec),
                "skip": None if spec.skip is None else self.mask(spec.skip),
            }
            for spec in self.whole.specs
        ]
        plan = self.whole.task_graph(ids).plan(self.jobs).to_json()
        edges = [self._edge_json(edge, ids) for edge in self.whole.edges]
        return {"host": self.host, "nodes": nodes, "edges": edges, "plan": plan}

    def _edge_json(self, edge: Edge, ids: Mapping[str, str]) -> dict[str, Any]:
        return {
            "before": ids[edge.before],
            "after": ids[edge.after],
            "hard": edge.hard,
            "kind": str(edge.kind),
            "key": self.mask(edge.key) or None,
        }

    def _names(self) -> dict[str, str]:
        """Return what people call each task: `role: task`, with a number where several are called so."""
        names = []
        for spec in self.drawn.specs:  # those of `whole`, and the barriers that are drawn
            if spec.barrier:
                name = f"[{self.mask(spec.name)}]"
            else:
                name = task_title(self.mask(spec.role), self.mask(spec.name))
                name += " [handler]" if spec.handler else ""
                name += " [skipped]" if spec.skip is not None else ""
            names.append((spec.id, name))
        return dict(_told_apart(names))


@dataclass(frozen=True, slots=True)
class GraphReport:
    """What was found for each selected host: its order, or what stood in the way. `warnings` stop nothing."""

    hosts: Mapping[str, HostOrder | ConfiguratorError]
    warnings: tuple[Diagnostic, ...] = ()


def graph(options: RunOptions, prompt: Prompt | None = None, *, one_host: bool = False) -> GraphReport:
    """Return in which order an apply would run the tasks of the selected hosts; nothing is touched.

    InputError for what is wrong in the files or on the command line, with `one_host` also for several hosts.
    """
    redactor = Redactor()
    fleet = load_fleet(options, RedactingSink(_Silence(), redactor), redactor, prompt)
    if one_host and len(fleet.hosts) > 1:
        names = ", ".join(host.name for host in fleet.hosts)
        raise InputError(f"a drawing has one host, and {names} were chosen", hint="name one with --host")
    found = _compile_all(fleet)
    fleet.check_only()
    shown: dict[str, HostOrder | ConfiguratorError] = {}
    for host in fleet.hosts:  # only now, when the secrets of all hosts are known
        item = found[host.name]
        if isinstance(item, ConfiguratorError):
            shown[host.name] = masked(item, redactor)
        else:
            shown[host.name] = host_order(
                host.name, item, host.jobs, mask=redactor.text, skipped=options.verbosity > 0
            )
    return GraphReport(shown, fleet.project.warnings)


def host_order(
    host: str,
    compiled: OrderedGraph,
    jobs: int,
    *,
    mask: Callable[[str], str] = str,
    skipped: bool = False,
) -> HostOrder:
    """Return the order of a compiled host; with `skipped` also the tasks that a condition skips."""
    whole = outline(compiled, skipped=skipped)
    tasks = sum(not spec.barrier for spec in compiled.tasks)
    drawn = sketch(compiled, skipped=skipped)
    return HostOrder(host, whole, drawn, tasks - len(whole.specs), jobs, mask)


def _compile_all(fleet: Fleet) -> Mapping[str, OrderedGraph | ConfiguratorError]:
    found: dict[str, OrderedGraph | ConfiguratorError] = {}
    clock = start_clock()

    def look(host: FleetHost) -> Any:
        try:
            found[host.name] = host.graph(clock)
        except ConfiguratorError as error:
            found[host.name] = error
        return host.summary

    try:
        run_hosts(fleet.hosts, look, fleet.forks)
    finally:
        for host in fleet.hosts:
            host.close()
    return found


def _told_apart(names: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Number those of one name, from the second on, so that each is called otherwise."""
    pairs = list(names)
    kept = {name for _, name in pairs}
    taken: set[str] = set()
    for key, name in pairs:
        shown = name
        if name in taken:
            numbered = (f"{name} ({number})" for number in itertools.count(2))
            shown = next(text for text in numbered if text not in taken and text not in kept)
        taken.add(shown)
        yield key, shown


class _Silence:
    """A sink for events that nobody needs: the answer is the graph."""

    def handle(self, event: RunEvent) -> None:
        """Drop it."""

    def close(self) -> None:
        """Nothing to give back."""
