"""A JUnit report for users of the engine alone: every way in which a task can end."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from configurator.core.parallel import ParallelExecutor
from configurator.core.status import SkipReason, Status
from configurator.core.task import TaskResult
from configurator.report.junit_engine import engine_junit
from configurator.report.redact import Redactor
from tests.unit.report import golden


def result(name: str, status: Status = Status.SUCCESS, **more: Any) -> TaskResult:
    return TaskResult(name, status, started_s=more.pop("start", 0.0), ended_s=more.pop("end", 1.0), **more)


ENDINGS = [
    result("fetch", end=1.5, attempts=3, output="fetched 3 files\n"),
    result("lint", group="checks", warnings=2),
    result("unit", Status.FAILED, start=1.5, end=4.25, group="checks", error=ValueError("2 < 3"), errors=1),
    result("slow", Status.TIMEOUT, start=1.5, end=6.5, output="still here"),
    result("spell", Status.FAILED, error=OSError("no dictionary"), ignored=True),
    result("deploy", Status.SKIPPED, reason=SkipReason.REQUIREMENT_FAILED, cause="unit", start=0.0, end=0.0),
    result("tell", Status.CANCELLED, cause="interrupted", end=0.0),
    result("sign", Status.CANCELLED, end=0.0),
    result("ask", Status.PAUSED, end=0.0),
    result("cached", from_cache=True, end=0.0),
]


def test_every_way_to_end() -> None:
    """Failures with error and output, skips with their cause; what is ignored passes."""
    text = engine_junit(ENDINGS, "nightly", started=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    golden.check("junit-engine.xml", text)


def test_what_the_executor_returns() -> None:
    """A real run: the failure carries the traceback of the task's own code."""

    def broken() -> None:
        raise ValueError("no")

    results = ParallelExecutor(2).execute_tasks({"fine": lambda: 1, "broken": broken})
    (suite,) = ET.fromstring(engine_junit(results))
    assert [case.attrib["name"] for case in suite] == ["fine", "broken"]
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.attrib == {"message": "ValueError: no", "type": "ValueError"}
    assert "in broken" in (failure.text or "")


def test_an_error_that_cannot_be_shown_hurts_nobody() -> None:
    """Its __str__ raises, as that of an error about a closed connection may."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not this either")

    (suite,) = ET.fromstring(engine_junit([result("x", Status.FAILED, error=MuteError())]))
    assert suite.find("testcase/failure").attrib["type"] == "MuteError"  # type: ignore[union-attr]


def test_secrets_are_masked_wherever_they_stand() -> None:
    secret = "correct horse <battery>"
    error = ValueError(secret)
    bad = result(secret, Status.FAILED, error=error, output=secret, group=secret)
    skipped = result("x", Status.SKIPPED, reason=SkipReason.FAIL_FAST, cause=secret)
    text = engine_junit([bad, skipped], secret, redactor=Redactor([secret]))
    assert "horse" not in text
    assert "********" in text


def test_an_empty_run_is_a_report_too() -> None:
    (suite,) = ET.fromstring(engine_junit([]))
    assert suite.attrib["tests"] == "0"


@given(text=st.text(st.characters(codec=None)))
def test_any_text_gives_parseable_xml(text: str) -> None:
    """Names and outputs are the users' own: control characters, surrogates, markup."""
    bad = result(text, Status.FAILED, error=ValueError(text), output=text, group=text)
    skipped = result(text, Status.SKIPPED, reason=SkipReason.FAIL_FAST, cause=text)
    root = ET.fromstring(engine_junit([bad, skipped], text).encode("utf-8"))
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["skipped"]) == ("2", "1", "1")
