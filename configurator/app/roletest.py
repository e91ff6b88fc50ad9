"""The use case `sandbox test`: a role on fresh hosts, twice, and in many orders that its edges allow.

What a role needs and does not say is found this way: an order that is allowed by all that was declared and
found, and that leads to another state or to a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from configurator.app.fleet import load_fleet
from configurator.app.options import RunOptions
from configurator.app.orders import Order, deciding_pair, declared_order, in_order, orders
from configurator.compiler.order import OrderedGraph
from configurator.core.errors import InputError
from configurator.core.run_events import HostFailed, RunEvent, TaskFinished
from configurator.core.status import Outcome
from configurator.fleet.host import HostRun, start_clock
from configurator.report.redact import RedactingSink, Redactor
from configurator.report.words import task_title
from configurator.sandbox.endstate import Difference, EndState, differences, read_state
from configurator.sandbox.lab import Lab

_FAILED = (Outcome.FAILED, Outcome.TIMEOUT)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a fresh host has become: its state, the tasks that failed, and what a second apply changed."""

    state: EndState
    failures: Mapping[str, str] = field(default_factory=dict)
    again: tuple[str, ...] = ()

    def whole(self) -> EndState:
        """Return the state with the failures in it, so that these are compared as well."""
        failed = {f"task {name}": f"failed: {message}" for name, message in self.failures.items()}
        return EndState({**self.state.things, **failed}, self.state.texts)


@dataclass(frozen=True, slots=True)
class Finding:
    """An order that leads elsewhere: what differs from the declared order, and the two tasks that decide it.

    `number` counts the shuffled orders from 1; 0 is the usual apply, with several tasks at once.
    """

    number: int
    order: tuple[str, ...]
    found: tuple[Difference, ...]
    pair: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RoleTest:
    """What came of it; the role holds what it promises if there is nothing in the last three."""

    tasks: int
    orders: int
    seed: int
    failures: Mapping[str, str]
    again: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """True if nothing failed, a second apply changed nothing, and every order led to the same state."""
        return not (self.failures or self.again or self.findings)


class Bench(Protocol):
    """Where orders are tried: a host of the sandbox, or a test's own."""

    def graph(self) -> OrderedGraph:
        """Return what was compiled for the host; only after a first trial."""

    def name(self, task: str) -> str:
        """Return what people call a task."""

    def try_order(self, order: Order | None, *, twice: bool = False) -> Trial:
        """Apply to a pristine host, in this order or, without one, as an apply does."""


def run_test(bench: Bench, shuffle: int, seed: int, say: Say) -> RoleTest:
    """Return what a role does to fresh hosts; with `shuffle` in so many orders besides."""
    say("applying it twice")
    usual = bench.try_order(None, twice=True)
    graph = bench.graph()
    count = sum(not spec.barrier and spec.skip is None for spec in graph.tasks)
    report = RoleTest(count, 0, seed, usual.failures, usual.again, ())
    if not shuffle:  # else a failure may well be one of order, and that is what is looked for
        return report
    return _Shuffled(bench, graph, usual, say).run(report, shuffle)


def test_role(role: str, options: RunOptions, release: str, shuffle: int, seed: int, say: Say) -> RoleTest:
    """Return what a role of the project does to hosts of a sandbox, which is made for this and removed."""
    with Lab.create(say=say) as lab:
        return run_test(SandboxBench(lab, role, options, release), shuffle, seed, say)


class _Shuffled:
    """Tries orders, and compares what they lead to with what the declared one does."""

    def __init__(self, bench: Bench, graph: OrderedGraph, usual: Trial, say: Say) -> None:
        self._bench = bench
        self._say = say
        self._graph = graph
        self._usual = usual
        self._declared = declared_order(graph)
        self._base = EndState({}, {})
        self._noise: frozenset[str] | None = None

    def run(self, report: RoleTest, count: int) -> RoleTest:
        self._say("applying it one task after the other, in the declared order")
        first = self._bench.try_order(self._declared)
        if first.failures:
            return replace(report, failures={**report.failures, **first.failures})
        self._base = first.whole()
        findings: list[Finding] = []
        found = self._differences(self._usual)
        if found:
            findings.append(Finding(0, (), found))
        tried: set[Order] = {self._declared}
        for number, order in enumerate(orders(self._graph, count, report.seed), 1):
            if order in tried:
                continue  # a role with few orders; what it leads to is known
            tried.add(order)
            self._say(f"order {number} of {count}")
            found = self._differences(self._bench.try_order(order))
            if found:
                pair = None if any(item.number for item in findings) else self._pair(order, found)
                findings.append(Finding(number, self._names(order), found, pair))
        return replace(report, orders=len(tried), findings=tuple(findings))

    def _differences(self, trial: Trial) -> tuple[Difference, ...]:
        found = differences(self._base, trial.whole())
        if found and self._noise is None:
            self._say("something differs: once more in the declared order, to see what differs by itself")
            again = self._bench.try_order(self._declared).whole()
            self._noise = frozenset(item.thing for item in differences(self._base, again))
        return tuple(item for item in found if item.thing not in (self._noise or ()))

    def _pair(self, order: Order, found: Sequence[Difference]) -> tuple[str, str] | None:
        self._say("looking for the two tasks whose order matters")
        things = {item.thing for item in found}

        def is_bad(tried: Order) -> bool:
            return any(item.thing in things for item in self._differences(self._bench.try_order(tried)))

        pair, _ = deciding_pair(self._declared, order, is_bad)
        return None if pair is None else (self._bench.name(pair[0]), self._bench.name(pair[1]))

    def _names(self, order: Order) -> tuple[str, ...]:
        shown = {spec.id for spec in self._graph.tasks if not spec.barrier and spec.skip is None}
        return tuple(self._bench.name(task) for task in order if task in shown)


class SandboxBench:
    """Tries orders on a host of a sandbox, made anew each time with the same name, address and host keys."""

    def __init__(self, lab: Lab, role: str, options: RunOptions, release: str) -> None:
        self._lab = lab
        self._role = role
        self._release = release
        self._fresh = False
        [self._host] = lab.up(["role"], release)
        self._fresh = True
        self._options = replace(
            options, hosts=(self._host.name,), inventory=(lab.inventory_path,), roles=(role,)
        )
        self._graph: OrderedGraph | None = None
        self.redactor = Redactor()

    def graph(self) -> OrderedGraph:
        """Return what was compiled last."""
        assert self._graph is not None, "nothing was tried before"
        return self._graph

    def name(self, task: str) -> str:
        """Return `role: task`."""
        spec = next(spec for spec in self.graph().tasks if spec.id == task)
        return self.redactor.text(task_title(spec.role, spec.name))

    def try_order(self, order: Order | None, *, twice: bool = False) -> Trial:
        """Apply to the host, pristine."""
        if not self._fresh:
            [self._host] = self._lab.reset(self._host.name)
        self._fresh = False
        failures, _ = self._apply(order)
        state = read_state(self._host, self._shell)
        again: tuple[str, ...] = ()
        if twice and not failures:
            failures, changed = self._apply(order)
            silent = differences(state, read_state(self._host, self._shell))
            again = (*changed, *(item.thing for item in silent if not changed))
        return Trial(state, failures, again)

    def _apply(self, order: Order | None) -> tuple[dict[str, str], tuple[str, ...]]:
        ended = _Ended()
        sink = RedactingSink(ended, self.redactor)
        options = self._options if order is None else replace(self._options, jobs=1)
        fleet = load_fleet(options, sink, self.redactor, None, arrange=lambda graph: self._keep(graph, order))
        [host] = fleet.hosts
        assert isinstance(host, HostRun)  # a role is tested without a playbook
        try:
            host.apply(start_clock(), confirmed=False)
        finally:
            host.close()
        if ended.host is not None:
            message = f"the role cannot be applied: {ended.host.message}"
            raise InputError(message, ended.host.diagnostics, hint=ended.host.hint)
        return ended.failures, tuple(ended.changed)

    def _keep(self, graph: OrderedGraph, order: Order | None) -> OrderedGraph:
        self._graph = graph
        known = {spec.id for spec in graph.tasks}
        # Facts may differ from host to host so far that a task comes or goes; the others keep their order.
        return graph if order is None else in_order(graph, tuple(name for name in order if name in known))

    def _shell(self, script: str) -> str:
        done = self._lab.shell(self._host.name, ["sh", "-c", script])
        return self.redactor.text(done.stdout)


class _Ended:
    """A sink that keeps how tasks ended."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        self.changed: list[str] = []
        self.host: HostFailed | None = None

    def handle(self, event: RunEvent) -> None:
        """Note what counts."""
        if isinstance(event, HostFailed):
            self.host = event
        elif isinstance(event, TaskFinished):
            name = task_title(event.role, event.task)
            if event.status in _FAILED:
                self.failures[name] = event.message or str(event.status)
            elif event.status is Outcome.CHANGED:
                self.changed.append(name)

    def close(self) -> None:
        """Nothing to give back."""
