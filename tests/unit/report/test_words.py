"""The small wordings."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.report import words
from configurator.report.grid import grid, tree


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0.0s"),
        (-0.01, "0.0s"),
        (12.34, "12.3s"),
        (59.94, "59.9s"),
        (59.96, "1m 00s"),
        (125, "2m 05s"),
        (3599.6, "1h 00m"),
        (7384, "2h 03m"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (None, "none"),
        ("none", '"none"'),
        (True, "true"),
        ("true", '"true"'),
        ("0644", "0644"),
        (644, "644"),
        ("644", '"644"'),
        ("1.22.1-9", "1.22.1-9"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a\nb", '"a\\nb"'),
        ("Europe/Berlin", "Europe/Berlin"),
        (["a", 1, None], "[a, 1, none]"),
        ({"a": {"b": []}}, "{a: {b: []}}"),
        (1.5, "1.5"),
        ("(known after apply)", "(known after apply)"),
    ],
)
def test_values(item: Any, shown: str) -> None:
    """A text that could be taken for something else stands in quotes."""
    assert words.value(item) == shown


def test_a_long_value_loses_its_middle() -> None:
    shown = words.value("a" * 500 + "b" * 500)
    assert len(shown) == 300
    assert shown.startswith("aaa")
    assert shown.endswith("bbb")


@pytest.mark.parametrize(
    ("names", "shown"),
    [(["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d"], "a, b and 2 more")],
)
def test_enumerations(names: list[str], shown: str) -> None:
    assert words.enumeration(names, 3) == shown


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("path:/etc/motd", "/etc/motd"),
        ("package:nginx", "package nginx"),
        ("hostname:", "hostname"),
        ("sysctl:net.ipv4.ip_forward", "sysctl net.ipv4.ip_forward"),
    ],
)
def test_subjects(key: str, shown: str) -> None:
    assert words.subject(key) == shown


def test_a_title_does_not_repeat_its_role() -> None:
    assert words.task_title("nginx", "Install it") == "nginx: Install it"
    assert words.task_title("nginx", "nginx: Install it") == "nginx: Install it"
    assert words.task_title("", "Install it") == "Install it"


def test_columns_are_aligned_with_wide_letters_and_clean() -> None:
    rows = [("日本", "1"), ("a\x1b", "2")]
    assert list(grid(("host", "n"), rows)) == ["host  n", "日本  1", "a␛    2"]


def test_a_tree_of_facts() -> None:
    facts = {
        "os": {"name": "Debian", "version": "12"},
        "disks": [{"name": "vda"}],
        "groups": ["a", "b"],
        "x": {},
    }
    assert list(tree({"web1": facts})) == [
        "web1:",
        "  os:",
        "    name: Debian",
        '    version: "12"',
        "  disks:",
        "    -",
        "      name: vda",
        "  groups: [a, b]",
        "  x: {}",
    ]
