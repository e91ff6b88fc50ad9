"""Named capacities that running tasks share: all or nothing, exact, and in the order of asking."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator, Mapping

# Amounts are kept as whole millionths, so that ten tenths are one and nothing drifts.
_UNITS = 1_000_000
Need = tuple[tuple[str, int], ...]


def impossible(request: Mapping[str, float], capacities: Mapping[str, float]) -> Iterator[str]:
    """Yield, for people, every reason why a request can never be met."""
    for name, amount in request.items():
        if not amount >= 0:  # also catches not-a-number
            yield f"asks for {amount:g} of resource {name!r}"
        elif name not in capacities:
            known = ", ".join(sorted(capacities)) or "none"
            yield f"asks for unknown resource {name!r} (known: {known})"
        elif amount > capacities[name]:
            yield f"asks for {amount:g} of resource {name!r}, which has {capacities[name]:g}"


class ResourcePool:
    """Grants requests for named capacities; not thread-safe, the scheduler calls it under its lock.

    A request gets everything at once or nothing, so that no two can block each other half-way. Who is
    refused queues, and what it asked for is kept from everyone who asks later: a big request is served
    before later small ones of the same resources, and nobody starves.
    """

    def __init__(self, capacities: Mapping[str, float]) -> None:
        self._free: dict[str, int] = {}
        self._reserved: dict[str, int] = {}
        self._granted: dict[int, Need] = {}
        self._waiting: dict[int, tuple[int, Need]] = {}
        self._queues: dict[Need, OrderedDict[int, int]] = {}  # request: {ticket: number}, oldest first
        self._tickets: dict[int, int] = {}  # kept by who had to leave the queue for another reason
        self._next_ticket = 0
        self._admitted: set[int] = set()
        self._capacity: dict[str, int] = {}  # what can still be had, once everything is given back
        self._lost: dict[str, int] = {}  # resource: the last task that never gives back its share
        for name, amount in capacities.items():
            self.add(name, amount)

    def add(self, name: str, amount: float) -> None:
        """Add a capacity that did not exist."""
        self._free[name] = self._capacity[name] = round(amount * _UNITS)
        self._reserved[name] = 0

    def acquire(self, number: int, request: Mapping[str, float]) -> bool:
        """Take everything that task `number` asks for, or queue it and take nothing."""
        waiting = self._waiting.get(number)
        need = waiting[1] if waiting else tuple((n, round(a * _UNITS)) for n, a in sorted(request.items()))
        for name, units in need:
            kept = 0 if waiting else self._reserved[name]
            if self._free[name] - kept < units:
                self._admitted.discard(number)
                if not waiting:
                    self._enqueue(number, need)
                return False
        self._leave(number)
        self._tickets.pop(number, None)
        self.seize(number, need)
        return True

    def seize(self, number: int, need: Need) -> None:
        """Take it without asking: for work that runs already when a capacity begins to count."""
        for name, units in need:
            self._free[name] -= units
        self._granted[number] = need

    def release(self, number: int) -> list[int]:
        """Give back what the task was granted; return the queued tasks that fit now, oldest first."""
        for name, units in self._granted.pop(number, ()):
            self._free[name] += units
        return self.admit()

    def lose(self, number: int, kept: str) -> list[int]:
        """Write off what the task was granted, but for the resource `kept`; return as `release` does."""
        for name, units in self._granted.pop(number, ()):
            if name == kept:
                self._free[name] += units
            elif units:
                self._capacity[name] -= units
                self._lost[name] = number
        return self.admit()

    def loser(self, request: Mapping[str, float]) -> int | None:
        """Return the task that lost what this request would need, if it cannot be met any more."""
        for name, amount in request.items():
            if name in self._lost and round(amount * _UNITS) > self._capacity[name]:
                return self._lost[name]
        return None

    def withdraw(self, number: int) -> list[int]:
        """Take a task out of the queue, which keeps its turn; return the tasks that fit without it."""
        return self.admit() if self._leave(number) else []

    def admit(self) -> list[int]:
        """Return the queued tasks that fit now and were not returned before."""
        if not self._waiting:
            return []
        budget = dict(self._free)
        readers = {need: iter(queue.items()) for need, queue in self._queues.items()}
        heads = [(*next(reader), need) for need, reader in readers.items()]
        heapq.heapify(heads)
        fitting = []
        while heads:
            _, number, need = heads[0]
            if all(budget[name] >= units for name, units in need):
                if number not in self._admitted:
                    self._admitted.add(number)
                    fitting.append(number)
                following = next(readers[need], None)
                if following is None:
                    heapq.heappop(heads)
                else:
                    heapq.heapreplace(heads, (*following, need))
            else:  # the later ones of the same request do not fit either
                heapq.heappop(heads)
            for name, units in need:
                budget[name] -= units
        return fitting

    def _enqueue(self, number: int, need: Need) -> None:
        ticket = self._tickets.get(number)
        returned = ticket is not None
        if ticket is None:
            ticket = self._tickets[number] = self._next_ticket
            self._next_ticket += 1
        self._waiting[number] = (ticket, need)
        queue = self._queues.setdefault(need, OrderedDict())
        queue[ticket] = number
        if returned:
            queue.move_to_end(ticket, last=False)
        for name, units in need:
            self._reserved[name] += units

    def _leave(self, number: int) -> bool:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return False
        ticket, need = waiting
        self._admitted.discard(number)
        queue = self._queues[need]
        del queue[ticket]
        if not queue:
            del self._queues[need]
        for name, units in need:
            self._reserved[name] -= units
        return True
