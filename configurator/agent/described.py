"""What is said of a task that has ended: the message that the controller makes an event of."""

from __future__ import annotations

from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.agent.work import Done
from configurator.core.cancel import Cancelled
from configurator.core.errors import TaskError
from configurator.core.events import TaskEnded
from configurator.core.status import Outcome, Status
from configurator.core.task import TaskResult

_OUTPUT_BYTES = 256 * 1024  # of a failed command's output, in one event; the tail tells what happened
_HIDDEN = "(hidden by no_log)"


def describe(
    spec: TaskSpec, event: TaskEnded, held: TaskError | None = None, cause: str | None = None
) -> dict[str, Any]:
    """Return the message that tells how a task ended; `no_log` blanks everything a secret could be in.

    `held` is the failure of a task of a block, `cause` whom to blame instead of the end of a block.
    """
    result = event.result
    if held is not None:
        result = result._replace(status=Status.FAILED, error=held, result=None)
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
        message["cause"] = cause or result.cause
    if result.ignored:
        message["ignored"] = True
    if spec.rescued and result.status in (Status.FAILED, Status.TIMEOUT):
        message["rescued"] = True
    if isinstance(result.result, Done):
        message["changes"] = [change.to_json() for change in result.result.changes]
        if result.result.outputs:
            message["outputs"] = dict(result.result.outputs)
        if result.result.says:
            message["says"] = result.result.says
        if result.result.unknown is not None and not result.result.changed:
            message["unknown"] = result.result.unknown
        if result.result.warnings:
            message["warnings"] = list(result.result.warnings)
    if result.error is not None or result.status is Status.TIMEOUT:
        message |= _failure(result)
    return _kept_quiet(spec, message)


def _kept_quiet(spec: TaskSpec, message: dict[str, Any]) -> dict[str, Any]:
    if not spec.diff:
        for change in message.get("changes", ()):
            change.pop("diff", None)
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
    for key in ("message", "output", "hint", "unknown"):
        if message.get(key):
            message[key] = _HIDDEN
    if message.get("command"):
        message["command"] = [_HIDDEN]
    message.pop("warnings", None)
    message.pop("outputs", None)
    message.pop("says", None)
