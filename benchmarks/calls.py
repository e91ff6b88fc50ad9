"""Timing callables in turn within this process, and the memory that they take at their peak.

The garbage collector is in the same state for every contender: emptied before each run, and then on, as in
every program, unless its absence is what is being measured.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

# What a contender hands back: the seconds of its parts, in order; one part for most.
Laps = tuple[float, ...]
Contender = Callable[[], Laps]


@dataclass(frozen=True, slots=True)
class Timed:
    """The laps of each run of one contender, and the seconds of CPU of each run, all threads together."""

    runs: tuple[Laps, ...]
    cpu_s: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median of the whole, in seconds."""
        return median(sum(laps) for laps in self.runs)

    @property
    def cpu(self) -> float:
        """Return the median of the CPU time, in seconds: steady also while others use the machine."""
        return median(self.cpu_s)

    def lap(self, number: int) -> float:
        """Return the median of one part, in seconds."""
        return median(laps[number] for laps in self.runs)


def whole(func: Callable[[], object]) -> Contender:
    """Return a contender of one lap. What `func` returns is freed after the clock has stopped."""

    def contender() -> Laps:
        start = time.perf_counter()
        kept = func()
        elapsed = time.perf_counter() - start
        del kept
        return (elapsed,)

    return contender


def in_turn(contenders: Mapping[str, Contender], runs: int, *, collector: bool = True) -> dict[str, Timed]:
    """Run the contenders A B C, A B C... `runs` times after one warm-up round; failures raise."""
    laps: dict[str, list[Laps]] = {name: [] for name in contenders}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    enabled = gc.isenabled()
    try:
        for number in range(runs + 1):
            for name, contender in contenders.items():
                gc.collect()
                (gc.enable if collector else gc.disable)()
                start = time.process_time()
                measured = contender()
                used = time.process_time() - start
                if number:
                    laps[name].append(measured)
                    cpu[name].append(used)
    finally:
        (gc.enable if enabled else gc.disable)()
        gc.collect()
    return {name: Timed(tuple(laps[name]), tuple(cpu[name])) for name in contenders}


def peak_bytes(func: Callable[[], object]) -> int:
    """Return how many bytes more were in use at the peak of `func` than before it."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        kept = func()
        _, peak = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
        (gc.enable if enabled else gc.disable)()
    return peak - before
