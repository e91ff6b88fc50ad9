"""Filters for lists: sets, combinations of items, and what is inside items."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import Undefined, pass_environment
from jinja2.environment import Environment
from jinja2.filters import make_attrgetter

_MOST = 1_000_000  # combinations: more is a slip
_NULLS = (None, "None", "null")


def items_of(value: Any, who: str, *, keys: bool = False) -> list[Any]:
    """Return the items of a list or of anything like it; TypeError if the value is one thing.

    With `keys` a mapping counts as the list of its keys.
    """
    if isinstance(value, Undefined):
        str(value)
    if (isinstance(value, Mapping) and not keys) or not isinstance(value, Iterable):
        raise TypeError(f"{who} wants a list, not {value!r}")
    return list(value)


def flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    """The items of lists inside the list in their place, `levels` deep (all); nulls are left out."""
    found: list[Any] = []
    for item in items_of(value, "flatten", keys=True):
        if isinstance(item, Undefined):
            str(item)
        if isinstance(item, list | tuple) and (levels is None or levels > 0):
            found += flatten(item, None if levels is None else levels - 1, skip_nulls)
        elif not (skip_nulls and isinstance(item, str | None) and item in _NULLS):
            found.append(item)
    return found


# -- sets: the order of the first list is kept ----------------------------------------------------------


class _Seen:
    """Items met so far; equal ones are found fast if they can be hashed."""

    __slots__ = ("_hashed", "_listed")

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._hashed: set[Any] = set()
        self._listed: list[Any] = []
        for item in items:
            self.add(item)

    def add(self, item: Any) -> None:
        try:
            self._hashed.add(item)
        except TypeError:
            self._listed.append(item)

    def __contains__(self, item: Any) -> bool:
        try:
            return item in self._hashed or item in self._listed
        except TypeError:
            return item in self._listed


def _first_of_equals(items: Iterable[Any], mark: Callable[[Any], Any] = lambda item: item) -> list[Any]:
    found: list[Any] = []
    seen = _Seen()
    for item in items:
        key = mark(item)
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found


@pass_environment
def unique(
    environment: Environment, value: Any, case_sensitive: bool | None = None, attribute: Any = None
) -> list[Any]:
    """The list without repetitions; letters' case counts only if `case_sensitive` is true."""
    of_item = make_attrgetter(environment, attribute) if attribute is not None else lambda item: item

    def mark(item: Any) -> Any:
        key = of_item(item)
        if isinstance(key, Undefined):
            str(key)
        return key.lower() if not case_sensitive and isinstance(key, str) else key

    return _first_of_equals(items_of(value, "unique", keys=True), mark)


def union(left: Any, right: Any) -> list[Any]:
    """What is in one of the two lists, each once."""
    return _first_of_equals([*items_of(left, "union"), *items_of(right, "union")])


def intersect(left: Any, right: Any) -> list[Any]:
    """What is in both lists, each once."""
    wanted = _Seen(items_of(right, "intersect", keys=True))
    return _first_of_equals(item for item in items_of(left, "intersect", keys=True) if item in wanted)


def difference(left: Any, right: Any) -> list[Any]:
    """What is in the first list and not in the second, each once."""
    unwanted = _Seen(items_of(right, "difference", keys=True))
    return _first_of_equals(item for item in items_of(left, "difference", keys=True) if item not in unwanted)


def symmetric_difference(left: Any, right: Any) -> list[Any]:
    """What is in one of the two lists alone, each once."""
    a, b = items_of(left, "symmetric_difference"), items_of(right, "symmetric_difference")
    return [*difference(a, b), *difference(b, a)]


def _of_many(one: Callable[[Any, Any], list[Any]], name: str, summary: str) -> Callable[..., list[Any]]:
    def of_many(first: Any, *others: Any, flatten: bool = False) -> list[Any]:
        lists = [first, *others]
        if flatten:
            lists = [part for part in first if isinstance(part, list | tuple)] if not others else lists
        found = _first_of_equals(items_of(lists[0], name))
        for other in lists[1:]:
            found = one(found, other)
        return found

    of_many.__doc__ = summary
    return of_many


# -- combinations ---------------------------------------------------------------------------------------


def zip_lists(first: Any, *others: Any) -> list[list[Any]]:
    """The first items of the lists, then their second ones, and so on to the end of the shortest."""
    return [list(item) for item in zip(first, *others, strict=False)]


def zip_longest(first: Any, *others: Any, fillvalue: Any = None) -> list[list[Any]]:
    """As `zip`, to the end of the longest; `fillvalue` stands for what is missing."""
    return [list(item) for item in itertools.zip_longest(first, *others, fillvalue=fillvalue)]


def product(first: Any, *others: Any, repeat: int = 1) -> list[list[Any]]:
    """Every item of the list with every one of the others."""
    return _bounded(itertools.product(first, *others, repeat=repeat), "product")


def _bounded(found: Iterable[tuple[Any, ...]], who: str) -> list[list[Any]]:
    made = [list(item) for item in itertools.islice(found, _MOST + 1)]
    if len(made) > _MOST:
        raise ValueError(f"{who}: more than {_MOST:,} items are too many")
    return made


def permutations(value: Any, length: int | None = None) -> list[list[Any]]:
    """Every order of the items, or of `length` of them."""
    return _bounded(itertools.permutations(value, length), "permutations")


def combinations(value: Any, length: int) -> list[list[Any]]:
    """Every choice of `length` items."""
    return _bounded(itertools.combinations(value, length), "combinations")


# -- what is inside -------------------------------------------------------------------------------------


@pass_environment
def extract(environment: Environment, key: Any, container: Any, morekeys: Any = None) -> Any:
    """What a list or mapping has under the key, and below it under `morekeys`."""
    found = environment.getitem(container, key)
    more = [] if morekeys is None else morekeys if isinstance(morekeys, list | tuple) else [morekeys]
    for each in more:
        found = environment.getitem(found, each)
    return found


def subelements(value: Any, path: Any, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    """Each item with each one of the list that it has under `path`, such as `keys` or `a.keys`."""
    parts = path.split(".") if isinstance(path, str) else list(path)
    pairs: list[tuple[Any, Any]] = []
    items = value.values() if isinstance(value, Mapping) else items_of(value, "subelements")
    for item in items:
        pairs += [(item, each) for each in _below(item, parts, skip_missing)]
    return pairs


def _below(item: Any, parts: Sequence[Any], skip_missing: bool) -> list[Any]:
    inner: Any = item
    for part in parts:
        if not isinstance(inner, Mapping):
            raise TypeError(f"subelements: {inner!r} is not a mapping with {part!r} in it")
        if part not in inner:
            if skip_missing:
                return []
            raise ValueError(f"subelements: an item has no {'.'.join(map(str, parts))!r}: {item!r}")
        inner = inner[part]
    if not isinstance(inner, list | tuple):
        raise TypeError(f"subelements: {'.'.join(map(str, parts))!r} should be a list, not {inner!r}")
    return list(inner)


def counter(value: Any) -> dict[Any, int]:
    """How often each item is in the list."""
    return dict(Counter(items_of(value, "counter")))


BUILTIN: dict[str, Callable[..., Any]] = {
    "flatten": flatten,
    "unique": unique,
    "union": union,
    "intersect": intersect,
    "difference": difference,
    "symmetric_difference": symmetric_difference,
    "zip": zip_lists,
    "zip_longest": zip_longest,
    "product": product,
    "permutations": permutations,
    "combinations": combinations,
    "extract": extract,
    "subelements": subelements,
}
GENERAL: dict[str, Callable[..., Any]] = {
    "counter": counter,
    "lists_union": _of_many(union, "lists_union", """What is in one of the lists, each once."""),
    "lists_intersect": _of_many(intersect, "lists_intersect", """What is in all lists, each once."""),
    "lists_difference": _of_many(
        difference, "lists_difference", """What is in the first list and in none of the others, each once."""
    ),
    "lists_symmetric_difference": _of_many(
        symmetric_difference,
        "lists_symmetric_difference",
        """What is in one of two lists alone, list after list, each once.""",
    ),
}
