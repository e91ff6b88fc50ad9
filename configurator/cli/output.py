"""Where the output of a run goes: which sinks, on which streams, and how a run that breaks is reported."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from configurator.cli import ending
from configurator.core.errors import ConfiguratorError, InputError
from configurator.core.run_events import RunEvent, RunFinished, RunStarted, Sink
from configurator.report.jsonl import JsonSink
from configurator.report.log import LogSink, new_log_path
from configurator.report.sinks import Reporter

if TYPE_CHECKING:
    from configurator.report.junit import JUnitSink

PENDING = 2  # changes are pending
_ERASE_LINE = "\r\x1b[K"


class Watch:
    """Remembers how far the run has come."""

    def __init__(self) -> None:
        self.started = False
        self.mode = ""
        self.results: dict[str, RunFinished] = {}

    def handle(self, event: RunEvent) -> None:
        """Note starts and ends."""
        if isinstance(event, RunStarted):
            self.started, self.mode = True, event.mode
        if isinstance(event, RunFinished):
            self.results[event.mode] = event

    def close(self) -> None:
        """Nothing to give back."""


class PendingSink:
    """Passes events on; a plan that went well and predicts changes ends with 2 (`--detailed-exitcode`)."""

    def __init__(self, inner: Sink) -> None:
        self._inner = inner

    def handle(self, event: RunEvent) -> None:
        """Pass on, with the exit code that the process will have."""
        if isinstance(event, RunFinished) and event.exit_code == 0:
            pending = any(summary.changed for summary in event.hosts.values())
            event = replace(event, exit_code=PENDING if pending else 0)
        self._inner.handle(event)

    def close(self) -> None:
        """Close the inner sink."""
        self._inner.close()


class EarlyLine:
    """A first sign of life on a terminal while files are read; gone as soon as there is more to say."""

    def __init__(self) -> None:
        self._shown = True
        click.echo("Reading the configuration...", nl=False, err=True)

    def handle(self, event: RunEvent) -> None:  # noqa: ARG002
        """Erase the line at the first event."""
        self.close()

    def suspend(self) -> None:
        """Erase the line: somebody is asked something."""
        self.close()

    def resume(self) -> None:
        """Stay away."""

    def close(self) -> None:
        """Erase the line."""
        if self._shown:
            self._shown = False
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()


class Output:
    """The sinks of one command. `values` are its options; `json` is there only with `--json`."""

    def __init__(self, mode: str, values: Mapping[str, Any]) -> None:
        self.json = JsonSink(sys.stdout) if values["as_json"] else None
        self.watch = Watch()
        self.log: LogSink | None = None
        self.junit: JUnitSink | None = None
        self._mode = mode
        self._values = values
        self._reporter: Reporter | None = None

    @property
    def reporter(self) -> Reporter:
        """Return the sink for the app; made at the first use, because it imports what draws."""
        if self._reporter is None:
            self.junit = _junit(self._values["junit"])
            self.log = _log(self._mode, self._values["log"])
            early: list[Sink] = [EarlyLine()] if self._board_fits() else []
            files: list[Sink] = [sink for sink in (self.log, self.junit) if sink is not None]
            self._reporter = Reporter(
                [*early, *files, *self._people()],
                [self.watch, *([self.json] if self.json else [])],
                log_path=self.log.path if self.log else None,
                complain=lambda text: ending.say(f"warning: {text}"),
            )
        return self._reporter

    @property
    def applying(self) -> bool:
        """Return True if hosts may have been changed: an apply has begun."""
        return self.watch.mode == "apply"

    def ask(self, question: str) -> str | None:
        """Ask the person for a secret, with the board out of the way; None where nobody can be asked."""
        with self.reporter.paused():
            return ending.ask_secret(question)

    def ask_person(
        self, text: str, echo: bool, timeout_s: float | None, given_up: threading.Event
    ) -> str | None:
        """Ask the person what a task wants to know; None where nobody can be asked."""
        with self.reporter.paused():
            return ending.ask_person(text, echo, timeout_s, given_up)

    def _board_fits(self) -> bool:
        """A board needs stderr for itself; JSON on the same terminal would be drawn over."""
        moving = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        return moving and not (self.json and sys.stdout.isatty())

    def _people(self) -> list[Sink]:
        from configurator.report.board import BoardSink  # noqa: PLC0415  (rich: 77 ms, after the early line)
        from configurator.report.plain import PlainSink  # noqa: PLC0415
        from configurator.report.plan import PlanSink  # noqa: PLC0415
        from configurator.report.summary import SummarySink  # noqa: PLC0415
        from configurator.report.terminal import make_console  # noqa: PLC0415

        verbose, diff = self._values["verbosity"], self._values["diff"]
        sinks: list[Sink] = []
        if self._board_fits():
            sinks.append(BoardSink(make_console(sys.stderr), verbose=verbose, diff=bool(diff)))
        elif self.json is None:
            sinks.append(PlainSink(make_console(sys.stderr), verbose=verbose, diff=bool(diff)))
        if self.json is None:
            console = make_console(sys.stdout)
            sinks.append(PlanSink(console, diff=diff is not False, verbose=verbose))
            sinks.append(SummarySink(console, verbose=verbose))
        return sinks

    def plan_exit_code(self, otherwise: int) -> int:
        """Return what the plan ended with."""
        result = self.watch.results.get("plan")
        return otherwise if result is None else result.exit_code

    def close(self, exit_code: int) -> None:
        """Show what is left, leave the terminal as it was found, end the JSON with `run_finished`."""
        if self.json is not None:
            self.json.end(exit_code)
        if self.junit is not None:
            self.junit.end(exit_code)
        if self._reporter is not None:
            self._reporter.close()
        elif self.json is not None:
            self.json.close()

    def settle(self) -> None:
        """Return when everything that happened so far was shown."""
        if self._reporter is not None:
            self._reporter.flush()

    def fail(self, error: ConfiguratorError) -> None:
        """Add an error to the JSON, the JUnit report and the log, after everything that came before it."""
        self.settle()
        if self.json is not None:
            self.json.fail(error, error.exit_code)
        if self.junit is not None:
            self.junit.fail(error)
        if self.log is not None:
            self.log.note(f"error: {error.message}")


def perform(mode: str, values: Mapping[str, Any], work: Callable[[Output], int]) -> int:
    """Do `work` with an Output and return the exit code; errors are shown after the board is gone."""
    output = Output(mode, values)
    failure: BaseException | None = None
    code = ending.INTERRUPTED
    try:
        code = work(output)
    except ConfiguratorError as error:
        failure, code = error, error.exit_code
        output.fail(error)
    except KeyboardInterrupt as error:
        output.settle()
        result = output.watch.results.get(mode)
        if result is None:
            failure = error
        else:  # it came too late to interrupt anything, and the JSON's last line has been written
            code = result.exit_code
    except Exception as error:  # noqa: BLE001  (the boundary: a bug is shown as one, and the terminal is restored)
        failure = error
        output.settle()
        if not ending.was_interrupted(error):
            code = ending.BUG_IN_RUN if output.watch.started else ending.BUG_BEFORE_RUN
    finally:
        output.close(code)
    _explain(failure, output)
    return code


def _explain(failure: BaseException | None, output: Output) -> None:
    if failure is None or isinstance(failure, BrokenPipeError):
        return
    if isinstance(failure, ConfiguratorError):
        ending.show_error(failure)
    elif ending.was_interrupted(failure):
        began = output.watch.started and output.applying
        left = "what was under way may be half done" if began else "nothing was changed"
        ending.say(f"Interrupted: {left}.")
        if began:
            ending.say("help: run the same command again; it goes on from what the hosts are now")
    else:
        ending.report_bug(failure, sys.argv[1:])


def _junit(wanted: str | None) -> JUnitSink | None:
    """Return the sink of `--junit`; InputError if its file cannot be written, before anything is touched."""
    if wanted is None:
        return None
    from configurator.report.junit import JUnitSink  # noqa: PLC0415  (rich, and the library for XML)

    sink = JUnitSink(wanted)
    try:
        sink.prepare()
    except OSError as error:
        hint = "its directory must exist, and you must be allowed to write there"
        raise InputError(f"cannot write the JUnit report {wanted}: {error.strerror}", hint=hint) from None
    return sink


def _log(mode: str, wanted: str | None) -> LogSink | None:
    """Return the log; a place that was asked for must be writable, the usual one may not be there."""
    sink = LogSink(wanted or new_log_path(mode), prunes=wanted is None)
    try:
        if wanted is not None:
            sink.open()
        else:
            os.makedirs(os.path.dirname(sink.path), mode=0o700, exist_ok=True)
    except OSError as error:
        if wanted is not None:
            raise InputError(f"cannot write the log {wanted}: {error.strerror}") from None
        ending.say(f"warning: no log is written, {sink.path} cannot be made: {error.strerror}")
        return None
    return sink
