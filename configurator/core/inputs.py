"""What people hand to the executor: callables, decorated functions, dicts; each becomes a Task."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, TypeVar, overload

from configurator.core.errors import InputError
from configurator.core.graph import GraphProblem
from configurator.core.retry import RetryPolicy
from configurator.core.task import Task, TaskContext, TaskFunction

TaskLike = Task | Callable[..., Any] | Mapping[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = frozenset(Task._fields) - {"func"}
_ALIASES = {"task_id": "name", "dependencies": "requires", "timeout": "timeout_s", "retries": "retry"}
_ATTRIBUTE = "__parallel_task__"


@overload
def parallel_task(func: F, /) -> F: ...
@overload
def parallel_task(**options: Any) -> Callable[[F], F]: ...
def parallel_task(func: Any = None, /, **options: Any) -> Any:
    """Mark a function as a task and give it its name, requires, timeout, retries, locks, resources...

    The options are the fields of Task (`timeout` and `retries` are understood, too); an unknown one is a
    TypeError. The function itself stays as it is and can be called as before.

    >>> @parallel_task(name="unit tests", requires=["build"], retries=2)
    ... def test() -> str:
    ...     return "passed"
    >>> test()
    'passed'
    >>> as_task(test).name, as_task(test).requires, as_task(test).retry.max_attempts
    ('unit tests', ('build',), 3)
    """
    checked = _options(options)

    def mark(function: Any) -> Any:
        setattr(function, _ATTRIBUTE, checked)
        return function

    return mark if func is None else mark(func)


def tasks_of(
    tasks: Iterable[TaskLike] | Mapping[str, Callable[..., Any]],
    dependencies: Mapping[str, Iterable[str]] | None = None,
) -> list[Task]:
    """Return Tasks for everything that `ParallelExecutor.execute_tasks` takes.

    Functions of the same name are told apart by a number; a name in `dependencies` that is no task is an
    InputError.
    """
    if isinstance(tasks, Mapping):
        made = [as_task(func, number, name=name) for number, (name, func) in enumerate(tasks.items())]
    else:
        items = list(tasks)
        made = [as_task(item, number) for number, item in enumerate(items)]
        names = Names(task.name for item, task in zip(items, made, strict=True) if _is_named(item))
        made = [names.given(item, task) for item, task in zip(items, made, strict=True)]
    if dependencies:
        known = {task.name for task in made}
        unknown = [_no_task(name, known) for name in dependencies if name not in known]
        if unknown:
            raise InputError("; ".join(map(str, unknown)), unknown)
        made = [_requiring(task, dependencies.get(task.name, ())) for task in made]
    return made


def as_task(item: TaskLike, number: int = 0, **options: Any) -> Task:
    """Return a Task; `number` names what has no name, `options` override what the item says itself."""
    if isinstance(item, Task):
        return item._replace(**_options(options)) if options else item
    if isinstance(item, Mapping):
        given = dict(item)
        func = given.pop("func", None)
        if not callable(func):
            raise TypeError(f"task {number} has no callable `func`")
        return as_task(func, number, **{**given, **options})
    if not callable(item):
        raise TypeError(f"task {number} is neither a callable, a Task nor a dict but {type(item).__name__}")
    if is_async(item):
        raise TypeError(f"task {number} is a coroutine function: add it to a group, within `async with`")
    func, hears = with_context(item)
    known = declared_options(item, number, options)
    if not hears:
        known.setdefault("grace_s", 0.0)  # it has no token to look at: waiting for it to stop is in vain
    return Task(func=func, **known)


def declared_options(item: Callable[..., Any], number: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a callable's Task but for `func`: `options` override those of its decoration."""
    return {"name": _name_of(item, number), **getattr(item, _ATTRIBUTE, {}), **_options(options)}


def is_async(item: Any) -> bool:
    """Return True if calling the item makes a coroutine, which nobody awaits on a thread."""
    return inspect.iscoroutinefunction(item) or inspect.iscoroutinefunction(type(item).__call__)


class Names:
    """Gives callables of the same name different ones; names that people gave are theirs, and stay."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def given(self, item: TaskLike, task: Task) -> Task:
        """Return the Task of the item under a name that is not taken: `build`, `build-2`, `build-3`..."""
        name = base = task.name
        if not _is_named(item):
            while name in self._taken:
                count = self._counts[base] = self._counts.get(base, 1) + 1
                name = f"{base}-{count}"
        self._taken.add(name)
        return task if name == base else task._replace(name=name)


def added_task(
    item: TaskLike,
    number: int,
    names: Names,
    requires: Iterable[str],
    resources: Mapping[str, float] | None,
) -> Task:
    """Return the Task of `ParallelExecutor.add_task`."""
    task = _requiring(names.given(item, as_task(item, number)), requires)
    return task if resources is None else task._replace(resources=dict(resources))


def _is_named(item: Any) -> bool:
    if isinstance(item, Mapping):
        return "name" in item or "task_id" in item or _is_named(item.get("func"))
    return isinstance(item, Task) or "name" in getattr(item, _ATTRIBUTE, {})


def _requiring(task: Task, names: Iterable[str]) -> Task:
    more = tuple(name for name in _typed("requires", names) if name not in task.requires)
    return task._replace(requires=task.requires + more) if more else task


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under the names of Task's fields and in their types."""
    out: dict[str, Any] = {}
    for given, value in options.items():
        name = _ALIASES.get(given, given)
        if name not in _OPTIONS:
            near = difflib.get_close_matches(given, [*_OPTIONS, *_ALIASES], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"a task has no option {given!r}{hint}")
        out[name] = _typed(name, value)
    return out


def _typed(name: str, value: Any) -> Any:
    if name in ("requires", "after"):
        return (value,) if isinstance(value, str) else tuple(value)
    if name == "locks":
        return frozenset((value,) if isinstance(value, str) else value)
    if name == "retry" and isinstance(value, int):
        return RetryPolicy(max_attempts=value + 1)  # also 0, which is not the same as leaving it to the run
    return value


def with_context(func: Callable[..., Any]) -> tuple[TaskFunction, bool]:
    """Return the function as the engine calls it, and whether it takes the context itself."""
    if type(func) is FunctionType and not func.__dict__:  # as below, but for a signature made by a decorator
        if func.__code__.co_argcount > len(func.__defaults__ or ()):
            return func, True
        return lambda _context: func(), False
    try:
        parameters = inspect.signature(func).parameters.values()
    except (TypeError, ValueError):  # some built-in functions do not tell
        parameters = ()  # type: ignore[assignment]
    takes = any(
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
        for parameter in parameters
    )
    if takes:
        return func, True

    def without(_context: TaskContext) -> Any:
        return func()

    return without, False


def _name_of(item: Callable[..., Any], number: int) -> str:
    name = getattr(item, "__name__", None) or getattr(getattr(item, "func", None), "__name__", "task")
    return f"task-{number}" if name in ("<lambda>", "task") else str(name)


def _no_task(name: str, names: Iterable[str]) -> GraphProblem:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else None
    return GraphProblem(f"dependencies name {name!r}, which is no task", (name,), hint)
