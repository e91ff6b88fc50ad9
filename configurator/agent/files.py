"""Files of the real host: looking, and changing one thing at a time through open directories.

Nothing here follows a link that another user could have put in the way (walk.py), and nothing changes
what it has not opened first. Replacing a file's content is in replace.py.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from types import TracebackType

from configurator.agent import walk
from configurator.agent.accounts import gid_of, group_name, uid_of, user_name
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.modes import apply_mode
from configurator.modules.system import FileStat

TEMPORARY = ".configurator-"  # hidden: what reads a directory of snippets skips names with a leading dot
_MAX_BYTES = 256 * 1024 * 1024  # of a file that is read whole
_PIECE_BYTES = 1 << 20
_SPECIAL = {stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFBLK: "block", stat.S_IFCHR: "character"}
_SAID = {
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is mounted read-only",
    errno.EBUSY: "it is a mount point or in use",
    errno.EPERM: "not permitted (an immutable file? see lsattr)",
    errno.EACCES: "permission denied",
    errno.EISDIR: "it is a directory",
    errno.EXDEV: "it is on another file system",
    errno.ENAMETOOLONG: "the name is too long",
}


class explained:  # noqa: N801  (used like a function, as contextlib.suppress is)
    """Turn an OSError into a TaskError that says what could not be done: `cannot write /x: no space left`."""

    def __init__(self, action: str) -> None:
        self._action = action

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            said = _SAID.get(error.errno or 0) or (error.strerror or str(error)).lower()
            raise TaskError(f"cannot {self._action}: {said}") from error


# -- looking ------------------------------------------------------------------------------------------


def describe(path: str, *, follow: bool) -> FileStat | None:
    """Return what is at `path`, or None: also if links lead in a circle, which is to lead nowhere."""
    with explained(f"look at {path}"):
        try:
            found = os.stat(path) if follow else os.lstat(path)
            target = os.readlink(path) if stat.S_ISLNK(found.st_mode) else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise
    return _described(found, target)


def entries(path: str) -> list[tuple[str, FileStat]]:
    """Return what is in a directory by name, sorted; nothing if it is missing."""
    described = []
    with explained(f"list {path}"):
        try:
            found = os.scandir(path)
        except FileNotFoundError:
            return []
        with found:
            for entry in found:
                with suppress(FileNotFoundError):  # it has gone meanwhile
                    target = os.readlink(entry.path) if entry.is_symlink() else None
                    described.append((entry.name, _described(entry.stat(follow_symlinks=False), target)))
    return sorted(described, key=lambda item: item[0])


def access(path: str) -> str:
    """Return which of `r`, `w` and `x` this process may do with what is at `path`."""
    wanted = {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}
    return "".join(letter for letter, way in wanted.items() if os.access(path, way, effective_ids=True))


def _described(found: os.stat_result, target: str | None) -> FileStat:
    return FileStat(
        kind=_kind(found.st_mode),
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        owner=user_name(found.st_uid),
        group=group_name(found.st_gid),
        size=found.st_size,
        mtime=found.st_mtime,
        atime=found.st_atime,
        inode=found.st_ino,
        target=target,
        device=found.st_dev,
        links=found.st_nlink,
        ctime=found.st_ctime,
        blocks=found.st_blocks,
        block_size=found.st_blksize,
        special=_SPECIAL.get(stat.S_IFMT(found.st_mode)),
        special_device=found.st_rdev,
    )


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def read(path: str) -> bytes:
    """Return the content of a regular file."""
    try:
        # Without O_NONBLOCK a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        raise TaskError(f"no such file: {path}") from None
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    with explained(f"read {path}"), os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise TaskError(f"is a directory: {path}")
        if not stat.S_ISREG(found.st_mode):
            raise TaskError(f"is no regular file: {path}")
        chunks: list[bytes] = []
        # /proc says that its files have no bytes, so the size proves nothing, and /proc/sys refuses reads of
        # 4 MiB and more (ENOMEM): everything is read in small pieces.
        while sum(map(len, chunks)) <= _MAX_BYTES and (chunk := file.read(_PIECE_BYTES)):
            chunks.append(chunk)
    content = b"".join(chunks)
    if len(content) > _MAX_BYTES:
        raise TaskError(f"too large to be handled whole (over {_MAX_BYTES >> 20} MiB): {path}")
    return content


def names(path: str) -> list[str]:
    """Return the names in a directory; none if it is missing."""
    with explained(f"list {path}"):
        try:
            return sorted(os.listdir(path))
        except FileNotFoundError:
            return []


# -- changing -----------------------------------------------------------------------------------------


def make_directory(path: str, *, mode: str | None, owner: str | None, group: str | None) -> None:
    """Make one directory; it belongs to its owner before anybody but us may enter it."""
    uid, gid = uid_of(owner), gid_of(group)
    bits = 0o755 if mode is None else apply_mode(mode, 0o755, True)
    with explained(f"make the directory {path}"), walk.find(path, follow=False) as place:
        try:
            os.mkdir(place.name, 0o700, dir_fd=place.directory)
        except FileExistsError:
            raise TaskError(f"already exists: {path}") from None
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(place.name, flags, dir_fd=place.directory)
        try:
            made = os.fstat(descriptor)
            if made.st_uid != os.geteuid():
                raise TaskError(f"{path} was replaced by another user while it was made")
            inherited = made.st_mode & stat.S_ISGID if mode is None else 0
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, bits | inherited)
        finally:
            os.close(descriptor)
        place.sync()


def make_link(target: str, path: str) -> None:
    """Make a symbolic link, or put it in the place of another link or file in one step."""
    with explained(f"make the link {path}"), walk.find(path, follow=False) as place:
        temporary = temporary_name()
        os.symlink(target, temporary, dir_fd=place.directory)
        _move_there(place, temporary)


def no_second_name(path: str) -> TaskError:
    """Return the error for a hard link to a directory, which link(2) refuses to make."""
    return TaskError(f"{path} is a directory: a hard link can only be made to a file")


def make_hard_link(target: str, path: str) -> None:
    """Make `path` another name of the file `target`, in the place of what was there in one step."""
    with explained(f"make the hard link {path}"), walk.find(target, follow=True) as source:
        found = source.lstat()
        if found is None:
            raise TaskError(f"no such file: {target}")
        if stat.S_ISDIR(found.st_mode):
            raise no_second_name(target)
        with walk.find(path, follow=False) as place:
            before = place.lstat()
            if before is not None and (before.st_dev, before.st_ino) == (found.st_dev, found.st_ino):
                return
            temporary = temporary_name()
            os.link(
                source.name,
                temporary,
                src_dir_fd=source.directory,
                dst_dir_fd=place.directory,
                follow_symlinks=False,
            )
            _move_there(place, temporary)


def temporary_name() -> str:
    """Return a name that nobody can foresee, and so nobody can have put a trap at."""
    return TEMPORARY + secrets.token_hex(8)


def _move_there(place: walk.Place, temporary: str) -> None:
    try:
        os.rename(temporary, place.name, src_dir_fd=place.directory, dst_dir_fd=place.directory)
    except OSError:
        os.unlink(temporary, dir_fd=place.directory)
        raise
    place.sync()


def set_attributes(
    path: str, *, mode: str | None, owner: str | None, group: str | None, follow: bool
) -> None:
    """Set owner and group, then the mode: chown(2) takes the set-ID bits away."""
    uid, gid = uid_of(owner), gid_of(group)
    with explained(f"set mode and owner of {path}"), walk.find(path, follow=follow) as place:
        try:
            descriptor = place.open()
        except FileNotFoundError:
            raise TaskError(f"no such file: {path}") from None
        try:
            found = os.fstat(descriptor)
            is_link = stat.S_ISLNK(found.st_mode)
            # An O_PATH descriptor takes no fchmod(2); its name below /proc leads to the very same inode.
            opened = f"/proc/self/fd/{descriptor}"
            # A call that changes nothing would cost the set-ID bits all the same.
            if uid not in (-1, found.st_uid) or gid not in (-1, found.st_gid):
                if is_link:
                    os.chown(place.name, uid, gid, dir_fd=place.directory, follow_symlinks=False)
                else:
                    os.chown(opened, uid, gid)
            if mode is not None and not is_link:  # a link has no mode of its own (symlink(7))
                os.chmod(opened, apply_mode(mode, found.st_mode, stat.S_ISDIR(found.st_mode)))
        finally:
            os.close(descriptor)


def set_times(path: str, *, atime: float | None, mtime: float | None) -> None:
    """Set the given times; the other one stays."""
    with explained(f"set the times of {path}"), walk.find(path, follow=True) as place:
        found = place.lstat()
        if found is None:
            raise TaskError(f"no such file: {path}")
        times = (
            found.st_atime_ns if atime is None else round(atime * 1e9),
            found.st_mtime_ns if mtime is None else round(mtime * 1e9),
        )
        os.utime(place.name, ns=times, dir_fd=place.directory, follow_symlinks=False)


def remove(path: str) -> None:
    """Remove a file, link or whole tree; links in it are removed, never followed."""
    if not os.path.isabs(path) or not path.strip("/.") or ".." in path.split("/"):
        raise ParameterError(f"refusing to remove {path!r}")
    with explained(f"remove {path}"):
        try:
            place = walk.find(path, follow=False)
        except ParameterError:
            return  # without its directory it is not there
        with place:
            if place.name in (".", ".."):
                raise ParameterError(f"refusing to remove {path!r}")
            found = place.lstat()
            if found is None:
                return
            root = os.stat("/")  # under whatever name it was reached
            if (found.st_dev, found.st_ino) == (root.st_dev, root.st_ino):
                raise ParameterError(f"refusing to remove {path!r}")
            if stat.S_ISDIR(found.st_mode):
                _remove_tree(place)
            else:
                os.unlink(place.name, dir_fd=place.directory)
            place.sync()


def _remove_tree(place: walk.Place) -> None:
    """Empty and remove a directory. Not recursive: a deep tree must not end in a RecursionError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    levels = [(place.name, os.open(place.name, flags, dir_fd=place.directory))]
    try:
        while levels:
            name, descriptor = levels[-1]
            deeper = None
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        deeper = entry.name
                        break
                    os.unlink(entry.name, dir_fd=descriptor)
            if deeper is not None:
                levels.append((deeper, os.open(deeper, flags, dir_fd=descriptor)))
                continue
            levels.pop()
            os.close(descriptor)
            os.rmdir(name, dir_fd=levels[-1][1] if levels else place.directory)
    finally:
        for _, descriptor in levels:
            os.close(descriptor)
