"""Lines of fstab(5) and of /proc/self/mountinfo (proc(5)): pure functions on their text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ESCAPED = {"\\": "\\134", " ": "\\040", "\t": "\\011", "\n": "\\012"}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a line of fstab says, in its order."""

    src: str
    path: str
    fstype: str
    opts: str
    dump: str = "0"
    passno: str = "0"

    def line(self) -> str:
        """Return the line, without its end."""
        return " ".join(
            _escape(word) for word in (self.src, self.path, self.fstype, self.opts, self.dump, self.passno)
        )

    def is_about(self, other: Entry) -> bool:
        """Return True if both are of one mount point; several swaps have none, so their source tells."""
        if not other.path.startswith("/"):
            return self.src == other.src and not self.path.startswith("/")
        return _bare(self.path) == _bare(other.path)


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mount that is in force."""

    path: str
    root: str
    source: str
    fstype: str
    options: tuple[str, ...]
    device: str  # major:minor


def parse_line(line: str) -> Entry | None:
    """Return what a line says; None for blank lines, comments, and lines without enough words."""
    words = line.split()
    if len(words) < 4 or words[0].startswith("#"):
        return None
    return Entry(*(unescape(word) for word in [*words[:6], *("0", "0")[max(0, len(words) - 4) :]]))


def find(text: str, wanted: Entry) -> list[tuple[str, Entry]]:
    """Return the lines about the same mount point, with what they say."""
    parsed = ((line, parse_line(line)) for line in text.split("\n"))
    return [(line, entry) for line, entry in parsed if entry is not None and entry.is_about(wanted)]


def with_entry(text: str, wanted: Entry) -> str:
    """Return the text with the entry in the place of the first about its mount point, else at the end."""
    found = find(text, wanted)
    if any(entry == wanted for _, entry in found):
        return text
    if found:
        lines = text.split("\n")
        lines[lines.index(found[0][0])] = wanted.line()
        return "\n".join(lines)
    return text + ("" if not text or text.endswith("\n") else "\n") + wanted.line() + "\n"


def without_entry(text: str, wanted: Entry) -> str:
    """Return the text without any line about the mount point."""
    gone = {line for line, _ in find(text, wanted)}
    return "\n".join(line for line in text.split("\n") if line not in gone)


def mounts(text: str) -> list[Mounted]:
    """Return the mounts of a mountinfo, the one on top last."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        words, rest = left.split(), right.split()
        if len(words) >= 6 and len(rest) >= 3:
            options = (*words[5].split(","), *rest[2].split(","))
            root, path = unescape(words[3]), unescape(words[4])
            found.append(Mounted(path, root, unescape(rest[1]), rest[0], options, words[2]))
    return found


def unescape(word: str) -> str:
    """Return a word with its octal escapes resolved."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), word)


def size_of(text: str) -> int | None:
    """Return a size such as `10M` in bytes; None for a share of the memory and what is no size."""
    found = re.fullmatch(r"(\d+)([kKmMgGtT]?)", text)
    if found is None:
        return None
    return int(found[1]) << {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[found[2].lower()]


# Per-mount flags that can be read back, and what each is the opposite of (mount(8)).
_OPPOSITES = {
    "ro": "rw",
    **{f"no{flag}": flag for flag in ("suid", "dev", "exec", "atime", "diratime", "symfollow")},
}
_BOTH = _OPPOSITES | {value: key for key, value in _OPPOSITES.items()}
_VALUES = frozenset({"size", "mode", "uid", "gid"})  # of tmpfs(5)


def claims(opts: str, fstype: str) -> tuple[str, ...]:
    """Return those of the options whose effect can be read back from the kernel."""
    words = [word for word in opts.split(",") if word]
    found = {word for word in words if word in _BOTH and _BOTH[word] not in words[words.index(word) :]}
    if fstype == "tmpfs":
        found |= {word for word in words if _comparable(word) is not None}
    return tuple(sorted(found))


def in_force(wanted: Sequence[str], live: Sequence[str]) -> tuple[str, ...]:
    """Return what the kernel says of these claims: each as it is wanted, or as it is instead."""
    known = {_comparable(word): word for word in live if _comparable(word) is not None}
    result = []
    for word in wanted:
        if word not in _BOTH:
            key = word.partition("=")[0]
            shown = (live_word for same, live_word in known.items() if same and same[0] == key)
            there = next(shown, f"no {key}")
            result.append(word if _comparable(word) in known else there)
        else:
            # Only what takes something away says it all: a bind mount can be `ro` of what is `rw`.
            active = word in live if word in _OPPOSITES else _BOTH[word] not in live
            result.append(word if active else _BOTH[word])
    return tuple(sorted(result))


def dropped(old: str, new: str) -> list[str]:
    """Return what takes back the flags that the old options had and the new ones do not mention."""
    words = new.split(",")
    return [
        _OPPOSITES[word]
        for word in old.split(",")
        if word in _OPPOSITES and word not in words and _OPPOSITES[word] not in words
    ]


def _comparable(word: str) -> tuple[str, int] | None:
    key, equals, value = word.partition("=")
    if not equals or key not in _VALUES:
        return None
    number = size_of(value) if key == "size" else _number(value, 8 if key == "mode" else 10)
    return None if number is None else (key, number)


def _number(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None


def _escape(word: str) -> str:
    return "".join(_ESCAPED.get(letter, letter) for letter in word)


def _bare(path: str) -> str:
    return path.rstrip("/") or "/"
