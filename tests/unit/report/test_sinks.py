"""The Reporter: one thread, order kept, a broken output hurts nobody."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable

import pytest

from configurator.core.run_events import HostNotice, RunEvent, RunFinished, RunStarted
from configurator.report.sinks import Reporter
from configurator.report.terminal import make_console


class Recorder:
    """Keeps events and the threads they came in; raises where it is told to."""

    def __init__(self, trouble: Callable[[RunEvent], Exception | None] = lambda _event: None) -> None:
        self.events: list[RunEvent] = []
        self.threads: set[int] = set()
        self.closed = 0
        self.suspended: list[str] = []
        self.ticked = threading.Event()
        self._trouble = trouble

    def handle(self, event: RunEvent) -> None:
        self.threads.add(threading.get_ident())
        error = self._trouble(event)
        if error is not None:
            raise error
        self.events.append(event)

    def tick(self) -> None:
        self.ticked.set()

    def suspend(self) -> None:
        self.suspended.append("suspend")

    def resume(self) -> None:
        self.suspended.append("resume")

    def close(self) -> None:
        self.closed += 1


def notice(text: str, host: str = "web1") -> HostNotice:
    return HostNotice(host, 0.0, "info", text)


def test_events_of_many_threads_arrive_in_one_thread_and_each_threads_order_is_kept() -> None:
    sink = Recorder()
    reporter = Reporter([sink])

    def send(host: str) -> None:
        for number in range(200):
            reporter.handle(notice(str(number), host))

    threads = [threading.Thread(target=send, args=(f"web{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reporter.close()
    assert len(sink.threads) == 1
    assert threading.get_ident() not in sink.threads
    for number in range(8):
        own = [
            event.message
            for event in sink.events
            if isinstance(event, HostNotice) and event.host == f"web{number}"
        ]
        assert own == [str(index) for index in range(200)]


def test_a_sink_that_raises_is_reported_once_closed_and_the_others_go_on() -> None:
    complaints: list[str] = []
    broken, fine = Recorder(lambda _event: ValueError("no")), Recorder()
    reporter = Reporter([broken, fine], complain=complaints.append)
    for text in ("a", "b", "c"):
        reporter.handle(notice(text))
    reporter.close()
    assert complaints == ["Recorder gave up: ValueError: no"]
    assert broken.closed == 1
    assert len(fine.events) == 3
    assert fine.closed == 1


def test_a_reader_that_has_gone_away_is_no_trouble() -> None:
    """`configurator apply --yes | head` must finish the apply without a word about the pipe."""
    complaints: list[str] = []
    gone = Recorder(lambda _event: BrokenPipeError())
    reporter = Reporter([gone], complain=complaints.append)
    reporter.handle(notice("a"))
    reporter.close()
    assert complaints == []


def test_people_get_clean_texts_and_json_gets_exact_ones() -> None:
    people, exact = Recorder(), Recorder()
    reporter = Reporter([people], [exact])
    reporter.handle(notice("a\x1b[2J"))
    reporter.close()
    assert people.events == [notice("a␛[2J")]
    assert exact.events == [notice("a\x1b[2J")]


def test_flush_returns_after_everything_before_it_was_shown() -> None:
    sink = Recorder()
    reporter = Reporter([sink])
    for number in range(500):
        reporter.handle(notice(str(number)))
    reporter.flush()
    assert len(sink.events) == 500
    reporter.close()


def test_nothing_is_shown_while_somebody_is_asked() -> None:
    """A password prompt has the terminal for itself; what happens meanwhile is shown afterwards."""
    sink = Recorder()
    reporter = Reporter([sink])
    with reporter.paused():
        assert sink.suspended == ["suspend"]
        reporter.handle(notice("later"))
        assert sink.events == []
    reporter.flush()
    assert sink.suspended == ["suspend", "resume"]
    assert sink.events == [notice("later")]
    reporter.close()


def test_sinks_tick_while_nothing_happens() -> None:
    sink = Recorder()
    reporter = Reporter([sink])
    assert sink.ticked.wait(10)
    reporter.close()


def test_the_log_path_is_filled_in_and_events_after_the_end_are_dropped() -> None:
    sink = Recorder()
    reporter = Reporter([sink], log_path="/var/log/x.log")
    reporter.handle(RunStarted("plan", ("web1",)))
    reporter.handle(RunFinished("plan", 0, {}, 1.0))
    reporter.close()
    reporter.handle(notice("late"))
    reporter.close()
    reporter.flush()
    assert sink.events == [RunStarted("plan", ("web1",)), RunFinished("plan", 0, {}, 1.0, "/var/log/x.log")]
    assert sink.closed == 1


def test_a_reader_that_goes_away_is_told_apart_from_the_end_of_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`apply 2>&1 | head` must not silence the log and the reports: only that one output is gone."""

    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    redirected: list[object] = []
    monkeypatch.setattr(os, "dup2", lambda *args: redirected.append(args))
    with pytest.raises(BrokenPipeError):
        make_console(Gone()).print("x")
    assert redirected == [], "standard output must stay where it is"
