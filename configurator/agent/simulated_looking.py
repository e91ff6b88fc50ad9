"""What SimulatedSystem sees of files: those of the host, as the plan would have left them by now."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from configurator.agent.accounts import account_of
from configurator.agent.assumptions import Doubt, Verdict, never_packaged, parent_of
from configurator.agent.world import World
from configurator.core.errors import TaskError
from configurator.modules.modes import permitted
from configurator.modules.state import UnknownState
from configurator.modules.system import FileStat, System

if TYPE_CHECKING:
    from configurator.modules.staging import Entry

# Has a validator look at a content, by its path, where all is as the plan would have it; see hostview.py.
Attempt = Callable[[str, str, FileStat, bytes], Verdict]


class SimulatedLooking:
    """The doors of modules/system.py by which files are read."""

    def __init__(
        self,
        world: World,
        real: System,
        task: str,
        *,
        user: str = "root",
        validate: Callable[[str, str, bytes], None] | None = None,
        attempt: Attempt | None = None,
    ) -> None:
        self._world = world
        self._real = real
        self._task = task
        self._user = user
        self._validate = validate
        self._attempt = attempt
        self.doubt = Doubt()
        self.notices: list[str] = []
        if world.pending.opaque is not None:
            self.doubt.assume(f"{world.pending.opaque!r} runs before, and nobody can look into it")

    def settled(self, path: str) -> None:
        files = self._world.files
        resolved, _ = files.stat(path)
        if because := files.altered(resolved):
            raise UnknownState(because)
        pending = self._world.pending
        if pending.unseen and not never_packaged(f"{resolved}/"):
            self.doubt.assume(pending.because(resolved))  # a package may put more there

    def stage(
        self, tree: Sequence[Entry], name: str, *, hollow: bool = False, like: str | None = None
    ) -> str:
        if self._user != "root" and os.geteuid() == 0:
            # The command that looks would be another user's, who cannot enter our cache.
            raise UnknownState(f"what {self._user!r} may change is known in the apply")
        return self._real.stage(tree, name, hollow=hollow, like=like)

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        files = self._world.files
        resolved, found = files.stat(path) if follow else files.lstat(path)
        if found is None:
            self._doubt_absence(resolved)
        else:
            self._doubt_brought(resolved)
        return found

    def read(self, path: str) -> bytes:
        resolved, found = self._world.files.stat(path)
        if found is None and self._doubt_absence(resolved):
            raise UnknownState(self._world.files.unsettled(resolved) or self._world.pending.because(path))
        if found is None:
            raise TaskError(f"no such file: {path}")
        self._doubt_brought(resolved)
        return self._world.files.read(resolved)

    def listdir(self, path: str) -> list[str]:
        resolved, found = self._world.files.stat(path)
        if found is None:
            self._doubt_absence(resolved)
            return []
        self._doubt_filled(resolved)
        return self._world.files.names(resolved)

    def entries(self, path: str) -> list[tuple[str, FileStat]]:
        files = self._world.files
        resolved, found = files.stat(path)
        if found is None:
            self._doubt_absence(resolved)
            return []
        self._doubt_filled(resolved)
        pending = self._world.pending
        if pending.unseen and not never_packaged(f"{resolved}/") and not files.is_ours(resolved):
            self.doubt.assume(pending.because(resolved))  # a package may put more into it
        return files.entries(resolved)

    def access(self, path: str) -> str:
        resolved, found = self._world.files.stat(path)
        if found is None:
            return ""
        uid, gid, _ = account_of(self._user)
        if self._user == "root" or uid == os.geteuid():
            if self._real.stat(resolved) == found:
                return self._real.access(resolved)
            uid, groups = os.geteuid(), os.getgroups()
        else:
            groups = os.getgrouplist(self._user, gid)
        return permitted(found.mode, root=uid == 0, owner=uid == found.uid, member=found.gid in groups)

    def _doubt_absence(self, resolved: str) -> bool:
        """Note that something that only the apply does may bring the path; return True if that is likely."""
        if because := self._world.files.unsettled(resolved):
            self.doubt.question(because)
            return True
        pending = self._world.pending
        if not pending.any or never_packaged(resolved) or self._world.files.is_ours(parent_of(resolved)):
            return False
        missing = self._world.files.lstat(parent_of(resolved))[1] is None
        if (missing and pending.unseen) or pending.may_bring(resolved):
            self.doubt.question(pending.because(resolved))
            return True
        return False

    def _doubt_brought(self, resolved: str) -> None:
        """Note that what is there, or what a package brings, may be changed at once by others."""
        if because := self._world.files.unsettled(resolved):
            self.doubt.assume(because)
        ahead = self._world.ahead
        if ahead is not None and ahead.brings(resolved) and (by := ahead.altered(resolved)):
            self.doubt.assume(f"the scripts of {by} may change it")

    def _doubt_filled(self, resolved: str) -> None:
        """Note that nobody knows all the names in a directory that something else fills."""
        if because := self._world.files.unsettled(f"{resolved}/*"):
            self.doubt.assume(because)
