"""The plan reads as a plan, groups what is equal, and says how sure it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from configurator.core.changes import Certainty, FieldChange
from configurator.core.run_events import HostFinished, HostSummary, RunEvent
from configurator.core.status import Outcome
from configurator.report.changes import KNOWN_LATER, doubt_of, sign, task_lines
from configurator.report.plan import PlanSink
from configurator.report.redact import HIDDEN
from tests.unit.report import golden, stream
from tests.unit.report.stream import SITE, Step, created, host_events, run_events

NEW_FILE = FieldChange(
    "path:/x", "content", None, "2 bytes", diff="--- /dev/null\n+++ /x\n@@ -0,0 +1 @@\n+x\n"
)


def shown(events: list[RunEvent], **options: object) -> str:
    console, text = golden.plain_console()
    golden.play(events, PlanSink(console, **options))  # type: ignore[arg-type]
    return text.getvalue()


def test_plan() -> None:
    """Hosts with the same changes stand together; certainty, handlers and failures are named in words."""
    golden.check("plan.txt", shown(stream.plan_run()))


def test_plan_without_diffs() -> None:
    golden.check("plan-no-diff.txt", shown(stream.plan_run(), diff=False))


def test_nothing_to_change() -> None:
    nothing = stream.OK_STEPS
    events = run_events(
        "plan", {"web1": host_events("web1", nothing), "web2": host_events("web2", nothing)}, 0
    )
    assert shown(events) == "No changes. 8 tasks are as declared on 2 hosts.\n"


def test_what_is_ok_is_listed_if_asked_for_also_without_changes() -> None:
    """Hosts of which the same is shown stand together, and only they."""
    nothing = stream.OK_STEPS
    skip = replace(nothing[0], status=Outcome.SKIPPED, extra=(("cause", "x is false"),))
    steps = {"web1": nothing, "web2": nothing, "web3": (skip, *nothing[1:])}
    events = run_events("plan", {name: host_events(name, found) for name, found in steps.items()}, 0)
    text = shown(events, verbose=1)
    assert text.startswith(f"web1, web2:\n    {nothing[0].role}: {nothing[0].task}  ok\n")
    assert f"\nweb3:\n    {nothing[0].role}: {nothing[0].task}  skipped: x is false\n" in text
    assert text.endswith("\n\nNo changes. 11 tasks are as declared on 3 hosts.\n")
    assert "skipped" not in shown(events)


def test_no_task_at_all_is_not_praised_as_as_declared() -> None:
    """A selection that matches nothing must be seen for what it is."""
    events = run_events("plan", {"web1": [(0.1, HostFinished("web1", 0.1, HostSummary()))]}, 0)
    assert shown(events) == "No changes. There is no task for what was asked for on 1 host.\n"


def test_a_host_on_which_nothing_was_begun_is_not_called_unchanged() -> None:
    """Another one has failed before its turn came."""
    idle: list[tuple[float, RunEvent]] = [(9.0, HostFinished("web2", 9.0, HostSummary()))]
    events = run_events("plan", {"web1": host_events("web1", (stream.BROKEN,)), "web2": idle}, 3)
    text = shown(events)
    assert "web2: no changes" not in text
    assert "Plan: 0 to change, 0 ok, 1 failed on 1 host; nothing was begun on web2.\n" in text


@pytest.mark.parametrize(
    ("ok", "expected"),
    [
        (1, "No changes. 1 task runs only in an apply, on 1 host."),
        (3, "No changes. 2 tasks are as declared on 1 host; 1 task runs only in an apply."),
    ],
)
def test_what_only_an_apply_runs_is_not_called_as_declared(ok: int, expected: str) -> None:
    """Nobody has looked at it."""
    summary = HostSummary(ok=ok, unknown=1)
    events = run_events("plan", {"web1": [(0.1, HostFinished("web1", 0.1, summary))]}, 0)
    assert shown(events) == expected + "\n"


@pytest.mark.parametrize(
    ("summaries", "expected"),
    [
        ([{"unreachable": 1}], "No plan: 1 host unreachable."),
        ([{"unreachable": 1}, {"unreachable": 1}], "No plan: 2 hosts unreachable."),
        ([{"ok": 2}, {"unreachable": 1}], "Plan: 0 to change, 2 ok on 1 host; 1 host unreachable."),
        (
            [{"ok": 1, "changed": 2, "unreachable": 1}],
            "Plan: 2 to change, 1 ok on 1 host; 1 host unreachable.",
        ),
        ([{"failed": 1}, {"changed": 3}], "Plan: 3 to change, 0 ok, 1 failed on 2 hosts."),
    ],
)
def test_the_last_line_counts_hosts_that_were_not_seen_apart(
    summaries: list[dict[str, int]], expected: str
) -> None:
    """Nothing was found out about a host that cannot be reached."""
    hosts: dict[str, list[tuple[float, RunEvent]]] = {
        f"web{n}": [(0.1, HostFinished(f"web{n}", 0.1, HostSummary(**counts)))]
        for n, counts in enumerate(summaries)
    }
    assert shown(run_events("plan", hosts, 4)).splitlines()[-1] == expected


def test_hosts_that_differ_in_one_value_are_shown_apart() -> None:
    other = replace(SITE, changes=(FieldChange("path:/x", "mode", "0600", "0640"),))
    hosts = {"web1": host_events("web1", (SITE,)), "web2": host_events("web2", (other,))}
    text = shown(run_events("plan", hosts, 0))
    assert "web1:\n" in text
    assert "web2:\n" in text
    assert text.endswith("Plan: 2 to change, 0 ok on 2 hosts.\n")


def test_an_apply_is_not_printed_as_a_plan() -> None:
    assert shown(stream.apply_run()) == ""


def test_a_long_diff_is_cut_unless_everything_is_asked_for() -> None:
    rows = "".join(f"+line {number}\n" for number in range(500))
    change = FieldChange(
        "path:/x", "content", None, "9 bytes", diff=f"--- /dev/null\n+++ /x\n@@ -0,0 +1,500 @@\n{rows}"
    )
    events = run_events("plan", {"web1": host_events("web1", (replace(SITE, changes=(change,)),))}, 0)
    assert "… 381 more lines of diff (-v shows all)" in shown(events)
    assert "+line 499" not in shown(events)
    assert "+line 499" in shown(events, verbose=1)


@pytest.mark.parametrize(("rows", "left"), [(119, ""), (120, "… 1 more line of"), (121, "… 2 more lines of")])
def test_what_is_cut_from_a_diff_is_counted(rows: int, left: str) -> None:
    diff = "--- /dev/null\n+++ /x\n@@ -0,0 +1 @@\n" + "+x\n" * rows
    last = _lines(FieldChange("path:/x", "content", None, "2 bytes", diff=diff))[-1]
    assert last.strip().startswith(left or "+x")


def test_what_goes_is_not_overlooked_among_what_comes() -> None:
    """An installation that removes another package says so in words, not only by a name in a list."""
    shown = _lines(
        FieldChange("package:postfix", "version", None, "3.7"),
        FieldChange("package:exim4-base", "exists", True, False),
    )
    assert [line.strip() for line in shown[1:]] == [
        "package postfix: version 3.7",
        "package exim4-base is removed",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), "~"),
        (created("package:nginx", version="1"), "+"),
        ((FieldChange("user:x", "exists", True, False),), "-"),
        ((FieldChange("nftables:inet/x", "live", "absent", "loaded"),), "+"),
        ((FieldChange("nftables:inet/x", "live", "changed by others", "loaded"),), "~"),
        ((FieldChange("package:x", "version", None, "1.2"),), "+"),
        ((FieldChange("package:x", "version", None, KNOWN_LATER, Certainty.UNKNOWN),), "+"),
        ((FieldChange("package:x", "version", "1.2", None),), "-"),
        ((FieldChange("package:x", "version", "1.2", "1.3"),), "~"),
        ((FieldChange("package:x", "version", KNOWN_LATER, None, Certainty.UNKNOWN),), "~"),
        ((FieldChange("path:/x", "state", "file", "absent"),), "-"),
        ((FieldChange("path:/x", "state", "absent", "file"),), "+"),
        ((FieldChange("path:/x", "mode", None, "0644"),), "~"),
        ((FieldChange("path:/x", "mode", None, "0644"), NEW_FILE), "+"),
        ((FieldChange("path:/x", "kind", "link", "file"), NEW_FILE), "~"),
        ((replace(NEW_FILE, before="4 bytes"),), "~"),
        ((replace(NEW_FILE, after=None),), "~"),
        ((replace(NEW_FILE, subject="nftables:inet x"),), "~"),
        ((FieldChange("*", "state", None, None, Certainty.UNKNOWN),), "?"),
        ((*created("path:/a"), FieldChange("path:/b", "exists", True, False)), "~"),
    ],
)
def test_the_sign_tells_what_becomes_of_the_thing(changes: tuple[FieldChange, ...], expected: str) -> None:
    assert sign(changes) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (FieldChange("unit:x", "restarted", None, True), "unit x: restarted"),
        (FieldChange("package:x", "version", None, "1.2"), "package x: version 1.2"),
        (FieldChange("package:x", "version", "1.2", None), "package x"),
        (FieldChange("user:x", "groups", ["a"], ["a", "b"]), "user x: groups [a] -> [a, b]"),
        (FieldChange("user:x", "comment", "", "two words"), 'user x: comment "" -> "two words"'),
        (FieldChange("sysctl:x", "value", "1", 1), 'sysctl x: value "1" -> 1'),
        (FieldChange("path:/x", "kind", "file", "directory"), "/x: kind file -> directory"),
        (FieldChange("path:/x", "kind", "absent", "directory"), "/x: directory"),
        (NEW_FILE, "/x: content +1 line"),
        (replace(NEW_FILE, diff=None), "/x: content 2 bytes"),
        (FieldChange("command:sleep 3", "ran", False, True), "command sleep 3: runs"),
        (
            FieldChange("package:x", "version", "(known after apply)", None),
            "package x: version (known after apply) -> none",
        ),
    ],
)
def test_a_field_reads_as_before_and_after(change: FieldChange, expected: str) -> None:
    assert _lines(change)[1].strip() == expected


def test_one_of_several_fields_may_be_less_sure_than_the_others() -> None:
    lines = _lines(
        FieldChange("path:/x", "mode", "0600", "0644"),
        FieldChange("path:/x", "owner", "root", "shop", Certainty.ASSUMED, "the user is made first"),
        FieldChange("path:/x", "size", 1, "(known after apply)", Certainty.UNKNOWN),
    )
    assert [line.strip() for line in lines[1:]] == [
        "/x:",
        "mode 0600 -> 0644",
        "owner root -> shop (assumed because the user is made first)",
        "size 1 -> (known after apply) (known after apply)",
    ]


@pytest.mark.parametrize(
    ("certainty", "because", "expected"),
    [
        (Certainty.ASSUMED, "x comes first", "assumed because x comes first"),
        (Certainty.ASSUMED, HIDDEN, "assumed; hidden by no_log"),
        (Certainty.ASSUMED, None, "assumed"),
        (Certainty.UNKNOWN, "x comes first", "known after apply: x comes first"),
        (Certainty.UNKNOWN, HIDDEN, "known after apply; hidden by no_log"),
        (Certainty.EXACT, None, None),
    ],
)
def test_doubt_is_told_with_its_reason(
    certainty: Certainty, because: str | None, expected: str | None
) -> None:
    assert doubt_of(FieldChange("path:/x", "mode", "0600", "0644", certainty, because)) == expected


def _lines(*changes: FieldChange) -> list[str]:
    step = Step("r", "t", "m", 0, 1, Outcome.CHANGED, changes)
    event = next(event for at, event in step.events("web1") if at == 1)
    return [line.plain for line in task_lines(event, diff=True)]  # type: ignore[arg-type]
