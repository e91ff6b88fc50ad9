"""hosts(5): the lines of /etc/hosts, each an address and its names."""

from __future__ import annotations

import re
from collections.abc import Sequence


def named(text: str, address: str) -> list[str] | None:
    """Return the names on all lines of the address, in their order; None if there is no such line."""
    found = [words[1:] for words in map(_words, text.splitlines()) if words and _same(words[0], address)]
    return list(dict.fromkeys(name for names in found for name in names)) if found else None


def with_names(text: str, address: str, names: Sequence[str], *, exclusive: bool) -> str:
    """Return the text with one line for the address that has these names, the first of them first.

    Without `exclusive` names that are there already stay behind them. A comment behind the first line of the
    address is kept; every other line stays as it is, but for further lines of the address, which go.
    """
    there = named(text, address)
    wanted = list(names)
    if not exclusive:
        wanted += [name for name in there or () if name.lower() not in {one.lower() for one in names}]
    if there == wanted and _count(text, address) == 1:
        return text
    out: list[str] = []
    placed = False
    for line in text.splitlines(keepends=True):
        words = _words(line)
        if not words or not _same(words[0], address):
            out.append(line)
        elif not placed:
            comment = re.search(r"\s*#.*", line.rstrip("\n"))
            out.append(f"{words[0]}\t{' '.join(wanted)}{comment[0] if comment else ''}\n")
            placed = True
    if not placed:
        if out and not out[-1].endswith("\n"):
            out[-1] += "\n"
        out.append(f"{address}\t{' '.join(wanted)}\n")
    return "".join(out)


def without(text: str, address: str, names: Sequence[str]) -> str:
    """Return the text without the names on lines of the address; without any names, without these lines."""
    gone = {name.lower() for name in names}
    out: list[str] = []
    for line in text.splitlines(keepends=True):
        words = _words(line)
        if not words or not _same(words[0], address):
            out.append(line)
            continue
        left = [name for name in words[1:] if gone and name.lower() not in gone]
        if len(left) == len(words) - 1:
            out.append(line)
        elif left:
            comment = re.search(r"\s*#.*", line.rstrip("\n"))
            out.append(f"{words[0]}\t{' '.join(left)}{comment[0] if comment else ''}\n")
    return "".join(out)


def elsewhere(text: str, address: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return which of the names stand on a line of another address of the same kind, and of which."""
    wanted = {name.lower() for name in names}
    found = []
    for words in map(_words, text.splitlines()):
        if words and not _same(words[0], address) and (":" in words[0]) is (":" in address):
            found += [(name, words[0]) for name in words[1:] if name.lower() in wanted]
    return found


def _words(line: str) -> list[str]:
    return line.partition("#")[0].split()


def _count(text: str, address: str) -> int:
    return sum(bool(words) and _same(words[0], address) for words in map(_words, text.splitlines()))


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
