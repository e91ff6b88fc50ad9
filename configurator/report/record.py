"""RunRecord: what is known of a run so far, folded from its events; every view for people reads from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from configurator.core.run_events import (
    HostConnected,
    HostFailed,
    HostFinished,
    HostNotice,
    HostStarted,
    HostSummary,
    PlayStarted,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskFinished,
    TasksAdded,
    TaskStarted,
)
from configurator.core.status import Outcome, SkipReason
from configurator.report.words import title

BAD = frozenset({Outcome.FAILED, Outcome.TIMEOUT, Outcome.UNREACHABLE})

# Skips that are the role's own choice; all others are the consequence of something that went wrong.
CHOSEN_SKIPS = frozenset(
    {
        SkipReason.CONDITION_FALSE,
        SkipReason.NOT_NOTIFIED,
        SkipReason.NOT_SUPPORTED_HERE,
        SkipReason.NOTHING_FAILED,
        None,
    }
)


class Stage(StrEnum):
    """How far a host has come."""

    CONNECTING = "connecting"
    PREPARING = "preparing"
    RUNNING = "running"
    DONE = "done"


@dataclass(slots=True)
class HostRecord:
    """One host of the run. `total` counts tasks without handlers; `done` those of them that have ended."""

    name: str
    stage: Stage = Stage.CONNECTING
    total: int = 0
    done: int = 0
    started_s: float = 0.0
    running: dict[str, TaskStarted] = field(default_factory=dict)
    finished: list[TaskFinished] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)  # of the tasks that have ended, by their id
    counts: Counter[Outcome] = field(default_factory=Counter)
    notices: list[HostNotice] = field(default_factory=list)
    failure: HostFailed | None = None
    summary: HostSummary | None = None
    seconds: float = 0.0
    begun: bool = False  # it was told what to do
    plays: list[tuple[int, str]] = field(default_factory=list)  # how many had ended when each play began

    def totals(self) -> HostSummary:
        """Return the host's own summary, or what the tasks so far amount to if it has sent none."""
        if self.summary is not None:
            return self.summary
        unreachable = self.failure is not None and self.failure.status is Outcome.UNREACHABLE
        failed_early = self.failure is not None and not unreachable
        return HostSummary(
            ok=self.counts[Outcome.OK],
            changed=self.counts[Outcome.CHANGED],
            failed=self.counts[Outcome.FAILED] + self.counts[Outcome.TIMEOUT] + int(failed_early),
            skipped=self.counts[Outcome.SKIPPED] + self.counts[Outcome.CANCELLED],
            unreachable=int(unreachable),
            duration_s=self.seconds,
            unknown=sum(event.unknown is not None for event in self.finished),
        )

    def blame(self, event: TaskFinished) -> str:
        """Return why a task was skipped, in words: the task to blame under its title, or the condition."""
        cause = event.cause or str(event.reason or "")
        return self.titles.get(cause, cause)

    @property
    def untouched(self) -> bool:
        """True if nothing was begun here, for what went wrong on another host."""
        told = self.begun or self.failure is not None or bool(self.finished)
        return not told and self.totals() == HostSummary(duration_s=self.totals().duration_s)

    @property
    def troubled(self) -> bool:
        """True if the host or one of its tasks has failed, ignored failures aside."""
        return self.failure is not None or any(bad(event) for event in self.finished)


@dataclass(slots=True)
class RunRecord:
    """One plan or apply, as far as it has come."""

    mode: str = ""
    hosts: dict[str, HostRecord] = field(default_factory=dict)
    result: RunFinished | None = None
    warned: dict[str, str] = field(default_factory=dict)  # by message: the host that it was first told of

    def take(self, event: RunEvent) -> HostRecord | None:
        """Fold one event in and return the host it is about, if any; unknown events change nothing."""
        if isinstance(event, RunStarted):
            self.mode, self.result, self.warned = event.mode, None, {}
            self.hosts = {name: HostRecord(name) for name in event.hosts}
        elif isinstance(event, RunFinished):
            self.result = event
            for name, summary in event.hosts.items():
                self._host(name).summary = summary
        elif isinstance(event, PlayStarted):
            for name in event.hosts:
                host = self._host(name)
                host.plays.append((len(host.finished), event.play))
        else:
            about = getattr(event, "host", None)
            if isinstance(about, str):
                host = self._host(about)
                _fold(host, event)
                return host
        return None

    def _host(self, name: str) -> HostRecord:
        return self.hosts.setdefault(name, HostRecord(name))

    def summaries(self) -> dict[str, HostSummary]:
        """Return the totals of every host."""
        return {name: host.totals() for name, host in self.hosts.items()}

    def first_told(self, notice: HostNotice) -> bool:
        """Return False for a warning that another host has had already, such as one about the inventory.

        While a run goes on it is told once; the end names the hosts.
        """
        return notice.level != "warning" or self.warned.setdefault(notice.message, notice.host) == notice.host

    def untouched(self) -> list[str]:
        """Return the hosts on which nothing was begun, once all is over."""
        return [name for name, host in self.hosts.items() if host.untouched]

    def tasks(self) -> Iterable[TaskFinished]:
        """Return every task that has ended, host by host."""
        return (event for host in self.hosts.values() for event in host.finished)


def bad(event: TaskFinished) -> bool:
    """Return True if the task failed and nobody said to ignore that."""
    return event.status in BAD and not event.ignored


def add_up(summaries: Iterable[HostSummary]) -> HostSummary:
    """Return the sum of several hosts' counts; `duration_s` is the longest."""
    total = HostSummary()
    for one in summaries:
        total = HostSummary(
            total.ok + one.ok,
            total.changed + one.changed,
            total.failed + one.failed,
            total.skipped + one.skipped,
            total.unreachable + one.unreachable,
            max(total.duration_s, one.duration_s),
            total.unknown + one.unknown,
        )
    return total


def _fold(host: HostRecord, event: RunEvent) -> None:
    host.seconds = max(host.seconds, getattr(event, "at_s", 0.0))
    if isinstance(event, HostConnected):
        host.stage = Stage.PREPARING
    elif isinstance(event, HostStarted):
        # It comes once for each play, with the sums so far.
        began_s = host.started_s if host.stage is Stage.RUNNING else event.at_s
        host.stage, host.total, host.started_s = Stage.RUNNING, event.tasks, began_s
        host.begun = True
    elif isinstance(event, TasksAdded):
        host.total += event.tasks
    elif isinstance(event, TaskStarted):
        host.running[event.task_id] = event
    elif isinstance(event, TaskFinished):
        host.running.pop(event.task_id, None)
        host.finished.append(event)
        host.titles[event.task_id] = title(event)
        # As in Ansible's recap, a failure that the role ignores counts as ok.
        host.counts[Outcome.OK if event.ignored and event.status in BAD else event.status] += 1
        host.done += not event.handler
    elif isinstance(event, HostNotice):
        host.notices.append(event)
    elif isinstance(event, HostFailed):
        host.failure = event
        host.running.clear()
    elif isinstance(event, HostFinished):
        host.stage, host.summary = Stage.DONE, event.summary
        host.running.clear()
