"""The engine's run as bars, one for each group, drawn in place at the bottom of the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn
from rich.progress import Task as Bar
from rich.progress import TaskID as BarID
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from configurator.core.engine_events import (
    EngineEvent,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopping,
    TaskEnded,
)
from configurator.core.status import Status
from configurator.core.task import Task
from configurator.report.engine_words import short
from configurator.report.progress_lines import paused_text
from configurator.report.progress_state import GroupState, ProgressState
from configurator.report.terminal import GOOD, MUTED, NAME, WARNING, WRONG, encodable, joined, write
from configurator.report.words import duration, enumeration, shorten, whole_duration

_UNGROUPED = "tasks"
_FRAMES_PER_S = 8  # smooth to the eye, 2 % of a core
_MAX_NAMES = 4
_MAX_TITLE = 24
_BAR_WIDTH = 24


class Bars:
    """Draws the bars while the run goes on, and leaves their last state on the terminal.

    While a task waits for somebody's answer they are away, and its question stands there.
    """

    def __init__(
        self, console: Console, tasks: Iterable[Task], clock: Callable[[], float], *, animated: bool
    ) -> None:
        self._console = console
        self._clock = clock
        self._animated = animated
        self._state = ProgressState(tasks, clock)
        self._asking: set[str] = set()
        self._over = False
        self._live: Live | None = None
        self._progress = self._new_progress()
        self._bars: dict[str | None, BarID] = {}

    def show(self, event: EngineEvent) -> None:
        """Take the event into the picture."""
        if isinstance(event, RunStarted):
            self._stop(stays=True)
            self._progress, self._bars = self._new_progress(), {}
            self._over = False
            self._asking.clear()
        if self._over:
            return
        self._state.take(event)
        self._note_questions(event)
        if isinstance(event, RunPaused):
            write(self._console, [joined(("paused: ", WARNING), paused_text(event))])
        if not self._asking:
            self._draw()
        if isinstance(event, RunEnded):
            self._stop(stays=True)
            self._over = True

    def close(self) -> None:
        """Draw the last state and give the cursor back."""
        self._stop(stays=True)

    def picture(self) -> RenderableType:
        """Return the bars as they are now."""
        for group in self._state.groups():
            texts = _texts(group, self._console.encoding)
            if group.name not in self._bars:
                self._bars[group.name] = self._progress.add_task(
                    "", total=group.total, texts=texts, bad=False
                )
            self._progress.update(
                self._bars[group.name],
                total=group.total,
                completed=group.done,
                visible=group.total != 0,
                texts=texts,
                bad=bool(group.failed),
            )
        return self._progress.get_renderable()

    def _note_questions(self, event: EngineEvent) -> None:
        """Have the bars go while somebody is asked, until there is an answer or nobody waits for one."""
        if isinstance(event, RunPaused) and event.task_name is not None:
            self._asking.add(event.task_name)
            self._stop(stays=False)
        elif isinstance(event, (RunResumed, RunStopping, RunEnded)):
            self._asking.clear()
        elif isinstance(event, TaskEnded):
            self._asking.discard(event.result.task_name)

    def _draw(self) -> None:
        if self._live is None:
            ours = self._console.file in (sys.stdout, sys.stderr)  # what tasks print comes above the bars
            self._live = Live(
                get_renderable=self.picture,
                console=self._console,
                auto_refresh=self._animated,
                refresh_per_second=_FRAMES_PER_S,
                redirect_stdout=ours and sys.stdout.isatty(),
                redirect_stderr=ours and sys.stderr.isatty(),
            )
            self._live.start(refresh=True)
        elif not self._animated:
            self._live.refresh()

    def _stop(self, *, stays: bool) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.transient = not stays
            live.stop()

    def _new_progress(self) -> Progress:
        columns = [_Field(name) for name in ("title", "count", "time", "text")]
        bar = _Bar(_BAR_WIDTH, style=MUTED, complete_style=GOOD, finished_style=GOOD, pulse_style=GOOD)
        return Progress(
            columns[0], bar, *columns[1:], console=self._console, auto_refresh=False, get_time=self._clock
        )


class _Bar(BarColumn):
    """The bar itself, in another colour once a task has failed."""

    def render(self, task: Bar) -> ProgressBar:
        """Return the bar."""
        bar = super().render(task)
        if task.fields["bad"]:
            bar.complete_style = bar.finished_style = bar.pulse_style = WRONG
        return bar


class _Field(ProgressColumn):
    """A column that shows one of the texts of a bar."""

    def __init__(self, name: str) -> None:
        super().__init__(Column(no_wrap=name != "text"))  # the text gives way on a narrow terminal
        self._name = name

    def render(self, task: Bar) -> Text:
        """Return the text."""
        text: Text = task.fields["texts"][self._name]
        return text


def _texts(group: GroupState, encoding: str) -> dict[str, Text]:
    title = _UNGROUPED if group.name is None else shorten(short(group.name), _MAX_TITLE)
    time = ""
    if group.seconds is not None:
        time = duration(group.seconds) if group.over else whole_duration(group.seconds)
    texts = {
        "title": Text(title, style=NAME),
        "count": Text(f"{group.done}/{'?' if group.total is None else group.total}", justify="right"),
        "time": Text(time, style=MUTED, justify="right"),
        "text": _text(group),
    }
    return {name: encodable(text, encoding) for name, text in texts.items()}


def _text(group: GroupState) -> Text:
    """Return failures by name, what was not run, and what runs, on one line that is cut where it must be."""
    parts: list[Text] = []
    if group.failed:
        names = short(enumeration(group.failed, _MAX_NAMES))
        parts.append(Text(f"{len(group.failed)} failed: {names}", style=WRONG))
    for status in (Status.SKIPPED, Status.CANCELLED):
        if group.counts[status]:
            parts.append(Text(f"{group.counts[status]} {status}", style=MUTED))
    running = [f"{name} {said}".rstrip() for name, said in group.running.items()]
    if running:
        parts.append(Text(short(enumeration(running, _MAX_NAMES)), style=GOOD))
    return Text(" · ", no_wrap=True, overflow="ellipsis", end="").join(parts)
