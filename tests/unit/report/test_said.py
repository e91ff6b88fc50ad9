"""What tasks are there to say is read in plan and apply, each host's once, and hides what it must."""

from __future__ import annotations

import pytest

from configurator.core.run_events import (
    HostFinished,
    HostStarted,
    HostSummary,
    RunEvent,
    RunFinished,
    RunStarted,
    Sink,
    TaskFinished,
)
from configurator.core.status import Outcome
from configurator.report.board import BoardSink
from configurator.report.log import log_lines
from configurator.report.plain import PlainSink
from configurator.report.plan import PlanSink
from configurator.report.redact import RedactingSink, Redactor
from configurator.report.summary import SummarySink
from tests.unit.report.golden import plain_console, play

WORDS = "two\nlines"


def said(host: str, text: str) -> TaskFinished:
    return TaskFinished(
        host, 0.2, "base/1", "base", "Tell", "debug", Outcome.OK, outputs={"msg": text}, says=text
    )


def run(mode: str, **texts: str) -> list[RunEvent]:
    """A run in which each host has one task, which says something."""
    events: list[RunEvent] = [RunStarted(mode, tuple(texts))]
    for host, text in texts.items():
        events += [HostStarted(host, 0.1, 1, 0), said(host, text), HostFinished(host, 0.3, HostSummary(ok=1))]
    return [*events, RunFinished(mode, 0, {host: HostSummary(ok=1) for host in texts}, 0.4)]


def shown(events: list[RunEvent], redactor: Redactor | None = None, **hidden: object) -> str:
    """What a person sees on both streams together."""
    console, stream = plain_console()
    sinks: list[Sink] = [PlainSink(console), PlanSink(console), SummarySink(console)]
    if redactor is None:
        play(events, *sinks)
        return stream.getvalue()
    for sink in sinks:
        masked = RedactingSink(sink, redactor)
        for host, tasks in hidden.items():
            masked.hide(host, tasks)  # type: ignore[arg-type]
        for event in events:
            masked.handle(event)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["plan", "apply"])
def test_every_line_is_shown_once(mode: str) -> None:
    """A task that is ok is passed over in silence, but what it is there to say is not."""
    text = shown(run(mode, web1=WORDS))
    assert text.count("│ two") == text.count("│ lines") == text.count("base: Tell") == 1, text


def test_hosts_that_say_the_same_are_one_group_of_the_plan() -> None:
    """Ten hosts with one message need not be read ten times; one with another message stands apart."""
    text = shown(run("plan", web1="same", web2="same", web3="other"))
    assert text.count("│ same") == 1
    assert "web1, web2:" in text
    assert "web3:" in text


def test_the_board_keeps_it_above_itself_for_any_number_of_hosts() -> None:
    """A board shows changes of few hosts alone, but nobody asks for a message in vain."""
    hosts = {f"web{number}": f"word {number}" for number in range(9)}
    console, stream = plain_console()
    play(run("apply", **hosts), BoardSink(console))
    assert all(f"│ {word}" in stream.getvalue() for word in hosts.values())


@pytest.mark.parametrize("mode", ["plan", "apply"])
def test_a_secret_in_it_is_masked(mode: str) -> None:
    """`debug` of a variable that holds a password must not print it."""
    text = shown(run(mode, web1="the password is s3cr3t-word"), Redactor(["s3cr3t-word"]))
    assert "s3cr3t-word" not in text
    assert "│ the password is ********" in text


@pytest.mark.parametrize("mode", ["plan", "apply"])
def test_no_log_keeps_it_to_itself(mode: str) -> None:
    """Even if the host did not blank it."""
    text = shown(run(mode, web1="hush"), Redactor(), web1={"base/1": {}})
    assert "hush" not in text


def test_the_log_has_it_with_the_values_that_were_returned() -> None:
    """Who looks for what a task has returned finds it in the log."""
    lines = "\n".join(log_lines(said("web1", WORDS)))
    assert '"msg": "two\\nlines"' in lines
    assert "says:\n" in lines
