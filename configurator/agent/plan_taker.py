"""How a task is taken in a plan: on the SimulatedSystem, one after the other, in the order of the graph."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from configurator.agent.apply_taker import ApplyTaker, redundant
from configurator.agent.delegated import delegated
from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext, RealSystem
from configurator.agent.verdicts import Verdicts, unforeseen
from configurator.agent.work import Done, LocalWork, anticipate
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.errors import ParameterError
from configurator.core.task import SettleEarly, TaskContext

if TYPE_CHECKING:
    from configurator.agent.assumptions import Verdict
    from configurator.agent.hostview import HostView
    from configurator.agent.index_ahead import IndexAhead
    from configurator.agent.packages_ahead import PackagesAhead
    from configurator.agent.simulated_looking import Attempt
    from configurator.modules.system import FileStat


class PlanTaker:
    """Predicts tasks; keeps what it predicted, so that a confirmed apply can be held to it.

    With `before`, the taker of a plan that this one goes on with, `context` and `notifications` are its own.

    One worker: two tasks without an order between them would otherwise see each other's predictions or
    not, from one plan to the next.
    """

    workers = 1

    def __init__(
        self,
        context: HostContext,
        notifications: Notifications,
        real: ApplyTaker,
        cache: str,
        *,
        deep: bool = False,
        verdicts: Verdicts | None = None,
        before: PlanTaker | None = None,
    ) -> None:
        self._verdicts = verdicts or Verdicts(context.ask, lambda _message: None, planning=True)
        self.context = context
        self.notifications = notifications
        self._real = real
        self._cache = cache
        # What the plan of the play before has made up is where this one begins.
        self._world: World = self._real_world(deep) if before is None else before._world
        self._view = self._host_view() if deep and os.geteuid() == 0 else None
        self._expected: dict[str, list[TaskSpec]] = {}  # by module: nobody has asked for them yet
        self._events: dict[str, int] = {} if before is None else before._events
        self.predicted: dict[str, Done] = {}

    def _real_world(self, deep: bool) -> World:
        index = self._index()
        ahead = self._packages(index) if deep else None
        return World(self.context.for_task(CancelToken()), ahead, index)

    def declare(self, spec: TaskSpec) -> Mapping[str, Any]:
        """A plan needs no locks: it runs one task at a time."""
        if spec.delegate_to is not None:
            return {"timeout_s": spec.timeout_s}
        self._expected.setdefault(spec.module, []).append(spec)
        return {"timeout_s": spec.timeout_s}

    def take(self, spec: TaskSpec, context: TaskContext) -> Done:
        """Predict the task; one with `check_mode: false` is really done, as in Ansible."""
        if spec.check_mode is False:
            try:
                return self._real.take(spec, context)
            finally:
                self._world.memo.clear()
        foreseen: list[Done] = []

        def foresee() -> Done:
            foreseen.append(self._predicted(spec, context))
            return foreseen[-1]

        done = self._verdicts.about(spec, context, foresee)
        if done.changed and spec.notify:
            self.notifications.add(spec.notify)
        # An apply is held to what the module would do, whatever the role makes of that (`changed_when`).
        self.predicted[spec.id] = foreseen[-1] if foreseen else done
        return done

    def unknown(self, spec: TaskSpec, because: str) -> Done:
        """Say that nobody can know yet what the task would do; what follows may find anything."""
        done = unforeseen(spec, because)
        if done.changed:
            self._world.pending.add_opaque(spec.name)
            if spec.notify:
                self.notifications.add(spec.notify)
        return done

    def _predicted(self, spec: TaskSpec, context: TaskContext) -> Done:
        if spec.delegate_to is not None:
            return delegated(self.context.ask, spec, context)
        real = self.context.for_task(context.token, environment=spec.environment)
        system = SimulatedSystem(
            self._world,
            real,
            spec.name,
            user=spec.become_user or "root",
            validate=self._validator(real),
            attempt=self._attempt(real, context.token),
        )
        if expected := self._expected.pop(spec.module, None):
            anticipate(expected, SimulatedSystem(self._world, real, spec.name))  # its doubts are nobody's
        if spec.doubt is not None:
            system.doubt.assume(spec.doubt)
        before = self._world.pending.opaque
        work = LocalWork(spec, system, system.doubt)
        try:
            return self._foretold(spec, work, system)
        except ParameterError as error:
            if before is None:
                raise
            # What the host lacks may be made by a command, which a plan does not run.
            return self.unknown(spec, f"{error.message}, but {before!r} runs before")

    def _foretold(self, spec: TaskSpec, work: LocalWork, system: SimulatedSystem) -> Done:
        seen = work.observe()
        if seen.changes and redundant(spec, work, self.notifications, self._events):
            return Done(warnings=("not needed: the unit is started after the last change",))
        done = work.converge()
        if work.change is None and seen.changes:
            because = seen.changes[0].because or f"{spec.name!r} comes first"
            system.leave_open(work.module.effects(work.params), because)
        for event in seen.events:
            self._events[event] = self.notifications.tick()
        return done

    def take_together(
        self,
        specs: Sequence[TaskSpec],
        contexts: Sequence[TaskContext],
        settle: SettleEarly,  # noqa: ARG002
    ) -> Sequence[Done]:
        """Predict one by one: joining only saves time where something is done."""
        return [self.take(spec, context) for spec, context in zip(specs, contexts, strict=True)]

    def close(self) -> None:
        """Let go of what the plan has taken while it was made."""
        if self._view is not None:
            self._view.close()

    def _host_view(self) -> HostView:
        """Return what a deep plan tries validators in whose programs are not there yet."""
        from configurator.agent.hostview import HostView  # noqa: PLC0415

        return HostView(self._world, self.context.processes)

    def _attempt(self, real: RealSystem, token: CancelToken) -> Attempt | None:
        view = self._view
        if view is None:
            return None

        def attempt(command: str, path: str, stat: FileStat, content: bytes) -> Verdict:
            from configurator.agent.hostview import Trial  # noqa: PLC0415

            return view.attempt(Trial(command, path, stat, content, real.environment()), token)

        return attempt

    def _packages(self, index: IndexAhead) -> PackagesAhead:
        """Return what looks into packages before they are installed, for a deep plan."""
        from configurator.agent.packages_ahead import PackagesAhead  # noqa: PLC0415  (tarfile takes 10 ms)

        return PackagesAhead(os.path.join(self._cache, "archives"), self._fetching, index)

    def _index(self) -> IndexAhead:
        from configurator.agent.index_ahead import IndexAhead  # noqa: PLC0415

        return IndexAhead(os.path.join(self._cache, "index"), self._fetching)

    def _fetching(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Run a command of apt's that writes into the agent's cache alone."""
        self.context.for_task(CancelToken()).run(argv, establishes={}, env=env)

    def _validator(self, real: RealSystem) -> Any:
        """Return a function that validates a future content from a file in the agent's own cache."""

        def validate(command: str, path: str, content: bytes) -> None:
            with tempfile.TemporaryDirectory(dir=self._cache) as directory:
                # Some validators look at the name: keep it.
                name = os.path.join(directory, os.path.basename(path))
                descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                real.validate(command, name, path)

        return validate
