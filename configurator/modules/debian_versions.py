"""Which of two versions of a Debian package is the newer one, as deb-version(7) has it."""

from __future__ import annotations

import re
from itertools import zip_longest

_PART = re.compile(r"(\D*)(\d*)")


def compare_versions(left: str, right: str) -> int:
    """Return a number below, at or above 0, as `left` is older than `right`, equal or newer."""
    for one, two in zip(_split(left), _split(right), strict=True):
        if found := _compare_part(one, two):
            return found
    return 0


def _split(version: str) -> tuple[str, str, str]:
    """Return epoch, upstream version and revision; what is left out counts as 0."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if dash else (epoch, rest, "0")


def _compare_part(left: str, right: str) -> int:
    """Compare texts and numbers in turn, from the left."""
    for one, two in zip_longest(_PART.findall(left), _PART.findall(right), fillvalue=("", "")):
        for mine, theirs in zip_longest(one[0], two[0], fillvalue=""):
            if _weight(mine) != _weight(theirs):
                return _weight(mine) - _weight(theirs)
        if found := int(one[1] or 0) - int(two[1] or 0):
            return found
    return 0


def _weight(sign: str) -> int:
    """Return where a character sorts: `~` before the end of the text, letters before all others."""
    if sign == "~":
        return -1
    return 0 if not sign else ord(sign) if sign.isalpha() else ord(sign) + 256
