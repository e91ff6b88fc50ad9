"""What an agent tells of a task that has ended, as the event that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.core.changes import FieldChange
from configurator.core.run_events import TaskFinished
from configurator.core.status import Outcome, SkipReason


def finished(
    host: str,
    spec: TaskSpec,
    specs: Mapping[str, TaskSpec],
    message: Mapping[str, Any],
    origin: float,
    before: float | None = None,
) -> TaskFinished:
    """Return the event of a task's end; names come from our own graph, never from the host.

    `specs` are all tasks of the host by id, `origin` is when the agent's clock began, and `before` when the
    task had begun under an agent that is gone.
    """
    at, began = (origin + float(message[name]) for name in ("at_s", "started_s"))
    cause = message.get("cause")
    blamed = specs.get(str(cause).removesuffix(" failed"))  # what cancels says of whom
    reason = message.get("reason")
    status = message.get("exit_status")
    rescued = bool(message.get("rescued"))
    return TaskFinished(
        host=host,
        at_s=at,
        task_id=spec.id,
        role=spec.role,
        task=spec.name,
        module=spec.module,
        status=Outcome(message["status"]),
        started_s=began if before is None else min(began, before),
        duration_s=max(float(message["duration_s"]), 0.0 if before is None else at - before),
        handler=spec.handler,
        reason=SkipReason(reason) if reason else None,
        cause=f"{blamed.role}: {blamed.name}" if blamed else (str(cause) if cause else None),
        changes=tuple(FieldChange.from_json(change) for change in message.get("changes", ())),
        message=_text(message.get("message")),
        command=tuple(str(word) for word in message.get("command", ())),
        exit_status=status if isinstance(status, int) else None,
        output=str(message.get("output", "")),
        hint=_text(message.get("hint")),
        warnings=tuple(str(line) for line in message.get("warnings", ())),
        ignored=bool(message.get("ignored")) or rescued,
        position=spec.position,
        outputs=outputs if isinstance(outputs := message.get("outputs"), dict) else {},
        says=str(message.get("says", "")),
        rescued=rescued,
        unknown=_text(message.get("unknown")),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
