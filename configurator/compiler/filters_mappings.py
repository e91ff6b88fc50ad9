"""Filters for mappings and for lists of mappings."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Undefined

from configurator.compiler.filters_lists import items_of

_Merge = Callable[[list[Any], list[Any]], list[Any]]
_LIST_MERGES: dict[str, _Merge] = {
    "replace": lambda _old, new: new,
    "keep": lambda old, _new: old,
    "append": lambda old, new: old + new,
    "prepend": lambda old, new: new + old,
    "append_rp": lambda old, new: [item for item in old if item not in new] + new,
    "prepend_rp": lambda old, new: new + [item for item in old if item not in new],
}


def mapping_of(value: Any, who: str) -> Mapping[Any, Any]:
    """Return the value, which must be a mapping; TypeError if it is none."""
    if isinstance(value, Undefined):
        str(value)
    if not isinstance(value, Mapping):
        raise TypeError(f"{who}, not {value!r}")
    return value


def _list_merge(how: str) -> _Merge:
    if how not in _LIST_MERGES:
        raise ValueError(f"list_merge must be one of {', '.join(_LIST_MERGES)}, not {how!r}")
    return _LIST_MERGES[how]


def combine(*mappings: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """One mapping of several, the later ones winning; `recursive` and `list_merge` merge inside, too.

    Nulls among them are left out.
    """
    merge_lists = _list_merge(list_merge)
    merged: dict[Any, Any] = {}
    for item in _flat(mappings):
        merged = _merge(merged, mapping_of(item, "combine wants mappings"), recursive, merge_lists)
    return merged


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple) or hasattr(value, "__next__"):
            yield from _flat(value)
        elif value is not None:
            yield value


def _merge(
    left: Mapping[Any, Any], right: Mapping[Any, Any], recursive: bool, merge_lists: _Merge
) -> dict[Any, Any]:
    merged = dict(left)
    for key, value in right.items():
        old = merged.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(old, value, recursive, merge_lists)
        elif isinstance(old, list | tuple) and isinstance(value, list | tuple):
            merged[key] = merge_lists(list(old), list(value))
        else:
            merged[key] = value
    return merged


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    """A list with a mapping of `key` and `value` for each entry."""
    return [
        {key_name: key, value_name: item}
        for key, item in mapping_of(value, "dict2items wants a mapping").items()
    ]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """The mapping that a list of mappings with `key` and `value` describes."""
    found: dict[Any, Any] = {}
    for item in items_of(value, "items2dict"):
        entry = mapping_of(item, "items2dict wants a list of mappings")
        if key_name not in entry or value_name not in entry:
            raise ValueError(f"items2dict: an item has not both {key_name!r} and {value_name!r}: {item!r}")
        found[entry[key_name]] = entry[value_name]
    return found


def rekey_on_member(value: Any, key: Any, duplicates: str = "error") -> dict[Any, Any]:
    """The mappings by what each has under `key`; `duplicates` is error or overwrite."""
    if duplicates not in ("error", "overwrite"):
        raise ValueError(f"rekey_on_member: duplicates must be error or overwrite, not {duplicates!r}")
    found: dict[Any, Any] = {}
    for item in value.values() if isinstance(value, Mapping) else items_of(value, "rekey_on_member"):
        entry = mapping_of(item, "rekey_on_member wants mappings")
        if key not in entry:
            raise ValueError(f"rekey_on_member: an item has no {key!r}: {item!r}")
        if entry[key] in found and duplicates == "error":
            raise ValueError(f"rekey_on_member: two items have the {key!r} {entry[key]!r}")
        found[entry[key]] = item
    return found


# -- of community.general -------------------------------------------------------------------------------


def to_dict(value: Any) -> dict[Any, Any]:
    """The mapping that a list of pairs describes."""
    return dict(items_of(value, "dict"))


def dict_kv(value: Any, key: Any) -> dict[Any, Any]:
    """A mapping of one entry: the value under `key`."""
    return {key: value}


def groupby_as_dict(value: Any, attribute: str) -> dict[Any, Any]:
    """The mappings by what each has under `attribute`, which no two have alike."""
    return rekey_on_member(items_of(value, "groupby_as_dict"), attribute)


def lists_mergeby(*arguments: Any, recursive: bool = False, list_merge: str = "replace") -> list[Any]:
    """One list of mappings of several; those are merged that have the same under the last argument's key."""
    if len(arguments) < 2:
        raise TypeError("lists_mergeby wants lists and the name of a key")
    *lists, index = arguments
    merge_lists = _list_merge(list_merge)
    found: dict[Any, dict[Any, Any]] = {}
    for item in itertools.chain.from_iterable(_lists(part) for part in lists):
        entry = mapping_of(item, "lists_mergeby wants lists of mappings")
        if index in entry:
            found[entry[index]] = _merge(found.get(entry[index], {}), entry, recursive, merge_lists)
    return [found[key] for key in sorted(found)]


def _lists(value: Any) -> list[Any]:
    items = items_of(value, "lists_mergeby")
    if items and all(isinstance(item, list | tuple) for item in items):
        return [inner for item in items for inner in item]
    return items


def keep_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> list[dict[Any, Any]]:
    """Each mapping with the entries alone whose key meets `target`."""
    meets = _matcher("keep_keys", target, matching_parameter)
    return [{key: each for key, each in item.items() if meets(key)} for item in _mappings(value, "keep_keys")]


def remove_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> list[dict[Any, Any]]:
    """Each mapping without the entries whose key meets `target`."""
    meets = _matcher("remove_keys", target, matching_parameter)
    return [
        {key: each for key, each in item.items() if not meets(key)}
        for item in _mappings(value, "remove_keys")
    ]


def replace_keys(value: Any, target: Any = None, matching_parameter: str = "equal") -> list[dict[Any, Any]]:
    """Each mapping with other names for the keys that meet `before` of a pair of `target`."""
    pairs = target if isinstance(target, list | tuple) else [target]
    rules = [
        (_matcher("replace_keys", pair["before"], matching_parameter), pair["after"])
        for pair in _mappings(pairs, "replace_keys")
    ]
    return [
        {next((after for meets, after in rules if meets(key)), key): each for key, each in item.items()}
        for item in _mappings(value, "replace_keys")
    ]


def _mappings(value: Any, who: str) -> list[Mapping[Any, Any]]:
    return [mapping_of(item, f"{who} wants mappings") for item in items_of(value, who)]


def _matcher(who: str, target: Any, how: str) -> Callable[[Any], bool]:
    ways: dict[str, Callable[[str, str], bool]] = {
        "equal": lambda key, wanted: key == wanted,
        "starts_with": str.startswith,
        "ends_with": str.endswith,
        "regex": lambda key, wanted: re.match(wanted, key) is not None,
    }
    if how not in ways:
        raise ValueError(f"{who}: matching_parameter must be one of {', '.join(ways)}, not {how!r}")
    wanted = target if isinstance(target, list | tuple) else [target]
    if target is None or not wanted:
        raise ValueError(f"{who}: `target` is missing")
    return lambda key: any(ways[how](str(key), str(each)) for each in wanted)


def json_query(value: Any, expression: Any) -> Any:
    """What a query of JMESPath finds in the value."""
    import jmespath  # noqa: PLC0415  (few roles use it)

    if isinstance(value, Undefined):
        str(value)
    return jmespath.search(str(expression), value)


BUILTIN: dict[str, Callable[..., Any]] = {
    "combine": combine,
    "dict2items": dict2items,
    "items2dict": items2dict,
    "rekey_on_member": rekey_on_member,
}
GENERAL: dict[str, Callable[..., Any]] = {
    "dict": to_dict,
    "dict_kv": dict_kv,
    "groupby_as_dict": groupby_as_dict,
    "lists_mergeby": lists_mergeby,
    "keep_keys": keep_keys,
    "remove_keys": remove_keys,
    "replace_keys": replace_keys,
    "json_query": json_query,
}
