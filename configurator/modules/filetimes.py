"""Access and modification times of the file module."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from configurator.modules.state import Change, State
from configurator.modules.system import System

_NOW = "now"
_PRESERVE = "preserve"
_FIELDS = ("mtime", "atime")


@dataclass(frozen=True, slots=True)
class Times:
    """What a task asks for: seconds since the epoch, `now`, or None to leave a time as it is."""

    mtime: float | str | None
    atime: float | str | None

    @classmethod
    def of(cls, params: Any, state: str) -> Times:
        """Return the times of a file task: with `state: touch` those not given mean now."""
        default = _NOW if state == "touch" else _PRESERVE
        return cls(
            _parse(params.modification_time or default, params.modification_time_format),
            _parse(params.access_time or default, params.access_time_format),
        )

    def wanted(self, *, absent: bool) -> State:
        """Return the fields asked for; `touched` is an event, which a new file needs no extra one for."""
        fields: State = {name: value for name in _FIELDS if isinstance(value := getattr(self, name), float)}
        if _NOW in (self.mtime, self.atime) and not absent:
            fields["touched"] = True
        return fields

    def converge(self, system: System, path: str, change: Change) -> State | None:
        """Set what is asked for, if any of it differs; return proof of the event, as which making counts."""
        proof = {"touched": True} if _NOW in (self.mtime, self.atime) else None
        if not {"touched", *_FIELDS} & set(change.fields):
            return proof
        now = time.time()
        times = {name: now if getattr(self, name) == _NOW else getattr(self, name) for name in _FIELDS}
        system.set_times(path, mtime=times["mtime"], atime=times["atime"])
        return proof


def times_problem(value: str | None, layout: str) -> str | None:
    """Return what is wrong with a time as it was written, or None."""
    try:
        _parse(value or _NOW, layout)
    except ValueError:
        return f"{value!r} is neither 'now' nor 'preserve' nor a time like {layout!r}"
    return None


def _parse(value: str, layout: str) -> float | str | None:
    if value == _PRESERVE:
        return None
    if value == _NOW:
        return _NOW
    return time.mktime(time.strptime(value, layout))
