"""What archives hold, and what of it is wanted where: the data of `System.members` and `System.unpack`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from configurator.modules.state import LargeContent
    from configurator.modules.web import Download

# An archive: a path of the host, its bytes, what was downloaded, or a large file of the controller.
Archive: TypeAlias = "str | bytes | Download | LargeContent"

SMALL_BYTES = 64 * 1024  # a file in an archive up to this size is handed out, for a diff


@dataclass(frozen=True, slots=True)
class Member:
    """One entry. `kind` is `file`, `directory`, `link`, `hardlink` or `other`; `target` what a link names.

    `name` is written as in the archive. `owner` and `group` are names, or "" where the archive has none;
    `uid` and `gid` are then -1. `digest` is a file's sha256; `content` a small file itself.
    """

    name: str
    kind: str
    mode: int
    size: int = 0
    mtime: float = 0.0
    owner: str = ""
    group: str = ""
    uid: int = -1
    gid: int = -1
    target: str = ""
    digest: str = ""
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one entry goes, and how; attributes that are None are those which `write` and `mkdir` give.

    `number` is its place in the archive. `source` is the path of the file that a `hardlink` is made to.
    """

    number: int
    member: Member
    path: str
    kind: str
    mode: str | None = None
    owner: str | None = None
    group: str | None = None
    source: str = ""
