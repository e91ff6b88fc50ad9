"""What went wrong, so that it can be mended without looking anywhere else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.text import Text

from configurator.core.run_events import HostFailed, TaskFinished
from configurator.core.status import Outcome, SkipReason
from configurator.report import words
from configurator.report.diagnostics import diagnostic_lines
from configurator.report.record import BAD, CHOSEN_SKIPS, HostRecord, RunRecord, bad
from configurator.report.sanitize import one_line, sanitize
from configurator.report.terminal import MUTED, NAME, WARNING, WRONG, flowing, joined

_OUTPUT_LINES = 15
_WHY = {
    SkipReason.REQUIREMENT_FAILED: "what it requires has failed",
    SkipReason.REQUIREMENT_SKIPPED: "what it requires was skipped",
    SkipReason.FAIL_FAST: "the run stops at the first failure",
    SkipReason.LOCK_LEAKED: "a task that does not stop holds its lock",
    SkipReason.BREAKER_OPEN: "too many failures before it",
}


def failure_lines(record: RunRecord, *, full: bool = False) -> list[Text]:
    """Return every failure with an empty line between them; the same one of several hosts once."""
    blocks: dict[str, tuple[list[str], list[Text]]] = {}
    for host in record.hosts.values():
        for block in _host_blocks(host, full):
            key = "\n".join(line.plain for line in block)
            blocks.setdefault(key, ([], block))[0].append(host.name)
    lines: list[Text] = []
    for names, block in blocks.values():
        head = joined((words.enumeration(names), NAME), ": ").append_text(block[0])
        lines += [Text(""), head, *block[1:]] if lines else [head, *block[1:]]
    return lines


def ignored_lines(record: RunRecord) -> list[Text]:
    """Return a line for every failure that the role says to ignore, and below it what else is said of it."""
    lines: list[Text] = []
    for event in record.tasks():
        if event.ignored and event.status in BAD:
            word = "failed, rescued" if event.rescued else "failed, ignored"
            first, *more = _rows(event.message or "") or [str(event.status)]
            head = joined((f"{event.host}: ", NAME), (word, WARNING), f"  {words.title(event)}: {first}")
            lines += [flowing(head), *(flowing(Text("  " + row)) for row in more)]
    return lines


def notice_lines(record: RunRecord) -> list[Text]:
    """Return every warning of hosts and of tasks, each once with the hosts that have it."""
    found: dict[str, dict[str, None]] = {}
    for host in record.hosts.values():
        texts = [one_line(notice.message) for notice in host.notices if notice.level == "warning"]
        for event in host.finished:
            texts += [f"{words.title(event)}: {one_line(text)}" for text in event.warnings]
        for text in texts:
            found.setdefault(text, {})[host.name] = None
    return [
        flowing(joined((words.enumeration(list(hosts)), NAME), ": ", ("warning", WARNING), f"  {text}"))
        for text, hosts in found.items()
    ]


def _host_blocks(host: HostRecord, full: bool) -> list[list[Text]]:
    blocks: list[list[Text]] = []
    explained: set[str] = set()
    if host.failure is not None:
        blocks.append(_host_block(host.failure, full))
    consequences = _by_cause(host)
    for event in host.finished:
        if bad(event) or event.rescued:  # what a rescue stands in for is nobody's failure
            blamed = [other for name in _names(event) for other in consequences.get(name, ())]
            explained |= {other.task_id for other in blamed}
        if bad(event):
            blocks.append(_task_block(event, blamed, full))
    rest = [
        event
        for event in host.finished
        if event.status in (Outcome.SKIPPED, Outcome.CANCELLED)
        and event.reason not in CHOSEN_SKIPS
        and event.task_id not in explained
    ]
    if rest and host.failure is None:
        blocks.append(_rest_block(rest))
    return blocks


def _host_block(failure: HostFailed, full: bool) -> list[Text]:
    word = "unreachable" if failure.status is Outcome.UNREACHABLE else "failed"
    message, *more = failure.message.strip("\n").split("\n")
    if failure.diagnostics:  # they say it all, each with its place
        message, more = f"{words.count(len(failure.diagnostics), 'problem')} in its configuration", []
    lines = [joined((word, WRONG), f"  {message}"), *(Text("  " + line) for line in more)]
    for diagnostic in failure.diagnostics:
        lines += [joined("  ", line) for line in diagnostic_lines(diagnostic)]
    lines += _output(failure.output, full)
    return lines + _hint(failure.hint)


def _task_block(event: TaskFinished, blamed: Sequence[TaskFinished], full: bool) -> list[Text]:
    word = "timeout" if event.status is Outcome.TIMEOUT else str(event.status)
    kind = "  handler" if event.handler else ""
    lines = [joined((word, WRONG), "  ", (words.title(event), NAME), (f"  [{event.module}]{kind}", MUTED))]
    if event.position:
        lines.append(joined("  ", ("at ", MUTED), one_line(event.position)))
    lines += [flowing(Text("  " + row)) for row in _rows(event.message or "")]
    if event.command:
        first, *more = _rows(shlex.join(event.command))
        lines.append(joined("  ", ("command: ", MUTED), first))
        lines += [Text("    " + row) for row in more]
    if event.exit_status is not None:
        lines.append(joined("  ", ("exit code: ", MUTED), _exit_code(event.exit_status)))
    # A message that is the output itself need not be read twice.
    if event.output.strip() != (event.message or "").strip():
        lines += _output(event.output, full)
    if blamed:
        names = words.enumeration([words.title(other) for other in blamed], 5)
        what = words.count(len(blamed), "task")
        lines.append(flowing(joined("  ", (f"skipped because of it ({what}): ", MUTED), names)))
    return lines + _hint(event.hint)


def _rest_block(events: Sequence[TaskFinished]) -> list[Text]:
    lines = [joined(("skipped", WARNING), f"  {words.count(len(events), 'task')}")]
    by_reason: dict[str, list[str]] = {}
    for event in events:
        why = _WHY.get(event.reason, str(event.status)) if event.reason else str(event.status)
        by_reason.setdefault(why, []).append(words.title(event))
    return lines + [
        joined("  ", (f"{why}: ", MUTED), words.enumeration(names, 5)) for why, names in by_reason.items()
    ]


def _by_cause(host: HostRecord) -> dict[str, list[TaskFinished]]:
    """Return the tasks that did not run, by what their cause says."""
    found: dict[str, list[TaskFinished]] = {}
    for event in host.finished:
        if event.cause is not None and event.reason not in CHOSEN_SKIPS:
            found.setdefault(event.cause, []).append(event)
    return found


def _names(event: TaskFinished) -> frozenset[str]:
    """Return what a cause may call this task: by its id, or as `role: task`."""
    return frozenset({event.task_id, f"{event.role}: {event.task}", words.title(event)})


def _rows(text: str) -> list[str]:
    """Return the lines of a text that say something."""
    return [row.rstrip() for row in sanitize(text).strip("\n").split("\n") if row.strip()]


def _output(output: str, full: bool) -> list[Text]:
    rows = [row.rstrip() for row in output.strip("\n").split("\n")]
    if not any(rows):
        return []
    left_out = 0 if full else max(len(rows) - _OUTPUT_LINES, 0)
    label = f"output, last {_OUTPUT_LINES} of {len(rows)} lines:" if left_out else "output:"
    return [joined("  ", (label, MUTED)), *(joined("    ", ("│ ", MUTED), row) for row in rows[left_out:])]


def _hint(hint: str | None) -> list[Text]:
    if not hint:
        return []
    first, *more = hint.strip("\n").split("\n")
    return [joined("  ", ("hint: ", NAME), first), *(Text("        " + line) for line in more)]


def _exit_code(status: int) -> str:
    """Return the code; a negative one is how Python tells the signal that ended a process."""
    if status >= 0:
        return str(status)
    import signal  # noqa: PLC0415  (only wanted for a killed command)

    try:
        return f"{status} (killed by {signal.Signals(-status).name})"
    except ValueError:
        return str(status)
