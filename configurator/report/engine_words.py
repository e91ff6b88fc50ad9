"""How the engine's results and events are put into words, for every output that shows them."""

from __future__ import annotations

import math

from configurator.core.engine_events import TaskProgress
from configurator.core.status import Status
from configurator.core.task import TaskResult
from configurator.report.sanitize import one_line
from configurator.report.words import duration, shorten

_MAX_TEXT = 200


def error_text(error: BaseException) -> str:
    """Return `ValueError: no such file`; of an error that cannot be shown its type alone."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (somebody else's __str__ must not cost them their output)
        text = ""
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind


def failure_text(result: TaskResult) -> str:
    """Return why a task failed or timed out."""
    if result.status is Status.TIMEOUT:
        return f"timeout after {duration(result.execution_time)}"
    return str(result.status) if result.error is None else error_text(result.error)


def idle_text(result: TaskResult) -> str:
    """Return why a task was skipped or cancelled: `requirement_failed: build`."""
    why = str(result.reason or result.status)
    return f"{why}: {result.cause}" if result.cause else why


def progress_text(event: TaskProgress) -> str:
    """Return how far a task says it is, `40 % (2/5) unpacking`, on one line."""
    total = event.total
    if total is None:
        amount = f"{event.done:g}"
    elif total > 0 and math.isfinite(100 * (event.done / total)):
        amount = f"{round(100 * (event.done / total))} % ({event.done:g}/{total:g})"
    else:
        amount = f"{event.done:g}/{total:g}"
    return f"{amount} {short(event.message)}".rstrip()


def full_name(name: str, group: str | None) -> str:
    """Return `group: task` on one line, or the task alone where it has no group."""
    return short(f"{group}: {name}" if group else name)


def short(text: str) -> str:
    """Return a text of somebody else's as one short line that no terminal obeys."""
    return shorten(one_line(text), _MAX_TEXT)
