"""What is known of an engine's run so far, by groups; folded from its events, and safe to read meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from configurator.core.engine_events import (
    EngineEvent,
    GroupEnded,
    GroupStarted,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskProgress,
    TaskRetrying,
    TasksJoined,
    TaskStarted,
)
from configurator.core.status import Status
from configurator.core.task import Task
from configurator.report.engine_words import progress_text
from configurator.report.words import duration


@dataclass(slots=True)
class GroupState:
    """How one group stands; `name` is None for the tasks of no group.

    `total` is None while nobody knows how many tasks there will be. `seconds` is None before its first task,
    and stands still once all that are known have ended. `running` has what each task says of itself.
    """

    name: str | None
    total: int | None = None
    done: int = 0
    seen: int = 0
    began_s: float | None = None
    ended_s: float = 0.0
    seconds: float | None = None
    running: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    counts: Counter[Status] = field(default_factory=Counter)

    @property
    def over(self) -> bool:
        """True once all tasks that there are have ended."""
        return self.done == self.total


class ProgressState:
    """Takes events in one thread and tells the groups in any other. `tasks` tell each group's total."""

    def __init__(self, tasks: Iterable[Task], clock: Callable[[], float]) -> None:
        self._expected = Counter(task.group for task in tasks)
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: dict[str | None, GroupState] = {}
        self._group_of: dict[str, str | None] = {}  # of the tasks that run or wait for another attempt
        self._unplaced: set[str] = set()  # added to some group, which they tell when they start
        self._all: int | None = None  # tasks of the run; None if we came too late to be told
        self._origin: float | None = None  # the run's start on our own clock

    def take(self, event: EngineEvent) -> None:
        """Fold one event in."""
        with self._lock:
            begins = self._clock() - event.at_s
            if isinstance(event, RunStarted):
                self._origin = None
            # Events are delivered a little late; the earliest is the best witness of when the run began.
            self._origin = begins if self._origin is None else min(self._origin, begins)
            self._fold_run(event)
            self._fold_task(event)

    def groups(self) -> list[GroupState]:
        """Return every group as it is now, the tasks of none first."""
        with self._lock:
            return [self._now(group) for group in self._groups.values()]

    # -- with the lock held -----------------------------------------------------------------------------

    def _now(self, group: GroupState) -> GroupState:
        now = replace(group, total=self._total(group), running=dict(group.running), failed=list(group.failed))
        if group.began_s is not None:
            end_s = group.ended_s if now.over else self._clock() - (self._origin or 0.0)
            now.seconds = max(end_s - group.began_s, 0.0)
        return now

    def _total(self, group: GroupState) -> int | None:
        """Return how many tasks the group has: as declared, or what the others leave of the run."""
        if group.total is not None:
            return group.total
        if group.name is not None:
            return max(self._expected[group.name], group.seen) if group.name in self._expected else None
        if self._all is None:
            return None
        others = [known for known in self._groups.values() if known is not group]
        grouped = sum(max(self._expected[one.name], one.seen) for one in others) + len(self._unplaced)
        return max(self._all - grouped, group.seen)

    def _fold_run(self, event: EngineEvent) -> None:
        match event:
            case RunStarted():
                self._groups, self._group_of, self._unplaced, self._all = {}, {}, set(), event.tasks
                self._begin(None, event.at_s)
                for name in self._expected:
                    self._group(name)
            case TasksJoined():
                self._all = None if self._all is None else self._all + len(event.names)
                if event.parent is None:
                    self._unplaced.update(event.names)
            case GroupStarted():
                self._begin(event.group, event.at_s).total = None
            case GroupEnded():
                group = self._group(event.group)
                group.total = group.seen
            case RunEnded():
                for group in self._groups.values():
                    group.total = group.seen

    def _fold_task(self, event: EngineEvent) -> None:
        match event:
            case TaskStarted():
                group = self._begin(event.group, event.at_s)
                group.seen += event.task_name not in self._group_of
                self._unplaced.discard(event.task_name)
                self._group_of[event.task_name] = event.group
                group.running[event.task_name] = f"attempt {event.attempt}" if event.attempt > 1 else ""
            case TaskProgress():
                self._say(event.task_name, progress_text(event))
            case TaskRetrying():
                self._say(event.task_name, f"again in {duration(event.delay_s)}")
            case TaskEnded():
                result = event.result
                known = result.task_name in self._group_of
                group = self._begin(self._group_of.pop(result.task_name, result.group), event.at_s)
                group.seen += not known
                self._unplaced.discard(result.task_name)
                group.done += 1
                group.ended_s = event.at_s
                group.running.pop(result.task_name, None)
                group.counts[result.status] += 1
                if result.failed:
                    group.failed.append(result.task_name)

    def _group(self, name: str | None) -> GroupState:
        return self._groups.setdefault(name, GroupState(name))

    def _begin(self, name: str | None, at_s: float) -> GroupState:
        group = self._group(name)
        group.began_s = at_s if group.began_s is None else group.began_s
        return group

    def _say(self, task: str, text: str) -> None:
        group = self._groups.get(self._group_of.get(task))
        if group is not None and task in group.running:
            group.running[task] = text
