"""`meta: flush_handlers`: the handlers that were notified above it run there, and again for what is below.

A flush is a barrier in its role, and a second one behind it is passed when the handlers there have succeeded.
"""

from __future__ import annotations

from configurator.compiler.order_edges import EdgeKind, Edges, Link
from configurator.compiler.order_nodes import Nodes


class Flushes:
    """The flushes of all roles, and the copies of handlers that run at each."""

    def __init__(self, nodes: Nodes, edges: Edges) -> None:
        self._nodes = nodes
        self._edges = edges
        self._flushes: dict[str, list[int]] = {}
        self._copies: dict[tuple[int, int], int] = {}
        self._copied: dict[int, tuple[int, int]] = {}  # a copy's handler, and its flush
        for name, role in nodes.roles.items():
            found = [node for node in role.tasks if nodes.task(node).flush]
            if found:
                self._flushes[name] = found
                self._separate(list(role.tasks), found)

    def _separate(self, tasks: list[int], flushes: list[int]) -> None:
        """Let a flush follow all that stands above it in its role."""
        above: list[int] = []
        for node in tasks:
            if node not in flushes:
                above.append(node)
                continue
            for earlier in above:
                self._edges.insert(earlier, node, Link(EdgeKind.HANDLER, False))
            above = [node]
        for flush in flushes:
            for node in tasks[tasks.index(flush) + 1 :]:
                self._edges.insert(flush, node, Link(EdgeKind.HANDLER, False))

    def handler_for(self, node: int, handler: int) -> int | None:
        """Return the copy of a handler that runs at the first flush below a task; None if there is none.

        What a handler notifies while a flush is under way runs in that flush if it stands below that handler,
        and else at the next one.
        """
        owner = self._nodes.owner[node]
        notifier, here = self._copied.get(node, (None, node))
        if notifier is None and node not in self._nodes.roles[owner].tasks:
            return None
        same = notifier is not None and handler > notifier
        found = (flush for flush in self._flushes.get(owner, ()) if flush > here or (same and flush == here))
        flush = next(found, None)
        if flush is None:
            return None
        copy = self._copies.get((handler, flush))
        if copy is not None:
            return copy
        number = self._flushes[owner].index(flush) + 1
        copy = self._copies[handler, flush] = self._nodes.lend(handler, owner, f"at flush {number}")
        self._edges.grow()
        self._edges.insert(flush, copy, Link(EdgeKind.HANDLER, False))
        role = self._nodes.roles[owner]
        for later in range(flush + 1, role.tasks.stop):
            self._edges.insert(copy, later, Link(EdgeKind.HANDLER, True))
        self._edges.insert(copy, role.end, Link(EdgeKind.ROLE, True))
        self._edges.insert(copy, role.tasks_end, Link(EdgeKind.HANDLER, False))
        self._copied[copy] = handler, flush
        for (other, at), its in self._copies.items():
            if at == flush and other != handler:
                first, second = (its, copy) if other < handler else (copy, its)
                self._edges.insert(first, second, Link(EdgeKind.HANDLER, False))
        return copy
