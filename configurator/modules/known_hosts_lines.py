"""Lines of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), and the names hashed in them."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from configurator.modules.public_keys import blob_is_of

_MARKERS = ("@cert-authority", "@revoked")
_MAGIC = "|1|"


@dataclass(frozen=True, slots=True)
class HostLine:
    """One key, and whose it is. `hosts` are names, patterns or a hashed name, as they stand there."""

    hosts: tuple[str, ...]
    kind: str
    blob: str
    marker: str = ""
    comment: str = ""

    @property
    def key(self) -> str:
        """The key as it is shown and compared: with its marker, without names and comment."""
        return " ".join(part for part in (self.marker, self.kind, self.blob) if part)

    @property
    def slot(self) -> str:
        """What two keys must share for the one to take the other's place: of authorities there are many."""
        return self.key if self.marker else self.kind

    def line(self) -> str:
        """Return the line of the file, without its end."""
        parts = (self.marker, ",".join(self.hosts), self.kind, self.blob, self.comment)
        return " ".join(part for part in parts if part)

    def is_of(self, host: str) -> bool:
        """Return True if the host is named, plainly or hashed; patterns name nobody."""
        return self.names(host) or any(is_hash_of(known, host) for known in self.hosts)

    def names(self, host: str) -> bool:
        """Return True if the host's name can be read in it."""
        return any(known.lower() == host for known in self.hosts)

    def without(self, host: str) -> HostLine | None:
        """Return the line for the other hosts that it names, or None if there are none."""
        others = [name for name in self.hosts if name.lower() != host and not is_hash_of(name, host)]
        return replace(self, hosts=tuple(others)) if any(name[:1] != "!" for name in others) else None


def parse_line(line: str) -> HostLine | None:
    """Return what a line says; None for blank lines, comments and what is no key."""
    words = line.split()
    marker = words.pop(0) if words and words[0] in _MARKERS else ""
    if len(words) < 3 or words[0].startswith("#") or not blob_is_of(words[2], words[1]):
        return None
    hosts = (
        (words[0],) if words[0].startswith(_MAGIC) else tuple(part for part in words[0].split(",") if part)
    )
    return HostLine(hosts, words[1], words[2], marker, " ".join(words[3:])) if hosts else None


def parse_key(text: str, host: str) -> HostLine | None:
    """Return the key on a line that a task gives, with the host before it or without; None if it is none."""
    words = text.split()
    if len(words) > 1 and blob_is_of(words[1], words[0]):
        return HostLine((host,), words[0], words[1], comment=" ".join(words[2:]))
    return parse_line(text)


def hashed(host: str, salt: bytes) -> str:
    """Return a name as `ssh-keygen -H` writes it: HMAC-SHA1 of it with a salt of 20 bytes."""
    import hashlib  # noqa: PLC0415  (3 ms on the host; only files with hashed names need it)
    import hmac  # noqa: PLC0415

    digest = hmac.new(salt, host.encode(), hashlib.sha1).digest()
    encoded = (binascii.b2a_base64(part, newline=False).decode() for part in (salt, digest))
    return _MAGIC + "|".join(encoded)


def is_hash_of(word: str, host: str) -> bool:
    """Return True if the word is the name, hashed."""
    if not word.startswith(_MAGIC):
        return False
    try:
        salt = binascii.a2b_base64(word[len(_MAGIC) :].partition("|")[0])
    except ValueError:
        return False
    return hashed(host, salt) == word


def lines_of(text: str, host: str) -> list[HostLine]:
    """Return the lines that name a host, in their order."""
    parsed = (parse_line(line) for line in text.split("\n"))
    return [line for line in parsed if line is not None and line.is_of(host)]


def with_keys(
    text: str, host: str, wanted: Sequence[HostLine], hide: Callable[[str], str] | None = None
) -> str:
    """Return the text with these keys as the host's; another key of the same kind loses its place.

    `hide` hashes a name: new lines, and those that name the host plainly, then have it hashed. Other hosts
    on a line keep it; what needs no change stays byte for byte.
    """
    slots = {line.slot for line in wanted}
    missing = {line.key: line for line in wanted}

    def changed(found: HostLine) -> list[HostLine] | None:
        if found.slot in slots and found.key not in keys:
            seat = _others(found, host)
            heir = next((line for line in missing.values() if line.slot == found.slot), None)
            # A hashed name is the seat of this host alone: it is handed on.
            if seat or heir is None or found.names(host):
                return seat
            return [replace(missing.pop(heir.key), hosts=found.hosts)]
        missing.pop(found.key, None)
        if hide is None or not found.names(host):
            return None
        return [*_others(found, host), replace(found, hosts=(hide(host),))]

    keys = set(missing)
    kept = _each(text, host, changed)
    for line in missing.values():
        # A hashed name stands alone on its line.
        kept += [line.line()] if hide is None else [_hidden(line, name, hide) for name in line.hosts]
    return _joined(text, kept)


def without_keys(text: str, host: str, unwanted: Sequence[HostLine]) -> str:
    """Return the text without these keys of the host (without any, if none are given)."""
    keys = {line.key for line in unwanted}
    kept = _each(text, host, lambda found: None if keys and found.key not in keys else _others(found, host))
    return _joined(text, kept)


def _each(text: str, host: str, change: Callable[[HostLine], list[HostLine] | None]) -> list[str]:
    """Return the lines, with those of the host changed; None leaves one as it is."""
    kept: list[str] = []
    for line in text.split("\n"):
        found = parse_line(line)
        new = None if found is None or not found.is_of(host) else change(found)
        kept += [line] if new is None else [one.line() for one in new]
    return kept[:-1] if kept and not kept[-1] else kept


def _hidden(line: HostLine, name: str, hide: Callable[[str], str]) -> str:
    shown = name if name.startswith(_MAGIC) else hide(name.lower())
    return replace(line, hosts=(shown,)).line()


def _others(line: HostLine, host: str) -> list[HostLine]:
    found = line.without(host)
    return [] if found is None else [found]


def _joined(text: str, lines: Sequence[str]) -> str:
    new = "".join(f"{line}\n" for line in lines)
    return text if new in (text, text + "\n") else new
