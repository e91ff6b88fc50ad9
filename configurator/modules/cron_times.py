"""The five time fields of crontab(5), checked before cron is asked."""

from __future__ import annotations

import re

_RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
_NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
FIELDS = tuple(_RANGES)
_FOREIGN = re.compile(r"[~LW#?HR]")  # what other crons than Debian's understand: theirs to judge


def problem(field: str, value: str) -> str | None:
    """Return what is wrong with the value of a field, or None if cron takes it."""
    if not value or any(sign.isspace() for sign in value):
        return f"{field!r} must be one word such as `*`, `*/5` or `1,15`, not {value!r}"
    low, high = _RANGES[field]
    if field not in _NAMES and _FOREIGN.search(value):
        return None
    for part in value.split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            return f"{field!r}: {part!r} has no step that is a number above 0"
        if span == "*":
            continue
        if not all(_in_range(field, word, low, high) for word in span.split("-", 1)):
            names = f" or {_NAMES[field][0]}-{_NAMES[field][-1]}" if field in _NAMES else ""
            return f"{field!r} must be {low}-{high}{names}, `*`, a range, a list or a step, not {value!r}"
    return None


def _in_range(field: str, word: str, low: int, high: int) -> bool:
    if word.isdecimal() and word.isascii():
        return low <= int(word) <= high
    return word.lower() in _NAMES.get(field, ()) or bool(_FOREIGN.search(word))
