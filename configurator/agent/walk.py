"""Finding the place of a path before writing there, without being led astray by other users' links.

Who may write in a directory may put a link in the place of any name there. An agent that writes as root
below a user's home and follows such a link writes wherever that user likes (path_resolution(7)). So every
component is opened on its own, without following; a link is followed only if root made it.
"""

from __future__ import annotations

import os
import stat
from types import TracebackType

from configurator.core.errors import ParameterError, TaskError

_MAX_LINKS = 40  # path_resolution(7): the kernel follows at most 40
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Place:
    """An open directory and a name in it; the name need not exist. Used as a context manager."""

    __slots__ = ("directory", "name")

    def __init__(self, directory: int, name: str) -> None:
        self.directory = directory
        self.name = name

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.directory)

    def lstat(self) -> os.stat_result | None:
        """Return what stands at the name, or None."""
        try:
            return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self) -> int:
        """Open what stands at the name, of whatever kind, only to refer to it (open(2), O_PATH)."""
        return os.open(self.name, _LOOK, dir_fd=self.directory)

    def sync(self) -> None:
        """Have the directory's entries on the disk before going on."""
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.directory)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def real_path(self, name: str | None = None) -> str:
        """Return a path of the name without links, as it is at this moment."""
        return os.path.join(
            os.readlink(f"/proc/self/fd/{self.directory}"), self.name if name is None else name
        )


def find(path: str, *, follow: bool) -> Place:
    """Return the place of `path`; with `follow` a link at its end is resolved as well, even if it dangles.

    ParameterError if a directory on the way is missing or is none; TaskError for a link of another user.
    """
    if not os.path.isabs(path):
        raise ParameterError(f"must be an absolute path: {path!r}")
    todo = _parts(path)[::-1]
    directory = os.open("/", _LOOK | os.O_DIRECTORY)
    links = 0
    try:
        while todo:
            part = todo.pop()
            if not todo and not follow and part != "..":
                return Place(directory, part)
            try:
                found = os.open(part, _LOOK, dir_fd=directory)
            except FileNotFoundError:
                if not todo:
                    return Place(directory, part)
                raise _no_directory(directory, [part, *todo[:0:-1]], path, "does not exist") from None
            try:
                status = os.fstat(found)
                if stat.S_ISLNK(status.st_mode):
                    links += 1
                    target = _follow(found, status, path, links)
                    todo += _parts(target)[::-1]
                    if os.path.isabs(target):
                        directory = _replace(directory, os.open("/", _LOOK | os.O_DIRECTORY))
                elif not todo and part != "..":
                    return Place(directory, part)
                elif stat.S_ISDIR(status.st_mode):
                    directory, found = found, directory
                else:
                    raise _no_directory(directory, [part], path, "is no directory")
            finally:
                os.close(found)
        return Place(directory, ".")
    except BaseException:
        os.close(directory)
        raise


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part and part != "."]


def _replace(old: int, new: int) -> int:
    os.close(old)
    return new


def _follow(link: int, status: os.stat_result, path: str, links: int) -> str:
    """Return a link's target if it may be followed."""
    if links > _MAX_LINKS:
        raise TaskError(f"too many symbolic links: {path}")
    # Somebody who is not root can write nothing through a link that they could not write without it.
    if os.geteuid() == 0 and status.st_uid != 0:
        raise foreign_link(path, status.st_uid)
    return os.readlink("", dir_fd=link)


def foreign_link(path: str, uid: int) -> TaskError:
    """Return the error for a link on the way that another user has made."""
    return TaskError(
        f"refusing to write {path}: a symbolic link on the way belongs to uid {uid}, not to root",
        hint="name the real path, or do the task as that user (`become_user`)",
    )


def _no_directory(directory: int, parts: list[str], path: str, what: str) -> ParameterError:
    name = os.path.join(os.readlink(f"/proc/self/fd/{directory}"), *parts)
    return ParameterError(f"the directory {name} {what}", hint=f"needed for {path}")
