"""The tasks that could start, and what keeps them: locks, resources, exclusive tasks. Not thread-safe.

A task that has to wait is parked with what it waits for, so that picking never looks at it again before
that is free; a lock that becomes free brings back one task, not all: with 100,000 tasks behind one lock
anything else would be quadratic.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from configurator.core.resources import ResourcePool
from configurator.core.task import Task

# Joining a batch only pays for tasks that are about as urgent as the picked one: a simulation of 49 modules
# took 152 s with this bound, 180 s when everything ready was joined.
_BATCH_URGENCY = 0.25
_SLOTS = "worker slots"

Entry = tuple[float, int]  # less is more urgent; equal ones in declared order
Kind = tuple[object, ...]


class State(IntEnum):
    """Where a task is in its life; kept in a bytearray, one byte a task."""

    WAITING = 0  # for its prerequisites
    READY = 1
    RUNNING = 2
    DELAYED = 3  # until its next attempt
    ENDED = 4


# An enum's member costs an attribute lookup and a conversion each; these are used for every task.
_READY, _RUNNING = int(State.READY), int(State.RUNNING)


class ReadyQueue:
    """Hands out ready tasks, the most urgent first, each with its locks and resources taken.

    `key_of(number)` is the lower the more urgent. `admits(number)` is asked last, when everything else was
    granted: the name of a lock to wait for, the empty string to start, or None when the task has just been
    ended and must not start.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        pool: ResourcePool,
        slots: int,
        key_of: Callable[[int], float],
        admits: Callable[[int], str | None],
    ) -> None:
        self._tasks = tasks
        self._pool = pool
        self._slots = slots
        self._key_of = key_of
        self._admits = admits
        self.states = bytearray(len(tasks))
        self.running = 0  # how many tasks run
        self._leaked_locks: dict[str, int] = {}  # lock: the task that never gave it back
        self._heap: list[Entry] = []
        self._backlog: list[Entry] = []  # what was ready at the start, the most urgent last
        self._parked: dict[str, list[Entry]] = {}
        self._held: set[str] = set()
        self._owned: dict[int, frozenset[str]] = {}  # only of tasks that hold any
        self._rooms: dict[str, int] = {}  # locks that several can have at once: the places that are free
        self._claims: dict[str, int] = {}  # of those, the places that are kept for tasks that come back
        self._lent: dict[int, tuple[frozenset[str], int]] = {}  # by tasks that wait: rooms and slots
        self._coming_back: set[int] = set()
        self._promised: dict[str, int] = {}  # lock: the task that was brought back for it
        self._candidates: dict[int, str] = {}
        self._batches: dict[Kind, list[Entry]] = {}
        self._mates: dict[int, set[int]] = {}  # task of a running batch: those of the batch that still run
        self._stray: set[int] = set()  # those whose batch was given up with its worker, but for them
        self._alone: list[Entry] = []  # exclusive tasks that are ready
        self._exclusive: int | None = None
        self._pooled = False  # somebody holds or waits for a resource
        self._weighted = any(task.weight != 1.0 for task in tasks)
        if self._weighted:
            pool.add(_SLOTS, slots)

    def __bool__(self) -> bool:
        """True if there may be something to pick."""
        if self._exclusive is not None:
            return False
        return bool(self._heap or self._backlog or (self._alone and not self.running))

    def grow(self, tasks: Sequence[Task]) -> None:
        """Know the tasks that joined; `tasks` is the list of all."""
        fresh = tasks[len(self.states) :]
        self._tasks = tasks
        self.states.extend(bytes(len(fresh)))
        if not self._weighted and any(task.weight != 1.0 for task in fresh):
            self._weighted = True
            self._pooled = True
            self._pool.add(_SLOTS, self._slots)
            for number, (rooms, _) in self._lent.items():
                self._lent[number] = rooms, 1_000_000
            # Batches are counted once: together they have one worker, or none if it was given up, or lent.
            counted = {id(self._mates[number]) for number in self._lent if number in self._mates}
            for number, state in enumerate(self.states):
                mates = self._mates.get(number)
                placed = state == _RUNNING and number not in self._lent and number not in self._stray
                if placed and id(mates) not in counted:
                    self._pool.seize(self.holder(number), ((_SLOTS, 1_000_000),))
                    if mates is not None:
                        counted.add(id(mates))
            self._bring_back(self._pool.ask_more(_SLOTS, 1.0))

    def start(self, numbers: Iterable[int]) -> None:
        """Make the first tasks ready; sorted once, they cost less to pick than from a heap."""
        for number in numbers:
            self.push(number)
        self._backlog, self._heap = sorted(self._heap, reverse=True), []

    def push(self, number: int) -> None:
        """Make a task ready."""
        self.states[number] = _READY
        key = self._key_of(number)
        heapq.heappush(self._heap, (key, number))
        task = self._tasks[number]
        if task.batch_key is not None:
            self._batches.setdefault(_kind(task), []).append((key, number))

    def pick(self) -> list[int]:
        """Take the most urgent task that fits, with those that can share its batch; [] if none fits."""
        if self._exclusive is not None:
            return []
        heap, backlog, states = self._heap, self._backlog, self.states
        while heap or backlog or (self._alone and not self.running):
            if not heap and not backlog:
                entry = heapq.heappop(self._alone)
                if self._starts_alone(entry):
                    return [entry[1]]
                continue  # it may have been skipped, which released others
            first = backlog and not (heap and heap[0] < backlog[-1])
            entry = backlog.pop() if first else heapq.heappop(heap)
            number = entry[1]
            if states[number] != _READY:
                self._pass_on(number)
                continue
            task = self._tasks[number]
            if task.exclusive:
                self._pass_on(number)
                heapq.heappush(self._alone, entry)
                continue
            needs = task.locks or task.resources or task.breaker or self._weighted
            if needs and not self._grants(task, entry):
                continue
            states[number] = _RUNNING
            self.running += 1
            return [number] if task.batch_key is None else [number, *self._companions(task, entry)]
        return []

    def release(self, number: int) -> None:
        """Give back what a task that has ended, or waits for its next attempt, holds."""
        self.running -= 1
        if self._exclusive == number:
            self._exclusive = None
        if number in self._mates and self._bequeath(number):
            return
        if number in self._lent:
            self._forget_loan(number)
        if number in self._owned:
            owned = self._owned.pop(number)
            self._held -= owned
            for lock in owned:
                if lock in self._rooms:
                    self._count(lock, 1)
                else:
                    self._promote(lock)
        if self._pooled:
            self._bring_back(self._pool.release(number))

    def leak(self, number: int) -> None:
        """Note that a task will never give back its locks and resources; its worker is replaced."""
        self.running -= 1
        if self._exclusive == number:
            self._exclusive = None
        holder = self.holder(number)  # with it the rest of its batch has lost what they hold together
        rest = self._mates.pop(number, set())
        rest.discard(number)
        self._stray |= rest
        if holder in self._lent:
            self._forget_loan(holder)
        for lock in self._owned.pop(holder, ()):
            if lock in self._rooms:  # like a worker: a place stands for running, and another one takes it
                self._count(lock, 1)
            else:
                self._leaked_locks[lock] = number
        if holder != number:
            self._pool.hand_over(holder, number)
        self._bring_back(self._pool.lose(number, kept=_SLOTS))

    def leaker(self, number: int) -> int | None:
        """Return the task that for good holds what this one needs, if there is one."""
        task = self._tasks[number]
        if self._leaked_locks:
            for lock in task.locks:
                if lock in self._leaked_locks:
                    return self._leaked_locks[lock]
        return self._pool.loser(task.resources) if task.resources else None

    def close(self, lock: str) -> None:
        """Make tasks that `admits` sends to this lock wait there."""
        self._held.add(lock)

    def open(self, lock: str) -> None:
        """Bring back everything that waits for a lock made by `close`."""
        self._held.discard(lock)
        for entry in self._parked.pop(lock, []):
            heapq.heappush(self._heap, entry)

    def forget(self, numbers: Iterable[int]) -> None:
        """Let go of ready tasks that ended without having run."""
        for number in numbers:
            self._pass_on(number)
            self._bring_back(self._pool.withdraw(number))

    def ready(self) -> list[int]:
        """Return every task that is ready, in declared order."""
        return [number for number, state in enumerate(self.states) if state == State.READY]

    # -- rooms, and tasks that lend their place ---------------------------------------------------------

    def add_room(self, name: str, places: int) -> None:
        """Add a lock that so many tasks can have at once."""
        self._rooms[name] = places

    def lend(self, number: int) -> None:
        """Give the places of a running task to others while it waits; it keeps its locks and resources."""
        owned = self._owned.get(number, frozenset())
        rooms = frozenset(lock for lock in owned if lock in self._rooms)
        if rooms:
            self._owned[number] = owned - rooms
        self._lent[number] = rooms, self._pool.part_with(number, _SLOTS) if self._weighted else 0
        for room in rooms:
            self._count(room, 1)
        if self._weighted:
            self._bring_back(self._pool.admit())

    def holder(self, number: int) -> int:
        """Return the task that holds what this one works under: another one of its batch, it may be."""
        mates = self._mates.get(number, ())
        return next((mate for mate in mates if mate in self._owned or self._pool.holds(mate)), number)

    def take_back(self, number: int) -> bool:
        """Have a task that has waited run again; False while there is no place, which is then kept for it."""
        rooms, slots = self._lent[number]
        if all(self._rooms[room] > 0 for room in rooms) and (not slots or self._pool.has(_SLOTS, slots)):
            self._forget_loan(number)
            if rooms:
                self._owned[number] = self._owned.get(number, frozenset()) | rooms
            for room in rooms:
                self._count(room, -1)
            if slots:
                self._pool.seize(number, ((_SLOTS, slots),))
            return True
        if number not in self._coming_back:
            self._coming_back.add(number)
            for room in rooms:
                self._claims[room] = self._claims.get(room, 0) + 1
                self._count(room, 0)
            if slots:
                self.close(_SLOTS)
        return False

    def wait_again(self, number: int) -> None:
        """Have no place kept any more for a task that is to wait for something else."""
        if number in self._coming_back:
            self._coming_back.remove(number)
            rooms, slots = self._lent[number]
            for room in rooms:
                self._claims[room] -= 1
                self._count(room, 0)
            if slots and not any(self._lent[other][1] for other in self._coming_back):
                self.open(_SLOTS)

    def _forget_loan(self, number: int) -> None:
        self.wait_again(number)
        del self._lent[number]

    def _count(self, room: str, change: int) -> None:
        """Count a room's free places; with none left for those who come it is held, as any lock is."""
        self._rooms[room] += change
        if self._rooms[room] > self._claims.get(room, 0):
            self._held.discard(room)
            self._promote(room)
        else:
            self._held.add(room)

    # -- what keeps a task from starting ----------------------------------------------------------------

    def _grants(self, task: Task, entry: Entry) -> bool:
        """Take the task's locks and resources, or park it with the first that it cannot have."""
        number = entry[1]
        request, locks = task.resources, task.locks
        if self._weighted:  # slots are a lock only while they are kept for a task that comes back
            request, locks = {**request, _SLOTS: task.weight}, locks | {_SLOTS}
        for lock in sorted(locks) if len(locks) > 1 else locks:
            if lock in self._held:
                self._park(entry, lock)
                return False
        if request:
            self._pooled = True
            if not self._pool.acquire(number, request):
                self._pass_on(number)
                return False
        refusal = self._admits(number)
        if refusal != "":
            waiters = self._pool.release(number)
            if refusal is None:
                self._pass_on(number)
            else:
                self._park(entry, refusal)
            self._bring_back(waiters)
            return False
        lock_of = self._candidates.pop(number, None)
        if lock_of is not None:
            del self._promised[lock_of]
        if task.locks:
            self._held |= task.locks
            self._owned[number] = task.locks
            if self._rooms:
                for lock in task.locks & self._rooms.keys():
                    self._count(lock, -1)
        return True

    def _park(self, entry: Entry, lock: str) -> None:
        heapq.heappush(self._parked.setdefault(lock, []), entry)
        self._pass_on(entry[1])
        self._bring_back(self._pool.withdraw(entry[1]))

    def _pass_on(self, number: int) -> None:
        """Give the turn at a free lock to the next one, because this task cannot use it now."""
        lock = self._candidates.pop(number, None)
        if lock is not None:
            del self._promised[lock]
            self._promote(lock)

    def _promote(self, lock: str) -> None:
        """Bring back the most urgent task that waits for a free lock."""
        if lock in self._held or lock in self._promised:
            return
        parked = self._parked.get(lock)
        while parked:
            entry = heapq.heappop(parked)
            number = entry[1]
            if self.states[number] == State.READY and number not in self._candidates:
                self._promised[lock] = number
                self._candidates[number] = lock
                heapq.heappush(self._heap, entry)
                return
        self._parked.pop(lock, None)

    def _bring_back(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            heapq.heappush(self._heap, (self._key_of(number), number))

    def _starts_alone(self, entry: Entry) -> bool:
        """Start an exclusive task, now that nothing else runs nor can start.

        Others are not held back for it: a long installation would leave every worker idle. It comes all the
        same, since the tasks that can go before it are finite.
        """
        number = entry[1]
        if self.states[number] != _READY or not self._grants(self._tasks[number], entry):
            return False
        self.states[number] = _RUNNING
        self.running += 1
        self._exclusive = number
        return True

    def _companions(self, task: Task, entry: Entry) -> list[int]:
        """Take the other ready tasks that can be done in one go with this one."""
        least = entry[0] * _BATCH_URGENCY  # keys are negative priorities
        joined: list[int] = []
        left: list[Entry] = []
        kind = _kind(task)
        for other in sorted(set(self._batches.pop(kind, ()))):
            key, number = other
            if self.states[number] != _READY:  # among others the one that was picked
                continue
            if key <= least:
                joined.append(number)
            else:
                left.append(other)
        if left:
            self._batches[kind] = left
        self.forget(joined)
        for number in joined:
            self.states[number] = State.RUNNING
        self.running += len(joined)
        if joined:
            mates = {entry[1], *joined}
            self._mates.update(dict.fromkeys(mates, mates))
        return joined

    def _bequeath(self, number: int) -> bool:
        """Hand what a batch holds to one that still runs, as it has not ended yet; False at the last one."""
        mates = self._mates.pop(number)
        mates.discard(number)
        self._stray.discard(number)
        if not mates:
            return False
        heir = mates.pop()  # any of them, without looking at all
        mates.add(heir)
        if number in self._owned:
            self._owned[heir] = self._owned.pop(number)
        self._pool.hand_over(number, heir)
        return True


def _kind(task: Task) -> Kind:
    """Return what tasks must have in common to be done in one go: what they hold, they hold together."""
    resources = tuple(sorted(task.resources.items()))
    return task.batch_key, task.exclusive, task.locks, resources, task.breaker, task.weight
