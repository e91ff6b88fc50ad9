"""One task on one System: observe what it would change, then make it so and prove it.

`Work` is the seam between the run (order, handlers, guards, reports) and where a task's verbs are executed:
in this process, or in a child that runs as another user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from configurator.agent.assumptions import Doubt
from configurator.agent.protocol import TaskSpec
from configurator.core.changes import Certainty, FieldChange
from configurator.core.errors import ParameterError, TaskError
from configurator.modules import registry
from configurator.modules.base import Module
from configurator.modules.homes import any_home, on_host
from configurator.modules.params import parse
from configurator.modules.state import UNKNOWN, Change, State, UnknownState
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class Observation:
    """What a task found: the changes it would make (none: it is ok), and whether that much is certain."""

    changes: tuple[FieldChange, ...] = ()
    exact: bool = True
    events: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Done:
    """What a task did; `says` is for people to read.

    `unknown` is why a plan cannot know what a task returns that only looks.
    """

    changes: tuple[FieldChange, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    exact: bool = True
    says: str = ""
    unknown: str | None = None

    @property
    def changed(self) -> bool:
        """True if something is different now (or would be)."""
        return bool(self.changes)

    def to_json(self) -> dict[str, Any]:
        """Return what a confirmed plan is held to."""
        return {"changes": [change.to_json() for change in self.changes], "exact": self.exact}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Done:
        """Return what `to_json` described."""
        return cls(tuple(map(FieldChange.from_json, data["changes"])), exact=bool(data["exact"]))


class Work(Protocol):
    """A task that can be looked at and done."""

    def observe(self) -> Observation:
        """Return what would change; a TaskError if that cannot be told."""

    def converge(self) -> Done:
        """Make the observed change and prove it; TaskError if it fails or does not hold."""


def load(spec: TaskSpec, system: System | None = None) -> tuple[Module[Any], Any]:
    """Return the module of a task and its parsed parameters; never trusts what was sent.

    Homes (`~/…`) are what they are on `system`; without one they stay as they are written.
    """
    try:
        module = registry.get(spec.module)
    except KeyError:
        raise ParameterError(f"unknown module {spec.module!r}") from None
    raw = spec.params if system is None else on_host(module.params, spec.params, system)
    params, problems = parse(module.params, raw)
    problems = problems or list(module.check(params))
    if problems:
        raise ParameterError("; ".join(problem.message for problem in problems))
    return module, params


def anticipate(tasks: Sequence[TaskSpec], system: System) -> None:
    """Have the module of these tasks, which is one, look up together what each of them will ask for."""
    items = []
    for spec in tasks:
        with suppress(TaskError, UnknownState):  # taking it will fail with the same error
            items.append(load(spec, system)[1])
    if items:
        registry.get(tasks[0].module).anticipate(system, items)


def never_changes(name: str) -> bool:
    """Return True for a module that only looks, or says: nothing is different afterwards."""
    try:
        module = registry.get(name)
    except KeyError:
        return False
    return module.only_looks or type(module).converge is Module.converge


class LocalWork:
    """A task in this process. `doubt` is given in a plan, where nothing is verified afterwards."""

    def __init__(self, spec: TaskSpec, system: System, doubt: Doubt | None = None) -> None:
        self.spec = spec
        self.system = system
        self.module, self.params = load(spec)
        self._doubt = doubt
        self._actual: State = {}
        self.change: Change | None = None
        self._seen = Observation()
        self._because: str | None = None

    def observe(self) -> Observation:
        try:
            if any_home(self.module.params, self.spec.params):  # made by an earlier task, maybe
                _, self.params = load(self.spec, self.system)
            self._actual = self.module.observe(self.system, self.params)
            wanted = self.module.desired(self.params, self._actual)
            self.change = self.module.compare(self.params, self._actual, wanted)
        except UnknownState as unknown:
            return self._unknown(unknown.because)
        except TaskError:
            if self._doubt is not None and self._doubt.open_question:
                return self._unknown(self._doubt.because)
            raise
        if not self.change:
            if self._doubt is not None and self._doubt.open_question:
                return self._unknown(self._doubt.because)
            return self._see((), self._doubt is None or self._doubt.certainty is Certainty.EXACT)
        certainty = Certainty.EXACT if self._doubt is None else self._doubt.certainty
        records = self.change.records(certainty, None if self._doubt is None else self._doubt.because)
        return self._see(records, all(record.certainty is Certainty.EXACT for record in records))

    def _unknown(self, because: str | None) -> Observation:
        subject = self.module.subject(self.params)
        self.change = None
        self._because = because
        if never_changes(self.spec.module):
            return self._see((), False)
        return self._see((FieldChange(subject, "state", None, None, Certainty.UNKNOWN, because),), False)

    def _see(self, records: tuple[FieldChange, ...], exact: bool) -> Observation:
        events = self.module.events(self.params, self.change) if self.change else frozenset[str]()
        self._seen = Observation(records, exact, events)
        return self._seen

    def converge(self) -> Done:
        if self.change is None or not self.change:
            # What could not be looked at has nothing to return.
            outputs = {} if self.change is None else self.module.outputs(self.params, self._actual)
            says = self.module.says(self.params, outputs)
            seen = self._seen
            return Done(seen.changes, outputs, self._warnings(), seen.exact, says, self._because)
        if self._doubt is not None:
            return self._simulate(self.change)
        proof = self.module.converge(self.system, self.params, self.change)
        return self.prove(proof)

    def _simulate(self, change: Change) -> Done:
        """Let the overlay have the change; what the module finds out on the way may change the label."""
        doubt = self._doubt
        assert doubt is not None
        try:
            self.module.converge(self.system, self.params, change)
        except UnknownState as unknown:
            doubt.assume(unknown.because)
        records = change.records(doubt.certainty, doubt.because)
        exact = all(record.certainty is Certainty.EXACT for record in records)
        return Done(records, {}, self._warnings(), exact)

    def prove(self, proof: State | None) -> Done:
        """Observe again: a task that did not converge has failed, and says which field differs."""
        after = self.module.observe(self.system, self.params) | (proof or {})
        wanted = self.module.desired(self.params, after)
        rest = self.module.compare(self.params, after, wanted)
        if rest:
            raise TaskError(
                "did not converge: " + "; ".join(_difference(record) for record in rest.records())
            )
        outputs = self.module.outputs(self.params, after)
        says = self.module.says(self.params, outputs)
        return Done(self._learned(after), outputs, self._warnings(), says=says)

    def _learned(self, after: State) -> tuple[FieldChange, ...]:
        """Return the changes; what could not be known before has its value now, or is left out if equal."""
        change = self.change
        if change is None or UNKNOWN not in (change.after[name] for name in change.fields):
            return self._seen.changes
        now = {
            name: after.get(name, change.before.get(name)) if value is UNKNOWN else value
            for name, value in change.after.items()
        }
        fields = tuple(
            name
            for name in change.fields
            if change.after[name] is not UNKNOWN or now[name] != change.before.get(name)
        )
        return Change(change.subject, change.before, now, fields).records()

    def _warnings(self) -> tuple[str, ...]:
        return tuple(getattr(self.system, "notices", ()))


def converge_together(works: Sequence[LocalWork]) -> list[Done]:
    """Do several works of one module in one go, and prove each; the caller has observed them."""
    changing = [work for work in works if work.change]
    items = [(work.params, work.change) for work in changing if work.change is not None]
    proof = None
    if items:
        proof = changing[0].module.converge_batch(changing[0].system, items)
    return [work.prove(proof) if work.change else work.converge() for work in works]


def _difference(record: FieldChange) -> str:
    if record.diff is not None:
        return f"{record.subject} {record.field} differs from what was written"
    return f"{record.subject} {record.field} is {record.before!r}, wanted {record.after!r}"
