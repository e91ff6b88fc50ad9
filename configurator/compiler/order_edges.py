"""A growing graph of numbered nodes that stays free of cycles and ends with no edge too many."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class EdgeKind(StrEnum):
    """Why one task waits for another one."""

    DECLARED = "declared"  # `requires` of the task
    ROLE = "role"  # `requires` of its role, or a role's end waiting for its tasks
    WRITTEN_ORDER = "written_order"  # the same role, top to bottom, and their effects meet
    NEEDS = "needs"  # reads what a task of another role writes
    SAME_WISH = "same_wish"  # wants the same as a task of another role: one after the other
    HANDLER = "handler"  # a handler waits for those that may notify it
    DATA = "data"  # it speaks of what the other one finds out
    BLOCK = "block"  # a block with a rescue is done from top to bottom
    END = "end"  # a `meta` ends the role or the host: above it all comes first, below it all waits


@dataclass(frozen=True, slots=True)
class Link:
    """One edge: whether the earlier task must have succeeded (`hard`), or merely ended, and why.

    `key` is the effect key that both touch, where there is one.
    """

    kind: EdgeKind
    hard: bool
    key: str = ""


class CycleFound(Exception):  # noqa: N818  (it carries the path; order.py makes the InputError)
    """The edges cannot be obeyed; `path` is closed, each node waiting for the next one."""

    def __init__(self, path: Sequence[int]) -> None:
        super().__init__(path)
        self.path = tuple(path)


class Edges:
    """Edges between `count` nodes; `before[n]` maps each node that n waits for to the reason.

    Call `sort` once the edges that must hold are in; `insert` then adds only what closes no cycle.
    """

    __slots__ = ("_position", "before", "behind")

    def __init__(self, count: int) -> None:
        self.before: list[dict[int, Link]] = [{} for _ in range(count)]
        self.behind: list[set[int]] = [set() for _ in range(count)]
        self._position: list[int] = []

    def add(self, earlier: int, later: int, link: Link) -> None:
        """Add an edge; of two between the same nodes the hard one stays, else the first."""
        known = self.before[later].get(earlier)
        if known is None or (link.hard and not known.hard):
            self.before[later][earlier] = link
            self.behind[earlier].add(later)

    def sort(self) -> list[int]:
        """Return the nodes in an order that obeys every edge, as near to ascending as that can be.

        CycleFound if there is none.
        """
        missing = [len(waits) for waits in self.before]
        ready = [node for node, count in enumerate(missing) if not count]  # ascending, hence a heap
        order: list[int] = []
        while ready:
            node = heapq.heappop(ready)
            order.append(node)
            for later in self.behind[node]:
                missing[later] -= 1
                if not missing[later]:
                    heapq.heappush(ready, later)
        if len(order) < len(missing):
            raise CycleFound(self._cycle({node for node, count in enumerate(missing) if count}))
        self._position = [0] * len(order)
        for place, node in enumerate(order):
            self._position[node] = place
        return order

    def grow(self) -> None:
        """Add a node, after all others. Only after `sort`."""
        self._position.append(len(self.before))
        self.before.append({})
        self.behind.append(set())

    def insert(self, earlier: int, later: int, link: Link) -> bool:
        """Add an edge unless it would close a cycle; return whether it holds. Only after `sort`."""
        if earlier == later:
            return False
        low, high = self._position[later], self._position[earlier]
        if low < high:
            ahead = self._reach(later, self.behind, lambda place: place <= high)
            if earlier in ahead:
                return False
            back = self._reach(earlier, self.before, lambda place: place >= low)
            self._reorder(back, ahead)
        self.add(earlier, later, link)
        return True

    def ordered(self, one: int, other: int) -> bool:
        """Return True if one of the two nodes waits for the other, directly or not. Only after `sort`."""
        if self._position[one] > self._position[other]:
            one, other = other, one
        limit = self._position[other]
        return other in self._reach(one, self.behind, lambda place: place <= limit)

    def order(self) -> list[int]:
        """Return all nodes in the order found so far."""
        return sorted(range(len(self.before)), key=self._position.__getitem__)

    def position(self, node: int) -> int:
        """Return the node's place in the order found so far."""
        return self._position[node]

    def drop(self, earlier: int, later: int) -> Link:
        """Take an edge out and return why it was there."""
        self.behind[earlier].discard(later)
        return self.before[later].pop(earlier)

    def reduce(self) -> None:
        """Drop the edges that others imply; what each node may rely on stays the same. Only after `sort`.

        A skipped task ends at once, while other tasks that it waited for still run. So only hard edges carry
        anything further: a node that requires its way back to X never runs before X has succeeded, but
        `X, then Y skipped, then Z` says nothing about X and Z.
        """
        succeeded = [0] * len(self.before)  # bit sets: nodes that succeeded before this one runs
        ended = [0] * len(self.before)  # and those that have ended before it runs
        for node in self.order():
            waits = self.before[node]
            # Latest first: what an edge implies lies before its beginning.
            waiting = sorted(waits.items(), key=lambda item: self._position[item[0]], reverse=True)
            for earlier, link in waiting:
                bit = 1 << earlier
                if (succeeded[node] if link.hard else ended[node]) & bit:
                    del waits[earlier]
                    self.behind[earlier].discard(node)
                elif link.hard:
                    succeeded[node] |= bit | succeeded[earlier]
                    ended[node] |= bit | ended[earlier]
                else:
                    ended[node] |= bit

    def _reorder(self, back: set[int], ahead: set[int]) -> None:
        """Give the nodes behind a new edge the later ones of the places that both groups hold."""
        nodes = [
            *sorted(back, key=self._position.__getitem__),
            *sorted(ahead, key=self._position.__getitem__),
        ]
        for node, place in zip(nodes, sorted(self._position[node] for node in nodes), strict=True):
            self._position[node] = place

    def _reach(
        self, start: int, following: Sequence[Iterable[int]], within: Callable[[int], bool]
    ) -> set[int]:
        reached, stack = {start}, [start]
        while stack:
            for node in following[stack.pop()]:
                if node not in reached and within(self._position[node]):
                    reached.add(node)
                    stack.append(node)
        return reached

    def _cycle(self, rest: set[int]) -> list[int]:
        """Return a cycle among `rest`, each of which waits for another one of them."""
        node = min(rest)
        path: list[int] = []
        seen: dict[int, int] = {}
        while node not in seen:
            seen[node] = len(path)
            path.append(node)
            node = next(earlier for earlier in self.before[node] if earlier in rest)
        return [*path[seen[node] :], node]
