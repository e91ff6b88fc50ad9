"""Which of the ready tasks goes first: strategies that can be exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from configurator.core.task import Task


class Strategy(Protocol):
    """Weighs the ready tasks; asked when one becomes ready or fits again, under the scheduler's lock."""

    def priority(self, task: Task, rank: float, capacities: Mapping[str, float]) -> float:
        """Return how urgent the task is: the greatest goes first, equal ones in declared order.

        `rank` is the longest remaining path in seconds, the task included.
        """


class CriticalPath:
    """What the most remaining work hangs on goes first; the default.

    Within 1 % of the best possible on 1,000 random graphs when durations are known
    (docs/explanation/performance.md).
    """

    def priority(self, task: Task, rank: float, capacities: Mapping[str, float]) -> float:  # noqa: ARG002
        """Return the longest remaining path."""
        return rank


class DeclaredOrder:
    """First written, first served; for runs whose order people want to follow."""

    def priority(self, task: Task, rank: float, capacities: Mapping[str, float]) -> float:  # noqa: ARG002
        """Return the same for every task, so that the declared order decides."""
        return 0.0


class ResourceAware:
    """Tasks that need much of a scarce resource go earlier than their path alone would have them.

    Left to the end they would run one after the other while the workers idle.
    """

    def priority(self, task: Task, rank: float, capacities: Mapping[str, float]) -> float:
        """Return the path, weighed up to double by the largest share of a capacity that is asked for."""
        shares = (amount / capacities[name] for name, amount in task.resources.items() if capacities[name])
        return rank * (1.0 + max(shares, default=0.0))
