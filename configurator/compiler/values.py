"""Small values that the whole compiler shares."""

from __future__ import annotations

from typing import Any

_TRUE = frozenset({"yes", "true", "on", "1", "y", "t"})


def truthy(value: Any) -> bool:
    """Return Ansible's reading of a value as a boolean: the words yes, true, on and 1 are true."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return bool(value)


class _Omit:
    """The type of OMIT."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "omit"


OMIT = _Omit()  # a parameter whose value this is counts as not written


def without_omitted(value: Any) -> Any:
    """Return the value without the entries of lists and mappings that are OMIT."""
    if isinstance(value, dict):
        return {key: without_omitted(item) for key, item in value.items() if item is not OMIT}
    if isinstance(value, list):
        return [without_omitted(item) for item in value if item is not OMIT]
    return value
