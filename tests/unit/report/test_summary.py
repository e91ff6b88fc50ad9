"""The summary: counts, every failure with what is needed to mend it, the verdict last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from configurator.config.diagnostics import Diagnostic
from configurator.core.run_events import (
    HostFailed,
    HostFinished,
    HostSummary,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskFinished,
)
from configurator.core.status import Outcome, SkipReason
from configurator.report.gain import gain_line, serial_seconds
from configurator.report.summary import SummarySink
from tests.unit.report import golden, stream
from tests.unit.report.stream import BROKEN, ENABLE, host_events, run_events, skipped

LOG = "/home/me/.local/state/configurator/logs/x.log"


def shown(events: list[RunEvent], **options: int) -> str:
    console, text = golden.plain_console()
    golden.play(events, SummarySink(console, **options), log_path=LOG)
    return text.getvalue()


def test_summary_of_a_run_with_failures() -> None:
    """Failures carry command, exit code, output, consequence and hint; the log's path comes last."""
    golden.check("summary.txt", shown(stream.apply_run()))


def test_summary_of_a_run_that_went_well() -> None:
    golden.check("summary-good.txt", shown(stream.one_host_run()))


def test_a_run_without_changes_says_so() -> None:
    assert shown(stream.quiet_run()).endswith("\nNothing to change: 4 ok on 1 host.\n")


def test_the_same_failure_on_several_hosts_is_explained_once() -> None:
    hosts = {name: host_events(name, (BROKEN,)) for name in ("web1", "web2", "web3")}
    text = shown(run_events("apply", hosts, 3))
    assert text.count("[emerg]") == 1
    assert "web1, web2, web3: failed  nginx: Write the site" in text


def test_long_output_shows_its_end_and_says_how_much_there_is() -> None:
    output = "".join(f"line {number}\n" for number in range(100))
    extra = (*(pair for pair in BROKEN.extra if pair[0] != "output"), ("output", output))
    events = run_events("apply", {"web1": host_events("web1", (replace(BROKEN, extra=extra),))}, 3)
    text = shown(events)
    assert "output, last 15 of 100 lines:" in text
    assert "line 84" not in text
    assert "line 85" in text
    assert "line 0\n" in shown(events, verbose=1)


def test_skips_that_no_failure_explains_are_listed_with_their_reason() -> None:
    """With --fail-fast tasks are skipped that no failed task is named for: they must not vanish."""
    stopped = replace(
        skipped(ENABLE, BROKEN), extra=(("reason", SkipReason.FAIL_FAST), ("cause", "users/another task"))
    )
    text = shown(run_events("apply", {"web1": host_events("web1", (BROKEN, stopped))}, 3))
    assert (
        "web1: skipped  1 task\n  the run stops at the first failure: nginx: Enable and start nginx\n" in text
    )


def test_what_a_rescue_stands_in_for_is_no_failure() -> None:
    """The failure is told in a line, and the rest of its block that did not run is its consequence."""
    rescued = replace(BROKEN, extra=(*BROKEN.extra, ("ignored", True), ("rescued", True)))
    text = shown(run_events("apply", {"web1": host_events("web1", (rescued, skipped(ENABLE, rescued)))}, 0))
    assert "web1: failed, rescued  nginx: Write the site: the new file was refused" in text
    assert "what it requires has failed" not in text
    assert "Enable and start" not in text


def test_what_has_several_lines_is_shown_as_lines() -> None:
    """A message and a command of several lines stand below each other, not in one line with signs in it."""
    extra = (("message", "Assertion failed\n1 == 2: false"), ("command", ("sh", "-c", "set -e\n  wc -l\n")))
    failed = replace(BROKEN, extra=extra)
    ignored = replace(failed, task="Look", extra=(*extra, ("ignored", True)))
    text = shown(run_events("apply", {"web1": host_events("web1", (ignored, failed))}, 3))
    assert "web1: failed, ignored  nginx: Look: Assertion failed\n  1 == 2: false\n" in text
    assert "  Assertion failed\n  1 == 2: false\n  command: sh -c 'set -e\n      wc -l\n    '\n" in text


def test_a_command_killed_by_a_signal_says_so() -> None:
    extra = (("message", "no answer"), ("exit_status", -9))
    text = shown(run_events("apply", {"web1": host_events("web1", (replace(BROKEN, extra=extra),))}, 3))
    assert "exit code: -9 (killed by SIGKILL)" in text


def test_a_host_on_which_nothing_was_begun_is_not_called_fine() -> None:
    """A play with `serial: 1` ends after its first host has failed; the others have not had their turn."""
    idle: dict[str, list[tuple[float, RunEvent]]] = {
        name: [(9.0, HostFinished(name, 9.0, HostSummary()))] for name in ("web2", "web3")
    }
    events = run_events("apply", {"web1": host_events("web1", (BROKEN,)), **idle}, 3)
    assert "Failed: 1 failed on web1; 0 changed; nothing was begun on web2, web3." in shown(events)
    fine = {"web4": host_events("web4", (stream.OK_STEPS[0],)), "web3": idle["web3"]}
    events = run_events("apply", {"web1": host_events("web1", (BROKEN,)), **fine}, 3)
    assert "0 changed; 1 host without trouble; nothing was begun on web3." in shown(events)


def test_an_interrupted_run_says_what_was_done_before() -> None:
    started = RunStarted("apply", ("web1",))
    finished = RunFinished("apply", 130, {"web1": HostSummary(ok=2, changed=1)}, 1.0)
    text = shown([started, finished])
    assert (
        "Interrupted: 1 changed, 2 ok on 1 host before that. The same command goes on from there.\n" in text
    )


def test_a_plan_is_not_summed_up_as_an_apply() -> None:
    assert shown(stream.plan_run()) == ""


def task(
    host: str, started: float, took: float, status: Outcome = Outcome.OK, module: str = "apt"
) -> TaskFinished:
    key = f"{host}/{module}/{started}"
    return TaskFinished(host, started + took, key, "r", "t", module, status, started, took)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], (0, 0.0)),
        ([task("a", 0, 2), task("a", 0, 3, module="copy"), task("b", 0, 2)], (3, 7.0)),
        ([task("a", 1, 9), task("a", 1, 9), task("a", 1, 9)], (3, 9.0)),
        ([task("a", 0, 2), task("a", 0, 0, Outcome.SKIPPED)], (1, 2.0)),
    ],
)
def test_serial_time_counts_tasks_done_in_one_go_once(
    events: list[TaskFinished], expected: tuple[int, float]
) -> None:
    """Packages of one transaction each report its whole time: adding them up would boast."""
    assert serial_seconds(events) == expected


def test_a_gain_is_told_only_where_there_is_one() -> None:
    events = [task("a", 0, 4), task("a", 0, 4, module="copy")]
    assert str(gain_line(events, 4.0)) == "2 tasks in 4.0s (serial 8.0s, 2.0× parallel)"
    assert str(gain_line(events, 8.0)) == "2 tasks in 8.0s"
    assert gain_line([], 1.0) is None


def test_problems_found_when_a_host_was_compiled_are_shown_with_their_places() -> None:
    problem = Diagnostic(
        "roles/x/tasks/main.yml", 3, 5, "unknown variable 'prot'", "did you mean 'port'?", "  - a: b", 1
    )
    failed = HostFailed(
        "web1", 0.5, Outcome.FAILED, f"1 problem in the configuration: {problem}", diagnostics=(problem,)
    )
    finished = RunFinished("apply", 3, {"web1": HostSummary(failed=1)}, 1.0)
    text = shown([RunStarted("apply", ("web1",)), failed, finished])
    assert "web1: failed  1 problem in its configuration\n  error: unknown variable 'prot'\n" in text
    assert "   --> roles/x/tasks/main.yml:3:5\n" in text
    assert "  help: did you mean 'port'?\n" in text
