"""The order of a host's tasks: who waits for whom, and why.

Declared requirements come first. Within a role, tasks whose effects meet keep the order in which they are
written; those whose effects cannot meet overlap. Between roles nothing orders tasks but what is declared and
what one visibly needs from another. Handlers come at the end of their role.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

from configurator.agent.protocol import Held, HostGraph, TaskSpec
from configurator.compiler.compiled import CompiledRole, Notification, Part
from configurator.compiler.order_cross import (
    check_conflicts,
    connect_needs,
    turns,
    unordered_edits,
    writers_by_key,
)
from configurator.compiler.order_cycle import node_cycle, role_cycle
from configurator.compiler.order_edges import CycleFound, EdgeKind, Edges, Link
from configurator.compiler.order_effects import EffectIndex
from configurator.compiler.order_ends import separate_at_ends
from configurator.compiler.order_flush import Flushes
from configurator.compiler.order_modules import Batch
from configurator.compiler.order_names import HandlerNames, LeftOut, required_nodes
from configurator.compiler.order_nodes import Nodes, RoleNodes
from configurator.compiler.putoff import LateTasks
from configurator.config.diagnostics import Diagnostics, Span
from configurator.core.errors import InputError

Words: TypeAlias = Mapping[str, Sequence[str]]  # ids of handlers by what they are called


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge of the finished graph, between task ids; `key` is the effect key behind it, if any."""

    before: str
    after: str
    kind: EdgeKind
    hard: bool
    key: str = ""


@dataclass(frozen=True, slots=True)
class OrderedGraph(HostGraph):
    """A host's graph with the reasons of its edges.

    `unordered_edits` are the keys that several roles edit in no declared order, with the ids of the tasks.
    `late` has what is compiled or judged while the host is worked on; `words` the handlers that a task which
    is put off may notify, by its id and their names. `lent` are the handlers that run in several places: by
    the ids of the others the one that they were compiled as.
    """

    edges: tuple[Edge, ...] = ()
    unordered_edits: tuple[tuple[str, tuple[str, ...]], ...] = ()
    late: LateTasks = field(default_factory=LateTasks, compare=False)
    words: Mapping[str, Words] = field(default_factory=dict)
    lent: Mapping[str, str] = field(default_factory=dict)


def build_graph(
    roles: Sequence[CompiledRole],
    *,
    blobs: Mapping[str, Held] | None = None,
    secrets: frozenset[str] = frozenset(),
    left_out: LeftOut = (),
    words: Words | None = None,
    base: str = "",
) -> OrderedGraph:
    """Return the tasks of `roles` with their edges and notifications, in declared order.

    `left_out` names what exists but was not selected for this run: a requirement of it is no problem.
    For tasks that join a run, `words` are the handlers there, and `base` is the task that they come out of.
    InputError with every problem found: unknown requirements and handlers, conflicting wishes, a cycle.
    """
    ordering = _Ordering(Nodes(roles, base), left_out, words or {}, joins=bool(base))
    ordering.declare()
    ordering.keep_written_order()
    ordering.place_handlers()
    ordering.relate_roles()
    ordering.contain_blocks()
    return ordering.finish(blobs or {}, secrets)


class _Ordering:
    """The state of one `build_graph`; its methods are the steps, in the order in which they are called."""

    def __init__(self, nodes: Nodes, left_out: LeftOut, words: Words, *, joins: bool) -> None:
        self._nodes = nodes
        self._joins = joins
        self._outside = words
        self._words: dict[str, dict[str, tuple[int, ...]]] = {}
        self._requires_outside: dict[int, list[str]] = defaultdict(list)
        self._notify_outside: dict[int, dict[str, None]] = defaultdict(dict)
        self._left_out = left_out
        self._problems = Diagnostics()
        self._edges = Edges(len(nodes))
        self._places: dict[tuple[int, int], Span] = {}
        self._notify: dict[int, dict[int, None]] = defaultdict(dict)
        self._locks: dict[int, set[str]] = {}
        self._lent: dict[tuple[int, str], int] = {}
        self._edited: list[tuple[str, tuple[int, ...]]] = []
        self._handlers: frozenset[int] = frozenset()

    # -- what was declared ----------------------------------------------------------------------------

    def declare(self) -> None:
        """Enter the requirements of roles and tasks, and the barriers they rest on."""
        required: dict[str, dict[str, Span]] = {name: {} for name in self._nodes.roles}
        for name, role in self._nodes.roles.items():
            self._close(role)
            for requirement in role.role.requires:
                for end in required_nodes(self._nodes, name, requirement, self._left_out, self._problems):
                    required[name].setdefault(self._nodes.owner[end], requirement.span)
        cycle = role_cycle(required)
        if cycle is not None:
            raise self._with_problems(cycle)
        for name, needed in required.items():
            for other, span in needed.items():
                self._require_role(self._nodes.roles[name], self._nodes.roles[other], span)
        for node in self._nodes.all_tasks():
            self._require_as_declared(node, handler=False)
        for node in self._nodes.all_handlers():
            self._require_as_declared(node, handler=True)
        self._follow_data()

    def _follow_data(self) -> None:
        """Let tasks come after those that tell what they speak of, and after those above them in a block."""
        numbers = {self._nodes.spec(node).id: node for node in range(len(self._nodes))}
        for node in (*self._nodes.all_tasks(), *self._nodes.all_handlers()):
            task = self._nodes.task(node)
            own = set(task.groups)
            for name in task.data:
                if (earlier := numbers.get(name)) is None:
                    if self._joins:
                        self._requires_outside[node].append(name)
                else:
                    # What a rescue reads may come from the task that has failed.
                    hard = not own.intersection(self._nodes.task(earlier).groups)
                    self._edges.add(earlier, node, Link(EdgeKind.DATA, hard))
            for name in task.data_after:
                if (earlier := numbers.get(name)) is not None:
                    self._edges.add(earlier, node, Link(EdgeKind.DATA, False))
            for name in task.follows:
                if (earlier := numbers.get(name)) is not None:
                    self._edges.add(earlier, node, Link(EdgeKind.BLOCK, False))

    def _require_as_declared(self, node: int, *, handler: bool) -> None:
        for requirement in self._nodes.task(node).requires:
            owner, problems = self._nodes.owner[node], self._problems
            for earlier in required_nodes(
                self._nodes, owner, requirement, self._left_out, problems, handler=handler
            ):
                self._require(earlier, node, EdgeKind.DECLARED, requirement.span)

    def _close(self, role: RoleNodes) -> None:
        """Tie a role's barriers and handlers to its tasks."""
        for task in role.tasks:
            self._edges.add(task, role.tasks_end, Link(EdgeKind.HANDLER, False))
            self._edges.add(task, role.end, Link(EdgeKind.ROLE, True))
        for handler in role.handlers:
            self._edges.add(role.tasks_end, handler, Link(EdgeKind.HANDLER, False))
            self._edges.add(handler, role.end, Link(EdgeKind.ROLE, True))

    def _require_role(self, role: RoleNodes, needed: RoleNodes, span: Span) -> None:
        for task in role.tasks:
            self._require(needed.end, task, EdgeKind.ROLE, span)
        self._require(needed.end, role.end, EdgeKind.ROLE, span)
        # A handler runs even if all tasks of its role were skipped, but not while what they waited for runs.
        for earlier in (needed.tasks_end, *needed.handlers):
            self._edges.add(earlier, role.tasks_end, Link(EdgeKind.ROLE, False))

    def _require(self, earlier: int, later: int, kind: EdgeKind, span: Span) -> None:
        self._edges.add(earlier, later, Link(kind, True))
        self._places.setdefault((earlier, later), span)

    def _sort(self) -> list[int]:
        try:
            return self._edges.sort()
        except CycleFound as found:
            raise self._with_problems(
                node_cycle(found.path, self._nodes, self._edges, self._places)
            ) from None

    def _with_problems(self, error: InputError) -> InputError:
        """Return the error with everything else that was found so far, so that people hear it at once."""
        return InputError(error.message, (*error.diagnostics, *self._problems.sorted()), hint=error.hint)

    # -- within a role --------------------------------------------------------------------------------

    def keep_written_order(self) -> None:
        """Order the tasks of each role from top to bottom where their effects meet."""
        order = self._sort()
        ascending = order == list(range(len(order)))
        above = [0] * len(order) if ascending else self._all_above(order)
        for role in self._nodes.roles.values():
            index = EffectIndex()
            for batch in self._batches(role.tasks if ascending else _written_order(role.tasks, above)):
                found = index.add_together(batch.tasks)
                for (node, _), (hard, after) in zip(batch.tasks, found, strict=True):
                    for earlier, key in hard.items():
                        self._edges.add(earlier, node, Link(EdgeKind.WRITTEN_ORDER, True, key))
                    for earlier, key in after.items():
                        self._edges.add(earlier, node, Link(EdgeKind.WRITTEN_ORDER, False, key))
        self._sort()
        separate_at_ends(self._nodes, self._edges)

    def _batches(self, tasks: Iterable[int]) -> Iterator[Batch]:
        """Yield the tasks in turn; neighbours that can be done in one go, as several installs, together.

        A task without effects separates nothing. An opaque one that declares what it requires is left out:
        it says itself what it needs, and nothing below waits for it unasked.
        """
        batch = Batch()
        for node in tasks:
            task = self._nodes.task(node)
            if not (task.effects.reads or task.effects.writes) or (task.effects.opaque and task.requires):
                continue
            if not batch.admit(node, task):
                yield batch
                batch = Batch()
                batch.admit(node, task)
        yield batch

    def _all_above(self, order: Sequence[int]) -> list[int]:
        """Return for each node the bit set of the nodes that it waits for, directly or not."""
        above = [0] * len(order)
        for node in order:
            for earlier in self._edges.before[node]:
                above[node] |= above[earlier] | 1 << earlier
        return above

    # -- handlers -------------------------------------------------------------------------------------

    def place_handlers(self) -> None:
        """Resolve the notifications; let each handler follow everyone who may notify it.

        A role that requires the handler's own role cannot be waited for by it: it gets the handler once more,
        at its own end.
        """
        names = HandlerNames(self._nodes)
        flushes = Flushes(self._nodes, self._edges)
        waiting = [*self._nodes.all_tasks(), *self._nodes.all_handlers()]
        for node in waiting:  # handlers that are lent on the way are appended, since they notify as well
            task = self._nodes.task(node)
            count = len(self._nodes)
            for notification in task.notify:
                outside = self._outside.get(notification.name)
                if outside is not None and not names.known(node, notification):
                    self._notify_outside[node] |= dict.fromkeys(outside)
                    continue
                for handler in names.notified(node, notification, self._problems):
                    copy = flushes.handler_for(node, handler)
                    meant = self._follow(node, handler, notification) if copy is None else copy
                    self._notify[node][meant] = None
            if task.words:
                self._words[task.spec.id] = {
                    word: tuple(
                        handler if (copy := flushes.handler_for(node, handler)) is None else copy
                        for handler in found
                    )
                    for word, found in names.words(node).items()
                }
                for word, found in names.lent(node).items():
                    notification = Notification(word, task.span)
                    meant_by_all = tuple(self._follow(node, handler, notification) for handler in found)
                    self._words[task.spec.id].setdefault(word, meant_by_all)
            waiting += range(count, len(self._nodes))
        for (handler, owner), copy in self._lent.items():
            for earlier, link in list(self._edges.before[handler].items()):
                if link.kind is EdgeKind.DECLARED:
                    self._edges.insert(self._lent.get((earlier, owner), earlier), copy, link)
        for role in self._nodes.roles.values():
            for earlier, later in pairwise(role.handlers):
                self._edges.insert(earlier, later, Link(EdgeKind.HANDLER, False))

    def _follow(self, node: int, handler: int, notification: Notification) -> int:
        """Return the handler that comes after `node`: this one, or its copy at the end of the node's role."""
        owner, link = self._nodes.owner[node], Link(EdgeKind.HANDLER, False)
        own = owner == self._nodes.owner[handler]
        if own and node in self._nodes.roles[owner].tasks:
            return handler  # the barrier between a role's tasks and its handlers sees to that
        early = not own and self._nodes.roles[owner].role.part is Part.BEFORE
        if not early and self._edges.insert(node, handler, link):
            return handler
        if own:
            names = self._nodes.label(node), self._nodes.label(handler)
            self._problems.add(
                notification.span, "handlers notify each other: {!r} and {!r}".format(*names), code="cycle"
            )
            return handler
        copy = self._lent.get((handler, owner))
        if copy is None:
            copy = self._lent[handler, owner] = self._nodes.lend(handler, owner)
            role = self._nodes.roles[owner]
            self._edges.grow()
            self._edges.insert(role.tasks_end, copy, link)
            self._edges.insert(copy, role.end, Link(EdgeKind.ROLE, True))
        if node not in self._nodes.roles[owner].tasks:
            self._edges.insert(node, copy, link)
        return copy

    # -- between roles, and the end -------------------------------------------------------------------

    def relate_roles(self) -> None:
        """Add what tasks need from other roles, and settle what several roles want of the same thing."""
        writers = writers_by_key(self._nodes)
        connect_needs(self._nodes, self._edges, writers)
        check_conflicts(self._nodes, self._edges, writers, self._problems)
        self._locks = turns(self._nodes, self._edges, writers)
        self._edited = unordered_edits(self._nodes, self._edges, writers)

    def contain_blocks(self) -> None:
        """Let what is outside of a block wait for its end, which says whether a failure was rescued."""
        groups = {
            node: self._nodes.task(node).groups
            for node in (*self._nodes.all_tasks(), *self._nodes.all_handlers())
        }
        if not any(groups.values()):
            return
        ends = {self._nodes.spec(node).id: node for node in groups}
        for node in range(len(self._nodes)):
            own = {*groups.get(node, ()), self._nodes.spec(node).id}
            for earlier in list(self._edges.before[node]):
                end = next((name for name in groups.get(earlier, ()) if name not in own), None)
                if end is None or end not in ends:
                    continue
                link = self._edges.drop(earlier, node)
                if not self._edges.insert(ends[end], node, link):
                    self._edges.add(earlier, node, link)  # it stands between tasks of the block itself
        parts = {node: self._parts(node, around, ends) for node, around in groups.items() if around}
        for node, own_parts in parts.items():
            for earlier, link in list(self._edges.before[node].items()):
                there = parts.get(earlier, {})
                apart = any(own_parts.get(end, part) != part for end, part in there.items())
                if apart and link.hard and link.kind is not EdgeKind.DECLARED:
                    # A rescue runs just because of a failure, and an always whatever has failed.
                    self._edges.before[node][earlier] = replace(link, hard=False)

    def _parts(self, node: int, around: Sequence[str], ends: Mapping[str, int]) -> dict[str, str]:
        """Return in which part of each block around it a task is: its tasks, its rescue or its always."""
        units = (*around[1:], self._nodes.spec(node).id)
        found = {}
        for end, unit in zip(around, units, strict=True):
            group = self._nodes.spec(ends[end]).group if end in ends else {}
            found[end] = next(
                (part for part in ("block", "rescue", "always") if unit in group.get(part, ())), ""
            )
        return found

    def finish(self, blobs: Mapping[str, Held], secrets: frozenset[str]) -> OrderedGraph:
        """Return the graph with no edge too many; InputError if there was a problem."""
        self._problems.raise_if_any()
        self._edges.reduce()
        idle = self._idle()
        kept = [node for node in self._emitted() if node not in idle]
        self._handlers = frozenset(self._nodes.all_handlers())
        names = [self._nodes.spec(node).id for node in range(len(self._nodes))]
        edges = tuple(
            Edge(names[earlier], names[node], link.kind, link.hard, link.key)
            for node in kept
            for earlier, link in sorted(self._edges.before[node].items())
        )
        return OrderedGraph(
            tasks=tuple(self._finished(node, names) for node in kept),
            blobs=blobs,
            secrets=secrets,
            edges=edges,
            words={
                name: {
                    **{word: tuple(self._outside[word]) for word in self._outside},
                    **{word: tuple(names[handler] for handler in found) for word, found in each.items()},
                }
                for name, each in self._words.items()
            },
            lent=dict(self._nodes.lent),
            unordered_edits=tuple((key, tuple(names[n] for n in group)) for key, group in self._edited),
        )

    def _emitted(self) -> list[int]:
        """Return all nodes in declared order; lent handlers stand behind those of the role they serve."""
        order = []
        for role in self._nodes.roles.values():
            order += [*role.tasks, role.tasks_end, *role.handlers, role.end]
        return order

    def _idle(self) -> set[int]:
        """Return the barriers that nothing waits for."""
        idle: set[int] = set()
        for node in reversed(self._edges.order()):
            if self._nodes.spec(node).barrier and idle.issuperset(self._edges.behind[node]):
                idle.add(node)
        return idle

    def _finished(self, node: int, names: Sequence[str]) -> TaskSpec:
        before = sorted(self._edges.before[node].items())
        return replace(
            self._nodes.spec(node),
            requires=(
                *(names[earlier] for earlier, link in before if link.hard),
                *self._requires_outside.get(node, ()),
            ),
            after=tuple(names[earlier] for earlier, link in before if not link.hard),
            notify=(
                *(names[handler] for handler in self._notify.get(node, ())),
                *self._notify_outside.get(node, ()),
            ),
            handler=node in self._handlers,
            locks=(*self._nodes.spec(node).locks, *sorted(self._locks.get(node, ()))),
        )


def _written_order(tasks: range, above: Sequence[int]) -> list[int]:
    """Return a role's tasks as written, but each one below those that it requires, directly or not."""
    own = ((1 << len(tasks)) - 1) << tasks.start
    missing = {node: (above[node] & own).bit_count() for node in tasks}
    waiting = {node for node, count in missing.items() if count}
    ready = [node for node, count in missing.items() if not count]
    order: list[int] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for later in [other for other in waiting if above[other] >> node & 1]:
            missing[later] -= 1
            if not missing[later]:
                waiting.discard(later)
                heapq.heappush(ready, later)
    return order
