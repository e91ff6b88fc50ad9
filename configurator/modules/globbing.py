"""File name patterns, as in glob(7), over a System."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator

from configurator.modules.system import System

_MAGIC = frozenset("*?[")


def exists(system: System, pattern: str) -> bool:
    """Return True if something is at the path, even a link that leads nowhere, or matches the pattern."""
    return next(matches(system, pattern), None) is not None


def matches(system: System, pattern: str) -> Iterator[str]:
    """Yield the paths that match; wildcards cross no slash, and match a leading dot only if it is written."""
    directory, name = posixpath.split(pattern)
    if not _MAGIC & set(pattern):
        if system.stat(pattern) is not None:
            yield pattern
    elif not name:  # a slash at the end wants a directory
        for path in matches(system, directory):
            found = system.stat(path, follow=True)
            if found is not None and found.kind == "directory":
                yield path + "/"
    else:
        for parent in matches(system, directory):
            found = system.stat(parent, follow=True)
            if found is None or found.kind != "directory":
                continue
            if not _MAGIC & set(name):
                if system.stat(posixpath.join(parent, name)) is not None:
                    yield posixpath.join(parent, name)
                continue
            for entry in system.listdir(parent):
                if fnmatch.fnmatchcase(entry, name) and (not entry.startswith(".") or name.startswith(".")):
                    yield posixpath.join(parent, entry)
