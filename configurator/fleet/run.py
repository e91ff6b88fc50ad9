"""Many hosts at once: each host is one task of the engine, `forks` of them run at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from configurator.core.errors import ConfiguratorError
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.run_events import HostSummary
from configurator.core.task import Task, TaskContext

MAX_FORKS = 256  # a host costs three threads of about 53 KB; sshd and routers object long before memory does

_PATIENCE_S = 3600.0  # after Ctrl-C, a package installation under way may take its time


class OneHost(Protocol):
    """What is asked of a host here."""

    @property
    def name(self) -> str:
        """Return the host's name in the inventory."""

    @property
    def summary(self) -> HostSummary:
        """Return what its run has come to."""

    def cancel(self, *, abort: bool) -> None:
        """Start nothing more on it; with `abort` stop what runs, too."""


Host = TypeVar("Host", bound=OneHost)


def run_hosts(
    hosts: Sequence[Host], work: Callable[[Host], HostSummary], forks: int
) -> Mapping[str, HostSummary]:
    """Do `work` for every host and return their summaries in the order given.

    The first Ctrl-C lets the hosts finish what runs and raises KeyboardInterrupt when they have; a second
    one raises it at once, and closing the hosts then aborts them.
    """
    workers = max(1, min(forks, MAX_FORKS, len(hosts) or 1))
    # A host that runs must hear of the first Ctrl-C at once, to start none of its tasks any more.
    executor = ParallelExecutor(workers, grace_s=_PATIENCE_S, drain_first=False)

    def task(host: Host) -> Task:
        def run(context: TaskContext) -> HostSummary:
            forget = context.token.on_cancel(lambda: host.cancel(abort=False))
            try:
                return work(host)
            finally:
                forget()

        return Task(host.name, run)

    tasks = [task(host) for host in hosts]
    results = executor.execute(TaskGraph(tasks))
    for result in results:
        if result.error is not None and not isinstance(result.error, ConfiguratorError):
            raise result.error
    return {host.name: host.summary for host in hosts}


def exit_code(summaries: Mapping[str, HostSummary]) -> int:
    """Return 3 if anything failed, else 4 if a host was unreachable, else 0 (3 beats 4)."""
    if any(summary.failed for summary in summaries.values()):
        return 3
    return 4 if any(summary.unreachable for summary in summaries.values()) else 0
