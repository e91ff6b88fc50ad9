"""The picture on the board, as lines for a given time and size: no terminal, no clock of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from configurator.core.run_events import TaskFinished, TaskStarted
from configurator.report import words
from configurator.report.record import HostRecord, RunRecord, Stage, bad
from configurator.report.sanitize import one_line
from configurator.report.terminal import CHANGED, GOOD, MUTED, NAME, WRONG, encodable, joined

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ORDER = {Stage.RUNNING: 0, Stage.PREPARING: 1, Stage.CONNECTING: 2, Stage.DONE: 3}
_MOST_NAME = 24
_RECENT_S = 3.0  # how long a finished task stays to be seen beside those that still run
_LEAST_AXIS_S = 4.0
_VERBS = {"plan": "Planning", "apply": "Applying"}


@dataclass(frozen=True, slots=True)
class Span:
    """A task that has ended, and when it began and ended on our own clock."""

    event: TaskFinished
    started: float
    ended: float


@dataclass(slots=True)
class BoardView:
    """What the board needs besides the record: when things began, on the clock that it is drawn by."""

    record: RunRecord
    unicode: bool = True
    began: float = 0.0
    frame: int = 0
    started: dict[tuple[str, str], float] = field(default_factory=dict)
    recent: list[Span] = field(default_factory=list)

    def begin(self, now: float) -> None:
        """Start anew: a confirmed apply follows its plan on the same board."""
        self.began = now
        self.started.clear()
        self.recent.clear()

    def lines(self, now: float, width: int, height: int) -> list[Text]:
        """Return the picture, at most `height` lines of at most `width` columns."""
        hosts = list(self.record.hosts.values())
        found = (
            self._one_host(hosts[0], now, width) if len(hosts) == 1 else self._many(hosts, now, width, height)
        )
        lines = [found[0], *found[1 : max(height, 1)]]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return lines if self.unicode else [encodable(line, "ascii") for line in lines]

    # -- one host: its tasks on a common axis of time, so that overlap is seen -------------------------

    def _one_host(self, host: HostRecord, now: float, width: int) -> list[Text]:
        head = joined(
            self._spinner(),
            " ",
            (f"{_VERBS.get(self.record.mode, self.record.mode)} {host.name}", NAME),
            "  ",
        )
        if host.total:
            head.append_text(bar(host, 24)).append(f" {host.done}/{host.total}")
            head.append_text(_counts(host, self.record.mode))
        else:
            head.append(str(host.stage), MUTED)
        head.append(f"  {words.whole_duration(now - self.began)}", MUTED)
        return [head, *self._timeline(host, now, width)]

    def _timeline(self, host: HostRecord, now: float, width: int) -> list[Text]:
        running = [(event, self.started.get((host.name, key), now)) for key, event in host.running.items()]
        recent = [span for span in self.recent if now - span.ended < _RECENT_S]
        if not running and not recent:
            return []
        begin = min([at for _, at in running] + [span.started for span in recent])
        axis = max(now - begin, _LEAST_AXIS_S)
        name_width = min(max(width // 2 - 12, 16), 44)
        room = max(width - name_width - 16, 8)

        def row(event: TaskStarted | TaskFinished, start: float, end: float, mark: str, style: str) -> Text:
            left = int((start - now + axis) / axis * room)
            length = max(int((end - now + axis) / axis * room) - left, 1)
            title = Text(f"{words.title(event)}", style=MUTED if style == MUTED else "")
            title.truncate(name_width, overflow="ellipsis", pad=True)
            took = f" {words.duration(end - start):>7}  "
            return joined("  ", (mark, style), " ", title, (took, MUTED), (" " * left + "█" * length, style))

        rows = [
            row(
                span.event,
                span.started,
                span.ended,
                "✘" if bad(span.event) else "✔",
                WRONG if bad(span.event) else MUTED,
            )
            for span in recent
        ]
        return rows + [row(event, at, now, self._spinner(), GOOD) for event, at in running]

    # -- many hosts: one row each ---------------------------------------------------------------------

    def _many(self, hosts: list[HostRecord], now: float, width: int, height: int) -> list[Text]:
        done = sum(host.stage is Stage.DONE for host in hosts)
        head = joined(
            self._spinner(),
            " ",
            (f"{_VERBS.get(self.record.mode, self.record.mode)} {words.count(len(hosts), 'host')}", NAME),
            f"  {done} done",
            (f"  {words.whole_duration(now - self.began)}", MUTED),
        )
        ordered = sorted(hosts, key=lambda host: _ORDER[host.stage])
        room = height - 1
        shown = ordered if len(ordered) <= room else ordered[: max(room - 1, 0)]
        wide = min(max(cell_len(host.name) for host in hosts), _MOST_NAME) if hosts else 0
        lines = [head, *(self._row(host, now, wide, width) for host in shown)]
        rest = Counter(host.stage for host in ordered[len(shown) :])
        if rest:
            text = ", ".join(f"{number} {stage}" for stage, number in rest.items())
            lines.append(joined((f"  … and {rest.total()} more: {text}", MUTED)))
        return lines

    def _row(self, host: HostRecord, now: float, wide: int, width: int) -> Text:
        name = Text(host.name, style=WRONG if host.troubled else NAME)
        name.truncate(wide, overflow="ellipsis", pad=True)
        if host.stage is Stage.DONE or host.failure is not None:
            return self._done_row(host, name)
        line = joined(self._spinner(), " ", name, "  ")
        if not host.total:
            return line.append(str(host.stage), MUTED)
        line.append_text(bar(host, 16 if width < 100 else 24)).append(f" {host.done:>3}/{host.total:<3} ")
        doing = [
            f"{words.title(event)} {words.whole_duration(now - self.started.get((host.name, key), now))}"
            for key, event in host.running.items()
        ]
        return line.append(" · ".join(doing))

    def _done_row(self, host: HostRecord, name: Text) -> Text:
        total = host.totals()
        if host.failure is not None:
            return joined(
                ("✘ ", WRONG),
                name,
                "  ",
                (str(host.failure.status), WRONG),
                f"  {one_line(host.failure.message)}",
            )
        wrong = bool(total.failed or total.unreachable)
        line = joined(("✘ ", WRONG) if wrong else ("✔ ", GOOD), name, "  ")
        line.append("failed" if wrong else "done", WRONG if wrong else GOOD)
        changed = "to change" if self.record.mode == "plan" else "changed"
        line.append(f"  {total.changed} {changed}, {total.ok} ok", MUTED)
        return line.append(f"  {words.duration(total.duration_s)}", MUTED)

    def _spinner(self) -> str:
        return _SPINNER[self.frame % len(_SPINNER)] if self.unicode else "-\\|/"[self.frame % 4]


def bar(host: HostRecord, width: int) -> Text:
    """Return a bar of `width` columns, filled as far as the host's tasks have ended."""
    full = min(int(width * host.done / host.total), width) if host.total else 0
    style = WRONG if host.troubled else GOOD
    return joined(("━" * full, style), ("─" * (width - full), MUTED))


def _counts(host: HostRecord, mode: str) -> Text:
    total = host.totals()
    text = Text("")
    if total.changed:
        text.append(f"  {total.changed} {'to change' if mode == 'plan' else 'changed'}", CHANGED)
    if total.failed:
        text.append(f"  {total.failed} failed", WRONG)
    return text
