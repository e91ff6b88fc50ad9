"""The filters that roles use besides Jinja's own; names and meanings are Ansible's."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jinja2
import yaml

from configurator.compiler.values import truthy
from configurator.config.diagnostics import Diagnostics
from configurator.config.yamlsource import parse_yaml


def _mandatory(value: Any, msg: str | None = None) -> Any:
    if isinstance(value, jinja2.Undefined):
        if msg is not None:
            raise jinja2.UndefinedError(str(msg))
        str(value)
    return value


def _ternary(value: Any, true_val: Any, false_val: Any = None, none_val: Any = None) -> Any:
    if value is None and none_val is not None:
        return none_val
    return true_val if truthy(value) else false_val


# -- mappings and lists ---------------------------------------------------------------------------------


def _combine(*mappings: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    merged: dict[Any, Any] = {}
    for item in itertools.chain.from_iterable(m if isinstance(m, list) else [m] for m in mappings):
        if not isinstance(item, Mapping):
            raise TypeError(f"combine wants mappings, not {item!r}")
        merged = _merge(merged, item, recursive, list_merge)
    return merged


def _merge(
    left: Mapping[Any, Any], right: Mapping[Any, Any], recursive: bool, list_merge: str
) -> dict[Any, Any]:
    merged = dict(left)
    for key, value in right.items():
        old = merged.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(old, value, recursive, list_merge)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = _merge_lists(old, value, list_merge)
        else:
            merged[key] = value
    return merged


def _merge_lists(old: list[Any], new: list[Any], how: str) -> list[Any]:
    ways: dict[str, Callable[[], list[Any]]] = {
        "replace": lambda: new,
        "keep": lambda: old,
        "append": lambda: old + new,
        "prepend": lambda: new + old,
        "append_rp": lambda: [item for item in old if item not in new] + new,
        "prepend_rp": lambda: new + [item for item in old if item not in new],
    }
    if how not in ways:
        raise ValueError(f"list_merge must be one of {', '.join(ways)}, not {how!r}")
    return ways[how]()


def _dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise TypeError("dict2items wants a mapping")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def _items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    return {item[key_name]: item[value_name] for item in value}


def _flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    found: list[Any] = []
    for item in value:
        if isinstance(item, list | tuple) and levels != 0:
            found += _flatten(item, None if levels is None else levels - 1, skip_nulls)
        elif item is not None or not skip_nulls:
            found.append(item)
    return found


def _unique(value: Iterable[Any], case_sensitive: bool | None = None, attribute: Any = None) -> list[Any]:
    found: list[Any] = []
    seen: list[Any] = []
    for item in value:
        mark = item if attribute is None else item[attribute]
        mark = mark.lower() if case_sensitive is False and isinstance(mark, str) else mark
        if mark not in seen:
            seen.append(mark)
            found.append(item)
    return found


def _union(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    return _unique([*left, *right])


def _intersect(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    wanted = list(right)
    return _unique(item for item in left if item in wanted)


def _difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    unwanted = list(right)
    return _unique(item for item in left if item not in unwanted)


def _symmetric_difference(left: Iterable[Any], right: Iterable[Any]) -> list[Any]:
    a, b = list(left), list(right)
    return _unique([*_difference(a, b), *_difference(b, a)])


def _subelements(value: Any, path: str, skip_missing: bool = False) -> list[tuple[Any, Any]]:
    pairs = []
    for item in value.values() if isinstance(value, Mapping) else value:
        inner: Any = item
        for part in path.split("."):
            if part not in inner:
                if skip_missing:
                    inner = []
                    break
                raise KeyError(f"an item has no {path!r}")
            inner = inner[part]
        pairs += [(item, each) for each in inner]
    return pairs


# -- text -----------------------------------------------------------------------------------------------


def _regex_flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def _regex_replace(
    value: Any,
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
) -> str:
    return re.sub(pattern, replacement, str(value), count=count, flags=_regex_flags(ignorecase, multiline))


def _regex_search(
    value: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> Any:
    found = re.search(pattern, str(value), _regex_flags(ignorecase, multiline))
    if found is None or not groups:
        return None if found is None else found.group()
    return [found.group(int(g[1:]) if g[1:].isdigit() else g[2:].strip("<>")) for g in groups]


def _regex_findall(value: Any, pattern: str, multiline: bool = False, ignorecase: bool = False) -> list[Any]:
    return re.findall(pattern, str(value), _regex_flags(ignorecase, multiline))


def _regex_escape(value: Any) -> str:
    return re.escape(str(value))


def _quote(value: Any) -> str:
    return shlex.quote("" if value is None else str(value))


_COMMENTS = {
    "plain": ("", "# ", ""),
    "erlang": ("", "% ", ""),
    "c": ("", "// ", ""),
    "cblock": ("/*", " * ", " */"),
    "xml": ("<!--", " - ", "-->"),
}


def _comment(value: Any, style: str = "plain", **options: Any) -> str:
    if style not in _COMMENTS:
        raise ValueError(f"comment: the style must be one of {', '.join(_COMMENTS)}, not {style!r}")
    beginning, decoration, end = _COMMENTS[style]
    beginning = options.get("beginning", beginning)
    decoration = options.get("decoration", decoration)
    end = options.get("end", end)
    newline = options.get("newline", "\n")
    prefix = options.get("prefix", decoration.rstrip())
    postfix = options.get("postfix", decoration.rstrip())
    lines = [beginning] if beginning else []
    lines += [prefix] * int(options.get("prefix_count", 1))
    lines += [f"{decoration}{line}".rstrip() for line in str(value).splitlines() or [""]]
    lines += [postfix] * int(options.get("postfix_count", 1))
    lines += [end] if end else []
    return str(newline.join(lines))


def _split(value: Any, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    return str(value).split(separator, maxsplit)


# -- formats --------------------------------------------------------------------------------------------


# Line breaks of YAML 1.1 that PyYAML writes as they are among readable characters, and then reads as spaces.
_FOLDED = ("\x85", "\u2028", "\u2029")


def _to_yaml(value: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    plain = _plain(value)
    options = {"default_flow_style": default_flow_style, "allow_unicode": True} | options
    dumped = str(yaml.safe_dump(plain, **options))
    if any(sign in dumped for sign in _FOLDED):
        dumped = str(yaml.safe_dump(plain, **(options | {"allow_unicode": False})))
    return dumped


def _to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    options.setdefault("default_flow_style", False)
    return _to_yaml(value, indent=indent, **options)


def _from_yaml(value: Any) -> Any:
    """Read YAML as all our files are read: `0644` and dates stay text."""
    if not isinstance(value, str):
        return value
    problems = Diagnostics()
    found = parse_yaml(value, "the text", problems)
    if found is None or len(problems):
        raise ValueError(str(problems.sorted()[0]))
    return found.plain()


def _to_json(value: Any, **options: Any) -> str:
    return json.dumps(_plain(value), **({"ensure_ascii": True} | options))


def _to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    return _to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options)


def _from_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value


def _plain(value: Any) -> Any:
    if isinstance(value, jinja2.Undefined):
        str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    return [_plain(item) for item in value]


def _b64encode(value: Any, encoding: str = "utf-8") -> str:
    return base64.b64encode(str(value).encode(encoding)).decode()


def _b64decode(value: Any, encoding: str = "utf-8") -> str:
    return base64.b64decode(str(value)).decode(encoding)


def _hash(value: Any, hashtype: str = "sha1") -> str:
    return hashlib.new(hashtype, str(value).encode(), usedforsecurity=False).hexdigest()


def _password_hash(_value: Any, *_arguments: Any, **_options: Any) -> str:
    raise ValueError("the filter 'password_hash' is not supported yet: write the hash (mkpasswd makes one)")


FILTERS: dict[str, Callable[..., Any]] = {
    "bool": lambda value: value if value is None else truthy(value),
    "mandatory": _mandatory,
    "ternary": _ternary,
    "combine": _combine,
    "dict2items": _dict2items,
    "items2dict": _items2dict,
    "flatten": _flatten,
    "unique": _unique,
    "union": _union,
    "intersect": _intersect,
    "difference": _difference,
    "symmetric_difference": _symmetric_difference,
    "subelements": _subelements,
    "product": lambda first, *others: [list(item) for item in itertools.product(first, *others)],
    "zip": lambda first, *others: [list(item) for item in zip(first, *others, strict=False)],
    "regex_replace": _regex_replace,
    "regex_search": _regex_search,
    "regex_findall": _regex_findall,
    "regex_escape": _regex_escape,
    "quote": _quote,
    "comment": _comment,
    "split": _split,
    "to_yaml": _to_yaml,
    "to_nice_yaml": _to_nice_yaml,
    "from_yaml": _from_yaml,
    "to_json": _to_json,
    "to_nice_json": _to_nice_json,
    "from_json": _from_json,
    "b64encode": _b64encode,
    "b64decode": _b64decode,
    "hash": _hash,
    "checksum": _hash,
    "md5": lambda value: _hash(value, "md5"),
    "sha1": _hash,
    "password_hash": _password_hash,
    "basename": lambda value: posixpath.basename(str(value)),
    "dirname": lambda value: posixpath.dirname(str(value)),
    "splitext": lambda value: posixpath.splitext(str(value)),
    "realpath": lambda value: os.path.realpath(str(value)),
    "expanduser": lambda value: os.path.expanduser(str(value)),
    "path_join": lambda parts: posixpath.join(*([parts] if isinstance(parts, str) else parts)),
    "type_debug": lambda value: type(value).__name__,
}
