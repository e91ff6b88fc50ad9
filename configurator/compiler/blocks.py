"""Blocks with a rescue or an always: what runs after a failure, and what the failure means outside.

Inside of such a block tasks are done one after the other, as they are written: what is below a failure must
not have begun. Everything outside that waits for one of them waits for the end of the block instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from configurator.agent.protocol import TaskSpec
from configurator.compiler.compiled import CompiledTask
from configurator.compiler.tasknodes import BlockNode
from configurator.modules.effects import Effects


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
    for task in _chained(rescue, block_ids, end_id):
        # A rescue of a block in here runs only after a failure in there, and so after one of this block.
        yield replace(task, spec=replace(task.spec, if_failed=task.spec.if_failed or block_ids))
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


def _units(tasks: Sequence[CompiledTask]) -> tuple[str, ...]:
    """Return what counts in a part: its tasks and the ends of its inner blocks, without what is in those."""
    return tuple(task.spec.id for task in tasks if not task.groups)


def _chained(
    tasks: Sequence[CompiledTask], first: tuple[str, ...], end_id: str, *, rescued: bool = False
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
        yield replace(task, spec=spec, follows=(*task.follows, *before), groups=(end_id, *task.groups))
        if not task.groups:
            current.append(task.spec.id)
