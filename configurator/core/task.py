"""What the engine runs and what it says about it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from configurator.core.cancel import CancelToken
from configurator.core.status import SkipReason, Status


@dataclass(frozen=True, slots=True)
class Skip:
    """Returned by a task that found it has nothing to do; what requires it runs all the same."""

    reason: SkipReason
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a running task is given: its name, and the token that tells it to stop."""

    name: str
    token: CancelToken


TaskFunction = Callable[[TaskContext], Any]
# Ends one task of a batch before the others, with its result: it has nothing to do and holds nobody up.
SettleEarly = Callable[[TaskContext, Any], None]
# Called once for several ready tasks with the same batch key; returns one result per context, in order.
# The results of those that it settled early are not looked at.
BatchFunction = Callable[[Sequence[TaskContext], SettleEarly], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Task:
    """One node of a graph.

    `requires` must have succeeded before it starts; `after` must merely have ended. `locks` are names held
    while it runs; `exclusive` means that nothing else runs meanwhile. `estimate_s` weighs its path.
    With `ignore_errors` a failure skips nothing. A `critical` task's failure cancels the run.
    """

    name: str
    func: TaskFunction
    requires: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    locks: frozenset[str] = frozenset()
    exclusive: bool = False
    timeout_s: float | None = None
    estimate_s: float = 1.0
    critical: bool = False
    ignore_errors: bool = False
    batch_key: str | None = None
    batch_func: BatchFunction | None = None


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How one task ended; times are seconds since the start of the run, `execution_time` their difference.

    `error` is the exception of a failed task. A skipped one has `reason`, and `cause` names the task that
    is to blame at the root. `ignored` marks a failure that `ignore_errors` made harmless.
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
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def execution_time(self) -> float:
        """Return how long the task ran, in seconds."""
        return self.ended_s - self.started_s
