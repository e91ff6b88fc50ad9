"""Every text inside an event is reached, and nothing a host sends can exhaust the stack."""

from __future__ import annotations

from typing import Any

from configurator.core.run_events import HostConnected
from configurator.report.leaves import map_leaves


def shout(leaf: object) -> Any:
    return leaf.upper() if isinstance(leaf, str) else leaf


def test_texts_are_reached_in_keys_values_lists_and_tuples() -> None:
    event = HostConnected("web1", 0.1, "a", {"key": ["x", ("y", {"z": "deep"})], "flag": True, "n": None})
    assert map_leaves(event, shout) == HostConnected(
        "WEB1", 0.1, "A", {"KEY": ["X", ("Y", {"Z": "DEEP"})], "FLAG": True, "N": None}
    )


def test_a_value_nested_thousands_deep_is_cut_off() -> None:
    """Facts come from the host: their depth must not end the thread that shows them."""
    value: Any = "bottom"
    for _ in range(5000):
        value = [value]
    assert "nested too deeply" in repr(map_leaves(value, shout))
