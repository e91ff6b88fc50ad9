"""The keywords of a task as values: who it runs as, what it may ignore, how long it may take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from configurator.compiler.compiled import Requirement
from configurator.compiler.inherited import Inherited
from configurator.compiler.scope import Scope
from configurator.compiler.tasknodes import TaskNode
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import OMIT, is_boolean, is_seconds, truthy
from configurator.config.located import LocatedScalar


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """How this host's agent runs: `elevated` if through sudo, `login` the user we log in as, if known."""

    elevated: bool = True
    login: str | None = None

    def of_task(self, node: TaskNode, here: Inherited) -> dict[str, Any]:
        """Return the fields of a TaskSpec that come from keywords."""
        scope = here.scope
        return {
            "become_user": self._user(here),
            "environment": self._environment(here),
            "no_log": bool(self._boolean(here.no_log, scope)),
            "ignore_errors": bool(self._boolean(here.ignore_errors, scope)),
            "ignore_unreachable": bool(self._boolean(here.ignore_unreachable, scope)),
            "check_mode": self._boolean(here.check_mode, scope),
            "critical": bool(self._boolean(here.critical, scope)),
            "guarded": bool(self._boolean(here.guarded, scope)),
            "fatal": bool(self._boolean(here.any_errors_fatal, scope)),
            "timeout_s": self._time_limit(node, here),
            "throttle": self.count("throttle", here.throttle, scope) or 0,
            "diff": self._boolean(here.diff, scope) is not False,
        }

    def as_root(self, here: Inherited) -> bool:
        """Return True if the task is certainly done by root of this host."""
        return (
            here.delegate_to is None and self._user(here) is None and (self.elevated or self.login == "root")
        )

    def explicit_user(self, here: Inherited) -> str | None:
        """Return the user that a task asks to be done as; on another host nothing else is known of it."""
        if not self._boolean(here.become, here.scope):
            return None
        user = None if here.become_user is None else here.scope.value(here.become_user)
        return None if user in (None, OMIT, "", "root") else str(user)

    def texts(self, items: Iterable[LocatedScalar], scope: Scope, *, commas: bool = True) -> list[str]:
        """Return rendered words; one may be a list, or with `commas` several words in one text."""
        found: list[str] = []
        for item in items:
            value = scope.value(item)
            for each in value if isinstance(value, list) else [value]:
                if each is not None and each is not OMIT:
                    found += [part.strip() for part in str(each).split(",")] if commas else [str(each)]
        return [text for text in found if text]

    def requirements(self, items: Iterable[Requirement], scope: Scope) -> tuple[Requirement, ...]:
        """Return requirements with their names rendered."""
        return tuple(
            replace(
                item,
                role=None if item.role is None else self._word(item.role, item, scope),
                task=None if item.task is None else self._word(item.task, item, scope),
            )
            for item in items
        )

    def _word(self, text: str, item: Requirement, scope: Scope) -> str:
        return str(scope.value(LocatedScalar(text, item.span)))

    def _user(self, here: Inherited) -> str | None:
        """Return the user that the agent has to change to for this task, or None if it is that user."""
        said = self._boolean(here.become, here.scope)
        become = said is not False  # tasks of `site:` run as root unless they say otherwise
        if become and not self.elevated:
            if here.become is None or said is None:
                return None
            message = "'become: true' on a host that is managed without sudo ('ansible_become' is false)"
            raise TemplatingError(here.become.span.diagnostic(message, code="wrong-value"))
        if become:
            user = None if here.become_user is None else here.scope.value(here.become_user)
            return None if user in (None, OMIT, "", "root") else str(user)
        if not self.elevated or self.login == "root":
            return None
        if self.login is None and here.become is not None:
            message = "'become: false' needs to know which user we log in as"
            raise TemplatingError(
                here.become.span.diagnostic(message, "set 'ansible_user' for this host", code="wrong-value")
            )
        return self.login

    def _boolean(self, item: LocatedScalar | None, scope: Scope) -> bool | None:
        if item is None:
            return None
        value = scope.value(item)
        if value is None or value is OMIT:
            return None
        if not is_boolean(value):
            raise TemplatingError(
                item.span.diagnostic(f"must be true or false, not {value!r}", code="wrong-type")
            )
        return truthy(value)

    def _time_limit(self, node: TaskNode, here: Inherited) -> float | None:
        """Return the seconds after which the task is stopped: `timeout`, else what `async` allows."""
        limit = self.seconds("timeout", here.timeout, here.scope)
        if limit is None and node.poll is not None and not self.seconds("poll", node.poll, here.scope):
            return None  # started and left to itself: `async` is no limit that anybody waits for
        return limit or self.seconds("async", node.asynchronous, here.scope) or None

    def seconds(self, name: str, item: LocatedScalar | None, scope: Scope) -> float | None:
        """Return a keyword's seconds, None if it says nothing."""
        if item is None:
            return None
        value = scope.value(item)
        if value is None or value is OMIT:
            return None
        if not is_seconds(value):
            message = f"{name!r} must be a number of seconds, not {value!r}"
            raise TemplatingError(item.span.diagnostic(message, code="wrong-value"))
        return float(value)

    def count(self, name: str, item: LocatedScalar | None, scope: Scope) -> int | None:
        """Return a keyword's whole number, None if it says nothing."""
        value = self.seconds(name, item, scope)
        if value is not None and item is not None and value != int(value):
            raise TemplatingError(
                item.span.diagnostic(f"{name!r} must be a whole number, not {value!r}", code="wrong-value")
            )
        return None if value is None else int(value)

    def boolean(self, item: LocatedScalar | None, scope: Scope) -> bool | None:
        """Return a keyword's truth, None if it says nothing."""
        return self._boolean(item, scope)

    def _environment(self, here: Inherited) -> dict[str, str]:
        merged: dict[str, str] = {}
        for layer in here.environment:
            value = here.scope.value(layer)
            if value is None or value == "":
                continue
            if not isinstance(value, dict):
                raise TemplatingError(
                    layer.span.diagnostic("'environment' must be a mapping", code="wrong-type")
                )
            merged |= {str(key): str(item) for key, item in value.items()}
        return merged
