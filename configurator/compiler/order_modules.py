"""What modules declare of compiled tasks besides their effects."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from configurator.compiler.compiled import CompiledTask
from configurator.compiler.order_effects import exact
from configurator.modules import registry
from configurator.modules.base import Module
from configurator.modules.effects import Effects
from configurator.modules.params import parse


def module_of(task: CompiledTask) -> Module[Any]:
    """Return what does the task: a module of the project, or ours."""
    return registry.get(task.spec.module) if task.module is None else task.module


def _unsettled(task: CompiledTask) -> bool:
    """Return True for what has no parameters: a task that is put off, or something that is no module's."""
    spec = task.spec
    return spec.late or spec.barrier or (task.module is None and registry.canonical(spec.module) is None)


def subject_of(task: CompiledTask) -> str | None:
    """Return the effect key of what the task is about; None if its parameters cannot be read."""
    if _unsettled(task):
        return None
    module = module_of(task)
    params, _ = parse(module.params, task.spec.params)
    return None if params is None else module.subject(params)


def batch_key_of(task: CompiledTask) -> str | None:
    """Return the key under which the task may be done in one go with others, or None."""
    if _unsettled(task):
        return None
    module = module_of(task)
    if type(module).batch_key is Module.batch_key:
        return None
    params, _ = parse(module.params, task.spec.params)
    return None if params is None else module.batch_key(params)


def agree(one: CompiledTask, other: CompiledTask) -> bool:
    """Return True if two tasks want the same, or the one says nothing of what the other says.

    A directory with a mode and the same directory without one agree, and so do a unit that is to run and
    the same unit enabled; in whatever order they are taken, the result is the same.
    """
    a, b = one.spec, other.spec
    if (a.module, a.become_user) != (b.module, b.become_user) or _unsettled(one) or _unsettled(other):
        return False
    if a.params == b.params:
        return True
    kind = module_of(one).params
    (mine, _), (theirs, _) = parse(kind, a.params), parse(kind, b.params)
    if mine is None or theirs is None:
        return False
    pairs = ((getattr(mine, item.name), getattr(theirs, item.name)) for item in fields(kind))
    return all(x == y or x in (None, ()) or y in (None, ()) for x, y in pairs)


class Batch:
    """Neighbouring tasks with one batch key that need no order between them.

    Two installs both may touch any path, which says nothing about each other; but one that refreshes the
    package index comes before one that reads it.
    """

    __slots__ = ("_key", "_reads", "_writes", "tasks")

    def __init__(self) -> None:
        self.tasks: list[tuple[int, Effects]] = []
        self._key: str | None = None
        self._reads: set[str] = set()
        self._writes: set[str] = set()

    def admit(self, node: int, task: CompiledTask) -> bool:
        """Enter a task if it can be done in one go with all that are in; return whether it was."""
        key = batch_key_of(task)
        reads, writes = set(task.effects.reads), set(exact(task.effects.touches))
        if self.tasks and (
            key is None
            or key != self._key
            or not self._writes.isdisjoint(reads | writes)
            or not self._reads.isdisjoint(writes)
        ):
            return False
        self.tasks.append((node, task.effects))
        self._key = key
        self._reads |= reads
        self._writes |= writes
        return True
