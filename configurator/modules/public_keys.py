"""Lines of an authorized_keys file, as sshd(8) reads them (AUTHORIZED_KEYS FILE FORMAT)."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

# ssh -Q key, ssh -Q key-sig: what may stand as the type of a key or of a certificate.
_TYPE = re.compile(
    r"(?:ssh-(?:rsa|dss|ed25519|ed448)|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com|[a-z0-9-]+-cert-v01@openssh\.com)"
)
# Options are separated by commas; a quoted value may hold commas, blanks and escaped quotes.
_OPTION = re.compile(r'[^,"\s]+(?:"(?:\\.|[^"\\])*")?')


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key. `options` are in the order in which they stand; two keys are the same by type and blob."""

    kind: str
    blob: str
    options: tuple[str, ...] = ()
    comment: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """What makes the key this one and no other."""
        return self.kind, self.blob

    def line(self) -> str:
        """Return the line of the file, without its end."""
        parts = [",".join(self.options), self.kind, self.blob, self.comment]
        return " ".join(part for part in parts if part)


def parse_line(line: str) -> PublicKey | None:
    """Return the key on a line; None for blank lines, comments and what is no key."""
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    options: tuple[str, ...] = ()
    words = text.split(None, 2)
    if not _TYPE.fullmatch(words[0]):
        options, rest = split_options(text)
        words = rest.split(None, 2)
        if not words or not _TYPE.fullmatch(words[0]):
            return None
    if len(words) < 2 or not blob_is_of(words[1], words[0]):
        return None
    return PublicKey(words[0], words[1], options, words[2] if len(words) > 2 else "")


def split_options(text: str) -> tuple[tuple[str, ...], str]:
    """Return the options at the beginning of a line, and what follows them."""
    options: list[str] = []
    position = 0
    while match := _OPTION.match(text, position):
        options.append(match[0])
        position = match.end()
        if text[position : position + 1] != ",":
            break
        position += 1
    return tuple(options), text[position:].lstrip()


def blob_is_of(blob: str, kind: str) -> bool:
    """Return True if the base64 text is a key of this kind, which its first field repeats (RFC 4253, 6.6)."""
    try:
        data = binascii.a2b_base64(blob, strict_mode=True)
    except ValueError:
        return False
    length = int.from_bytes(data[:4], "big")
    return len(data) > 4 + length and data[4 : 4 + length] == kind.encode()


def parse_keys(text: str) -> tuple[list[PublicKey], list[str]]:
    """Return the keys of a text and what is wrong with its other lines; no line is repeated in a message."""
    if "PRIVATE KEY" in text:
        return [], ["this is a private key: give the public one (the file that ends in .pub)"]
    keys: dict[tuple[str, str], PublicKey] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = parse_line(line)
        if key is None:
            problems.append(f"line {number} is no public key: [options] type base64 [comment]")
        else:
            keys.setdefault(key.identity, key)
    if not keys and not problems:
        problems.append("there is no key in it")
    return list(keys.values()), problems
