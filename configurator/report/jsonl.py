"""`--json`: every event as one line of JSON; the format is docs/reference/json-output.md."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TextIO

from configurator.core.changes import FieldChange
from configurator.core.errors import ConfiguratorError, HostSetupError, InputError, UnreachableError
from configurator.core.run_events import HostSummary, RunEvent, RunFinished
from configurator.report.record import RunRecord
from configurator.report.words import snake_case

FORMAT = 1

# Letters outside ASCII are written as they are, but what a terminal would obey is not: C1 controls, marks
# of direction, line separators, and lone surrogates, which UTF-8 cannot hold. They only occur inside strings.
_UNSAFE = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


class JsonSink:
    """Writes JSON Lines: the version first, one line per event, `run_finished` last whatever happens.

    Each line is flushed as it is written. The version line is written at once, before any event.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._record = RunRecord()
        self._finished = False
        self._exit_code = 1
        self._write({"type": "version", "format": FORMAT})

    def handle(self, event: RunEvent) -> None:
        """Write one event."""
        self._record.take(event)
        self._finished = self._finished or isinstance(event, RunFinished)
        self._write(event_json(event))

    def fail(self, error: ConfiguratorError, exit_code: int) -> None:
        """Write an error that ends the run; `run_finished` follows at `close`."""
        self._exit_code = exit_code
        self._write(error_json(error))

    def end(self, exit_code: int) -> None:
        """Say what the process ends with if the run does not."""
        self._exit_code = exit_code

    def close(self) -> None:
        """Write the `run_finished` line of a run that was given up; a finished run needs nothing more."""
        if self._finished:
            return
        self._finished = True
        hosts = {name: summary_json(one) for name, one in self._record.summaries().items()}
        seconds = max((one["duration_s"] for one in hosts.values()), default=0.0)
        self._write(
            {
                "type": "run_finished",
                "mode": self._record.mode or None,
                "exit_code": self._exit_code,
                "hosts": hosts,
                "duration_s": seconds,
            }
        )

    def _write(self, line: Mapping[str, Any]) -> None:
        self._stream.write(dumps(line) + "\n")
        self._stream.flush()


def dumps(line: Mapping[str, Any]) -> str:
    """Return one line of JSON, safe to print on a terminal and to encode as UTF-8."""
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str, allow_nan=True)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def event_json(event: RunEvent) -> dict[str, Any]:
    """Return the JSON object of an event: `type`, then its fields under their own names."""
    out: dict[str, Any] = {"type": snake_case(type(event).__name__)}
    for item in fields(event):
        out[item.name] = _plain(item.name, getattr(event, item.name))
    return out


def summary_json(summary: HostSummary) -> dict[str, Any]:
    """Return the counts of one host."""
    return {item.name: _number(getattr(summary, item.name)) for item in fields(summary)}


def error_json(error: ConfiguratorError) -> dict[str, Any]:
    """Return an `error` event: its kind, message and hint, the host or the diagnostics where it has them."""
    out: dict[str, Any] = {
        "type": "error",
        "error": snake_case(type(error).__name__),
        "message": error.message,
        "hint": error.hint,
    }
    if isinstance(error, (UnreachableError, HostSetupError)):
        out["host"] = error.host
    if isinstance(error, InputError):
        out["diagnostics"] = [diagnostic_json(item) for item in error.diagnostics]
    return out


def diagnostic_json(diagnostic: Any) -> dict[str, Any]:
    """Return a diagnostic as a JSON object; what it does not have is left out."""
    placed = ("line", "column", "length", "source") if getattr(diagnostic, "line", 0) else ()
    names = ("path", *placed, "code", "message", "hint")
    found = {name: getattr(diagnostic, name, None) for name in names}
    return {name: item for name, item in found.items() if item not in (None, "")} or {
        "message": str(diagnostic)
    }


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, HostSummary):
        return summary_json(value)
    if name == "hosts" and isinstance(value, Mapping):
        return {host: summary_json(summary) for host, summary in value.items()}
    if name == "diagnostics":
        return [diagnostic_json(item) for item in value]
    if isinstance(value, tuple):
        return [item.to_json() if isinstance(item, FieldChange) else item for item in value]
    return _number(value)


def _number(value: Any) -> Any:
    """Round times to a tenth of a millisecond: what is below is noise."""
    return round(value, 4) if isinstance(value, float) else value
