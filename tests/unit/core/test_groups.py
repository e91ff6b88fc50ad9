"""Groups: their results, limits, failures and ends, nested and beside other runs of the same executor."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.core import _places
from configurator.core._ready import ReadyQueue
from configurator.core._run import Run
from configurator.core.cancel import Cancelled
from configurator.core.errors import InputError
from configurator.core.events import GroupEnded, GroupStarted, RunStopping, TaskEnded
from configurator.core.graph import TaskGraph
from configurator.core.groups import ErrorStrategy, Group
from configurator.core.parallel import ParallelExecutor
from configurator.core.resources import ResourcePool
from configurator.core.status import SkipReason, Status
from configurator.core.task import Subgraph, Task, TaskContext, TaskResult

pytestmark = pytest.mark.usefixtures("no_glances")

WAIT_S = 10.0  # for what comes at once when all is well


def stop_when_asked(context: TaskContext) -> None:
    """Work that ends when it is asked to, and not before."""
    asked = threading.Event()
    context.token.on_cancel(asked.set)
    assert asked.wait(WAIT_S), "nobody asked"
    context.token.raise_if_cancelled()


def statuses(results: list[TaskResult]) -> list[Status]:
    return [result.status for result in results]


def running(executor: ParallelExecutor, prefix: str) -> int:
    """Return how many tasks of that name run at this moment."""
    known = executor.snapshot().statuses
    return sum(status is Status.RUNNING for name, status in known.items() if name.startswith(prefix))


class Held:
    """Tasks that all run until the last one, which only starts when no other can, lets them go."""

    def __init__(self, executor: ParallelExecutor, *prefixes: str) -> None:
        self._executor = executor
        self._prefixes = prefixes
        self._go = threading.Event()
        self.at_once: list[int] = []

    def work(self) -> None:
        assert self._go.wait(WAIT_S)

    def last(self) -> None:
        self.at_once = [running(self._executor, prefix) for prefix in self._prefixes]
        self._go.set()


# -- results --------------------------------------------------------------------------------------------


def test_results_come_in_the_order_of_adding() -> None:
    """Whatever order they end in; failures are results, too."""
    second = threading.Event()

    def fail() -> None:
        raise ValueError("no")

    with ParallelExecutor(2).group("g") as group:
        names = [
            group.add(lambda: second.wait(WAIT_S), name="first"),
            group.add(second.set, name="second"),
            group.add(fail),
        ]
        results = group.gather()
        by_name = group.gather_dict()
    assert names == ["first", "second", "fail"]
    assert [result.task_name for result in results] == names == list(by_name)
    assert statuses(results) == [Status.SUCCESS, Status.SUCCESS, Status.FAILED]
    assert {result.group for result in results} == {"g"}
    assert str(by_name["fail"].error) == "no"


def test_a_stream_comes_in_the_order_of_ending_and_sees_what_is_added_meanwhile() -> None:
    """A crawler adds what it finds while it reads what has come."""
    first, seen = threading.Event(), []
    with ParallelExecutor(2).group("g") as group:
        group.add(lambda: first.wait(WAIT_S), name="first")
        group.add(lambda: None, name="second")
        for result in group.stream():
            seen.append(result.task_name)
            if result.task_name == "second":
                group.add(first.set, name="third")
    assert seen[0] == "second"
    assert sorted(seen[1:]) == ["first", "third"]


def test_a_stream_of_one_group_has_no_results_of_another() -> None:
    """Groups share the executor, not their results."""
    with ParallelExecutor(1).group("a") as one:
        with one.group("b") as two:
            one.add(lambda: 1, name="one")
            two.add(lambda: 2, name="two")
            assert [result.result for result in two.stream()] == [2]
        assert [result.result for result in one.stream()] == [1]
        assert [result.result for result in one.gather()] == [1]


def test_an_empty_group_is_no_hang() -> None:
    """Nothing to wait for."""
    with ParallelExecutor().group("g") as group:
        assert (group.gather(), group.gather_dict(), list(group.stream())) == ([], {}, [])


def test_map_calls_the_function_with_each_item() -> None:
    """Each has its name and its own item."""

    def double(number: int) -> int:
        return 2 * number

    with ParallelExecutor(2).group("g") as group:
        names = group.map(double, range(3))
        group.map(double, [5])
        results = group.gather()
    assert names == ["double[0]", "double[1]", "double[2]"]
    assert [result.result for result in results] == [0, 2, 4, 10]
    assert results[3].task_name == "double[0]#2"


def test_names_are_made_unique_in_the_run() -> None:
    """Two groups may each have their `build`; the returned name is what others require."""
    order: list[str] = []

    def note(context: TaskContext) -> None:
        order.append(context.name)

    with ParallelExecutor(1).group("a") as one, one.group("b") as two:
        names = [one.add(note), two.add(note), two.add(Task("note", note)), two.add({"func": note})]
        last = two.add(note, name="last", requires=[names[1]])
    assert names == ["note", "note#2", "note#3", "note#4"]
    assert (order[-1], len(order)) == (last, 5)


def test_everything_that_is_a_task_can_be_added_with_options() -> None:
    """Options are those of Task, and override what the task says."""
    with ParallelExecutor(2, resources={"cpu": 1}).group("g") as group:
        group.add(Task("task", lambda context: context.name, group="other"), resources={"cpu": 1})
        group.add({"func": lambda: 1, "task_id": "dict"}, ignore_errors=True)
        with pytest.raises(TypeError, match="did you mean 'timeout'"):
            group.add(lambda: 1, timout=3)
        with pytest.raises(TypeError, match="task 2 is neither"):
            group.add(5)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"unknown task 'tsk' \(did you mean 'task'\?\)"):
            group.add(lambda: 1, requires=["tsk"])
        with pytest.raises(InputError, match="asks for 2 of resource 'cpu'"):
            group.add(lambda: 1, resources={"cpu": 2})
        results = group.gather()
    assert [(result.task_name, result.group) for result in results] == [("task", "g"), ("dict", "g")]


def test_what_a_task_brings_belongs_to_the_group() -> None:
    """Leaving the group waits for it, its limit counts, and its results are among the group's."""
    executor = ParallelExecutor(4)
    held = Held(executor, "child")

    def bring() -> Subgraph:
        children = [Task(f"child{number}", lambda _context: held.work()) for number in range(3)]
        return Subgraph(tuple(children), value="brought")

    with executor.group("g", max_workers=2) as group:
        group.add(bring)
        assert next(group.stream()).task_name == "bring"
        with executor.group("other") as other:
            other.add(held.last, estimate_s=0.0)
        results = group.gather_dict()
    assert held.at_once == [2]
    assert list(results) == ["bring", "child0", "child1", "child2"]
    assert results["bring"].result == "brought"
    assert {(result.status, result.group) for result in results.values()} == {(Status.SUCCESS, "g")}


def test_what_a_task_brings_into_a_group_that_was_ended_does_not_run() -> None:
    """Else the work would go on that somebody has called off."""
    ran: list[str] = []
    with ParallelExecutor(2).group("g") as group:

        def bring() -> TaskGraph:
            group.cancel("called off")
            return TaskGraph([Task("child", lambda context: ran.append(context.name))])

        group.add(bring, grace_s=WAIT_S)
        results = group.gather()
    assert statuses(results) == [Status.SUCCESS, Status.CANCELLED]
    assert ran == []


def test_a_graph_that_cannot_join_fails_its_task_in_a_group_too() -> None:
    """Under its own name in the group, and the group goes on."""
    with ParallelExecutor(1).group("g") as group:
        group.add(lambda: TaskGraph([Task("bring", print)]), name="bring")
        group.add(lambda: 1, name="other")
        results = group.gather()
    assert statuses(results) == [Status.FAILED, Status.SUCCESS]
    assert isinstance(results[0].error, InputError)


# -- limits ---------------------------------------------------------------------------------------------


def test_a_group_keeps_to_its_limit_and_leaves_the_rest_to_others() -> None:
    """Two of five run, although four workers are free for them; the other workers serve other groups."""
    executor = ParallelExecutor(4)
    held = Held(executor, "few", "many")
    with executor.group("few", max_workers=2) as few, executor.group("many") as many:
        for _ in range(5):
            few.add(held.work, name="few")
        many.add(held.work, name="many")
        many.add(held.last)
    assert held.at_once == [2, 1]
    assert set(statuses(few.gather() + many.gather())) == {Status.SUCCESS}


def test_nested_groups_share_the_limit_of_the_outer_one() -> None:
    """Both together never run more than the outer one may, nor the inner one more than its own."""
    executor = ParallelExecutor(8)
    held = Held(executor, "inner", "middle", "outer", "")
    with (
        executor.group("g", max_workers=5) as outer,
        outer.group("m", max_workers=3) as middle,
        middle.group("i", max_workers=1) as inner,
    ):
        for group, name in ((inner, "inner"), (middle, "middle"), (outer, "outer")):
            for _ in range(6):
                group.add(held.work, name=name)
        with executor.group("last") as last:
            last.add(held.last)
    assert held.at_once == [1, 2, 2, 6]
    assert [group.name for group in (outer, middle, inner)] == ["g", "g/m", "g/m/i"]


def test_a_limit_of_a_group_above_the_executors_changes_nothing() -> None:
    """The executor's own limit holds for all of them together."""
    executor = ParallelExecutor(2)
    held = Held(executor, "task")
    with executor.group("g", max_workers=9) as group:
        for _ in range(4):
            group.add(held.last, name="task")
    assert max(held.at_once) <= 2
    assert set(statuses(group.gather())) == {Status.SUCCESS}


def nest(executor: ParallelExecutor, depth: int) -> int:
    """Count tasks: each level opens a group in a task of the level above."""
    if not depth:
        return 1
    with executor.group("g") as group:
        for _ in range(2):
            group.add(lambda: nest(executor, depth - 1))
        return sum(result.result for result in group.gather())


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_groups_can_be_opened_in_tasks_of_the_same_executor(workers: int) -> None:
    """While a task waits for its group another one takes its worker: no depth can use them up."""
    executor = ParallelExecutor(workers)
    assert executor.execute_tasks([lambda: nest(executor, 4)])[0].result == 16


@pytest.mark.parametrize("workers", [1, 3])
def test_a_task_that_waits_lends_its_place_in_its_group_too(workers: int) -> None:
    """A group for one task at a time whose tasks open groups within it is no deadlock, and stays for one."""
    executor = ParallelExecutor(workers)
    at_once: list[int] = []

    def leaf() -> int:
        at_once.append(running(executor, "leaf"))
        return 1

    with executor.group("outer", max_workers=1) as outer:

        def opens() -> int:
            with outer.group("inner") as inner:
                for _ in range(3):
                    inner.add(leaf)
                return sum(result.result for result in inner.gather())

        outer.add(opens, name="opens one")
        outer.add(opens, name="opens two")
        assert [result.result for result in outer.gather()] == [3, 3]
    assert at_once == [1] * 6


def test_the_limit_holds_for_groups_that_tasks_open_within() -> None:
    """Two may run: the task that waits does not, so it is two of those that it waits for, and not more."""
    executor = ParallelExecutor(6)
    held = Held(executor, "leaf")
    with executor.group("outer", max_workers=2) as outer:

        def opens() -> None:
            with outer.group("inner") as inner:
                for _ in range(5):
                    inner.add(held.work, name="leaf")
                with executor.group("other") as other:
                    other.add(held.last)

        outer.add(opens)
    assert held.at_once == [2]


def queue_of(*tasks: Task) -> ReadyQueue:
    """A queue of ready tasks for two workers, and a room for one task at a time."""
    queue = ReadyQueue(tasks, ResourcePool({}), 2, lambda number: number, lambda _number: "")
    queue.add_room("room", 1)
    for number in range(len(tasks)):
        queue.push(number)
    return queue


def in_room(name: str) -> Task:
    return Task(name, print, locks=frozenset({"room"}))


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_a_place_is_kept_for_who_comes_back_to_it(weight: float) -> None:
    """Else who has waited would go on after all that came later, or beside one of them."""
    queue = queue_of(in_room("waits"), in_room("first"), in_room("second"), Task("any", print, weight=weight))
    assert (queue.pick(), queue.pick()) == ([0], [3])
    queue.lend(0)
    assert (queue.pick(), queue.take_back(0), queue.take_back(0)) == ([1], False, False)
    queue.release(1)
    assert queue.pick() == []
    assert queue.take_back(0)
    assert queue.pick() == []
    queue.release(0)
    assert queue.pick() == [2]


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_a_place_is_no_longer_kept_for_who_waits_again_or_has_ended(weight: float) -> None:
    """It would stay empty."""
    queue = queue_of(in_room("a"), in_room("b"), in_room("c"), in_room("d"), Task("e", print, weight=weight))
    assert queue.pick() == [0]
    queue.lend(0)
    assert (queue.pick(), queue.take_back(0)) == ([1], False)
    queue.wait_again(0)
    queue.release(1)
    assert queue.pick() == [2]
    assert not queue.take_back(0)
    queue.release(0)
    queue.release(2)
    assert queue.pick() == [3]


def test_the_last_who_comes_back_lets_others_have_slots_again() -> None:
    """With weights, slots are kept like places; here for two, of whom one is given up."""
    queue = queue_of(*(Task(name, print, weight=0.9) for name in "abcdef"))
    assert [queue.pick() for _ in range(3)] == [[0], [1], []]
    queue.lend(0)
    queue.lend(1)
    assert [queue.pick() for _ in range(3)] == [[2], [3], []]
    assert not queue.take_back(0)
    assert not queue.take_back(1)
    queue.leak(1)
    queue.release(2)
    assert queue.pick() == []
    assert queue.take_back(0)
    queue.release(3)
    assert [queue.pick() for _ in range(2)] == [[4], []]


def test_weights_do_not_keep_a_task_from_its_own_group() -> None:
    """With weights each task holds worker slots: one that waits lends those as well."""
    executor = ParallelExecutor(1)

    def opens() -> object:
        with executor.group("inner") as inner:
            inner.add(lambda: "inner", weight=0.5)
            inner.add(lambda: "other")
            return [result.result for result in inner.gather()]

    results = executor.execute_tasks([Task("light", lambda _context: None, weight=0.5), opens])
    assert results[1].result == ["inner", "other"]
    (result,) = executor.execute_tasks([opens])
    assert result.result == ["inner", "other"], "also when the first weight comes while it waits"


def test_a_task_that_is_given_up_does_not_take_its_place_in_the_group_with_it() -> None:
    """Its worker is replaced; a group for one would else skip everything that is left."""
    never = threading.Event()
    with ParallelExecutor(1).group("g", max_workers=1) as group:
        group.add(lambda: never.wait(WAIT_S), name="deaf", timeout_s=0.01)
        group.add(lambda: 1, name="next")
        results = group.gather()
    never.set()
    assert statuses(results) == [Status.TIMEOUT, Status.SUCCESS]
    assert results[0].metadata == {"leaked": True}


def test_resources_of_tasks_count_across_groups() -> None:
    """A capacity is the executor's: two groups share it, and their own limits come on top."""
    executor = ParallelExecutor(4, resources={"net": 2})
    held = Held(executor, "task")
    with executor.group("a") as one, executor.group("b", max_workers=3) as two:
        for group in (one, two, one, two):
            group.add(held.work, name="task", resources={"net": 1})
        two.add(held.last)
    assert held.at_once == [2]


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """A group: its limit, how many plain tasks it has, and the groups that its tasks open."""
    inner = st.lists(trees(depth - 1), max_size=2) if depth else st.just([])
    return {
        "limit": draw(st.none() | st.integers(1, 2)),
        "plain": draw(st.integers(0, 3)),
        "inside": draw(st.booleans()),  # opened within the group, or beside it
        "groups": draw(inner),
    }


@settings(max_examples=60, deadline=None)
@given(tree=trees(), workers=st.integers(1, 3))
def test_any_nest_of_groups_ends_and_keeps_to_every_limit(tree: dict[str, Any], workers: int) -> None:
    """However tasks open groups in groups: nothing hangs, and no limit is exceeded at any moment."""
    executor = ParallelExecutor(workers)
    lock = threading.Lock()
    active: dict[int, int] = {}
    problems: list[str] = []

    def count(chain: tuple[tuple[int, int], ...], change: int) -> None:
        with lock:
            for group, limit in chain:
                active[group] = active.get(group, 0) + change
                if active[group] > limit:
                    problems.append(f"{active[group]} of {limit}")

    def plain(chain: tuple[tuple[int, int], ...]) -> int:
        count(chain, 1)
        count(chain, -1)
        return 1

    def opens(spec: dict[str, Any], outer: Group | None, chain: tuple[tuple[int, int], ...]) -> int:
        if outer is None or not spec["inside"]:
            made, chain = executor.group("g", spec["limit"]), ((0, workers),)
        else:
            made = outer.group("g", spec["limit"])
        with made as group:
            chain = (*chain, (id(group), spec["limit"] or 99))
            for inner in spec["groups"]:
                group.add(lambda inner=inner: works(inner, group, chain))
            for _ in range(spec["plain"]):
                group.add(lambda: plain(chain))
            return sum(result.result for result in group.gather())

    def works(spec: dict[str, Any], group: Group, chain: tuple[tuple[int, int], ...]) -> int:
        count(chain, 1)
        count(chain, -1)  # from here it waits
        total = opens(spec, group, chain)
        count(chain, 1)
        count(chain, -1)
        return total

    def size(spec: dict[str, Any]) -> int:
        return int(spec["plain"]) + sum(map(size, spec["groups"]))

    assert opens(tree, None, ()) == size(tree)
    assert problems == []


# -- failures -------------------------------------------------------------------------------------------


def failing_group(strategy: ErrorStrategy | str) -> dict[str, TaskResult]:
    """One task runs, one fails, one waits."""
    started, over = threading.Event(), threading.Event()

    def long(context: TaskContext) -> str:
        context.token.on_cancel(over.set)
        started.set()
        assert over.wait(WAIT_S)
        context.token.raise_if_cancelled()
        return "whole"

    def fail() -> None:
        assert started.wait(WAIT_S)
        raise ValueError

    executor = ParallelExecutor(2)
    with executor.group("beside") as beside, executor.group("g", error_strategy=strategy) as group:
        group.add(long)
        group.add(fail)
        group.add(lambda: 1, name="waits", after=["fail"])
        beside.add(print if strategy == "cancel" else over.set, name="over", after=["waits"])
        results = group.gather_dict() | beside.gather_dict()
    assert results["over"].status is Status.SUCCESS, "groups beside it are not concerned"
    return results


def test_by_default_a_failure_stops_nothing() -> None:
    """The others run, and the failure is a result."""
    results = failing_group("continue")
    assert (results["waits"].status, results["long"].result) == (Status.SUCCESS, "whole")


def test_fail_fast_skips_what_has_not_started_and_lets_the_rest_finish() -> None:
    """The skipped ones name who is to blame."""
    results = failing_group(ErrorStrategy.FAIL_FAST)
    waits = results["waits"]
    assert (waits.status, waits.reason, waits.cause) == (Status.SKIPPED, SkipReason.FAIL_FAST, "fail")
    assert results["long"].result == "whole"


def test_cancel_also_stops_what_runs() -> None:
    """The running task is asked to stop, for the same reason."""
    results = failing_group(ErrorStrategy.CANCEL)
    assert results["waits"].reason is SkipReason.FAIL_FAST
    assert results["long"].status is Status.CANCELLED
    assert isinstance(results["long"].error, Cancelled)
    assert results["long"].error.reason == "fail"


def test_an_ignored_failure_is_no_reason_to_stop() -> None:
    """`ignore_errors` says so."""

    def fail() -> None:
        raise ValueError

    with ParallelExecutor(1).group("g", error_strategy="cancel") as group:
        group.add(fail, ignore_errors=True)
        group.add(lambda: 1)
        assert statuses(group.gather()) == [Status.FAILED, Status.SUCCESS]


@pytest.mark.parametrize("strategy", ["fail_fast", "cancel"])
def test_a_failure_within_counts_for_the_groups_around_it_but_not_for_those_beside(strategy: str) -> None:
    """From inside out; and what is added to them later does not run either, at any depth."""

    def fail() -> None:
        raise ValueError

    with (
        ParallelExecutor(1).group("outer", error_strategy=strategy) as outer,
        outer.group("bad") as bad,
        outer.group("good") as good,
        good.group("deep") as deep,
    ):
        bad.add(fail)
        bad.gather()
        for group in (outer, bad, good, deep):
            group.add(lambda: 1)
        with deep.group("deeper") as deeper:
            deeper.add(lambda: 1)
        late = [group.gather()[-1] for group in (outer, bad, good, deep, deeper)]
    assert {(result.status, result.cause) for result in late} == {(Status.SKIPPED, "fail")}


def test_an_inner_group_can_fail_alone() -> None:
    """Its strategy is its own: the outer one, which goes on, is not concerned."""

    def fail() -> None:
        raise ValueError

    with ParallelExecutor(1).group("outer") as outer, outer.group("inner", error_strategy="cancel") as inner:
        inner.add(fail)
        inner.gather()
        inner.add(lambda: 1, name="inner one")
        outer.add(lambda: 1, name="outer one")
    assert inner.gather_dict()["inner one"].status is Status.SKIPPED
    assert outer.gather_dict()["outer one"].status is Status.SUCCESS


# -- ends -----------------------------------------------------------------------------------------------


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Callable[[], None]]]:
    """The alarms that groups set, to be rung by hand."""
    kept: list[tuple[float, Callable[[], None]]] = []
    monkeypatch.setattr(Run, "alarm", lambda _run, after_s, ring: kept.append((after_s, ring)))
    return kept


def ring(group: Group, alarms: list[tuple[float, Callable[[], None]]]) -> None:
    (_, time_is_up) = alarms.pop()
    with group._entered().lock:
        time_is_up()


def test_a_group_that_takes_too_long_is_stopped(alarms: list[tuple[float, Callable[[], None]]]) -> None:
    """What runs times out, what waits is cancelled; the executor goes on with other groups."""
    executor = ParallelExecutor(1)
    started = threading.Event()

    def block(context: TaskContext) -> None:
        started.set()
        stop_when_asked(context)

    with executor.group("g", timeout_s=7.0) as group:
        group.add(block)
        group.add(lambda: 1, name="waits")
        assert started.wait(WAIT_S)
        assert [after_s for after_s, _ in alarms] == [7.0]
        ring(group, alarms)
        results = group.gather()
        group.add(lambda: 1, name="late")
    assert statuses(results) == [Status.TIMEOUT, Status.CANCELLED]
    assert results[1].cause == "timeout"
    assert group.gather()[2].status is Status.CANCELLED
    with executor.group("next") as following:
        following.add(lambda: 1)
        assert statuses(following.gather()) == [Status.SUCCESS]
    assert alarms == []


def test_time_does_run_out_for_a_group() -> None:
    """With the clock as it is: a task that only ends when it is asked to has ended."""
    with ParallelExecutor(1).group("g", timeout_s=0.01) as group:
        group.add(stop_when_asked)
    assert group.gather()[0].status in (Status.TIMEOUT, Status.CANCELLED)


def test_a_timeout_of_a_group_that_has_ended_touches_nobody(
    alarms: list[tuple[float, Callable[[], None]]],
) -> None:
    """It comes while the run goes on with another group."""
    executor = ParallelExecutor(1)
    with executor.group("outer") as outer:
        with executor.group("short", timeout_s=1.0) as short:
            short.add(lambda: 1)
        ring(short, alarms)
        outer.add(lambda: 1)
    assert statuses(short.gather() + outer.gather()) == [Status.SUCCESS] * 2


def test_cancel_ends_what_waits_and_asks_what_runs_at_every_depth() -> None:
    """From another thread, while somebody gathers; what is added later does not run."""
    started = threading.Event()

    def long(context: TaskContext) -> None:
        started.set()
        stop_when_asked(context)

    with ParallelExecutor(1).group("outer") as outer, outer.group("inner") as inner:
        inner.add(long)
        outer.add(lambda: 1)

        def cancel() -> None:
            assert started.wait(WAIT_S)
            outer.cancel("enough")

        thread = threading.Thread(target=cancel)
        thread.start()
        results = inner.gather() + outer.gather()
        thread.join()
        inner.add(lambda: 1)
        results += inner.gather()[1:]
    assert statuses(results) == [Status.CANCELLED] * 3
    assert [str(result.error or result.cause) for result in results] == ["enough"] * 3


def test_an_exception_in_the_block_cancels_the_group_and_is_raised() -> None:
    """Nobody would look at the results; the exception of the block is the one that counts."""
    started = threading.Event()

    def long(context: TaskContext) -> None:
        started.set()
        stop_when_asked(context)

    group = ParallelExecutor(1).group("g")
    with pytest.raises(LookupError, match="in the block"), group:
        group.add(long)
        group.add(lambda: 1)
        assert started.wait(WAIT_S)
        raise LookupError("in the block")
    results = group.gather()
    assert statuses(results) == [Status.CANCELLED, Status.CANCELLED]
    assert results[1].cause == "LookupError in group g"


def test_ctrl_c_while_waiting_stops_in_order_and_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running task finishes, what has not started never does."""
    monkeypatch.setattr(_places, "GLANCE_S", 0.01)  # a signal just before a wait is only seen when it ends
    main = threading.main_thread().ident
    assert main is not None
    waiting, stopping = threading.Event(), threading.Event()

    def interrupt() -> str:
        assert waiting.wait(WAIT_S)
        signal.pthread_kill(main, signal.SIGINT)
        assert stopping.wait(WAIT_S)
        return "whole"

    executor = ParallelExecutor(1)
    executor.events.subscribe(lambda _event: stopping.set(), RunStopping)
    with pytest.raises(KeyboardInterrupt), executor.group("g") as group:
        group.add(interrupt)
        group.add(lambda: 1)
        all_ended = group._all_ended

        def look() -> bool:
            waiting.set()
            return all_ended()

        monkeypatch.setattr(group, "_all_ended", look)
        group.gather()
    assert [(result.status, result.result) for result in executor.results()] == [
        (Status.SUCCESS, "whole"),
        (Status.CANCELLED, None),
    ]


@pytest.mark.parametrize("gathers", [True, False])
def test_a_task_that_has_to_stop_while_it_waits_for_its_group_stops(gathers: bool) -> None:
    """It would else only be stopped when everything that it waits for has ended by itself."""
    executor = ParallelExecutor(2)
    started = threading.Event()

    def block(context: TaskContext) -> None:
        started.set()
        stop_when_asked(context)

    def opens(_context: TaskContext) -> None:
        with executor.group("inner") as inner:
            inner.add(block)
            if gathers:
                inner.gather()

    with executor.group("g") as group:
        group.add(opens)
        assert started.wait(WAIT_S)
        group.cancel("enough")
        (result,) = group.gather()
    assert (result.status, str(result.error), result.metadata) == (Status.CANCELLED, "enough", {})
    assert [(r.task_name, r.status) for r in executor.results()[1:]] == [("block", Status.CANCELLED)]


@pytest.mark.parametrize("stream", [True, False])
def test_a_task_that_waits_for_its_own_group_is_told(stream: bool) -> None:
    """It would wait for itself, for ever."""
    with ParallelExecutor(1).group("g") as group:

        def waits() -> object:
            return list(group.stream()) if stream else group.gather()

        group.add(waits)
        group.add(lambda: 1)
        results = group.gather()
    assert statuses(results) == [Status.FAILED, Status.SUCCESS]
    assert str(results[0].error) == "'waits' waits for what waits for it"


def test_tasks_that_wait_for_each_other_are_told() -> None:
    """The inner one fails, since only then the outer one can go on."""
    with ParallelExecutor(2).group("outer") as outer:

        def opens() -> Status:
            with outer.group("inner") as inner:
                inner.add(outer.gather, name="waits")
                return inner.gather()[0].status

        outer.add(opens)
        (result,) = outer.gather()
    assert result.result is Status.FAILED


def test_the_inner_one_is_told_though_it_waited_first() -> None:
    """The outer one finds the deadlock then, and must let go of the lock for the inner one to give way."""
    executor = ParallelExecutor(2)
    ended = threading.Event()

    def hears(event: TaskEnded) -> None:
        if event.result.task_name == "third":
            ended.set()

    executor.events.subscribe(hears, TaskEnded)
    with executor.group("outer") as outer:

        def opens() -> Status:
            with outer.group("inner") as inner:
                inner.add(outer.gather, name="waits")
                outer.add(lambda: None, name="third")  # has a place as soon as `waits` waits
                assert ended.wait(WAIT_S)
                return inner.gather()[0].status

        outer.add(opens)
        results = outer.gather()
    assert [result.result for result in results] == [Status.FAILED, None]


def test_events_tell_of_groups() -> None:
    """Entered, and left with so many failures of its own."""
    events: list[object] = []
    executor = ParallelExecutor(1)
    executor.events.subscribe(events.append, GroupStarted, GroupEnded)

    def fail() -> None:
        raise ValueError

    with executor.group("outer") as outer:
        outer.add(fail)
        with outer.group("inner") as inner:
            inner.add(lambda: 1)
    executor.events.flush()
    told = [(type(e).__name__, e.group, getattr(e, "failed", None)) for e in events if hasattr(e, "group")]
    assert told == [
        ("GroupStarted", "outer", None),
        ("GroupStarted", "outer/inner", None),
        ("GroupEnded", "outer/inner", 0),
        ("GroupEnded", "outer", 1),
    ]


# -- deadlocks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"locks": frozenset({"apt"})}, {"resources": {"net": 2}}], ids=["lock", "resource"]
)
def test_a_task_that_holds_what_its_own_group_needs_is_told(options: dict[str, Any]) -> None:
    """Neither could ever go on: the inner one is skipped, naming the holder, and what comes after it runs."""
    executor = ParallelExecutor(2, resources={"net": 3})
    seen: list[TaskResult] = []

    def opens(_context: TaskContext) -> str:
        with executor.group("inner") as inner:
            inner.add(Task("needs", lambda _context: 1, **options))
            inner.add(lambda: 1, name="requires", requires=["needs"])
            inner.add(lambda: 1, name="after", after=["needs"])
            seen.extend(inner.gather())
        return "went on"

    (result,) = executor.execute_tasks([Task("opens", opens, **options)])
    assert result.result == "went on"
    assert [(r.status, r.reason, r.cause) for r in seen] == [
        (Status.SKIPPED, SkipReason.DEADLOCK, "opens"),
        (Status.SKIPPED, SkipReason.REQUIREMENT_FAILED, "opens"),
        (Status.SUCCESS, None, None),
    ]


def test_two_tasks_that_wait_for_each_others_locks_are_a_deadlock() -> None:
    """Each holds what a task of the other's group needs."""
    executor = ParallelExecutor(2)
    both = threading.Barrier(2)

    def opens(needs: str) -> Callable[[TaskContext], Status]:
        def work(_context: TaskContext) -> Status:
            both.wait(WAIT_S)
            with executor.group("inner") as inner:
                inner.add(lambda: 1, locks=needs)
                return inner.gather()[0].status

        return work

    results = executor.execute_tasks(
        [
            Task("a", opens("B"), locks=frozenset({"A"})),
            Task("b", opens("A"), locks=frozenset({"B"})),
        ]
    )
    assert [result.result for result in results] == [Status.SKIPPED, Status.SKIPPED]


def test_waiting_for_what_somebody_else_will_give_back_is_no_deadlock() -> None:
    """The holder runs, and ends."""
    executor = ParallelExecutor(2)
    held, go = threading.Event(), threading.Event()

    def holds(_context: TaskContext) -> None:
        held.set()
        assert go.wait(WAIT_S)

    def opens(_context: TaskContext) -> Status:
        assert held.wait(WAIT_S)
        with executor.group("inner") as inner:
            inner.add(lambda: 1, locks="apt")
            inner.add(go.set)
            return inner.gather()[0].status

    results = executor.execute_tasks([Task("holds", holds, locks=frozenset({"apt"})), Task("opens", opens)])
    assert results[1].result is Status.SUCCESS


# -- beside other runs ----------------------------------------------------------------------------------


def test_a_group_joins_the_run_that_is_on_in_another_thread() -> None:
    """It shares the workers and the names; each sees its own results, and the run waits for the group."""
    executor = ParallelExecutor(2)
    started, go = threading.Event(), threading.Event()
    results: list[TaskResult] = []

    def hold(_context: TaskContext) -> None:
        started.set()
        assert go.wait(WAIT_S)

    graph = TaskGraph([Task("hold", hold), Task("end", lambda _context: 1, requires=("hold",))])
    thread = threading.Thread(target=lambda: results.extend(executor.execute(graph)))
    thread.start()
    assert started.wait(WAIT_S)
    with executor.group("g") as group:
        name = group.add(go.set, name="end")
        last = group.add(lambda: 1, name="last", requires=["end", name])
        group.gather()
        assert thread.is_alive(), "the run goes on as long as a group of it is open"
    thread.join()
    assert [result.task_name for result in results] == ["hold", "end"]
    assert [result.task_name for result in group.gather()] == [name, last] == ["end#2", "last"]
    assert [result.task_name for result in executor.results()] == ["hold", "end", "end#2", "last"]


def test_groups_can_be_entered_from_many_threads_at_once() -> None:
    """Whether one begins the run, joins it or finds it ending: none is refused, none is lost."""
    executor, together = ParallelExecutor(2), threading.Barrier(4)
    outcomes: list[object] = []

    def work() -> None:
        try:
            for _ in range(50):
                together.wait(WAIT_S)
                with executor.group("g") as group:
                    group.add(lambda: 1)
                outcomes.append(group.gather()[0].result)
        except Exception as error:  # noqa: BLE001  (a thread's exception would be lost)
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [1] * 200


def test_a_group_can_be_opened_for_every_result_of_a_stream() -> None:
    """Also for the last one, when the streamed run is over but not yet left."""
    executor = ParallelExecutor(2)
    seen = []
    for result in executor.stream(TaskGraph([Task("a", lambda _context: 1), Task("b", lambda _context: 2)])):
        if result.group is None:
            with executor.group("g") as group:
                group.add(lambda: 3)
            seen.append(group.gather()[0].result)
    assert seen == [3, 3]


def test_an_executor_that_is_cancelled_cancels_its_groups() -> None:
    """What runs is asked to stop, and what is added later does not run."""
    executor = ParallelExecutor(1)
    with executor.group("g") as group:
        both = threading.Event()

        def cancel() -> None:
            assert both.wait(WAIT_S)
            executor.cancel("all of it")

        group.add(cancel, grace_s=WAIT_S)
        group.add(lambda: 1)
        both.set()
        group.gather()
        group.add(lambda: 1)
    assert statuses(group.gather()) == [Status.SUCCESS, Status.CANCELLED, Status.CANCELLED]
    assert group.gather()[1].cause == "all of it"


# -- misuse ---------------------------------------------------------------------------------------------


def test_a_group_that_is_not_entered_can_do_nothing() -> None:
    """It has no run; the message says what is missing."""
    group = ParallelExecutor().group("g")
    uses = (
        group.gather,
        group.gather_dict,
        group.cancel,
        lambda: next(group.stream()),
        lambda: group.add(print),
    )
    for use in uses:
        with pytest.raises(RuntimeError, match="group 'g' is not entered: use `with`"):
            use()


def test_a_group_that_is_over_takes_no_tasks_but_keeps_its_results() -> None:
    """Nobody would wait for them, although the run may go on."""
    with ParallelExecutor(1).group("outer") as outer:
        with outer.group("g") as group:
            group.add(lambda: 1)
        with pytest.raises(RuntimeError, match="group 'outer/g' is over"):
            group.add(lambda: 2)
        with pytest.raises(RuntimeError, match="group 'outer/g' is over"), group.group("inner"):
            pytest.fail("it must not be entered")
        assert [result.result for result in group.gather()] == [1]
    assert [result.result for result in group.gather()] == [1]


def test_a_group_is_entered_once() -> None:
    """Its results are those of one run; entering an outer one comes first."""
    executor = ParallelExecutor(1)
    group = executor.group("g")
    with pytest.raises(RuntimeError, match="group 'g' is not entered"), group.group("inner"):
        pytest.fail("it must not be entered")
    with group:
        with pytest.raises(RuntimeError, match="'g' was entered before: make a new one"), group:
            pytest.fail("it must not be entered")
        group.add(lambda: 1)
    with pytest.raises(RuntimeError, match="'g' was entered before"), group:
        pytest.fail("it must not be entered")
    assert executor.execute_tasks([lambda: 5])[0].result == 5, "the executor can be used as before"


def test_values_that_make_no_sense_are_refused_at_once() -> None:
    """A limit of none could never run anything; a strategy is one of three."""
    executor = ParallelExecutor()
    with pytest.raises(ValueError, match="max_workers of group 'g' must be at least 1, not 0"):
        executor.group("g", max_workers=0)
    with pytest.raises(ValueError, match="stop"):
        executor.group("g", error_strategy="stop")


def test_execute_is_refused_while_groups_are_open() -> None:
    """Its results would be mixed with theirs; the message says what to use."""
    executor = ParallelExecutor(1)
    with executor.group("g"), pytest.raises(RuntimeError, match="use another one, or a group of this one"):
        executor.execute(TaskGraph([]))
