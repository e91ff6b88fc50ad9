"""The contract of a module: data and three verbs; plan, diff, verify and the re-check all follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from configurator.modules.effects import Effects
from configurator.modules.params import ParamProblem
from configurator.modules.state import Change, State, compare
from configurator.modules.system import System

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Guard:
    """How a change that could cut our access is undone, should we not be able to log in again.

    `saves` are the files whose present content is kept (an absent one is removed again); `saves_units` the
    units whose active and enabled state is kept; `saves_tables` nftables tables (`inet filter`, or `*` for
    all rules of the host) whose live rules are kept, or tables of iptables (`iptables filter`, `ip6tables
    nat`). `activates` are commands run right after the change, so that the new login meets it; `restores` are
    run after the files are back.
    """

    saves: tuple[str, ...] = ()
    saves_units: tuple[str, ...] = ()
    saves_tables: tuple[str, ...] = ()
    activates: tuple[tuple[str, ...], ...] = ()
    restores: tuple[tuple[str, ...], ...] = ()


class Module(Generic[P]):
    """One kind of thing a host is configured with.

    Subclasses set `name`, `params` and the three verbs. An instance has no state of its own: one is shared
    by all tasks and threads. Nothing here may ask whether this is a plan.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    params: ClassVar[type]
    # Parameters of Ansible's module that we do not have, each with the reason, for the reference.
    omitted: ClassVar[Mapping[str, str]] = {}
    only_looks: ClassVar[bool] = False  # True if it changes nothing whatever it finds
    free_form: ClassVar[str | None] = None  # the parameter that `module: some text` fills
    # False where `become_user` has no meaning: nothing of the task depends on who does it.
    as_user: ClassVar[bool] = True
    override: ClassVar[bool] = False  # a project's module that replaces ours of the same name
    exclusive: ClassVar[bool] = False  # taken alone: nothing else runs on the host meanwhile
    # True where `anticipate` is worth it for the tasks of a whole apply, too: most will find nothing to do.
    foresees: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 300.0
    typical_s: ClassVar[float] = (
        0.05  # how long it takes when it changes something: the scheduler's first guess
    )

    # -- declarations: need no host -------------------------------------------------------------------

    def check(self, params: P) -> Sequence[ParamProblem]:  # noqa: ARG002
        """Return what is wrong with the combination of parameters; single values are checked already."""
        return ()

    def subject(self, params: P) -> str:
        """Return the effect key of what this task is about."""
        raise NotImplementedError

    def effects(self, params: P) -> Effects:
        """Return what the task may read and write, as effect keys."""
        raise NotImplementedError

    def locks(self, params: P) -> frozenset[str]:  # noqa: ARG002
        """Return the names of the mutual exclusions that the task holds while it runs."""
        return frozenset()

    def batch_key(self, params: P) -> str | None:  # noqa: ARG002
        """Return the key under which ready tasks may be handed to one `converge_batch`, or None."""
        return None

    def guard(self, params: P, system: System) -> Guard | None:  # noqa: ARG002
        """Return how to undo the change if it could cut our access; None if it cannot. Called on the host."""
        return None

    def events(self, params: P, change: Change) -> frozenset[str]:  # noqa: ARG002
        """Return the events that this change brings about, such as `started:nginx.service`."""
        return frozenset()

    def absorbed_by(self, params: P) -> frozenset[str]:  # noqa: ARG002
        """Return the events after which this action would be done twice: a restart after a start, say."""
        return frozenset()

    def facts(self, params: P) -> Sequence[str]:  # noqa: ARG002
        """Return the names of what `outputs` has as `ansible_facts`: tasks below know them by these."""
        return ()

    def facts_after(self, params: P, known: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the host's facts that the task makes different from those that are `known`, by their names.

        Tasks below see them: a template of the name that a host has just been given is right the first time.
        """
        return {}

    # -- verbs: on the host ---------------------------------------------------------------------------

    def anticipate(self, system: System, items: Sequence[P]) -> None:
        """Look up in one go what the observations of all these tasks will ask for; see `System.recall`.

        Called before tasks are observed one by one, where that saves commands. Reads only, raises nothing.
        """

    def observe(self, system: System, params: P) -> State:
        """Return the actual state; reads only."""
        raise NotImplementedError

    def desired(self, params: P, actual: State) -> State:
        """Return the fields that matter with the values they should have, given the actual state."""
        raise NotImplementedError

    def compare(self, params: P, actual: State, wanted: State) -> Change:
        """Return what differs; override only where equality of values is not the meaning."""
        return compare(self.subject(params), actual, wanted)

    def converge(self, system: System, params: P, change: Change) -> State | None:
        """Make it so, through `system` alone.

        Returns None, or proof of events: fields that hold because this call made them happen
        (`{"restarted": True}`), which the re-observation cannot see.
        """
        raise NotImplementedError

    def converge_batch(self, system: System, items: Sequence[tuple[P, Change]]) -> State | None:
        """Make all of them so in one go; only called for modules that return a batch key.

        Returns None, or proof that is each task's, as that of `converge` is.
        """
        raise NotImplementedError

    def outputs(self, params: P, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return extra values of the result, such as a command's stdout."""
        return {}

    def says(self, params: P, outputs: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what people are to read of a task that has ended well; most have nothing to say."""
        return ""
