"""Files that a host sends (`fetch`), written to where our own graph says, and nowhere else.

What a host sends is data from a stranger: it chooses neither the name nor how much is written. It says the
size first, more than that is refused, and so is what would fill the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from configurator.agent.protocol import TaskSpec

_KEPT_FREE = 64 << 20  # bytes that a file of a host may not take from the controller's disk


@dataclass(slots=True)
class _Incoming:
    """A file that is on its way."""

    temporary: str
    descriptor: int
    total: int
    received: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


class _RefusedError(Exception):
    """The host does not keep to what it said, or the file cannot be written."""


class Received:
    """What one host sends in one run; used by one thread."""

    def __init__(self) -> None:
        self._incoming: dict[str, _Incoming] = {}

    def take(self, spec: TaskSpec | None, message: Mapping[str, Any]) -> dict[str, Any]:
        """Write a piece of the file that a `fetch` is about; the last one puts the file in its place.

        Returns the answer to the host: empty, or with an `error`.
        """
        if spec is None or spec.module != "fetch" or not os.path.isabs(str(spec.params.get("_dest", ""))):
            return {"error": "nobody asked for a file"}
        try:
            self._take(spec, message)
        except (_RefusedError, OSError) as error:
            self._drop(spec.id)
            text = error.strerror if isinstance(error, OSError) else str(error)
            return {"error": f"{spec.params['_dest']}: {text}"}
        return {}

    def close(self) -> None:
        """Remove what did not come to its end."""
        for task_id in list(self._incoming):
            self._drop(task_id)

    def _take(self, spec: TaskSpec, message: Mapping[str, Any]) -> None:
        offset, total, data = _number(message, "offset"), _number(message, "total"), _data(message)
        dest = str(spec.params["_dest"])
        if offset == 0:
            self._drop(spec.id)
            self._incoming[spec.id] = _begin(dest, total)
        incoming = self._incoming.get(spec.id)
        if incoming is None or incoming.received != offset or incoming.total != total:
            raise _RefusedError("the pieces do not fit together")
        if offset + len(data) > total or (not data and total):
            raise _RefusedError("the host sends something else than it said")
        incoming.digest.update(data)
        _write(incoming.descriptor, data)
        incoming.received += len(data)
        if incoming.received == total:
            if spec.params.get("validate_checksum", True) and incoming.digest.hexdigest() != message.get(
                "sha256"
            ):
                raise _RefusedError("it arrived damaged")
            self._finish(spec.id, dest, private=bool(message.get("private", True)))

    def _finish(self, task_id: str, dest: str, *, private: bool) -> None:
        incoming = self._incoming[task_id]
        os.fchmod(incoming.descriptor, _mode(dest, private))
        os.replace(incoming.temporary, dest)
        os.close(incoming.descriptor)
        del self._incoming[task_id]

    def _drop(self, task_id: str) -> None:
        incoming = self._incoming.pop(task_id, None)
        if incoming is not None:
            os.close(incoming.descriptor)
            with contextlib.suppress(OSError):
                os.unlink(incoming.temporary)


def _begin(dest: str, total: int) -> _Incoming:
    folder, name = os.path.split(dest)
    os.makedirs(folder, exist_ok=True)
    if os.path.isdir(dest):
        raise _RefusedError("is a directory")
    free = os.statvfs(folder)
    if total > free.f_bavail * free.f_frsize - _KEPT_FREE:
        raise _RefusedError(f"no room for {total} bytes")
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=folder)
    return _Incoming(temporary, descriptor, total)


def _mode(dest: str, private: bool) -> int:
    """Return the old file's mode, but no more for what is private on the host."""
    try:
        mode = os.stat(dest).st_mode & 0o777
    except OSError:
        mode = 0o644
    return mode & 0o700 if private else mode


def _number(message: Mapping[str, Any], name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _RefusedError("the host sends something else than it said")
    return value


def _data(message: Mapping[str, Any]) -> bytes:
    data = message.get("data")
    if not isinstance(data, bytes):
        raise _RefusedError("the host sends something else than it said")
    return data


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
