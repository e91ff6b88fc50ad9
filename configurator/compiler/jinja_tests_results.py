"""Tests of what a task has registered: changed, failed, skipped and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined


def _result(value: Any, test: str) -> Mapping[Any, Any]:
    if isinstance(value, Undefined):
        str(value)
    if not isinstance(value, Mapping):
        raise TypeError(f"the test {test!r} wants the result of a task, not {value!r}")
    return value


def failed(value: Any) -> bool:
    """The task failed."""
    return bool(_result(value, "failed").get("failed", False))


def succeeded(value: Any) -> bool:
    """The task did not fail."""
    return not bool(_result(value, "succeeded").get("failed", False))


def changed(value: Any) -> bool:
    """The task changed something, or one of a loop's did."""
    result = _result(value, "changed")
    if "changed" in result:
        return bool(result["changed"])
    each = result.get("results")
    found = each if isinstance(each, list | tuple) else ()
    return any(isinstance(item, Mapping) and bool(item.get("changed", False)) for item in found)


def skipped(value: Any) -> bool:
    """The task was skipped."""
    return bool(_result(value, "skipped").get("skipped", False))


def unreachable(value: Any) -> bool:
    """The host could not be reached."""
    return bool(_result(value, "unreachable").get("unreachable", False))


def reachable(value: Any) -> bool:
    """The host could be reached."""
    return not bool(_result(value, "reachable").get("unreachable", False))


def timed_out(value: Any) -> bool:
    """The task took longer than its `timeout`."""
    return bool(_result(value, "timedout").get("timedout", False))


def started(value: Any) -> bool:
    """The task in the background was started; any other has been."""
    return bool(_result(value, "started").get("started", 1))


def finished(value: Any) -> bool:
    """The task in the background has ended; any other has."""
    return bool(_result(value, "finished").get("finished", 1))


BUILTIN: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(("failed", "failure"), failed),
    **dict.fromkeys(("succeeded", "success", "successful"), succeeded),
    **dict.fromkeys(("changed", "change"), changed),
    **dict.fromkeys(("skipped", "skip"), skipped),
    "unreachable": unreachable,
    "reachable": reachable,
    "timedout": timed_out,
    "started": started,
    "finished": finished,
}
