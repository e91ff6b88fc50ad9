"""What people hand to the executor: every form becomes a Task, and what is wrong is said at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from configurator.core.errors import InputError
from configurator.core.graph import GraphProblem, TaskGraph
from configurator.core.inputs import TaskLike, as_task, is_async, parallel_task, tasks_of
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext


def plain() -> str:
    return "plain"


def hears(context: TaskContext) -> str:
    return f"{context.name}, attempt {context.attempt}"


def add(left: int, right: int) -> int:
    return left + right


class Worker:
    """A callable object, and methods of both kinds."""

    def __call__(self) -> str:
        return "called"

    def method(self) -> str:
        return "method"

    def hears(self, context: TaskContext) -> str:
        return context.name

    @classmethod
    def of_class(cls) -> str:
        return cls.__name__


def run_one(item: TaskLike) -> tuple[str, object]:
    (result,) = ParallelExecutor(1).execute_tasks([item])
    assert result.error is None
    return result.task_name, result.result


# -- callables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "name", "value"),
    [
        (plain, "plain", "plain"),
        (hears, "hears", "hears, attempt 1"),
        (lambda: 1, "task-0", 1),
        (lambda context: context.name, "task-0", "task-0"),
        (functools.partial(add, 1, 2), "add", 3),
        (functools.partial(hears), "hears", "hears, attempt 1"),
        (functools.partial(lambda number: number, 5), "task-0", 5),
        (Worker(), "task-0", "called"),
        (Worker().method, "method", "method"),
        (Worker().hears, "hears", "hears"),
        (Worker.of_class, "of_class", "Worker"),
        (dict, "dict", {}),  # a built-in that does not tell its parameters
        ("text".upper, "upper", "TEXT"),
        (print, "print", None),  # none that it must be given
        (lambda *anything: anything, "task-0", ()),
        (lambda number=7: number, "task-0", 7),
        (lambda context, number=7: (context.name, number), "task-0", ("task-0", 7)),
    ],
)
def test_every_callable_is_a_task(item: Callable[..., Any], name: str, value: object) -> None:
    """Its name is the function's, and it gets the context if it has a parameter that must be filled."""
    assert run_one(item) == (name, value)


def test_who_takes_no_context_is_given_up_at_once_when_it_is_cancelled() -> None:
    """It cannot see its token, so a grace would only make whoever waits for the run wait longer."""
    assert as_task(plain).grace_s == 0.0
    assert as_task(plain, grace_s=3.0).grace_s == 3.0
    assert as_task(hears).grace_s is None


def test_functions_of_the_same_name_are_told_apart() -> None:
    """The same function may be given twice; the results stay in the order given."""
    names = [task.name for task in tasks_of([plain, hears, plain, plain])]
    assert names == ["plain", "hears", "plain-2", "plain-3"]


def test_a_made_name_never_takes_one_that_somebody_chose() -> None:
    """Else a run that is right would be refused as having two tasks of one name."""
    tasks = tasks_of([plain, plain, Task("plain", hears), {"func": plain, "task_id": "plain-3"}, plain])
    assert [task.name for task in tasks] == ["plain-2", "plain-4", "plain", "plain-3", "plain-5"]
    TaskGraph(tasks)


def test_two_tasks_that_were_given_the_same_name_are_refused() -> None:
    """A name that somebody chose is what others require: changing it would change the graph."""
    with pytest.raises(InputError, match="two tasks are named 'x'"):
        ParallelExecutor().execute_tasks([Task("x", hears), {"func": plain, "task_id": "x"}])


@pytest.mark.parametrize("item", [5, "plain", None, [plain]])
def test_what_is_no_task_is_refused_with_its_place(item: Any) -> None:
    """Among a hundred tasks a person has to find the wrong one."""
    with pytest.raises(TypeError, match=f"task 1 is neither .* but {type(item).__name__}"):
        tasks_of([plain, item])


class AsyncWorker:
    """An object whose call makes a coroutine."""

    async def __call__(self) -> None:
        """Do nothing."""


async def coroutine_function() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    "item",
    [coroutine_function, functools.partial(coroutine_function), AsyncWorker(), {"func": AsyncWorker()}],
)
def test_a_coroutine_function_is_refused_where_nobody_would_await_it(item: Any) -> None:
    """Its task would succeed at once with a coroutine as its value, and nothing would have been done."""
    with pytest.raises(TypeError, match="coroutine function: add it to a group, within `async with`"):
        tasks_of([item])


def test_what_only_looks_like_a_coroutine_function_is_none() -> None:
    """A class, a function and an object that are called as usual."""
    assert not any(is_async(item) for item in (Worker, Worker(), plain, dict, 5))


# -- dicts ----------------------------------------------------------------------------------------------


def test_a_list_of_dicts_is_a_graph() -> None:
    """The plain form, as it is read from elsewhere: func, task_id, dependencies."""
    order: list[str] = []
    tasks: list[TaskLike] = [
        {"func": lambda: order.append("test"), "task_id": "test", "dependencies": ["build"]},
        {"func": lambda: order.append("build"), "task_id": "build", "timeout": 60, "estimate_s": 2.0},
    ]
    results = ParallelExecutor(2).execute_tasks(tasks)
    assert [result.task_name for result in results] == ["test", "build"]
    assert order == ["build", "test"]


def test_a_dict_of_callables_with_dependencies_is_a_graph() -> None:
    """Names are the keys, whatever the functions are called; their own requirements stay."""
    order: list[str] = []

    def note(context: TaskContext) -> None:
        order.append(context.name)

    @parallel_task(name="anything", requires="fetch")
    def build(context: TaskContext) -> None:
        order.append(context.name)

    results = ParallelExecutor(1).execute_tasks(
        {"ship": note, "test": note, "build": build, "fetch": note},
        dependencies={"ship": ["test", "build"], "test": "build"},
    )
    assert [result.task_name for result in results] == ["ship", "test", "build", "fetch"]
    assert order == ["fetch", "build", "test", "ship"]


def test_a_requirement_that_is_named_twice_is_one() -> None:
    """A task that says itself what `dependencies` say again waits for it once."""
    tasks = tasks_of([Task("b", hears, requires=("a",)), Task("a", hears)], {"b": ["a", "c"], "a": []})
    assert tasks[0].requires == ("a", "c")


def test_dependencies_of_tasks_that_are_not_there_are_all_told() -> None:
    """A typo on the left side would else order nothing, silently."""
    with pytest.raises(InputError) as caught:
        tasks_of({"build": plain, "test": plain}, {"tets": ["build"], "zzz": [], "test": ["build"]})
    assert caught.value.diagnostics == (
        GraphProblem("dependencies name 'tets', which is no task", ("tets",), "did you mean 'test'?"),
        GraphProblem("dependencies name 'zzz', which is no task", ("zzz",)),
    )
    assert "is no task (did you mean 'test'?); " in str(caught.value)


def test_a_requirement_that_is_not_there_is_told() -> None:
    """The right side is checked by the graph."""
    with pytest.raises(InputError, match=r"unknown task 'biuld' \(did you mean 'build'\?\)"):
        ParallelExecutor().execute_tasks({"build": plain, "test": plain}, {"test": ["biuld"]})


@pytest.mark.parametrize("item", [{}, {"task_id": "x"}, {"func": "plain"}, {"func": Task("x", hears)}])
def test_a_dict_without_a_function_is_refused(item: Mapping[str, Any]) -> None:
    """There is nothing to run."""
    with pytest.raises(TypeError, match="task 0 has no callable `func`"):
        tasks_of([item])


def test_a_dict_of_a_decorated_function_overrides_its_options() -> None:
    """Who uses the function knows better than who wrote it; what is not said stays."""

    @parallel_task(name="own", timeout=5, locks="apt")
    def work() -> None:
        """Do nothing."""

    task = as_task({"func": work, "task_id": "other", "locks": ["dpkg", "apt"]})
    assert (task.name, task.timeout_s, task.locks) == ("other", 5, frozenset({"apt", "dpkg"}))


# -- Tasks ----------------------------------------------------------------------------------------------


def test_a_task_is_taken_as_it_is() -> None:
    """Not copied, not renamed; options override its fields."""
    task = Task("x", hears, requires=("y",))
    assert as_task(task) is task
    assert as_task(task, name="z", resources={"cpu": 1}) == Task(
        "z", hears, requires=("y",), resources={"cpu": 1}
    )


# -- the decorator --------------------------------------------------------------------------------------


def test_options_are_understood_under_both_names_and_in_simple_forms() -> None:
    """One name for a list of one, a number of retries for a policy, as people write them."""

    @parallel_task(
        task_id="x", dependencies="y", after=["z"], locks={"l"}, timeout=3, retries=1, resources={"cpu": 2}
    )
    def work() -> None:
        """Do nothing."""

    task = as_task(work)
    assert (task.name, task.requires, task.after, task.locks) == ("x", ("y",), ("z",), frozenset({"l"}))
    assert (task.timeout_s, task.retry, task.resources) == (3, RetryPolicy(max_attempts=2), {"cpu": 2})


def test_no_retries_is_a_choice_that_the_run_does_not_change() -> None:
    """`retries=0` on what must not be done twice wins over the executor's own policy."""
    calls: list[int] = []

    @parallel_task(retries=0)
    def once() -> None:
        calls.append(1)
        raise OSError

    executor = ParallelExecutor(1, retry=RetryPolicy(max_attempts=3, delay_s=0))
    (result,) = executor.execute_tasks([once])
    assert (result.status, len(calls)) == (Status.FAILED, 1)


def test_a_policy_is_taken_as_it_is() -> None:
    """Whoever wants more than a number of retries says so."""
    policy = RetryPolicy(max_attempts=7)
    assert as_task(plain, retry=policy).retry is policy
    assert as_task(plain, retry=None).retry is None


def test_the_decorated_function_stays_a_function() -> None:
    """It can be called, tested and decorated further; without options the name is all it gets."""

    @functools.lru_cache
    @parallel_task(name="the answer")
    def answer() -> int:
        return 42

    @parallel_task
    def bare() -> int:
        return 1

    assert (answer(), bare()) == (42, 1)
    assert [task.name for task in tasks_of([answer, bare, bare])] == ["the answer", "bare", "bare-2"]


def test_a_decorated_method_keeps_its_options_when_it_is_bound() -> None:
    """The options belong to the function; the object is the instance's."""

    class Job:
        def __init__(self, value: int) -> None:
            self.value = value

        @parallel_task(locks="apt")
        def work(self, context: TaskContext) -> tuple[int, str]:
            return self.value, context.name

    task = as_task(Job(3).work)
    assert task.locks == {"apt"}
    assert run_one(Job(3).work) == ("work", (3, "work"))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("timout", "; did you mean 'timeout'?"),
        ("require", "; did you mean 'requires'?"),
        ("dependecies", "; did you mean 'dependencies'?"),
        ("func", ""),
        ("qqq", ""),
    ],
)
def test_an_unknown_option_is_refused_where_it_is_written(wrong: str, hint: str) -> None:
    """A misspelled timeout that is silently ignored is a run that never ends."""
    with pytest.raises(TypeError) as caught:
        parallel_task(**{wrong: 1})
    assert str(caught.value) == f"a task has no option {wrong!r}{hint}"
    with pytest.raises(TypeError, match=f"no option '{wrong}'"):
        as_task(Task("x", hears), **{wrong: 1})


@pytest.mark.parametrize("options", [{"requires": 5}, {"locks": 5}, {"retries": -1}])
def test_a_value_of_a_wrong_kind_is_refused_where_it_is_written(options: dict[str, Any]) -> None:
    """Not in the middle of the run."""
    with pytest.raises((TypeError, ValueError)):
        parallel_task(**options)


# -- add_task -------------------------------------------------------------------------------------------


def test_tasks_are_added_one_by_one_and_run_together() -> None:
    """Returned names can be required, and a function may be added twice."""
    order: list[str] = []

    def note(context: TaskContext) -> str:
        order.append(context.name)
        return context.name

    executor = ParallelExecutor(1, resources={"cpu": 2})
    last = executor.add_task(note, requires=["note-2", "other"])
    first = executor.add_task(note)
    executor.add_task({"func": note, "task_id": "other"}, requires=first, resources={"cpu": 1})
    assert (last, first) == ("note", "note-2")
    assert [result.result for result in executor.execute_all()] == ["note", "note-2", "other"]
    assert order == ["note-2", "other", "note"]


def test_what_was_run_is_not_run_again() -> None:
    """`execute_all` runs what was added since the last time, under names that are free again."""
    executor = ParallelExecutor(1)
    executor.add_task(plain)
    assert len(executor.execute_all()) == 1
    assert executor.execute_all() == []
    assert executor.add_task(plain) == "plain"


def test_resources_given_at_adding_replace_those_of_the_task() -> None:
    """And None leaves them."""
    executor = ParallelExecutor(1, resources={"cpu": 1})
    task = Task("x", hears, resources={"cpu": 9})
    executor.add_task(task, resources={"cpu": 1})
    assert [str(result.status) for result in executor.execute_all()] == ["success"]
    executor.add_task(task)
    with pytest.raises(InputError, match="asks for 9 of resource 'cpu', which has 1"):
        executor.execute_all()
