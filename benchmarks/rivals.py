"""Schedules to compare with, simulated: first come first served, and level by level."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

from benchmarks.dags import Dag


def fifo(dag: Dag, workers: int, *, locks: bool = False) -> float:
    """Return the seconds of a pool that takes tasks in the order in which they become ready.

    With `locks` a worker that took a locked task blocks until the lock is free, as a pool's workers do.
    """
    return _serve(dag.requires, dag.durations, dag.locked if locks else frozenset(), workers)


def levels(dag: Dag, workers: int, *, locks: bool = False) -> float:
    """Return the seconds of a run that starts a level when all of the level above has ended."""
    depths: list[int] = []
    for required in dag.requires:
        depths.append(1 + max((depths[one] for one in required), default=-1))
    seconds = 0.0
    for depth in range(max(depths) + 1):
        nodes = [number for number, one in enumerate(depths) if one == depth]
        durations = [dag.durations[number] for number in nodes]
        locked = frozenset(place for place, number in enumerate(nodes) if locks and number in dag.locked)
        seconds += _serve([()] * len(nodes), durations, locked, workers)
    return seconds


def _serve(
    requires: Sequence[tuple[int, ...]], durations: Sequence[float], locked: frozenset[int], workers: int
) -> float:
    missing = [len(required) for required in requires]
    successors: list[list[int]] = [[] for _ in requires]
    for number, required in enumerate(requires):
        for one in required:
            successors[one].append(number)
    waiting = deque(number for number, count in enumerate(missing) if not count)
    running: list[tuple[float, int]] = []
    now = lock_free_at = 0.0
    while waiting or running:
        while waiting and len(running) < workers:
            number = waiting.popleft()
            start = now
            if number in locked:
                start = max(now, lock_free_at)
                lock_free_at = start + durations[number]
            heapq.heappush(running, (start + durations[number], number))
        now, number = heapq.heappop(running)
        for successor in successors[number]:
            missing[successor] -= 1
            if not missing[successor]:
                waiting.append(successor)
    return now
