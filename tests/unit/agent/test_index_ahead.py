"""The private package index of plans does not lie on the host for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from configurator.agent import index_ahead
from configurator.agent.index_ahead import forget_old

NOW = 2_000_000_000.0
HOUR, DAY = 3600.0, 86400.0


@pytest.mark.parametrize(
    ("age", "hosts_age", "kept"),
    [
        (HOUR, 9 * DAY, True),
        (6 * DAY, 9 * DAY, True),
        (8 * DAY, 9 * DAY, False),
        (8 * DAY, None, False),
        (2 * HOUR, HOUR, False),
        (0.5 * HOUR, 0.1 * HOUR, True),
        (-HOUR, 9 * DAY, True),
    ],
    ids=[
        "fresh",
        "of this week",
        "old",
        "old, and the host has none",
        "superseded",
        "in use",
        "of the future",
    ],
)
def test_what_no_plan_would_begin_with_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float, hosts_age: float | None, kept: bool
) -> None:
    """Old ones, and those that the host's own has overtaken, unless a plan may still be working with it."""
    hosts, folder = tmp_path / "hosts", tmp_path / "cache" / "index"
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "lists" / "deb.example_Packages").write_text("x")
    os.utime(folder / "lists", (NOW - age, NOW - age))
    if hosts_age is not None:
        hosts.mkdir()
        os.utime(hosts, (NOW - hosts_age, NOW - hosts_age))
    monkeypatch.setattr(index_ahead, "_LISTS", str(hosts))
    forget_old(str(folder), NOW)
    assert folder.exists() == kept
    assert folder.parent.exists()


def test_where_none_is_nothing_is_done(tmp_path: Path) -> None:
    """Most hosts have never been planned for with packages to come."""
    forget_old(str(tmp_path / "index"), NOW)
    assert list(tmp_path.iterdir()) == []
