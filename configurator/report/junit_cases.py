"""A host's part of a JUnit report: one suite, with a case for every task and one for what befell the host."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from configurator.core.run_events import HostFailed, TaskFinished, TaskStarted
from configurator.core.status import Outcome
from configurator.report.changes import task_lines
from configurator.report.junit_xml import Case, Suite, Verdict
from configurator.report.record import BAD, HostRecord, Stage, bad

_POSITION = re.compile(r"(.+?):(\d+)(?::\d+)?\Z", re.DOTALL)
_MAX_WAIT_S = 1e8
IDLE = (Outcome.SKIPPED, Outcome.CANCELLED)


def host_suite(host: HostRecord, mode: str, began: datetime, given_up: bool) -> Suite:
    """Return the suite of a host of a run that `began` then; `given_up` if hosts may be left unfinished."""
    cases = _told_apart(host.finished, [_task_case(host, event, mode) for event in host.finished])
    cases += _host_cases(host, mode, given_up)
    time_s = host.summary.duration_s if host.summary else host.seconds
    notices = "\n".join(f"{notice.level}: {notice.message}" for notice in host.notices)
    # A host whose turn came late began when it ended, less what it took.
    waited = host.seconds - time_s
    if 0.0 < waited < _MAX_WAIT_S:  # what a host says of its times may be beyond any calendar
        began += timedelta(seconds=waited)
    return Suite(host.name, tuple(cases), time_s, began, notices)


def _task_case(host: HostRecord, event: TaskFinished, mode: str) -> Case:
    place = _POSITION.match(event.position)
    case = Case(
        classname=_classname(event),
        name=event.task,
        time_s=event.duration_s,
        output="\n".join(_output(event, mode)),
        file=place[1] if place else event.position,
        line=place[2] if place else "",
    )
    if bad(event):
        message = (event.message or "").strip("\n").split("\n")[0] or str(event.status)
        return replace(
            case,
            verdict=Verdict.FAILURE,
            kind=str(event.status),
            message=message,
            details="\n".join(_failure(event)),
        )
    if event.status in IDLE:
        return replace(case, verdict=Verdict.SKIPPED, kind=_skip_kind(event), message=_why(host, event))
    return case


def _host_cases(host: HostRecord, mode: str, given_up: bool) -> Iterator[Case]:
    """Yield the errors of the host as a whole, and of what was under way when the run was given up."""
    case = Case(classname=host.name, name="(host)", verdict=Verdict.ERROR)
    if host.failure is not None:
        failed = host.failure
        details = "\n".join(_host_failure(failed))
        yield replace(case, kind=str(failed.status), message=failed.message, details=details)
    elif given_up and host.stage is not Stage.DONE:
        text = f"the {mode} was interrupted before this host had ended"
        yield replace(case, kind="interrupted", message=text, details=text)
    for event in host.running.values():
        text = "it was under way when the run was interrupted; nobody can tell what came of it"
        unknown = replace(case, kind="interrupted", message=text, details=text)
        yield replace(unknown, classname=_classname(event), name=event.task)


def _failure(event: TaskFinished) -> Iterator[str]:
    yield event.message or str(event.status)
    if event.command:
        yield f"command: {shlex.join(event.command)}"
    if event.exit_status is not None:
        yield f"exit status: {event.exit_status}"
    yield from _block("output", event.output)
    yield from help_lines(event.hint)


def _host_failure(event: HostFailed) -> Iterator[str]:
    yield event.message
    yield from (str(item) for item in event.diagnostics)
    yield from _block("output", event.output)
    yield from help_lines(event.hint)


def _output(event: TaskFinished, mode: str) -> Iterator[str]:
    yield from (f"warning: {text}" for text in event.warnings)
    if event.ignored and event.status in BAD:
        yield f"{event.status}, which its role ignores:"
        yield from _failure(event)
    if event.changes:
        yield "planned changes:" if mode == "plan" else "changes made:"
        yield from (line.plain for line in task_lines(event, diff=True, full=True))


def _skip_kind(event: TaskFinished) -> str:
    return str(event.reason or event.status)


def _why(host: HostRecord, event: TaskFinished) -> str:
    """Return the reason and what is behind it: `requirement_failed: nginx: Write the site`."""
    blame = host.blame(event) if event.cause else ""
    return f"{_skip_kind(event)}: {blame}" if blame else _skip_kind(event)


def _told_apart(events: Sequence[TaskFinished], cases: Sequence[Case]) -> list[Case]:
    """Number the cases of one name, which CI would take for one, in the order of the role in every run."""
    told = list(cases)
    taken: set[tuple[str, str]] = set()
    for index in sorted(range(len(told)), key=lambda index: _natural(events[index].task_id)):
        case = told[index]
        names = itertools.chain([case.name], (f"{case.name} ({number})" for number in itertools.count(2)))
        name = next(name for name in names if (case.classname, name) not in taken)
        taken.add((case.classname, name))
        told[index] = replace(case, name=name)
    return told


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts `app/10:x` after `app/9:x`: longer numbers come later."""
    parts = re.split(r"(\d+)", text)
    return [(len(part) if number % 2 else 0, part) for number, part in enumerate(parts)]


def _classname(event: TaskStarted | TaskFinished) -> str:
    return f"{event.host}.{event.role}" if event.role else event.host


def _block(label: str, text: str) -> Iterator[str]:
    if text.strip():
        yield f"{label}:"
        yield text.strip("\n")


def help_lines(hint: str | None) -> list[str]:
    """Return the advice of an error, if it has any."""
    return [f"help: {hint}"] if hint else []
