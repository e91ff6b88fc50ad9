"""The end of an apply: counts per host, every failure, what overlapping has gained, and the verdict last."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from configurator.core.run_events import HostSummary, RunEvent, RunFinished
from configurator.report import words
from configurator.report.failures import failure_lines, ignored_lines, notice_lines
from configurator.report.gain import gain_line
from configurator.report.record import RunRecord, add_up
from configurator.report.terminal import CHANGED, GOOD, MUTED, NAME, WRONG, joined, write
from configurator.report.timeline import timeline_lines

_COLUMNS = (
    ("ok", "ok", GOOD),
    ("changed", "changed", CHANGED),
    ("failed", "failed", WRONG),
    ("skipped", "skipped", MUTED),
    ("unreachable", "unreachable", WRONG),
)


class SummarySink:
    """Prints the summary when an apply ends; says nothing of a plan."""

    def __init__(self, console: Console, *, verbose: int = 0) -> None:
        self._console = console
        self._verbose = verbose
        self._record = RunRecord()

    def handle(self, event: RunEvent) -> None:
        """Collect; print at the end of an apply."""
        self._record.take(event)
        if isinstance(event, RunFinished) and event.mode != "plan":
            write(self._console, summary_lines(self._record, full=self._verbose > 0))

    def close(self) -> None:
        """Nothing to give back."""


def summary_lines(record: RunRecord, *, full: bool = False) -> list[Text]:
    """Return the whole summary of a finished apply."""
    result = record.result
    lines = [Text(""), *table_lines(record.summaries()), Text("")]
    for part in (notice_lines(record), ignored_lines(record), failure_lines(record, full=full)):
        lines += [*part, Text("")] if part else []
    if len(record.summaries()) == 1:
        drawn = timeline_lines(record.tasks())
        lines += [*drawn, Text("")] if drawn else []
    gain = gain_line(record.tasks(), result.duration_s if result else 0.0)
    lines += [gain] if gain is not None else []
    lines.append(verdict(record))
    if result is not None and result.exit_code and result.log_path:
        lines.append(joined(("Full log: ", MUTED), result.log_path))
    return lines


def table_lines(summaries: dict[str, HostSummary]) -> list[Text]:
    """Return the counts per host as a table; zeros are muted, so that what is not zero is seen."""
    wide = max([cell_len("host"), *(cell_len(name) for name in summaries)])
    widths = [max(len(title), 3) for title, _, _ in _COLUMNS]
    head = "host" + " " * (wide - 4)
    for (title, _, _), width in zip(_COLUMNS, widths, strict=True):
        head += f"  {title:>{width}}"
    lines = [joined((f"{head}  {'time':>7}", NAME))]
    for name, summary in summaries.items():
        wrong = summary.failed or summary.unreachable
        line = joined((name, WRONG if wrong else NAME), " " * (wide - cell_len(name)))
        for (_, attribute, style), width in zip(_COLUMNS, widths, strict=True):
            number = getattr(summary, attribute)
            line.append(f"  {number:>{width}}", style if number else MUTED)
        lines.append(line.append(f"  {words.duration(summary.duration_s):>7}"))
    return lines


def verdict(record: RunRecord) -> Text:
    """Return the one line that says how it ended."""
    summaries = record.summaries()
    total = add_up(summaries.values())
    hosts = words.count(len(summaries), "host")
    result = record.result
    if total.failed or total.unreachable:
        return _bad_verdict(summaries, total, record.untouched())
    if result is not None and result.exit_code == 130:
        done = f"{total.changed} changed, {total.ok} ok on {hosts} before that"
        return joined(("Interrupted", WRONG), f": {done}. The same command goes on from there.")
    if result is not None and result.exit_code:
        return joined(("Failed", WRONG), f" with exit code {result.exit_code} on {hosts}.")
    if not total.changed:
        return joined(("Nothing to change", GOOD), f": {total.ok} ok on {hosts}.")
    return joined(("Done", GOOD), f": {total.changed} changed, {total.ok} ok on {hosts}.")


def _bad_verdict(summaries: dict[str, HostSummary], total: HostSummary, untouched: list[str]) -> Text:
    failed = [name for name, one in summaries.items() if one.failed]
    unreachable = [name for name, one in summaries.items() if one.unreachable]
    fine = len(summaries) - len({*failed, *unreachable, *untouched})
    parts = []
    if total.failed:
        parts.append(f"{total.failed} failed on {words.enumeration(failed)}")
    if unreachable:
        parts.append(f"{words.enumeration(unreachable)} unreachable")
    parts.append(f"{total.changed} changed")
    if fine:
        parts.append(f"{words.count(fine, 'host')} without trouble")
    if untouched:
        parts.append(f"nothing was begun on {words.enumeration(untouched)}")
    return joined(("Failed", WRONG), f": {'; '.join(parts)}.")
