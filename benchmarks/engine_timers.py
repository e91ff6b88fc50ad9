"""What a timeout for every task costs: the engine's deadlines next to one threading.Timer a task."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks import ours, peers
from benchmarks.calls import in_turn, whole
from benchmarks.figures import Figure

WORKERS = 4
# Long enough never to strike: what is measured is setting it and taking it back.
_NEVER_S = 600.0


def timer_pool(size: int, workers: int) -> object:
    """Run the tasks on a bare pool, each with a timer that is started before it and cancelled after it."""

    def job() -> None:
        timer = threading.Timer(_NEVER_S, ours.noop)
        timer.start()
        ours.noop()
        timer.cancel()

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(job) for _ in range(size)]
        return futures, [future.result() for future in futures]


def timeouts(size: int, runs: int) -> list[Figure]:
    """Time both with and without timeouts, in turn."""
    requirements: ours.Requirements = [()] * size
    timed = in_turn(
        {
            "ours": ours.split(requirements, WORKERS),
            "ours, timeouts": ours.split(requirements, WORKERS, timeout_s=_NEVER_S),
            "bare": whole(partial(peers.bare_pool, requirements, WORKERS)),
            "bare, timers": whole(partial(timer_pool, size, WORKERS)),
        },
        runs,
    )
    heap = (timed["ours, timeouts"].median - timed["ours"].median) / size * 1e6
    timer = (timed["bare, timers"].median - timed["bare"].median) / size * 1e6
    return [
        Figure("a threading.Timer for every task", timer, "us"),
        Figure("a timeout for every task, ours", heap, "us"),
        Figure("ours / threading.Timer", heap / timer, at_most=0.2),
    ]


def measure(*, full: bool) -> Iterator[tuple[str, list[Figure]]]:
    """Measure everything."""
    size = 50_000 if full else 10_000
    yield f"Timeouts, {size:,} tasks", timeouts(size, 9)
