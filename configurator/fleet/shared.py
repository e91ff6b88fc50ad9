"""What all hosts of a run share while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from configurator.fleet.delegates import Delegates
from configurator.fleet.once import OnceBoard, Throttles


@dataclass(frozen=True, slots=True)
class Shared:
    """Tasks for other hosts, tasks that one does for all, and tasks that few do at a time."""

    delegates: Delegates
    once: OnceBoard = field(default_factory=OnceBoard)
    throttles: Throttles = field(default_factory=Throttles)
