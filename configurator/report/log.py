"""The full log of a run: every event with everything it carries, in a file that only its owner can read."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import TextIO

from configurator.core.run_events import (
    HostConnected,
    HostFailed,
    HostNotice,
    HostStarted,
    PlayStarted,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskStarted,
)
from configurator.report import words
from configurator.report.sanitize import one_line, sanitize

KEPT = 50


def log_directory() -> str:
    """Return the directory of the logs, `$XDG_STATE_HOME/configurator/logs`.

    Where the variable is unset, empty or relative, `~/.local/state` stands for it, as the XDG Base Directory
    Specification demands.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.expanduser("~/.local/state")
    return os.path.join(state, "configurator", "logs")


def new_log_path(mode: str, now: datetime | None = None) -> str:
    """Return the path of a new log, named by UTC time and mode; the file is not made yet."""
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S.%fZ")
    return os.path.join(log_directory(), f"{stamp}-{mode}.log")


def prune(directory: str, kept: int = KEPT) -> None:
    """Remove the oldest logs so that at most `kept` stay; other files are left alone."""
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(".log"))
    except OSError:
        return
    for name in names[: max(len(names) - kept, 0)]:
        try:
            os.unlink(os.path.join(directory, name))
        except OSError:
            continue  # another run was quicker, or it is not ours: neither hurts


class LogSink:
    """Writes the log; made at the first event, flushed at each, so that a killed run leaves what it had.

    The directory is made with mode 0700 and the file with 0600: outputs of commands may be private. Raises
    OSError from `open` if the file cannot be made.
    """

    def __init__(self, path: str, *, prunes: bool = True) -> None:
        self.path = path
        self._prunes = prunes
        self._file: TextIO | None = None

    def open(self) -> None:
        """Make the file."""
        directory = os.path.dirname(self.path)
        os.makedirs(directory or ".", mode=0o700, exist_ok=True)
        if self._prunes:
            prune(directory, KEPT - 1)
        # O_NOFOLLOW: with --log a name in a shared directory could be somebody's link to another file.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(
            os.open(self.path, flags, 0o600), "w", encoding="utf-8", errors="backslashreplace"
        )

    def handle(self, event: RunEvent) -> None:
        """Write the event."""
        if self._file is None:
            self.open()
        assert self._file is not None
        self._file.write("".join(f"{line}\n" for line in log_lines(event)))
        self._file.flush()

    def note(self, text: str) -> None:
        """Write a text that is no event, such as an error that ends the run."""
        if self._file is not None and not self._file.closed:
            self._file.write(sanitize(text).rstrip("\n") + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def log_lines(event: RunEvent) -> Iterator[str]:
    """Return an event as lines of the log; what is multi-line is indented below its head."""
    if isinstance(event, RunStarted):
        now = datetime.now(UTC).isoformat(timespec="seconds")
        yield f"{now} {event.mode} of {', '.join(event.hosts)}"
    elif isinstance(event, RunFinished):
        yield f"{'':>10} {event.mode} finished: exit code {event.exit_code} after {event.duration_s:.3f}s"
        for name, summary in event.hosts.items():
            counts = ", ".join(f"{item.name} {getattr(summary, item.name)}" for item in fields(summary))
            yield f"{'':>10} {name}: {counts}"
    elif isinstance(event, PlayStarted):
        where = ", ".join(event.hosts) or "no hosts"
        yield f"{event.at_s:>+10.3f} play {event.number} of {event.plays}: {one_line(event.play)} on {where}"
    else:
        at_s, host = getattr(event, "at_s", 0.0), getattr(event, "host", "")
        yield f"{at_s:>+10.3f} {host}: {_head(event)}"
        for line in _details(event):
            yield f"{'':>14}{line}"


def _head(event: RunEvent) -> str:
    if isinstance(event, TaskStarted):
        return f"started   {words.title(event)} [{event.module}]"
    if isinstance(event, TaskFinished):
        ignored = " (rescued)" if event.rescued else " (ignored)" if event.ignored else ""
        place = f" at {event.position}" if event.position else ""
        took = f"in {event.duration_s:.3f}s"
        return f"{event.status!s:<9} {words.title(event)} [{event.module}] {took}{ignored}{place}"
    return _host_head(event)


def _host_head(event: RunEvent) -> str:
    if isinstance(event, HostConnected):
        return f"connected to {event.address}"
    if isinstance(event, HostStarted):
        return f"starting {words.count(event.tasks, 'task')} and {words.count(event.handlers, 'handler')}"
    if isinstance(event, HostNotice):
        return f"{event.level}: {one_line(event.message)}"
    if isinstance(event, HostFailed):
        return f"{event.status}: {one_line(event.message)}"
    return words.snake_case(type(event).__name__)


def _details(event: RunEvent) -> Iterator[str]:
    if isinstance(event, HostConnected):
        yield "facts: " + json.dumps(event.facts, ensure_ascii=False, default=str)
    if isinstance(event, HostFailed):
        yield from (str(item) for item in event.diagnostics)
    if isinstance(event, TaskFinished):
        yield from _task_details(event)
    yield from _block("output", getattr(event, "output", ""))
    yield from _block("hint", getattr(event, "hint", None) or "")


def _task_details(event: TaskFinished) -> Iterator[str]:
    if event.reason is not None:
        yield f"reason: {event.reason}" + (f", {event.cause}" if event.cause else "")
    for change in event.changes:
        doubt = "" if change.certainty == "exact" else f" ({change.certainty}: {change.because})"
        values = f"{words.value(change.before)} -> {words.value(change.after)}"
        yield f"{change.subject} {change.field}: {values}{doubt}"
        yield from (f"  {row}" for row in (change.diff or "").removesuffix("\n").split("\n") if change.diff)
    yield from (f"warning: {one_line(text)}" for text in event.warnings)
    if event.outputs:
        yield "outputs: " + json.dumps(event.outputs, ensure_ascii=False, default=str)
    yield from _block("says", event.says)
    yield from _block("message", event.message or "")
    if event.command:
        yield "command: " + one_line(shlex.join(event.command))
    if event.exit_status is not None:
        yield f"exit code: {event.exit_status}"


def _block(label: str, text: str) -> Iterator[str]:
    if text.strip():
        yield f"{label}:"
        yield from (f"  {row}" for row in text.strip("\n").split("\n"))
