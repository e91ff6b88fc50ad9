"""The use cases `plan` and `apply`: load, connect, plan, ask, apply, sum up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from configurator.app.fleet import Fleet, FleetHost, load_fleet
from configurator.app.options import RunOptions
from configurator.app.plays import PlayHost, run_plays
from configurator.config.diagnostics import Diagnostic
from configurator.core.run_events import HostNotice, HostSummary, RunFinished, RunStarted, Sink
from configurator.fleet.host import Clock, HostRun, start_clock
from configurator.fleet.prompts import AskPerson
from configurator.fleet.run import exit_code, run_hosts
from configurator.report.redact import RedactingSink, Redactor
from configurator.transport.sshauth import Prompt

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_PATIENCE_S = 5.0  # for a host's thread to notice that its connection was closed
Confirm = Callable[[Mapping[str, HostSummary]], bool]


def plan(
    options: RunOptions, sink: Sink, *, prompt: Prompt | None = None, ask: AskPerson | None = None
) -> int:
    """Show what an apply would do, touching nothing; return 0, 3, 4 or 130. InputError: exit 1.

    `prompt` asks for passwords, `ask` what plays want to know.
    """
    redactor = Redactor()
    masked = RedactingSink(sink, redactor)
    fleet = load_fleet(options, masked, redactor, prompt, questions=ask)
    clock = start_clock()
    warnings = fleet.project.warnings
    try:
        return _phase("plan", fleet, fleet.hosts, masked, clock, lambda host: host.plan(clock), warnings)
    finally:
        _close(fleet.hosts)
        fleet.shared.delegates.close()


def apply(
    options: RunOptions,
    sink: Sink,
    confirm: Confirm | None,
    *,
    prompt: Prompt | None = None,
    ask: AskPerson | None = None,
) -> int:
    """Make the hosts be what the configuration says; return 0, 3, 4 or 130. InputError: exit 1.

    With `confirm` a plan comes first, and only the hosts that it could plan are applied to, on the same
    connections; a change that it did not show fails its task. If it is declined, nothing was touched. It is
    called, too, where nothing would change but tasks are left that only an apply runs.
    `prompt` asks for passwords, `ask` what plays and tasks want to know.
    """
    redactor = Redactor()
    masked = RedactingSink(sink, redactor)
    fleet = load_fleet(options, masked, redactor, prompt, ask, questions=ask)
    hosts, warnings = fleet.hosts, fleet.project.warnings
    code = 0
    try:
        if confirm is not None:
            clock = start_clock()
            code = _phase("plan", fleet, hosts, masked, clock, lambda host: host.plan(clock), warnings)
            planned = [host for host in hosts if host.failure is None]
            pending = any(host.summary.changed or host.summary.unknown for host in planned)
            if code == INTERRUPTED or not pending or not confirm({host.name: host.summary for host in hosts}):
                return code
            hosts, warnings = tuple(planned), ()
        clock = start_clock()
        confirmed = confirm is not None
        done = _phase(
            "apply",
            fleet,
            hosts,
            masked,
            clock,
            lambda host: host.apply(clock, confirmed=confirmed),
            warnings,
        )
        return max(done, code) if done != 3 else done
    finally:
        _close(hosts)
        fleet.shared.delegates.close()


def _phase(
    mode: str,
    fleet: Fleet,
    hosts: Sequence[FleetHost],
    sink: Sink,
    clock: Clock,
    work: Callable[[HostRun], HostSummary],
    warnings: Sequence[Diagnostic] = (),
) -> int:
    """Do one thing for hosts of the fleet, between the events that open and close a run.

    InputError, before that thing begins anywhere, if tasks were chosen of which no host has one.
    """
    sink.handle(RunStarted(mode, tuple(host.name for host in hosts)))
    for host in hosts:
        for warning in warnings:
            sink.handle(HostNotice(host.name, clock(), "warning", warning.advice))
    interrupted = False
    try:
        if fleet.only:
            run_hosts(hosts, lambda host: host.prepare(clock), fleet.forks)
            fleet.check_only()
        _do(fleet, hosts, work, sink, clock)
    except KeyboardInterrupt:
        interrupted = True
        for host in hosts:
            host.abandon(_PATIENCE_S)  # else its last events would come after the run's
    summaries = {host.name: host.summary for host in hosts}
    code = INTERRUPTED if interrupted else exit_code(summaries)
    sink.handle(RunFinished(mode, code, summaries, round(clock(), 3)))
    return code


def _do(
    fleet: Fleet,
    hosts: Sequence[FleetHost],
    work: Callable[[HostRun], HostSummary],
    sink: Sink,
    clock: Clock,
) -> None:
    if fleet.project.playbook is None:
        run_hosts([host for host in hosts if isinstance(host, HostRun)], work, fleet.forks)
        return
    played = [host for host in hosts if isinstance(host, PlayHost)]
    run_plays(fleet.project.plays, played, work, fleet.forks, sink, clock)


def _close(hosts: Sequence[FleetHost]) -> None:
    for host in hosts:
        host.close()
