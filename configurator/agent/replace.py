"""Replacing a file's content: nobody ever sees half of it or the wrong owner, and the old one can be kept."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from configurator.agent import files, walk
from configurator.agent.accounts import gid_of, uid_of
from configurator.core.errors import TaskError
from configurator.modules.modes import after_chown, apply_mode

Validator = Callable[[str], None]  # given the path of the new content; raises to keep the old one

_DEFAULT_MODE = 0o644  # 0666 less the umask that Debian gives to root (login.defs(5))
_UNNAMED = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write(
    path: str,
    content: bytes | Iterable[bytes],
    *,
    mode: str | None,
    owner: str | None,
    group: str | None,
    backup: bool,
    follow: bool,
    validator: Validator | None,
    mtime: float | None = None,
    durable: bool = True,
    size: int | None = None,
) -> str | None:
    """Put `content`, whole or in pieces, at `path` in one step; return the path of the backup if one is made.

    What comes in pieces goes into a file without a name until it is all there, so that not even a killed
    process leaves a part of it behind; if its `size` is given, room for that much is a condition.

    With `follow` a link at `path` stays and the file that it names is replaced; without, the link itself
    is. On any error nothing has changed and nothing is left behind. What is not `durable` may be lost if the
    power fails soon: one of very many files, which would be found missing and written again.
    """
    uid, gid = uid_of(owner), gid_of(group)
    with files.explained(f"write {path}"), walk.find(path, follow=follow) as place:
        before = place.lstat()
        if before is not None and stat.S_ISDIR(before.st_mode):
            raise TaskError(f"is a directory: {path}")
        old = before if before is not None and stat.S_ISREG(before.st_mode) else None
        temporary = files.temporary_name()
        # A validator may go by the file's name (systemd-analyze verify does): give it a directory of its own.
        if validator is not None:
            os.mkdir(temporary, 0o700, dir_fd=place.directory)
        name = temporary if validator is None else f"{temporary}/{place.name}"
        try:
            _need_room(place, size)
            named, descriptor = _new_file(place, name, unnamed=not isinstance(content, bytes))
            try:
                for piece in (content,) if isinstance(content, bytes) else content:
                    _fill(descriptor, piece)
                _dress(descriptor, place, old, mode, uid, gid)
                if mtime is not None:
                    os.utime(descriptor, (mtime, mtime))
                if durable:
                    os.fsync(descriptor)
                if not named:
                    os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=place.directory)
            finally:
                os.close(descriptor)
            if validator is not None:
                validator(place.real_path(name))
            kept = _back_up(place, path) if backup and old is not None else None
            os.rename(name, place.name, src_dir_fd=place.directory, dst_dir_fd=place.directory)
        except BaseException:
            _discard(place, name)
            raise
        finally:
            if validator is not None:
                _discard_directory(place, temporary)
        if durable:
            place.sync()
        return kept


def _need_room(place: walk.Place, size: int | None) -> None:
    """Refuse at once what the disk has no room for: a full disk hurts more than this task."""
    if size is None:
        return
    free = os.fstatvfs(place.directory)
    room = (free.f_bfree if os.geteuid() == 0 else free.f_bavail) * free.f_frsize
    if size > room:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _new_file(place: walk.Place, name: str, *, unnamed: bool) -> tuple[bool, int]:
    """Return whether a new file has its name yet, and its descriptor."""
    if unnamed:
        with suppress(OSError):  # open(2), O_TMPFILE: not every file system can
            return False, os.open(".", _UNNAMED, 0o600, dir_fd=place.directory)
    return True, os.open(name, _NEW, 0o600, dir_fd=place.directory)


def _fill(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _dress(
    descriptor: int, place: walk.Place, old: os.stat_result | None, mode: str | None, uid: int, gid: int
) -> None:
    """Give the new file its owner and mode; what is not asked for is taken over from the old file."""
    if old is not None:
        _copy_attributes(descriptor, place)
        kept_uid, kept_gid = (old.st_uid if uid == -1 else -1), (old.st_gid if gid == -1 else -1)
        # Who is not root gets a file of their own, as with any editor that replaces files.
        with suppress(PermissionError):
            os.fchown(descriptor, kept_uid, kept_gid)
    if (uid, gid) != (-1, -1):
        os.fchown(descriptor, uid, gid)
    current = _DEFAULT_MODE if old is None else stat.S_IMODE(old.st_mode)
    if old is not None and mode is None and (uid not in (-1, old.st_uid) or gid not in (-1, old.st_gid)):
        current = after_chown(current)
    os.fchmod(descriptor, current if mode is None else apply_mode(mode, current, False))


def _copy_attributes(descriptor: int, place: walk.Place) -> None:
    """Take over the access list and the user's attributes (xattr(7)); the mode, set later, wins."""
    try:
        old = os.open(
            place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.directory
        )
    except OSError:
        return
    try:
        for name in os.listxattr(old):
            if name == "system.posix_acl_access" or name.startswith("user."):
                os.setxattr(descriptor, name, os.getxattr(old, name))
    except OSError:
        pass  # a file system without them has none to lose
    finally:
        os.close(old)


def _back_up(place: walk.Place, path: str) -> str:
    """Copy the old file beside it, under the name that Ansible gives to backups, with owner and mode."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    source = os.open(place.name, flags, dir_fd=place.directory)
    try:
        found = os.fstat(source)
        descriptor, name = _new_backup(place)
        try:
            while chunk := os.read(source, 1 << 20):
                _fill(descriptor, chunk)
            os.fchown(descriptor, found.st_uid, found.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
            os.utime(descriptor, ns=(found.st_atime_ns, found.st_mtime_ns))
            os.fsync(descriptor)
        except BaseException:
            _discard(place, name)
            raise
        finally:
            os.close(descriptor)
    finally:
        os.close(source)
    directory = os.path.dirname(path) if os.path.basename(path) == place.name else None
    return os.path.join(directory, name) if directory else place.real_path(name)


def _new_backup(place: walk.Place) -> tuple[int, str]:
    stamp = time.strftime("%Y-%m-%d@%H:%M:%S~")
    number = 0
    while True:
        # Two changes of one file within a second must not share a backup.
        again = f"-{number}" if number else ""
        name = f"{place.name}.{os.getpid()}{again}.{stamp}"
        try:
            return os.open(name, _NEW, 0o600, dir_fd=place.directory), name
        except FileExistsError:
            number += 1


def _discard(place: walk.Place, name: str) -> None:
    with suppress(OSError):  # it was never made, or the directory is gone
        os.unlink(name, dir_fd=place.directory)


def _discard_directory(place: walk.Place, name: str) -> None:
    try:
        os.rmdir(name, dir_fd=place.directory)
    except OSError:
        # A validator has left something of its own beside the file.
        files.remove(place.real_path(name))
