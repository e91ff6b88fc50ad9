"""Where the sandbox keeps things; each place may be given by its XDG variable (XDG Base Directory
Specification).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from configurator.core.errors import SandboxError

# Root trees and package lists: shared by every lab of this user, rebuilt when lost.
CACHE = "configurator/trees"
STATE = "configurator/sandbox"

# What must be found by every sandbox of the machine, and be forgotten at a reboot as its bridges and mounts
# are.
REGISTRY = "/run/configurator-sandbox"

# A lab's name is a directory, a host's a label of a host name (RFC 1123: letters, digits, hyphens inside).
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def cache_home(environment: Mapping[str, str] = os.environ) -> str:
    """Return the directory of the cached root trees: $XDG_CACHE_HOME, else ~/.cache."""
    base = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, CACHE)


def state_home(environment: Mapping[str, str] = os.environ) -> str:
    """Return the directory under which each lab has its own: $XDG_STATE_HOME, else ~/.local/state."""
    base = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, STATE)


def check_name(name: str, what: str) -> str:
    """Return the name if it can be a host name and a directory, else raise SandboxError."""
    if not _LABEL.fullmatch(name):
        raise SandboxError(
            f"{what} {name!r} is not a valid name",
            hint="use lower-case letters, digits and hyphens inside, at most 63",
        )
    return name
