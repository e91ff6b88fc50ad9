"""What apt's and dpkg's refusals mean, and what helps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from configurator.core.errors import TaskError
from configurator.modules.system import CommandResult

# What apt-get says -> what helps. The first that fits is taken.
_HINTS = (
    (
        "held packages were changed",
        "`allow_change_held_packages: true` changes them, `apt-mark unhold` frees them",
    ),
    ("were downgraded", "`allow_downgrade: true` permits it"),
    ("essential packages", "`force: true` would permit even this; look at why first"),
    (
        "cannot be authenticated",
        "the source's signing key is missing; `allow_unauthenticated: true` goes without",
    ),
    ("unmet dependencies", "`state: fixed` repairs broken dependencies"),
    ("failed to fetch", "the package index may be outdated: `update_cache: true` refreshes it"),
    ("unable to fetch some archives", "the package index may be outdated: `update_cache: true` refreshes it"),
)
_NO_SPACE = re.compile(r"No space left on device|enough free space(?: in (?P<where>\S*[^\s.]))?")
_LOCKED = re.compile(
    r"(?:[Cc]ould not get lock|Unable to (?:acquire|lock)|was locked by another process)[^\n]*"
    r"(?:\n[^\n]*?)??(?:held by process|with pid) (?P<pid>\d+)(?: \((?P<name>[^)]*)\))?"
)
_LOCK = re.compile(r"[Cc]ould not get lock|Unable to acquire the dpkg|was locked by another process")
# The answers of the resolver and of connect(2), as apt's methods show them.
_NO_NETWORK = re.compile(
    r"Temporary failure resolving '(?P<unresolved>[^']*)'|Could not resolve '(?P<unknown>[^']*)'"
    r"|[Cc]ould not connect to (?P<unreachable>\S+)|Cannot initiate the connection to (?P<unrouted>\S+)"
    r"|Connection (?:timed out|failed)|Network is unreachable|Unable to connect to (?P<refused>[^\s:]+)"
)


def first_error(stderr: str) -> str:
    """Return apt's first line that is an error, without its mark; else the last line of all."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line[3:] for line in lines if line.startswith("E: ")]
    return (errors or lines[-1:] or ["no message"])[0]


def explain(result: CommandResult) -> TaskError:
    """Return the error for a refusal of apt-get, in apt's own words and with what helps."""
    text = result.stdout + result.stderr
    message, hint = first_error(result.stderr), hint_for_output(text)
    if match := re.search(r"Unable to locate package (\S+)", text):
        message = f"package {match[1]!r} does not exist (E: {match[0]})"
    if "remove is disabled" in text:
        gone = listed(text, "The following packages will be REMOVED:")
        message = f"this would remove {', '.join(gone) or 'packages'}, which was not asked for"
        hint = "`allow_removals: true` permits it; `state: absent` asks for it"
    # dpkg's own words come through apt's terminal, in stdout and with its line ends.
    processed = text.replace("\r", "").partition("Errors were encountered while processing:")[2]
    if failed := re.findall(r"^ (\S+)$", processed, re.MULTILINE):
        message = f"could not be installed or configured: {', '.join(dict.fromkeys(failed))}"
    return TaskError(message, command=result.argv, exit_status=result.exit_status, output=text, hint=hint)


def hint_for_output(text: str) -> str | None:
    """Return what helps with what apt-get or dpkg has said, or None."""
    if match := _NO_SPACE.search(text):
        where = match["where"] or "the host"
        return f"free some space on {where}: `apt-get clean` removes downloaded packages"
    if holder := lock_holder(text):
        return f"the lock is held by process {holder}; `lock_timeout` says how long to wait for it"
    if _LOCK.search(text):
        return "another process holds the lock; `lock_timeout` says how long to wait for it"
    if match := _NO_NETWORK.search(text):
        where = next((name for name in match.groups() if name), None)
        return f"the host cannot reach {where or 'its package sources'}: look at its network and its DNS"
    low = text.lower()
    return next((hint for sign, hint in _HINTS if sign in low), None)


def lock_holder(text: str) -> str | None:
    """Return the number and the name of the process that holds a lock, where apt or dpkg tells."""
    match = _LOCKED.search(text)
    if match is None:
        return None
    return f"{match['pid']} ({match['name']})" if match["name"] else match["pid"]


def is_locked(text: str) -> bool:
    """Return True if a lock was in the way."""
    return _LOCK.search(text) is not None


def listed(text: str, heading: str) -> Sequence[str]:
    """Return the packages that apt-get lists below a heading; `*` behind a name means that it is purged."""
    _, _, below = text.partition(heading + "\n")
    names: list[str] = []
    for line in below.splitlines():
        if not line.startswith("  "):
            break
        names += [word.rstrip("*") for word in line.split() if not word.startswith("(")]
    return names
