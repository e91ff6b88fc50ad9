"""One apply at a time per host: a lock that the kernel frees when its last holder is gone."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from typing import Any

from configurator.agent.places import make_private, runtime_directory


class HostLock:
    """An flock(2) on a file that names its holder; never a lock by existence, which outlives a crash.

    The descriptor is inherited only by commands that must not be interrupted (dpkg), so that the lock is
    held until the last of them has ended, even if the agent was killed.
    """

    def __init__(self, directory: str | None = None) -> None:
        self._path = os.path.join(make_private(directory or runtime_directory()), "apply.lock")
        self.descriptor: int | None = None

    def acquire(self, holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Take the lock and return None, or return what is known of the one who holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                known = json.loads(os.read(descriptor, 4096) or b"{}")
            except ValueError:
                known = {}
            os.close(descriptor)
            return known if isinstance(known, dict) else {}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(dict(holder)).encode())
        self.descriptor = descriptor
        return None

    def release(self) -> None:
        """Give the lock back; inherited descriptors go on holding it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
