"""Whatever a host sends, no output for people raises, obeys it or takes it for markup."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from configurator.core.changes import FieldChange
from configurator.core.run_events import (
    HostConnected,
    HostFailed,
    HostNotice,
    RunEvent,
    TaskFinished,
)
from configurator.core.status import Outcome
from configurator.report.board import BoardSink
from configurator.report.log import LogSink
from configurator.report.plain import PlainSink
from configurator.report.plan import PlanSink
from configurator.report.summary import SummarySink
from tests.unit.report import golden, stream

NASTY = st.one_of(
    st.text(st.characters(codec=None)),
    st.sampled_from(
        ["[/oops]", "[bold red]", "\x1b[2J\x1b]0;owned\x07", "{", ":smile:", "\r", "\u202e", "a\n\nb", ""]
    ),
)


def spoiled(event: RunEvent, text: str) -> RunEvent:
    """The event as a malicious host would send it."""
    if isinstance(event, TaskFinished):
        change = FieldChange(text, text, text, {text: [text]}, because=text, diff=text)
        return replace(
            event, message=text, output=text, hint=text, command=(text,), warnings=(text,), changes=(change,)
        )
    if isinstance(event, HostConnected):
        return replace(event, address=text, facts={text: text})
    if isinstance(event, HostFailed):
        return replace(event, message=text, output=text, hint=text)
    return event


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=NASTY)
def test_nothing_a_host_sends_controls_the_terminal(text: str, tmp_path: Path) -> None:
    extra = [
        HostNotice("web1", 0.1, "warning", text),
        HostFailed("web1", 9.0, Outcome.FAILED, text, text, text),
    ]
    for run in (stream.plan_run(), stream.apply_run()):
        events = [run[0], *extra, *(spoiled(event, text) for event in run[1:])]
        outputs = [io.StringIO() for _ in range(3)]
        consoles = [
            Console(file=output, width=80, markup=False, emoji=False, highlight=False) for output in outputs
        ]
        log = tmp_path / "x.log"
        golden.play(
            events,
            PlanSink(consoles[0], verbose=1),
            SummarySink(consoles[1], verbose=1),
            PlainSink(consoles[2], verbose=1, diff=True),
            BoardSink(Console(file=io.StringIO(), force_terminal=True, width=80, height=24)),
            LogSink(str(log)),
        )
        for shown in [*(output.getvalue() for output in outputs), log.read_text(encoding="utf-8")]:
            assert not [letter for letter in shown if ord(letter) < 0x20 and letter != "\n"]
            assert "\x9b" not in shown
            assert "\u202e" not in shown
