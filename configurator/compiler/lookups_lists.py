"""Lookups that make lists of lists, as the `with_` loops want them."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from configurator.compiler.filters_lists import flatten, subelements
from configurator.compiler.lookups_values import flat, only
from configurator.compiler.surroundings import Surroundings
from configurator.compiler.values import truthy

_MOST = 1_000_000  # items of a sequence: more is a slip
_SHORT = re.compile(
    r"(?:(?P<start>-?(?:0x[0-9a-f]+|0[0-7]+|\d+))-)?(?P<end>-?(?:0x[0-9a-f]+|\d+))"
    r"(?:/(?P<stride>-?(?:0x[0-9a-f]+|\d+)))?(?::(?P<format>.+))?",
    re.ASCII | re.IGNORECASE,
)


def items(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """The items, of lists among them the items: one level is flattened."""
    only(options)
    return flat(terms)


def as_list(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """The items as they are."""
    only(options)
    return list(terms)


def flattened(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """The items, of lists among them the items, to any depth."""
    only(options)
    return flatten(list(terms), skip_nulls=False)


def indexed_items(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Each item with its number, from 0."""
    only(options)
    return [[number, item] for number, item in enumerate(flat(terms))]


def dictionary(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """The entries of mappings, each with `key` and `value`."""
    only(options)
    for term in terms:
        if not isinstance(term, Mapping):
            raise TypeError(f"a mapping is wanted, not {term!r}")
    return [{"key": key, "value": value} for term in terms for key, value in term.items()]


def nested(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Every item of a list with every one of the others."""
    only(options)
    made = _combined(terms)
    # Ansible flattens here once with each list that is added, and once at the end.
    return [flat(each) for each in made] if len(terms) > 1 else made


def cartesian(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Every item of a list with every one of the others."""
    only(options)
    return _combined(terms)


def _combined(terms: Sequence[Any]) -> list[Any]:
    if not terms:
        raise ValueError("there must be at least one list")
    made = list(itertools.islice(itertools.product(*map(_listed, terms)), _MOST + 1))
    if len(made) > _MOST:
        raise ValueError(f"there are more than {_MOST:,} combinations")
    return [flat(each) for each in made]


def together(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """The first items of the lists, then the second ones, and so on; null for what is missing."""
    only(options)
    if not terms:
        raise ValueError("there must be at least one list")
    return [flat(each) for each in itertools.zip_longest(*map(_listed, terms), fillvalue=None)]


def _listed(term: Any) -> Iterable[Any]:
    return term if isinstance(term, list | tuple | Mapping) or hasattr(term, "__next__") else (term,)


def with_subelements(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Each item with each one of the list that it has under a key."""
    only(options, "skip_missing")
    if not 2 <= len(terms) <= 3 or not isinstance(terms[1], str):
        raise TypeError("a list, the name of a key, and perhaps options are wanted")
    if len(terms) == 3 and not isinstance(terms[2], Mapping):
        raise TypeError(f"the options are a mapping such as skip_missing: true, not {terms[2]!r}")
    given = options | dict(terms[2] if len(terms) == 3 else {})
    only(given, "skip_missing")
    values = terms[0].values() if isinstance(terms[0], Mapping) else _listed(terms[0])
    kept = [item for item in values if not (isinstance(item, Mapping) and truthy(item.get("skipped", False)))]
    made = subelements(kept, terms[1], truthy(given.get("skip_missing", False)))
    return [[_without(item, terms[1].split(".")), each] for item, each in made]


def _without(item: Mapping[Any, Any], path: Sequence[str]) -> dict[Any, Any]:
    """Return the item without the list that is gone through: each of its rounds would carry all of it."""
    first, *rest = path
    found = dict(item)
    if rest:
        found[first] = _without(item[first], rest)
    else:
        found.pop(first, None)
    return found


def random_choice(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """One of the items, by chance."""
    only(options)
    return [random.SystemRandom().choice(terms)] if terms else []


# -- sequences ------------------------------------------------------------------------------------------


def sequence(_around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """Numbers as texts: `start=1 end=9 stride=2 format=web%02d`, `count=4` or in short `1-9/2:web%02d`."""
    only(options, "start", "end", "count", "stride", "format")
    given: list[Mapping[str, Any]] = [_written(str(term)) | options for term in flat(terms)] or [options]
    return [text for wish in given for text in _sequence(wish)]


def _written(text: str) -> dict[str, Any]:
    short = _SHORT.fullmatch(text.strip())
    if short is not None:
        return {name: value for name, value in short.groupdict().items() if value is not None}
    found: dict[str, Any] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{text!r} is not a sequence such as 'start=1 end=9' or '1-9'")
        found[name] = value
    only(found, "start", "end", "count", "stride", "format")
    return found


def _sequence(wish: Mapping[str, Any]) -> list[str]:
    start, stride = _number(wish, "start", 1), _number(wish, "stride", 1)
    if ("count" in wish) == ("end" in wish):
        raise ValueError("either `end` or `count` must be given")
    if "count" in wish:
        count = _number(wish, "count", 0)
        numbers: range = range(start, start + count * stride, stride) if count and stride else range(0)
    else:
        end = _number(wish, "end", 0)
        if stride > 0 and end < start:
            raise ValueError("to count downwards the stride must be negative")
        if stride < 0 and end > start:
            raise ValueError("to count upwards the stride must be positive")
        numbers = range(start, end + (1 if stride > 0 else -1), stride) if stride else range(0)
    if len(numbers) > _MOST:
        raise ValueError(f"a sequence of {len(numbers):,} numbers is too long")
    form = str(wish.get("format", "%d"))
    try:
        return [form % number for number in numbers]
    except (TypeError, ValueError):
        raise ValueError(f"the format {form!r} is not one such as 'web%02d'") from None


def _number(wish: Mapping[str, Any], name: str, default: int) -> int:
    value = wish.get(name, default)
    try:
        text = str(value).lower()
        octal = re.fullmatch(r"-?0[0-7]+", text) is not None
        return int(text, 8) if octal else int(text, 0)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {value!r}") from None


LOOKUPS: dict[str, Callable[[Surroundings, Sequence[Any], dict[str, Any]], list[Any]]] = {
    "items": items,
    "list": as_list,
    "flattened": flattened,
    "indexed_items": indexed_items,
    "dict": dictionary,
    "nested": nested,
    "cartesian": cartesian,
    "together": together,
    "subelements": with_subelements,
    "random_choice": random_choice,
    "sequence": sequence,
}
