"""The live board: what every host is doing right now, drawn in place at the bottom of the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from configurator.core.run_events import (
    HostFailed,
    HostFinished,
    HostNotice,
    PlayStarted,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskStarted,
)
from configurator.report.board_view import BoardView, Span
from configurator.report.consequences import Consequences, is_consequence
from configurator.report.plain import (
    details,
    finished_line,
    host_failed_line,
    notice_line,
    play_line,
    started_line,
    task_line,
    wanted,
)
from configurator.report.record import BAD, RunRecord
from configurator.report.terminal import write

# With more hosts than this, their changes would scroll past faster than anybody reads.
_FEW_HOSTS = 4
_RECENT = 6


class BoardSink:
    """Draws the board on a terminal while a run goes on, and erases it at the end.

    What stays on the terminal above it are lines worth keeping: changes (of few hosts), failures, warnings,
    finished hosts. The picture is redrawn at every tick, never by a thread of its own.
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
        self._view = BoardView(self._record, unicode=console.encoding.lower().startswith("utf"))
        self._live: Live | None = None

    def handle(self, event: RunEvent) -> None:
        """Take the event into the picture; the next tick draws it."""
        now = self._clock()
        self._record.take(event)
        if isinstance(event, RunStarted):
            self._view.begin(now)
            self._start()
        elif isinstance(event, RunFinished):
            self._stop()
        elif isinstance(event, TaskStarted):
            self._view.started[event.host, event.task_id] = now
        elif isinstance(event, TaskFinished):
            self._finish(event, now)
        due = self._consequences.due(event, with_host=len(self._record.hosts) > 1)
        if due:
            write(self._console, due)
        line = self._line(event)
        if line is not None:
            write(self._console, [line, *details(event, self._record.mode, self._verbose, self._diff)])

    def tick(self) -> None:
        """Draw the next picture."""
        if self._live is not None:
            self._view.frame += 1
            self._live.update(self.picture(), refresh=True)

    def picture(self) -> Group:
        """Return the board as it is now, never higher than the terminal."""
        size = self._console.size
        return Group(*self._view.lines(self._clock(), size.width, size.height - 1))

    def suspend(self) -> None:
        """Erase the board so that somebody can be asked something."""
        if self._live is not None:
            self._live.stop()

    def resume(self) -> None:
        """Draw it again."""
        if self._live is not None:
            self._start()

    def close(self) -> None:
        """Erase the board and give the cursor back."""
        self._stop()

    def _start(self) -> None:
        self._live = Live(
            self.picture(),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _finish(self, event: TaskFinished, now: float) -> None:
        started = self._view.started.pop((event.host, event.task_id), now - event.duration_s)
        self._view.recent.append(Span(event, started, now))
        del self._view.recent[:-_RECENT]

    def _line(self, event: RunEvent) -> Text | None:
        if isinstance(event, RunStarted) and event.mode != "plan":
            return started_line(event)
        if isinstance(event, PlayStarted) and self._record.mode != "plan":
            return play_line(event)
        few = len(self._record.hosts) <= _FEW_HOSTS
        if isinstance(event, TaskFinished) and wanted(event, self._record.mode, self._verbose):
            blame = self._record.hosts[event.host].blame(event)
            serious = event.status in BAD and not event.ignored
            shown = few or bool(self._verbose) or serious or bool(event.says)
            if shown and is_consequence(event) and not self._verbose:
                self._consequences.hold(event, blame)
                return None
            return task_line(event, with_host=len(self._record.hosts) > 1, blame=blame) if shown else None
        return self._host_line(event)

    def _host_line(self, event: RunEvent) -> Text | None:
        if isinstance(event, HostFailed):
            return host_failed_line(event)
        if isinstance(event, HostNotice) and (event.level == "warning" or self._verbose):
            return notice_line(event) if self._record.first_told(event) else None
        if isinstance(event, HostFinished) and len(self._record.hosts) > 1 and self._record.mode != "plan":
            host = self._record.hosts[event.host]
            if host.failure is None:
                return finished_line(event, self._record.mode, untouched=host.untouched)
        return None
