"""A run on the host: the shipped tasks as an engine graph.

`HostRun.execute` is the core loop of the host's side. How a single task is taken, in a plan or in an
apply, is decided by the Taker it is given (plan_taker.py, apply_taker.py); what is said of it is made in
described.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from configurator.agent.described import describe
from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.verdicts import Ask, retry_policy
from configurator.agent.work import Done
from configurator.core.cancel import CancelToken
from configurator.core.durations import Durations
from configurator.core.errors import TaskError
from configurator.core.events import EngineEvent, TaskEnded, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Outcome, SkipReason, Status
from configurator.core.task import SettleEarly, Skip, Subgraph, Task, TaskContext, TaskResult

Send = Callable[[Mapping[str, Any]], None]

_END_ROLE = "end_role"


class Taker(Protocol):
    """Takes tasks in one mode."""

    workers: int

    def declare(self, spec: TaskSpec) -> Mapping[str, Any]:
        """Return the engine's options of a task: locks, exclusive, timeout_s, estimate_s, batch_key."""

    def take(self, spec: TaskSpec, context: TaskContext) -> Done:
        """Do the task; TaskError if it fails."""

    def take_together(
        self, specs: Sequence[TaskSpec], contexts: Sequence[TaskContext], settle: SettleEarly
    ) -> Sequence[Done | None]:
        """Do tasks of one batch in one go; any exception has the unsettled ones done one by one."""

    def unknown(self, spec: TaskSpec, because: str) -> Done:
        """Return what is said of a task of which nobody can know yet what it is; TaskError in an apply."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is returned for a task of a block that has failed: the end of the block decides what it means."""

    error: TaskError


@dataclass(frozen=True, slots=True)
class Joined:
    """What is returned for a task whose place others have taken."""


def _nobody(_question: Mapping[str, Any], _timeout_s: float | None, _token: CancelToken) -> None:
    return None


class HostRun:
    """One plan or apply of a host's tasks; `send` gets the messages that the controller turns into events.

    `ended` are the tasks that had ended when the host restarted, by id with their status: they are not done
    again, and nothing more is said of them. `check` raises TaskError for a module that cannot be used; `ask`
    puts a question to the controller.
    """

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        taker: Taker,
        notifications: Notifications,
        send: Send,
        fail_fast: bool,
        durations: Durations | None = None,
        ended: Mapping[str, str] | None = None,
        *,
        check: Callable[[str], None] = lambda _module: None,
        ask: Ask = _nobody,
    ) -> None:
        self._check = check
        self._ask = ask
        self._ended = dict(ended or {})
        self._specs = {spec.id: spec for spec in specs}
        self._taker = taker
        self._notifications = notifications
        self._send = send
        self._handled: set[str] = set()
        self._held: set[str] = set()  # tasks of blocks that have failed
        self._kept: set[str] = set()  # and those that did not run for that
        self._parents: dict[str, str] = {}  # of tasks that have joined: whose place they take
        self._blamed: dict[str, str] = {}  # by the end of a block: which of its tasks has failed
        self._over: str | None = None  # which `meta` has ended the host
        self._left: set[str] = set()  # the roles that have ended early
        self.executor = ParallelExecutor(
            taker.workers, fail_fast, observer=self._observe, durations=durations
        )

    def execute(self) -> None:
        """Run every task to its end; everything there is to say has been sent on return."""
        self.executor.execute(TaskGraph(self._task(spec) for spec in self._specs.values()))

    def _task(self, spec: TaskSpec) -> Task:
        edges: dict[str, Any] = {"requires": spec.requires, "after": spec.after}
        if spec.barrier:
            return Task(spec.id, lambda context: self._pass(spec, context), estimate_s=0.0, **edges)
        if spec.id in self._ended:
            return self._replayed(spec, Outcome(self._ended[spec.id]), edges)
        if spec.skip is not None:
            skip = Skip(SkipReason.CONDITION_FALSE, spec.skip)
            return Task(spec.id, lambda _context: skip, estimate_s=0.0, **edges)
        if spec.late or spec.module == "meta":
            return Task(spec.id, lambda context: self._take(spec, context), critical=spec.critical, **edges)
        options = dict(self._taker.declare(spec))
        if options.get("batch_key") is not None:
            options["batch_func"] = self._together
        return Task(
            spec.id,
            lambda context: self._take(spec, context),
            critical=spec.critical,
            ignore_errors=spec.ignore_errors,
            retry=retry_policy(spec),
            **edges,
            **options,
        )

    def _replayed(self, spec: TaskSpec, status: Outcome, edges: Mapping[str, Any]) -> Task:
        """Return a task that ends as it has ended before, so that others know what to do."""

        def again(_context: TaskContext) -> Skip | Held | None:
            if status in (Outcome.FAILED, Outcome.TIMEOUT):
                return self._hold(spec, TaskError("failed before the restart"))
            if spec.module == "meta" and not spec.late and status is Outcome.OK:
                self._end(spec)
            return None if status in (Outcome.OK, Outcome.CHANGED) else Skip(SkipReason.REQUIREMENT_SKIPPED)

        return Task(spec.id, again, ignore_errors=spec.ignore_errors, estimate_s=0.0, **edges)

    def _take(self, spec: TaskSpec, context: TaskContext) -> Done | Skip | Held | Subgraph | None:
        if (needless := self._needless(spec, context)) is not None:
            return needless
        try:
            return self._taken(spec, context)
        except TaskError as error:
            return self._hold(spec, error)

    def _taken(self, spec: TaskSpec, context: TaskContext) -> Done | Skip | Subgraph | None:
        if spec.module == "meta" and not spec.late:
            self._end(spec)
            return None
        if spec.late and not spec.handler:
            return self._begun(spec, context)
        self._check(spec.module)
        if not spec.handler:
            return self._throttled(spec, context)
        if self._notifications.order(spec.id) is None:
            return Skip(SkipReason.NOT_NOTIFIED)
        done = self._handler(spec, context) if spec.late else self._taker.take(spec, context)
        if isinstance(done, Done):
            self._handled.add(spec.id)
            self._notifications.done(spec.id)
        return done

    def _end(self, spec: TaskSpec) -> None:
        """Let nothing more begin on this host, or of this role; its handlers still run then."""
        action = str(spec.params.get("action"))
        if action == _END_ROLE:
            self._left.add(spec.role)
        else:
            self._over = f"meta: {action}"

    def _throttled(self, spec: TaskSpec, context: TaskContext) -> Done:
        """Do the task when few enough hosts do it."""
        if not spec.throttle:
            return self._taker.take(spec, context)
        self._ask({"type": "throttle", "task_id": spec.id}, None, context.token)
        context.token.raise_if_cancelled()
        try:
            return self._taker.take(spec, context)
        finally:
            self._send({"type": "released", "task_id": spec.id})

    def _together(self, contexts: Sequence[TaskContext], settle: SettleEarly) -> Sequence[Done | None]:
        specs = [self._specs[context.name] for context in contexts]
        if any(self._needless(spec, context) for spec, context in zip(specs, contexts, strict=True)):
            raise TaskError("not all of them run")  # so each is asked for itself
        return self._taker.take_together(specs, contexts, settle)

    # -- tasks that the controller knows only now -------------------------------------------------------

    def _begun(self, spec: TaskSpec, context: TaskContext) -> Done | Skip | Subgraph:
        """Return what the task has become: others that take its place, or why there are none."""
        found = self._asked(spec, context)
        if not isinstance(found, list):
            return found
        for child in found:
            self._specs[child.id] = child
            self._parents[child.id] = spec.id
        return Subgraph(tuple(self._task(child) for child in found), Joined())

    def _handler(self, spec: TaskSpec, context: TaskContext) -> Done | Skip:
        """Do a handler that is known only now, here and now: it was waited for already."""
        found = self._asked(spec, context)
        if not isinstance(found, list):
            return found
        done = Done()
        for child in found:
            if not child.barrier and child.skip is None and not child.late:
                more = self._taker.take(child, context)
                done = replace(
                    done,
                    changes=(*done.changes, *more.changes),
                    warnings=(*done.warnings, *more.warnings),
                    exact=done.exact and more.exact,
                    outputs=more.outputs,
                    says="\n".join(filter(None, (done.says, more.says))),
                )
        return done

    def _asked(self, spec: TaskSpec, context: TaskContext) -> list[TaskSpec] | Done | Skip:
        answer = self._ask({"type": "late", "task_id": spec.id}, None, context.token)
        context.token.raise_if_cancelled()
        if answer is None:
            raise TaskError("the controller does not say what this task is")
        if answer.get("error"):
            raise TaskError(str(answer["error"]))
        if answer.get("unknown"):
            return self._taker.unknown(spec, str(answer["unknown"]))
        if answer.get("skip") is not None:
            return Skip(SkipReason.CONDITION_FALSE, str(answer["skip"]))
        tasks = [TaskSpec.from_json(item) for item in answer.get("tasks", ())]
        return tasks or Done()

    # -- blocks -----------------------------------------------------------------------------------------

    def _needless(self, spec: TaskSpec, context: TaskContext) -> Skip | None:
        """Return why a task does not run, for what others came to."""
        if self._over is not None:
            return Skip(SkipReason.CONDITION_FALSE, self._over)
        if spec.role in self._left and not spec.handler:
            return Skip(SkipReason.CONDITION_FALSE, f"meta: {_END_ROLE}")
        for name in spec.unless_failed:
            if self._failed(name, context):
                self._kept.add(spec.id)
                return Skip(SkipReason.REQUIREMENT_FAILED, self._blamed.get(name, name))
        if spec.if_failed and not any(self._failed(name, context) for name in spec.if_failed):
            return Skip(SkipReason.NOTHING_FAILED)
        return None

    def _failed(self, name: str, context: TaskContext) -> bool:
        if name in self._held:
            return True
        result = _result(context, name)
        if result is None or result.ignored:
            return False
        return result.status in (Status.FAILED, Status.TIMEOUT)

    def _hold(self, spec: TaskSpec, error: TaskError) -> Held:
        """Return the failure of a task of a block, which its end decides about; raise any other."""
        if not spec.hold or spec.ignore_errors:
            raise error
        name: str | None = spec.id
        while name is not None:
            self._held.add(name)
            name = self._parents.get(name)
        return Held(error)

    def _pass(self, spec: TaskSpec, context: TaskContext) -> Held | Skip | None:
        """Pass a barrier; the end of a block fails if something in it has failed and was not rescued."""
        if not spec.group:
            return None
        block, rescue, always = (
            [name for name in spec.group.get(part, ()) if self._failed(name, context)]
            for part in ("block", "rescue", "always")
        )
        failed = always + (rescue if spec.group.get("rescued") else block)
        if not failed:
            # What a task outside of the block has kept from running is missing outside, too.
            members = [name for part in ("block", "always") for name in spec.group.get(part, ())]
            failed = [name for name in members if self._missed(name, context)]
        if not failed:
            return None
        self._blamed[spec.id] = self._blamed.get(failed[0], failed[0])
        return self._hold(spec, TaskError("a task of the block has failed"))

    def _missed(self, name: str, context: TaskContext) -> bool:
        result = _result(context, name)
        if result is None or result.reason is not SkipReason.REQUIREMENT_FAILED:
            return False
        # Below an include of which a task has failed others are skipped before anybody asks about them.
        return name not in self._kept and result.cause not in self._held

    # -- reporting ------------------------------------------------------------------------------------

    def _observe(self, event: EngineEvent) -> None:
        if isinstance(event, TaskStarted) and event.task_name not in self._ended:
            spec = self._specs[event.task_name]
            silent = spec.barrier or spec.skip is not None or spec.late or spec.if_failed
            if not silent and not (spec.handler and not self._due(spec)):
                self._send({"type": "task_started", "task_id": spec.id, "at_s": round(event.at_s, 6)})
        elif isinstance(event, TaskEnded) and event.result.task_name not in self._ended:
            self._tell_end(self._specs[event.result.task_name], event)

    def _tell_end(self, spec: TaskSpec, event: TaskEnded) -> None:
        result = event.result
        idle = result.status in (Status.SKIPPED, Status.CANCELLED)
        if spec.barrier or (spec.handler and idle and not self._due(spec)):
            return
        if isinstance(result.result, Joined) or result.reason is SkipReason.NOTHING_FAILED:
            return
        held = result.result.error if isinstance(result.result, Held) else None
        self._send(describe(spec, event, held, self._blamed.get(str(result.cause))))

    def _due(self, spec: TaskSpec) -> bool:
        """Return True for a handler that was notified; reports come later, when it may be done already."""
        # In this order: a handler is noted as handled before it ceases to be due.
        return self._notifications.order(spec.id) is not None or spec.id in self._handled


def _result(context: TaskContext, name: str) -> TaskResult | None:
    """Return how a task has ended; None if it has not, or is not of this run."""
    if context.control is None:
        return None
    try:
        return context.control.result_of(context, name)
    except KeyError:
        return None
