"""ProgressSink: shows people what ParallelExecutor is doing, for those who use the engine alone."""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Literal, Protocol, Self

from rich.console import Console

from configurator.core.engine_events import EngineEvent
from configurator.core.task import Task
from configurator.report.progress_bars import Bars
from configurator.report.progress_lines import Lines
from configurator.report.terminal import StreamConsole

Style = Literal["bars", "lines"]


class _View(Protocol):
    def show(self, event: EngineEvent) -> None: ...

    def close(self) -> None: ...


class ProgressSink:
    """Shows the events of a run as they come, on standard error if no `console` is given.

    "bars" draws one bar for each group, and one for the tasks of none: done and total, what runs, what has
    failed. Where the console cannot move its cursor, they become "lines": one when a task starts, reports
    progress, is tried again, and ends, with the time since the start of the run. `tasks`, those of the
    graph, let a bar know from the start how many its group has; else that is known when the group has ended.

    The terminal is given back when the run ends, by `close`, at the end of a `with` block, and at the end of
    the program. Names and messages are shown without anything that a terminal would obey.

    >>> import io
    >>> from rich.console import Console
    >>> from configurator.core.parallel import ParallelExecutor
    >>> executor = ParallelExecutor()
    >>> with ProgressSink(Console(file=io.StringIO()), "lines") as sink:
    ...     forget = executor.events.subscribe(sink)
    ...     results = executor.execute_tasks({"build": lambda: "done"})
    """

    def __init__(
        self,
        console: Console | None = None,
        style: Style = "bars",
        *,
        tasks: Iterable[Task] = (),
        clock: Callable[[], float] = time.monotonic,
        animated: bool = True,
    ) -> None:
        if style not in ("bars", "lines"):
            raise ValueError(f"style must be 'bars' or 'lines', not {style!r}")
        console = console or StreamConsole(file=sys.stderr, markup=False, emoji=False, highlight=False)
        moves = console.is_terminal and not console.is_dumb_terminal
        self._view: _View = (
            Bars(console, tasks, clock, animated=animated) if style == "bars" and moves else Lines(console)
        )
        self._lock = threading.Lock()
        self._closed = False
        atexit.register(self.close)  # a hidden cursor would outlive the program

    def __call__(self, event: EngineEvent) -> None:
        """Show an event; one that comes after `close` is dropped."""
        with self._lock:
            if self._closed:
                return
            try:
                self._view.show(event)
            except (BrokenPipeError, SystemExit):  # the latter is what a Console of Rich's makes of it
                self._closed = True  # `| head` has read what it wanted; the run goes on without a reader

    def close(self) -> None:
        """Leave the terminal as it was found; a second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                atexit.unregister(self.close)
                self._view.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
