"""States, as fields with values, and the difference between two of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from configurator.core.changes import Certainty, FieldChange

# Field names to JSON values, a content, SecretValue or UNKNOWN; a desired state has only what matters.
# A name may be `key|field` (`package:nginx|version`) where a task is about several things.
State: TypeAlias = dict[str, Any]

_MAX_DIFF_BYTES = 512 * 1024  # a larger text is described by size and digest; a diff of it helps nobody
SHOWN_MASK = "********"


class _Unknown:
    """The type of UNKNOWN."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()  # in a state: cannot be known before the apply; compares unequal to every value


class UnknownState(Exception):  # noqa: N818  (not a failure: the plan goes on and labels the change)
    """What was asked for cannot be known before the apply; `because` names what it depends on.

    Only SimulatedSystem raises it, and only the runner catches it: modules let it pass.
    """

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, compared whole and shown as a diff."""

    data: bytes

    def describe(self) -> str:
        """Return size and digest, for where the content itself is too much."""
        import hashlib  # noqa: PLC0415  (costs 3 ms on the host; most tasks never describe content)

        size = f"{len(self.data)} byte{'' if len(self.data) == 1 else 's'}"
        return f"{size}, sha256 {hashlib.sha256(self.data).hexdigest()[:12]}"

    def text(self) -> str | None:
        """Return the content as text, or None if it is binary or too large to show."""
        if len(self.data) > _MAX_DIFF_BYTES or b"\0" in self.data:
            return None
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class LargeContent:
    """The bytes of a file that is too large for memory: compared, and shown, by size and digest alone.

    What is to be written comes piece by piece from `source`, a file of the host, or else from the
    controller. A `sha256` of None is that of a file that another size tells apart already; `sha1` is there
    only where a task asks for it.
    """

    size: int
    sha256: str | None = None
    source: str | None = field(default=None, compare=False)
    sha1: str | None = field(default=None, compare=False)

    def describe(self) -> str:
        """Return size and digest, for people."""
        digest = f", sha256 {self.sha256[:12]}" if self.sha256 else ""
        return f"large file, {self.size / 1e6:.1f} MB{digest}"


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A value that is compared but never shown."""

    value: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What has to happen to one thing: both states, and the names of the fields that differ."""

    subject: str
    before: State
    after: State
    fields: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.fields)

    def __contains__(self, field: str) -> bool:
        return field in self.fields

    def records(
        self, certainty: Certainty = Certainty.EXACT, because: str | None = None
    ) -> tuple[FieldChange, ...]:
        """Return one FieldChange per differing field, labelled with what the whole rests on."""
        return tuple(self._record(field, certainty, because) for field in self.fields)

    def _record(self, name: str, certainty: Certainty, because: str | None) -> FieldChange:
        before, after = self.before.get(name), self.after[name]
        if before is UNKNOWN or after is UNKNOWN:
            certainty = Certainty.UNKNOWN
        diff = None
        if isinstance(before, Content) or isinstance(after, Content):
            diff = unified_diff(self.subject, before, after)
        subject, _, field = name.rpartition("|")
        return FieldChange(
            subject or self.subject, field, _show(before), _show(after), certainty, because, diff
        )


def compare(subject: str, actual: State, wanted: Mapping[str, Any]) -> Change:
    """Return the change from `actual` to `wanted`, looking at the fields of `wanted` alone."""
    differing = tuple(name for name, value in wanted.items() if not _same(actual.get(name), value))
    return Change(subject, actual, dict(wanted), differing)


def unified_diff(subject: str, before: Any, after: Any) -> str | None:
    """Return a unified diff of two contents, or None where one of them is no text."""
    if isinstance(before, LargeContent) or isinstance(after, LargeContent):
        return None
    old = before.text() if isinstance(before, Content) else ""
    new = after.text() if isinstance(after, Content) else ""
    if old is None or new is None or UNKNOWN in (before, after):
        return None
    name = subject.partition(":")[2] or subject
    lines: list[str] = []
    for line in difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        name if isinstance(before, Content) else "/dev/null",
        name if isinstance(after, Content) else "/dev/null",
    ):
        lines.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(lines)


def _same(actual: Any, wanted: Any) -> bool:
    if actual is UNKNOWN or wanted is UNKNOWN:
        return False
    return bool(actual == wanted)


def _show(value: Any) -> Any:
    if isinstance(value, (Content, LargeContent)):
        return value.describe()
    if isinstance(value, SecretValue):
        return SHOWN_MASK
    if value is UNKNOWN:
        return "(known after apply)"
    if isinstance(value, (tuple, set, frozenset)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    return value
