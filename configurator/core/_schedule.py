"""The state of one run: what is ready, what holds which lock, what has ended. Not thread-safe by itself."""

from __future__ import annotations

import heapq

from configurator.core.graph import TaskGraph
from configurator.core.status import SkipReason, Status
from configurator.core.task import TaskResult

# Joining a batch only pays for tasks that are about as urgent as the picked one: a simulation of 49 modules
# took 152 s with this bound, 180 s when everything ready was joined.
_BATCH_URGENCY = 0.25


class Schedule:
    """Which task may start next. Every method is called with the run's lock held.

    A task that waits for a lock is parked with that lock, so that picking never looks at it again before
    the lock is free.
    """

    def __init__(self, graph: TaskGraph) -> None:
        self._graph = graph
        self._missing = list(graph.predecessors)
        self._ready: list[tuple[float, int]] = []
        self._parked: dict[str, list[tuple[float, int]]] = {}
        self._held: set[str] = set()
        self._leaked: dict[str, str] = {}  # lock: the task that never gave it back
        self._running: set[int] = set()
        self._alone: list[tuple[float, int]] = []  # exclusive tasks that are ready
        self._exclusive: int | None = None
        self._closed = False
        self._results: list[TaskResult | None] = [None] * len(graph)
        self._left = len(graph)
        for number, missing in enumerate(self._missing):
            if not missing:
                self._push(number)

    @property
    def finished(self) -> bool:
        """True when every task has a result."""
        return self._left == 0

    def ordered_results(self) -> list[TaskResult]:
        """Return the results in declared order; only when finished."""
        return [result for result in self._results if result is not None]

    def pick(self) -> list[int]:
        """Take the most urgent ready task that fits, with those that can share its batch; [] if none fits."""
        if self._exclusive is not None:
            return []
        while self._ready:
            entry = heapq.heappop(self._ready)
            number = entry[1]
            if self._results[number] is not None:
                continue
            task = self._graph.tasks[number]
            if task.exclusive:
                heapq.heappush(self._alone, entry)
                continue
            taken = next((lock for lock in task.locks if lock in self._held), None)
            if taken is not None:
                self._parked.setdefault(taken, []).append(entry)
                continue
            picked = [number, *self._companions(number)]
            self._held |= task.locks
            self._running.update(picked)
            return picked
        return self._take_exclusive()

    def _take_exclusive(self) -> list[int]:
        """Start the most urgent exclusive task once nothing else runs nor can start.

        Others are not held back for it: a long installation would leave every worker idle. It comes all the
        same, since the tasks that can go before it are finite.
        """
        while self._alone and not self._running:
            number = heapq.heappop(self._alone)[1]
            if self._results[number] is None:
                self._held |= self._graph.tasks[number].locks
                self._running.add(number)
                self._exclusive = number
                return [number]
        return []

    def _companions(self, number: int) -> list[int]:
        """Take the other ready tasks that can be done in one go with this one."""
        task = self._graph.tasks[number]
        if task.batch_key is None:
            return []
        least = self._graph.ranks[number] * _BATCH_URGENCY
        joined: list[int] = []
        for _, other in sorted(self._ready):
            candidate = self._graph.tasks[other]
            if (
                candidate.batch_key == task.batch_key
                and candidate.locks == task.locks
                and not candidate.exclusive
                and self._results[other] is None
                and self._graph.ranks[other] >= least
            ):
                joined.append(other)
        if joined:
            chosen = set(joined)
            self._ready = [entry for entry in self._ready if entry[1] not in chosen]
            heapq.heapify(self._ready)
        return joined

    def settle(self, number: int, result: TaskResult, *, keep_locks: bool = False) -> list[TaskResult]:
        """Record a result; return the results of the tasks that are skipped because of it."""
        self._running.discard(number)
        if self._exclusive == number:
            self._exclusive = None
        skipped = self._record(number, result)
        locks = self._graph.tasks[number].locks
        if keep_locks:
            self._leaked |= dict.fromkeys(locks, result.task_name)
        else:
            others = {lock for other in self._running for lock in self._graph.tasks[other].locks}
            self._held -= locks - others - self._leaked.keys()
        for lock in locks:
            if lock not in self._held or lock in self._leaked:
                for entry in self._parked.pop(lock, []):
                    heapq.heappush(self._ready, entry)
        if self._leaked:
            skipped += self._skip_lock_waiters(result.ended_s)
        return skipped

    def give_up(
        self, status: Status, reason: SkipReason | None, cause: str | None, now: float
    ) -> list[TaskResult]:
        """End every task that has not started; return their results."""
        self._closed = True
        self._ready.clear()
        self._parked.clear()
        self._alone.clear()
        ended = []
        for number, known in enumerate(self._results):
            if known is None and number not in self._running:
                name = self._graph.tasks[number].name
                result = TaskResult(name, status, reason=reason, cause=cause, started_s=now, ended_s=now)
                self._store(number, result)
                ended.append(result)
        return ended

    def _record(self, number: int, result: TaskResult) -> list[TaskResult]:
        """Store a result and walk down from it without recursion: release what can start, skip the rest."""
        if self._results[number] is not None:
            return []
        skipped: list[TaskResult] = []
        self._store(number, result)
        stack = [(number, result)]
        while stack:
            number, result = stack.pop()
            blocking = _blocks(result)
            for successor in self._graph.successors[number]:
                if self._results[successor] is not None:
                    continue
                self._missing[successor] -= 1
                if blocking and successor in self._graph.hard[number]:
                    consequence = self._skip(successor, result)
                    self._store(successor, consequence)
                    skipped.append(consequence)
                    stack.append((successor, consequence))
                elif not self._missing[successor]:
                    self._push(successor)
        return skipped

    def _store(self, number: int, result: TaskResult) -> None:
        self._results[number] = result
        self._left -= 1

    def _skip(self, number: int, because: TaskResult) -> TaskResult:
        root = because.cause if because.status is Status.SKIPPED else because.task_name
        reason = SkipReason.REQUIREMENT_FAILED
        at = because.ended_s
        name = self._graph.tasks[number].name
        return TaskResult(name, Status.SKIPPED, reason=reason, cause=root, started_s=at, ended_s=at)

    def _skip_lock_waiters(self, at: float) -> list[TaskResult]:
        """Skip the ready tasks that wait for a lock which will never be free again."""
        skipped: list[TaskResult] = []
        while (number := self._lock_waiter()) is not None:
            task = self._graph.tasks[number]
            leaker = next(self._leaked[lock] for lock in task.locks if lock in self._leaked)
            reason = SkipReason.LOCK_LEAKED
            result = TaskResult(
                task.name, Status.SKIPPED, reason=reason, cause=leaker, started_s=at, ended_s=at
            )
            skipped += [result, *self._record(number, result)]
        return skipped

    def _lock_waiter(self) -> int | None:
        for _, number in (*self._ready, *self._alone):
            if self._results[number] is None and not self._leaked.keys().isdisjoint(
                self._graph.tasks[number].locks
            ):
                return number
        return None

    def _push(self, number: int) -> None:
        if not self._closed:
            heapq.heappush(self._ready, (-self._graph.ranks[number], number))


def _blocks(result: TaskResult) -> bool:
    """Return True if what requires this task must not run; a task that skipped itself blocks nothing."""
    if result.ignored or result.status is Status.SUCCESS:
        return False
    if result.status is Status.SKIPPED:
        return result.reason in (
            SkipReason.REQUIREMENT_FAILED,
            SkipReason.FAIL_FAST,
            SkipReason.LOCK_LEAKED,
            SkipReason.BREAKER_OPEN,
        )
    return True
