"""World: what the simulated tasks of one plan share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from configurator.agent.assumptions import PendingPackages
from configurator.agent.overlay import FilesAhead, Overlay
from configurator.modules.state import State
from configurator.modules.system import System

if TYPE_CHECKING:
    from configurator.agent.index_ahead import IndexAhead
    from configurator.agent.packages_ahead import PackagesAhead


class World:
    """What all simulated tasks of one plan share: the files, the established states, the assumptions."""

    def __init__(
        self, real: System, ahead: PackagesAhead | None = None, index: IndexAhead | None = None
    ) -> None:
        self.files = Overlay(real if ahead is None else FilesAhead(real, ahead))
        self.states: dict[str, State | None] = {}
        self.ahead = ahead
        self.index = index
        self.pending = PendingPackages(ahead)
        self.memo: dict[tuple[str, bool], Any] = {}  # see System.recall
