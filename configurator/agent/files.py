"""Changing files as root without ever being seen half-way, and without following anybody else's links."""

from __future__ import annotations

import errno
import os
import stat as st
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.modes import apply_mode
from configurator.modules.system import FileStat

_KINDS = {st.S_IFREG: "file", st.S_IFDIR: "directory", st.S_IFLNK: "link"}
_READ_BYTES = 64 * 1024 * 1024  # a configuration file is never larger; memory is bounded
_UMASK = 0o022  # what root's umask is on Debian (login.defs(5)); the agent's own may differ


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn an OSError into a TaskError that names the path, and says what to do where that is known."""
    try:
        yield
    except OSError as error:
        hint = "the host's disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
        raise TaskError(f"{error.filename or path}: {os.strerror(error.errno or 0)}", hint=hint) from error


def file_stat(path: str, *, follow: bool) -> FileStat | None:
    """Return what is at a path, or None."""
    try:
        found = os.stat(path, follow_symlinks=follow)
        target = os.readlink(path) if st.S_ISLNK(found.st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileStat(
        kind=_KINDS.get(st.S_IFMT(found.st_mode), "other"),
        mode=st.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        owner=user_name(found.st_uid),
        group=group_name(found.st_gid),
        size=found.st_size,
        mtime=found.st_mtime,
        atime=found.st_atime,
        inode=found.st_ino,
        target=target,
    )


def user_name(uid: int) -> str:
    """Return the user's name, or the number as text."""
    import pwd  # noqa: PLC0415

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Return the group's name, or the number as text."""
    import grp  # noqa: PLC0415

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def ids(owner: str | None, group: str | None) -> tuple[int, int]:
    """Return uid and gid, -1 where nothing is given; ParameterError for an unknown name."""
    import grp  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    uid = gid = -1
    if owner is not None:
        try:
            uid = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
        except KeyError:
            raise ParameterError(f"user {owner!r} does not exist on the host") from None
    if group is not None:
        try:
            gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
        except KeyError:
            raise ParameterError(f"group {group!r} does not exist on the host") from None
    return uid, gid


def read(path: str) -> bytes:
    """Return a file's content, following links; TaskError if it is missing, too large or no file."""
    with explained(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if not st.S_ISREG(found.st_mode):
                raise TaskError(f"{path} is no regular file")
            if found.st_size > _READ_BYTES:
                raise TaskError(f"{path} is too large: {found.st_size} bytes")
            return file.read(_READ_BYTES + 1)


def refuse_foreign_links(path: str) -> None:
    """Raise TaskError if a directory above `path` is a link that an ordinary user could have put there.

    Writing as root below a user's home would otherwise write wherever that user's link points.
    """
    if os.geteuid() != 0:
        return
    at = "/"
    for part in [part for part in os.path.dirname(os.path.abspath(path)).split("/") if part]:
        at = os.path.join(at, part)
        with suppress(FileNotFoundError):
            found = os.lstat(at)
            if st.S_ISLNK(found.st_mode) and found.st_uid != 0:
                raise TaskError(
                    f"{at} is a link that belongs to {user_name(found.st_uid)}",
                    hint="root does not write through links of other users",
                )


def write(
    path: str,
    content: bytes,
    *,
    mode: str | None,
    owner: str | None,
    group: str | None,
    backup: bool,
    check: object = None,
) -> str | None:
    """Replace a file atomically; see System.write. `check` is called with the temporary file's path."""
    with explained(path):
        refuse_foreign_links(path)
        target = _final(path)
        known = file_stat(target, follow=False)
        if known is not None and known.kind == "directory":
            raise TaskError(f"{path} is a directory")
        directory = os.path.dirname(target) or "/"
        if not os.path.isdir(directory):
            raise ParameterError(f"the directory {directory} does not exist", hint=f"needed for {path}")
        uid, gid = ids(owner, group)
        temporary = os.path.join(directory, f".configurator-{os.urandom(8).hex()}")
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                _own(file.fileno(), known, uid, gid)
                os.fchmod(file.fileno(), _mode(mode, known))
                file.flush()
                os.fsync(file.fileno())
            if callable(check):
                check(temporary)
            kept = _backup(target) if backup and known is not None else None
            os.rename(temporary, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        sync_directory(directory)
        return kept


def _final(path: str) -> str:
    """Follow the links at the end of a path, but only those that root (or we ourselves) made."""
    for _ in range(40):  # path_resolution(7)
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return path
        if not st.S_ISLNK(found.st_mode):
            return path
        if found.st_uid not in (0, os.geteuid()):
            raise TaskError(f"{path} is a link that belongs to {user_name(found.st_uid)}")
        path = os.path.join(os.path.dirname(path), os.readlink(path))
        refuse_foreign_links(path)
    raise TaskError(f"too many symbolic links: {path}")


def _own(descriptor: int, known: FileStat | None, uid: int, gid: int) -> None:
    """Set the owner: what is given, else what the file has now."""
    if known is not None:
        uid, gid = (known.uid if uid == -1 else uid), (known.gid if gid == -1 else gid)
    if (uid, gid) != (-1, -1) and (os.geteuid() == 0 or (uid, gid) != (os.geteuid(), os.getegid())):
        os.fchown(descriptor, uid, gid)


def _mode(mode: str | None, known: FileStat | None) -> int:
    current = known.mode if known is not None and known.kind == "file" else 0o666 & ~_UMASK
    return current if mode is None else apply_mode(mode, current, is_dir=False)


def _backup(path: str) -> str:
    """Copy a file to the name that Ansible gives backups, and return that name."""
    import shutil  # noqa: PLC0415

    name = f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S')}~"
    shutil.copy2(path, name)
    found = os.stat(path)
    if os.geteuid() == 0:
        os.chown(name, found.st_uid, found.st_gid)
    return name


def sync_directory(directory: str) -> None:
    """Have a rename survive a power cut (fsync(2), NOTES)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_attributes(
    path: str, *, mode: str | None, owner: str | None, group: str | None, follow: bool
) -> None:
    """Set owner and mode; through a descriptor, so that the path cannot be exchanged in between."""
    uid, gid = ids(owner, group)
    with explained(path):
        refuse_foreign_links(path)
        found = os.stat(path, follow_symlinks=follow)
        if st.S_ISLNK(found.st_mode):
            os.chown(path, uid, gid, follow_symlinks=False)  # a link has no mode of its own (symlink(7))
            return
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        descriptor = os.open(_final(path) if follow else path, flags)
        try:
            if (uid, gid) != (-1, -1):
                os.fchown(descriptor, uid, gid)
            if mode is not None:  # after chown(2), which clears the set-id bits
                wanted = apply_mode(mode, st.S_IMODE(found.st_mode), st.S_ISDIR(found.st_mode))
                os.fchmod(descriptor, wanted)
        finally:
            os.close(descriptor)


def make_directory(path: str, *, mode: str | None, owner: str | None, group: str | None) -> None:
    """Make one directory with its owner and mode."""
    uid, gid = ids(owner, group)
    with explained(path):
        refuse_foreign_links(path)
        if not os.path.isdir(os.path.dirname(path.rstrip("/")) or "/"):
            parent = os.path.dirname(path.rstrip("/"))
            raise ParameterError(f"the directory {parent} does not exist", hint=f"needed for {path}")
        os.mkdir(path, 0o700)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if (uid, gid) != (-1, -1):
                os.fchown(descriptor, uid, gid)
            wanted = 0o777 & ~_UMASK if mode is None else apply_mode(mode, 0o777 & ~_UMASK, is_dir=True)
            os.fchmod(descriptor, wanted)
        finally:
            os.close(descriptor)


def link(path: str, *, symbolic: str | None = None, hard: str | None = None) -> None:
    """Make a link, replacing what is there atomically unless it is a directory."""
    with explained(path):
        refuse_foreign_links(path)
        known = file_stat(path, follow=False)
        if known is not None and known.kind == "directory":
            raise TaskError(f"{path} is a directory")
        temporary = os.path.join(os.path.dirname(path), f".configurator-{os.urandom(8).hex()}")
        if symbolic is not None:
            os.symlink(symbolic, temporary)
        elif hard is not None:
            os.link(hard, temporary, follow_symlinks=False)
        os.rename(temporary, path)
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # rename(2) does nothing when both are names of one file


def remove(path: str) -> None:
    """Remove a file, a link or a directory tree without following links; absent is fine."""
    import shutil  # noqa: PLC0415

    with explained(path):
        refuse_foreign_links(path)
        known = file_stat(path, follow=False)
        if known is None:
            return
        if known.kind == "directory":
            shutil.rmtree(path)
        else:
            os.unlink(path)
