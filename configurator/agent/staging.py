"""What RealSystem does with trees of the controller that a command is to take from: a part of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress

from configurator.agent import files, scripts
from configurator.agent.accounts import gid_of, uid_of
from configurator.agent.fetching import Fetching
from configurator.agent.places import cache_directory, make_private
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.content import decode_content, large_content
from configurator.modules.staging import Entry


class Staging(Fetching):
    """The doors `stage` and `settled` of modules/system.py."""

    _stages: dict[tuple[str, bool], str]  # what stands already: the proof after a change looks at the same

    def settled(self, path: str) -> None:
        """What is there is there."""

    def stage(
        self, tree: Sequence[Entry], name: str, *, hollow: bool = False, like: str | None = None
    ) -> str:
        """Put the files there, unless they stand there already."""
        key = (name, hollow)  # a task has one tree
        if key not in self._stages:
            with files.explained("put the files of the controller into the agent's cache"):
                top = _private_directory()
                # Gone with the task, whatever becomes of it; a killed agent leaves it to the next day's.
                weakref.finalize(self, shutil.rmtree, top, ignore_errors=True)
                self._fill(os.path.join(top, name), tree, hollow, like)
            self._stages[key] = os.path.join(top, name)
        return self._stages[key]

    def _fill(self, base: str, tree: Sequence[Entry], hollow: bool, like: str | None) -> None:
        for entry in tree:
            self._token.raise_if_cancelled()
            path = os.path.join(base, entry.path) if entry.path else base
            _refuse_outside(path, base)
            if entry.kind == "directory":
                os.mkdir(path, 0o700)
            elif entry.kind == "link":
                os.symlink(entry.target, path)
            elif hollow:
                with open(path, "xb") as file:
                    file.truncate(entry.size)
            else:
                twin = os.path.join(like, entry.path) if like and entry.path else like
                self._write(path, entry, twin)
        # The inner ones first: what is put into a directory is a change of it.
        for entry in reversed(tree):
            _dress(os.path.join(base, entry.path) if entry.path else base, entry)

    def _write(self, path: str, entry: Entry, twin: str | None) -> None:
        """Write a content, from the file of the host that has it already if there is one."""
        digest = None
        if isinstance(entry.content, dict):
            digest = entry.content.get("$blob") or entry.content.get("$file")
        if digest and twin and self._has(twin, entry.size, digest):
            shutil.copyfile(twin, path)
            return
        large = large_content(entry.content)
        with open(path, "xb") as file:
            if large is None:
                file.write(decode_content(self, entry.content))  # type: ignore[arg-type]
                return
            for piece in self._in_pieces(large):
                file.write(piece)

    def _has(self, path: str, size: int, digest: str) -> bool:
        found = files.describe(path, follow=False)
        if found is None or found.kind != "file" or found.size != size:
            return False
        with suppress(TaskError):
            return self.digest(path) == digest
        return False


def _private_directory() -> str:
    """Return a new directory that only we can enter: below the agent's cache, if it is ours."""
    base = os.path.join(cache_directory(), "stage")
    try:
        make_private(base)
    except OSError:
        return tempfile.mkdtemp(prefix="configurator-")
    scripts.forget_old(folder=base)
    return tempfile.mkdtemp(prefix="", dir=base)


def _refuse_outside(path: str, base: str) -> None:
    """Refuse what would stand somewhere else: it comes from our controller, but costs nothing to look."""
    if os.path.normpath(path) != path or not (path == base or path.startswith(base + "/")):
        raise TaskError(f"no path within a tree: {path!r}")


def _dress(path: str, entry: Entry) -> None:
    """Give a path owner, mode and time, in the order in which none undoes another."""
    if os.geteuid() == 0:
        # As rsync does between two hosts: the name counts if it is known, else the number.
        ids = (_known(uid_of, entry.owner, entry.uid), _known(gid_of, entry.group, entry.gid))
        os.chown(path, *ids, follow_symlinks=False)
    if entry.kind != "link":
        os.chmod(path, entry.mode)
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)


def _known(number_of: Callable[[str], int], name: str | None, otherwise: int) -> int:
    if name is not None and not name.isdigit():
        with suppress(ParameterError):
            return number_of(name)
    return otherwise
