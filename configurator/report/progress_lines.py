"""The engine's run as lines, one for each thing that happens, with the time since the start of the run."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from configurator.core.engine_events import (
    BreakerChanged,
    EngineEvent,
    GroupEnded,
    GroupStarted,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    RunStopping,
    TaskEnded,
    TaskProgress,
    TaskRetrying,
    TaskStarted,
)
from configurator.core.status import Status
from configurator.core.task import TaskResult
from configurator.report.engine_words import (
    error_text,
    failure_text,
    full_name,
    idle_text,
    progress_text,
    short,
)
from configurator.report.terminal import GOOD, MUTED, NAME, WARNING, WRONG, joined, write
from configurator.report.words import count, duration

_STYLES = {Status.SUCCESS: GOOD, Status.FAILED: WRONG, Status.TIMEOUT: WRONG}
_Parts = tuple[str, str, Text | str]  # a word, its style, and the rest of the line


class Lines:
    """Writes a line for each event as it comes; needs no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._groups: dict[str, str | None] = {}  # of the tasks that run, by name

    def show(self, event: EngineEvent) -> None:
        """Write the event's line, if it has one."""
        if isinstance(event, RunStarted):
            self._groups.clear()
        parts = _run_line(event) or _part_line(event) or self._task_line(event)
        if parts is not None:
            word, style, rest = parts
            write(
                self._console, [joined((f"{duration(event.at_s):>7}  ", MUTED), (f"{word:<9} ", style), rest)]
            )

    def close(self) -> None:
        """Nothing to give back."""

    def _task_line(self, event: EngineEvent) -> _Parts | None:
        match event:
            case TaskStarted():
                self._groups[event.task_name] = event.group
                attempt = f" (attempt {event.attempt})" if event.attempt > 1 else ""
                return "started", "", self._name(event.task_name) + attempt
            case TaskProgress():
                return "progress", "", f"{self._name(event.task_name)}: {progress_text(event)}"
            case TaskRetrying():
                why = "" if event.error is None else f": {short(error_text(event.error))}"
                again = f"attempt {event.attempt} failed, again in {duration(event.delay_s)}{why}"
                return "retry", WARNING, f"{self._name(event.task_name)} ({again})"
            case TaskEnded():
                name = full_name(event.result.task_name, event.result.group)
                self._groups.pop(event.result.task_name, None)
                return _end_line(event.result, name)
        return None

    def _name(self, task: str) -> str:
        return full_name(task, self._groups.get(task))


def _run_line(event: EngineEvent) -> _Parts | None:
    match event:
        case RunStarted():
            return "run", NAME, f"{count(event.tasks, 'task')}, {event.max_workers} at once"
        case RunEnded():
            return "end", NAME, _ended_text(event)
        case RunPaused():
            return "paused", WARNING, paused_text(event)
        case RunResumed():
            return "resumed", WARNING, ""
        case RunStopping():
            rest = "what runs is stopped" if event.abort else "what runs may end, nothing more starts"
            return "stopping", WARNING, f"{short(event.reason)}: {rest}"
    return None


def _part_line(event: EngineEvent) -> _Parts | None:
    match event:
        case GroupStarted():
            return "group", NAME, f"{short(event.group)} begins"
        case GroupEnded():
            failed = f", {event.failed} failed" if event.failed else ""
            return "group", NAME, f"{short(event.group)} has ended{failed}"
        case BreakerChanged():
            return "breaker", WARNING, f"{short(event.breaker)} is {short(event.state)}"
    return None


def _ended_text(event: RunEnded) -> str:
    others = {"failed": event.failed, "skipped": event.skipped, "cancelled": event.cancelled}
    return ", ".join(
        [f"{event.succeeded} succeeded", *(f"{number} {word}" for word, number in others.items() if number)]
    )


def paused_text(event: RunPaused) -> str:
    """Return what the run waits for."""
    if event.task_name is None:
        return short(event.reason)
    return f"{short(event.task_name)} asks: {short(event.prompt or event.reason)}"


def _end_line(result: TaskResult, name: str) -> _Parts:
    took = (f" ({duration(result.execution_time)})", MUTED)
    word = str(result.status)
    if result.ignored:
        return "ignored", WARNING, joined(name, took, f": {short(failure_text(result))}")
    if result.status in (Status.FAILED, Status.TIMEOUT):
        return word, WRONG, joined(name, took, (f": {short(failure_text(result))}", WRONG))
    if result.status in (Status.SKIPPED, Status.CANCELLED):
        why = short(idle_text(result))
        return word, MUTED, joined(name, ("" if why == word else f" ({why})", MUTED))
    return word, _STYLES.get(result.status, ""), joined(name, took)
