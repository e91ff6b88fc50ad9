"""How a run stands, to be saved and recovered from; the JSON form of results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType
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

    `brought` names the tasks that brought others into the run: they run again, as else these would not come,
    of which in turn what succeeded is taken over.
    Given as `recover` to `ParallelExecutor.execute`, what succeeded is taken over and not run again. Saved
    as JSON, a value that JSON cannot hold is only described: that task runs again, as does what requires it.

    >>> done = TaskResult("build", Status.SUCCESS, {"warnings": 3})
    >>> saved = RunSnapshot({"build": Status.SUCCESS, "test": Status.RUNNING}, (done,)).to_json()
    >>> RunSnapshot.from_json(saved).results[0].result
    {'warnings': 3}
    """

    statuses: Mapping[str, Status]
    results: tuple[TaskResult, ...]
    brought: frozenset[str] = frozenset()

    def usable(self) -> list[TaskResult]:
        """Return the results that a run may take over."""
        return [result for result in self.results if result.task_name not in self.brought]

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot as JSON values."""
        return {
            "format": FORMAT,
            "statuses": {name: str(status) for name, status in self.statuses.items()},
            "results": [result_to_json(result) for result in self.results],
            "brought": sorted(self.brought),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunSnapshot:
        """Return what `to_json` described; a KeyError, TypeError or ValueError means malformed data."""
        if _mapping(data, "a snapshot")["format"] != FORMAT:
            raise ValueError(f"snapshot format {data['format']!r} is not known here, only {FORMAT}")
        items = [_mapping(item, "a result") for item in data["results"]]
        results = [result_from_json(item) for item in items if not item.get("described")]
        statuses = _mapping(data["statuses"], "statuses")
        brought = frozenset(_of("brought", name, str) for name in data.get("brought", ()))
        return cls({name: Status(word) for name, word in statuses.items()}, tuple(results), brought)


def result_to_json(result: TaskResult) -> dict[str, Any]:
    """Return a result as JSON values; `described` marks a value that JSON cannot hold, given as text."""
    held, described = _held(result.result)
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
        "metadata": {str(key): _held(value)[0] for key, value in result.metadata.items()},
        "attempts": result.attempts,
        "output": result.output,
        "errors": result.errors,
        "warnings": result.warnings,
        "from_cache": result.from_cache,
        "group": result.group,
    }
    if result.error is not None:
        kind = result.error.kind if isinstance(result.error, RecordedError) else type(result.error).__name__
        out["error"] = {"type": kind, "message": _text(str, result.error)}
    if described:
        out["described"] = True
    return out


def result_from_json(data: Mapping[str, Any]) -> TaskResult:
    """Return the result that `result_to_json` described; its error is a RecordedError.

    A KeyError, TypeError or ValueError means malformed data.
    """
    error, reason = _mapping(data, "a result").get("error"), data.get("reason")
    if error is not None:
        error = RecordedError(_of("type", error["type"], str), _of("message", error["message"], str))
    known = {name: _of(name, data[name], *kinds) for name, kinds in _KINDS.items() if name in data}
    return TaskResult(
        **{
            **known,
            "task_name": _of("task_name", data["task_name"], str),
            "status": Status(data["status"]),
            "result": data.get("result"),
            "error": error,
            "reason": None if reason is None else SkipReason(reason),
        }
    )


_KINDS: dict[str, tuple[type, ...]] = {
    "cause": (str, NoneType),
    "started_s": (float, int),
    "ended_s": (float, int),
    "worker": (int, NoneType),
    "ignored": (bool,),
    "metadata": (dict,),
    "attempts": (int,),
    "output": (str,),
    "errors": (int,),
    "warnings": (int,),
    "from_cache": (bool,),
    "group": (str, NoneType),
}


def _of(name: str, value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise TypeError(f"{name} is {value!r}")
    return value


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is {type(value).__name__}, no mapping")
    return value


def _held(value: Any) -> tuple[Any, bool]:
    """Return what JSON makes of the value if that is equal to it, else a text about it and True."""
    try:
        copy = json.loads(json.dumps(value, allow_nan=False))
        if copy == value:
            return copy, False
    except Exception:  # noqa: BLE001, S110  (too deep, changing under our hands, an odd __eq__: it cannot be held)
        pass
    return _text(repr, value), True


def _text(say: Callable[[Any], str], value: Any) -> str:
    try:
        return say(value)
    except Exception as error:  # noqa: BLE001  (a broken __repr__ must not cost the whole snapshot)
        return f"<{type(value).__name__} that {type(error).__name__} keeps from being shown>"
