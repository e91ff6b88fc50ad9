"""What a run was, in figures: how much ran at once, how busy the workers were, how near to the optimum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from operator import attrgetter
from typing import Any

from configurator.core.analysis import critical_path
from configurator.core.graph import TaskGraph
from configurator.core.status import Status
from configurator.core.task import TaskResult


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """The figures of one run; times are seconds, ratios are never infinite nor NaN.

    A task ran if a worker took it; skipped, cancelled before their start and taken from a snapshot ones did
    not. `work_s` is the sum of the execution times, where tasks that one worker did in one go (a batch)
    share theirs. `makespan_s` is from the first start to the last end of what ran.

    - `speedup`: work_s / makespan_s, how many workers the run was worth; 1.0 when it took no time.
    - `mean_parallelism`: the same, but only over the time in which anything ran (a run also waits for
      retries and for answers). `max_parallelism`: the most workers that were busy at one moment.
    - `utilisation`: work_s / (max_workers * makespan_s), the share of the workers' time that was used.
    - `critical_path`: the longest path by the times that the tasks took, `critical_path_s` its length.
    - `bound_s`: no schedule of that work on `max_workers` workers could have been shorter.
      `bound_ratio`: makespan_s / bound_s, so 1.0 is perfect; also 1.0 when nothing took any time.
    - `retries`: attempts beyond the first of each task. `from_cache`: results taken from a snapshot.
      `leaked`: workers given up because their task ignored its cancellation.

    A task that waits for input counts as busy although its worker's place is lent to another meanwhile: in
    a run with such a wait `utilisation` can be above 1.0 and `bound_ratio` below.
    """

    counts: Mapping[Status, int] = field(hash=False)
    max_workers: int
    makespan_s: float
    work_s: float
    speedup: float
    max_parallelism: int
    mean_parallelism: float
    utilisation: float
    critical_path: tuple[str, ...]
    critical_path_s: float
    bound_s: float
    bound_ratio: float
    retries: int
    from_cache: int
    leaked: int

    @property
    def tasks(self) -> int:
        """Return how many results were counted."""
        return sum(self.counts.values())

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values under the names of the fields; `counts` by status."""
        return {
            "tasks": self.tasks,
            "counts": {str(status): count for status, count in self.counts.items()},
            "max_workers": self.max_workers,
            "makespan_s": self.makespan_s,
            "work_s": self.work_s,
            "speedup": self.speedup,
            "max_parallelism": self.max_parallelism,
            "mean_parallelism": self.mean_parallelism,
            "utilisation": self.utilisation,
            "critical_path": list(self.critical_path),
            "critical_path_s": self.critical_path_s,
            "bound_s": self.bound_s,
            "bound_ratio": self.bound_ratio,
            "retries": self.retries,
            "from_cache": self.from_cache,
            "leaked": self.leaked,
        }


def statistics_of(
    graph: TaskGraph, results: Iterable[TaskResult], max_workers: int, leaked: int = 0
) -> RunStatistics:
    """Return the figures of a run of `graph` from its results, in any order, in n log n.

    Tasks that joined the run later are work without edges: they count, but lie on no path with others.
    Results may be missing, as in the middle of a run. ValueError if `max_workers` is less than 1.

    >>> from configurator.core.task import Task
    >>> graph = TaskGraph([Task("a", print), Task("b", print), Task("c", print, requires=("a",))])
    >>> run = statistics_of(graph, [
    ...     TaskResult("a", Status.SUCCESS, started_s=0.0, ended_s=2.0, worker=0),
    ...     TaskResult("b", Status.SUCCESS, started_s=0.0, ended_s=3.0, worker=1),
    ...     TaskResult("c", Status.SUCCESS, started_s=2.0, ended_s=4.0, worker=0),
    ... ], max_workers=2)
    >>> run.makespan_s, run.work_s, run.speedup, run.max_parallelism
    (4.0, 7.0, 1.75, 2)
    >>> run.critical_path, run.bound_ratio
    (('a', 'c'), 1.0)
    """
    if max_workers < 1:
        raise ValueError(f"max_workers must be at least 1, not {max_workers}")
    known = list(results)
    ran = [result for result in known if _ran(result)]
    spans = _spans(ran)
    work_s = fsum([end - start for start, end in spans])
    makespan_s = max((r.ended_s for r in ran), default=0.0) - min((r.started_s for r in ran), default=0.0)
    most, busy_s = _sweep(spans)
    path, path_s = _longest(graph, ran)
    bound_s = max(path_s, work_s / max_workers)
    return RunStatistics(
        counts=_counts(known),
        max_workers=max_workers,
        makespan_s=makespan_s,
        work_s=work_s,
        speedup=_ratio(work_s, makespan_s, 1.0),
        max_parallelism=max(most, 1) if ran else 0,
        mean_parallelism=_ratio(work_s, busy_s, 1.0 if ran else 0.0),
        utilisation=_ratio(work_s, max_workers * makespan_s, 0.0),
        critical_path=path,
        critical_path_s=path_s,
        bound_s=bound_s,
        bound_ratio=_ratio(makespan_s, bound_s, 1.0),
        retries=sum([r.attempts - 1 for r in known if r.attempts > 1 and not r.from_cache]),
        from_cache=sum([r.from_cache for r in known]),
        leaked=leaked,
    )


def _ran(result: TaskResult) -> bool:
    if result.from_cache or (result.worker is None and result.ended_s <= result.started_s):
        return False
    return result.status.finished


def _spans(ran: Iterable[TaskResult]) -> list[tuple[float, float]]:
    """Return when workers were busy, as half-open intervals, none of them empty.

    Times that overlap on one worker are one piece of work, a batch, and count once: else its tasks would
    look like parallel ones, and the workers more than fully used.
    """
    spans = []
    busy_until: dict[int, float] = {}
    for result in sorted(ran, key=attrgetter("started_s")):
        start, end, worker = result.started_s, result.ended_s, result.worker
        if worker is not None:
            until = busy_until.get(worker, start)
            start = max(start, until)
            busy_until[worker] = max(start, end)
        if end > start:
            spans.append((start, end))
    return spans


def _sweep(spans: Sequence[tuple[float, float]]) -> tuple[int, float]:
    """Return how many intervals overlap at most, and how long at least one is open."""
    starts = sorted([start for start, _ in spans])
    ends = sorted([end for _, end in spans])
    most = over = 0
    busy, since = [], 0.0
    for number, at in enumerate(starts):
        while over < number and ends[over] <= at:  # what ends there is not running there
            over += 1
        if over == number:
            if number:
                busy.append(ends[number - 1] - since)
            since = at
        elif number - over > most:
            most = number - over
    if ends:
        busy.append(ends[-1] - since)
        most += 1
    return most, fsum(busy)


def _longest(graph: TaskGraph, ran: Iterable[TaskResult]) -> tuple[tuple[str, ...], float]:
    durations = {result.task_name: result.execution_time for result in ran}
    path, path_s = critical_path(graph, durations)
    for name, taken in durations.items():
        if taken > path_s:  # then it is not in the graph: what is there is on a path at least as long
            path, path_s = (name,), taken
    return path, path_s


def _counts(results: Iterable[TaskResult]) -> dict[Status, int]:
    """Return the count of every final status, and of another one only if there is any."""
    counted = Counter(result.status for result in results)
    return {status: counted[status] for status in Status if status.finished or counted[status]}


def _ratio(value: float, unit: float, otherwise: float) -> float:
    return value / unit if unit > 0.0 else otherwise
