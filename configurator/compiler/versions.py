"""Versions in the orders that people mean: loose (Ansible's default), strict, semantic, Python's.

Loose is what distutils called so: numbers and words one by one, and the longer of two that begin alike is
later, so that 1.0 comes before 1.0.0 and 1.0rc1 after 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import total_ordering
from typing import Any

_PARTS = re.compile(r"\d+|[a-z]+|\.", re.ASCII)
_STRICT = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?", re.ASCII)
_IDENTIFIERS = r"(?:[0-9A-Za-z-]+)(?:\.[0-9A-Za-z-]+)*"
_SEMANTIC = re.compile(
    rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?", re.ASCII
)


@total_ordering
class LooseVersion:
    """Any text as a version; a word comes before a number in the same place."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts = [_part(part) for part in _split(text) if part and part != "."]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LooseVersion) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(tuple(self._parts))

    def __lt__(self, other: LooseVersion) -> bool:
        return self._parts < other._parts


def _split(text: str) -> list[str]:
    """Return numbers, words of small letters, and whatever stands between them."""
    found: list[str] = []
    end = 0
    for match in _PARTS.finditer(text):
        found += [text[end : match.start()], match[0]]
        end = match.end()
    return [*found, text[end:]]


def _part(text: str) -> tuple[int, int, str]:
    return (1, int(text), "") if text.isdecimal() and text.isascii() else (0, 0, text)


def _strict(text: str) -> Any:
    found = _STRICT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a strict version, such as 1.2 or 1.2.3b4")
    major, minor, patch, letter, number = found.groups()
    return int(major), int(minor), int(patch or 0), letter or "c", int(number or 0)


def _semantic(text: str) -> Any:
    found = _SEMANTIC.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a semantic version, such as 1.2.3-rc.1")
    before = (found[4] or "").split(".") if found[4] else []
    # A number comes before a word here, and what has no such part comes after what has one.
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in before]
    return *(int(number) for number in found.groups()[:3]), not parts, parts


def _python(text: str) -> Any:
    from packaging.version import Version  # noqa: PLC0415  (few roles use it)

    return Version(text)


ORDERS: dict[str, Callable[[str], Any]] = {
    "loose": LooseVersion,
    "strict": _strict,
    "semver": _semantic,
    "semantic": _semantic,
    "pep440": _python,
}
