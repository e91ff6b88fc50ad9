"""The engine: order, concurrency, locks, batches, failures, timeouts, cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.core.cancel import CancelToken
from configurator.core.errors import InputError
from configurator.core.events import EngineEvent, TaskEnded, TaskProgress, TaskStarted
from configurator.core.graph import GraphProblem, TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import SkipReason, Status
from configurator.core.task import SettleEarly, Skip, Task, TaskContext


class Recorder:
    """A fake workload that records order and the peak concurrency per lock."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.running: dict[str, int] = {}
        self.peak: dict[str, int] = {}
        self.alone: dict[str, int] = {}
        self._lock = threading.Lock()

    def task(self, name: str, outcome: object = None, **options: Any) -> Task:
        keys = ["all", *options.get("locks", ())]

        def work(_context: TaskContext) -> object:
            with self._lock:
                self.order.append(name)
                for key in keys:
                    self.running[key] = self.running.get(key, 0) + 1
                    self.peak[key] = max(self.peak.get(key, 0), self.running[key])
                self.alone[name] = self.running["all"]
            if isinstance(outcome, Exception):
                with self._lock:
                    for key in keys:
                        self.running[key] -= 1
                raise outcome
            with self._lock:
                self.alone[name] = max(self.alone[name], self.running["all"])
                for key in keys:
                    self.running[key] -= 1
            return outcome

        return Task(name, work, **options)


def run(tasks: Sequence[Task], workers: int = 4, **options: Any) -> dict[str, Any]:
    results = ParallelExecutor(workers, **options).execute(TaskGraph(tasks))
    assert [result.task_name for result in results] == [task.name for task in tasks]
    return {result.task_name: result for result in results}


def test_callables_are_run_and_results_come_in_declared_order() -> None:
    """A plain list of functions is a run, whatever order they end in."""
    gate = threading.Event()

    def slow() -> str:
        assert gate.wait(10)
        return "slow"

    def quick() -> str:
        gate.set()
        return "quick"

    results = ParallelExecutor(2).execute_tasks([slow, quick])
    assert [(r.task_name, r.status, r.result) for r in results] == [
        ("slow", Status.SUCCESS, "slow"),
        ("quick", Status.SUCCESS, "quick"),
    ]


def test_empty_graph_ends() -> None:
    """Nothing to do is not a hang."""
    assert ParallelExecutor().execute(TaskGraph(())) == []


def test_failure_skips_exactly_what_requires_it_and_names_the_root() -> None:
    """Dependents name the root cause, not their neighbour; the rest goes on."""
    recorder = Recorder()
    results = run(
        [
            recorder.task("a", ValueError("no")),
            recorder.task("b", requires=("a",)),
            recorder.task("c", requires=("b",)),
            recorder.task("d", after=("a",)),
            recorder.task("e"),
        ]
    )
    assert results["a"].status is Status.FAILED
    assert str(results["a"].error) == "no"
    for name in "bc":
        assert (results[name].status, results[name].reason, results[name].cause) == (
            Status.SKIPPED,
            SkipReason.REQUIREMENT_FAILED,
            "a",
        )
    assert results["d"].status is results["e"].status is Status.SUCCESS


def test_ignored_failure_blocks_nothing() -> None:
    """`ignore_errors` keeps the failure visible and the dependents running."""
    recorder = Recorder()
    results = run([recorder.task("a", ValueError(), ignore_errors=True), recorder.task("b", requires=("a",))])
    assert (results["a"].status, results["a"].ignored) == (Status.FAILED, True)
    assert results["b"].status is Status.SUCCESS


def test_a_task_that_skips_itself_blocks_nothing() -> None:
    """A false condition must not skip what comes after it."""
    recorder = Recorder()
    results = run(
        [recorder.task("a", Skip(SkipReason.CONDITION_FALSE, "x")), recorder.task("b", requires=("a",))]
    )
    assert (results["a"].status, results["a"].reason) == (Status.SKIPPED, SkipReason.CONDITION_FALSE)
    assert results["b"].status is Status.SUCCESS


def test_fail_fast_starts_nothing_more() -> None:
    """After a failure the rest is skipped with that reason."""
    recorder = Recorder()
    tasks = [recorder.task("a", ValueError()), *(recorder.task(f"b{i}", after=("a",)) for i in range(5))]
    results = run(tasks, workers=1, fail_fast=True)
    assert {r.reason for name, r in results.items() if name != "a"} == {SkipReason.FAIL_FAST}
    assert recorder.order == ["a"]


def test_critical_failure_cancels_what_runs() -> None:
    """A critical task's failure reaches the tasks that run beside it."""
    started, released = threading.Event(), threading.Event()

    def long(context: TaskContext) -> None:
        context.token.on_cancel(released.set)
        started.set()
        assert released.wait(10)
        context.token.raise_if_cancelled()

    def fails(_context: TaskContext) -> None:
        assert started.wait(10)
        raise ValueError

    results = run(
        [Task("long", long), Task("fails", fails, critical=True), Task("later", long, after=("fails",))]
    )
    assert results["long"].status is Status.CANCELLED
    assert results["later"].status is Status.CANCELLED


def test_timeout_stops_the_work_and_frees_the_worker() -> None:
    """The token's callback is what stops the work; the next task gets the worker."""

    def stuck(context: TaskContext) -> None:
        released = threading.Event()
        context.token.on_cancel(released.set)
        released.wait()
        context.token.raise_if_cancelled()

    recorder = Recorder()
    results = run([Task("stuck", stuck, timeout_s=0.01), recorder.task("next")], workers=1)
    assert results["stuck"].status is Status.TIMEOUT
    assert results["next"].status is Status.SUCCESS


def test_work_that_ignores_its_token_is_given_up_and_its_lock_stays_held() -> None:
    """A leaked thread costs a worker nothing, but nobody may enter what it still holds."""
    never = threading.Event()
    recorder = Recorder()
    results = run(
        [
            Task("deaf", lambda _c: never.wait(), timeout_s=0.01, locks=frozenset({"apt"})),
            recorder.task("much", requires=("deaf",), estimate_s=9.0),  # so deaf goes first
            recorder.task("waiter", locks=frozenset({"apt"})),
            recorder.task("late", locks=frozenset({"apt"}), after=("free",)),
            recorder.task("free"),
            recorder.task("child", requires=("waiter",)),
        ],
        workers=1,
        grace_s=0.01,
    )
    assert (results["deaf"].status, results["deaf"].metadata) == (Status.TIMEOUT, {"leaked": True})
    for name in ("waiter", "late"):
        assert (results[name].reason, results[name].cause) == (SkipReason.LOCK_LEAKED, "deaf")
    assert results["child"].status is Status.SKIPPED
    assert results["free"].status is Status.SUCCESS
    never.set()


def test_exclusive_task_runs_alone() -> None:
    """A guarded change must not share the host with anything."""
    recorder = Recorder()
    run(
        [*(recorder.task(f"t{i}") for i in range(20)), recorder.task("alone", exclusive=True, estimate_s=1.5)]
    )
    assert recorder.alone["alone"] == 1


def test_batch_joins_what_is_ready_and_splits_on_failure() -> None:
    """One bad package fails one task, and the others of its batch succeed."""
    calls: list[list[str]] = []

    def together(contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[str]:
        calls.append([context.name for context in contexts])
        raise ValueError("one of them is wrong")

    def single(bad: bool) -> Callable[[TaskContext], str]:
        def work(_context: TaskContext) -> str:
            if bad:
                raise ValueError("wrong")
            return "done"

        return work

    tasks = [
        Task(name, single(name == "b"), batch_key="apt", batch_func=together, locks=frozenset({"apt"}))
        for name in "abc"
    ]
    results = run(tasks)
    assert calls == [["a", "b", "c"]]
    assert [results[name].status for name in "abc"] == [Status.SUCCESS, Status.FAILED, Status.SUCCESS]


def test_who_has_nothing_to_do_leaves_the_batch_at_once() -> None:
    """A package that is there already must not hold up what waits for it while others are installed."""
    follower_ran = threading.Event()
    singles: list[str] = []

    def together(contexts: Sequence[TaskContext], settle: SettleEarly) -> list[str | None]:
        settle(contexts[0], "early")
        assert follower_ran.wait(10)
        if bad:
            raise ValueError("the rest fails")
        return [None, "late"]

    def single(context: TaskContext) -> str:
        singles.append(context.name)
        return "alone"

    def follow(_context: TaskContext) -> None:
        follower_ran.set()

    for bad in (False, True):
        follower_ran.clear()
        results = run(
            [
                Task("there", single, batch_key="apt", batch_func=together, locks=frozenset({"apt"})),
                Task("new", single, batch_key="apt", batch_func=together, locks=frozenset({"apt"})),
                Task("follower", follow, requires=("there",)),
            ]
        )
        assert (results["there"].result, results["new"].result) == ("early", "alone" if bad else "late")
    assert singles == ["new"], "what was settled early is not done again"


def test_batch_leaves_tasks_of_low_urgency_alone() -> None:
    """Joining a task that nobody waits for would delay the critical path."""
    calls: list[list[str]] = []

    def together(contexts: Sequence[TaskContext], _settle: SettleEarly) -> list[None]:
        calls.append([context.name for context in contexts])
        return [None for _ in contexts]

    def apt(name: str, estimate: float) -> Task:
        return Task(
            name, lambda _c: calls.append([name]), batch_key="apt", batch_func=together, estimate_s=estimate
        )

    run([apt("urgent", 100.0), apt("similar", 50.0), apt("idle", 1.0)], workers=1)
    assert calls == [["urgent", "similar"], ["idle"]]


def test_events_are_ordered_and_a_failing_subscriber_hurts_nothing() -> None:
    """Output is a subscriber: when it breaks, the run does not."""
    seen: list[tuple[str, str]] = []

    def observe(event: EngineEvent) -> None:
        if isinstance(event, TaskStarted):
            seen.append(("started", event.task_name))
        if isinstance(event, TaskEnded):
            seen.append(("ended", event.result.task_name))
        raise RuntimeError("broken output")

    recorder = Recorder()
    run([recorder.task("a"), recorder.task("b", requires=("a",))], observer=observe)
    assert seen == [("started", "a"), ("ended", "a"), ("started", "b"), ("ended", "b")]


def test_cancel_before_the_start_runs_nothing() -> None:
    """A run that was called off between planning and starting must not start."""
    executor = ParallelExecutor()
    executor.cancel("called off")
    recorder = Recorder()
    results = executor.execute(TaskGraph([recorder.task("a")]))
    assert [r.status for r in results] == [Status.CANCELLED]
    assert recorder.order == []


def test_drain_lets_the_running_task_finish() -> None:
    """The first Ctrl-C must not tear a task in two."""
    executor = ParallelExecutor(1)
    recorder = Recorder()

    def first(_context: TaskContext) -> str:
        executor.drain("interrupted")
        return "whole"

    results = executor.execute(TaskGraph([Task("first", first), recorder.task("second")]))
    assert [(r.status, r.result) for r in results] == [(Status.SUCCESS, "whole"), (Status.CANCELLED, None)]


def test_problems_of_a_graph_are_reported_together() -> None:
    """A person fixes all mistakes in one go; a cycle is shown as a path."""

    def nothing(_context: TaskContext) -> None:
        return None

    with pytest.raises(InputError) as caught:
        TaskGraph([Task("alpha", nothing), Task("alpha", nothing), Task("b", nothing, requires=("alpah",))])
    problems: Sequence[GraphProblem] = caught.value.diagnostics
    assert [p.message for p in problems] == [
        "two tasks are named 'alpha'",
        "task 'b' requires unknown task 'alpah'",
    ]
    assert problems[1].hint == "did you mean 'alpha'?"
    with pytest.raises(InputError, match="cycle: a -> b -> a"):
        TaskGraph([Task("a", nothing, requires=("b",)), Task("b", nothing, after=("a",))])


def test_a_long_chain_needs_no_recursion() -> None:
    """A chain of 20,000 tasks is ranked, run and skipped without RecursionError."""
    recorder = Recorder()
    tasks = [recorder.task("t0", ValueError("root"))]
    tasks += [recorder.task(f"t{i}", requires=(f"t{i - 1}",)) for i in range(1, 20_000)]
    results = run(tasks)
    assert results["t19999"].cause == "t0"


def test_a_callback_registered_after_the_cancellation_runs_at_once() -> None:
    """A process that was started in between must not escape."""
    token = CancelToken()
    calls: list[str] = []
    forget = token.on_cancel(lambda: calls.append("early"))
    token.on_cancel(lambda: calls.append("kept"))
    forget()
    token.cancel("first")
    token.cancel("second")
    token.on_cancel(lambda: calls.append("late"))
    assert (calls, token.reason) == (["kept", "late"], "first")


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(1, 14))
    specs = []
    for number in range(count):
        earlier = [f"t{i}" for i in range(number)]
        pick = st.lists(st.sampled_from(earlier), max_size=3, unique=True) if earlier else st.just([])
        specs.append(
            {
                "name": f"t{number}",
                "outcome": ValueError("x") if draw(st.integers(0, 5)) == 0 else None,
                "requires": tuple(draw(pick)),
                "after": tuple(draw(pick)),
                "locks": frozenset(draw(st.lists(st.sampled_from("LMN"), max_size=2))),
                "exclusive": draw(st.integers(0, 9)) == 0,
            }
        )
    return specs


@settings(max_examples=150, deadline=None)
@given(specs=graphs(), workers=st.integers(1, 5))
def test_every_run_respects_order_locks_and_failures(specs: list[dict[str, Any]], workers: int) -> None:
    """Every order is topological, no lock is shared, skipped is exactly below failures, every wait ends."""
    recorder = Recorder()
    results = run([recorder.task(**spec) for spec in specs], workers=workers)
    position = {name: number for number, name in enumerate(recorder.order)}
    doomed: set[str] = set()
    for spec in specs:
        name = spec["name"]
        if any(other in doomed for other in spec["requires"]):
            doomed.add(name)
            assert results[name].status is Status.SKIPPED
            assert isinstance(specs[int(results[name].cause[1:])]["outcome"], ValueError)
            assert name not in position
            continue
        if spec["outcome"] is not None:
            doomed.add(name)
        assert results[name].status is (Status.FAILED if spec["outcome"] else Status.SUCCESS)
        for other in (*spec["requires"], *spec["after"]):
            assert other not in position or position[other] < position[name]
        if spec["exclusive"]:
            assert recorder.alone[name] == 1
    assert all(recorder.peak.get(lock, 0) <= 1 for lock in "LMN")
    assert recorder.peak.get("all", 0) <= workers
    assert len(position) == len(recorder.order)


def test_an_exclusive_task_does_not_idle_the_workers() -> None:
    """While a long installation runs, other tasks go on; the guarded one waits for all of them."""
    others_ran = threading.Event()
    order: list[str] = []

    def long(_context: TaskContext) -> None:
        assert others_ran.wait(10)
        order.append("long")

    def note(context: TaskContext) -> None:
        order.append(context.name)
        if context.name == "after":
            others_ran.set()

    run(
        [
            Task("long", long, estimate_s=9.0),
            Task("guarded", note, exclusive=True, estimate_s=5.0),
            Task("before", note),
            Task("after", note, requires=("before",)),
        ],
        workers=2,
    )
    assert order == ["before", "after", "long", "guarded"]


def test_work_that_was_given_up_reports_no_progress_any_more() -> None:
    """Its line in the output must not come back to life after the task has ended."""
    ended, reported = threading.Event(), threading.Event()

    def deaf(context: TaskContext) -> None:
        context.progress(1, 2)
        assert ended.wait(10)
        context.progress(2, 2)
        reported.set()

    seen: list[EngineEvent] = []
    executor = ParallelExecutor(1, grace_s=0.0, observer=seen.append)
    executor.execute(TaskGraph([Task("deaf", deaf, timeout_s=0.01)]))
    ended.set()
    assert reported.wait(10)
    executor.events.flush()
    assert [event.done for event in seen if isinstance(event, TaskProgress)] == [1]
