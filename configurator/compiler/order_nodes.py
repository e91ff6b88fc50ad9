"""The nodes of a host's graph in declared order: tasks, handlers, and two barriers for each role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from configurator.agent.protocol import TaskSpec
from configurator.compiler.compiled import CompiledRole, CompiledTask


@dataclass(slots=True)
class RoleNodes:
    """The node numbers of one role.

    `tasks_end` is passed when every task of the role has ended, whatever came of it: what its handlers wait
    for. `end` is passed when tasks and handlers have succeeded: what other roles can require.
    """

    role: CompiledRole
    tasks: range
    tasks_end: int
    handlers: list[int]
    end: int
    by_name: dict[str, list[int]] = field(default_factory=dict)
    handlers_by_name: dict[str, list[int]] = field(default_factory=dict)


class Nodes:
    """Every node with what it stands for; a number is an index into `items`, in declared order."""

    def __init__(self, roles: Sequence[CompiledRole], base: str = "") -> None:
        self._base = base
        self.items: list[CompiledTask | TaskSpec] = []  # a TaskSpec is a barrier
        self.owner: list[str] = []
        self.roles: dict[str, RoleNodes] = {}
        self.lent: dict[str, str] = {}  # by the id of a handler that runs once more: as which it was compiled
        self._taken = {task.spec.id for role in roles for task in (*role.tasks, *role.handlers)}
        for role in roles:
            self._number(role)

    def __len__(self) -> int:
        return len(self.items)

    def task(self, node: int) -> CompiledTask:
        """Return the task or handler of a node; only for nodes that are no barrier."""
        item = self.items[node]
        if isinstance(item, TaskSpec):
            raise TypeError(f"{item.id} is a barrier")
        return item

    def spec(self, node: int) -> TaskSpec:
        """Return what travels to the host for this node."""
        item = self.items[node]
        return item if isinstance(item, TaskSpec) else item.spec

    def label(self, node: int) -> str:
        """Return how people call the node: `nginx: write the site`, or `role nginx` for its end."""
        item = self.items[node]
        return f"role {item.role}" if isinstance(item, TaskSpec) else f"{item.role}: {item.name}"

    def all_tasks(self) -> Iterator[int]:
        """Yield the numbers of all tasks that are no handlers."""
        for role in self.roles.values():
            yield from role.tasks

    def all_handlers(self) -> Iterator[int]:
        """Yield the numbers of all handlers."""
        for role in self.roles.values():
            yield from role.handlers

    def lend(self, handler: int, borrower: str, where: str = "") -> int:
        """Return a new node: the handler once more, at the end of the role `borrower` or somewhere in it."""
        item = self.task(handler)
        spec = replace(item.spec, id=self._free(f"{item.spec.id} {where or f'for {borrower}'}"))
        self.lent[spec.id] = self.lent.get(item.spec.id, item.spec.id)
        number = self._append(replace(item, spec=spec), borrower)
        self.roles[borrower].handlers.append(number)
        return number

    def _number(self, role: CompiledRole) -> None:
        tasks = range(len(self.items), len(self.items) + len(role.tasks))
        nodes = RoleNodes(role, tasks, tasks.stop, [], tasks.stop + 1 + len(role.handlers))
        for task in role.tasks:
            nodes.by_name.setdefault(task.name, []).append(self._append(task, role.name))
        self._append(self._barrier(role, "tasks", f"all tasks of {role.name}"), role.name)
        for handler in role.handlers:
            number = self._append(handler, role.name)
            nodes.handlers.append(number)
            nodes.handlers_by_name.setdefault(handler.name, []).append(number)
        self._append(self._barrier(role, "end", f"end of {role.name}"), role.name)
        self.roles[role.name] = nodes

    def _barrier(self, role: CompiledRole, suffix: str, name: str) -> TaskSpec:
        identifier = self._free(f"{self._base or role.name}/{suffix}")
        return TaskSpec(identifier, role.name, name, "barrier", barrier=True, position=str(role.span))

    def _append(self, item: CompiledTask | TaskSpec, owner: str) -> int:
        self.items.append(item)
        self.owner.append(owner)
        return len(self.items) - 1

    def _free(self, wanted: str) -> str:
        """Return `wanted`, or the next form of it that no task of the host has as its id."""
        number, identifier = 1, wanted
        while identifier in self._taken:
            number += 1
            identifier = f"{wanted} {number}"
        self._taken.add(identifier)
        return identifier
