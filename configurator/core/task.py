"""What the engine runs and what it says about it afterwards.

Task, TaskContext and TaskResult are named tuples: frozen like the other values, but made in a third of the
time of a frozen dataclass, which counts for what is made for every task of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from configurator.core.cancel import CancelToken
from configurator.core.status import SkipReason, Status

if TYPE_CHECKING:
    from configurator.core.retry import RetryPolicy

# Shared: most tasks and results have none, and there may be a million of them.
NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return NOTHING


@dataclass(frozen=True, slots=True)
class Skip:
    """Returned by a task that found it has nothing to do; what requires it runs all the same."""

    reason: SkipReason
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Returned by a task that has more to say than a value; with `failed` its status is `failed`.

    `output` is text for people, `errors` and `warnings` are counts, `metadata` holds JSON values.
    """

    value: Any = None
    output: str = ""
    errors: int = 0
    warnings: int = 0
    metadata: Mapping[str, Any] = field(default_factory=_nothing)
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Returned by a task whose further tasks are known only now: they join the run.

    They may require tasks of the run as well as each other. What waits for the returning task waits for
    all of them too, and is skipped if one of them fails. `value` becomes the returning task's result.
    """

    tasks: tuple[Task, ...]
    value: Any = None


class TaskControl(Protocol):
    """What a running task may ask of its run."""

    def progress(self, context: TaskContext, done: float, total: float | None, message: str) -> None:
        """Announce how far the task is."""

    def pause_for_input(self, context: TaskContext, prompt: str) -> Any:
        """Pause the run until somebody resumes it with a value; return the value."""

    def result_of(self, context: TaskContext, name: str) -> TaskResult:
        """Return the result of a task that has ended; KeyError if there is none."""


class TaskContext(NamedTuple):
    """What a running task is given: its name, the token that tells it to stop, and its attempt (1, 2...)."""

    name: str
    token: CancelToken
    attempt: int = 1
    control: TaskControl | None = None

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Announce how far the task is; `done` and `total` in any unit, or a fraction without a total."""
        if self.control is not None:
            self.control.progress(self, done, total, message)

    def pause_for_input(self, prompt: str) -> Any:
        """Pause the run, wait for `ParallelExecutor.resume(value)` and return the value.

        Running tasks go on, none starts meanwhile, and this task's timeout stands still. Cancelled is
        raised if the run is cancelled instead.
        """
        if self.control is None:
            raise RuntimeError(f"task {self.name!r} runs outside an executor: nobody can answer")
        return self.control.pause_for_input(self, prompt)

    def result_of(self, name: str) -> Any:
        """Return the value of a task that has ended (one of `requires`); KeyError if it has not."""
        if self.control is None:
            raise KeyError(name)
        return self.control.result_of(self, name).result


TaskFunction = Callable[[TaskContext], Any]
# Ends one task of a batch before the others, with its result: it has nothing to do and holds nobody up.
SettleEarly = Callable[[TaskContext, Any], None]
# Called once for several ready tasks with the same batch key; returns one result per context, in order.
# The results of those that it settled early are not looked at.
BatchFunction = Callable[[Sequence[TaskContext], SettleEarly], Sequence[Any]]


class Task(NamedTuple):
    """One node of a graph.

    `requires` must have succeeded before it starts; `after` must merely have ended. `locks` are names held
    while it runs, `resources` amounts of the executor's named capacities, `weight` the worker slots that it
    counts for; `exclusive` means that nothing else runs meanwhile. `estimate_s` weighs its path; without
    one, what was learned from earlier runs does, else every task counts the same.
    With `ignore_errors` a failure skips nothing. A `critical` task's failure cancels the run.
    A failure or timeout is retried as `retry` says. `breaker` names what it depends on: while that is known
    to be broken, the task is skipped. After `timeout_s` its token is cancelled; if it does not stop within
    `grace_s` (the executor's when None), it is given up.
    """

    name: str
    func: TaskFunction
    requires: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    locks: frozenset[str] = frozenset()
    exclusive: bool = False
    timeout_s: float | None = None
    estimate_s: float | None = None
    critical: bool = False
    ignore_errors: bool = False
    batch_key: str | None = None
    batch_func: BatchFunction | None = None
    retry: RetryPolicy | None = None
    resources: Mapping[str, float] = NOTHING
    weight: float = 1.0
    breaker: str | None = None
    group: str | None = None
    grace_s: float | None = None


class TaskResult(NamedTuple):
    """How one task ended; times are seconds since the start of the run, `execution_time` their difference.

    `error` is the exception of a failed task. A skipped one has `reason`, and `cause` names the task that
    is to blame at the root. `ignored` marks a failure that `ignore_errors` made harmless. `attempts` counts
    how often it was started; the times are those of the last one. `from_cache` marks a result that was
    taken over from a snapshot.
    """

    task_name: str
    status: Status
    result: Any = None
    error: BaseException | None = None
    reason: SkipReason | None = None
    cause: str | None = None
    started_s: float = 0.0
    ended_s: float = 0.0
    worker: int | None = None
    ignored: bool = False
    metadata: Mapping[str, Any] = NOTHING
    attempts: int = 1
    output: str = ""
    errors: int = 0
    warnings: int = 0
    from_cache: bool = False
    group: str | None = None

    @property
    def execution_time(self) -> float:
        """Return how long the task ran, in seconds."""
        return self.ended_s - self.started_s

    @property
    def failed(self) -> bool:
        """True if the task failed or ran out of time and that was not ignored."""
        return not self.ignored and (self.status is Status.FAILED or self.status is Status.TIMEOUT)

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values; see configurator.core.snapshot for the form."""
        from configurator.core.snapshot import result_to_json

        return result_to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TaskResult:
        """Return the result that `to_json` described; a KeyError or ValueError means malformed data."""
        from configurator.core.snapshot import result_from_json

        return result_from_json(data)


def named_results(results: Iterable[TaskResult]) -> dict[str, TaskResult]:
    """Return the results by the names of their tasks, in the order given."""
    return {result.task_name: result for result in results}
