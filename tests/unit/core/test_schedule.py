"""The schedule: retries, breakers, tasks that join, and what only a run on threads asks of it."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.core._schedule import Rules, Schedule
from configurator.core.breaker import CircuitBreaker
from configurator.core.errors import InputError, TaskError
from configurator.core.events import BreakerChanged, EngineEvent, TaskRetrying, TasksJoined
from configurator.core.graph import TaskGraph
from configurator.core.retry import RetryPolicy
from configurator.core.simulation import simulate
from configurator.core.status import SkipReason, Status
from configurator.core.strategy import DeclaredOrder
from configurator.core.task import Skip, Subgraph, Task, TaskReport, TaskResult
from tests.unit.core.graphs import Case, said, task, times

APT = frozenset({"apt"})
OPEN_AT_ONCE = {"mirror": (1, 100.0)}


def skipped_by(cause: str) -> tuple[Status, SkipReason, str]:
    return Status.SKIPPED, SkipReason.REQUIREMENT_FAILED, cause


# -- retries and breakers ------------------------------------------------------------------------------------


def test_a_failure_that_is_tried_again_and_refused_stays_a_failure() -> None:
    """The breaker opens on the first attempt and refuses the second: the run has failed, not skipped."""
    case = Case(
        (
            task("fails", breaker="mirror", retry=RetryPolicy(3, delay_s=1.0, jitter=0.0)),
            task("needs", requires=("fails",)),
            task("never", after=("late",)),
            task("late", after=("needs",)),
        ),
        outcomes={"fails": (ValueError("no"),)},
        breakers=OPEN_AT_ONCE,
        fail_fast=True,
    )
    results = case.run().results
    assert said(results) == {
        "fails": (Status.FAILED, None, None),
        "needs": skipped_by("fails"),
        "never": (Status.SKIPPED, SkipReason.FAIL_FAST, "fails"),
        "late": (Status.SKIPPED, SkipReason.FAIL_FAST, "fails"),
    }
    assert (str(results[0].error), results[0].attempts, results[0].ended_s) == ("no", 1, 1.0)


def test_a_task_that_is_stopped_before_its_next_attempt_has_failed() -> None:
    """Waiting for the delay or, after it, for a lock: in both cases its last attempt is what counts."""
    policy = RetryPolicy(2, delay_s=1.0, jitter=0.0)
    tasks = [
        task("delayed", retry=policy),
        task("woken", retry=policy, locks=APT),
        task("holder", locks=APT, after=("start",)),
        task("start"),
        task("stops", critical=True, after=("start",)),
    ]
    case = Case(
        tuple(tasks),
        5,
        {"delayed": 3.0, "stops": 2.5, "holder": 9.0},
        {"delayed": (ValueError(),), "woken": (KeyError(),), "stops": (OSError(),)},
    )
    results = {result.task_name: result for result in case.run().results}
    for name in ("delayed", "woken"):
        assert (results[name].status, results[name].attempts) == (Status.FAILED, 1)
    assert results["woken"].ended_s == 1.0
    assert results["holder"].status is Status.SUCCESS


def test_a_reported_failure_is_judged_as_a_task_error() -> None:
    """It ran out of nothing: a policy for what is slow or unreachable does not try it again."""
    tasks = [
        task("slow", timeout_s=0.5, retry=RetryPolicy(2, retry_on=(TimeoutError,))),
        task("oserror", retry=RetryPolicy(2, retry_on=(OSError,))),
        task("taskerror", retry=RetryPolicy(2, retry_on=(TaskError,))),
    ]
    report = TaskReport(failed=True, output="what it said")
    history = Case(tuple(tasks), outcomes={"oserror": (report,), "taskerror": (report,)}).run()
    assert [result.attempts for result in history.results] == [2, 1, 2]
    errors = {e.task_name: e.error for e in history.events if isinstance(e, TaskRetrying)}
    assert isinstance(errors["slow"], TimeoutError)
    assert isinstance(errors["taskerror"], TaskError)
    assert errors["taskerror"].output == "what it said"


def test_a_trial_that_comes_to_nothing_is_followed_by_another() -> None:
    """A task that skipped itself says nothing about the dependency; half-open is told once all the same."""
    tasks = [task(f"t{number}", breaker="mirror", after=("pause",)) for number in range(1, 3)]
    tasks = [task("t0", breaker="mirror", estimate_s=9.0), *tasks]
    case = Case(
        (*tasks, task("pause")),
        1,
        {"pause": 5.0},
        {"t0": (ValueError(),), "t1": (Skip(SkipReason.CONDITION_FALSE),)},
        breakers={"mirror": (1, 1.0)},
    )
    history = case.run()
    assert [result.status for result in history.results[:3]] == [
        Status.FAILED,
        Status.SKIPPED,
        Status.SUCCESS,
    ]
    changes = [(e.at_s, str(e.state)) for e in history.events if isinstance(e, BreakerChanged)]
    assert changes == [(1.0, "open"), (6.0, "half-open"), (8.0, "closed")]


def test_others_wait_for_a_trial_and_start_when_it_succeeds() -> None:
    """Half-open, one task goes ahead; the rest neither start nor are refused until it has ended."""
    tasks = [task("fails", breaker="mirror"), task("pause")]
    tasks += [task(f"t{number}", breaker="mirror", after=("pause",)) for number in range(3)]
    case = Case(tuple(tasks), 4, {"pause": 5.0}, {"fails": (ValueError(),)}, breakers={"mirror": (1, 1.0)})
    assert times(case.run().results[2:]) == {"t0": (5, 6), "t1": (6, 7), "t2": (6, 7)}


def test_others_are_refused_when_a_trial_fails() -> None:
    """Each names the breaker; what only comes after them goes on."""
    tasks = [task("fails", breaker="mirror"), task("pause")]
    tasks += [task("t0", breaker="mirror", after=("pause",), estimate_s=9.0)]
    tasks += [task("t1", breaker="mirror", after=("pause",))]
    case = Case(
        (*tasks, task("needs", requires=("t1",)), task("after", after=("t1",))),
        4,
        {"pause": 5.0},
        {"fails": (ValueError(),), "t0": (ValueError(),)},
        breakers={"mirror": (1, 1.0)},
    )
    history = case.run()
    assert said(history.results[3:]) == {
        "t1": (Status.SKIPPED, SkipReason.BREAKER_OPEN, "mirror"),
        "needs": skipped_by("mirror"),
        "after": (Status.SUCCESS, None, None),
    }


def test_a_breaker_that_nobody_made_has_the_usual_limits() -> None:
    """Naming it in tasks is enough; they share it."""
    history = Case(
        tuple(task(f"t{number}", breaker="mirror") for number in range(6)),
        1,
        outcomes={f"t{number}": (ValueError(),) for number in range(6)},
    ).run()
    assert [result.status for result in history.results] == [Status.FAILED] * 5 + [Status.SKIPPED]


def test_an_exclusive_task_that_its_breaker_refuses_holds_nobody_up() -> None:
    """Nothing else runs then: what comes after it must be picked at once, or never."""
    tasks = [
        task("fails", breaker="mirror"),
        task("alone", breaker="mirror", exclusive=True, after=("fails",)),
    ]
    case = Case(
        (*tasks, task("next", after=("alone",))), outcomes={"fails": (ValueError(),)}, breakers=OPEN_AT_ONCE
    )
    assert case.run().result("next").status is Status.SUCCESS


# -- tasks that join -----------------------------------------------------------------------------------------


def test_what_joins_comes_before_all_that_waits_for_its_parent() -> None:
    """Also what the joined tasks bring themselves; and each has its result behind who brought it."""
    case = Case(
        (task("parent"), task("hard", requires=("parent",)), task("soft", after=("parent",)), task("other")),
        4,
        outcomes={
            "parent": (
                Subgraph((task("p1"), task("p2", requires=("p1",)), task("p3", after=("other",))), 5),
            ),
            "p1": (Subgraph((task("p11"),)),),
        },
    )
    history = case.run()
    assert times(history.results) == {
        "parent": (0, 1),
        "p1": (1, 2),
        "p11": (2, 3),
        "p2": (3, 4),
        "p3": (1, 2),
        "hard": (4, 5),
        "soft": (4, 5),
        "other": (0, 1),
    }
    assert [result.task_name for result in history.results] == [*times(history.results)]
    assert history.result("parent").result == 5
    joined = [(e.parent, e.names) for e in history.events if isinstance(e, TasksJoined)]
    assert joined == [("parent", ("p1", "p2", "p3")), ("p1", ("p11",))]


def test_a_failure_in_what_joined_skips_what_requires_the_parent() -> None:
    """At any depth, naming the task that failed; what merely comes after goes on."""
    case = Case(
        (task("parent"), task("hard", requires=("parent",)), task("soft", after=("parent",))),
        outcomes={
            "parent": (Subgraph((task("child"),)),),
            "child": (Subgraph((task("grandchild"),)),),
            "grandchild": (ValueError(),),
        },
    )
    results = case.run().results
    assert said(results)["hard"] == skipped_by("grandchild")
    assert said(results)["soft"] == (Status.SUCCESS, None, None)
    assert said(results)["child"] == said(results)["parent"] == (Status.SUCCESS, None, None)


@pytest.mark.parametrize("how", ["requires", "after"])
@pytest.mark.parametrize("wanted", ["next", "far"])
def test_what_joins_must_not_wait_for_what_waits_for_its_parent(how: str, wanted: str) -> None:
    """They would wait for each other for ever: the parent fails, and says which path it is."""
    case = Case(
        (task("parent"), task("next", after=("parent",)), task("far", after=("next",))),
        outcomes={"parent": (Subgraph((task("good"), task("bad", **{how: (wanted,)}))),)},
    )
    history = case.run()
    assert said(history.results)["parent"] == (Status.FAILED, None, None)
    error = history.result("parent").error
    assert isinstance(error, InputError)
    assert "parent" in str(error)
    assert repr(wanted) in str(error)
    assert [result.task_name for result in history.results] == ["parent", "next", "far"]
    assert not history.joined()


def test_what_joins_must_not_wait_for_what_waits_for_it_through_others_that_joined() -> None:
    """`slow` brings what requires `end`, which by now waits for it: through a task that joined meanwhile."""
    case = Case(
        (task("parent"), task("end", requires=("parent",)), task("slow")),
        seconds={"slow": 2.0},
        outcomes={
            "parent": (Subgraph((task("child", requires=("slow",)),)),),
            "slow": (Subgraph((task("bad", requires=("end",)),)),),
        },
    )
    results = said(case.run().results)
    assert results["slow"][0] is Status.FAILED
    assert results["child"] == results["end"] == skipped_by("slow")


@pytest.mark.parametrize(
    ("outcome", "hard", "soft"),
    [
        (None, (Status.SUCCESS, None, None), Status.SUCCESS),
        (ValueError(), skipped_by("other"), Status.SUCCESS),
        (Skip(SkipReason.CONDITION_FALSE), (Status.SUCCESS, None, None), Status.SUCCESS),
    ],
    ids=["success", "failure", "skip"],
)
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0], ids=["ended", "just ended", "still running"])
def test_what_joins_may_wait_for_any_other_task(
    seconds: float, outcome: object, hard: tuple[Any, ...], soft: Status
) -> None:
    """Whether that has ended already makes no difference to what follows from it."""
    joins = (
        task("hard", requires=("other",)),
        task("below", requires=("hard",)),
        task("soft", after=("other",)),
        task("both", requires=("other",), after=("other",)),
        task("own", requires=("parent",)),
    )
    case = Case(
        (task("other"), task("parent")),
        4,
        {"other": seconds},
        {"other": (outcome,), "parent": (Subgraph(joins),)},
    )
    results = said(case.run().results)
    assert results["hard"] == results["below"] == results["both"] == hard
    assert (results["soft"][0], results["own"][0]) == (soft, Status.SUCCESS)


def test_what_joins_names_one_of_the_failures_that_keep_it_from_running() -> None:
    """It has one result, however many of the tasks that it requires have failed before it joined."""
    case = Case(
        (task("one"), task("two"), task("parent", after=("one", "two"))),
        outcomes={
            "one": (ValueError(),),
            "two": (ValueError(),),
            "parent": (Subgraph((task("child", requires=("one", "two")),)),),
        },
    )
    history = case.run()
    assert said(history.results)["child"] == skipped_by("one")
    assert history.endings().count("child") == 1


@pytest.mark.parametrize(
    "bad",
    [
        task("parent"),
        task("child", requires=("nobody",)),
        task("child", requires=("child",)),
        task("child", weight=3.0),
        task("child", resources={"cpu": 2.0}),
        task("child", resources={"gpu": 1.0}),
    ],
    ids=["name taken", "unknown", "cycle", "too heavy", "too much", "unknown resource"],
)
def test_what_cannot_be_part_of_the_run_fails_its_parent(bad: Task) -> None:
    """The mistake is the parent's, the others go on; nothing of what it brought has joined."""
    case = Case(
        (task("parent"), task("other"), task("hard", requires=("parent",))),
        outcomes={"parent": (Subgraph((task("good"), bad)),)},
        capacities={"cpu": 1.0},
    )
    results = case.run().results
    assert [r.status for r in results] == [Status.FAILED, Status.SUCCESS, Status.SKIPPED]
    assert isinstance(results[0].error, InputError)


def test_who_has_failed_brings_nothing() -> None:
    """Out of time, what it returned in the end does not count, however often it is tried again."""
    case = Case(
        (task("parent", timeout_s=1.0, retry=RetryPolicy(2, delay_s=0.0)),),
        seconds={"parent": 2.0},
        outcomes={"parent": (Subgraph((task("child"),)),)},
    )
    results = case.run().results
    assert [(r.task_name, r.status, r.attempts) for r in results] == [("parent", Status.TIMEOUT, 2)]


def test_what_joins_a_run_that_was_stopped_does_not_run() -> None:
    """It has its result all the same, behind who brought it."""
    case = Case(
        (task("stops", critical=True), task("parent")),
        seconds={"parent": 2.0},
        outcomes={"stops": (ValueError(),), "parent": (Subgraph((task("child"),)),)},
    )
    results = case.run().results
    assert said(results)["child"] == (Status.CANCELLED, None, "the run was stopped")
    assert [result.task_name for result in results] == ["stops", "parent", "child"]


def test_what_joins_is_as_urgent_as_what_waits_for_it() -> None:
    """It stands in the way of its parent's dependents, and goes before what is nearly as urgent as they."""
    case = Case(
        (
            task("parent", estimate_s=9.0),
            task("end", estimate_s=5.0, requires=("parent",)),
            task("x", estimate_s=5.5),
        ),
        1,
        outcomes={"parent": (Subgraph((task("child", estimate_s=1.0),)),)},
    )
    assert [start.task_name for start in case.run().starts()] == ["parent", "child", "x", "end"]


def test_a_graph_is_not_changed_by_what_joins_its_run() -> None:
    """It can be run again, with the same tasks joining."""
    case = Case(
        (task("parent"), task("end", after=("parent",)), task("other")),
        outcomes={"parent": (Subgraph((task("child", after=("other",)), task("x", requires=("other",)))),)},
    )
    graph = case.graph()
    before = repr([getattr(graph, name) for name in TaskGraph.__slots__])
    first = simulate(graph, outcome=case.outcome)
    assert simulate(graph, outcome=case.outcome) == first
    assert repr([getattr(graph, name) for name in TaskGraph.__slots__]) == before


# -- what only a run with threads asks of the schedule -------------------------------------------------------


class Bench:
    """A schedule driven by hand; unless a strategy is given, what was declared first goes first."""

    def __init__(self, *tasks: Task, **rules: Any) -> None:
        self.events: list[EngineEvent] = []
        self.rules = Rules(**{"strategy": DeclaredOrder(), **rules})
        graph = TaskGraph(tasks)
        self.schedule = Schedule(graph, self.rules, self.events.append)

    def pick(self, now: float = 0.0) -> list[str]:
        return [self.schedule.tasks[number].name for number in self.schedule.pick(now)]

    def end(
        self, name: str, status: Status = Status.SUCCESS, *, leaked: bool = False, now: float = 1.0
    ) -> None:
        number = self.schedule.index[name]
        self.schedule.settle(number, TaskResult(name, status), now, leaked=leaked)

    def said(self) -> dict[str, tuple[Status, SkipReason | None, str | None]]:
        return said(self.schedule.ordered_results())

    def statuses(self) -> list[Status]:
        return [self.schedule.status(number) for number in range(len(self.schedule.tasks))]


def test_tasks_that_need_what_was_leaked_are_skipped() -> None:
    """Those that wait for it now, those that become ready later, and those that are to be tried again."""
    policy = RetryPolicy(2, delay_s=1.0, jitter=0.0)
    bench = Bench(
        task("retried", locks=APT, retry=policy, estimate_s=9.0),
        task("deaf", locks=APT, estimate_s=8.0),
        task("waits", locks=APT),
        task("below", requires=("waits",)),
        task("later", locks=APT, after=("other",)),
        task("after", after=("later",)),
        task("other"),
    )
    assert bench.pick() == ["retried"]
    bench.end("retried", Status.FAILED)
    assert bench.pick() == ["deaf"]
    bench.end("deaf", Status.TIMEOUT, leaked=True)
    lost = (Status.SKIPPED, SkipReason.LOCK_LEAKED, "deaf")
    assert bench.said() == {"deaf": (Status.TIMEOUT, None, None), "waits": lost, "below": skipped_by("deaf")}
    assert bench.pick() == ["other"]
    bench.end("other")
    assert bench.said()["later"] == lost
    assert bench.pick() == ["after"]
    bench.end("after")
    assert bench.schedule.next_wake() == 2.0
    bench.schedule.wake(2.0)
    assert bench.said()["retried"] == (Status.FAILED, None, None)  # it has: only the next attempt is hopeless
    assert (bench.schedule.left, bench.schedule.leaks) == (0, 1)


def test_a_success_after_a_leak_still_releases_what_waits_for_it() -> None:
    """All of it: what needs the leaked lock is skipped, what comes after that too, the rest starts."""
    bench = Bench(
        task("deaf", locks=APT, estimate_s=9.0),
        task("good"),
        task("locked", locks=APT, after=("good",)),
        task("below", after=("locked",)),
        task("free", after=("good",)),
    )
    assert (bench.pick(), bench.pick()) == (["deaf"], ["good"])
    bench.end("deaf", Status.CANCELLED, leaked=True)
    bench.end("good")
    assert bench.said()["locked"] == (Status.SKIPPED, SkipReason.LOCK_LEAKED, "deaf")
    assert sorted([*bench.pick(), *bench.pick()]) == ["below", "free"]


def test_tasks_that_need_more_than_is_left_of_a_leaked_resource_are_skipped() -> None:
    """Who can do with the rest still runs."""
    bench = Bench(
        task("deaf", resources={"cpu": 0.6}, estimate_s=9.0),
        task("much", resources={"cpu": 0.5}),
        task("little", resources={"cpu": 0.4}),
        capacities={"cpu": 1.0},
    )
    assert bench.pick() == ["deaf"]
    assert bench.pick() == []
    bench.end("deaf", Status.TIMEOUT, leaked=True)
    assert bench.said()["much"] == (Status.SKIPPED, SkipReason.LOCK_LEAKED, "deaf")
    assert bench.pick() == ["little"]


def test_some_tasks_can_be_given_up_and_the_others_go_on() -> None:
    """What requires them is skipped, what comes after them starts, and those that run end by themselves."""
    bench = Bench(
        task("runs", retry=RetryPolicy(3)),
        task("done"),
        task("waits"),
        task("hard", requires=("waits",)),
        task("soft", after=("waits",)),
        task("inside", requires=("waits",)),
    )
    assert (bench.pick(), bench.pick()) == (["runs"], ["done"])
    bench.end("done")
    numbers = [bench.schedule.index[name] for name in ("runs", "waits", "inside", "done")]
    bench.schedule.give_up(Status.CANCELLED, None, "group", 2.0, only=numbers)
    assert bench.said() == {
        "done": (Status.SUCCESS, None, None),
        "waits": (Status.CANCELLED, None, "group"),
        "inside": (Status.CANCELLED, None, "group"),
        "hard": skipped_by("waits"),
    }
    assert bench.pick() == ["soft"]
    bench.end("runs", Status.FAILED)  # given up means: not tried again
    assert bench.said()["runs"] == (Status.FAILED, None, None)


def test_a_task_that_is_given_up_while_it_waits_for_a_retry_is_not_woken() -> None:
    """Its time comes, and nothing happens."""
    bench = Bench(task("fails", retry=RetryPolicy(2, delay_s=1.0, jitter=0.0)))
    bench.pick()
    bench.end("fails", Status.FAILED)
    bench.schedule.give_up(Status.CANCELLED, None, "stop", 1.5)
    assert bench.said() == {"fails": (Status.FAILED, None, None)}
    bench.schedule.wake(9.0)
    assert bench.pick() == []
    assert bench.schedule.next_wake() is None


def test_ready_tasks_can_be_skipped_as_hopeless() -> None:
    """Those that nothing can start any more; what only comes after one of them is not ready before."""
    bench = Bench(
        task("holder", locks=APT, estimate_s=9.0),
        task("first", locks=APT),
        task("second", locks=APT),
        task("hard", requires=("first",)),
        task("soft", after=("second",)),
    )
    assert bench.pick() == ["holder"]
    bench.schedule.skip_ready(SkipReason.DEADLOCK, "holder", 1.0)
    stuck = (Status.SKIPPED, SkipReason.DEADLOCK, "holder")
    assert bench.said() == {"first": stuck, "second": stuck, "hard": skipped_by("holder")}
    assert bench.pick() == ["soft"]


def test_one_hopeless_task_that_had_failed_before_can_stop_the_rest() -> None:
    """Its failure counts now that there is no other attempt; the others end by that, and only once."""
    bench = Bench(
        task("fails", retry=RetryPolicy(2, delay_s=1.0, jitter=0.0), estimate_s=9.0, locks=APT),
        task("holder", locks=APT, estimate_s=8.0),
        task("waits", locks=APT),
        fail_fast=True,
    )
    bench.pick()
    bench.end("fails", Status.FAILED)
    assert bench.pick() == ["holder"]
    bench.schedule.wake(2.0)
    bench.schedule.skip_ready(SkipReason.DEADLOCK, "holder", 2.0)
    assert bench.said() == {
        "fails": (Status.FAILED, None, None),
        "waits": (Status.SKIPPED, SkipReason.FAIL_FAST, "fails"),
    }
    assert bench.schedule.left == 1


def test_tasks_can_join_from_outside_with_a_limit_of_their_own() -> None:
    """A group's tasks wait for nobody but each other, and are no results of the graph."""
    bench = Bench(task("declared"), task("parent", estimate_s=9.0))
    room = bench.schedule.add_room("group", 1)
    assert room != bench.schedule.add_room("group", 1)
    bench.schedule.join([task(name, locks=frozenset({room})) for name in "ab"], 0.0)
    assert [bench.pick() for _ in range(4)] == [["declared"], ["parent"], ["a"], []]
    for name in ("parent", "declared", "a"):
        bench.end(name)
    assert bench.pick() == ["b"]
    assert bench.statuses() == [Status.SUCCESS, Status.SUCCESS, Status.SUCCESS, Status.RUNNING]
    assert [r.task_name for r in bench.schedule.ordered_results(declared=True)] == ["declared", "parent"]
    assert [e.parent for e in bench.events if isinstance(e, TasksJoined)] == [None]


def test_what_joins_the_graph_is_among_its_results_and_what_joins_a_group_is_not() -> None:
    """Told apart by who brought it, also when both joined."""
    bench = Bench(task("parent"))
    bench.pick()
    bench.schedule.join([task("child")], 0.0, parent=0)
    bench.schedule.join([task("outsider")], 0.0)
    bench.end("parent")
    assert bench.statuses() == [Status.SUCCESS, Status.READY, Status.READY]
    assert [r.task_name for r in bench.schedule.ordered_results()] == ["parent"]
    bench.pick(), bench.pick()
    bench.end("outsider")
    bench.end("child")
    assert [r.task_name for r in bench.schedule.ordered_results(declared=True)] == ["parent", "child"]
    assert [r.task_name for r in bench.schedule.ordered_results()] == ["parent", "child", "outsider"]


def test_watchers_are_told_of_failures_that_count() -> None:
    """A group's policy hears of failed and timed-out tasks, not of ignored or retried ones."""
    told: list[str] = []
    bench = Bench(
        task("retried", retry=RetryPolicy(2)),
        task("ignored", ignore_errors=True),
        task("timeout"),
        task("fine"),
    )
    bench.schedule.watchers.append(lambda _number, result: told.append(result.task_name))
    while bench.pick():
        pass
    bench.end("retried", Status.FAILED)
    bench.schedule.settle(1, TaskResult("ignored", Status.FAILED, ignored=True), 1.0)
    bench.end("timeout", Status.TIMEOUT)
    bench.end("fine")
    assert told == ["timeout"]


def test_a_cancelled_trial_leaves_the_breaker_as_it_was() -> None:
    """It was neither a success nor a failure: the next task is the trial."""
    clock = [0.0]
    breaker = CircuitBreaker("mirror", 1, 1.0, lambda: clock[0])
    bench = Bench(
        *(task(f"t{number}", breaker="mirror") for number in range(3)), breakers={"mirror": breaker}
    )
    assert bench.pick() == ["t0"]
    bench.end("t0", Status.FAILED)
    clock[0] = 2.0
    assert (bench.pick(), bench.pick()) == (["t1"], [])
    bench.end("t1", Status.CANCELLED)
    assert bench.pick() == ["t2"]


def test_a_breaker_whose_trial_is_in_another_run_refuses() -> None:
    """Nobody here would learn when that ends, so nobody waits for it."""
    breaker = CircuitBreaker("mirror", 1, 0.0, lambda: 0.0)
    breaker.record_failure()
    assert breaker.allow()
    bench = Bench(task("refused", breaker="mirror"), breakers={"mirror": breaker})
    assert bench.pick() == []
    assert bench.said() == {"refused": (Status.SKIPPED, SkipReason.BREAKER_OPEN, "mirror")}
