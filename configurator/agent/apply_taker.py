"""How a task is taken in an apply: looked at, announced to its handlers, guarded, done, proven."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from configurator.agent import guard as guards
from configurator.agent.child import Children
from configurator.agent.delegated import delegated
from configurator.agent.notifications import Noted, Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.system import HostContext
from configurator.agent.verdicts import COMMANDS, Verdicts
from configurator.agent.work import (
    Done,
    LocalWork,
    Observation,
    Work,
    anticipate,
    converge_together,
    load,
)
from configurator.core.cancel import CancelToken
from configurator.core.changes import Certainty, FieldChange
from configurator.core.errors import GuardError, TaskError
from configurator.core.task import SettleEarly, TaskContext
from configurator.modules.base import Guard
from configurator.modules.system import System

# Asks the controller to log in anew and disarm; returns why that failed, or None.
Confirm = Callable[[guards.Armed, tuple[int, ...]], str | None]


class ApplyTaker:
    """Does tasks. `planned` holds what a confirmed plan has shown: anything else is refused as stale."""

    def __init__(
        self,
        context: HostContext,
        notifications: Notifications,
        children: Children,
        confirm: Confirm,
        *,
        workers: int,
        planned: Mapping[str, Done] | None = None,
        verdicts: Verdicts | None = None,
    ) -> None:
        self.workers = workers
        self._verdicts = verdicts or Verdicts(context.ask, lambda _message: None)
        self._context = context
        self._notifications = notifications
        self._children = children
        self._confirm = confirm
        self._planned = planned
        self._events: dict[str, int] = {}
        self._events_lock = threading.Lock()
        self._expected: dict[str, list[TaskSpec]] = {}  # by module: nobody has asked for them yet
        self._anticipating = threading.Lock()
        self._begun: dict[str, tuple[FieldChange, ...]] = {}  # by task id: changed in a batch that failed

    def declare(self, spec: TaskSpec) -> Mapping[str, Any]:
        """Return the locks, batch, time limit and weight of a task, as its module declares them."""
        if spec.delegate_to is not None:
            return {"timeout_s": spec.timeout_s}
        try:
            module, params = self._loaded(spec)
        except TaskError:
            return {}  # taking it will fail with the same error, in its place in the order
        if module.foresees:
            self._expected.setdefault(spec.module, []).append(spec)
        alone = spec.become_user or spec.handler or spec.hold or self._verdicts.concerns(spec) or spec.guarded
        batch = None if alone or spec.check_mode else module.batch_key(params)
        return {
            "locks": module.locks(params) | frozenset(spec.locks),
            "exclusive": module.exclusive or spec.guarded or self._guard(spec, module, params) is not None,
            "timeout_s": module.timeout_s if spec.timeout_s is None else spec.timeout_s,
            "estimate_s": module.typical_s,
            "batch_key": batch,
        }

    def _loaded(self, spec: TaskSpec) -> tuple[Any, Any]:
        """Return module and parameters; a home that is still to be made stays as it is written."""
        if spec.become_user is None:
            with suppress(TaskError):
                return load(spec, self._context.for_task(CancelToken()))
        return load(spec)

    def _guard(self, spec: TaskSpec, module: Any, params: Any) -> Guard | None:
        if spec.become_user is not None:
            return None
        found: Guard | None = module.guard(params, self._context.for_task(CancelToken()))
        return found

    def unknown(self, spec: TaskSpec, because: str) -> Done:  # noqa: ARG002
        """An apply knows: whatever this rests on has ended."""
        raise TaskError(f"what this task needs is not known: {because}")

    def take(self, spec: TaskSpec, context: TaskContext) -> Done:
        """Do one task; its handlers are recorded on disk before the first byte changes."""
        noted: list[Noted] = []
        try:
            done = self._verdicts.about(spec, context, lambda: self._done(spec, context, noted))
        except TaskError:
            if noted and spec.module in COMMANDS:  # what others have begun they may find done the next time
                self._notifications.withdraw(noted[-1])
            raise
        if noted and not done.changed:
            # What could not be known before (an answer, a download) was as it should be.
            self._notifications.withdraw(noted[-1])
        elif done.changed and not noted and spec.notify:
            self._notifications.add(spec.notify)  # changed because its role says so
        return done

    def _done(self, spec: TaskSpec, context: TaskContext, noted: list[Noted]) -> Done:
        if spec.delegate_to is not None:
            return delegated(self._context.ask, spec, context)
        begun = self._begun.pop(spec.id, ())
        self._anticipate(spec, context)
        work = self._work(spec, context)
        seen = work.observe()
        if not seen.changes:
            done = work.converge()
            return replace(done, changes=begun) if begun else done
        if spec.check_mode:
            # Commands are passed over, as in Ansible; of others it is told what they would change.
            return Done(() if spec.module in COMMANDS else seen.changes, exact=seen.exact)
        if isinstance(work, LocalWork) and redundant(spec, work, self._notifications, self._events):
            return Done(warnings=("not needed: the unit was started after the last change",))
        self._refuse_stale(spec, seen)
        if spec.notify and spec.changed_when is not False:
            noted.append(self._notifications.add(spec.notify))
        done = self._converge(spec, work)
        self._record_events(seen)
        return done

    def take_together(
        self, specs: Sequence[TaskSpec], contexts: Sequence[TaskContext], settle: SettleEarly
    ) -> Sequence[Done | None]:
        """Do a batch in one go; who has nothing to do lets go at once, and gets no result here.

        Where a task fails, the others are done and then all are taken one by one. Taken again, they find
        nothing left to do: what they changed here is kept, and reported then.
        """
        waiting: dict[str, LocalWork] = {}
        failed: TaskError | None = None
        anticipate(specs, self._system(specs[0], contexts[0]))
        for spec, context in zip(specs, contexts, strict=True):
            try:
                work = LocalWork(spec, self._system(spec, context))
                seen = work.observe()
                if seen.changes:
                    self._refuse_stale(spec, seen)
            except TaskError as error:
                failed = error
                continue
            if not seen.changes:
                done = work.converge()
                self._verdicts.told(spec, done)
                settle(context, done)
                continue
            waiting[spec.id] = work
            self._begun[spec.id] = seen.changes
            if spec.notify:
                self._notifications.add(spec.notify)
        ended = dict(zip(waiting, converge_together(list(waiting.values())), strict=True))
        if failed is not None:
            raise failed
        for spec in specs:
            self._begun.pop(spec.id, None)
            if spec.id in ended:
                self._verdicts.told(spec, ended[spec.id])
        return [ended.get(spec.id) for spec in specs]

    def _anticipate(self, spec: TaskSpec, context: TaskContext) -> None:
        """Before the first task of a module, look up what all of them will ask for; the others wait."""
        if spec.module not in self._expected:
            return
        with self._anticipating:
            if expected := self._expected.get(spec.module):
                anticipate(expected, self._system(spec, context))
                del self._expected[spec.module]

    def _work(self, spec: TaskSpec, context: TaskContext) -> Work:
        if spec.become_user is not None:
            return self._children.work(spec, context.token)
        return LocalWork(spec, self._system(spec, context))

    def _system(self, spec: TaskSpec, context: TaskContext) -> Any:
        return self._context.for_task(context.token, environment=spec.environment, task_id=spec.id)

    def _record_events(self, seen: Observation) -> None:
        for event in seen.events:
            with self._events_lock:
                self._events[event] = self._notifications.tick()

    def _converge(self, spec: TaskSpec, work: Work) -> Done:
        guard = self._guard(spec, work.module, work.params) if isinstance(work, LocalWork) else None
        system = work.system if isinstance(work, LocalWork) else self._context.for_task(CancelToken())
        if spec.guarded:
            guard = guards.asked_for(spec.guards, guard, system)
        if guard is None:
            return work.converge()
        armed = guards.arm(system, guard)
        try:
            done = work.converge()
            self._activate(system, guard)
            problem = self._confirm(armed, system.ssh_ports())
        except BaseException:
            self._undo(armed)
            raise
        if problem is None and armed.disarmed:
            guards.forget(armed)
            return done
        undone = "the old state was put back" if self._undo(armed) else "the watchdog puts the old state back"
        raise GuardError(
            f"after the change a new login failed ({problem or 'not disarmed'}); {undone}",
            hint="the change would have locked you out: look at the ports, addresses and keys it allows",
        )

    def _activate(self, system: System, guard: Guard) -> None:
        try:
            for command in guard.activates:
                system.run(command, establishes={})
        except TaskError as error:
            raise TaskError(
                f"{error.message}; the old state is put back",
                command=error.command,
                exit_status=error.exit_status,
                output=error.output,
                hint=error.hint,
            ) from error

    def _undo(self, armed: guards.Armed) -> bool:
        """Put the old state back now; where even that fails, the armed watchdog still will."""
        undone = guards.undo(armed, self._context.lock_descriptor)
        if undone:
            guards.forget(armed)
        return undone

    def _refuse_stale(self, spec: TaskSpec, seen: Observation) -> None:
        """After a confirmed plan, a change that was not shown fails its task instead of surprising."""
        if self._planned is None or not seen.exact:
            return
        shown = self._planned.get(spec.id)
        if shown is None or not shown.exact:
            return
        if _fingerprint(shown.changes) != _fingerprint(seen.changes):
            raise TaskError(
                "plan_stale: the host has changed since the plan was shown", hint="look at a new plan"
            )


def redundant(
    spec: TaskSpec, work: LocalWork, notifications: Notifications, events: Mapping[str, int]
) -> bool:
    """Return True for a restart whose unit was started after the last change that asked for it."""
    asked = notifications.order(spec.id) if spec.handler else None
    if not asked:
        return False
    absorbing = work.module.absorbed_by(work.params)
    return any(events.get(event, 0) > asked for event in absorbing)


def _fingerprint(changes: Sequence[FieldChange]) -> frozenset[tuple[str, str, str, str]]:
    return frozenset(
        (change.subject, change.field, repr(change.after), change.diff or "")
        for change in changes
        if change.certainty is Certainty.EXACT
    )
