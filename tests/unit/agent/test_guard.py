"""What a task that asks for a guard has put back: its files and units, never a folder, and packet rules."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from configurator.agent.guard import asked_for
from configurator.agent.protocol import TaskSpec
from configurator.modules.base import Guard
from configurator.modules.system import System


class Looks:
    """Only what a guard asks of a system: what kind of thing is at a path."""

    def stat(self, path: str, *, follow: bool = False) -> Any:
        assert not follow
        there = Path(path)
        if not there.exists():
            return None
        return SimpleNamespace(kind="directory" if there.is_dir() else "file")


SYSTEM = cast("System", Looks())


def test_files_and_units_are_kept_and_folders_are_not(tmp_path: Path) -> None:
    """To put a folder back would mean to remove what is in it: a pattern or `/etc` must never be."""
    (tmp_path / "file").write_text("x")
    keys = [f"path:{tmp_path}/{name}" for name in ("", "file", "missing", "deep/**")]
    found = asked_for([*keys, "path:/", "path:/**", "unit:ssh.service", "unit:**"], None, SYSTEM)
    assert found.saves == (f"{tmp_path}/file", f"{tmp_path}/missing")
    assert found.saves_units == ("ssh.service",)
    assert found.saves_tables == ("*",)


def test_what_the_module_guards_anyway_is_kept_as_well() -> None:
    """All rules of nftables stand for its one table; those of iptables are kept besides."""
    own = Guard(
        saves=("/a",),
        saves_tables=("inet filter", "iptables filter"),
        activates=(("true",),),
        restores=(("false",),),
    )
    found = asked_for(["path:/a", "path:/nonexistent/b"], own, SYSTEM)
    assert found.saves == ("/a", "/nonexistent/b")
    assert found.saves_tables == ("*", "iptables filter")
    assert (found.activates, found.restores) == ((("true",),), (("false",),))


def test_the_wish_for_a_guard_travels_to_the_host() -> None:
    """As JSON and back."""
    spec = TaskSpec("r/1:a", "r", "a", "command", guarded=True, guards=("path:/a",))
    assert TaskSpec.from_json(spec.to_json()) == spec
    assert spec.to_json()["guards"] == ["path:/a"]
