"""Keeping secrets out of everything that is shown, stored or printed as JSON.

Secrets are masked where they are born (a module's SecretValue, `no_log`); this is the net below: whatever
text still contains one - a tool's error message, a diff of a file that quotes it - loses it here, before any
sink sees the event.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from configurator.core.changes import FieldChange
from configurator.core.run_events import RunEvent, Sink, TaskFinished, TaskStarted
from configurator.report.leaves import Leaf, map_leaves

T = TypeVar("T")

MASK = "********"
HIDDEN = "(hidden by no_log)"

# Shorter texts are masked only where they are a whole value: "1" or "yes" would blank half of every output
# and tell by its gaps what it is.
MIN_LENGTH = 4
# A line of a longer secret (a private key in a diff) counts as a secret of its own from this length on:
# "  }" of a secret configuration file does not.
_MIN_LINE = 8
# Three bytes make four characters of base64: below this, what is left between the neighbours is too common.
_MIN_BASE64 = 8
_FANS = 3  # less than MIN_LENGTH: no form may end within the fan


class Redactor:
    """Replaces every known secret in texts by a mask; secrets may be added at any time, from any thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._short: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None  # of the forms, made when it is needed next
        self._stale = False
        self._lock = threading.Lock()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these texts from now on, in all their usual spellings; short ones as whole values alone."""
        texts = {secret.strip("\n") for secret in secrets}
        new = {form for text in texts for form in spellings(text)}
        with self._lock:
            self._short |= {text for text in texts if 0 < len(text) < MIN_LENGTH}
            if new <= self._forms:
                return
            self._forms |= new
            self._stale = True  # secrets come by the hundred: a pattern for each state would take seconds

    def _compiled(self) -> re.Pattern[str] | None:
        if self._stale:
            with self._lock:
                self._pattern, self._stale = re.compile(_alternatives(self._forms, _FANS)), False
        return self._pattern

    def text(self, text: str) -> str:
        """Return `text` with every secret replaced by the mask."""
        pattern = self._compiled()
        return text if pattern is None else pattern.sub(MASK, text)

    def redact(self, value: T) -> T:
        """Return `value` (an event, a mapping, a list...) with every secret masked, however deep."""
        return value if self._compiled() is None else map_leaves(value, self._leaf)

    def whole(self, value: T) -> T:
        """Return `value` with those texts and numbers in it masked that are a short secret as a whole."""
        return map_leaves(value, self._whole_leaf) if self._short else value

    def _whole_leaf(self, leaf: Leaf) -> Leaf:
        return MASK if str(leaf).strip("\n") in self._short else leaf

    def _leaf(self, leaf: Leaf) -> Leaf:
        if isinstance(leaf, str):
            return self.text(leaf)
        shown = self.text(str(leaf))  # a PIN is a number in YAML
        return leaf if shown == str(leaf) else shown


def _alternatives(forms: Iterable[str], fans: int) -> str:
    """Return a pattern of any of the forms, fanned out by as many first characters.

    Tried one after another at each place of a text, two thousand forms would cost 40 ms a kilobyte.
    """
    if fans == 0:
        # The longest first: a secret that begins with another one must not leave its end behind.
        return "|".join(map(re.escape, sorted(forms, key=lambda form: (-len(form), form))))
    fan: dict[str, set[str]] = {}
    for form in forms:
        fan.setdefault(form[0], set()).add(form[1:])
    return "|".join(
        f"{re.escape(first)}(?:{_alternatives(rests, fans - 1)})" for first, rests in sorted(fan.items())
    )


def spellings(secret: str) -> set[str]:
    """Return the texts as which `secret` may turn up: itself, and how JSON, URLs, shells, base64 write it."""
    secret = secret.strip("\n")
    if len(secret) < MIN_LENGTH:
        return set()
    found = {secret}
    for line in secret.splitlines() if "\n" in secret or "\r" in secret else ():
        if len(line.strip()) >= _MIN_LINE:
            found |= spellings(line.strip())
    for text in tuple(found):
        found |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
        found |= {quote(text, errors="replace"), quote(text, safe="", errors="replace")}
        found |= {quote_plus(text, errors="replace"), shlex.quote(text)}
    data = secret.encode(errors="surrogateescape")
    return found | _base64(data) | _base64(data + b"\n")


def _base64(data: bytes) -> set[str]:
    """Return what of `data` is the same at each of three places inside a longer base64 text.

    `user:password` is encoded as a whole for HTTP, so the password stands at any offset; the characters at
    its edges mix in bits of the neighbours and are left out.
    """
    found = {base64.b64encode(data).decode()} if len(data) >= MIN_LENGTH else set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        first = (offset * 8 + 5) // 6
        core = encoded[first : (offset + len(data)) * 8 // 6]
        if len(core) >= _MIN_BASE64:
            found.add(core)
    return found | {text.replace("+", "-").replace("/", "_") for text in found}


class RedactingSink:
    """Passes events on with every secret masked; may be called from many threads, as the inner sink may.

    Host names, module names and the words of statuses are never masked: they are how an event is told from
    another. Two task ids that differ only in a secret stay different.
    """

    def __init__(self, inner: Sink, redactor: Redactor) -> None:
        self._inner = inner
        self._redactor = redactor
        self._hidden: dict[str, Mapping[str, Any]] = {}
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def hide(self, host: str, tasks: Mapping[str, Any]) -> None:
        """Blank these tasks' results even if the host did not: they are marked `no_log`.

        `tasks` has their parameters by their ids: what none of which is found in is shown.
        """
        self._hidden[host] = {**self._hidden.get(host, {}), **tasks}

    def handle(self, event: RunEvent) -> None:
        """Mask and pass on."""
        if isinstance(event, TaskFinished) and event.task_id in (hidden := self._hidden.get(event.host, {})):
            event = blanked(event, hidden[event.task_id])
        self._inner.handle(self._redacted(event))

    def close(self) -> None:
        """Close the inner sink."""
        self._inner.close()

    def _redacted(self, event: RunEvent) -> RunEvent:
        shown = self._redactor.redact(event)
        if isinstance(event, TaskFinished) and isinstance(shown, TaskFinished):
            changes = tuple(map(self._change, shown.changes, event.changes))
            command = self._redactor.whole(shown.command)
            if changes != shown.changes or command != shown.command:
                shown = replace(shown, changes=changes, command=command)
        if shown is event:
            return event
        kept = {
            name: getattr(event, name) for name in ("host", "hosts", "module", "mode") if hasattr(event, name)
        }
        if isinstance(event, (TaskStarted, TaskFinished)):
            kept["task_id"] = self._task_id(event.task_id)
        return replace(shown, **kept)

    def _change(self, change: FieldChange, sent: FieldChange) -> FieldChange:
        """Return the change without short secrets, and without those that a new secret takes the place of."""
        change = _without_old_secret(change)
        before, after = self._redactor.whole(change.before), self._redactor.whole(change.after)
        if after == MASK != sent.after and before is not None:
            before = MASK
        diff = change.diff and self._whole_lines(change.diff)
        return replace(change, before=before, after=after, diff=diff)

    def _whole_lines(self, diff: str) -> str:
        """Return the diff with the lines masked that are a short secret; all old ones if all new ones are."""
        rows = diff.splitlines(keepends=True)
        shown = [
            f"{row[0]}{MASK}\n" if self._redactor.whole(row[1:].strip()) == MASK else row for row in rows
        ]
        if shown != rows and all(row == f"+{MASK}\n" for row in shown if _is_added(row)):
            shown = [f"-{MASK}\n" if _is_removed(row) else row for row in shown]
        return "".join(shown)

    def _task_id(self, task_id: str) -> str:
        masked = self._redactor.text(task_id)
        if masked == task_id:
            return task_id
        with self._lock:
            return self._ids.setdefault(task_id, f"{masked}#{len(self._ids) + 1}")


def blanked(event: TaskFinished, params: Any = None) -> TaskFinished:
    """Return the event without anything a secret could be in, as `no_log` demands.

    Why a change is not certain is kept, unless one of the task's parameters stands in it.
    """
    changes = tuple(
        FieldChange(
            _subject(change),
            change.field,
            _hidden(change.before),
            _hidden(change.after),
            change.certainty,
            _hidden(change.because) if _reveals(change, params) else change.because,
        )
        for change in event.changes
    )
    return replace(
        event,
        changes=changes,
        message=_hidden(event.message),
        command=(HIDDEN,) if event.command else (),
        output=_hidden(event.output) or "",
        hint=_hidden(event.hint),
        warnings=(),
        outputs={},
        says="",
    )


def _without_old_secret(change: FieldChange) -> FieldChange:
    """Blank the removed lines of a diff whose new lines hold a secret: they hold the one that it replaces.

    The old one is nowhere in the configuration any more, so that nobody could know it by its text.
    """
    lines = (change.diff or "").splitlines(keepends=True)
    if not any(MASK in line for line in lines if _is_added(line)):
        return change
    hidden = [f"-{MASK}\n" if _is_removed(line) else line for line in lines]
    return replace(change, diff="".join(hidden))


def _is_added(row: str) -> bool:
    return row.startswith("+") and not row.startswith("+++")


def _is_removed(row: str) -> bool:
    return row.startswith("-") and not row.startswith("---")


def _subject(change: FieldChange) -> str:
    """Return what a change is about; of a command that is its command line."""
    return f"command:{HIDDEN}" if change.subject.startswith("command:") else change.subject


def _reveals(change: FieldChange, params: Any) -> bool:
    """Return True if the reason quotes a parameter that the change's subject, which is shown, does not."""
    shown, reason = _subject(change), change.because or ""
    found = False

    def look(leaf: Leaf) -> Leaf:
        nonlocal found
        text = str(leaf).strip()
        found = found or (len(text) >= MIN_LENGTH and text in reason and text not in shown)
        return leaf

    map_leaves(params, look)
    return found


def _hidden(value: object) -> str | None:
    return HIDDEN if value else None
