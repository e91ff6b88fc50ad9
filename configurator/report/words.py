"""The small wordings that several outputs share: durations, counts, values, names of tasks and of things."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from configurator.core.run_events import TaskFinished, TaskStarted
from configurator.report.sanitize import one_line, sanitize

_MAX_VALUE = 300
_PLAIN = re.compile(r"[^\s'\",\[\]{}][^\s'\"\[\]{}]*\Z")
_AMBIGUOUS = frozenset({"true", "false", "null", "none", "None", "->"})


def duration(seconds: float) -> str:
    """Return `0.4s`, `12.3s`, `2m 05s` or `1h 02m`."""
    if seconds < 59.95:
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def whole_duration(seconds: float) -> str:
    """Return the duration without fractions, for a clock that is still running."""
    return f"{int(seconds)}s" if seconds < 60 else duration(float(int(seconds)))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 host` or `3 hosts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def title(event: TaskStarted | TaskFinished) -> str:
    """Return `role: task`, or the task alone where no role has it."""
    return task_title(event.role, event.task)


def task_title(role: str, task: str) -> str:
    """Return `role: task`, or the task alone where no role has it."""
    return one_line(f"{role}: {task}" if role and not task.startswith(f"{role}: ") else task)


def enumeration(names: Sequence[str], most: int = 8) -> str:
    """Return `a, b, c`, or the first few `and 12 more`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def value(item: Any) -> str:
    """Return a JSON value as people read it, on one line: text bare where that is clear, else in quotes."""
    return shorten(_value(item), _MAX_VALUE)


def _value(item: Any) -> str:
    if isinstance(item, str):
        return _text(item)
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in item) + "]"
    if isinstance(item, dict):
        return "{" + ", ".join(f"{_value(str(key))}: {_value(one)}" for key, one in item.items()) + "}"
    words = {None: "none", True: "true", False: "false"}
    return words[item] if item is None or isinstance(item, bool) else str(item)


def _text(item: str) -> str:
    if item == "(known after apply)" or item.startswith("(hidden"):
        return one_line(item)
    bare = _PLAIN.match(item) and item not in _AMBIGUOUS and not _is_number(item)
    text = sanitize(item)
    return text if bare and text == item else json.dumps(text, ensure_ascii=False)


def _is_number(text: str) -> bool:
    """Tell a text of digits from a number, but leave modes (`0644`) and versions bare."""
    return text.isdigit() and not text.startswith("0")


def shorten(text: str, most: int) -> str:
    """Return `text`, with its middle left out if it is longer than `most`."""
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def subject(key: str) -> str:
    """Return an effect key as people name the thing: `/etc/motd`, `package nginx`, `hostname`."""
    namespace, _, name = key.partition(":")
    if namespace == "path":
        return one_line(name)
    return one_line(f"{namespace.replace('_', ' ')} {name}".strip())


def snake_case(name: str) -> str:
    """Return `TaskFinished` as `task_finished`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
