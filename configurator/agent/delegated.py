"""A task that another host does for this one: asked of the controller, which has it done there."""

from __future__ import annotations

from configurator.agent.protocol import TaskSpec
from configurator.agent.verdicts import Ask
from configurator.agent.work import Done
from configurator.core.changes import FieldChange
from configurator.core.errors import TaskError
from configurator.core.status import Outcome
from configurator.core.task import TaskContext

_GOOD = frozenset({Outcome.OK, Outcome.CHANGED})


def delegated(ask: Ask, spec: TaskSpec, context: TaskContext) -> Done:
    """Return what the other host did; TaskError if it failed there, or could not be had."""
    answer = ask({"type": "delegate", "task_id": spec.id}, None, context.token)
    context.token.raise_if_cancelled()
    if answer is None:
        raise TaskError("the controller does not have the task done")
    if answer.get("error"):
        raise TaskError(str(answer["error"]), hint=answer.get("hint"))
    ended, result = answer.get("ended") or {}, answer.get("result") or {}
    outputs = result.get("outputs") or ended.get("outputs") or {}
    if ended.get("status") not in _GOOD:
        raise TaskError(
            f"on {spec.delegate_to}: {ended.get('message') or ended.get('status')}",
            command=ended.get("command", ()),
            exit_status=ended.get("exit_status"),
            output=ended.get("output", ""),
            hint=ended.get("hint"),
            outputs=outputs,
        )
    changes = tuple(FieldChange.from_json(change) for change in ended.get("changes", ()))
    warnings = tuple(str(line) for line in ended.get("warnings", ()))
    exact, says = not result.get("doubt"), str(ended.get("says", ""))
    unknown = ended.get("unknown")
    return Done(changes, outputs, warnings, exact, says, None if unknown is None else str(unknown))
