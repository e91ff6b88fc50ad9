"""Changing every text inside an event, wherever it stands: in tuples, mappings and nested values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")
Leaf = str | int | float

# A host's facts are data from a stranger: without a bound, a value nested a thousand deep would end the
# thread that writes the output with a RecursionError.
_MAX_DEPTH = 64
_TOO_DEEP = "(nested too deeply)"


def map_leaves(value: T, change: Callable[[Leaf], Any]) -> T:
    """Return `value` with `change` applied to every text and number in it.

    What `change` leaves alone stays the same object, up to the whole.

    Looks into dataclasses, mappings (keys too), lists, tuples and sets. Members of enums and booleans are
    words of our own and are left alone.
    """
    mapped: T = _map(value, change, 0)
    return mapped


def _map(value: Any, change: Callable[[Leaf], Any], depth: int) -> Any:
    if value is None or isinstance(value, (bool, Enum)):
        return value
    if isinstance(value, (str, int, float)):
        return change(value)
    if depth >= _MAX_DEPTH:
        return _TOO_DEEP
    for kinds, visit in _VISITORS:
        if isinstance(value, kinds):
            return visit(value, change, depth + 1)
    return _fields(value, change, depth + 1) if is_dataclass(value) else value


def _mapping(value: Mapping[Any, Any], change: Callable[[Leaf], Any], depth: int) -> Mapping[Any, Any]:
    changed: dict[Any, Any] = {}
    same = True
    for key, item in value.items():
        new_key, new_item = _map(key, change, depth), _map(item, change, depth)
        same = same and new_key is key and new_item is item
        changed[new_key] = new_item
    return value if same else changed


def _items(value: Any, change: Callable[[Leaf], Any], depth: int) -> Any:
    changed = [_map(item, change, depth) for item in value]
    if all(new is old for new, old in zip(changed, value, strict=True)):
        return value
    return type(value)(changed)


def _fields(value: Any, change: Callable[[Leaf], Any], depth: int) -> Any:
    updates: dict[str, Any] = {}
    for item in fields(value):
        old = getattr(value, item.name)
        new = _map(old, change, depth)
        if new is not old:
            updates[item.name] = new
    return replace(value, **updates) if updates else value


_VISITORS: tuple[tuple[Any, Callable[..., Any]], ...] = (
    (Mapping, _mapping),
    ((list, tuple, set, frozenset), _items),
)
