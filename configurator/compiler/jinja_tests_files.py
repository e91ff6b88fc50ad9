"""Tests of paths; they look at the controller, as in Ansible. Of a host's files the module `stat` knows."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from configurator.compiler.volatile import each_time
from configurator.config.sealed import is_sealed


def is_file(value: Any) -> bool:
    """The path is a file on the controller."""
    return os.path.isfile(str(value))


def is_directory(value: Any) -> bool:
    """The path is a directory on the controller."""
    return os.path.isdir(str(value))


def is_link(value: Any) -> bool:
    """The path is a symbolic link on the controller."""
    return os.path.islink(str(value))


def exists(value: Any) -> bool:
    """The path exists on the controller, and if it is a link, what it leads to."""
    return os.path.exists(str(value))


def link_exists(value: Any) -> bool:
    """The path exists on the controller, even if it is a link that leads nowhere."""
    return os.path.lexists(str(value))


def is_absolute(value: Any) -> bool:
    """The path begins with a slash."""
    return os.path.isabs(str(value))


def same_file(value: Any, other: Any) -> bool:
    """The two paths are the same file on the controller."""
    return os.path.samefile(str(value), str(other))


def is_mount(value: Any) -> bool:
    """The path is where something is mounted on the controller."""
    return os.path.ismount(str(value))


def vaulted_file(value: Any) -> bool:
    """The file on the controller is encrypted by ansible-vault."""
    with open(str(value), "rb") as file:
        return is_sealed(file.read(64))


# The controller's files may change between two hosts.
BUILTIN: dict[str, Callable[..., bool]] = {
    name: each_time(test)
    for test, names in (
        (is_file, ("file", "is_file")),
        (is_directory, ("directory", "is_dir")),
        (is_link, ("link", "is_link")),
        (exists, ("exists",)),
        (link_exists, ("link_exists",)),
        (is_absolute, ("abs", "is_abs")),
        (same_file, ("same_file", "is_same_file")),
        (is_mount, ("mount", "is_mount")),
        (vaulted_file, ("vaulted_file",)),
    )
    for name in names
}
