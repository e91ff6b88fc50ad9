"""What came of testing a role, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from configurator.report.sanitize import one_line
from configurator.report.words import count

_MOST = 20  # differences of one order that are shown


def role_test_lines(role: str, report: Any) -> Iterator[str]:
    """Return a report (`app.roletest.RoleTest`) as lines, sanitised; what is wrong comes first."""
    for name, message in report.failures.items():
        yield f"failed: {one_line(name)}: {one_line(message)}"
    for name in report.again:
        yield f"the second apply changes: {one_line(name)}"
    for finding in report.findings:
        yield from _finding(finding)
    if report.orders:
        yield f"{count(report.orders, 'order')} tried; repeat them with --seed {report.seed}."
    if report.passed:
        said = ", and every order leads to the same state" if report.orders else ""
        yield f"{one_line(role)}: {count(report.tasks, 'task')}; a second apply changes nothing{said}."
    else:
        yield f"{one_line(role)} does not hold what a role must."


def _finding(finding: Any) -> Iterator[str]:
    where = f"order {finding.number}" if finding.number else "the usual apply, with several tasks at once,"
    yield f"{where} leads elsewhere than the declared order:"
    for item in finding.found[:_MOST]:
        yield f"  {one_line(item.thing)}"
        yield f"    declared: {_value(item.first)}"
        yield f"    here:     {_value(item.second)}"
        yield from (f"      {one_line(line)}" for line in item.lines)
    if len(finding.found) > _MOST:
        yield f"  ... and {count(len(finding.found) - _MOST, 'difference')} more"
    if finding.pair is not None:
        first, second = map(one_line, finding.pair)
        yield f"  It matters that {first!r} comes before {second!r}, and nothing says so."
        yield f"  help: have {second!r} require it, or declare the `effects` of both"
    if finding.order:
        yield "  The order was:"
        yield from (f"    {number}. {one_line(name)}" for number, name in enumerate(finding.order, 1))


def _value(text: str | None) -> str:
    if text is None:
        return "not there"
    line = one_line(" ".join(text.split()))
    return line if len(line) <= 160 else f"{line[:159]}…"
