"""LocalWork: what a task reports of changes that nobody could know before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.agent.work import LocalWork
from configurator.modules import registry
from configurator.modules.base import Module
from configurator.modules.effects import Effects
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System
from tests.unit.modules.recorded_system import RecordedSystem


@dataclass(frozen=True, slots=True)
class _Params:
    """No parameters."""


class _Latest(Module[_Params]):
    """Wants two versions that only a refresh will tell; one of them turns out to be there already."""

    name = "latest"
    params = _Params

    def __init__(self, brought: dict[str, str]) -> None:
        self.state: State = {"refreshed": False, "a": "1", "b": "1"}
        self.brought = brought

    def subject(self, params: _Params) -> str:
        return "package:a"

    def effects(self, params: _Params) -> Effects:
        return Effects()

    def observe(self, system: System, params: _Params) -> State:
        return dict(self.state)

    def desired(self, params: _Params, actual: State) -> State:
        return {} if actual["refreshed"] else {"refreshed": True, "a": UNKNOWN, "b": UNKNOWN}

    def converge(self, system: System, params: _Params, change: Change) -> None:
        self.state |= {"refreshed": True, **self.brought}


def done_with(monkeypatch: Any, brought: dict[str, str]) -> list[tuple[str, Any, Any]]:
    monkeypatch.setattr(registry, "get", lambda name: _Latest(brought))
    work = LocalWork(TaskSpec("t", "r", "t", "latest"), RecordedSystem(plan=False))
    work.observe()
    return [(change.field, change.before, change.after) for change in work.converge().changes]


def test_what_was_unknown_is_reported_as_it_has_become(monkeypatch: Any) -> None:
    """`(known after apply)` is a plan's word: an apply knows, and leaves out what stayed as it was."""
    assert done_with(monkeypatch, {"a": "2"}) == [("refreshed", False, True), ("a", "1", "2")]


def test_nothing_new_leaves_only_what_was_done(monkeypatch: Any) -> None:
    """A refresh that brought no version is reported as a refresh alone."""
    assert done_with(monkeypatch, {}) == [("refreshed", False, True)]
