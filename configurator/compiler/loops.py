"""What a task is repeated for: the items of its loop, their variables, and what to call each round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.compiler.conditions import first_false
from configurator.compiler.inherited import Inherited
from configurator.compiler.late import LateValueError
from configurator.compiler.loopkinds import loop_items
from configurator.compiler.results import NO_ITEMS
from configurator.compiler.scope import Scope
from configurator.compiler.taskmaker import short
from configurator.compiler.tasknodes import Loop
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import truthy
from configurator.config.located import Located, LocatedList

_LABEL_KEYS = ("name", "key", "path", "dest")  # what tells mappings apart, for want of a declared label


@dataclass(frozen=True, slots=True)
class Item:
    """One round of a loop: the scope with its item, and the label that tells it from the others."""

    scope: Scope
    label: str | None = None
    names: dict[str, Any] | None = None


def loop_rounds(loop: Loop | None, here: Inherited, module: str) -> list[Item] | str:
    """Return the rounds of a loop (one without a loop) of a task that uses `module`, or why there are none.

    A condition that is false without the items settles it, so it can guard a loop over something undefined,
    as in Ansible, or over what is not known yet.
    """
    scope = here.scope
    if loop is None:
        return [Item(scope)]
    try:
        values = _loop_values(loop, scope, module)
    except (TemplatingError, LateValueError) as error:
        if isinstance(error, TemplatingError) and not error.undefined:
            raise
        try:
            skipped = first_false(here.when, scope)
        except TemplatingError:
            skipped = None
        except LateValueError:
            if isinstance(error, TemplatingError):
                raise  # it may turn out to guard what is undefined
            skipped = None
        if skipped is None:
            raise error from None
        return skipped
    items = []
    for number, value in enumerate(values):
        names = _loop_names(loop, scope, values, number)
        inner = scope.child(loops=names)
        items.append(Item(inner, _loop_label(loop, inner, value, number), names))
    return items or NO_ITEMS


def _loop_values(loop: Loop, scope: Scope, module: str) -> list[Any]:
    """Return the items of a loop of a task that uses `module`; TemplatingError says what cannot be one."""
    kind, items = loop.kind, loop.items
    value = _terms(items, scope) if kind == "with_first_found" else scope.value(items)
    if kind != "loop":
        return loop_items(kind.removeprefix("with_"), value, scope, items.span, module=module)
    if not isinstance(value, list):
        hint = "use 'dict2items' to loop over a mapping" if isinstance(value, Mapping) else None
        raise TemplatingError(
            loop.items.span.diagnostic(f"'loop' wants a list, not {value!r}", hint, code="loop")
        )
    return value


def _terms(items: Located, scope: Scope) -> Any:
    """Return the terms of a first_found; as in Ansible one that is not defined is left out."""
    if not isinstance(items, LocatedList):
        return scope.value(items)
    found = []
    for item in items:
        try:
            found.append(scope.value(item))
        except TemplatingError as error:
            if not error.undefined:
                raise
    return found


def _loop_names(loop: Loop, scope: Scope, values: Sequence[Any], number: int) -> dict[str, Any]:
    """Return the variables of one round."""
    names: dict[str, Any] = {loop.var: values[number], "ansible_loop_var": loop.var}
    if loop.index_var:
        names |= {loop.index_var: number, "ansible_index_var": loop.index_var}
    if loop.extended is not None and truthy(scope.value(loop.extended)):
        last = len(values) - 1
        names["ansible_loop"] = {
            "allitems": list(values),
            "index": number + 1,
            "index0": number,
            "revindex": len(values) - number,
            "revindex0": last - number,
            "first": number == 0,
            "last": number == last,
            "length": len(values),
            **({"previtem": values[number - 1]} if number else {}),
            **({"nextitem": values[number + 1]} if number < last else {}),
        }
    return names


def _loop_label(loop: Loop, scope: Scope, value: Any, number: int) -> str:
    """Return what tells a round from the others, for people."""
    if loop.label is not None:
        value = scope.value(loop.label)
    if isinstance(value, dict):
        value = next((value[key] for key in _LABEL_KEYS if key in value), number + 1)
    return short(str(value) if isinstance(value, str | int | float) else str(number + 1))
