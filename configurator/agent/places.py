"""Where the agent keeps things on the host; the only paths it writes besides what tasks say."""

from __future__ import annotations

import os

# FHS 5.8: /var/lib is for state that persists between invocations; 3.15: /run is emptied at boot.
STATE = "/var/lib/configurator"
RUNTIME = "/run/configurator"
CACHE = "/var/cache/configurator"  # FHS 5.5: what can be made again; where loader.py puts the agent


def state_directory() -> str:
    """Return the private directory for persistent state: root's, or the user's own (XDG base directories)."""
    if os.geteuid() == 0:
        return STATE
    return os.path.join(
        os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "configurator"
    )


def runtime_directory() -> str:
    """Return the private directory for what must not outlive a boot."""
    if os.geteuid() == 0:
        return RUNTIME
    return os.path.join(os.environ.get("XDG_RUNTIME_DIR") or state_directory(), "configurator")


def cache_directory() -> str:
    """Return the agent's cache: root's, or the user's own."""
    if os.geteuid() == 0:
        return CACHE
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "configurator")


def make_private(path: str) -> str:
    """Make a directory that only we can enter, and return it."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path
