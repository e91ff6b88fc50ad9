"""From what a task's function came to, to its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.graph import TaskGraph
from configurator.core.status import Status
from configurator.core.task import SettleEarly, Skip, Subgraph, Task, TaskContext, TaskReport, TaskResult

TIMED_OUT = "timeout"  # the reason of a token that was cancelled because time was up


class Raised:
    """An exception, told apart from a task that returns one."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def result_of(  # noqa: PLR0911  (one for each thing that a function can come to)
    task: Task, outcome: object, token: CancelToken, started: float, ended: float, worker: int | None
) -> TaskResult:
    """Return the result of an attempt that ended by itself; a Subgraph's value, not its tasks."""
    name, group = task.name, task.group
    made = TaskResult(name, Status.SUCCESS, started_s=started, ended_s=ended, worker=worker, group=group)
    error = outcome.error if isinstance(outcome, Raised) else None
    if token.reason == TIMED_OUT:  # also if it returned in the end: it had no time left to return in
        return made._replace(status=Status.TIMEOUT, error=error, ignored=task.ignore_errors)
    if error is not None:
        if token.cancelled and isinstance(error, Cancelled):
            return made._replace(status=Status.CANCELLED, error=error)
        return made._replace(status=Status.FAILED, error=error, ignored=task.ignore_errors)
    if isinstance(outcome, Skip):
        return made._replace(status=Status.SKIPPED, reason=outcome.reason, cause=outcome.cause)
    if isinstance(outcome, TaskReport):
        return _reported(made, outcome, task)
    if isinstance(outcome, Subgraph):
        return made._replace(result=outcome.value)
    return made if isinstance(outcome, TaskGraph) else made._replace(result=outcome)


def _reported(made: TaskResult, report: TaskReport, task: Task) -> TaskResult:
    return made._replace(
        status=Status.FAILED if report.failed else Status.SUCCESS,
        result=report.value,
        ignored=report.failed and task.ignore_errors,
        metadata=report.metadata,
        output=report.output,
        errors=report.errors,
        warnings=report.warnings,
    )


# What most tasks return: their result needs no closer look.
PLAIN = frozenset({type(None), bool, int, float, str, bytes, list, tuple, dict})


def subgraph_of(outcome: object) -> tuple[Task, ...]:
    """Return the tasks that a task brought into the run."""
    if isinstance(outcome, (Subgraph, TaskGraph)):
        return outcome.tasks
    return ()


def run_batch(
    tasks: Sequence[Task],
    contexts: Sequence[TaskContext],
    settle: SettleEarly,
    begin: Callable[[TaskContext], None],
) -> Sequence[object]:
    """Run several tasks through their batch function; a failed batch is run one by one, `begin` told of each.

    Not those that were cancelled meanwhile: their time is up, and they may have been given up for it.
    """
    batch = tasks[0].batch_func
    settled: set[str] = set()

    def settle_early(context: TaskContext, result: object) -> None:
        settled.add(context.name)
        settle(context, result)

    if batch is not None:
        try:
            outcome: object = batch(contexts, settle_early)
        except BaseException as error:  # noqa: BLE001  (the task boundary of a batch)
            outcome = Raised(error)
        if not isinstance(outcome, Raised):
            if isinstance(outcome, Sequence) and len(outcome) == len(tasks):
                return outcome
            found = len(outcome) if isinstance(outcome, Sequence) else type(outcome).__name__
            wrong = TypeError(f"a batch of {len(tasks)} must return {len(tasks)} results, not {found}")
            return [Raised(wrong)] * len(tasks)  # done or not: doing them again could do harm
        if not isinstance(outcome.error, Exception):
            return [outcome] * len(tasks)  # an interrupt ends the batch, it does not split it
    return [
        None if task.name in settled else _attempt_again(task, context, begin)
        for task, context in zip(tasks, contexts, strict=True)
    ]


def _attempt_again(task: Task, context: TaskContext, begin: Callable[[TaskContext], None]) -> object:
    reason = context.token.reason
    if reason is not None:
        return Raised(Cancelled(reason))
    begin(context)
    return attempt(task, context)


def attempt(task: Task, context: TaskContext) -> object:
    """Return what the task's function returns, or what it raises as Raised: the task boundary."""
    try:
        return task.func(context)
    except BaseException as error:  # noqa: BLE001  (nothing may kill a worker)
        return Raised(error)
