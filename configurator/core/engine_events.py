"""What the engine announces while it runs, as frozen values: the only way to watch a run from outside.

Every event carries `at_s`, seconds since the start of the run on a clock that never goes back. Events are
published in the order of the state changes, so for one task the order is always: TaskStarted, any number of
TaskProgress and TaskRetrying (each retry followed by another TaskStarted), TaskEnded. A task that never ran
(skipped, cancelled before its start) has a TaskEnded alone.

TaskStarted and TaskEnded are named tuples and not dataclasses like the others: there is one of each for every
task, and making them took a tenth of the engine's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from configurator.core.task import TaskResult


class EngineEvent:
    """Base of what the engine announces; `at_s` is seconds since the start of the run."""

    __slots__ = ()
    at_s: float


@dataclass(frozen=True, slots=True)
class RunStarted(EngineEvent):
    """The run begins, and no event of it came before; `tasks` are those known now, more may join."""

    at_s: float
    tasks: int
    max_workers: int


@dataclass(frozen=True, slots=True)
class RunEnded(EngineEvent):
    """Every task has its result, and no event of the run follows.

    The counts add up to all tasks of the run, joined ones included; `failed` includes those that timed out.
    """

    at_s: float
    succeeded: int
    failed: int
    skipped: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class RunPaused(EngineEvent):
    """No task starts until RunResumed; those that run go on.

    `task_name` is the task that waits for a person's input and `prompt` its question; both are None when the
    pause was asked for from outside.
    """

    at_s: float
    reason: str
    task_name: str | None = None
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class RunResumed(EngineEvent):
    """Tasks may start again after a RunPaused."""

    at_s: float


@dataclass(frozen=True, slots=True)
class RunStopping(EngineEvent):
    """Nothing more starts; with `abort` the running tasks were asked to stop, else they may finish."""

    at_s: float
    reason: str
    abort: bool


class _TaskStarted(NamedTuple):
    at_s: float
    task_name: str
    worker: int
    attempt: int = 1
    group: str | None = None


class TaskStarted(_TaskStarted, EngineEvent):
    """A worker took the task; its function is about to be called for the `attempt`-th time, from 1."""

    __slots__ = ()


class _TaskEnded(NamedTuple):
    at_s: float
    result: TaskResult


class TaskEnded(_TaskEnded, EngineEvent):
    """The task's result is final: published exactly once for every task of a run."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TaskProgress(EngineEvent):
    """How far a running task says it is; only the newest one that is not delivered yet is kept.

    `done` and `total` are in the task's own unit (bytes, packages); `total` is None while it is not known.
    """

    at_s: float
    task_name: str
    done: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class TaskRetrying(EngineEvent):
    """The task's `attempt`-th attempt failed with `error`; the next may start `delay_s` seconds from now."""

    at_s: float
    task_name: str
    attempt: int
    delay_s: float
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class TasksJoined(EngineEvent):
    """These tasks are now part of the run; `parent` is the task that returned them, None for an outsider."""

    at_s: float
    parent: str | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupStarted(EngineEvent):
    """The group was entered: tasks can be added, and start."""

    at_s: float
    group: str


@dataclass(frozen=True, slots=True)
class GroupEnded(EngineEvent):
    """Every task of the group has its result; `failed` counts those that failed or timed out."""

    at_s: float
    group: str
    failed: int


@dataclass(frozen=True, slots=True)
class BreakerChanged(EngineEvent):
    """The circuit breaker of that name is now `closed`, `open` or `half-open`."""

    at_s: float
    breaker: str
    state: str


@dataclass(frozen=True, slots=True)
class SubscriberFailed(EngineEvent):
    """A subscriber raised `error` on an event, and the other subscribers are told; the run is not affected.

    `subscriber` is its qualified name; `at_s` is that of the event on which it failed. `error` may be one
    that is not an Exception (SystemExit): that does not end the delivery either.
    """

    at_s: float
    subscriber: str
    error: BaseException
