"""A JUnit report of what ParallelExecutor returned, for those who use the engine alone."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from configurator.core.status import Status
from configurator.core.task import TaskResult
from configurator.report.engine_words import failure_text, idle_text
from configurator.report.junit_xml import Case, Suite, Verdict, document
from configurator.report.redact import Redactor

_IDLE = (Status.SKIPPED, Status.CANCELLED)


def engine_junit(
    results: Sequence[TaskResult],
    name: str = "run",
    *,
    started: datetime | None = None,
    redactor: Redactor | None = None,
) -> str:
    """Return a well-formed JUnit document of these results: one suite, one case a task, in their order.

    The case's class is `name`, or `name.group` for a task of a group. A failed or timed out task is a
    failure with its traceback and its output, unless the failure was ignored; a skipped or cancelled one is
    skipped, with its reason; one that has not ended is an error. `started` is when the run began, aware of
    its time zone; `redactor` masks its secrets everywhere. Write the document as UTF-8.

    >>> from configurator.core.parallel import ParallelExecutor
    >>> results = ParallelExecutor().execute_tasks({"build": lambda: "done"})
    >>> '<testcase classname="nightly" name="build"' in engine_junit(results, "nightly")
    True
    """
    cases = tuple(_case(result, name) for result in results)
    time_s = max((result.ended_s for result in results), default=0.0)
    suite = Suite(name, cases, time_s, started)
    mask = (redactor or Redactor()).text
    return document(name, [suite], time_s, mask)


def _case(result: TaskResult, name: str) -> Case:
    case = Case(
        classname=f"{name}.{result.group}" if result.group else name,
        name=result.task_name,
        time_s=result.execution_time,
        output="\n".join(_notes(result)),
    )
    kind = str(result.status)
    if result.failed:
        known = result.error is not None and result.status is Status.FAILED
        return replace(
            case,
            verdict=Verdict.FAILURE,
            kind=type(result.error).__name__ if known else kind,
            message=failure_text(result),
            details=_details(result),
        )
    if result.status in _IDLE:
        why = str(result.reason or kind)
        return replace(case, verdict=Verdict.SKIPPED, kind=why, message=idle_text(result))
    if not result.status.finished:
        message = f"it has not ended: {kind}"
        return replace(case, verdict=Verdict.ERROR, kind=kind, message=message, details=message)
    return case


def _notes(result: TaskResult) -> Iterator[str]:
    if result.from_cache:
        yield "taken over from a snapshot"
    if result.attempts > 1:
        yield f"attempts: {result.attempts}"
    counts = {"errors": result.errors, "warnings": result.warnings}
    yield from (f"{word}: {number}" for word, number in counts.items() if number)
    if result.ignored:
        yield f"{result.status}, which is ignored: {failure_text(result)}"
    if result.output.strip():
        yield result.output.strip("\n")


def _details(result: TaskResult) -> str:
    if result.error is None:
        return failure_text(result)
    return "".join(traceback.format_exception(result.error)).strip("\n")
