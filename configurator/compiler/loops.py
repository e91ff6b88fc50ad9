"""What a task is repeated for: the items of its loop, their variables, and what to call each round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configurator.compiler.roles import Role
from configurator.compiler.scope import Scope
from configurator.compiler.taskmaker import short
from configurator.compiler.tasknodes import Loop
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import truthy

_LABEL_KEYS = ("name", "key", "path", "dest")  # what tells mappings apart, for want of a declared label


def loop_values(loop: Loop, scope: Scope, role: Role, root: str) -> list[Any]:
    """Return the items of a loop; TemplatingError if what is looped over is no list."""
    del role, root
    value = scope.value(loop.items)
    if loop.kind == "with_dict":
        if not isinstance(value, Mapping):
            raise TemplatingError(loop.items.span.diagnostic("'with_dict' wants a mapping", code="loop"))
        return [{"key": key, "value": item} for key, item in value.items()]
    if loop.kind == "with_items":
        if not isinstance(value, list):
            return [value] if value is not None else []
        return [inner for item in value for inner in (item if isinstance(item, list) else [item])]
    if not isinstance(value, list):
        hint = "use 'dict2items' to loop over a mapping" if isinstance(value, Mapping) else None
        raise TemplatingError(
            loop.items.span.diagnostic(f"'loop' wants a list, not {value!r}", hint, code="loop")
        )
    return value


def loop_names(loop: Loop, scope: Scope, values: Sequence[Any], number: int) -> dict[str, Any]:
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


def loop_label(loop: Loop, scope: Scope, value: Any, number: int) -> str:
    """Return what tells a round from the others, for people."""
    if loop.label is not None:
        value = scope.value(loop.label)
    if isinstance(value, dict):
        value = next((value[key] for key in _LABEL_KEYS if key in value), number + 1)
    return short(str(value) if isinstance(value, str | int | float) else str(number + 1))
