"""Named settings of the executor for the usual occasions."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings of ParallelExecutor; times are seconds, None means no limit."""

    max_workers: int = 4
    fail_fast: bool = False
    timeout_s: float | None = None
    grace_s: float = 10.0

    def options(self) -> dict[str, Any]:
        """Return the settings as arguments of ParallelExecutor."""
        return asdict(self)


PROFILES = {
    # A person watches and can press Ctrl-C: nothing is cut short.
    "interactive": Profile(),
    # Nobody watches: everything is run, so that one report names every failure, but never for ever.
    "ci": Profile(timeout_s=3600.0, grace_s=30.0),
    # Somebody waits for a commit: the first failure is enough, and soon.
    "hook": Profile(fail_fast=True, timeout_s=60.0, grace_s=2.0),
}


def profile(name: str) -> Profile:
    """Return a profile by name; ValueError names the known ones.

    >>> profile("hook").fail_fast
    True
    """
    if name in PROFILES:
        return PROFILES[name]
    near = difflib.get_close_matches(name, PROFILES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"there is no profile {name!r} (known: {', '.join(PROFILES)}){hint}")
