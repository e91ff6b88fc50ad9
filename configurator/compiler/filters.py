"""The filters that expressions know besides Jinja's own: Ansible's, and those of its common collections.

Each is known by its short name and by those with the collection in front. A filter takes values alone, no
templates: what it returns is never evaluated, wherever it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2.filters import FILTERS as DEFAULT_FILTERS

from configurator.compiler import (
    filters_formats,
    filters_hashes,
    filters_lists,
    filters_mappings,
    filters_network,
    filters_paths,
    filters_text,
    filters_values,
)
from configurator.compiler.filters_ipaddr import UTILS as IPADDR
from configurator.compiler.volatile import listed

Function = Callable[..., Any]
BUILTIN, GENERAL, UTILS = "ansible.builtin", "community.general", "ansible.utils"
_ALSO = {UTILS: ("ansible.netcommon",)}  # where the filters of a collection once were

# Every filter of ours by the collection that has it in Ansible, and its short name.
COLLECTIONS: Mapping[str, Mapping[str, Function]] = {
    BUILTIN: {
        **filters_values.BUILTIN,
        **filters_lists.BUILTIN,
        **filters_mappings.BUILTIN,
        **filters_text.BUILTIN,
        **filters_formats.BUILTIN,
        **filters_hashes.BUILTIN,
        **filters_paths.BUILTIN,
    },
    GENERAL: {
        **filters_values.GENERAL,
        **filters_lists.GENERAL,
        **filters_mappings.GENERAL,
        **filters_text.GENERAL,
        **filters_formats.GENERAL,
        **filters_hashes.GENERAL,
    },
    UTILS: {**IPADDR, **filters_network.UTILS},
}


def named(
    collections: Mapping[str, Mapping[str, Function]], own: Mapping[str, Function]
) -> dict[str, Function]:
    """Return functions by all their names; Jinja's `own` count as Ansible's."""
    found = {f"{BUILTIN}.{name}": function for name, function in own.items() if name.isidentifier()}
    for collection, functions in collections.items():
        for name, function in functions.items():
            found[name] = function
            for prefix in (collection, *_ALSO.get(collection, ())):
                found[f"{prefix}.{name}"] = function
    return found


_ITERATORS = ("map", "select", "reject", "selectattr", "rejectattr", "batch", "slice", "reverse", "items")
_JINJAS = {**DEFAULT_FILTERS, **{name: listed(DEFAULT_FILTERS[name]) for name in _ITERATORS}}
FILTERS = {**{name: _JINJAS[name] for name in _ITERATORS}, **named(COLLECTIONS, _JINJAS)}
