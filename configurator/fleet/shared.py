"""What all hosts of a run share while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from configurator.fleet.delegates import Delegates
from configurator.fleet.once import OnceBoard, Throttles


@dataclass(frozen=True, slots=True)
class Shared:
    """Tasks for other hosts, tasks that one does for all, and tasks that few do at a time.

    `keep` writes what expressions have made for the controller itself, such as passwords; it is called
    before a host is changed.
    """

    delegates: Delegates
    keep: Callable[[], None] = lambda: None
    once: OnceBoard = field(default_factory=OnceBoard)
    throttles: Throttles = field(default_factory=Throttles)
