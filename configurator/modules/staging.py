"""A tree of the controller, as it stands on the host for a command to take it from; see System.stage."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A `file`, `directory` or `link` of the controller. Times are in nanoseconds since the epoch.

    `path` is relative to the tree, "" its top; bytes that are no UTF-8 stand in it as Python's surrogates.
    `content` is what a task's parameters have for it, see modules/content.py.
    """

    path: str
    kind: str
    mode: int
    mtime_ns: int
    uid: int
    gid: int
    owner: str | None = None
    group: str | None = None
    size: int = 0
    content: Any = None
    target: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """Return the entry that travelled; KeyError or TypeError means malformed data."""
        names = {key: name_of(data[key]) for key in ("path", "target") if key in data}
        return cls(**{**data, **names})


def name_of(value: Any) -> str:
    """Return a name that travelled as text, or as base64 where it is no UTF-8."""
    if isinstance(value, dict):
        return binascii.a2b_base64(str(value["$base64"])).decode("utf-8", "surrogateescape")
    return str(value)


def travelling(name: str) -> Any:
    """Return a name as it can travel: no JSON holds Python's surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        data = name.encode("utf-8", "surrogateescape")
        return {"$base64": binascii.b2a_base64(data, newline=False).decode()}
    return name


def readable(name: str) -> str:
    """Return a name as people can be shown it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
