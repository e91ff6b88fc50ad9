"""Progress as plain lines: for logs, pipes and terminals that cannot move the cursor."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from configurator.core.run_events import (
    HostConnected,
    HostFailed,
    HostFinished,
    HostNotice,
    PlayStarted,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskFinished,
)
from configurator.core.status import Outcome
from configurator.report import words
from configurator.report.changes import said_lines, task_lines
from configurator.report.consequences import Consequences, is_consequence
from configurator.report.record import BAD, CHOSEN_SKIPS, HostRecord, RunRecord, Stage
from configurator.report.sanitize import one_line
from configurator.report.terminal import CHANGED, GOOD, MUTED, NAME, WARNING, WRONG, joined, write

HEARTBEAT_S = 10.0
_STYLES = {Outcome.OK: GOOD, Outcome.CHANGED: CHANGED, Outcome.SKIPPED: MUTED, Outcome.CANCELLED: MUTED}
_VERBS = {"plan": "Planning", "apply": "Applying to"}


class PlainSink:
    """Writes a line when something happens that a person wants to know, and a heartbeat when nothing does.

    Wanted are changes, failures, warnings, skips that something else caused (in one line when the host has
    ended), and what tasks are there to say; `verbose` adds what is ok and what a condition skipped, and names
    all skips. In a plan tasks are left to the plan's own output.
    """

    def __init__(
        self,
        console: Console,
        *,
        verbose: int = 0,
        diff: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._verbose = verbose
        self._diff = diff
        self._clock = clock
        self._record = RunRecord()
        self._consequences = Consequences()
        self._last_line = clock()
        self._since: dict[tuple[str, str], float] = {}

    def handle(self, event: RunEvent) -> None:
        """Write the event's line, if it has one."""
        host = self._record.take(event)
        if host is not None:
            for task_id in host.running:
                self._since.setdefault((host.name, task_id), self._clock())
        due = self._consequences.due(event)
        if due:
            self._say(*due)
        line = self._line(event)
        if line is not None:
            self._say(line, *details(event, self._record.mode, self._verbose, self._diff))

    def tick(self) -> None:
        """Say what still runs if nothing was said for ten seconds."""
        if (
            self._record.result is None
            and self._record.hosts
            and self._clock() - self._last_line >= HEARTBEAT_S
        ):
            for host in self._record.hosts.values():
                line = self._heartbeat(host)
                if line is not None:
                    self._say(line)
            self._last_line = self._clock()

    def close(self) -> None:
        """Nothing to give back."""

    def _say(self, *lines: Text) -> None:
        write(self._console, lines)
        self._last_line = self._clock()

    def _line(self, event: RunEvent) -> Text | None:
        if isinstance(event, RunStarted):
            return started_line(event)
        if isinstance(event, PlayStarted):
            return play_line(event)
        if isinstance(event, TaskFinished) and wanted(event, self._record.mode, self._verbose):
            blame = self._record.hosts[event.host].blame(event)
            if is_consequence(event) and not self._verbose:
                self._consequences.hold(event, blame)
                return None
            return task_line(event, blame=blame)
        if isinstance(event, RunFinished):
            self._since.clear()
        return self._host_line(event)

    def _host_line(self, event: RunEvent) -> Text | None:
        if isinstance(event, HostFailed):
            return host_failed_line(event)
        if isinstance(event, HostNotice) and (event.level == "warning" or self._verbose):
            return notice_line(event) if self._record.first_told(event) else None
        if isinstance(event, HostConnected) and self._verbose:
            return joined((f"{event.host}: ", NAME), f"connected to {one_line(event.address)}")
        if isinstance(event, HostFinished) and len(self._record.hosts) > 1:
            host = self._record.hosts[event.host]
            if host.failure is None:
                return finished_line(event, self._record.mode, untouched=host.untouched)
        return None

    def _heartbeat(self, host: HostRecord) -> Text | None:
        if host.stage is Stage.DONE or host.failure is not None:
            return None
        if host.running:
            now = self._clock()
            running = [
                f"{words.title(event)} ({words.whole_duration(now - self._since[host.name, task_id])})"
                for task_id, event in host.running.items()
            ]
            return joined((f"{host.name}: ", NAME), ("still running: ", MUTED), words.enumeration(running, 4))
        doing = "running" if host.stage is Stage.RUNNING else str(host.stage)
        return joined((f"{host.name}: ", NAME), (f"still {doing}", MUTED))


def started_line(event: RunStarted) -> Text:
    """Return `Applying to 3 hosts: web1, web2, web3`."""
    verb = _VERBS.get(event.mode, event.mode)
    names = words.enumeration(event.hosts)
    hosts = names if len(event.hosts) == 1 else f"{words.count(len(event.hosts), 'host')}: {names}"
    return joined(f"{verb} {hosts}")


def play_line(event: PlayStarted) -> Text:
    """Return `Play 1 of 2: Web servers (web1, web2)`."""
    number = f"Play {event.number} of {event.plays}" if event.plays > 1 else "Play"
    hosts = words.enumeration(event.hosts, 6) if event.hosts else "no hosts"
    return joined((f"{number}: {one_line(event.play)}", NAME), (f" ({one_line(hosts)})", MUTED))


def wanted(event: TaskFinished, mode: str, verbose: int) -> bool:
    """Return True if a person wants a line about this task as it ends."""
    if mode == "plan":
        return False
    if event.says or event.status in BAD or event.status in (Outcome.CHANGED, Outcome.CANCELLED):
        return True
    return bool(verbose) or (event.status is Outcome.SKIPPED and event.reason not in CHOSEN_SKIPS)


def task_line(event: TaskFinished, *, with_host: bool = True, blame: str = "") -> Text:
    """Return `web1: changed  nginx: Install nginx (4.2s)`, with the reason of a failure or skip."""
    word, style = str(event.status), _STYLES.get(event.status, WRONG)
    if event.ignored and event.status in BAD:
        word, style = "rescued" if event.rescued else "ignored", WARNING
    line = joined((f"{event.host}: ", NAME) if with_host else "", (f"{word:<8} ", style), words.title(event))
    if event.status is Outcome.SKIPPED:
        why = one_line(blame or event.cause or str(event.reason or ""))
        return line.append(f" ({_skip_word(event)}{why})", MUTED)
    if event.status is Outcome.CANCELLED:
        return line
    line.append(f" ({words.duration(event.duration_s)})", MUTED)
    if event.status in BAD and event.message:
        first = event.message.strip("\n").split("\n")[0]
        line.append(f": {words.shorten(first, 200)}", style)
    return line


def details(event: RunEvent, mode: str, verbose: int, diff: bool) -> list[Text]:
    """Return what stands below a task's line in an apply: what it says, and what it has changed.

    Of changes that is the fields with -v, the contents with --diff.
    """
    if not isinstance(event, TaskFinished) or mode == "plan":
        return []
    shown = bool(event.changes) and (verbose or diff)
    changes = task_lines(event, diff=diff, full=verbose > 0, indent=0)[1:] if shown else []
    return [*changes, *said_lines(event, 4)]


def host_failed_line(event: HostFailed) -> Text:
    """Return the line of a host that ended early."""
    return joined((f"{event.host}: ", NAME), (f"{event.status!s:<8} ", WRONG), one_line(event.message))


def notice_line(event: HostNotice) -> Text:
    """Return the line of a notice."""
    word, style = ("warning", WARNING) if event.level == "warning" else ("note", MUTED)
    return joined((f"{event.host}: ", NAME), (f"{word:<8} ", style), one_line(event.message))


def finished_line(event: HostFinished, mode: str, *, untouched: bool = False) -> Text:
    """Return `web1: done     12 changed, 30 ok (9.8s)`, or that nothing was begun there."""
    summary = event.summary
    if untouched:
        return joined((f"{event.host}: ", NAME), ("skipped  ", MUTED), "nothing was begun")
    wrong = summary.failed or summary.unreachable
    word, style = ("failed", WRONG) if wrong else ("planned" if mode == "plan" else "done", GOOD)
    parts = [
        f"{summary.changed} to change" if mode == "plan" else f"{summary.changed} changed",
        f"{summary.ok} ok",
    ]
    for number, name in ((summary.failed, "failed"), (summary.skipped, "skipped")):
        parts += [f"{number} {name}"] if number else []
    if summary.unreachable:
        word = "unreachable"
    return joined(
        (f"{event.host}: ", NAME),
        (f"{word:<8} ", style),
        ", ".join(parts),
        (f" ({words.duration(summary.duration_s)})", MUTED),
    )


def _skip_word(event: TaskFinished) -> str:
    return "" if event.reason in CHOSEN_SKIPS else "because of "
