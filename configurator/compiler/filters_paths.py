"""Filters for paths. Those that look at a file system look at the controller's."""

from __future__ import annotations

import glob
import ntpath
import os
import posixpath
from collections.abc import Callable
from typing import Any

from configurator.compiler.volatile import each_time


def basename(value: Any) -> str:
    """The last part of the path."""
    return posixpath.basename(str(value))


def dirname(value: Any) -> str:
    """The path without its last part."""
    return posixpath.dirname(str(value))


def splitext(value: Any) -> list[str]:
    """The path without its last extension, and that extension."""
    return list(posixpath.splitext(str(value)))


def win_basename(value: Any) -> str:
    """The last part of a path of Windows."""
    return ntpath.basename(str(value))


def win_dirname(value: Any) -> str:
    """A path of Windows without its last part."""
    return ntpath.dirname(str(value))


def win_splitdrive(value: Any) -> list[str]:
    """The drive of a path of Windows, and the rest."""
    return list(ntpath.splitdrive(str(value)))


def normpath(value: Any) -> str:
    """The path without `.`, `..` and doubled slashes."""
    return posixpath.normpath(str(value))


def commonpath(value: Any) -> str:
    """The longest path that all of them are below."""
    return posixpath.commonpath([str(item) for item in value])


def relpath(value: Any, start: Any = ".") -> str:
    """The path as seen from `start`."""
    return os.path.relpath(str(value), str(start))


def path_join(value: Any) -> str:
    """One path of several parts."""
    parts = [value] if isinstance(value, str) else [str(part) for part in value]
    return posixpath.join(*parts)


def realpath(value: Any) -> str:
    """The path without symbolic links, on the controller."""
    return os.path.realpath(str(value))


def expanduser(value: Any) -> str:
    """The path with the home directory for `~`, on the controller."""
    return os.path.expanduser(str(value))


def expandvars(value: Any) -> str:
    """The path with the controller's environment variables for `$NAME`."""
    return os.path.expandvars(str(value))


def fileglob(value: Any) -> list[str]:
    """The files on the controller that the pattern matches, in order."""
    return sorted(path for path in glob.glob(str(value)) if os.path.isfile(path))


BUILTIN: dict[str, Callable[..., Any]] = {
    "basename": basename,
    "dirname": dirname,
    "splitext": splitext,
    "win_basename": win_basename,
    "win_dirname": win_dirname,
    "win_splitdrive": win_splitdrive,
    "normpath": normpath,
    "commonpath": commonpath,
    "relpath": each_time(relpath),
    "path_join": path_join,
    "realpath": each_time(realpath),
    "expanduser": each_time(expanduser),
    "expandvars": each_time(expandvars),
    "fileglob": each_time(fileglob),
}
