"""What a plan may assume of packages that it has not installed, and how sure it then is.

A package's own scripts cannot be simulated. Debian's policy says what they do: a service's units are
enabled and started (policy 9.3.3), the users, directories and configuration files that the package needs
exist (9.2, 10.7). Whatever rests on that is labelled, and whatever could be otherwise is unknown.
"""

from __future__ import annotations

import posixpath
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from configurator.core.changes import Certainty


class Ahead(Protocol):
    """What is known of packages that were looked into before they are installed; see packages_ahead.py."""

    def knows(self, name: str) -> bool:
        """Return True if the package was looked into."""

    def mentioned(self, path: str) -> str | None:
        """Return the package whose scripts speak of a path or its last name, so that they may make it."""

    def altered(self, path: str) -> str | None:
        """Return the package whose scripts may change a file that a package brings."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of having a validator look at a content where all is as a plan would have it.

    `because` is what it said when it refused. Without one or the other, it could not be tried.
    """

    accepted: bool = False
    because: str | None = None


class PendingPackages:
    """The packages that the plan would have installed so far, and the tasks that nobody can look into."""

    def __init__(self, ahead: Ahead | None = None) -> None:
        self._ahead = ahead
        self._lock = threading.Lock()
        self.installed_at = 0.0
        self._names: list[str] = []
        self._installers: list[str] = []
        self._opaque: list[str] = []

    def add_package(self, name: str, task: str) -> None:
        """Note that the task would install the package."""
        with self._lock:
            self.installed_at = time.time()
            if name not in self._names:
                self._names.append(name)
            if task not in self._installers:
                self._installers.append(task)

    def add_opaque(self, task: str) -> None:
        """Note that the plan would run a command whose effects are not known."""
        with self._lock:
            if task not in self._opaque:
                self._opaque.append(task)

    @property
    def any(self) -> bool:
        """True if anything is only going to be installed."""
        return bool(self._names)

    @property
    def opaque(self) -> str | None:
        """Return the latest task that nobody can look into, or None."""
        return self._opaque[-1] if self._opaque else None

    def because(self, hint: str = "") -> str:
        """Name what something rests on: the packages that `hint` speaks of, else the tasks that install."""
        if self._ahead is not None and (speaking := self._ahead.mentioned(hint)):
            return f"the scripts of {speaking} speak of it"
        related = [name for name in self._names if self.related(hint.rpartition("/")[2], name)]
        if related:
            # The shortest is what was asked for; its like-named dependencies come along with it.
            return f"{min(related, key=len)} is not installed yet"
        shown = [repr(task) for task in self._installers[:2]]
        more = len(self._installers) - len(shown)
        shown += [f"{more} more"] if more else []
        return f"{_enumerated(shown)} {'comes' if len(shown) == 1 else 'come'} first"

    def may_bring(self, name: str) -> bool:
        """Return True if a user, group, unit or file of this name may come with a pending package."""
        if self._ahead is not None and self._ahead.mentioned(name):
            return True
        last = name.rstrip("/").rpartition("/")[2]
        return any(self.related(last, package) for package in self.unseen)

    @property
    def unseen(self) -> list[str]:
        """Return the packages that were not looked into: all of them, unless the plan is deep."""
        return [name for name in self._names if self._ahead is None or not self._ahead.knows(name)]

    @staticmethod
    def related(name: str, package: str) -> bool:
        """Return True if a name looks like it belongs to a package: they share a word of 3 letters or more.

        Words are compared by their beginning, since packages add versions and kinds: `postgres` and
        `postgresql-15`, `redis` and `redis-server`, `/etc/default/nginx` and `nginx-common`.
        """
        ours, theirs = _words(name), _words(package)
        return any(a.startswith(b) or b.startswith(a) for a in ours for b in theirs)


_OURS = ("/home/", "/root/", "/usr/local/", "/srv/", "/mnt/", "/media/", "/tmp/")  # noqa: S108  (named, not used)


def _enumerated(items: Sequence[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return " and ".join(part for part in (", ".join(items[:-1]), items[-1]) if part)


def _words(text: str) -> list[str]:
    common = {"etc", "usr", "var", "lib", "common", "service", "conf", "default", "bin", "python3", "data"}
    return [word for word in re.split(r"[^a-z0-9]+", text.lower()) if len(word) >= 3 and word not in common]


class Doubt:
    """How sure one task's observation is; the least sure part decides."""

    def __init__(self) -> None:
        self.certainty = Certainty.EXACT
        self.because: str | None = None
        self.open_question = False

    def assume(self, because: str) -> None:
        """Note that the observation rests on an assumption."""
        if self.certainty is Certainty.EXACT:
            self.certainty, self.because = Certainty.ASSUMED, because

    def answer(self, because: str) -> None:
        """Note that policy answers what the absence of a thing left open: it is assumed to come."""
        self.open_question = False
        self.assume(because)

    def question(self, because: str) -> None:
        """Note that "nothing is there" may turn out wrong: without a change, the task is still unknown."""
        self.open_question = True
        self.assume(because)


def never_packaged(path: str) -> bool:
    """Return True for places that no Debian package puts files into (policy 9.1; FHS 3.8, 3.12, 4.9)."""
    return path.startswith(_OURS)


def parent_of(path: str) -> str:
    """Return the directory that a path stands in."""
    return posixpath.dirname(path.rstrip("/")) or "/"
