"""Size and digest of files that are too large for memory, read once for all hosts that get them."""

from __future__ import annotations

import functools
import hashlib
import os


def digest_of(path: str, algorithm: str = "sha256") -> tuple[int, str]:
    """Return how many bytes a file has, and their digest; OSError if it cannot be read."""
    found = os.stat(path)
    same = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return _digest_of(os.path.abspath(path), algorithm, same)


@functools.lru_cache(maxsize=256)
def _digest_of(path: str, algorithm: str, _same: tuple[int, ...]) -> tuple[int, str]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, algorithm).hexdigest()
        return file.tell(), digest
