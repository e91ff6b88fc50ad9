"""What all hosts of a run share while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from configurator.fleet.alarm import Alarm
from configurator.fleet.delegates import Delegates
from configurator.fleet.once import OnceBoard, Throttles


@dataclass(frozen=True, slots=True)
class Shared:
    """Tasks for other hosts, tasks that one does for all, that few do at a time, or whose failure stops all.

    `keep` writes what expressions have made for the controller itself, such as passwords; it is called
    before a host is changed.
    """

    delegates: Delegates
    keep: Callable[[], None] = lambda: None
    once: OnceBoard = field(default_factory=OnceBoard)
    throttles: Throttles = field(default_factory=Throttles)
    alarm: Alarm = field(default_factory=Alarm)
