"""What one task changes, as lines for people: a sign, fields before and after, the diff, how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from configurator.core.changes import Certainty, FieldChange
from configurator.core.run_events import TaskFinished
from configurator.report import words
from configurator.report.redact import HIDDEN
from configurator.report.sanitize import one_line
from configurator.report.terminal import ADDED, CHANGED, HUNK, MUTED, NAME, REMOVED, flowing, joined

SIGNS = {
    "+": ("create", ADDED),
    "~": ("change", CHANGED),
    "-": ("remove", REMOVED),
    "?": ("not known yet", HUNK),
}

# A longer diff hides what follows it; -v and the log show all of it.
_MAX_DIFF_LINES = 120
_MAX_LINE = 88  # fields of one thing stand on one line as long as it stays readable

# The fields that say whether a thing is there at all, and the values that mean it is not.
_BEING = frozenset({"exists", "state", "kind", "live"})
KNOWN_LATER = "(known after apply)"  # how modules show a value that cannot be known before
_BY_NO_LOG = "; hidden by no_log"
_ABSENT = (None, False, "absent")


def sign(changes: Sequence[FieldChange]) -> str:
    """Return `+` if all that is concerned comes into being, `-` if it goes, `?` if unknown, else `~`."""
    if changes and all(_unknown(change) for change in changes):
        return "?"
    signs = {_sign_of(group) for group in _by_subject(changes).values()}
    return signs.pop() if len(signs) == 1 else "~"


def task_lines(event: TaskFinished, *, diff: bool, full: bool = False, indent: int = 2) -> list[Text]:
    """Return the task's line and its changes below it.

    With `diff` file contents are shown as unified diffs, without as a count of lines; `full` leaves no line
    out.
    """
    mark = sign(event.changes)
    head = joined(
        " " * indent, (mark, SIGNS[mark][1]), " ", (words.title(event), NAME), (f"  [{event.module}]", MUTED)
    )
    doubt = _common_doubt(event.changes)
    if doubt:
        head = flowing(head.append(f"  ({doubt})", HUNK))
    lines = [head]
    for key, changes in _by_subject(event.changes).items():
        if mark != "-" and _sign_of(changes) == "-":  # among what comes, what goes must not be overlooked
            lines.append(joined(" " * (indent + 4), (f"{words.subject(key)} is removed", REMOVED)))
            continue
        lines += _subject_lines(key, changes, indent + 4, doubted=doubt is not None)
        for change in changes:
            if change.diff and diff:
                lines += diff_lines(change.diff, indent + 6, None if full else _MAX_DIFF_LINES)
    return lines


def said_lines(event: TaskFinished, indent: int) -> list[Text]:
    """Return what a task has to say, with a bar in front of every line."""
    rows = event.says.strip("\n").split("\n") if event.says.strip() else []
    return [joined(" " * indent, ("│ ", MUTED), row.rstrip()) for row in rows]


def diff_lines(diff: str, indent: int, most: int | None = None) -> list[Text]:
    """Return a unified diff without its file names, coloured, at most `most` lines of it."""
    rows = [row.rstrip("\r") for row in diff.removesuffix("\n").split("\n")]
    if len(rows) > 1 and rows[0].startswith("--- ") and rows[1].startswith("+++ "):
        rows = rows[2:]
    shown = rows if most is None or len(rows) <= most else rows[:most]
    styles = {"+": ADDED, "-": REMOVED, "@": HUNK, "\\": MUTED}
    lines = [joined(" " * indent, (row, styles.get(row[:1], ""))) for row in shown]
    if len(shown) < len(rows):
        left_out = words.count(len(rows) - len(shown), "more line")
        lines.append(joined(" " * indent, (f"… {left_out} of diff (-v shows all)", MUTED)))
    return lines


def diff_size(diff: str) -> tuple[int, int]:
    """Return how many lines a unified diff adds and removes."""
    rows = diff.split("\n")[2:]
    return sum(row.startswith("+") for row in rows), sum(row.startswith("-") for row in rows)


def doubt_of(change: FieldChange) -> str | None:
    """Return how far a planned change can be relied on, in words; None if it is exact."""
    because = one_line(change.because) if change.because else None
    if because == HIDDEN and change.certainty is not Certainty.EXACT:
        return ("assumed" if change.certainty is Certainty.ASSUMED else "known after apply") + _BY_NO_LOG
    if change.certainty is Certainty.ASSUMED:
        return f"assumed because {because}" if because else "assumed"
    if change.certainty is Certainty.UNKNOWN:
        return f"known after apply: {because}" if because else "known after apply"
    return None


def _by_subject(changes: Sequence[FieldChange]) -> dict[str, list[FieldChange]]:
    groups: dict[str, list[FieldChange]] = {}
    for change in changes:
        groups.setdefault(change.subject, []).append(change)
    return groups


def _sign_of(changes: Sequence[FieldChange]) -> str:
    for change in changes:
        if _tells_being(change) and _absent(change.before) != _absent(change.after):
            return "+" if _absent(change.before) else "-"
    replaced = any(change.field in _BEING for change in changes)  # a link by a file, say
    return "+" if any(_first_content(change) for change in changes) and not replaced else "~"


def _tells_being(change: FieldChange) -> bool:
    """Return True for a field that no absent thing has; a version that is unknown before tells nothing."""
    version = change.subject.startswith("package:") and change.field == "version"
    return change.field in _BEING or (version and change.before != KNOWN_LATER)


def _first_content(change: FieldChange) -> bool:
    """Return True where a file had no content before: then there was no file."""
    file = change.subject.startswith("path:") and change.field == "content"
    return file and change.before is None and change.after is not None


def _absent(state: object) -> bool:
    return any(state is one for one in _ABSENT[:2]) or state == "absent"


def _unknown(change: FieldChange) -> bool:
    return change.certainty is Certainty.UNKNOWN and change.before is None and change.after is None


def _common_doubt(changes: Sequence[FieldChange]) -> str | None:
    doubts = {doubt_of(change) for change in changes}
    return doubts.pop() if len(doubts) == 1 else None


def _subject_lines(key: str, changes: Sequence[FieldChange], indent: int, *, doubted: bool) -> Iterator[Text]:
    mark = _sign_of(changes)
    fields = [text for change in changes if (text := _field(change, mark, doubted=doubted))]
    name = words.subject(key)
    if (key == "*" or key.startswith("task:")) and not fields:
        return  # nothing is known but that the task would run, which its own line says
    if mark == "-" and not any(change.diff for change in changes):
        fields = []
    if sum(len(text.plain) + 2 for text in fields) + len(name) <= _MAX_LINE:
        rest = Text(", ").join(fields)
        yield joined(" " * indent, name, ": " if fields else "", rest)
        return
    yield joined(" " * indent, name, ":")
    for text in fields:
        yield joined(" " * (indent + 2), text)


def _field(change: FieldChange, mark: str, *, doubted: bool) -> Text | None:
    """Return `mode 0600 -> 0644`; None for what the sign says already."""
    if _unknown(change):
        return None
    if change.field in _BEING and mark in "+-":
        kind = change.after if mark == "+" else None
        text = None if kind in (True, None, "present") else Text(words.value(kind))
    elif change.diff is not None:
        added, removed = diff_size(change.diff)
        text = Text(change.field)
        text.append(f" +{added}" if added else "", ADDED).append(f" -{removed}" if removed else "", REMOVED)
        text.append(" line" if added + removed == 1 else " lines")
    elif change.before is None and change.after is True:
        text = Text(change.field)  # an event: `restarted`
    elif change.field == "ran":
        text = Text("runs")  # a command: that it has not run before is no news
    else:
        text = joined(change.field, " ", *_values(change, mark))
    doubt = None if doubted else doubt_of(change)
    if doubt is not None and text is not None:
        text.append(f" ({doubt})", HUNK)
    return text


def _values(change: FieldChange, mark: str) -> list[str | tuple[str, str]]:
    show = str if change.field == "content" else words.value
    after = "none" if change.after is None else show(change.after)
    if mark == "+" and change.before is None:
        return [(after, ADDED)]
    before = "none" if change.before is None else show(change.before)
    return [(before, REMOVED), " -> ", (after, ADDED)]
