"""known_hosts files: which keys a host may show (sshd(8), SSH_KNOWN_HOSTS FORMAT)."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line that concerns a host. `marker` is "", `@revoked` or `@cert-authority`."""

    algorithm: str
    blob: bytes
    marker: str = ""
    place: str = ""


def known_keys(files: Iterable[str], name: str) -> list[KnownKey]:
    """Return the keys on record for `name` (`host` or `[host]:port`); unreadable lines are passed over."""
    keys: list[KnownKey] = []
    for path in files:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                for number, line in enumerate(file, 1):
                    key = _parse(line, name, f"{path}:{number}")
                    if key is not None:
                        keys.append(key)
        except FileNotFoundError:
            continue
    return keys


def _parse(line: str, name: str, place: str) -> KnownKey | None:
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#") or not _matches(words[0], name):
        return None
    try:
        return KnownKey(words[1], base64.b64decode(words[2], validate=True), marker, place)
    except ValueError:
        return None


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _matches_hash(patterns, name)
    found = False
    for pattern in patterns.split(","):
        wanted = pattern.removeprefix("!").lower()
        # fnmatch would read [host]:port as a set of characters; only * and ? are special here.
        if fnmatch.fnmatchcase(name.lower(), wanted.replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _matches_hash(text: str, name: str) -> bool:
    try:
        _, _, salt, digest = text.split("|")
        expected = base64.b64decode(digest)
        actual = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
    except ValueError:
        return False
    return hmac.compare_digest(actual, expected)


def fingerprint(blob: bytes) -> str:
    """Return a key's fingerprint as ssh-keygen(1) -l shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def remember(files: Sequence[str], name: str, algorithm: str, blob: bytes) -> str:
    """Add a key to the first file and return its path."""
    path = files[0]
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{name} {algorithm} {base64.b64encode(blob).decode()}\n")
    return path
