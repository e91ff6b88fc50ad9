"""The scheduler under a virtual clock: how a run would go, in no time and without threads."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping

from configurator.core._outcome import TIMED_OUT, Raised, result_of, subgraph_of
from configurator.core._schedule import Rules, Schedule, check_requests
from configurator.core.breaker import CircuitBreaker
from configurator.core.cancel import CancelToken
from configurator.core.errors import InputError
from configurator.core.events import EngineEvent, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.retry import RetryPolicy
from configurator.core.status import Status
from configurator.core.strategy import Strategy
from configurator.core.task import Task, TaskResult

Duration = Callable[[Task], float]
Outcome = Callable[[Task, int], object]


def _succeed(_task: Task, _attempt: int) -> object:
    return None


def simulate(
    graph: TaskGraph,
    duration: Duration | None = None,
    max_workers: int = 4,
    *,
    outcome: Outcome = _succeed,
    fail_fast: bool = False,
    strategy: Strategy | None = None,
    resources: Mapping[str, float] | None = None,
    breakers: Iterable[CircuitBreaker] = (),
    retry: RetryPolicy | None = None,
    observer: Callable[[EngineEvent], None] | None = None,
    random: Callable[[], float] = lambda: 0.5,
) -> list[TaskResult]:
    """Return the results that a run would have, with the times it would have, in declared order.

    `duration` gives the seconds that a task takes (its estimate if there is none), `outcome(task, attempt)`
    what it returns, or an exception that it raises; its functions are not called. A task that takes longer
    than its timeout ends then. The same arguments always give the same schedule. A task of a batch is
    settled with the others when the longest of them ends.

    >>> graph = TaskGraph([Task("a", print), Task("b", print), Task("c", print, requires=("a", "b"))])
    >>> [(r.task_name, r.started_s, r.ended_s) for r in simulate(graph, lambda task: 2.0)]
    [('a', 0.0, 2.0), ('b', 0.0, 2.0), ('c', 2.0, 4.0)]
    """
    rules = Rules(
        max_workers,
        fail_fast,
        strategy,
        dict(resources or {}),
        {breaker.name: breaker for breaker in breakers},
        retry,
        random=random,
        breaker_now=lambda now: now,
    )
    check_requests(graph, rules)
    emit = observer or _ignore
    schedule = Schedule(graph, rules, emit)
    seconds = duration or _estimates(graph)
    now = 0.0
    idle = list(range(max_workers))
    running: list[tuple[float, int, list[int], float, int]] = []  # (end, order, tasks, start, worker)
    order = 0
    while schedule.left:
        while idle and (picked := schedule.pick(now)):
            worker = heapq.heappop(idle)
            tasks = [schedule.tasks[number] for number in picked]
            for number, task in zip(picked, tasks, strict=True):
                emit(TaskStarted(now, task.name, worker, schedule.attempts.get(number, 1), task.group))
            end = now + max(_limited(task, seconds(task)) for task in tasks)
            order += 1
            heapq.heappush(running, (end, order, picked, now, worker))
        wake = schedule.next_wake()
        if running and (wake is None or running[0][0] <= wake):
            now, _, picked, start, worker = heapq.heappop(running)
            heapq.heappush(idle, worker)
            for number in picked:
                _settle(schedule, number, seconds, outcome, start, now, worker)
        elif wake is not None:
            now = wake
            schedule.wake(now)
        elif schedule.left:  # nothing runs, nothing is to come: a defect of the scheduler
            raise AssertionError(f"{schedule.left} tasks can never start")
    return schedule.ordered_results()


def _estimates(graph: TaskGraph) -> Duration:
    known = dict(zip(graph.index, graph.estimates, strict=True))
    return lambda task: known.get(task.name, 1.0 if task.estimate_s is None else task.estimate_s)


def _settle(
    schedule: Schedule,
    number: int,
    seconds: Duration,
    outcome: Outcome,
    start: float,
    now: float,
    worker: int,
) -> None:
    task = schedule.tasks[number]
    token = CancelToken()
    value = outcome(task, schedule.attempts.get(number, 1))
    if task.timeout_s is not None and seconds(task) > task.timeout_s:
        token.cancel(TIMED_OUT)
    if isinstance(value, BaseException):
        value = Raised(value)
    result = result_of(task, value, token, start, now, worker)
    joining = subgraph_of(value) if result.status is Status.SUCCESS else ()
    if joining:
        try:
            schedule.join(joining, now, parent=number)
        except InputError as error:
            result = result_of(task, Raised(error), token, start, now, worker)
    schedule.settle(number, result, now)


def _limited(task: Task, seconds: float) -> float:
    return seconds if task.timeout_s is None else min(seconds, task.timeout_s)


def _ignore(_event: EngineEvent) -> None:
    return None
