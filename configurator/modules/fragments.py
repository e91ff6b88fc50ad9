"""Joining the files of a folder as assemble does, on the controller as on the host."""

from __future__ import annotations

import re
from collections.abc import Iterable

# The escapes of a delimiter, which YAML leaves alone in plain text.
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))")
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\"}


def chosen(names: Iterable[str], regexp: str | None, *, ignore_hidden: bool) -> list[str]:
    """Return the names of the fragments, in their order."""
    pattern = re.compile(regexp or "")
    return sorted(
        name for name in names if pattern.search(name) and not (ignore_hidden and name.startswith("."))
    )


def joined(fragments: Iterable[bytes], delimiter: str | None) -> bytes:
    """Return the fragments one behind the other, each beginning on a line of its own, as does a delimiter."""
    separator = _separator(delimiter)
    whole = bytearray()
    for number, fragment in enumerate(fragments):
        if whole and not whole.endswith(b"\n"):
            whole += b"\n"
        if number:
            whole += separator
        whole += fragment
    return bytes(whole)


def _separator(delimiter: str | None) -> bytes:
    """Return what stands between two fragments; it ends a line, too."""
    separator = _ESCAPE.sub(_unescaped, (delimiter or "").encode())
    return separator + b"\n" if separator and not separator.endswith(b"\n") else separator


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 16)])
    return _LETTERS.get(match[2], match[0])
