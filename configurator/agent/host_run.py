"""A run on the host: the shipped tasks as an engine graph, and what is reported of each.

`HostRun.execute` is the core loop of the host's side. How a single task is taken, in a plan or in an
apply, is decided by the Taker it is given (plan_taker.py, apply_taker.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.work import Done
from configurator.core.cancel import Cancelled
from configurator.core.durations import Durations
from configurator.core.errors import TaskError
from configurator.core.events import EngineEvent, TaskEnded, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Outcome, SkipReason, Status
from configurator.core.task import SettleEarly, Skip, Task, TaskContext, TaskResult

Send = Callable[[Mapping[str, Any]], None]

_OUTPUT_BYTES = 256 * 1024  # of a failed command's output, in one event; the tail tells what happened
_HIDDEN = "(hidden by no_log)"


class Taker(Protocol):
    """Takes tasks in one mode."""

    workers: int

    def declare(self, spec: TaskSpec) -> Mapping[str, Any]:
        """Return the engine's options of a task: locks, exclusive, timeout_s, estimate_s, batch_key."""

    def take(self, spec: TaskSpec, context: TaskContext) -> Done:
        """Do the task; TaskError if it fails."""

    def take_together(
        self, specs: Sequence[TaskSpec], contexts: Sequence[TaskContext], settle: SettleEarly
    ) -> Sequence[Done | None]:
        """Do tasks of one batch in one go; any exception has the unsettled ones done one by one."""


class HostRun:
    """One plan or apply of a host's tasks; `send` gets the messages that the controller turns into events.

    `ended` are the tasks that had ended when the host restarted, by id with their status: they are not done
    again, and nothing more is said of them. `check` raises TaskError for a module that cannot be used.
    """

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        taker: Taker,
        notifications: Notifications,
        send: Send,
        fail_fast: bool,
        durations: Durations | None = None,
        ended: Mapping[str, str] | None = None,
        *,
        check: Callable[[str], None] = lambda _module: None,
    ) -> None:
        self._check = check
        self._ended = dict(ended or {})
        self._specs = {spec.id: spec for spec in specs}
        self._taker = taker
        self._notifications = notifications
        self._send = send
        self._handled: set[str] = set()
        self.executor = ParallelExecutor(
            taker.workers, fail_fast, observer=self._observe, durations=durations
        )

    def execute(self) -> None:
        """Run every task to its end; everything there is to say has been sent on return."""
        self.executor.execute(TaskGraph(self._task(spec) for spec in self._specs.values()))

    def _task(self, spec: TaskSpec) -> Task:
        edges: dict[str, Any] = {"requires": spec.requires, "after": spec.after}
        if spec.barrier:
            return Task(spec.id, lambda _context: None, estimate_s=0.0, **edges)
        if spec.id in self._ended:
            return self._replayed(spec, Outcome(self._ended[spec.id]), edges)
        if spec.skip is not None:
            skip = Skip(SkipReason.CONDITION_FALSE, spec.skip)
            return Task(spec.id, lambda _context: skip, estimate_s=0.0, **edges)
        options = dict(self._taker.declare(spec))
        if options.get("batch_key") is not None:
            options["batch_func"] = self._together
        return Task(
            spec.id,
            lambda context: self._take(spec, context),
            critical=spec.critical,
            ignore_errors=spec.ignore_errors,
            **edges,
            **options,
        )

    def _replayed(self, spec: TaskSpec, status: Outcome, edges: Mapping[str, Any]) -> Task:
        """Return a task that ends as it has ended before, so that others know what to do."""

        def again(_context: TaskContext) -> Skip | None:
            if status in (Outcome.FAILED, Outcome.TIMEOUT):
                raise TaskError("failed before the restart")
            return None if status in (Outcome.OK, Outcome.CHANGED) else Skip(SkipReason.REQUIREMENT_SKIPPED)

        return Task(spec.id, again, ignore_errors=spec.ignore_errors, estimate_s=0.0, **edges)

    def _take(self, spec: TaskSpec, context: TaskContext) -> Done | Skip:
        self._check(spec.module)
        if not spec.handler:
            return self._taker.take(spec, context)
        if self._notifications.order(spec.id) is None:
            return Skip(SkipReason.NOT_NOTIFIED)
        done = self._taker.take(spec, context)
        self._handled.add(spec.id)
        self._notifications.done(spec.id)
        return done

    def _together(self, contexts: Sequence[TaskContext], settle: SettleEarly) -> Sequence[Done | None]:
        specs = [self._specs[context.name] for context in contexts]
        return self._taker.take_together(specs, contexts, settle)

    # -- reporting ------------------------------------------------------------------------------------

    def _observe(self, event: EngineEvent) -> None:
        if isinstance(event, TaskStarted) and event.task_name not in self._ended:
            spec = self._specs[event.task_name]
            silent = spec.barrier or spec.skip is not None
            if not silent and not (spec.handler and not self._due(spec)):
                self._send({"type": "task_started", "task_id": spec.id, "at_s": round(event.at_s, 6)})
        elif isinstance(event, TaskEnded) and event.result.task_name not in self._ended:
            spec = self._specs[event.result.task_name]
            idle = event.result.status in (Status.SKIPPED, Status.CANCELLED)
            if not spec.barrier and not (spec.handler and idle and not self._due(spec)):
                self._send(describe(spec, event))

    def _due(self, spec: TaskSpec) -> bool:
        """Return True for a handler that was notified; reports come later, when it may be done already."""
        # In this order: a handler is noted as handled before it ceases to be due.
        return self._notifications.order(spec.id) is not None or spec.id in self._handled


def describe(spec: TaskSpec, event: TaskEnded) -> dict[str, Any]:
    """Return the message that tells how a task ended; `no_log` blanks everything a secret could be in."""
    result = event.result
    message: dict[str, Any] = {
        "type": "task_finished",
        "task_id": spec.id,
        "at_s": round(event.at_s, 6),
        "started_s": round(result.started_s, 6),
        "duration_s": round(result.execution_time, 6),
        "status": str(_outcome(result)),
    }
    if result.reason is not None:
        message["reason"] = str(result.reason)
    if result.cause is not None:
        message["cause"] = result.cause
    if result.ignored:
        message["ignored"] = True
    if isinstance(result.result, Done):
        message["changes"] = [change.to_json() for change in result.result.changes]
        if result.result.outputs:
            message["outputs"] = dict(result.result.outputs)
        if result.result.says:
            message["says"] = result.result.says
        if result.result.warnings:
            message["warnings"] = list(result.result.warnings)
    if result.error is not None or result.status is Status.TIMEOUT:
        message |= _failure(result)
    if spec.no_log:
        _blank(message)
    return message


def _outcome(result: TaskResult) -> Outcome:
    if result.status is Status.SUCCESS:
        changed = isinstance(result.result, Done) and result.result.changed
        return Outcome.CHANGED if changed else Outcome.OK
    return Outcome(str(result.status))


def _failure(result: TaskResult) -> dict[str, Any]:
    error = result.error
    if result.status is Status.TIMEOUT:
        text = f"stopped after {result.execution_time:.0f} s"
        if result.metadata.get("leaked"):
            text += "; it does not react and was left behind with its locks"
        return {"message": text, "hint": "give the task a longer `timeout`"}
    if isinstance(error, Cancelled):
        return {"message": "stopped before it had ended", "cause": error.reason}
    if not isinstance(error, TaskError):
        kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
        return {"message": f"{kind}{error}", "hint": None if isinstance(error, OSError) else _bug(error)}
    return {
        "message": error.message,
        "hint": error.hint,
        "command": list(error.command),
        "exit_status": error.exit_status,
        "output": error.output[-_OUTPUT_BYTES:],
    }


def _bug(error: BaseException | None) -> str:
    """Say where an unexpected error was raised, since no traceback is ever shown."""
    trace = None if error is None else error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2] if trace else "an unknown place"
    place = f"{file}:{trace.tb_lineno}" if trace else file
    return f"this is a defect in the module, at {place}; please report it"


def _blank(message: dict[str, Any]) -> None:
    for change in message.get("changes", ()):
        kind, colon, _ = change["subject"].partition(":")
        if kind == "command":  # its name is the command line
            change["subject"] = kind + colon + _HIDDEN
        for key in (
            "before",
            "after",
            "diff",
        ):  # `because` speaks of other tasks; who reads it knows the rest
            if change.get(key) is not None:
                change[key] = _HIDDEN
    for key in ("message", "output", "hint"):
        if message.get(key):
            message[key] = _HIDDEN
    if message.get("command"):
        message["command"] = [_HIDDEN]
    message.pop("warnings", None)
    message.pop("outputs", None)
    message.pop("says", None)
