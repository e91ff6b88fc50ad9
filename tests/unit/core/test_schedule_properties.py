"""What the scheduler promises, held against random runs under the virtual clock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby

from hypothesis import event, given, settings
from hypothesis import strategies as st

from configurator.core._schedule import Rules, Schedule
from configurator.core.breaker import BreakerState
from configurator.core.errors import InputError
from configurator.core.events import BreakerChanged, TaskEnded, TaskRetrying, TaskStarted
from configurator.core.retry import RetryPolicy
from configurator.core.status import SkipReason, Status
from configurator.core.task import Subgraph, Task, TaskResult
from tests.unit.core.graphs import (
    ALL,
    SLOTS,
    Case,
    Moment,
    Waits,
    attempts_of,
    cases,
    exact,
    needs,
    task,
)

# What keeps a failure from having its usual consequences is left out where these are the property.
FAIL_SAFE = ALL - {"policies", "breakers"}
FEW = settings(max_examples=100, deadline=None)
MANY = settings(max_examples=300, deadline=None)


# -- every run ends, and says the same each time -----------------------------------------------------------


@MANY
@given(cases())
def test_every_task_has_one_result_in_declared_order(case: Case) -> None:
    """No task is forgotten or ends twice, and who brought tasks is followed by their results."""
    history = case.run()
    joined = history.joined()
    declared: list[str] = []
    stack = [item.name for item in reversed(case.tasks)]
    while stack:
        declared.append(stack.pop())
        stack += reversed(joined.get(declared[-1], ()))
    assert [result.task_name for result in history.results] == declared
    assert sorted(history.endings()) == sorted(declared)
    assert all(result.status.finished for result in history.results)


@MANY
@given(cases())
def test_the_same_run_goes_the_same_way_again(case: Case) -> None:
    """Nothing but the arguments decides: not the identity of objects, not the order of a set."""
    first, second = case.run(), case.run()
    assert repr(first.results) == repr(second.results)
    assert repr(first.events) == repr(second.events)


def _digest_of_runs() -> str:
    """Return what many runs with much in common came to; called in processes with other hash seeds."""
    digest = hashlib.sha256()
    names = [f"step {number}" for number in range(60)]
    for step in range(1, 6):
        tasks = [
            task(
                name,
                requires=tuple(names[number - step : number : 2]) if number % 7 > step else (),
                locks=frozenset(names[: number % step]),
                resources={"cpu": number % 3 / 2, "memory": number % 5 / 5},
                batch_key="even" if number % 2 else None,
            )
            for number, name in enumerate(names)
        ]
        history = Case(tuple(tasks), workers=step, capacities={"cpu": 1.0, "memory": 1.0}).run()
        for event_ in history.events:
            digest.update(repr(event_).encode())
    return digest.hexdigest()


def test_the_order_does_not_depend_on_the_hash_seed() -> None:
    """Sets of names are ordered differently in every process; the schedule must not be."""
    code = "from tests.unit.core.test_schedule_properties import _digest_of_runs; print(_digest_of_runs())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


# -- order -----------------------------------------------------------------------------------------------


@MANY
@given(cases())
def test_every_attempt_starts_after_all_that_it_waits_for(case: Case) -> None:
    """The order is topological, also across retries and with tasks that joined meanwhile."""
    for moment in case.run().moments():
        if isinstance(moment.event, TaskStarted):
            assert moment.waits.before[moment.event.task_name] <= moment.ended.keys()


@MANY
@given(cases({"after", "timeouts", "failures"}))
def test_the_most_urgent_ready_task_starts_first_and_equals_in_declared_order(case: Case) -> None:
    """With nothing but workers to wait for, a start is always that of the longest remaining path."""
    graph = case.graph()
    paths: dict[str, float] = {}
    for number in reversed(graph.topological()):
        own = graph.tasks[number]
        paths[own.name] = (1.0 if own.estimate_s is None else own.estimate_s) + max(
            (paths[graph.tasks[s].name] for s in graph.successors[number]), default=0.0
        )
    waiting: list[str] = []
    for moment in case.run().moments():
        if isinstance(moment.event, TaskStarted) and waiting:
            name = moment.event.task_name
            others = [other for other in waiting if other not in moment.ended]
            assert name == min(others, key=lambda other: (-paths[other], graph.index[other]))
        waiting = moment.ready()


@given(st.integers(2, 30), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_equal_tasks_start_in_declared_order(count: int, workers: int) -> None:
    """Ties are not left to chance."""
    history = Case(tuple(task(f"t{number}") for number in range(count)), workers).run()
    assert [e.task_name for e in history.starts()] == [f"t{number}" for number in range(count)]


# -- failures --------------------------------------------------------------------------------------------


@MANY
@given(cases(FAIL_SAFE))
def test_exactly_what_requires_a_failed_task_is_skipped_and_names_it(case: Case) -> None:
    """Not more, not less, over any distance; the cause is the first of the failures that did it."""
    history = case.run()
    *_, last = history.moments() if history.events else [Moment(0, 0, TaskStarted(0, "", 0))]
    failed = [r.task_name for r in last.ended.values() if r.failed]  # in the order of ending
    static = {item.name for item in case.tasks}
    for result in history.results:
        ancestors = last.waits.ancestors(result.task_name)
        guilty = [name for name in failed if name in ancestors]
        skipped = result.reason is SkipReason.REQUIREMENT_FAILED
        assert skipped == bool(guilty), result
        assert skipped == (not history.starts(result.task_name)), result
        if skipped:
            assert result.status is Status.SKIPPED
            # What joins meets several failures at once, and may bring some to a task that was skipped before.
            assert result.cause in (guilty[:1] if static >= {result.task_name, *ancestors} else guilty)


@MANY
@given(cases(FAIL_SAFE))
def test_a_started_task_ends_as_its_attempts_say(case: Case) -> None:
    """Status, number of attempts, `ignored` and the time of the last attempt are those of the task itself."""
    history = case.run()
    for result in history.results:
        name = result.task_name
        starts = history.starts(name)
        if starts and not _brings(case, name):
            expected = attempts_of(case, history.tasks[name])
            assert (result.status, result.attempts) == expected
            assert len(starts) == result.attempts
            failed = result.status in {Status.FAILED, Status.TIMEOUT}
            assert result.ignored == (failed and history.tasks[name].ignore_errors)
            assert (result.started_s, result.worker) == (starts[-1].at_s, starts[-1].worker)


def _brings(case: Case, name: str) -> bool:
    return any(isinstance(outcome, Subgraph) for outcome in case.outcomes.get(name, ()))


@MANY
@given(cases(ALL - {"breakers"}))
def test_a_stopping_failure_lets_nothing_start_any_more(case: Case) -> None:
    """After a critical failure, or any with `fail_fast`, what runs goes on and all others end at once."""
    stopped: TaskResult | None = None
    history = case.run()
    for moment in history.moments():
        if isinstance(moment.event, TaskEnded) and moment.event.result.failed and stopped is None:
            result = moment.event.result
            if case.fail_fast or history.tasks[result.task_name].critical:
                stopped = result
        elif stopped is not None:
            assert not isinstance(moment.event, TaskStarted | TaskRetrying)
    if stopped is None:
        assert not any(r.status is Status.CANCELLED for r in history.results)
        return
    event("stopped")
    critical = history.tasks[stopped.task_name].critical
    joined = {name for names in history.joined().values() for name in names}
    for result in history.results:
        if history.starts(result.task_name) or result.reason is SkipReason.REQUIREMENT_FAILED:
            continue
        if result.task_name in joined:  # before the end of the run, or after
            assert result.status in {Status.CANCELLED, Status.SKIPPED}
        elif critical:
            assert (result.status, result.cause) == (Status.CANCELLED, f"{stopped.task_name} failed")
        else:
            assert (result.reason, result.cause) == (SkipReason.FAIL_FAST, stopped.task_name)


# -- what tasks share --------------------------------------------------------------------------------------


@MANY
@given(cases())
def test_no_lock_is_held_twice(case: Case) -> None:
    """Two tasks share a lock only within one batch, which is one piece of work."""
    for moment in case.run().moments():
        held = [lock for pick in moment.picks.values() for lock in pick[0].locks]
        assert len(held) == len(set(held))


@MANY
@given(cases())
def test_no_capacity_is_ever_exceeded(case: Case) -> None:
    """In exact decimal arithmetic: ten tenths are one, and not a millionth more is given away."""
    for moment in case.run().moments():
        for name, amount in _in_use(moment.picks.values()).items():
            assert amount <= exact(case.capacities.get(name, case.workers))


def _in_use(picks: Iterable[list[Task]], *, slots: bool = True) -> dict[str, Fraction]:
    used: dict[str, Fraction] = defaultdict(Fraction)
    for pick in picks:
        for name, amount in needs(pick[0], slots=slots).items():
            used[name] += amount
    return used


@MANY
@given(cases())
def test_a_worker_does_one_thing_at_a_time(case: Case) -> None:
    """There are never more pieces of work under way than workers; only a batch is more than one task."""
    for moment in case.run().moments():
        assert len(moment.picks) <= case.workers
        for worker, pick in moment.picks.items():
            assert 0 <= worker < case.workers
            assert len(pick) == 1 or {item.batch_key for item in pick} == {"install"}


@MANY
@given(cases())
def test_an_exclusive_task_runs_alone(case: Case) -> None:
    """A guarded change shares the host with nothing, not even with what was ready before."""
    for moment in case.run().moments():
        running = [item for pick in moment.picks.values() for item in pick]
        assert len(running) == 1 or not any(item.exclusive for item in running)


# -- no work is left lying about -----------------------------------------------------------------------------


@MANY
@given(cases(ALL - {"breakers"}))
def test_no_worker_idles_while_a_ready_task_fits(case: Case) -> None:
    """Whenever time passes with a worker idle, something keeps every ready task, and here is all that may.

    An exclusive task runs; one of its locks is held; its resources are not free; or others that want some
    of the same resources have asked for them, cannot have theirs, and have them kept. An exclusive task
    also waits for all others.
    """
    history = case.run()
    asked: set[str] = set()  # with all their locks free: they may queue for resources
    for moment in history.moments():
        weighted = any(history.tasks[name].weight != 1.0 for name in moment.waits.before)
        running = [item for pick in moment.picks.values() for item in pick]
        held = {lock for item in running for lock in item.locks}
        ready = [history.tasks[name] for name in moment.ready()]
        asked &= {item.name for item in ready}
        asked |= {item.name for item in ready if not item.locks & held}
        if not moment.time_passes or len(moment.picks) >= case.workers or any(i.exclusive for i in running):
            continue
        used = _in_use(moment.picks.values())
        free = {name: exact(amount) - used[name] for name, amount in case.capacities.items()}
        free[SLOTS] = case.workers - used[SLOTS]
        for kin in _kin([item for item in ready if item.name in asked], slots=weighted):
            if all(_fits(item, free, slots=weighted) for item in kin):
                idle = [item for item in kin if not item.locks & held and not (item.exclusive and running)]
                assert not idle, (moment.at, moment.until)


def _fits(item: Task, free: dict[str, Fraction], *, slots: bool) -> bool:
    return all(free[name] >= amount for name, amount in needs(item, slots=slots).items())


def _kin(items: Iterable[Task], *, slots: bool) -> list[list[Task]]:
    """Return the tasks in groups of those that ask for the same resources, directly or through others."""
    groups: list[tuple[set[str], list[Task]]] = []
    for item in items:
        names, members = set(needs(item, slots=slots)), [item]
        for other in [group for group in groups if group[0] & names]:
            groups.remove(other)
            names |= other[0]
            members += other[1]
        groups.append((names, members))
    return [members for _, members in groups]


@MANY
@given(cases({"after", "resources", "weights", "retries", "failures"}))
def test_what_a_task_was_refused_is_kept_from_later_ones(case: Case) -> None:
    """A big request is not starved by small ones: of what it asked for, who asks after it gets the rest only.

    The earlier one may still start later, if it is a worker that it waits for.
    """
    history = case.run()
    weighted = any(item.weight != 1.0 for item in case.tasks)
    capacities = {SLOTS: Fraction(case.workers)} | {
        name: exact(most) for name, most in case.capacities.items()
    }
    since: dict[str, int] = {}  # when time first passed with the task ready and a worker idle: it was refused
    for step, moment in enumerate(history.moments()):
        if isinstance(moment.event, TaskStarted):
            name = moment.event.task_name
            mine = since.pop(name, step)
            earlier = [
                needs(history.tasks[other], slots=True) for other, asked in since.items() if asked < mine
            ]
            used = _in_use(moment.picks.values())
            for resource in needs(history.tasks[name], slots=weighted):
                claimed = sum((need.get(resource, Fraction()) for need in earlier), Fraction())
                assert claimed <= capacities[resource] - used[resource]
        since = {name: asked for name, asked in since.items() if name not in moment.ended}
        if moment.time_passes and len(moment.picks) < case.workers:
            for name in moment.ready():
                since.setdefault(name, step)


# -- retries ---------------------------------------------------------------------------------------------


@MANY
@given(cases(ALL - {"breakers"}))
def test_a_retry_waits_as_long_as_its_policy_says(case: Case) -> None:
    """The next attempt comes after the delay, never before it, and attempts are numbered from 1."""
    history = case.run()
    for name, item in history.tasks.items():
        starts, retries = history.starts(name), history.retries(name)
        policy = item.retry or case.retry
        assert [start.attempt for start in starts] == list(range(1, len(starts) + 1))
        assert [retry.attempt for retry in retries] == list(range(1, len(retries) + 1))
        if not retries:
            continue
        assert policy is not None
        assert len(starts) in {len(retries), len(retries) + 1}  # stopped while it waited, or tried again
        assert len(starts) <= policy.max_attempts
        for retry, start in zip(retries, starts[1:], strict=False):
            assert retry.delay_s == policy.delay(retry.attempt, case.random)
            assert start.at_s >= retry.at_s + retry.delay_s
        if len(starts) == len(retries):  # the run was stopped while it waited: what it came to stays
            result = history.result(name)
            assert result.status in {Status.FAILED, Status.TIMEOUT}
            assert result.attempts == len(starts)


def test_a_waiting_retry_holds_neither_worker_nor_lock_nor_resource() -> None:
    """Another task runs with all three before the second attempt."""
    shared = {"locks": frozenset({"apt"}), "resources": {"cpu": 1.0}, "weight": 1.0}
    policy = RetryPolicy(2, delay_s=10.0, jitter=0.0)
    case = Case(
        (task("fails", retry=policy, **shared), task("other", **shared)),
        workers=1,
        outcomes={"fails": [ValueError(), None]},
        capacities={"cpu": 1.0},
    )
    results = case.run().results
    assert [(r.started_s, r.ended_s, r.attempts) for r in results] == [(11.0, 12.0, 2), (1.0, 2.0, 1)]


# -- circuit breakers --------------------------------------------------------------------------------------


@MANY
@given(cases({"after", "retries", "timeouts", "locks", "exclusive"}, always=("breakers", "failures")))
def test_a_breaker_is_obeyed(case: Case) -> None:
    """It opens after its failures in a row; then nothing of it starts; half-open, one task goes ahead alone.

    The reference is the plainest machine that keeps the count, fed with the attempts in their order.
    """
    history = case.run()
    threshold, recovery = case.breakers["mirror"]
    states = [BreakerState.CLOSED]
    count, retry_at, trial, term = 0, 0.0, False, 0
    terms: dict[str, int] = {}  # of what runs: after how many trials it was admitted
    told: list[str] = [BreakerState.CLOSED]
    for moment in history.moments():
        happened = moment.event
        if isinstance(happened, BreakerChanged):
            told.append(happened.state)
        elif isinstance(happened, TaskStarted) and history.tasks[happened.task_name].breaker:
            if states[-1] is not BreakerState.CLOSED:
                assert not trial
                assert happened.at_s >= retry_at
                states.append(BreakerState.HALF_OPEN)
                trial, term = True, term + 1
            terms[happened.task_name] = term
        elif isinstance(happened, TaskEnded | TaskRetrying):
            status = happened.result.status if isinstance(happened, TaskEnded) else Status.FAILED
            name = happened.result.task_name if isinstance(happened, TaskEnded) else happened.task_name
            if isinstance(happened, TaskEnded) and happened.result.reason is SkipReason.BREAKER_OPEN:
                assert states[-1] is BreakerState.OPEN
                assert happened.at_s < retry_at
            if terms.pop(name, None) != term or states[-1] is BreakerState.OPEN:
                continue  # it says nothing: it never ran, or was admitted before the last trial
            if status is Status.SUCCESS:
                count = 0
                states.append(BreakerState.CLOSED)
            elif status in {Status.FAILED, Status.TIMEOUT}:
                count += 1
                if trial or count >= threshold:
                    retry_at = happened.at_s + recovery
                    states.append(BreakerState.OPEN)
            trial = False
    assert told == [state for state, _ in groupby(states)]


# -- recovery --------------------------------------------------------------------------------------------


@MANY
@given(cases({"after", "failures", "timeouts", "batches", "locks", "subgraphs"}))
def test_replay_runs_what_did_not_succeed_and_what_requires_it(case: Case) -> None:
    """Nothing that succeeded runs again, unless something that it requires does; order still holds.

    Who has brought tasks into the run brings them again, and the same holds for each of those.
    """
    history = case.run()
    done = {r.task_name: r for r in history.results if r.task_name not in history.joined()}
    schedule = Schedule(case.graph(), Rules(case.workers, replay=done), lambda _event: None)
    waits = Waits(case.tasks)
    running: list[int] = []
    order: list[str] = []
    while schedule.left:
        running += schedule.pick(0.0)
        number = running.pop(0)
        name = schedule.tasks[number].name
        order.append(name)
        assert all(schedule.results[schedule.index[other]] is not None for other in waits.before[name])
        result = TaskResult(name, Status.SUCCESS, "again")
        for brought in case.outcomes.get(name, ()):
            if isinstance(brought, Subgraph):
                try:
                    schedule.join(brought.tasks, 0.0, parent=number)
                    waits.join(name, brought.tasks)
                except InputError:
                    result = TaskResult(name, Status.FAILED)
        schedule.settle(number, result, 0.0)

    def again(name: str) -> bool:
        earlier = done.get(name)
        succeeded = earlier is not None and earlier.status is Status.SUCCESS
        return not succeeded or any(map(again, history.tasks[name].requires))

    assert len(order) == len(set(order))
    for result in schedule.ordered_results():
        name = result.task_name
        assert result.from_cache == (not again(name))
        assert (name in order) == (again(name) and result.status is not Status.SKIPPED)
        if result.from_cache:
            assert result.result == done[name].result
