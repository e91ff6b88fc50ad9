"""The plays of a playbook on a fleet: one after the other over all hosts, in batches if they ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from configurator.compiler.order import OrderedGraph
from configurator.compiler.playgraph import join_plays
from configurator.compiler.plays import BoundPlay, PlayTurn, in_order
from configurator.compiler.playvalues import batches
from configurator.compiler.putoff import LateTasks
from configurator.compiler.scope import FactStore
from configurator.core.errors import ConfiguratorError, InputError
from configurator.core.run_events import (
    HostFinished,
    HostNotice,
    HostStarted,
    HostSummary,
    PlayStarted,
    RunEvent,
    Sink,
    TasksAdded,
)
from configurator.fleet.host import Clock, Emit, HostRun
from configurator.fleet.run import run_hosts

_PATIENCE_S = 5.0  # for a host's thread to notice that its connection was closed
Work = Callable[[HostRun], HostSummary]
CompilePlay = Callable[[int, Mapping[str, Any], PlayTurn], OrderedGraph]
# Makes the run of a play from its number, whether others came before it, and what compiles it.
MakeRun = Callable[[int, bool, Callable[[Mapping[str, Any]], OrderedGraph], Emit], HostRun]


class PlayHost:
    """One host through all plays that mean it: a run each, on one connection, told as one.

    `plays` are the numbers of its plays. What its tasks set is remembered from one play to the next.
    """

    def __init__(
        self, name: str, plays: Sequence[int], make_run: MakeRun, compile_play: CompilePlay, emit: Emit
    ) -> None:
        self.name = name
        self.plays = tuple(plays)
        self.turn = PlayTurn(FactStore())
        self.summary = HostSummary()
        self.failure: ConfiguratorError | None = None
        self.failed = False  # in its last play
        self.halted: str | None = None  # why nothing more began in its last play, if another host is to blame
        self.compiled = False
        self._make_run = make_run
        self._compile_play = compile_play
        self._emit = emit
        self._runs: dict[int, HostRun] = {}
        self._current: HostRun | None = None
        self._facts: Mapping[str, Any] = {}
        self._late: LateTasks | None = None  # of the play before: what its tasks register is known later on
        self._seen = (0, 0)  # tasks and handlers of the plays before
        self._latest = (0, 0)
        self._ended = False

    @property
    def jobs(self) -> int:
        """Return how many of the host's tasks run at once."""
        return self._run(self.plays[0]).jobs

    # -- a run of all plays -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Forget what an earlier run of the plays has come to; the connection stays."""
        self.summary, self.failure, self.failed, self._ended = HostSummary(), None, False, False
        self._seen = self._latest = (0, 0)

    def play(self, number: int, work: Work) -> HostSummary:
        """Do a play on this host; `failed` says if it has gone wrong."""
        run = self._run(number)
        if self._current is not None and self._current is not run:
            run.take_over(self._current)
        self._current = run
        self._seen, self._latest = (self._seen[0] + self._latest[0], self._seen[1] + self._latest[1]), (0, 0)
        summary = work(run)
        self.failure = self.failure or run.failure
        self.failed = bool(summary.failed or summary.unreachable)
        self.halted = run.halted
        if self.failed:
            run.release()  # it is out of the plays behind
        return self.summary

    def end(self, clock: Clock) -> None:
        """Say that nothing more will come of this host; once."""
        if not self._ended:
            self._ended = True
            if self._current is not None:
                self._current.release()
            self._emit(HostFinished(self.name, clock(), self.summary))

    def _run(self, number: int) -> HostRun:
        if number not in self._runs:
            later = number != self.plays[0]
            self._runs[number] = self._make_run(number, later, lambda f: self._compile(number, f), self._told)
        return self._runs[number]

    def _compile(self, number: int, facts: Mapping[str, Any]) -> OrderedGraph:
        self._facts = facts
        graph = self._compile_play(number, facts, self.turn)
        if self._late is not None:
            graph.late.follow(self._late)
        self._late = graph.late
        return graph

    def _told(self, event: RunEvent) -> None:
        """Pass on what a play's run says, so that it reads as a part of the whole."""
        if isinstance(event, HostFinished):  # before the run counts as over, also if nobody waits for it
            self.summary = _sum(self.summary, event.summary)
            return
        if isinstance(event, HostStarted):
            self._latest = (event.tasks, event.handlers)
            tasks, handlers = event.tasks + self._seen[0], event.handlers + self._seen[1]
            event = replace(event, tasks=tasks, handlers=handlers)
        elif isinstance(event, TasksAdded):
            self._latest = (self._latest[0] + event.tasks, self._latest[1])
        self._emit(event)

    # -- looking, without doing --------------------------------------------------------------------------

    def prepare(self, clock: Clock) -> HostSummary:
        """Connect and compile; what stands in the way is said by the run that follows."""
        first = self._current = self._run(self.plays[0])
        first.prepare(clock)
        self.compiled = first.compiled
        try:
            if first.compiled:
                self._compile_rest()
        except InputError:
            self.compiled = False  # what a play needs of the one before is not known yet
        return self.summary

    def graph(self, clock: Clock) -> OrderedGraph:
        """Connect, and return what all plays do on this host as one graph; raises what stands in the way."""
        first = self._current = self._run(self.plays[0])
        return join_plays([first.graph(clock), *self._compile_rest()])

    def _compile_rest(self) -> list[OrderedGraph]:
        turn = replace(self.turn, facts=FactStore(self.turn.facts.values))
        return [self._compile_play(number, self._facts, turn) for number in self.plays[1:]]

    # -- ending --------------------------------------------------------------------------------------------

    def cancel(self, *, abort: bool) -> None:
        """Start nothing more on this host; with `abort` stop what runs, too."""
        if self._current is not None:
            self._current.cancel(abort=abort)

    def abandon(self, patience_s: float) -> None:
        """End a run that nobody wants to wait for."""
        if self._current is not None:
            self._current.abandon(patience_s)

    def close(self) -> None:
        """End the agent and the connection."""
        if self._current is not None:
            self._current.close()


def run_plays(
    plays: Sequence[BoundPlay], hosts: Sequence[PlayHost], work: Work, forks: int, sink: Sink, clock: Clock
) -> None:
    """Do the plays one after the other; a host that has failed is out for the later ones.

    As in Ansible nothing more begins once a whole batch, or more of it than a play allows, has failed.
    KeyboardInterrupt as `run_hosts`.
    """
    for host in hosts:
        host.begin()
    left = {host.name: host for host in hosts}
    try:
        for number in range(len(plays)):
            why = _play(number, plays, left, work, forks, sink, clock)
            if why is not None:
                for name in (name for name, host in left.items() if host.halted is None):
                    sink.handle(HostNotice(name, clock(), "warning", f"nothing more begins: {why}"))
                return
            for host in hosts:
                if host.name not in left or not any(later > number for later in host.plays):
                    host.end(clock)
    except KeyboardInterrupt:
        for host in hosts:
            host.abandon(_PATIENCE_S)  # else its last events would come after its end
        raise
    finally:
        for host in hosts:
            host.end(clock)


def _play(
    number: int,
    plays: Sequence[BoundPlay],
    left: dict[str, PlayHost],
    work: Work,
    forks: int,
    sink: Sink,
    clock: Clock,
) -> str | None:
    """Do one play on the hosts that are left, taking out those that fail; return why all must stop, if so."""
    play = plays[number].play
    names = in_order([name for name, host in left.items() if number in host.plays], play.order)
    for batch in batches(names, play.serial) or [[]]:
        sink.handle(PlayStarted(clock(), play.name, number + 1, len(plays), tuple(batch)))
        chosen = [left[name] for name in batch]
        for host in chosen:
            host.turn.hosts, host.turn.batch = [name for name in names if name in left], batch
        run_hosts(chosen, lambda host: host.play(number, work), forks)
        failed = [host.name for host in chosen if host.failed]
        for name in failed:
            del left[name]
        halted = (host.halted for host in chosen if host.halted is not None)
        why = next(halted, None) or _why_stop(plays[number], len(batch), len(failed))
        if why is not None:
            return why
    return None


def _why_stop(bound: BoundPlay, batch: int, failed: int) -> str | None:
    """Return why nothing more may begin after a batch in which so many hosts have failed."""
    play = bound.play
    said = f"{failed} of {batch} {'host' if batch == 1 else 'hosts'} failed in play {play.name!r}"
    if not failed:
        return None
    if play.any_errors_fatal or failed == batch:
        return said
    if play.fail_percentage is not None and failed * 100 > play.fail_percentage * batch:
        return f"{said}, more than {play.fail_percentage:g}%"
    return None


def _sum(one: HostSummary, other: HostSummary) -> HostSummary:
    return HostSummary(
        one.ok + other.ok,
        one.changed + other.changed,
        one.failed + other.failed,
        one.skipped + other.skipped,
        one.unreachable + other.unreachable,
        round(one.duration_s + other.duration_s, 3),
        one.unknown + other.unknown,
    )
