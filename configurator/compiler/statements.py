"""`debug` and `assert` worked out for a host: what a variable is, and which condition does not hold.

Only what was written in a file is taken for an expression. A text that came out of a template may hold what a
host has said, and is a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configurator.compiler.scope import Scope
from configurator.compiler.templating import TemplatingError, is_template
from configurator.compiler.values import sendable
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark

_VALUES = 8  # of one condition: more would hide which of them matters


def expressions(module: str, args: LocatedMap) -> list[LocatedScalar]:
    """Return the parameters of a task that are expressions: `var` of debug, `that` of assert."""
    name = {"debug": "var", "assert": "that"}.get(module)
    value = args.get(name) if name is not None else None
    found = value.items if isinstance(value, LocatedList) else (value,)
    return [item for item in found if isinstance(item, LocatedScalar) and Mark.UNSAFE not in item.mark]


def debug(params: Mapping[str, Any], args: LocatedMap, scope: Scope) -> dict[str, Any]:
    """Return the parameters with the value of `var`; it is missing if the variable is not defined."""
    written = args.get("var")
    if params.get("var") is None or not isinstance(written, LocatedScalar):
        return dict(params)
    told = dict(params) | {"var": str(written.value).strip(), "_value": []}
    try:
        value = scope.expression(written)
    except TemplatingError as error:
        if not error.undefined:
            raise
        return told
    try:
        return told | {"_value": [sendable(value)]}
    except TypeError as error:
        raise TemplatingError(written.span.diagnostic(str(error), code="condition")) from None


def check_assertions(params: Mapping[str, Any], args: LocatedMap, scope: Scope) -> dict[str, Any]:
    """Return the parameters with the first condition that is false and the values in it, if there is one."""
    written = args.get("that")
    told = dict(params)
    conditions: list[Located] = list(written.items) if isinstance(written, LocatedList) else []
    if written is not None and not isinstance(written, LocatedList):
        conditions = [written]
    told["that"] = [str(condition.plain()).strip() for condition in conditions]
    for condition in conditions:
        if not holds(condition, scope):
            text = str(condition.plain()).strip()
            return told | {"_false": text, "_values": _values(text, condition, scope)}
    return told


def holds(condition: Located, scope: Scope) -> bool:
    """Return whether a condition of an assert holds; of a template that is a list, all of it."""
    if not isinstance(condition, LocatedScalar) or not isinstance(condition.value, str | bool | int):
        raise TemplatingError(
            condition.span.diagnostic("a condition must be an expression", code="condition")
        )
    value = scope.expression(condition)
    for item in value if isinstance(value, list) else ():
        if not isinstance(item, bool):
            message = f"{item!r} comes out of a template, and is not taken for a condition"
            raise TemplatingError(
                condition.span.diagnostic(message, "write the conditions as a list", code="condition")
            )
    return all(value) if isinstance(value, list) and value else scope.condition(condition)


def _values(text: str, condition: Located, scope: Scope) -> dict[str, Any]:
    """Return the values of what a condition is about, for people; what is not defined says so."""
    if is_template(text) or not isinstance(condition, LocatedScalar):
        return {}
    found: dict[str, Any] = {}
    for name, compiled in scope.engine.operands(text).items():
        if len(found) == _VALUES:
            break
        try:
            value = scope.engine.evaluate(compiled, scope, lambda *_: condition.span)
            found[name] = sendable(value)
        except TemplatingError:
            found[name] = "not defined"
        except TypeError:
            continue  # a function: its name says it all
    return found
