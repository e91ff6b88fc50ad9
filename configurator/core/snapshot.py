"""How a run stands, to be saved and recovered from; the JSON form of results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configurator.core.status import SkipReason, Status
from configurator.core.task import TaskResult

FORMAT = 1


class RecordedError(Exception):
    """The error of a result that was read back: `kind` is the type's name, the message is str()."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """The status of every task by name, and the results of those that have ended.

    Given as `recover` to `ParallelExecutor.execute`, what succeeded is taken over and not run again. Saved
    as JSON, a value that JSON cannot hold is only described: that task runs again, as does what requires it.

    >>> done = TaskResult("build", Status.SUCCESS, {"warnings": 3})
    >>> saved = RunSnapshot({"build": Status.SUCCESS, "test": Status.RUNNING}, (done,)).to_json()
    >>> RunSnapshot.from_json(saved).results[0].result
    {'warnings': 3}
    """

    statuses: Mapping[str, Status]
    results: tuple[TaskResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot as JSON values."""
        return {
            "format": FORMAT,
            "statuses": {name: str(status) for name, status in self.statuses.items()},
            "results": [result_to_json(result) for result in self.results],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunSnapshot:
        """Return what `to_json` described; a KeyError, TypeError or ValueError means malformed data."""
        if data["format"] != FORMAT:
            raise ValueError(f"snapshot format {data['format']!r} is not known here, only {FORMAT}")
        results = [result_from_json(item) for item in data["results"] if not item.get("described")]
        return cls({name: Status(word) for name, word in data["statuses"].items()}, tuple(results))


def result_to_json(result: TaskResult) -> dict[str, Any]:
    """Return a result as JSON values; `described` marks a value that JSON cannot hold, given as text."""
    held, described = _held(result.result)
    metadata, _ = _held(dict(result.metadata))
    out: dict[str, Any] = {
        "task_name": result.task_name,
        "status": str(result.status),
        "result": held,
        "error": None,
        "reason": None if result.reason is None else str(result.reason),
        "cause": result.cause,
        "started_s": result.started_s,
        "ended_s": result.ended_s,
        "execution_time": result.execution_time,
        "worker": result.worker,
        "ignored": result.ignored,
        "metadata": metadata,
        "attempts": result.attempts,
        "output": result.output,
        "errors": result.errors,
        "warnings": result.warnings,
        "from_cache": result.from_cache,
        "group": result.group,
    }
    if result.error is not None:
        kind = result.error.kind if isinstance(result.error, RecordedError) else type(result.error).__name__
        out["error"] = {"type": kind, "message": str(result.error)}
    if described:
        out["described"] = True
    return out


def result_from_json(data: Mapping[str, Any]) -> TaskResult:
    """Return the result that `result_to_json` described; its error is a RecordedError."""
    error, reason = data.get("error"), data.get("reason")
    return TaskResult(
        task_name=data["task_name"],
        status=Status(data["status"]),
        result=data.get("result"),
        error=None if error is None else RecordedError(error["type"], error["message"]),
        reason=None if reason is None else SkipReason(reason),
        cause=data.get("cause"),
        started_s=float(data.get("started_s", 0.0)),
        ended_s=float(data.get("ended_s", 0.0)),
        worker=data.get("worker"),
        ignored=bool(data.get("ignored", False)),
        metadata=dict(data.get("metadata", {})),
        attempts=int(data.get("attempts", 1)),
        output=data.get("output", ""),
        errors=int(data.get("errors", 0)),
        warnings=int(data.get("warnings", 0)),
        from_cache=bool(data.get("from_cache", False)),
        group=data.get("group"),
    )


def _held(value: Any) -> tuple[Any, bool]:
    """Return the value if JSON gives it back as it was, else a text about it and True."""
    try:
        if json.loads(json.dumps(value, allow_nan=False)) == value:
            return value, False
    except (TypeError, ValueError, RecursionError):
        pass
    return repr(value), True
