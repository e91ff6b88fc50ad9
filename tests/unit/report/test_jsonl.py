"""JSON Lines: the version first, run_finished last, every line valid and safe to print."""

from __future__ import annotations

import io
import json
import unicodedata
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from configurator.config.diagnostics import Diagnostic
from configurator.core.errors import InputError, UnreachableError
from configurator.core.run_events import HostNotice, RunEvent
from configurator.report.jsonl import JsonSink, dumps, error_json
from tests.unit.report import golden, stream


def written(events: list[RunEvent]) -> str:
    text = io.StringIO()
    sink = JsonSink(text)
    for event in events:
        sink.handle(event)
    sink.close()
    return text.getvalue()


def lines(text: str) -> list[dict[str, Any]]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_apply_as_json() -> None:
    golden.check("apply.jsonl", written(stream.apply_run()))


def test_plan_as_json() -> None:
    golden.check("plan.jsonl", written(stream.plan_run()))


def test_the_version_comes_first_and_run_finished_last() -> None:
    found = lines(written(stream.apply_run()))
    assert found[0] == {"type": "version", "format": 1}
    assert found[-1]["type"] == "run_finished"
    assert found[-1]["exit_code"] == 3
    assert found[-1]["hosts"]["web2"] == {
        "ok": 4,
        "changed": 3,
        "failed": 1,
        "skipped": 2,
        "unreachable": 0,
        "duration_s": 8.0,
        "unknown": 0,
    }
    assert [line["type"] for line in found].count("run_finished") == 1


def test_a_finished_task_carries_what_the_reference_promises() -> None:
    tasks = [line for line in lines(written(stream.apply_run())) if line["type"] == "task_finished"]
    wanted = {"host", "role", "task", "module", "status", "reason", "duration_s", "started_s", "changes"}
    assert all(wanted <= set(task) for task in tasks)
    assert {task["status"] for task in tasks} == {"ok", "changed", "failed", "skipped"}
    assert {task["reason"] for task in tasks} == {None, "requirement_failed", "condition_false"}


def test_bad_input_is_valid_json_too() -> None:
    text = io.StringIO()
    sink = JsonSink(text)
    problem = Diagnostic(
        "roles/x/tasks/main.yml", 3, 5, "unknown module 'templat'", "did you mean 'template'?"
    )
    option = Diagnostic("--tags", 0, 0, "no task has the tag 'x'")
    sink.fail(InputError("2 problems", [problem, option]), 1)
    sink.close()
    version, error, finished = lines(text.getvalue())
    assert version == {"type": "version", "format": 1}
    assert (error["type"], error["error"]) == ("error", "input_error")
    assert error["diagnostics"] == [
        {
            "path": "roles/x/tasks/main.yml",
            "line": 3,
            "column": 5,
            "length": 1,
            "message": "unknown module 'templat'",
            "hint": "did you mean 'template'?",
        },
        {"path": "--tags", "message": "no task has the tag 'x'"},
    ]
    assert (finished["type"], finished["exit_code"], finished["hosts"]) == ("run_finished", 1, {})


def test_a_run_that_is_given_up_still_ends_with_run_finished() -> None:
    """Ctrl-C in the middle: whoever parses the lines must not wait for the last one."""
    text = io.StringIO()
    sink = JsonSink(text)
    for event in stream.apply_run()[:12]:
        sink.handle(event)
    sink.end(130)
    sink.close()
    sink.close()
    last = lines(text.getvalue())[-1]
    assert (last["type"], last["exit_code"]) == ("run_finished", 130)
    assert set(last["hosts"]) == {"web1", "web2", "old1"}


def test_an_unreachable_host_is_named_in_the_error() -> None:
    assert error_json(UnreachableError("web1", "no answer"))["host"] == "web1"


@given(st.text(st.characters(codec=None)))
def test_any_text_survives_and_none_can_control_a_terminal(text: str) -> None:
    line = dumps({"text": text})
    line.encode()
    assert json.loads(line) == {"text": text}
    assert not [letter for letter in line if unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs")]
    assert len(line.splitlines()) == 1


def test_each_line_is_flushed_at_once() -> None:
    """A reader follows the run while it goes on."""

    class Counting(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    stream_ = Counting()
    sink = JsonSink(stream_)
    sink.handle(HostNotice("web1", 0.0, "info", "x"))
    assert stream_.flushes == 2
