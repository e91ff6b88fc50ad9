"""What happens in a run, as typed frozen events: the only thing that any output is made from.

Times are seconds: `*_s` durations, `at_s` offsets from the start of the run (monotonic clock).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from configurator.core.changes import FieldChange
from configurator.core.status import Outcome, SkipReason


@dataclass(frozen=True, slots=True)
class HostSummary:
    """The counts of one host; `changed` is what a plan predicts or an apply did.

    `unknown` is how many of those that are `ok` in a plan only an apply runs: nobody knows what they return.
    """

    ok: int = 0
    changed: int = 0
    failed: int = 0
    skipped: int = 0
    unreachable: int = 0
    duration_s: float = 0.0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Base of all events of a run."""


@dataclass(frozen=True, slots=True)
class RunStarted(RunEvent):
    """A plan or an apply begins on these hosts. `mode` is `plan` or `apply`."""

    mode: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlayStarted(RunEvent):
    """A play of a playbook begins on these hosts: all of them, or those whose turn it is (`serial`).

    `number` counts the plays from 1 to `plays`. Tasks of a host that follow belong to this play.
    """

    at_s: float
    play: str
    number: int
    plays: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostConnected(RunEvent):
    """The agent runs on the host. `facts` are those of `configurator facts`."""

    host: str
    at_s: float
    address: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostStarted(RunEvent):
    """The host's graph was shipped: `tasks` without handlers, `handlers` that may run.

    In a playbook it comes once for each play of the host, with the sums of the plays so far.
    """

    host: str
    at_s: float
    tasks: int
    handlers: int


@dataclass(frozen=True, slots=True)
class TaskStarted(RunEvent):
    """A task began on the host."""

    host: str
    at_s: float
    task_id: str
    role: str
    task: str
    module: str
    handler: bool = False


@dataclass(frozen=True, slots=True)
class TaskFinished(RunEvent):
    """A task ended. In a plan `status` is `changed` where a change is predicted.

    `reason` is set for `skipped` (why) and `cause` names the task to blame. `message`, `command`,
    `exit_status`, `output` and `hint` describe a failure. `position` is `file:line:column` of the task.
    `outputs` are the values that the module returns, under Ansible's names (`stdout`, `stat`, `backup`), and
    `says` is what the task is there to tell people (the message of a `debug`). A failure that is `rescued` by
    its block is `ignored` as well. `unknown` is why a plan cannot know what a task returns that is `ok`: only
    an apply runs it.
    """

    host: str
    at_s: float
    task_id: str
    role: str
    task: str
    module: str
    status: Outcome
    started_s: float = 0.0
    duration_s: float = 0.0
    handler: bool = False
    reason: SkipReason | None = None
    cause: str | None = None
    changes: tuple[FieldChange, ...] = ()
    message: str | None = None
    command: tuple[str, ...] = ()
    exit_status: int | None = None
    output: str = ""
    hint: str | None = None
    warnings: tuple[str, ...] = ()
    ignored: bool = False
    position: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""
    rescued: bool = False
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class TasksAdded(RunEvent):
    """A task has become several, which are known only now: there are `tasks` more than were announced."""

    host: str
    at_s: float
    tasks: int


@dataclass(frozen=True, slots=True)
class HostNotice(RunEvent):
    """Something to know about a host that is no task: `level` is `info` or `warning`."""

    host: str
    at_s: float
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class HostFailed(RunEvent):
    """The whole host ended early. `status` is `unreachable` or `failed` (sudo, python3, compile error)."""

    host: str
    at_s: float
    status: Outcome
    message: str
    output: str = ""
    hint: str | None = None
    diagnostics: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class HostFinished(RunEvent):
    """Nothing more will come of this host."""

    host: str
    at_s: float
    summary: HostSummary


@dataclass(frozen=True, slots=True)
class RunFinished(RunEvent):
    """The run is over. `log_path` is the full log, to be shown when something failed."""

    mode: str
    exit_code: int
    hosts: Mapping[str, HostSummary]
    duration_s: float
    log_path: str | None = None


class Sink(Protocol):
    """Something that turns events into output. Called from one thread, in the order of the events."""

    def handle(self, event: RunEvent) -> None:
        """Take one event; must not raise for any event, known or not."""

    def close(self) -> None:
        """The run is over or given up: flush, and leave the terminal as it was found."""
