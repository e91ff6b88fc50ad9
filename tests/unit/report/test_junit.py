"""The JUnit report: true counts, well-formed XML whatever a host sends, and never half a file."""

from __future__ import annotations

import os
import socket
import stat
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.config.diagnostics import Diagnostic
from configurator.core.changes import FieldChange
from configurator.core.errors import InputError
from configurator.core.run_events import (
    HostFailed,
    HostFinished,
    HostNotice,
    HostStarted,
    HostSummary,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskStarted,
)
from configurator.core.status import Outcome, SkipReason
from configurator.report.junit import JUnitSink
from configurator.report.junit_xml import Case, Suite, Verdict, check_place, document, save
from configurator.report.redact import RedactingSink, Redactor
from tests.unit.report import golden, stream

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def sink_at(path: str) -> JUnitSink:
    return JUnitSink(path, now=lambda: NOON)


def report(events: Iterable[RunEvent], exit_code: int | None = None) -> ET.Element:
    sink = sink_at("never-written.xml")
    for event in events:
        sink.handle(event)
    if exit_code is not None:
        sink.end(exit_code)
    return ET.fromstring(sink.text())


def finished(task: str, status: Outcome = Outcome.OK, **more: object) -> TaskFinished:
    fields = {
        "host": "web1",
        "at_s": 1.0,
        "task_id": f"app/1:{task}",
        "role": "app",
        "module": "copy",
        **more,
    }
    return TaskFinished(task=task, status=status, **fields)  # type: ignore[arg-type]


def one_host(*events: RunEvent) -> ET.Element:
    """The suite of a host that ran these and ended well."""
    end = HostFinished("web1", 2.0, HostSummary(duration_s=2.0))
    root = report([RunStarted("apply", ("web1",)), *events, end, RunFinished("apply", 0, {}, 2.0)])
    (suite,) = root
    return suite


def counts(element: ET.Element) -> dict[str, int]:
    return {name: int(element.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}


def names(element: ET.Element) -> list[str]:
    return [case.attrib["name"] for case in element.iter("testcase")]


def test_an_apply_as_junit(tmp_path: Path) -> None:
    """A failure with all that is needed to mend it, skips with their cause, a host out of reach."""
    path = tmp_path / "report.xml"
    golden.play(stream.apply_run(), sink_at(str(path)))
    golden.check("junit-apply.xml", path.read_text(encoding="utf-8"))


def test_a_plan_as_junit(tmp_path: Path) -> None:
    """What would change stands in the cases, and how sure that is."""
    path = tmp_path / "report.xml"
    golden.play(stream.plan_run(), sink_at(str(path)))
    golden.check("junit-plan.xml", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("run", [stream.apply_run, stream.plan_run, stream.quiet_run])
def test_the_numbers_are_those_of_the_cases(run: object) -> None:
    """CI believes the attributes; they must be what one counts in the elements."""
    root = report(run())  # type: ignore[operator]
    totals: Counter[str] = Counter()
    for suite in root:
        found = {
            "tests": len(suite.findall("testcase")),
            "failures": len(suite.findall("testcase/failure")),
            "errors": len(suite.findall("testcase/error")),
            "skipped": len(suite.findall("testcase/skipped")),
        }
        assert counts(suite) == found
        totals.update(found)
    assert counts(root) == dict(totals)


def test_a_timeout_is_a_failure_and_an_ignored_failure_is_none() -> None:
    suite = one_host(
        finished("slow", Outcome.TIMEOUT, message="stopped after 5 s"),
        finished("careless", Outcome.FAILED, message="exit code 1", ignored=True),
    )
    assert counts(suite) == {"tests": 2, "failures": 1, "errors": 0, "skipped": 0}
    slow, careless = suite
    assert slow.find("failure").attrib == {"message": "stopped after 5 s", "type": "timeout"}  # type: ignore[union-attr]
    assert careless.findtext("system-out") == "failed, which its role ignores:\nexit code 1"


def test_handlers_are_cases_only_if_they_ran() -> None:
    """A handler that nobody notified, or that waited in vain, was no test of anything."""
    handler = {"handler": True}
    suite = one_host(
        finished("ran", Outcome.CHANGED, **handler),
        finished("broke", Outcome.FAILED, **handler),
        finished("not notified", Outcome.SKIPPED, reason=SkipReason.NOT_NOTIFIED, **handler),
        finished("its task failed", Outcome.SKIPPED, reason=SkipReason.REQUIREMENT_FAILED, **handler),
        finished("never began", Outcome.CANCELLED, **handler),
        TaskStarted("web1", 1.0, "app/1:was stopped", "app", "was stopped", "copy", handler=True),
        finished("was stopped", Outcome.CANCELLED, **handler),
    )
    assert names(suite) == ["ran", "broke", "was stopped"]


def test_tasks_of_one_name_are_told_apart_by_their_place_in_the_role() -> None:
    """CI keeps one case of each name; which is which must not depend on who was faster this time."""
    same = [finished("copy", task_id=f"app/{number}:copy", output=str(number)) for number in (2, 9, 10)]
    taken = finished("copy (2)", task_id="app/1:copy (2)")
    first = one_host(*same, taken)
    second = one_host(taken, *reversed(same))
    assert names(first) == ["copy", "copy (3)", "copy (4)", "copy (2)"]
    assert names(second) == list(reversed(names(first)))


def test_an_interrupted_run_names_what_was_under_way(tmp_path: Path) -> None:
    """Ctrl-C: the report is written, is not green, and does not claim to know what it cannot."""
    path = tmp_path / "report.xml"
    sink = sink_at(str(path))
    for event in (
        RunStarted("apply", ("web1", "web2")),
        HostStarted("web1", 0.1, 3, 0),
        finished("before"),
        TaskStarted("web1", 1.5, "app/2:during", "app", "during", "copy"),
    ):
        sink.handle(event)
    sink.end(130)
    sink.close()
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    assert [(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")] == [
        ("web1.app", "before"),
        ("web1", "(host)"),
        ("web1.app", "during"),
        ("web2", "(host)"),
    ]
    assert counts(root) == {"tests": 4, "failures": 0, "errors": 3, "skipped": 0}


@pytest.mark.parametrize(("exit_code", "errors"), [(0, 0), (2, 0), (1, 1), (3, 1), (130, 1)])
def test_no_report_of_a_bad_end_is_green(exit_code: int, errors: int) -> None:
    """After Ctrl-C everything is cancelled, which CI shows as skipped: somebody has to say what happened."""
    end = HostFinished("web1", 1.0, HostSummary(skipped=1))
    events = [RunStarted("apply", ("web1",)), finished("waits", Outcome.CANCELLED), end]
    assert counts(report(events, exit_code))["errors"] == errors
    whole = [*events, RunFinished("apply", exit_code, {}, 1.0)]
    assert counts(report(whole))["errors"] == errors


def test_an_apply_replaces_its_plan_but_for_the_hosts_that_it_left_out() -> None:
    """After a question only the hosts that could be planned are applied to; the others are still broken."""
    lost = HostFailed("old1", 1.0, Outcome.UNREACHABLE, "no answer")
    plan = [RunStarted("plan", ("web1", "old1")), finished("planned"), lost, RunFinished("plan", 4, {}, 1.0)]
    apply = [RunStarted("apply", ("web1",)), finished("applied"), RunFinished("apply", 0, {}, 1.0)]
    root = report([*plan, *apply])
    assert root.attrib["name"] == "configurator apply"
    assert sorted(names(root)) == ["(host)", "applied"]
    assert counts(root)["errors"] == 1


def test_a_run_that_never_began_tells_why() -> None:
    sink = sink_at("never-written.xml")
    problem = Diagnostic("roles/app/tasks/main.yml", 3, 5, "unknown module 'templat'")
    sink.fail(InputError("1 problem", [problem], hint="mend it"))
    sink.end(1)
    (error,) = ET.fromstring(sink.text()).iter("error")
    assert error.attrib == {"message": "1 problem", "type": "InputError"}
    assert error.text == "1 problem\nroles/app/tasks/main.yml:3:5: unknown module 'templat'\nhelp: mend it"


def test_a_suite_begins_when_its_host_did() -> None:
    """With more hosts than --forks the last ones begin long after the run."""
    late = [HostFinished("web1", 95.0, HostSummary(duration_s=5.0)), RunFinished("apply", 0, {}, 95.0)]
    (suite,) = report([RunStarted("apply", ("web1",)), *late])
    assert suite.attrib["timestamp"] == "2026-03-01T12:01:30+00:00"
    assert suite.attrib["time"] == "5.000"


@pytest.mark.parametrize("mad", [float("nan"), float("inf"), -1e300, 1e300])
def test_times_that_are_none_do_no_harm(mad: float) -> None:
    """A host may send any number; a report that breaks over it would lose the others' results."""
    events = [finished("x", at_s=mad, duration_s=mad), HostNotice("web1", mad, "warning", "what?")]
    suite = one_host(*events)
    assert names(suite) == ["x"]
    assert suite.findtext("system-out") == "warning: what?"


def test_secrets_that_passed_the_redaction_as_events_are_masked_in_the_file(tmp_path: Path) -> None:
    """The report gets events from behind the redaction, as every other output does."""
    path = tmp_path / "report.xml"
    sink = RedactingSink(sink_at(str(path)), Redactor(["hunter2hunter2"]))
    sink.handle(RunStarted("apply", ("web1",)))
    sink.handle(
        finished("x", Outcome.FAILED, output="--password=hunter2hunter2", command=("hunter2hunter2",))
    )
    sink.close()
    text = path.read_text(encoding="utf-8")
    assert "********" in text
    assert "hunter2" not in text


def test_the_mask_comes_before_everything_else() -> None:
    """A secret with a control character in it would not be found any more once that is a picture."""
    text = "key a\x07bcdef"
    case = Case(text, text, 0.0, Verdict.ERROR, text, text, text, text, text, text)
    written = document(text, [Suite(text, (case,), output=text)], 0.0, Redactor(["a\x07bcdef"]).text)
    assert "bcdef" not in written
    assert written.count("key ********") == 11


ANY_TEXT = st.one_of(
    st.text(st.characters(codec=None)),
    st.sampled_from(
        ["]]>", "<![CDATA[", "&amp;", "\x00\x1b[2J\x07", "\ud800", "\ufffe\uffff", "\r\n", "a\tb"]
    ),
)


def well_formed(text: str) -> ET.Element:
    """The document as a strict reader of UTF-8 sees it, without what a terminal would obey."""
    root = ET.fromstring(text.encode("utf-8"))
    seen = "".join(root.itertext()) + "".join(value for item in root.iter() for value in item.attrib.values())
    assert not [letter for letter in seen if ord(letter) < 0x20 and letter != "\n"]
    assert "\u202e" not in seen
    return root


@settings(max_examples=60, deadline=None)
@given(text=ANY_TEXT)
def test_any_text_of_a_host_gives_parseable_xml(text: str) -> None:
    """Names, messages, outputs, commands, changes, notices: whatever is in them, the counts stay true."""
    change = FieldChange(text, text, text, {text: [text]}, because=text, diff=text)
    failed = finished(
        text,
        Outcome.FAILED,
        role=text,
        message=text,
        output=text,
        hint=text,
        command=(text,),
        position=text,
        warnings=(text,),
        changes=(change,),
    )
    skipped = finished(text, Outcome.SKIPPED, reason=SkipReason.CONDITION_FALSE, cause=text)
    lost = HostFailed("web1", 1.0, Outcome.UNREACHABLE, text, text, text)
    sink = sink_at("never-written.xml")
    for event in (
        RunStarted(text, ("web1", text)),
        replace(failed, ignored=True),
        failed,
        skipped,
        HostNotice("web1", 1.0, "warning", text),
        lost,
    ):
        sink.handle(event)
    root = well_formed(sink.text())
    assert counts(next(iter(root))) == {"tests": 4, "failures": 1, "errors": 1, "skipped": 1}


def test_the_report_replaces_an_old_one_at_once_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """A reader never sees a part of it: the new file comes into place by a rename."""
    path = tmp_path / "report.xml"
    path.write_text("old", encoding="utf-8")
    with path.open(encoding="utf-8") as reader:
        save(str(path), "new ä")
        assert reader.read() == "old"
    assert path.read_bytes() == "new ä".encode()
    assert os.listdir(tmp_path) == ["report.xml"]


def test_a_report_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        save(str(path), "half of it, then \ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["report.xml"]


def test_others_may_read_the_report_as_the_umask_says(tmp_path: Path) -> None:
    """CI's collector often runs as another user; a temporary file's 0600 would hide it."""
    (tmp_path / "usual").touch()
    save(str(tmp_path / "report.xml"), "x")
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in os.listdir(tmp_path)}
    assert modes["report.xml"] == modes["usual"]


def test_places_where_no_report_can_be(tmp_path: Path) -> None:
    """Also a pipe such as /dev/stdout: putting a file there would replace the device."""
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    before = sorted(os.listdir(tmp_path))
    for name in ("", "file/x", "missing/x", "pipe", "link", "socket", ".", "x/", "a" * 300):
        with pytest.raises(OSError, match=r"\S"):
            check_place(f"{tmp_path}/{name}")
    for name in ("file", "new"):
        check_place(f"{tmp_path}/{name}")
    assert sorted(os.listdir(tmp_path)) == before


def test_the_report_is_written_once(tmp_path: Path) -> None:
    """A second close, as after a sink was detached, must not bring an old state back."""
    path = tmp_path / "report.xml"
    sink = sink_at(str(path))
    sink.close()
    path.unlink()
    sink.close()
    assert os.listdir(tmp_path) == []
