"""What RealSystem does with archives: a part of it."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from configurator.agent import files, replace
from configurator.agent.fetching import Fetching, open_regular
from configurator.core.errors import TaskError
from configurator.modules.state import LargeContent

if TYPE_CHECKING:
    from configurator.modules.archives import Archive, Member, Placed


class Unpacking(Fetching):
    """The doors `members` and `unpack` of modules/system.py."""

    _sent_archives: dict[str, BinaryIO]  # by sha256
    _archives: dict[Any, tuple[Member, ...]]  # what was read: the proof after a change need not read again

    def members(self, archive: Archive) -> tuple[Member, ...]:
        from configurator.agent.archives import members  # noqa: PLC0415

        key = _key(archive)
        if key not in self._archives:
            self._archives[key] = members(self._open(archive), _name(archive), self._token)
        return self._archives[key]

    def unpack(self, archive: Archive, placed: Sequence[Placed]) -> None:
        with self._context.memo.changing(placed[0].path if placed else ""):
            self._unpack(archive, placed)

    def _unpack(self, archive: Archive, placed: Sequence[Placed]) -> None:
        from configurator.agent.archives import entries, understood  # noqa: PLC0415

        wanted = {item.number: item for item in placed}
        for item in placed:
            if item.kind == "directory" and files.describe(item.path, follow=True) is None:
                files.make_directory(item.path, mode="0700", owner=None, group=None)
        name = _name(archive)
        if any(item.kind == "file" for item in placed):
            with understood(name):
                for number, (_, read) in enumerate(entries(self._open(archive), name, self._token)):
                    found = wanted.get(number)
                    if found is not None and found.kind == "file":
                        self._put(found, read())
        for item in placed:
            if item.kind == "hardlink":
                files.make_hard_link(item.source, item.path)
            elif item.kind == "link":
                files.make_link(item.member.target, item.path)
                _dress(item)
        # A directory that nobody may write to would refuse what belongs into it.
        for item in reversed(placed):
            if item.kind == "directory":
                _dress(item)

    def _put(self, item: Placed, content: Any) -> None:
        replace.write(
            item.path,
            content,
            mode=item.mode,
            owner=item.owner,
            group=item.group,
            backup=False,
            follow=False,
            validator=None,
            mtime=item.member.mtime,
            durable=False,
        )

    def _open(self, archive: Archive) -> BinaryIO:
        if isinstance(archive, bytes):
            return io.BytesIO(archive)
        if isinstance(archive, str):
            with files.explained(f"read {archive}"):
                return open_regular(archive)
        staged = self._sent(archive) if isinstance(archive, LargeContent) else self._staged[archive.handle]
        # A file of its own: the place in it must not be shared.
        with files.explained("read what was fetched"):
            return open(f"/proc/self/fd/{staged.fileno()}", "rb")

    def _sent(self, archive: LargeContent) -> BinaryIO:
        """Return an archive of the controller, which comes into a file without a name when first needed."""
        digest = str(archive.sha256)
        if digest not in self._sent_archives:
            self._stage(self._in_pieces(archive), "sha256", None)
            self._sent_archives[digest] = self._staged[-1]
        return self._sent_archives[digest]


def _dress(item: Placed) -> None:
    # A link that leads to a directory has done for one.
    follow = item.kind == "directory"
    files.set_attributes(item.path, mode=item.mode, owner=item.owner, group=item.group, follow=follow)


def _key(archive: Archive) -> Any:
    if isinstance(archive, bytes):
        return archive
    if isinstance(archive, str):
        try:
            found = os.stat(archive)
        except FileNotFoundError:
            raise TaskError(f"no such file: {archive}") from None
        return archive, found.st_ino, found.st_size, found.st_mtime_ns
    return archive.sha256 if isinstance(archive, LargeContent) else archive.handle


def _name(archive: Archive) -> str:
    if isinstance(archive, (bytes, LargeContent)):
        return "the archive"
    return archive if isinstance(archive, str) else archive.answer.url
