"""What copy wants to be there: files, and with `remote_src` whole trees of the host."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from configurator.core.errors import TaskError
from configurator.modules.attributes import Attributes
from configurator.modules.content import LARGE_BYTES, present_content
from configurator.modules.modes import octal
from configurator.modules.state import Content, LargeContent, State
from configurator.modules.system import FileStat, System


@dataclass(frozen=True, slots=True)
class Item:
    """One wanted path: a `file` with its content, a `directory`, or a `link` with its target.

    `new_mode` is what it gets where it is new and `mode` says nothing: in a tree that of its source, so that
    nothing private becomes readable.
    """

    path: str
    kind: str
    content: Content | LargeContent | None = None
    mode: str | None = None
    target: str | None = None
    new_mode: str | None = None

    def attributes(self, params: Any, *, new: bool = False) -> Attributes:
        """Return the wanted attributes of this path."""
        mode = self.mode or (self.new_mode if new else None)
        if self.kind == "directory" and not new:
            mode = None  # that of a directory which is there already is not ours to change, as in Ansible
        return Attributes(mode if mode != "preserve" else None, params.owner, params.group)


def items(system: System, params: Any, top: FileStat) -> Iterator[Item]:
    """Yield a directory of the host, `top`, and all in it; with a slash behind `src` its inside alone."""
    base = params.dest.rstrip("/") or "/"
    if not params.src.endswith("/"):
        base = posixpath.join(base, posixpath.basename(params.src))
    todo = [(params.src.rstrip("/") or "/", base, top)]
    if _inside(base, todo[0][0]):
        raise TaskError(f"cannot copy {params.src} into itself")
    while todo:
        source, dest, there = todo.pop()
        yield Item(dest, "directory", mode=params.directory_mode, new_mode=octal(there.mode))
        for name in system.listdir(source):
            path, below = posixpath.join(source, name), posixpath.join(dest, name)
            stat = system.stat(path, follow=params.local_follow)
            if stat is None:
                raise TaskError(
                    f"{path} is a link that leads nowhere", hint="`local_follow: false` copies it"
                )
            if stat.kind == "directory":
                todo.append((path, below, stat))
            elif stat.kind == "link":
                yield Item(below, "link", target=stat.target)
            elif stat.kind == "file":
                yield replace(file_item(system, params, path, below, stat), new_mode=octal(stat.mode))


def file_item(system: System, params: Any, source: str, path: str, stat: FileStat) -> Item:
    """Return one file of the host as it is wanted elsewhere."""
    mode = octal(stat.mode) if params.mode == "preserve" else params.mode
    if stat.size <= LARGE_BYTES:
        return Item(path, "file", Content(system.read(source)), mode)
    sha1 = system.digest(source, "sha1") if params.checksum else None
    return Item(path, "file", LargeContent(stat.size, system.digest(source), source, sha1), mode)


def _inside(path: str, directory: str) -> bool:
    return (path + "/").startswith(directory.rstrip("/") + "/")


def observed(system: System, item: Item, found: FileStat | None, attributes: Attributes) -> State:
    """Return the fields of one path as it is."""
    fields = attributes.observed(found)
    fields["stat"] = found
    if found is not None and found.kind == "file" and item.content is not None:
        fields["content"] = present_content(system, item.path, found, item.content)
    elif found is not None and found.kind == "link":
        fields["target"] = found.target
    return fields


def wanted(item: Item, actual: Mapping[str, Any], params: Any) -> State:
    """Return the fields that one path should have; raise if what is there must not be replaced."""
    kind, stat = actual["kind"], actual["stat"]
    if kind == "directory" and item.kind != "directory":
        raise TaskError(f"{item.path} is a directory")
    if kind == "other":
        # rename(2) would put a file in the place of /dev/null without a word.
        raise TaskError(f"{item.path} is a device, a pipe or a socket, and no file replaces it")
    if kind not in ("absent", "directory") and item.kind == "directory":
        raise TaskError(f"{item.path} is a {kind}, not a directory")
    if item.kind == "link":
        return {"kind": "link", "target": item.target}
    own = item.attributes(params, new=kind == "absent")
    if item.kind == "directory":
        return {"kind": "directory"} | own.wanted("directory", stat)
    assert item.content is not None
    # A link is replaced by a new file, which takes nothing over from it.
    now = stat if kind == "file" else None
    return {"kind": "file", "content": item.content} | own.wanted("file", now)
