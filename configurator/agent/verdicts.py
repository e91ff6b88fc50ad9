"""How a task has ended, where its role has a say in it: `changed_when`, `failed_when`, `until`, `register`.

The controller evaluates the conditions, since it has the variables; the agent tells it the result and does as
it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.agent.work import Done, never_changes
from configurator.core.cancel import CancelToken
from configurator.core.changes import Certainty, FieldChange
from configurator.core.errors import TaskError
from configurator.core.retry import RetryPolicy
from configurator.core.task import TaskContext

Ask = Callable[[Mapping[str, Any], float | None, CancelToken], Mapping[str, Any] | None]
Tell = Callable[[Mapping[str, Any]], None]

# Modules that do what they are told each time, and say by their status whether it went well.
COMMANDS = frozenset({"command", "raw", "script", "shell"})
_MAY_FAIL = ("assert", "fail")  # which is all that there is to know of them


class TryAgainError(TaskError):
    """The task is to be tried once more, after its delay."""


def retry_policy(spec: TaskSpec) -> RetryPolicy | None:
    """Return how the engine tries a task again; None if it does not."""
    if spec.attempts < 2:
        return None
    longest = max(spec.delay_s, 0.001)
    return RetryPolicy(spec.attempts, spec.delay_s, 1.0, longest, 0.0, (TryAgainError,))


class Verdicts:
    """Decides how tasks have ended, and tells the controller what they have found out.

    In a plan nothing is tried again, and what cannot be judged yet is unknown.
    """

    def __init__(self, ask: Ask, tell: Tell, *, planning: bool = False) -> None:
        self._ask = ask
        self._send = tell
        self._planning = planning

    @staticmethod
    def concerns(spec: TaskSpec) -> bool:
        """Return True if a task's end is for more than its module to decide."""
        decided = spec.changed_when is not None or spec.failed_when is not None
        return decided or spec.judged or spec.attempts > 1

    def about(self, spec: TaskSpec, context: TaskContext, do: Callable[[], Done]) -> Done:
        """Do a task and return how it has ended; TaskError if it has failed in the end."""
        if not self.concerns(spec):
            return self._plainly(spec, do)
        failure: TaskError | None = None
        try:
            done = do()
        except TaskError as error:
            failure, done = error, Done(_ran(spec, error), error.outputs)
        answer = self._judged(spec, context, done, failure)
        failed = spec.failed_when if spec.failed_when is not None else answer.get("failed")
        if failed is not None:
            done = replace(done, outputs={**done.outputs, "failed_when_result": failed})
        unmet = answer.get("again")
        if unmet is None and failure is not None and failed is None and not spec.judged:
            unmet = failure.message  # `retries` alone
        if unmet is not None and not self._planning and context.attempt < spec.attempts:
            raise TryAgainError(f"{unmet} (attempt {context.attempt} of {spec.attempts})")
        if answer.get("again") is not None and failure is None and failed is not True:
            failure = TaskError(f"after {context.attempt} attempts it still does not hold: {unmet}")
            failed = None
        elif failure is not None and unmet is not None and context.attempt > 1:
            failure.message = f"{failure.message} (the last of {context.attempt} attempts)"
        done = self._changed(spec, done, answer)
        if failed is True:
            said = answer.get("because") or "failed_when"
            failure = failure or TaskError(f"failed_when: {said}", output=_output(done))
        elif failed is False:
            failure = None
        if failure is not None:
            failure.outputs = {**done.outputs, **failure.outputs}
        self._tell(spec, done, failure, context.attempt)
        if failure is not None:
            raise failure
        return done

    def told(self, spec: TaskSpec, done: Done) -> None:
        """Tell what a task of a batch has found out."""
        self._tell(spec, done, None, 1)

    def _plainly(self, spec: TaskSpec, do: Callable[[], Done]) -> Done:
        try:
            done = do()
        except TaskError as error:
            self._tell(spec, Done(_ran(spec, error), error.outputs), error, 1)
            raise
        self._tell(spec, done, None, 1)
        return done

    def _judged(
        self, spec: TaskSpec, context: TaskContext, done: Done, failure: TaskError | None
    ) -> Mapping[str, Any]:
        if not spec.judged:
            return {}
        result = self._result(spec, done, failure, context.attempt)
        question = {"type": "judge", "task_id": spec.id, "result": result}
        answer = self._ask(question, None, context.token)
        context.token.raise_if_cancelled()
        if answer is None:
            raise TaskError("the controller does not say how the task has ended")
        if answer.get("error"):
            raise TaskError(str(answer["error"]))
        return answer

    def _changed(self, spec: TaskSpec, done: Done, answer: Mapping[str, Any]) -> Done:
        """Return the task as changed or not, as its role has it."""
        if answer.get("unknown") and self._planning:
            return replace(done, changes=(unknown_change(spec, str(answer["unknown"])),), exact=False)
        changed = spec.changed_when if spec.changed_when is not None else answer.get("changed")
        if changed is None or changed == done.changed:
            return done
        if not changed:
            return replace(done, changes=(), unknown=self._untold(spec, done))
        return replace(done, changes=(FieldChange(f"task:{spec.name}", "changed_when", False, True),))

    def _untold(self, spec: TaskSpec, done: Done) -> str | None:
        """Return why a plan does not know what a task returns that is not to count as changed."""
        if done.unknown is None and done.changes and self._planning and spec.check_mode is not False:
            unknown = [change.because for change in done.changes if change.certainty is Certainty.UNKNOWN]
            return (unknown[0] if unknown else None) or f"{spec.name!r} has not run yet"
        return done.unknown

    def _tell(self, spec: TaskSpec, done: Done, failure: TaskError | None, attempt: int) -> None:
        if spec.tell:
            result = self._result(spec, done, failure, attempt)
            self._send({"type": "result", "task_id": spec.id, "result": result})

    def _result(self, spec: TaskSpec, done: Done, failure: TaskError | None, attempt: int) -> dict[str, Any]:
        """Return what the controller makes a registered variable of."""
        result: dict[str, Any] = {"changed": done.changed, "failed": failure is not None}
        result["outputs"] = dict(done.outputs)
        if spec.attempts > 1:
            result["attempts"] = attempt
        if failure is not None:
            result |= {"message": failure.message, "outputs": {**done.outputs, **failure.outputs}}
            return result
        if self._planning and spec.check_mode is not False:
            self._foreseen(result, spec, done)
            if "unknown" in result:
                result.pop("attempts", None)  # it has not been tried
        return result

    @staticmethod
    def _foreseen(result: dict[str, Any], spec: TaskSpec, done: Done) -> None:
        """Say what of a result a plan knows."""
        unknown = [change for change in done.changes if change.certainty is Certainty.UNKNOWN]
        if done.unknown is not None:
            result["unknown"] = done.unknown
        elif unknown:
            result |= {"changed": None, "unknown": unknown[0].because or f"{spec.name!r} comes first"}
        elif done.changes:
            result["unknown"] = f"{spec.name!r} has not run yet"
        assumed = [change for change in done.changes if change.certainty is Certainty.ASSUMED]
        if assumed:
            result["doubt"] = assumed[0].because or f"{spec.name!r} is assumed"
        elif not done.exact and not unknown:
            result["doubt"] = f"what {spec.name!r} finds is assumed"


def _ran(spec: TaskSpec, error: TaskError) -> tuple[FieldChange, ...]:
    """Return what a task that failed has done all the same: a command that ran counts as a change."""
    ran = spec.module in COMMANDS and error.outputs.get("rc") == error.exit_status is not None
    return (FieldChange(f"command:{spec.name}", "run", None, True),) if ran else ()


def unforeseen(spec: TaskSpec, because: str) -> Done:
    """Return how a plan has a task end of which nobody can know yet what it would do.

    One that never changes anything is ok all the same: nobody knows what it returns.
    """
    if never_changes(spec.module) and spec.module not in _MAY_FAIL and spec.changed_when is None:
        return Done(exact=False, unknown=because)
    return Done((unknown_change(spec, because),), exact=False)


def unknown_change(spec: TaskSpec, because: str) -> FieldChange:
    """Return the record of a task of which a plan cannot know what it would do."""
    return FieldChange(f"task:{spec.name}", "state", None, None, Certainty.UNKNOWN, because)


def _output(done: Done) -> str:
    parts = (str(done.outputs.get(name) or "").rstrip() for name in ("stdout", "stderr"))
    return "\n".join(part for part in parts if part)
