"""Timing whole commands in turn, so that a drift of the machine's speed hits both alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timed:
    """The seconds that each run of one command took."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median, in seconds."""
        return statistics.median(self.seconds)

    @property
    def minimum(self) -> float:
        """Return the minimum, in seconds."""
        return min(self.seconds)


def in_turn(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Timed]:
    """Run the commands one after the other, `runs` times, after one warm-up each; failures raise."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if number:
                seconds[name].append(time.perf_counter() - start)
    return {name: Timed(name, tuple(values)) for name, values in seconds.items()}


def report(title: str, timed: Mapping[str, Timed], base: str) -> None:
    """Print one line per command: median, minimum, and the ratio of the medians to `base`."""
    print(f"\n{title}")
    for name, one in timed.items():
        ratio = one.median / timed[base].median
        print(f"  {name:<44} {one.median * 1000:8.0f} ms  min {one.minimum * 1000:6.0f} ms  {ratio:6.2f}x")
