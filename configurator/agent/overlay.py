"""A file system in memory over the real one: what a plan would have written, over what is there."""

from __future__ import annotations

import itertools
import os
import posixpath
import stat as bits
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from configurator.agent.accounts import account_of
from configurator.agent.walk import foreign_link
from configurator.core.errors import TaskError
from configurator.modules.state import UnknownState
from configurator.modules.system import FileStat, System

if TYPE_CHECKING:
    from configurator.agent.packages_ahead import PackagesAhead

_MAX_LINKS = 40  # path_resolution(7): the kernel follows at most 40 links
_NO_DEVICE = -1  # of files that are only in memory, so that none of them is taken for a real one


class _CircleError(TaskError):
    """Links lead in a circle: who looks finds nothing, who writes is told."""


class Files(Protocol):
    """The files that lie under an overlay."""

    def stat(self, path: str) -> FileStat | None:
        """Return what is at a path, without following a link."""

    def read(self, path: str) -> bytes:
        """Return a file's content."""

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory."""


class Later(bytes):
    """Stands for a content that only the apply will bring: reading it is an UnknownState."""

    reason = ""
    sha256: str | None = None

    @classmethod
    def because(cls, reason: str, sha256: str | None = None) -> Later:
        """Return one; `reason` says what the content waits for, `sha256` its checksum if that is known."""
        made = cls()
        made.reason, made.sha256 = reason, sha256
        return made


class LaterText(str):
    """Stands for what only the apply will have a command say; a file that is made of it is for later, too."""

    reason = ""

    @classmethod
    def because(cls, reason: str) -> LaterText:
        """Return one; `reason` says what the text waits for."""
        made = cls()
        made.reason = reason
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> Later:  # noqa: ARG002
        """Return a content for later."""
        return Later.because(self.reason)


@dataclass(frozen=True, slots=True)
class Node:
    """A path as the plan would leave it. `content` is None where the real file's content still holds.

    `fresh` marks a directory that the plan made: nothing of the real directory shows through.
    """

    stat: FileStat
    content: bytes | None = None
    fresh: bool = False


class Overlay:
    """Nodes by resolved path; None marks a path that the plan removed."""

    def __init__(self, real: Files) -> None:
        self._real = real
        self._nodes: dict[str, Node | None] = {}
        self._changed: dict[tuple[int, int], FileStat] = {}  # by device and inode: seen under every name
        self._inodes = itertools.count(1)
        self._overtaken: set[str] = set()  # nodes of which a later task has made what nobody knows
        self._unsettled: dict[str, str] = {}  # by path, with a slash for all below it: why

    def lstat(self, path: str, *, careful: bool = False) -> tuple[str, FileStat | None]:
        """Return the path with its directories resolved, and what is there (a link is not followed).

        `careful`: refuse the links that RealSystem refuses to write through, see walk.py.
        """
        try:
            resolved = self._resolve_parent(path, path if careful else None)
        except _CircleError:
            if careful:
                raise
            return path, None
        return resolved, self._at(resolved)

    def stat(self, path: str, *, careful: bool = False) -> tuple[str, FileStat | None]:
        """Return the path with every link resolved, and what is there; None also where a link dangles."""
        try:
            return self._follow(path, careful=careful)
        except _CircleError:
            if careful:
                raise
            return path, None

    def _follow(self, path: str, *, careful: bool) -> tuple[str, FileStat | None]:
        at = path
        for _ in range(_MAX_LINKS):
            resolved = self._resolve_parent(at, path if careful else None)
            found = self._at(resolved)
            if found is None or found.kind != "link" or found.target is None:
                return resolved, found
            if careful:
                _refuse_foreign(found, path)
            at = posixpath.join(posixpath.dirname(resolved), found.target)
        raise _CircleError(f"too many symbolic links: {path}")

    def is_ours(self, resolved: str) -> bool:
        """Return True if the path stands in a directory that the plan made: only the plan fills it."""
        while resolved != "/":
            node = self._nodes.get(resolved)
            if node is not None:
                return node.fresh
            resolved = os.path.dirname(resolved)
        return False

    def touched(self, prefix: str) -> bool:
        """Return True if the plan changes anything below a directory, which is given with a slash behind."""
        return any(path.startswith(prefix) for path in self._nodes)

    def read(self, resolved: str) -> bytes:
        """Return the content of a file whose path `stat` has resolved."""
        node = self._nodes.get(resolved)
        if node is not None and node.content is not None:
            if isinstance(node.content, Later):
                raise UnknownState(node.content.reason)
            return node.content
        if because := self.unsettled(resolved):
            raise UnknownState(because)
        return self._real.read(resolved)

    def holds(self, resolved: str) -> bool:
        """Return True if a file's content is that which the plan gave it."""
        node = self._nodes.get(resolved)
        return node is not None and node.content is not None

    def kept(self, resolved: str) -> bytes | None:
        """Return the content that the plan gave a file, even if it is one for later; None if it gave none."""
        node = self._nodes.get(resolved)
        return None if node is None else node.content

    def nodes(self) -> dict[str, Node | None]:
        """Return what the plan has changed so far, by resolved path; None for what it removed."""
        return dict(self._nodes)

    def unknown(self) -> bool:
        """Return True if only the apply tells what some file will hold, or what will be at some path."""
        return bool(self._unsettled) or any(
            node is not None and isinstance(node.content, Later) for node in self._nodes.values()
        )

    @property
    def changed(self) -> bool:
        """Return True if the plan has changed any file so far."""
        return bool(self._nodes) or bool(self._unsettled)

    def altered(self, resolved: str) -> str | None:
        """Return why a command that looks at a path, or below it, would not see what the plan makes there."""
        inside = f"{resolved.rstrip('/')}/"
        for path in self._nodes:
            if path == resolved or path.startswith(inside):
                return f"{path} is changed by an earlier task"
        above = resolved
        while above != "/":  # a directory on the way that is going to be made, or removed
            above = posixpath.dirname(above)
            node = self._nodes.get(above)
            if above in self._nodes and (node is None or node.fresh or node.stat.kind != "directory"):
                return f"{above} is changed by an earlier task"
        below = (why for start, why in self._unsettled.items() if start.startswith((inside, resolved)))
        return self.unsettled(resolved) or next(below, None)

    def unsettle(self, resolved: str, because: str, *, below: bool) -> None:
        """Have nobody know from now on what is at a path, or `below` it: only the apply tells."""
        start = resolved.rstrip("/") + "/" if below else resolved
        self._unsettled[start] = because
        for path, node in self._nodes.items():
            if not path.startswith(start) if below else path != resolved:
                continue
            if node is not None and node.stat.kind == "file":
                self._nodes[path] = replace(node, content=Later.because(because))
            if node is None or node.stat.kind != "directory":
                self._overtaken.add(path)

    def unsettled(self, resolved: str) -> str | None:
        """Return why nobody knows what will be at a path; None if somebody does."""
        if not self._unsettled or (resolved in self._nodes and resolved not in self._overtaken):
            return None
        if because := self._unsettled.get(resolved):
            return because
        above = (
            why for start, why in self._unsettled.items() if start[-1] == "/" and resolved.startswith(start)
        )
        return next(above, None)

    def names(self, resolved: str) -> list[str]:
        """Return the names in a resolved directory."""
        node = self._nodes.get(resolved)
        names = set() if node is not None and node.fresh else set(self._real.listdir(resolved))
        prefix = resolved.rstrip("/") + "/"
        for path, below in self._nodes.items():
            if path.startswith(prefix) and "/" not in path[len(prefix) :]:
                (names.discard if below is None else names.add)(path[len(prefix) :])
        return sorted(names)

    def entries(self, resolved: str) -> list[tuple[str, FileStat]]:
        """Return what is in a resolved directory by name."""
        base = resolved.rstrip("/")
        found = ((name, self._at(f"{base}/{name}")) for name in self.names(resolved))
        return [(name, stat) for name, stat in found if stat is not None]

    def put(
        self, resolved: str, stat: FileStat, content: bytes | None = None, *, fresh: bool = False
    ) -> None:
        """Have the path be this from now on."""
        if content is not None or stat.kind != "file":
            self._overtaken.discard(resolved)
        before = self._nodes.get(resolved)
        if content is None and before is not None and stat.kind == "file":
            content = before.content
        self._nodes[resolved] = Node(stat, content, fresh or (before is not None and before.fresh))

    def change(self, resolved: str, stat: FileStat) -> None:
        """Have what is at the path be like this from now on, under all the names that hard links gave it."""
        stat = replace(stat, ctime=0.0)
        self.put(resolved, stat)
        if stat.inode:
            self._changed[stat.device, stat.inode] = stat

    def new(self, resolved: str, kind: str, mode: int, user: str) -> FileStat:
        """Return what a user gets who makes something at a resolved path: no other path has its inode.

        A directory with the set-group-ID bit hands its group down, and to directories the bit (inode(7)).
        """
        uid, gid, group = account_of(user)
        above = self._at(posixpath.dirname(resolved))
        if above is not None and above.mode & bits.S_ISGID:
            gid, group = above.gid, above.group
            mode |= bits.S_ISGID if kind == "directory" else 0
        now = time.time()
        inode = next(self._inodes)
        return FileStat(
            kind, mode, uid, gid, user, group, 0, now, now, inode=inode, device=_NO_DEVICE, links=1
        )

    def remove(self, resolved: str) -> None:
        """Have the path and everything below it be gone."""
        prefix = resolved.rstrip("/") + "/"
        for path in [path for path in self._nodes if path.startswith(prefix)]:
            del self._nodes[path]
            self._overtaken.discard(path)
        self._overtaken.discard(resolved)
        self._nodes[resolved] = None

    def _at(self, resolved: str) -> FileStat | None:
        if resolved in self._nodes:
            node = self._nodes[resolved]
            return None if node is None else self._latest(node.stat)
        parent = posixpath.dirname(resolved)
        while parent != "/":
            if parent in self._nodes:
                above = self._nodes[parent]
                if above is None or above.fresh or above.stat.kind != "directory":
                    return None
            parent = posixpath.dirname(parent)
        found = self._real.stat(resolved)
        return None if found is None else self._latest(found)

    def _latest(self, found: FileStat) -> FileStat:
        return self._changed.get((found.device, found.inode), found) if self._changed else found

    def _resolve_parent(self, path: str, written: str | None = None) -> str:
        """Resolve links in every component but the last, over overlay and real files alike.

        `written` is the path that is going to be written, for the error about a link of another user.
        """
        todo = [part for part in posixpath.join("/", path).split("/") if part and part != "."]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            done.append(part)
            if not todo:
                break
            found = self._at("/" + "/".join(done))
            if found is not None and found.kind == "link" and found.target is not None:
                if written is not None:
                    _refuse_foreign(found, written)
                links += 1
                if links > _MAX_LINKS:
                    raise _CircleError(f"too many symbolic links: {written or path}")
                done = [] if os.path.isabs(found.target) else done[:-1]
                todo = [part for part in found.target.split("/") if part and part != "."] + todo
        return "/" + "/".join(done)


class FilesAhead:
    """The host's files, and beneath them those of packages that a plan would install."""

    def __init__(self, real: System, ahead: PackagesAhead) -> None:
        self._real = real
        self._ahead = ahead

    def stat(self, path: str) -> FileStat | None:
        """Return what will be there."""
        return self._ahead.stat(path) if self._brings(path) else self._real.stat(path)

    def read(self, path: str) -> bytes:
        """Return the content that will be there."""
        return self._ahead.read(path) if self._brings(path) else self._real.read(path)

    def _brings(self, path: str) -> bool:
        """Return True for what a package puts there; dpkg leaves directories and conffiles as they are."""
        if not self._ahead.brings(path):
            return False
        found = self._real.stat(path)
        return found is None or not (found.kind == "directory" or self._ahead.keeps(path))

    def listdir(self, path: str) -> list[str]:
        """Return the names that will be in a directory, sorted."""
        return sorted({*self._real.listdir(path), *self._ahead.names(path)})


def _refuse_foreign(link: FileStat, path: str) -> None:
    if link.uid != 0:
        raise foreign_link(path, link.uid)
