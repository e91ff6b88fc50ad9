"""Comparing output with files that people have looked at; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from configurator.core.run_events import RunEvent, Sink
from configurator.report.sinks import Reporter

FOLDER = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """Fail if `text` is not what the golden file says."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def plain_console(width: int = 100) -> tuple[Console, io.StringIO]:
    """A console without colour that writes into a text."""
    stream = io.StringIO()
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False), stream


def play(events: Iterable[RunEvent], *sinks: Sink, log_path: str | None = None) -> None:
    """Send events to sinks for people the way a run does: through the Reporter."""
    complaints: list[str] = []
    reporter = Reporter(sinks, log_path=log_path, complain=complaints.append)
    for event in events:
        reporter.handle(event)
    reporter.close()
    assert complaints == []
