"""Tasks that are put off while a host is compiled, since they need what only the host can tell.

The agent asks for one when it is about to start. By then the tasks that tell its values have ended, so it is
compiled like any other: a task, the rounds of a loop, a whole file. The answer joins the agent's run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from configurator.agent.protocol import TaskSpec
from configurator.compiler.blocks import in_turn
from configurator.compiler.compiled import CompiledRole, CompiledTask
from configurator.compiler.late import LateValueError
from configurator.compiler.results import LateUnknownError, Results, Round, Rounds
from configurator.compiler.templating import TemplatingError
from configurator.compiler.uses import merged
from configurator.config.diagnostics import Diagnostic, Diagnostics, Span
from configurator.core.errors import InputError

if TYPE_CHECKING:
    from configurator.compiler.inherited import Inherited
    from configurator.compiler.scope import FactStore
    from configurator.compiler.selection import Selection
    from configurator.compiler.tasknodes import Node
    from configurator.compiler.verdicts import Judged


class Resumes(Protocol):
    """What compiles a task that was put off: expand.py."""

    def resume(self, put_off: PutOff, results: Results, found: Found) -> list[CompiledTask]:
        """Return what the task becomes; `found` gets what it sets and meets."""

    @property
    def role_name(self) -> str:
        """Return the role that the task belongs to."""


@dataclass(frozen=True, slots=True, eq=False)
class PutOff:
    """A task that was put off: what it is, and all that holds where it stands.

    `includes` is True for a file or a role, whose tasks notify handlers of their own.
    """

    expander: Resumes
    node: Node
    inherited: Inherited
    depth: int
    task_id: str
    selection: Selection
    includes: bool = False


@dataclass(slots=True)
class Found:
    """What comes of compiling a task that was put off; `since` is the version of the facts before."""

    diagnostics: Diagnostics
    blobs: dict[str, Any]
    secrets: set[str] = field(default_factory=set)
    rounds: Rounds | None = None
    facts: FactStore | None = None
    since: int = 0
    met: set[str] = field(default_factory=set)
    handlers: list[CompiledTask] = field(default_factory=list)
    set_facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent is told of a task that was put off: tasks, or why there are none.

    `unknown` is why a plan cannot know it; `problems` are what is wrong with it. `words` are the
    handlers that tasks among them which are put off in turn may notify.
    """

    tasks: tuple[TaskSpec, ...] = ()
    skip: str | None = None
    unknown: str | None = None
    doubt: str | None = None
    problems: tuple[Diagnostic, ...] = ()
    blobs: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    words: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what is sent."""
        answer: dict[str, Any] = {"tasks": [spec.to_json() for spec in self.tasks]}
        if self.skip is not None:
            answer["skip"] = self.skip
        if self.unknown is not None:
            answer["unknown"] = self.unknown
        if self.doubt is not None:
            answer["doubt"] = self.doubt
        if self.problems:
            first = self.problems[0]
            more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
            answer["error"] = f"{first}{more}"
        return answer


class _Anything:
    """Contains everything: what a late task requires was settled when it was put off."""

    def __contains__(self, item: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 1


class LateTasks:
    """The tasks of one host that are put off or judged later, and what has been found out in this run."""

    def __init__(self) -> None:
        self.put_off: dict[str, PutOff] = {}
        self.judged: dict[str, Judged] = {}
        self.jobs: set[str] = set()
        self.lent: dict[str, str] = {}  # handlers that run in several places: as which they were compiled
        self.leads: dict[str, Rounds] = {}  # what this host does for all others, by what they know it
        self.once: dict[str, tuple[str, str]] = {}  # what another host does: how it is known, and which host
        self.results = Results()
        self._before: LateTasks | None = None

    def follow(self, before: LateTasks) -> None:
        """Know what the tasks of the play before have found out, too, whenever this one begins."""
        self._before = before

    def begin(self) -> None:
        """Forget what an earlier plan or apply has found out."""
        self.results = Results()
        if self._before is not None:
            self.results = self._before.results.copy()
            self.jobs |= self._before.jobs
        self.results.jobs = self.jobs

    def note(self, task_id: str, raw: Mapping[str, Any]) -> None:
        """Keep the result of a task that was to be told."""
        self.results.note(task_id, raw)
        if task_id in self.lent:
            self.results.note(self.lent[task_id], raw)

    def judge(self, task_id: str, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return how a task has ended, for the agent."""
        judged = self.judged.get(self.lent.get(task_id, task_id))
        if judged is None:
            return {}
        self.results.generation += 1
        try:
            return judged.judge(raw, self.results)
        except TemplatingError as error:
            return {"error": str(error.diagnostic)}
        except LateValueError as error:
            return {"error": f"what {error} tells is not known yet"}

    def expand(self, spec: TaskSpec, words: Mapping[str, Sequence[str]]) -> Answer:
        """Return what a task that was put off has become; `words` are the handlers that it may notify."""
        answer = self._expanded(spec, words)
        if answer.problems and spec.rescued:
            failure = {"changed": False, "failed": True, "message": str(answer.problems[0])}
            self.results.note(spec.id, {**failure, "task": spec.name, "action": spec.module})
        return answer

    def _expanded(self, spec: TaskSpec, words: Mapping[str, Sequence[str]]) -> Answer:
        put_off = self.put_off.get(self.lent.get(spec.id, spec.id))
        if put_off is None:
            place = Span(spec.position)
            return Answer(
                problems=(place.diagnostic("nothing is known of this task", code="template-failed"),)
            )
        put_off = replace(put_off, task_id=spec.id)
        self.results.generation += 1
        found = Found(Diagnostics(), {})
        try:
            tasks = put_off.expander.resume(put_off, self.results, found)
            found.diagnostics.raise_if_any()
        except LateUnknownError as unknown:
            self.results.note(spec.id, {"unknown": unknown.because, "changed": None})
            self.results.rounds[spec.id] = Rounds((Round((spec.id,)),))
            return Answer(unknown=unknown.because)
        except TemplatingError as error:
            return Answer(problems=(error.diagnostic,))
        except InputError as error:
            return Answer(problems=tuple(error.diagnostics))
        for name in {spec.id, self.lent.get(spec.id, spec.id)}:
            self._keep(name, found, tasks)
        doubt = self.results.doubt(found.met)
        if not tasks or (len(tasks) == 1 and tasks[0].spec.skip is not None and not found.handlers):
            why = tasks[0].spec.skip if tasks else None
            return Answer(skip=why, doubt=doubt, secrets=frozenset(found.secrets))
        return self._answer(spec, put_off, tasks, found, doubt, words)

    def _answer(
        self,
        spec: TaskSpec,
        put_off: PutOff,
        tasks: Sequence[CompiledTask],
        found: Found,
        doubt: str | None,
        words: Mapping[str, Sequence[str]],
    ) -> Answer:
        from configurator.compiler.order import build_graph  # noqa: PLC0415  (it needs this file for its type)

        if not put_off.includes:
            tasks = [replace(task, notify=()) for task in tasks]  # whom it notifies was settled before
        elif spec.hold:
            tasks = list(in_turn(tasks))
        handlers = merged(found.handlers)
        role = CompiledRole(put_off.expander.role_name, tasks, handlers, put_off.node.span)
        try:
            graph = build_graph([role], left_out=_Anything(), words=words, base=spec.id)
        except InputError as error:
            return Answer(problems=tuple(error.diagnostics))
        self.lent |= graph.lent
        made = tuple(_within(child, spec, doubt) for child in graph.tasks)
        self.results.joined[spec.id] = tuple(child.id for child in made if not child.barrier)
        secrets = frozenset(found.secrets)
        return Answer(made, doubt=doubt, blobs=found.blobs, secrets=secrets, words=graph.words)

    def _keep(self, task_id: str, found: Found, tasks: Sequence[CompiledTask]) -> None:
        """Keep what the task has set, for those that read it."""
        if found.set_facts:
            self.results.note(task_id, {"outputs": {"ansible_facts": found.set_facts}, "changed": False})
            self.results.rounds[task_id] = Rounds((Round((task_id,)),))
        elif found.rounds is not None:
            self.results.rounds[task_id] = found.rounds
        elif len(tasks) == 1 and tasks[0].spec.late:
            self.results.again[task_id] = tasks[0].spec.id
        elif not tasks or all(task.spec.skip for task in tasks):
            why = next((str(task.spec.skip) for task in tasks), "no items")
            self.results.rounds[task_id] = Rounds((Round((), {}, why),))
        if found.facts is not None:
            self.results.inner[task_id] = (found.facts, found.since)


def _within(child: TaskSpec, parent: TaskSpec, doubt: str | None) -> TaskSpec:
    """Return a task with what holds for the task that it came out of."""
    return replace(
        child,
        notify=tuple(dict.fromkeys((*child.notify, *parent.notify))) if not child.barrier else (),
        unless_failed=(*parent.unless_failed, *child.unless_failed),
        if_failed=child.if_failed or parent.if_failed,  # of its own block, which runs only if the parent does
        hold=child.hold or parent.hold,
        tell=child.tell or parent.rescued,  # what its rescue is told
        rescued=child.rescued or parent.rescued,
        doubt=child.doubt or doubt,
        critical=child.critical or parent.critical,
        fatal=child.fatal or parent.fatal,
        ignore_unreachable=child.ignore_unreachable or parent.ignore_unreachable,
    )
