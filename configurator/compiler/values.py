"""Small values that the whole compiler shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TRUE = frozenset({"yes", "true", "on", "1", "y", "t"})
_FALSE = frozenset({"no", "false", "off", "0", "n", "f"})


@dataclass(frozen=True, slots=True)
class Ready:
    """A value that is final: a fact, a loop's item, something magic. Never taken for a template."""

    value: Any


def truthy(value: Any) -> bool:
    """Return Ansible's reading of a value as a boolean: the words yes, true, on and 1 are true."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return bool(value)


def is_boolean(value: Any) -> bool:
    """Return True if a keyword's value can be read as true or false."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE | _FALSE
    return isinstance(value, bool) or value in (0, 1)


def is_seconds(value: Any) -> bool:
    """Return True if a value can be read as a number of seconds."""
    if isinstance(value, bool):
        return False
    try:
        return 0 <= float(value) < float("inf")
    except (TypeError, ValueError):
        return False


class _Omit:
    """The type of OMIT."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "omit"


OMIT = _Omit()  # a parameter whose value this is counts as not written


def sendable(value: Any) -> Any:
    """Return a rendered value as JSON can carry it; TypeError if it is something else, such as a function."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {key: sendable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [sendable(item) for item in value]
    raise TypeError(f"a host cannot be sent a {type(value).__name__}")
