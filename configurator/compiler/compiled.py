"""What the compiler knows of a role on one host before its tasks are put in order: see `order.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from configurator.agent.protocol import TaskSpec
from configurator.config.diagnostics import Span
from configurator.modules.base import Module
from configurator.modules.effects import Effects

Use: TypeAlias = tuple[str, ...]  # the uses of roles around a task, the outermost first: see uses.py


@dataclass(frozen=True, slots=True)
class Requirement:
    """A declared prerequisite as it was written: a task's name, a role's name, or both.

    Written on a task with one word only (`requires: x`), it may mean a task of the same role or a role:
    then `role` is None and `task` is the word. In `meta/main.yml` and `site:` it is always a role.
    """

    role: str | None
    task: str | None
    span: Span

    def __str__(self) -> str:
        return ": ".join(word for word in (self.role, self.task) if word is not None)


@dataclass(frozen=True, slots=True)
class Notification:
    """The name of a handler, or a word that handlers listen to, and where it was written."""

    name: str
    span: Span


class Ends(StrEnum):
    """What a task may end, so that nothing below it begins."""

    NOTHING = ""
    ROLE = "role"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class CompiledTask:
    """One task of one host without its edges: `spec` has no `requires`, `after` or `notify` yet.

    `spec.id` is unique on the host. A task whose condition was false has `spec.skip` set and no effects.
    `effects` are the declared ones where the task declares them, else its module's. `name` is what the role
    calls the task: the tasks that a loop makes of it share it. Tasks of one file with the same `name` are all
    meant by a requirement. `typical_s` is the module's guess of its duration. `module` is what the spec's
    name means, unless that is ours anyway.

    `data` are the ids of the tasks that tell what this one needs to know, `data_after` of those that may;
    `follows` of those that it comes after in a block. `groups` are the ends of the blocks that it is in, the
    outermost first: outside of them only that end counts. `words` is True if it may notify any handler of
    its role, `flush` if handlers that were notified above it run here. `ends` is what it may end, `uses` are
    the uses of roles that it belongs to: of a handler several where it is the same for them.
    """

    spec: TaskSpec
    role: str
    name: str
    effects: Effects
    span: Span
    requires: tuple[Requirement, ...] = ()
    notify: tuple[Notification, ...] = ()
    listen: tuple[str, ...] = ()
    typical_s: float = 0.05
    module: Module[Any] | None = None
    data: tuple[str, ...] = ()
    data_after: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    words: bool = False
    flush: bool = False
    ends: Ends = Ends.NOTHING
    uses: tuple[Use, ...] = ((),)


class Part(StrEnum):
    """What a role is in a play, for what the names of handlers mean there; `NONE` outside of plays.

    Handlers that the tasks `BEFORE` the roles notify run at their end, whosever they are.
    """

    NONE = "none"
    HANDLERS = "handlers"
    BEFORE = "pre_tasks"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class CompiledRole:
    """One use of a role on one host: its tasks and handlers in the order in which they are written.

    A role used twice by one host (with other variables) appears once here, its tasks one after another.
    `part` says which part of a play it is.
    """

    name: str
    tasks: Sequence[CompiledTask]
    handlers: Sequence[CompiledTask]
    span: Span
    requires: tuple[Requirement, ...] = ()
    part: Part = Part.NONE
