"""`changed_when`, `failed_when` and `until`: decided now where they can be, else when the task has ended."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.compiler.results import LateUnknownError, PartlyKnown, Results, as_registered
from configurator.compiler.scope import Scope
from configurator.compiler.tasknodes import TaskNode, Verdict
from configurator.compiler.tasksettings import TaskSettings
from configurator.config.located import LocatedScalar

_RETRIES = 3  # Ansible's default with `until`; a number that is written comes on top of the first attempt
_DELAY_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A task whose own result decides how it has ended: the conditions, and the variables for them."""

    verdict: Verdict
    scope: Scope
    register: str | None

    def judge(self, raw: Mapping[str, Any], results: Results) -> dict[str, Any]:
        """Return what is to be said of the task: `changed`, `failed` with the condition, `again`, `unknown`.

        TemplatingError if a condition cannot be evaluated.
        """
        value = as_registered(raw)
        scope = self.scope.settled(results, self.scope.facts.copy())
        if self.register is not None:
            scope = scope.child(loops={self.register: value})
        answer: dict[str, Any] = {}
        try:
            if self.verdict.changed_when is not None:
                answer["changed"] = not _unmet(self.verdict.changed_when, scope)
            if self.verdict.failed_when is not None:
                failed = not _unmet(self.verdict.failed_when, scope)
                answer["failed"] = failed
                if failed:
                    answer["because"] = _text(self.verdict.failed_when)
            if self.verdict.until:
                if isinstance(value, PartlyKnown):
                    return answer
                shown = {**value, **({"failed": answer["failed"]} if "failed" in answer else {})}
                if self.register is not None:
                    scope = scope.child(loops={self.register: shown})
                unmet = _unmet(self.verdict.until, scope)
                if unmet is not None:
                    answer["again"] = unmet
        except LateUnknownError as unknown:
            answer["unknown"] = unknown.because
        return answer


def verdict(node: TaskNode, scope: Scope, settings: TaskSettings) -> tuple[dict[str, Any], Judged | None]:
    """Return the fields of a TaskSpec that say how the task has ended, and what is to be judged later."""
    written = node.verdict
    fields: dict[str, Any] = {}
    if written.until or written.retries is not None:
        retries = settings.count("retries", written.retries, scope)
        fields["attempts"] = _RETRIES if retries is None else max(1, retries + 1)
        delay = settings.seconds("delay", written.delay, scope)
        fields["delay_s"] = _DELAY_S if delay is None else delay
    later = bool(written.until)
    for name, conditions in (("changed_when", written.changed_when), ("failed_when", written.failed_when)):
        if conditions is None:
            continue
        if _speak_of(conditions, node.register):
            later = True
        else:
            fields[name] = _unmet(conditions, scope) is None
    if not later:
        return fields, None
    fields["judged"] = True
    constant = Verdict(
        changed_when=None if "changed_when" in fields else written.changed_when,
        failed_when=None if "failed_when" in fields else written.failed_when,
        until=written.until,
    )
    return fields, Judged(constant, scope.frozen(), node.register)


def _speak_of(conditions: Sequence[LocatedScalar], name: str | None) -> bool:
    if name is None:
        return False
    pattern = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    return any(pattern.search(str(condition.value)) for condition in conditions)


def _unmet(conditions: Sequence[LocatedScalar], scope: Scope) -> str | None:
    """Return the first condition that does not hold."""
    for condition in conditions:
        if not scope.condition(condition):
            return str(condition.value).strip()
    return None


def _text(conditions: Sequence[LocatedScalar]) -> str:
    return " and ".join(str(condition.value).strip() for condition in conditions)
