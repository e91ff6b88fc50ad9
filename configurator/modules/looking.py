"""What stat, find and slurp have in common: they look, change nothing, and return what they saw."""

from __future__ import annotations

from typing import Any, ClassVar

from configurator.modules.base import Module
from configurator.modules.state import Change, State
from configurator.modules.system import FileStat, System

CHECKSUMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
# What nobody knows of a file that is not there yet: where it will stand on the disk, and when it was made.
_ON_DISK = ("inode", "dev", "nlink", "atime", "mtime", "ctime", "blocks", "block_size")


class Looking(Module[Any]):
    """A module whose `observe` is all that it does."""

    only_looks: ClassVar[bool] = True

    def desired(self, params: Any, actual: State) -> State:  # noqa: ARG002
        return {}

    def converge(self, system: System, params: Any, change: Change) -> State | None:  # noqa: ARG002
        raise AssertionError("there is nothing to change")


def described(path: str, found: FileStat) -> dict[str, Any]:
    """Return a file under Ansible's names; of one that is yet to be made, without what is not known."""
    mode = found.mode
    out: dict[str, Any] = {
        "path": path,
        "mode": f"{mode:04o}",
        "isreg": found.kind == "file",
        "isdir": found.kind == "directory",
        "islnk": found.kind == "link",
        "ischr": found.special == "character",
        "isblk": found.special == "block",
        "isfifo": found.special == "fifo",
        "issock": found.special == "socket",
        "uid": found.uid,
        "gid": found.gid,
        "pw_name": found.owner,
        "gr_name": found.group,
        "size": found.size,
        "inode": found.inode,
        "dev": found.device,
        "device_type": found.special_device,
        "nlink": found.links,
        "atime": found.atime,
        "mtime": found.mtime,
        "ctime": found.ctime,
        "blocks": found.blocks,
        "block_size": found.block_size,
        "isuid": bool(mode & 0o4000),
        "isgid": bool(mode & 0o2000),
    }
    for shift, who in ((6, "usr"), (3, "grp"), (0, "oth")):
        for bit, letter in ((4, "r"), (2, "w"), (1, "x")):
            out[letter + who] = bool(mode >> shift & bit)
    unknown = _ON_DISK if found.device < 0 else ("ctime",) if not found.ctime else ()
    return {name: value for name, value in out.items() if name not in unknown}
