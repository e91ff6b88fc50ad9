"""The tests (`x is match('...')`) that roles use besides Jinja's own; names and meanings are Ansible's."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from configurator.compiler.values import truthy


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def match(value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    """Return True if the text begins with the pattern."""
    return re.match(pattern, str(value), _flags(ignorecase, multiline)) is not None


def search(value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    """Return True if the pattern is found anywhere in the text."""
    return re.search(pattern, str(value), _flags(ignorecase, multiline)) is not None


def regex(
    value: Any,
    pattern: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    match_type: str = "search",
) -> bool:
    """Return True if the text meets the pattern in the way that `match_type` names."""
    if match_type not in ("search", "match", "fullmatch"):
        raise ValueError(f"match_type must be search, match or fullmatch, not {match_type!r}")
    how = getattr(re.compile(pattern, _flags(ignorecase, multiline)), match_type)
    return how(str(value)) is not None


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
}


def version(value: Any, other: Any, operator: str = "eq", **_options: Any) -> bool:
    """Return True if two versions compare so, number by number: 1.10 is later than 1.9."""
    if operator not in _OPERATORS:
        raise ValueError(f"unknown comparison {operator!r}: use one of {', '.join(_OPERATORS)}")
    if not str(value) or not str(other):
        raise ValueError("a version to compare is empty")
    left, right = _parts(value), _parts(other)
    missing = len(left) - len(right)
    left += [_ZERO] * -missing
    right += [_ZERO] * missing
    return _OPERATORS[operator](left, right)


_ZERO = (1, 0, "")  # what a version that says less has there: 1 is 1.0, and 1.0rc1 comes before it


def _parts(value: Any) -> list[tuple[int, int, str]]:
    """Return the numbers and words of a version in comparable form: any word comes before any number."""
    return [
        (1, int(part), "") if part.isdigit() else (0, 0, part)
        for part in re.findall(r"[0-9]+|[A-Za-z]+", str(value))
    ]


def contains(value: Any, item: Any) -> bool:
    """Return True if the list or text contains the item."""
    return item in value


def subset(value: Any, other: Any) -> bool:
    """Return True if every item of the list is in the other."""
    return all(item in other for item in value)


def superset(value: Any, other: Any) -> bool:
    """Return True if every item of the other list is in this one."""
    return all(item in value for item in other)


TESTS: dict[str, Callable[..., bool]] = {
    "match": match,
    "search": search,
    "regex": regex,
    "version": version,
    "version_compare": version,
    "contains": contains,
    "subset": subset,
    "issubset": subset,
    "superset": superset,
    "issuperset": superset,
    "truthy": lambda value, convert_bool=False: truthy(value) if convert_bool else bool(value),
    "falsy": lambda value, convert_bool=False: not (truthy(value) if convert_bool else bool(value)),
}
