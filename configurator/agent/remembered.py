"""What the agent keeps between the requests on one connection: what plans have shown, and their world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from configurator.agent.plan_taker import PlanTaker
from configurator.agent.work import Done


@dataclass(slots=True)
class Remembered:
    """The predictions of a run's plans, by play and task id, and the taker of the latest one.

    A run that is no playbook has one play without a name.
    """

    predicted: dict[str, Mapping[str, Done]] = field(default_factory=dict)
    taker: PlanTaker | None = None

    def of(self, play: str) -> Mapping[str, Done]:
        """Return what was shown of a play; nothing if it was not planned, so that nothing may change."""
        return self.predicted.get(play, {})

    def to_json(self) -> dict[str, Any]:
        """Return the predictions for the agent after a restart of the host."""
        return {
            play: {name: done.to_json() for name, done in tasks.items()}
            for play, tasks in self.predicted.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Remembered:
        """Return what the agent before the restart has handed over."""
        predicted: dict[str, Mapping[str, Done]] = {
            play: {name: Done.from_json(item) for name, item in tasks.items()} for play, tasks in data.items()
        }
        return cls(predicted)
