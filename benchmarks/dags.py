"""Graphs to measure with, each the same for the same seed.

`window_dag` is for the cost of a task: every node requires none to three earlier ones close by.

`role_dag` is for schedules: 20 to 120 tasks in one of four shapes, by turns.
  layers   layers of two to sixteen tasks; each task requires one to three of the layer above
  random   each task requires none to three of the twenty before it
  roles    per role an installation, one to six files after it, a service after those, and up to three
           tasks after the service; a role waits for the end of one earlier role, or for none
  mixed    a `roles` and a `random` graph side by side, with a few edges from the first into the second
Durations are lognormal with a median of one second (sigma 1: one task in ten takes 3.6 s, one in a hundred
10 s), as tasks that look at files stand next to installations.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

SHAPES = ("layers", "random", "roles", "mixed")
_LOCKED_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Dag:
    """A graph with true durations in seconds; `locked` are the nodes that share one lock."""

    shape: str
    requires: tuple[tuple[int, ...], ...]
    durations: tuple[float, ...]
    locked: frozenset[int]

    def __len__(self) -> int:
        return len(self.requires)

    def critical_path(self) -> float:
        """Return the seconds of the longest path; nodes only require earlier ones, so one pass will do."""
        ends: list[float] = []
        for required, duration in zip(self.requires, self.durations, strict=True):
            ends.append(duration + max((ends[one] for one in required), default=0.0))
        return max(ends)

    def bound(self, workers: int, *, locks: bool = False) -> float:
        """Return the seconds that no schedule can beat: path, work per worker, and the lock's own work."""
        alone = sum(self.durations[one] for one in self.locked) if locks else 0.0
        return max(self.critical_path(), sum(self.durations) / workers, alone)


def window_dag(size: int, window: int = 100, seed: int = 1) -> list[tuple[int, ...]]:
    """Return requirements: none to three of the `window` nodes before each."""
    chance = random.Random(seed)
    return [_some_before(chance, number, window) for number in range(size)]


def chain(size: int) -> list[tuple[int, ...]]:
    """Return requirements: each node the one before it."""
    return [(number - 1,) if number else () for number in range(size)]


def role_dag(number: int, seed: int = 2026) -> Dag:
    """Return the graph of this number."""
    chance = random.Random(f"{seed}/{number}")
    shape = SHAPES[number % len(SHAPES)]
    size = chance.randint(20, 120)
    requires = {"layers": _layers, "random": _random, "roles": _roles, "mixed": _mixed}[shape](chance, size)
    durations = tuple(chance.lognormvariate(0.0, 1.0) for _ in requires)
    locked = frozenset(one for one in range(len(requires)) if chance.random() < _LOCKED_SHARE)
    return Dag(shape, tuple(requires), durations, locked)


def guesses(dag: Dag, number: int, sigma: float) -> tuple[float, ...]:
    """Return estimates that are off by a lognormal factor, the same for the same number."""
    chance = random.Random(f"guesses/{number}/{sigma}")
    return tuple(duration * chance.lognormvariate(0.0, sigma) for duration in dag.durations)


def _some_before(chance: random.Random, number: int, window: int) -> tuple[int, ...]:
    first = max(0, number - window)
    wanted = min(chance.randint(0, 3), number - first)
    return tuple(sorted(chance.sample(range(first, number), wanted)))


def _random(chance: random.Random, size: int) -> list[tuple[int, ...]]:
    return [_some_before(chance, number, 20) for number in range(size)]


def _layers(chance: random.Random, size: int) -> list[tuple[int, ...]]:
    requires: list[tuple[int, ...]] = []
    above: list[int] = []
    while len(requires) < size:
        layer = range(len(requires), min(size, len(requires) + chance.randint(2, 16)))
        for _ in layer:
            wanted = min(chance.randint(1, 3), len(above))
            requires.append(tuple(sorted(chance.sample(above, wanted))))
        above = list(layer)
    return requires


def _roles(chance: random.Random, size: int) -> list[tuple[int, ...]]:
    requires: list[tuple[int, ...]] = []
    ends: list[int] = []
    while len(requires) < size:
        waits = chance.random() < 0.5 and ends
        install = len(requires)
        requires.append((chance.choice(ends),) if waits else ())
        files = range(install + 1, install + 1 + chance.randint(1, 6))
        requires += [(install,) for _ in files]
        service = len(requires)
        requires.append(tuple(files))
        requires += [(service,) for _ in range(chance.randint(0, 3))]
        ends.append(len(requires) - 1)
    return requires


def _mixed(chance: random.Random, size: int) -> list[tuple[int, ...]]:
    requires = _roles(chance, size // 2)
    offset = len(requires)
    for required in _random(chance, max(1, size - offset)):
        moved = [one + offset for one in required]
        if chance.random() < 0.1:
            moved.append(chance.randrange(offset))
        requires.append(tuple(sorted(moved)))
    return requires
