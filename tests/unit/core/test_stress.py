"""Random runs on real threads, switched as often as Python can: no rule of the engine is ever broken.

More of them: `CONFIGURATOR_STRESS_RUNS=100000 pytest tests/unit/core/test_stress.py -m full`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from configurator.core import _clock
from configurator.core.events import RunEnded, RunStarted, TaskEnded, TaskRetrying, TasksJoined, TaskStarted
from configurator.core.task import TaskResult
from tests.unit.core.chaos import Chaos
from tests.unit.core.watch import no_hang

pytestmark = [no_hang, pytest.mark.usefixtures("no_glances")]

RUNS = 50  # in one test
FULL = int(os.environ.get("CONFIGURATOR_STRESS_RUNS", "5000"))


@pytest.fixture(autouse=True)
def restless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have threads change as often as can be, and no glance of the clock's hide a wake-up that was lost."""
    monkeypatch.setattr(_clock, "_GLANCE_S", 3600.0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("first", range(0, 8 * RUNS, RUNS))
def test_random_runs_keep_every_rule(first: int) -> None:
    """No task is lost or done twice, no lock shared, no capacity exceeded, no order broken; and they end."""
    for seed in range(first, first + RUNS):
        run_and_check(seed)


@pytest.mark.full
@pytest.mark.parametrize("first", range(10_000, 10_000 + FULL, 10 * RUNS))
def test_many_more_random_runs_keep_every_rule(first: int) -> None:
    """The same, for whoever has changed the engine and can wait."""
    for seed in range(first, first + 10 * RUNS):
        run_and_check(seed)


def run_and_check(seed: int) -> None:
    me = threading.current_thread()
    name, me.name = me.name, f"seed {seed}"  # of a hang one sees the stacks of all threads, by their names
    chaos = Chaos(seed)
    try:
        results = run(chaos, seed)
        check(chaos, results)
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise
    finally:
        chaos.close()
        me.name = name


def run(chaos: Chaos, seed: int) -> list[TaskResult]:
    """Run it in one of the ways that there are; return the results."""
    executor, way = chaos.executor, seed % 5
    try:
        if way == 0:
            left_early = executor.stream(chaos.graph)
            for _ in zip(range(3), left_early, strict=False):
                pass
            left_early.close()  # type: ignore[attr-defined]
        elif way == 1:
            assert len(list(executor.stream(chaos.graph))) >= len(chaos.tasks)
        elif way == 2:
            with executor.group("all") as group:
                for task in chaos.tasks:
                    group.add(task)
                assert len(group.gather()) >= len(chaos.tasks)
        else:
            done = [result.task_name for result in executor.execute(chaos.graph)]
            assert [name for name in done if name in chaos.graph.index] == list(chaos.graph.index)
    except KeyboardInterrupt as error:
        assert any(result.error is error for result in executor.results()), "only a task raises it here"
    executor.events.flush()
    return executor.results()


def check(chaos: Chaos, results: list[TaskResult]) -> None:
    assert chaos.ledger.wrong == []
    events = chaos.events
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded), events[-4:]
    known = set(chaos.graph.index)
    starts: dict[str, int] = {}
    ended: dict[str, TaskResult] = {}
    retrying: set[str] = set()
    for event in events:
        if isinstance(event, TasksJoined):
            known.update(event.names)
        elif isinstance(event, TaskStarted):
            name = event.task_name
            assert name in known
            assert name not in ended
            assert event.attempt == starts.get(name, 0) + 1
            assert event.attempt == 1 or name in retrying
            retrying.discard(name)
            starts[name] = event.attempt
            requirements(chaos, name, ended)
        elif isinstance(event, TaskRetrying):
            assert starts[event.task_name] == event.attempt
            retrying.add(event.task_name)
        elif isinstance(event, TaskEnded):
            name = event.result.task_name
            assert name not in ended
            ended[name] = event.result
    assert set(ended) == known
    assert {result.task_name: result for result in results} == ended
    end = events[-1]
    assert end.succeeded + end.failed + end.skipped + end.cancelled == len(known)
    calls(chaos, starts, ended)


def requirements(chaos: Chaos, name: str, ended: dict[str, TaskResult]) -> None:
    """Everything that the task waits for has ended; what it requires has not failed."""
    number = chaos.graph.index.get(name)
    if number is None:
        return
    task = chaos.tasks[number]
    for other in (*task.requires, *task.after):
        assert other in ended, f"{name} runs before {other} has ended"
    for other in task.requires:
        assert not ended[other].failed, f"{name} runs though {other} failed"


def calls(chaos: Chaos, starts: dict[str, int], ended: dict[str, TaskResult]) -> None:
    """Every attempt that was announced was made, once; alone, in a batch, or alone after its batch failed."""
    counted = Counter(chaos.ledger.calls)
    made: Counter[tuple[str, int]] = Counter()
    for (name, attempt, kind), count in counted.items():
        assert count == 1, f"{name} was called {count} times as {kind} in attempt {attempt}"
        made[name, attempt] += 1
    for name, attempts in starts.items():
        for attempt in range(1, attempts + 1):
            leaked = ended[name].metadata.get("leaked") and attempt == attempts
            assert made.pop((name, attempt), 0) or leaked, f"attempt {attempt} of {name} was never made"
        assert ended[name].attempts == attempts
    assert not made, f"not announced: {sorted(made)}"
