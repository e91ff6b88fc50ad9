"""A digest of a host's files, taken from outside, to prove that something wrote nothing.

Overlayfs puts every difference from the pristine tree into the upper layer: new and changed files whole, a
removed file as a character device 0/0 (a whiteout), a directory that hides the one below by an `opaque` mark.
So the upper layer's listing determines the merged tree, while it has only some dozens of entries. A file that
was opened for writing and not changed appears there too (it was copied up): for "wrote nothing" that counts,
rightly.

Left out is what a plain `ssh HOST true` changes, and no more; a test proves the list to be sufficient
and needed. /run, /proc,
/sys and /dev are not on the host's disk and so never seen.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator

# Paths, or directories with all below, that change when someone logs in without a terminal.
EXCLUDED = ("var/log/journal",)  # journald: "Accepted publickey for root"

OPAQUE = "trusted.overlay.opaque"


def of_layer(upper: str) -> dict[str, str]:
    """Return a mark for every entry of the layer but the excluded: type, mode, owner, group, size and
    content.

    The content's mark is a SHA-256 for files, the target for links, the numbers for devices; times are left
    out.
    """
    marks = {}
    for path in _walk(upper, ""):
        full = os.path.join(upper, path)
        try:
            marks[f"/{path}"] = _mark(full, os.lstat(full))
        except FileNotFoundError:  # a running host's file may go between listing and reading
            continue
    return marks


def mark_in(layers: Iterable[str], path: str) -> str | None:
    """Return the mark of what layers, the topmost first, have at an absolute path; None if nothing."""
    for layer in layers:
        full = layer + path
        if os.path.lexists(full):
            return _mark(full, os.lstat(full))
    return None


def _walk(upper: str, directory: str) -> Iterator[str]:
    with os.scandir(os.path.join(upper, directory)) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_directory in names:
        path = f"{directory}/{name}" if directory else name
        if path in EXCLUDED:
            continue
        yield path
        if is_directory:
            try:
                yield from _walk(upper, path)
            except FileNotFoundError:
                continue


def _mark(path: str, info: os.stat_result) -> str:
    kind = stat.S_IFMT(info.st_mode)
    head = f"{stat.filemode(info.st_mode)} {info.st_uid}:{info.st_gid}"
    if kind == stat.S_IFCHR and info.st_rdev == 0:
        return "removed"
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            return f"{head} {info.st_size} sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if kind == stat.S_IFLNK:
        return f"{head} -> {os.readlink(path)}"
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        return f"{head} {os.major(info.st_rdev)},{os.minor(info.st_rdev)}"
    if kind == stat.S_IFDIR and _opaque(path):
        return f"{head} hides what was here"
    return head


def _opaque(path: str) -> bool:
    try:
        return os.getxattr(path, OPAQUE) == b"y"
    except OSError:  # ENODATA: no such mark
        return False
