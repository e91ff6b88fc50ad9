"""Blocks with a rescue or an always: what runs after a failure, and what the failure means outside.

Inside of such a block tasks are done one after the other, as they are written: what is below a failure must
not have begun. Everything outside that waits for one of them waits for the end of the block instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from configurator.agent.protocol import TaskSpec
from configurator.compiler.compiled import CompiledTask
from configurator.compiler.late import Late, Version
from configurator.compiler.scope import Entry, FactStore
from configurator.compiler.tasknodes import BlockNode
from configurator.modules.effects import Effects


@dataclass(slots=True)
class BlockPart:
    """One part of a block while it is compiled: what is set in it below something that may fail.

    Whatever of the same part reads that runs only if it has been set. For all others it hangs on the run:
    `leave` tells them so. `risky` is True once something above may have failed, `generation` in which
    compilation the part is walked.
    """

    generation: int
    risky: bool = False
    around: BlockPart | None = None
    _set: dict[str, list[tuple[Entry, Late]]] = field(default_factory=dict)

    def passes(self, task: CompiledTask) -> None:
        """Note a task that what is below it in the part does not run after, if it fails."""
        part: BlockPart | None = self if task.spec.skip is None else None
        while part is not None:
            part.risky, part = True, part.around

    def sets(self, store: FactStore, before: FactStore, versions: Iterable[tuple[str, Version]]) -> None:
        """Note the variables that a task of the part has set; `before` are the facts above it."""
        for name, version in versions:
            base = self._outside(name, before.values.get(name))
            known, base = (base.versions, base.base) if isinstance(base, Late) else ((), base)
            outside = Late((*known, version), self.generation, base)
            self._set.setdefault(name, []).append((store.values[name], outside))

    def leave(self, store: FactStore) -> None:
        """Let what the part has set be known to those behind it only when it has ended."""
        for name in self._set:
            entry = store.values.get(name)
            outside = self._outside(name, entry)
            if outside is not None and outside is not entry:
                store.swap(name, outside)

    def _outside(self, name: str, entry: Entry | None) -> Entry | None:
        """Return what a variable is for those who do not know whether the part was run to its end."""
        for inside, outside in reversed(self._set.get(name, ())):
            if entry is inside:
                return outside
        if isinstance(entry, Late) and entry.base is not None:
            base = self._outside(name, entry.base)
            return entry if base is entry.base else replace(entry, base=base)
        return entry


def hang_on_failure(store: FactStore, rescue: Sequence[CompiledTask], block: Sequence[CompiledTask]) -> None:
    """Let a plan that does not know whether a block fails not know either what its rescue sets."""
    tasks = {task.spec.id for task in rescue}
    failing = tuple(task.spec.id for task in block if not task.spec.barrier and task.spec.skip is None)
    for name, entry in list(store.values.items()):
        if isinstance(entry, Late) and any(version.task in tasks for version in entry.versions):
            versions = (
                replace(version, after=failing) if version.task in tasks and not version.after else version
                for version in entry.versions
            )
            store.swap(name, replace(entry, versions=tuple(versions)))


def close_block(
    node: BlockNode,
    block: Sequence[CompiledTask],
    rescue: Sequence[CompiledTask],
    always: Sequence[CompiledTask],
    end_id: str,
    role: str,
    name: str,
) -> Iterator[CompiledTask]:
    """Yield the tasks of a block's three parts, tied together, and its end."""
    rescued = bool(node.rescue)
    block_ids, rescue_ids, always_ids = (_units(part) for part in (block, rescue, always))
    yield from _chained(block, (), end_id, rescued=rescued)
    # Where nothing is left of the block nothing of it fails; its end, which waits for this, has not either.
    failing = block_ids or (end_id,)
    for task in _chained(rescue, block_ids, end_id):
        # A rescue of a block in here runs only after a failure in there, and so after one of this block.
        yield replace(task, spec=replace(task.spec, if_failed=task.spec.if_failed or failing))
    yield from _chained(always, (*block_ids, *rescue_ids), end_id)
    group = {
        "block": list(block_ids),
        "rescue": list(rescue_ids),
        "always": list(always_ids),
        "rescued": rescued,  # also if the tasks of its rescue are all left out, or do nothing on the host
    }
    spec = TaskSpec(
        end_id, role, f"block {name}", "block", barrier=True, group=group, position=str(node.span)
    )
    everything = (*block_ids, *rescue_ids, *always_ids)
    yield CompiledTask(spec, role, f"end of {name}", Effects(), node.span, follows=everything, typical_s=0.0)


def in_turn(tasks: Sequence[CompiledTask]) -> Iterator[CompiledTask]:
    """Yield the tasks of an include that stands in a block: in there too one failure ends it."""
    return _chained(tasks, (), None)


def _units(tasks: Sequence[CompiledTask]) -> tuple[str, ...]:
    """Return what counts in a part: its tasks and the ends of its inner blocks, without what is in those."""
    return tuple(task.spec.id for task in tasks if not task.groups)


def _chained(
    tasks: Sequence[CompiledTask], first: tuple[str, ...], end_id: str | None, *, rescued: bool = False
) -> Iterator[CompiledTask]:
    """Yield tasks that follow each other, but for the rounds of one loop, and do not run after a failure."""
    earlier: list[str] = []  # of this part, above the task
    current: list[str] = []  # from the same place of the file: the rounds of a loop
    before: tuple[str, ...] = first
    place = ""
    for task in tasks:
        if task.spec.position != place:
            place = task.spec.position
            before = tuple(current) or before
            earlier += current
            current = []
        spec = replace(
            task.spec,
            unless_failed=(*task.spec.unless_failed, *earlier),
            hold=True,
            tell=task.spec.tell or rescued,
            rescued=task.spec.rescued or rescued,
        )
        groups = task.groups if end_id is None else (end_id, *task.groups)
        yield replace(task, spec=spec, follows=(*task.follows, *before), groups=groups)
        if not task.groups:
            current.append(task.spec.id)
