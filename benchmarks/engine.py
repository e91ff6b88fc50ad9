"""Every figure of the engine with the limit beside it: `python -m benchmarks.engine [--full]`."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
from collections.abc import Sequence

from benchmarks import engine_cases, engine_makespan, engine_overhead, engine_timers
from benchmarks.figures import Figure, print_figures, print_verdict

PARTS = {
    "overhead": engine_overhead,
    "makespan": engine_makespan,
    "cases": engine_cases,
    "timers": engine_timers,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts asked for, or all of them, and print them as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also a million tasks, and more runs")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {unknown[0]} (there are {', '.join(PARTS)})")
    _spare_the_machine()
    print(
        f"Python {platform.python_version()}; ratios of medians, timed in turn, collector on unless said",
        flush=True,
    )
    measured: list[Figure] = []
    for name in options.parts or PARTS:
        for title, figures in PARTS[name].measure(full=options.full):
            print_figures(title, figures)
            measured += figures
    print_verdict(measured)
    return 0


def _spare_the_machine() -> None:
    """Have a contender that wants more than half of the memory fail, instead of others on this machine."""
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(
        resource.RLIMIT_AS, (half if most == resource.RLIM_INFINITY else min(half, most), most)
    )


if __name__ == "__main__":
    sys.exit(main())
