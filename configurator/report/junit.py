"""`--junit`: a plan or an apply as a JUnit report, one suite a host and one case a task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from configurator.core.errors import ConfiguratorError, InputError
from configurator.core.run_events import RunEvent, RunFinished, RunStarted, TaskFinished
from configurator.core.status import Outcome
from configurator.report.junit_cases import IDLE, help_lines, host_suite
from configurator.report.junit_xml import Case, Suite, Verdict, check_place, document, save
from configurator.report.record import RunRecord

_PROGRAM = "configurator"
_GOOD_CODES = (0, 2)  # done, and the changes that `plan --detailed-exitcode` was asked about
_INTERRUPTED = 130


def _now() -> datetime:
    return datetime.now(UTC)


class JUnitSink:
    """Writes the report when it is closed, all at once, also of a run that was interrupted or failed.

    A run that ended neither well nor with changes pending has at least one failure or error in it. Of an
    apply after its plan the report holds the apply, and of the plan the hosts that it left out.
    """

    def __init__(self, path: str, *, now: Callable[[], datetime] = _now) -> None:
        self._path = path
        self._now = now
        self._began = now()
        self._record = RunRecord()
        self._left_out: list[Suite] = []
        self._errors: list[Case] = []
        self._exit_code = 0
        self._closed = False

    def prepare(self) -> None:
        """Return if the report can be written, else raise OSError; call it before the run begins."""
        check_place(self._path)

    def handle(self, event: RunEvent) -> None:
        """Take one event."""
        if isinstance(event, TaskFinished) and event.handler and not self._ran(event):
            return
        if isinstance(event, RunStarted):
            suites = [*self._left_out, *self._suites()]
            self._left_out = [suite for suite in suites if suite.name not in event.hosts]
            self._began = self._now()
        self._record.take(event)
        if isinstance(event, RunFinished):
            self._exit_code = event.exit_code

    def fail(self, error: ConfiguratorError) -> None:
        """Add an error that ends the run."""
        found = error.diagnostics if isinstance(error, InputError) else ()
        details = "\n".join([error.message, *(str(item) for item in found), *help_lines(error.hint)])
        self._errors.append(_run_error(type(error).__name__, error.message, details))

    def end(self, exit_code: int) -> None:
        """Say what the process ends with."""
        self._exit_code = exit_code

    def close(self) -> None:
        """Write the report; a second call does nothing. OSError if that fails."""
        if not self._closed:
            self._closed = True
            save(self._path, self.text())

    def text(self) -> str:
        """Return the report as it is now."""
        suites = [*self._left_out, *self._suites()]
        bad_cases = sum(suite.count(Verdict.FAILURE) + suite.count(Verdict.ERROR) for suite in suites)
        errors = list(self._errors)
        if not errors and not bad_cases and self._exit_code not in _GOOD_CODES:
            interrupted = self._exit_code == _INTERRUPTED
            text = "the run was interrupted" if interrupted else f"the run ended with {self._exit_code}"
            errors.append(_run_error("interrupted" if interrupted else "exit_code", text, text))
        if errors:
            suites.append(Suite(_PROGRAM, tuple(errors), timestamp=self._began))
        time_s = max((suite.time_s for suite in suites), default=0.0)
        if self._record.result is not None:
            time_s = self._record.result.duration_s
        return document(f"{_PROGRAM} {self._record.mode}".strip(), suites, time_s)

    def _ran(self, event: TaskFinished) -> bool:
        """Return True for a handler that was started: one that nobody notified is no case."""
        host = self._record.hosts.get(event.host)
        running = host is not None and event.task_id in host.running
        return event.status not in IDLE or (event.status is Outcome.CANCELLED and running)

    def _suites(self) -> list[Suite]:
        result = self._record.result
        given_up = result is None or result.exit_code == _INTERRUPTED
        hosts = self._record.hosts.values()
        return [host_suite(host, self._record.mode, self._began, given_up) for host in hosts]


def _run_error(kind: str, message: str, details: str) -> Case:
    return Case(_PROGRAM, "run", verdict=Verdict.ERROR, kind=kind, message=message, details=details)
