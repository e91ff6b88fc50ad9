"""Plain lines: what a log should hold, and a sign of life every ten seconds."""

from __future__ import annotations

from dataclasses import replace

from configurator.core.run_events import (
    HostConnected,
    HostFinished,
    HostNotice,
    HostStarted,
    HostSummary,
    RunFinished,
    RunStarted,
    TaskStarted,
)
from configurator.core.status import Outcome
from configurator.report.plain import PlainSink
from tests.unit.report import golden, stream


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(events: list[object], **options: object) -> str:
    console, text = golden.plain_console()
    golden.play(events, PlainSink(console, **options))  # type: ignore[arg-type]
    return text.getvalue()


def test_lines_of_an_apply() -> None:
    """Changes, failures and skips that something caused have a line; what is ok has none."""
    golden.check("plain.txt", shown(list(stream.apply_run())))


def test_verbose_lines_with_diffs() -> None:
    golden.check("plain-verbose.txt", shown(list(stream.one_host_run()), verbose=1, diff=True))


def test_lines_of_a_plan_leave_tasks_to_the_plan_itself() -> None:
    golden.check("plain-plan.txt", shown(list(stream.plan_run())))


def test_long_words_are_set_off_from_what_follows() -> None:
    cancelled = replace(stream.SITE, status=Outcome.CANCELLED, changes=())
    text = shown(list(stream.run_events("apply", {"web1": stream.host_events("web1", (cancelled,))}, 130)))
    assert "web1: cancelled nginx: Write the site\n" in text


def test_there_are_no_cursor_moves() -> None:
    assert "\x1b" not in shown(list(stream.apply_run()))


def test_a_heartbeat_names_what_still_runs() -> None:
    """A long task is not a hang: every ten seconds of silence, a line says what is going on."""
    clock = Clock()
    console, text = golden.plain_console()
    sink = PlainSink(console, clock=clock)
    sink.handle(RunStarted("apply", ("web1", "web2", "web3")))
    sink.handle(HostStarted("web1", 0.5, 3, 0))
    sink.handle(TaskStarted("web1", 1.0, "t1", "apt", "Install nginx", "apt"))
    sink.handle(HostConnected("web2", 1.0, "192.0.2.1"))
    sink.handle(HostFinished("web3", 1.0, HostSummary(ok=3, duration_s=1.0)))
    before = text.getvalue()
    clock.now += 9.9
    sink.tick()
    assert text.getvalue() == before
    clock.now += 10.1
    sink.tick()
    assert text.getvalue().removeprefix(before) == (
        "web1: still running: apt: Install nginx (20s)\nweb2: still preparing\n"
    )
    before = text.getvalue()
    sink.tick()
    assert text.getvalue() == before


def test_no_heartbeat_after_the_end() -> None:
    clock = Clock()
    console, text = golden.plain_console()
    sink = PlainSink(console, clock=clock)
    sink.handle(RunStarted("apply", ("web1",)))
    sink.handle(RunFinished("apply", 0, {}, 1.0))
    before = text.getvalue()
    clock.now += 100
    sink.tick()
    assert text.getvalue() == before


def test_a_warning_about_all_hosts_is_told_once_while_they_run() -> None:
    """The end names them."""
    hosts = ("web1", "web2", "web3")
    events: list[object] = [
        RunStarted("apply", hosts),
        *(HostNotice(host, 0.0, "warning", "inventory: 'x' is ignored") for host in hosts),
        HostNotice("web2", 0.0, "warning", "something else"),
    ]
    assert shown(events).splitlines()[1:] == [
        "web1: warning  inventory: 'x' is ignored",
        "web2: warning  something else",
    ]


def test_what_one_failure_keeps_from_running_is_one_line() -> None:
    """The summary names the tasks; with -v each has its line as it ends."""
    gone = [
        replace(stream.skipped(stream.ENABLE, stream.BROKEN), task=f"Task {number}") for number in range(34)
    ]
    steps = (stream.BROKEN, *gone)
    events: list[object] = list(stream.run_events("apply", {"web1": stream.host_events("web1", steps)}, 3))
    text = shown(events)
    assert [line for line in text.splitlines() if "skipped " in line] == [
        "web1: skipped  34 tasks (because of nginx: Write the site)"
    ]
    assert shown(events, verbose=1).count("(because of nginx: Write the site)") == 34
