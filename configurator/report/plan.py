"""The plan, as people read it: what would change on which hosts, hosts with the same changes together."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from configurator.core.run_events import HostSummary, RunEvent, RunFinished, TaskFinished
from configurator.core.status import Outcome
from configurator.report import words
from configurator.report.changes import SIGNS, said_lines, sign, task_lines
from configurator.report.failures import failure_lines, ignored_lines, notice_lines
from configurator.report.record import HostRecord, RunRecord, add_up
from configurator.report.sanitize import one_line
from configurator.report.terminal import CHANGED, GOOD, MUTED, NAME, WRONG, joined, write


class PlanSink:
    """Prints the whole plan when a plan run ends; says nothing of an apply.

    With `diff` contents are shown as unified diffs; `verbose` shows long ones whole, and the tasks that are
    ok.
    """

    def __init__(self, console: Console, *, diff: bool = True, verbose: int = 0) -> None:
        self._console = console
        self._diff = diff
        self._verbose = verbose
        self._record = RunRecord()

    def handle(self, event: RunEvent) -> None:
        """Collect; print at the end of a plan."""
        self._record.take(event)
        if isinstance(event, RunFinished) and event.mode == "plan":
            write(self._console, plan_lines(self._record, diff=self._diff, verbose=self._verbose))

    def close(self) -> None:
        """Nothing to give back."""


def plan_lines(record: RunRecord, *, diff: bool = True, verbose: int = 0) -> list[Text]:
    """Return the plan: signs explained, groups of hosts, what went wrong, the count that sums it up."""
    lines: list[Text] = []
    signs = {sign(event.changes) for event in record.tasks() if _planned(event)}
    if signs:
        lines += [_legend(signs), Text("")]
    unchanged: list[str] = []
    for hosts in grouped(list(record.hosts.values()), verbose):
        names = [host.name for host in hosts]
        if not any(_shown(event, verbose) for event in hosts[0].finished):
            unchanged += [host.name for host in hosts if not host.troubled and not host.untouched]
            continue
        lines += [
            joined((words.enumeration(names, 20), NAME), ":"),
            *_host_lines(hosts[0], diff, verbose),
            Text(""),
        ]
    if unchanged and len(unchanged) < len(record.hosts):
        lines += [joined((words.enumeration(unchanged, 20), NAME), ": no changes"), Text("")]
    for part in (notice_lines(record), ignored_lines(record), failure_lines(record, full=verbose > 0)):
        lines += [*part, Text("")] if part else []
    return [*lines, verdict(record)]


def grouped(hosts: Sequence[HostRecord], verbose: int = 0) -> list[list[HostRecord]]:
    """Return the hosts in groups of which the same is shown, in the order of the first.

    That is planned changes and messages, and with `verbose` what is ok or skipped.
    """
    groups: dict[object, list[HostRecord]] = {}
    for host in hosts:
        key = tuple(
            (
                *(event.role, event.task, event.module, event.handler),
                *(repr(event.changes), event.warnings, event.says),
                *((event.status, event.cause, event.unknown) if verbose else ()),
            )
            for event in sorted(host.finished, key=lambda event: event.task_id)
            if _shown(event, verbose)
        ) + tuple(name for _, name in host.plays)
        groups.setdefault(key, []).append(host)
    return list(groups.values())


def verdict(record: RunRecord) -> Text:
    """Return `Plan: 12 to change, 30 ok on 2 hosts; 1 host unreachable.` or `No changes.` with why."""
    summaries = record.summaries().values()
    total = add_up(summaries)
    lost = sum(summary.unreachable > 0 for summary in summaries)
    seen = sum(not summary.unreachable or _counted(summary) for summary in summaries)
    untouched = record.untouched() if total.failed or lost else []
    seen -= len(untouched)
    reached = words.count(seen, "host")
    if not total.changed and not total.failed and not lost:
        return joined(("No changes.", GOOD), f" {_as_declared(total, reached)}.")
    unreachable = (f"{words.count(lost, 'host')} unreachable", WRONG)
    if not seen:
        return joined(("No plan:", NAME), " ", unreachable, ".")
    text = joined(("Plan:", NAME), " ", (f"{total.changed} to change", CHANGED if total.changed else ""))
    text.append(f", {total.ok} ok")
    if total.failed:
        text.append(", ").append(f"{total.failed} failed", WRONG)
    text.append(f" on {reached}")
    if lost:
        text.append("; ").append(*unreachable)
    if untouched:
        text.append(f"; nothing was begun on {words.enumeration(untouched)}")
    return text.append(".")


def _counted(summary: HostSummary) -> bool:
    """Return True if a host that was lost had been looked at before."""
    return bool(summary.ok or summary.changed or summary.failed or summary.skipped)


def _as_declared(total: HostSummary, hosts: str) -> str:
    if not total.ok:
        return f"There is no task for what was asked for on {hosts}"
    ok, unknown = total.ok - total.unknown, total.unknown
    declared = "1 task is as declared" if ok == 1 else f"{ok} tasks are as declared"
    later = "1 task runs only in an apply" if unknown == 1 else f"{unknown} tasks run only in an apply"
    if not ok:
        return f"{later}, on {hosts}"
    return f"{declared} on {hosts}" + (f"; {later}" if unknown else "")


def _planned(event: TaskFinished) -> bool:
    return event.status is Outcome.CHANGED


def _shown(event: TaskFinished, verbose: int) -> bool:
    """Return True if the plan has a line for this task."""
    if event.handler:
        return _planned(event)
    told = verbose and event.status in (Outcome.OK, Outcome.SKIPPED)
    return bool(_planned(event) or event.says or told)


def _legend(signs: set[str]) -> Text:
    text = Text("")
    for mark, (word, style) in SIGNS.items():
        if mark in signs:
            text.append(f"{mark} ", style).append(f"{word}   ", MUTED)
    text.rstrip()
    return text


def _host_lines(host: HostRecord, diff: bool, verbose: int) -> list[Text]:
    lines: list[Text] = []
    heads = dict(host.plays) if len(host.plays) > 1 else {}
    head: str | None = None
    for number, event in enumerate(host.finished):
        head = heads.get(number, head)
        found = [] if event.handler else _task_lines(event, diff, verbose)
        if found and head is not None:
            lines.append(joined("  ", (f"Play: {one_line(head)}", MUTED)))
            head = None
        lines += found
    handlers = [event for event in host.finished if event.handler and _planned(event)]
    if handlers:
        lines += [joined("  ", ("Handlers that will run:", MUTED))]
        lines += [
            joined("    > ", (words.title(event), NAME), (f"  [{event.module}]", MUTED)) for event in handlers
        ]
    return lines


def _task_lines(event: TaskFinished, diff: bool, verbose: int) -> list[Text]:
    if _planned(event):
        return [*task_lines(event, diff=diff, full=verbose > 0), *said_lines(event, 6)]
    if event.says:
        head = joined("    ", (words.title(event), NAME), (f"  [{event.module}]", MUTED))
        return [head, *said_lines(event, 6)]
    if verbose and event.status is Outcome.OK:
        word = "ok" if event.unknown is None else "runs only in an apply"
        return [joined("  ", (f"  {words.title(event)}  {word}", MUTED))]
    if verbose and event.status is Outcome.SKIPPED:
        return [joined("  ", (f"  {words.title(event)}  skipped: {event.cause or event.reason}", MUTED))]
    return []
