"""Snapshots: what comes back from JSON, what does not, and what a recovered run does again."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import InputError
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.snapshot import RecordedError, RunSnapshot, result_from_json, result_to_json
from configurator.core.status import SkipReason, Status
from configurator.core.task import Skip, Subgraph, Task, TaskContext, TaskReport, TaskResult

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.text(min_size=1, max_size=10)
seconds = st.floats(0, 1e6)


@st.composite
def results(draw: st.DrawFn) -> TaskResult:
    error = draw(st.none() | st.builds(RecordedError, names, st.text()))
    started = draw(seconds)
    return TaskResult(
        task_name=draw(names),
        status=draw(st.sampled_from(Status)),
        result=draw(json_values),
        error=error,
        reason=draw(st.none() | st.sampled_from(SkipReason)),
        cause=draw(st.none() | st.text()),
        started_s=started,
        ended_s=started + draw(seconds),
        worker=draw(st.none() | st.integers(0, 99)),
        ignored=draw(st.booleans()),
        metadata=draw(st.dictionaries(st.text(), json_values, max_size=3)),
        attempts=draw(st.integers(0, 9)),
        output=draw(st.text()),
        errors=draw(st.integers(0, 9)),
        warnings=draw(st.integers(0, 9)),
        from_cache=draw(st.booleans()),
        group=draw(st.none() | st.text()),
    )


def plain(result: TaskResult) -> TaskResult:
    """Return the result with its error in a form that can be compared."""
    error: Any = (
        None if result.error is None else (type(result.error), *result.error.args, vars(result.error))
    )
    return result._replace(error=error)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


# -- there and back -------------------------------------------------------------------------------------


@given(results())
def test_a_result_comes_back_from_json_as_it_was(result: TaskResult) -> None:
    """Every field of it, through real JSON text."""
    back = TaskResult.from_json(through_json(result.to_json()))
    assert plain(back) == plain(result)
    assert back.execution_time == result.execution_time


@given(st.dictionaries(names, st.sampled_from(Status)), st.lists(results(), max_size=4))
def test_a_snapshot_comes_back_from_json_as_it_was(
    statuses: dict[str, Status], known: list[TaskResult]
) -> None:
    """Statuses are members again, so that `is` works on them."""
    back = RunSnapshot.from_json(through_json(RunSnapshot(statuses, tuple(known)).to_json()))
    assert back.statuses == statuses
    assert all(isinstance(status, Status) for status in back.statuses.values())
    assert [plain(result) for result in back.results] == [plain(result) for result in known]


def test_a_field_that_is_not_there_has_its_default() -> None:
    """A snapshot of an older version, or one written by hand, is as good."""
    assert TaskResult.from_json({"task_name": "a", "status": "success"}) == TaskResult("a", Status.SUCCESS)


def test_an_error_keeps_its_type_and_message_through_any_number_of_snapshots() -> None:
    """Read back and saved again, it is still told as what it was."""
    result = TaskResult("a", Status.FAILED, error=ZeroDivisionError("division by zero"))
    for _ in range(3):
        result = TaskResult.from_json(through_json(result.to_json()))
        assert isinstance(result.error, RecordedError)
        assert (result.error.kind, str(result.error)) == ("ZeroDivisionError", "division by zero")


# -- what JSON cannot hold ------------------------------------------------------------------------------


class Pair(NamedTuple):
    left: int
    right: int


class Word(StrEnum):
    YES = "yes"


class Mute:
    """A value that cannot even be shown."""

    def __repr__(self) -> str:
        raise OSError("no")


class Torn(dict[str, int]):
    """A value that changes while it is being read, as by another thread."""

    def items(self) -> Any:
        raise RuntimeError("dictionary changed size during iteration")


class Odd(dict[str, int]):  # noqa: PLW1641  (a dict has no hash to begin with)
    """A value that cannot be compared, as arrays cannot."""

    def __eq__(self, other: object) -> bool:
        raise LookupError


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        Pair(1, 2),
        {1: "one"},
        {1, 2},
        b"bytes",
        float("nan"),
        [float("inf")],
        object(),
        ValueError("x"),
        Mute(),
        Torn(a=1),
        Odd(a=1),
        10**5000,
        deep(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold_is_described_and_runs_again(value: Any) -> None:
    """A value that came back as another one would send what requires it down a wrong way."""
    done = TaskResult("a", Status.SUCCESS, value)
    saved = through_json(RunSnapshot({"a": Status.SUCCESS}, (done,)).to_json())
    assert isinstance(saved["results"][0]["result"], str)
    assert saved["results"][0]["described"] is True
    back = RunSnapshot.from_json(saved)
    assert (back.results, back.statuses) == ((), {"a": Status.SUCCESS})


def test_the_description_is_the_value_as_text() -> None:
    """For people who read the file."""
    assert TaskResult("a", Status.SUCCESS, Pair(1, 2)).to_json()["result"] == "Pair(left=1, right=2)"
    mute = TaskResult("a", Status.SUCCESS, Mute()).to_json()["result"]
    assert mute == "<Mute that OSError keeps from being shown>"


def test_what_json_holds_is_a_copy_of_plain_values() -> None:
    """What the program does to the value later does not reach into what was saved."""
    value = {"words": [Word.YES]}
    saved = TaskResult("a", Status.SUCCESS, value).to_json()["result"]
    value["words"].clear()
    assert saved == {"words": ["yes"]}
    assert type(saved["words"][0]) is str


def test_metadata_that_json_cannot_hold_costs_only_itself() -> None:
    """It is a remark: the rest of it stays, and the task is not run again for it."""
    done = TaskResult("a", Status.SUCCESS, 1, metadata={"at": (1, 2), "kind": "x", 5: None})  # type: ignore[dict-item]
    saved = through_json(RunSnapshot({}, (done,)).to_json())
    (back,) = RunSnapshot.from_json(saved).results
    assert (back.result, back.metadata) == (1, {"at": "(1, 2)", "kind": "x", "5": None})


# -- malformed data -------------------------------------------------------------------------------------


def good() -> dict[str, Any]:
    error = RecordedError("OSError", "no")
    done = TaskResult("a", Status.FAILED, error=error, metadata={"x": 1}, reason=SkipReason.DEADLOCK)
    return through_json(RunSnapshot({"a": Status.FAILED}, (done,)).to_json())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"format": 2}, ValueError, "snapshot format 2 is not known here, only 1"),
        ({"statuses": {"a": "fine"}}, ValueError, "fine"),
        ({"statuses": ["a"]}, TypeError, "statuses is list"),
        ({"results": ["a"]}, TypeError, "a result is str"),
        ({"results": 5}, TypeError, "int"),
        ({"results": [{}]}, KeyError, "task_name"),
        ({"results": [{"task_name": "a"}]}, KeyError, "status"),
        ({"results": [{"task_name": ["a"], "status": "success"}]}, TypeError, "task_name is"),
        ({"results": [{"task_name": "a", "status": ["success"]}]}, ValueError, "success"),
        ({"results": [{"task_name": "a", "status": "success", "reason": "mood"}]}, ValueError, "mood"),
        ({"results": [{"task_name": "a", "status": "failed", "error": {}}]}, KeyError, "type"),
        ({"results": [{"task_name": "a", "status": "failed", "error": "no"}]}, TypeError, "str"),
        ({"results": [{"task_name": "a", "status": "success", "ended_s": "1"}]}, TypeError, "ended_s"),
        ({"results": [{"task_name": "a", "status": "success", "metadata": [1]}]}, TypeError, "metadata"),
    ],
)
def test_malformed_data_is_told(change: Mapping[str, Any], kind: type[Exception], text: str) -> None:
    """A file that was cut off or written by something else is refused before anything runs."""
    with pytest.raises(kind, match=text):
        RunSnapshot.from_json({**good(), **change})


@pytest.mark.parametrize("missing", ["format", "statuses", "results"])
def test_a_missing_part_is_told(missing: str) -> None:
    """By its name."""
    data = good()
    del data[missing]
    with pytest.raises(KeyError, match=missing):
        RunSnapshot.from_json(data)


@pytest.mark.parametrize("data", [[], "text", 5, None])
def test_what_is_no_snapshot_at_all_is_told(data: Any) -> None:
    """Any JSON file may be named by mistake."""
    with pytest.raises(TypeError, match="a snapshot is"):
        RunSnapshot.from_json(data)
    with pytest.raises(TypeError, match="a result is"):
        TaskResult.from_json(data)


@given(st.data())
def test_damaged_data_never_raises_anything_else(data: st.DataObject) -> None:
    """Whatever stands in a field: it is read, or refused by one of the three documented errors."""
    damaged: Any = copy.deepcopy(good())
    place, key = data.draw(
        st.sampled_from(
            [
                *((damaged, key) for key in damaged),
                *((damaged["results"][0], key) for key in damaged["results"][0]),
                *((damaged["results"][0]["error"], key) for key in ("type", "message")),
            ]
        )
    )
    place[key] = data.draw(json_values)
    try:
        back = RunSnapshot.from_json(damaged)
    except (KeyError, TypeError, ValueError):
        return
    assert RunSnapshot.from_json(through_json(back.to_json())).statuses == back.statuses


# -- a snapshot of a run --------------------------------------------------------------------------------


def test_an_executor_that_never_ran_has_an_empty_snapshot() -> None:
    """Recovering from it is an ordinary run."""
    snapshot = ParallelExecutor().snapshot()
    assert (snapshot.statuses, snapshot.results) == ({}, ())


def test_the_snapshot_of_a_run_that_is_on_says_how_every_task_stands() -> None:
    """Taken from another thread, in the middle: ended, running, ready, waiting; results agree with it."""
    reached, go_on = threading.Event(), threading.Event()

    def block(_context: TaskContext) -> None:
        reached.set()
        assert go_on.wait(10)

    executor = ParallelExecutor(1)
    graph = TaskGraph(
        [
            Task("first", lambda _context: 1, estimate_s=9.0),
            Task("second", block, estimate_s=8.0),
            Task("third", lambda _context: 3),
            Task("fourth", lambda _context: 4, requires=("third",), estimate_s=0.0),
        ]
    )
    thread = threading.Thread(target=executor.execute, args=(graph,))
    thread.start()
    assert reached.wait(10)
    snapshot = executor.snapshot()
    go_on.set()
    thread.join()
    assert snapshot.statuses == {
        "first": Status.SUCCESS,
        "second": Status.RUNNING,
        "third": Status.READY,
        "fourth": Status.PENDING,
    }
    assert [(result.task_name, result.result) for result in snapshot.results] == [("first", 1)]
    assert set(executor.snapshot().statuses.values()) == {Status.SUCCESS}


# -- recovery -------------------------------------------------------------------------------------------


class Work:
    """Tasks that note when they run, and fail if they are told to."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing: set[str] = set()

    def task(self, name: str, *requires: str, **options: Any) -> Task:
        def work(context: TaskContext) -> object:
            self.ran.append(name)
            if name in self.failing:
                raise ValueError(name)
            return [context.result_of(other) for other in requires] or name

        return Task(name, work, requires=requires, **options)


def recovered(
    work: Work, before: TaskGraph, after: TaskGraph | None = None, *, saved: bool = True
) -> list[TaskResult]:
    """Run, save, mend what failed, and run again from what was saved."""
    executor = ParallelExecutor(1)
    executor.execute(before)
    snapshot = executor.snapshot()
    if saved:
        snapshot = RunSnapshot.from_json(through_json(snapshot.to_json()))
    work.ran, work.failing = [], set()
    return ParallelExecutor(1).execute(after or before, recover=snapshot)


@pytest.mark.parametrize("saved", [True, False])
def test_only_what_did_not_succeed_runs_again(saved: bool) -> None:
    """Whether the snapshot was on disk or not; values of what did succeed can be asked for."""
    work = Work()
    work.failing = {"test"}
    graph = TaskGraph(
        [
            work.task("fetch"),
            work.task("build", "fetch"),
            work.task("test", "build"),
            work.task("ship", "test"),
        ]
    )
    results = recovered(work, graph, saved=saved)
    assert work.ran == ["test", "ship"]
    assert [(result.status, result.from_cache) for result in results] == [
        (Status.SUCCESS, True),
        (Status.SUCCESS, True),
        (Status.SUCCESS, False),
        (Status.SUCCESS, False),
    ]
    assert results[3].result == [[["fetch"]]]


def test_what_requires_something_that_runs_again_runs_again() -> None:
    """A result that was made from an old value is no longer right; what only comes after it is."""
    work = Work()
    before = [
        work.task("a"),
        work.task("b", "a"),
        work.task("c", "b"),
        Task("d", work.task("d").func, after=("a",)),
    ]
    after = [work.task("new"), work.task("a", "new"), *before[1:]]
    results = recovered(work, TaskGraph(before), TaskGraph(after))
    assert work.ran == ["new", "a", "b", "c"]
    assert [result.from_cache for result in results] == [False, False, False, False, True]


def test_a_value_that_json_cannot_hold_is_made_again() -> None:
    """In memory it is taken over; from disk the task and what requires it run again."""
    work = Work()

    def make(_context: TaskContext) -> tuple[int, int]:
        work.ran.append("make")
        return (1, 2)

    graph = TaskGraph([Task("make", make), work.task("use", "make"), work.task("other")])
    results = recovered(work, graph, saved=False)
    assert work.ran == []
    assert results[0].result == (1, 2)
    results = recovered(work, graph, saved=True)
    assert work.ran == ["make", "use"]
    assert results[1].result == [(1, 2)]


def test_what_was_skipped_ignored_or_failed_is_not_taken_over() -> None:
    """Only success is: a skip may be decided otherwise today."""
    work = Work()
    work.failing = {"ignored"}

    def skip(_context: TaskContext) -> Skip:
        work.ran.append("skip")
        return Skip(SkipReason.CONDITION_FALSE)

    def report(_context: TaskContext) -> TaskReport:
        work.ran.append("report")
        return TaskReport("bad", failed=True)

    graph = TaskGraph([Task("skip", skip), work.task("ignored", ignore_errors=True), Task("report", report)])
    recovered(work, graph)
    assert work.ran == ["skip", "ignored", "report"]


def test_recovering_a_second_time_takes_over_from_both_runs() -> None:
    """A run that was interrupted twice still only does the rest."""
    work = Work()
    graph = TaskGraph([work.task("a"), work.task("b", "a"), work.task("c", "b")])
    work.failing = {"b"}
    executor = ParallelExecutor(1)
    executor.execute(graph)
    work.failing = {"c"}
    executor.execute(graph, recover=executor.snapshot())
    work.failing = set()
    results = executor.execute(graph, recover=executor.snapshot())
    assert work.ran == ["a", "b", "b", "c", "c"]
    assert [result.from_cache for result in results] == [True, True, False]


def test_results_of_tasks_that_are_no_longer_there_are_left_alone() -> None:
    """A snapshot of another version of the graph does no harm."""
    work = Work()
    recovered(
        work,
        TaskGraph([work.task("old"), work.task("kept")]),
        TaskGraph([work.task("kept"), work.task("new")]),
    )
    assert work.ran == ["new"]


def test_a_task_that_brought_others_runs_again_and_of_those_what_did_not_succeed() -> None:
    """Taken over, it would not bring them again, and those that had not succeeded would be forgotten."""
    work = Work()

    def bring(_context: TaskContext) -> Subgraph:
        work.ran.append("bring")
        tasks = [work.task("one"), work.task("two"), work.task("three", "two"), work.task("four", "one")]
        return Subgraph(
            (*tasks, work.task("five", "outside"), work.task("six", "bring"), work.task("seven", "six"))
        )

    work.failing = {"two"}
    graph = TaskGraph([work.task("outside"), Task("bring", bring), work.task("below", "bring")])
    results = recovered(work, graph)
    assert work.ran == ["bring", "two", "six", "three", "seven", "below"]
    assert {result.status for result in results} == {Status.SUCCESS}
    assert [result.task_name for result in results if result.from_cache] == ["outside", "one", "four", "five"]


def test_tasks_that_join_a_recovered_run_from_elsewhere_run() -> None:
    """A group's task may have a name that was there before, and yet be another one."""
    executor = ParallelExecutor(1)
    snapshot = RunSnapshot({}, (TaskResult("same", Status.SUCCESS, "old"), TaskResult("a", Status.SUCCESS)))

    def opens(_context: TaskContext) -> object:
        with executor.group("g") as group:
            group.add(lambda: "new", name="same")
            return group.gather()[0].result

    graph = TaskGraph([Task("opens", opens), Task("a", lambda _context: None)])
    assert executor.execute(graph, recover=snapshot)[0].result == "new"


def test_a_graph_is_checked_before_anything_is_taken_over() -> None:
    """A snapshot makes no wrong graph right."""
    snapshot = RunSnapshot({}, (TaskResult("a", Status.SUCCESS),))
    graph = TaskGraph([Task("a", lambda _context: None, resources={"cpu": 1})])
    with pytest.raises(InputError, match="unknown resource 'cpu'"):
        ParallelExecutor().execute(graph, recover=snapshot)


def test_the_two_forms_of_the_functions_are_the_same() -> None:
    """Methods of TaskResult for users, functions for this module."""
    result = TaskResult("a", Status.SUCCESS, 1)
    assert result.to_json() == result_to_json(result)
    assert result_from_json(result.to_json()) == result
