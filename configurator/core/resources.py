"""Named capacities that running tasks share: all or nothing, exact, and in the order of asking."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator, Mapping

# Amounts are kept as whole millionths, so that ten tenths are one and nothing drifts.
_UNITS = 1_000_000
_END = (float("inf"), -1)
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
    before later small ones of the same resources, and nobody starves. Amounts count in millionths.
    """

    def __init__(self, capacities: Mapping[str, float]) -> None:
        self._free: dict[str, int] = {}
        self._reserved: dict[str, int] = {}
        self._granted: dict[int, Need] = {}
        self._waiting: dict[int, tuple[int, Need]] = {}
        # By the names asked for: once a request is refused, no later one of the same names can fit either.
        self._lines: dict[tuple[str, ...], _Line] = {}
        self._tickets: dict[int, int] = {}  # kept by who had to leave the queue for another reason
        self._next_ticket = 0
        self._offered: set[int] = set()  # queued tasks that were returned as fitting
        self._capacity: dict[str, int] = {}  # what can still be had, once everything is given back
        self._lost: dict[str, int] = {}  # resource: the last task that never gives back its share
        for name, amount in capacities.items():
            self.add(name, amount)

    def add(self, name: str, amount: float) -> None:
        """Add a capacity that did not exist."""
        self._free[name] = self._capacity[name] = round(amount * _UNITS)
        self._reserved[name] = 0

    def acquire(self, number: int, request: Mapping[str, float]) -> bool:
        """Take everything that task `number` asks for, or queue it and take nothing.

        One that is queued gets it only when it was returned as fitting.
        """
        if number in self._waiting:
            need = self._waiting[number][1]
            if number not in self._offered or not _covers(self._free, need):
                self._offered.discard(number)
                return False
            self._leave(number)
        else:
            need = _need(request)
            for name, units in need:
                if self._free[name] - self._reserved[name] < units:
                    # Its turn may be older than the claims that it was refused for.
                    if not self._enqueue(number, need) or number not in self.admit():
                        return False
                    self._leave(number)
                    break
        self._tickets.pop(number, None)
        self.seize(number, need)
        return True

    def seize(self, number: int, need: Need) -> None:
        """Take it without asking, on top of what the task has: for work that runs already."""
        for name, units in need:
            self._free[name] -= units
        self._granted[number] = self._granted.get(number, ()) + need

    def holds(self, number: int) -> bool:
        """Return True if the task was granted something."""
        return number in self._granted

    def hand_over(self, number: int, heir: int) -> None:
        """Have another task hold what this one was granted."""
        granted = self._granted.pop(number, ())
        if granted:
            self._granted[heir] = self._granted.get(heir, ()) + granted

    def release(self, number: int) -> list[int]:
        """Give back what the task was granted; return the queued tasks that fit now, oldest first."""
        for name, units in self._granted.pop(number, ()):
            self._free[name] += units
        return self.admit()

    def has(self, name: str, units: int) -> bool:
        """Return True if so much of a resource is free, whoever waits for it."""
        return self._free[name] >= units

    def part_with(self, number: int, name: str) -> int:
        """Give back what the task was granted of one resource alone; return how much."""
        need = self._granted.get(number, ())
        units = sum(amount for other, amount in need if other == name)
        self._granted[number] = tuple(pair for pair in need if pair[0] != name)
        self._free[name] += units
        return units

    def lose(self, number: int, kept: str) -> list[int]:
        """Write off what the task was granted, but for the resource `kept`; return as `release` does."""
        for name, units in self._granted.pop(number, ()):
            if name == kept:
                self._free[name] += units
            else:
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

    def ask_more(self, name: str, amount: float) -> list[int]:
        """Have everyone in the queue ask for this, too; return as `release` does."""
        more = _need({name: amount})
        for number, (_, need) in sorted(self._waiting.items(), key=lambda item: item[1]):
            self._leave(number)
            self._enqueue(number, tuple(sorted(need + more)))
        return self.admit()

    def admit(self) -> list[int]:
        """Return the queued tasks that fit now and were not returned before."""
        if not self._waiting:
            return []
        budget = dict(self._free)
        heads = [_Reader(line) for line in self._lines.values()]
        heapq.heapify(heads)
        behind: list[_Reader] = []
        fitting = []
        while heads:
            head = heads[0]
            number, need = head.number, self._waiting[head.number][1]
            fits = _covers(budget, need) and self._spared(head.ticket, need, budget, behind)
            _deduct(budget, need)
            if fits and number not in self._offered:
                self._offered.add(number)
                fitting.append(number)
            more = head.advance()
            if fits and more:
                heapq.heapreplace(heads, head)
            else:
                heapq.heappop(heads)
                if more:
                    behind.append(head)
        return fitting

    def _spared(self, ticket: float, need: Need, budget: dict[str, int], behind: list[_Reader]) -> bool:
        """Take from the budget what older requests claim that queue behind a refused one; True if it fits.

        It stops at the first claim that leaves too little, so that it never walks down a long queue.
        """
        names = {name for name, _ in need}
        for reader in behind:
            while reader.ticket < ticket:
                claim = self._waiting[reader.number][1]
                if names.isdisjoint(name for name, _ in claim):
                    break
                _deduct(budget, claim)
                reader.advance()
                if not _covers(budget, need):
                    return False
        return True

    def _enqueue(self, number: int, need: Need) -> bool:
        """Queue a task; True if it had a turn before, which it takes up again."""
        ticket = self._tickets.get(number)
        returns = ticket is not None
        if ticket is None:
            ticket = self._tickets[number] = self._next_ticket
            self._next_ticket += 1
        self._waiting[number] = (ticket, need)
        self._lines.setdefault(tuple(name for name, _ in need), _Line()).add(ticket, number)
        for name, units in need:
            self._reserved[name] += units
        return returns

    def _leave(self, number: int) -> bool:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return False
        ticket, need = waiting
        self._offered.discard(number)
        names = tuple(name for name, _ in need)
        line = self._lines[names]
        line.remove(ticket)
        if not line:
            del self._lines[names]
        for name, units in need:
            self._reserved[name] -= units
        return True


class _Line:
    """Queued tasks as (ticket, number) in the order of their tickets."""

    __slots__ = ("_newest", "_queue", "_returned")

    def __init__(self) -> None:
        self._queue: OrderedDict[int, int] = OrderedDict()
        self._newest = -1
        self._returned: list[tuple[int, int]] = []  # few: older than the newest when they came

    def __bool__(self) -> bool:
        return bool(self._queue or self._returned)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if self._returned:
            return heapq.merge(self._returned, self._queue.items())
        return iter(self._queue.items())

    def add(self, ticket: int, number: int) -> None:
        if ticket > self._newest:
            self._newest = ticket
            self._queue[ticket] = number
        else:
            insort(self._returned, (ticket, number))

    def remove(self, ticket: int) -> None:
        if self._queue.pop(ticket, None) is None:
            del self._returned[bisect_left(self._returned, (ticket,))]


class _Reader:
    """A place in a line, which may be moved towards its end; the nearer to the oldest ticket, the less."""

    __slots__ = ("_rest", "number", "ticket")

    def __init__(self, line: _Line) -> None:
        self._rest: Iterator[tuple[float, int]] = iter(line)
        self.ticket, self.number = next(self._rest)

    def __lt__(self, other: _Reader) -> bool:
        return self.ticket < other.ticket

    def advance(self) -> bool:
        """Go on to the next one; False at the end, which comes after every ticket."""
        self.ticket, self.number = next(self._rest, _END)
        return self.number >= 0


def _need(request: Mapping[str, float]) -> Need:
    """Return what is asked for in whole units; who asks nothing of a resource does not wait for it."""
    asked = [(name, round(amount * _UNITS)) for name, amount in sorted(request.items())]
    return tuple(item for item in asked if item[1])


def _covers(budget: Mapping[str, int], need: Need) -> bool:
    for name, units in need:  # noqa: SIM110  (asked for every task that ends; `all` takes twice as long)
        if budget[name] < units:
            return False
    return True


def _deduct(budget: dict[str, int], need: Need) -> None:
    for name, units in need:
        budget[name] -= units
