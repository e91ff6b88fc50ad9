"""For tests of the engine on real threads: what a run announced, a clock to turn by hand, work that waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

from configurator.core import _clock, _workers
from configurator.core.events import EngineEvent
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext, TaskResult

WAIT_S = 20.0  # for what comes at once when all is well
E = TypeVar("E", bound=EngineEvent)
# A hang shows where all threads stand. Not by a signal: in the main thread a run takes that for a Ctrl-C.
no_hang = pytest.mark.timeout(120, method="thread")


class Log:
    """Everything that an executor announces, in order; and waiting for what has not come yet."""

    def __init__(self, executor: ParallelExecutor | None = None) -> None:
        self.events: list[EngineEvent] = []
        self._more = threading.Condition()
        if executor is not None:
            executor.events.subscribe(self)

    def __call__(self, event: EngineEvent) -> None:
        with self._more:
            self.events.append(event)
            self._more.notify_all()

    def wait(self, kind: type[E], wanted: Callable[[E], bool] = lambda _event: True) -> E:
        """Return the first event of that kind which is wanted, when it has come."""

        def found() -> E | None:
            return next((e for e in self.events if isinstance(e, kind) and wanted(e)), None)

        with self._more:
            assert self._more.wait_for(lambda: found() is not None, WAIT_S), f"{kind.__name__}: {self.events}"
            event = found()
        assert event is not None
        return event

    def of(self, *kinds: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kinds)]

    def kinds(self, *kinds: type[EngineEvent]) -> list[str]:
        """Return the names of the events, of those kinds alone if any are given."""
        return [type(event).__name__ for event in self.events if isinstance(event, kinds or EngineEvent)]


class InBackground:
    """A run in a thread of its own, for tests that do something meanwhile."""

    def __init__(self, executor: ParallelExecutor, *tasks: Task) -> None:
        self._results: list[TaskResult] = []
        self.error: BaseException | None = None

        def work() -> None:
            try:
                self._results = executor.execute(TaskGraph(tasks))
            except BaseException as error:  # noqa: BLE001  (the test looks at it)
                self.error = error

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def results(self) -> dict[str, TaskResult]:
        """Return the results by name when the run has ended."""
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the run did not end"
        if self.error is not None:
            raise self.error
        return {result.task_name: result for result in self._results}


class TurnedClock:
    """The time of every run in a test: it stands still until it is turned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._at = 1000.0
        monkeypatch.setattr(_workers, "time", self)
        monkeypatch.setattr(_clock, "_GLANCE_S", 0.002)  # how soon a run sees that the clock was turned

    def monotonic(self) -> float:
        return self._at

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def turn(self, seconds: float) -> None:
        self._at += seconds


def ok(_context: TaskContext) -> str:
    """Work that succeeds at once."""
    return "ok"


def statuses(results: Iterable[TaskResult]) -> list[Status]:
    return [result.status for result in results]


def until_asked(context: TaskContext) -> str:
    """Work that goes on until it is asked to stop, and then stops as it should."""
    asked = threading.Event()
    context.token.on_cancel(asked.set)
    assert asked.wait(WAIT_S), "nobody asked"
    context.token.raise_if_cancelled()
    return "never"


class Deaf:
    """Work that ignores its token; let go at the end of the test, so that no thread is left behind."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.release = threading.Event()
        self.gone = threading.Event()

    def __call__(self, _context: TaskContext) -> str:
        self.started.set()
        assert self.release.wait(3 * WAIT_S)
        self.gone.set()
        return "too late"
