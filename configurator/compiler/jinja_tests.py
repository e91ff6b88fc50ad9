"""The tests (`x is match('...')`) that expressions know besides Jinja's own, with Ansible's meanings."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Undefined
from jinja2.tests import TESTS as DEFAULT_TESTS

from configurator.compiler import jinja_tests_files, jinja_tests_network, jinja_tests_results
from configurator.compiler.filters import BUILTIN, UTILS, named
from configurator.compiler.filters_text import flags_of
from configurator.compiler.values import truthy
from configurator.compiler.versions import ORDERS

# -- text -----------------------------------------------------------------------------------------------


def match(value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    """The text begins with the pattern."""
    return re.match(pattern, str(value), flags_of(ignorecase, multiline)) is not None


def search(value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    """The pattern is found anywhere in the text."""
    return re.search(pattern, str(value), flags_of(ignorecase, multiline)) is not None


def regex(
    value: Any,
    pattern: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    match_type: str = "search",
) -> bool:
    """The text meets the pattern in the way that `match_type` names: search, match or fullmatch."""
    if match_type not in ("search", "match", "fullmatch"):
        raise ValueError(f"match_type must be search, match or fullmatch, not {match_type!r}")
    how = getattr(re.compile(pattern, flags_of(ignorecase, multiline)), match_type)
    return how(str(value)) is not None


def vault_encrypted(value: Any) -> bool:
    """The text is encrypted by ansible-vault; never one of a variable, which is decrypted when it is used."""
    return str(value).startswith("$ANSIBLE_VAULT;")


def uri(value: Any, schemes: Any = None) -> bool:
    """The text is a URI, of one of the `schemes` if there are any."""
    wanted = [schemes] if isinstance(schemes, str) else schemes
    try:
        scheme = urlsplit(str(value)).scheme
    except ValueError:
        return False
    return bool(scheme) and (not wanted or scheme in wanted)


def url(value: Any, schemes: Any = None) -> bool:
    """The text is a URL: a URI with a host, or a file's."""
    if not uri(value, schemes):
        return False
    parts = urlsplit(str(value))
    return bool(parts.netloc) or parts.scheme == "file"


def urn(value: Any) -> bool:
    """The text is a URN, such as `urn:isbn:...`."""
    return uri(value, ["urn"])


# -- versions -------------------------------------------------------------------------------------------

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
}


def version(
    value: Any,
    version: Any,
    operator: str = "eq",
    strict: bool | None = None,
    version_type: str | None = None,
) -> bool:
    """The versions compare so; `version_type` is loose, strict, semver or pep440."""
    if operator not in _OPERATORS:
        raise ValueError(f"unknown comparison {operator!r}: use one of {', '.join(_OPERATORS)}")
    if value in (None, "") or version in (None, ""):
        raise ValueError("a version to compare is empty")
    if strict is not None and version_type:
        raise ValueError("version: say either `strict` or `version_type`")
    kind = version_type or ("strict" if strict else "loose")
    if kind not in ORDERS:
        raise ValueError(f"version_type must be one of {', '.join(ORDERS)}, not {kind!r}")
    return _OPERATORS[operator](ORDERS[kind](str(value)), ORDERS[kind](str(version)))


# -- lists and truth ------------------------------------------------------------------------------------


def contains(value: Any, item: Any) -> bool:
    """The list or text contains the item."""
    return item in value


def subset(value: Any, other: Any) -> bool:
    """Every item of the list is in the other."""
    items = list(other)
    return all(item in items for item in value)


def superset(value: Any, other: Any) -> bool:
    """Every item of the other list is in this one."""
    return subset(other, value)


def all_true(value: Iterable[Any]) -> bool:
    """Every item of the list is true."""
    return all(value)


def any_true(value: Iterable[Any]) -> bool:
    """At least one item of the list is true."""
    return any(value)


def is_truthy(value: Any, convert_bool: bool = False) -> bool:
    """The value counts as true; with `convert_bool` the words yes, no, on, off... are read first."""
    if isinstance(value, Undefined):
        str(value)
    if convert_bool and isinstance(value, str) and value.strip().lower() in _WORDS:
        return truthy(value)
    return bool(value)


_WORDS = frozenset(("yes", "true", "on", "1", "y", "t", "no", "false", "off", "0", "n", "f"))


def is_falsy(value: Any, convert_bool: bool = False) -> bool:
    """The value counts as false; with `convert_bool` the words yes, no, on, off... are read first."""
    return not is_truthy(value, convert_bool)


def nan(value: Any) -> bool:
    """The value is a number that is none, such as the logarithm of nothing."""
    if isinstance(value, Undefined):
        str(value)
    return isinstance(value, float) and math.isnan(value)


# Every test of ours by the collection that has it in Ansible, and its name.
COLLECTIONS: Mapping[str, Mapping[str, Callable[..., bool]]] = {
    BUILTIN: {
        "match": match,
        "search": search,
        "regex": regex,
        "version": version,
        "version_compare": version,
        "vault_encrypted": vault_encrypted,
        "uri": uri,
        "url": url,
        "urn": urn,
        "contains": contains,
        "subset": subset,
        "issubset": subset,
        "superset": superset,
        "issuperset": superset,
        "all": all_true,
        "any": any_true,
        "truthy": is_truthy,
        "falsy": is_falsy,
        "nan": nan,
        "isnan": nan,
        **jinja_tests_results.BUILTIN,
        **jinja_tests_files.BUILTIN,
    },
    UTILS: jinja_tests_network.UTILS,
}
_JINJAS: Any = DEFAULT_TESTS
TESTS = named(COLLECTIONS, _JINJAS)
