"""OpenPGP public keys without GnuPG: whether something is one, and the fingerprints in it.

RFC 9580: packets (4.2), the armour (6.2) and the fingerprints of keys of version 4 (5.5.4). apt reads
armoured keys from files named .asc and binary ones from .gpg (apt-key(8), sources.list(5)), so none is
converted.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END = "-----END PGP PUBLIC KEY BLOCK-----"
_PUBLIC_KEY, _PUBLIC_SUBKEY = 6, 14  # packet types


def is_armoured(data: bytes) -> bool:
    """Return True for the text form of a key."""
    return BEGIN.encode() in data


def problem(data: bytes) -> str | None:
    """Return why the data is no public key that apt could use, or None."""
    if is_armoured(data):
        data = dearmoured(data.decode("utf-8", "replace"))
        if not data:
            return "the armoured key is damaged"
    elif data[:64].lstrip()[:1] == b"<":
        return "this is a web page, not a key"
    if not any(kind == _PUBLIC_KEY for kind, _ in _packets(data)):
        return "this is not an OpenPGP public key"
    return None


def binary(data: bytes) -> bytes:
    """Return the packets of an armoured or a binary file."""
    return dearmoured(data.decode("utf-8", "replace")) if is_armoured(data) else data


def dearmoured(text: str) -> bytes:
    """Return the packets in the armoured blocks of a text, one after the other; empty if they are damaged."""
    found = b""
    for block in re.findall(f"{BEGIN}(.*?){_END}", text, re.DOTALL):
        lines = [line.strip() for line in block.strip("\r\n").splitlines()]
        # Headers such as `Comment: x` end at a blank line; the checksum at the end begins with `=`.
        start = lines.index("") + 1 if "" in lines else 0
        body = "".join(line for line in lines[start:] if not line.startswith("="))
        try:
            found += binascii.a2b_base64(body, strict_mode=True)
        except (binascii.Error, ValueError):
            return b""
    return found


def primary_keys(data: bytes) -> list[str]:
    """Return the fingerprints of the primary keys in binary data, in capital hexadecimal digits."""
    return [
        _fingerprint(body) for kind, body in _packets(data) if kind == _PUBLIC_KEY and body[:1] == b"\x04"
    ]


def fingerprints(data: bytes) -> list[str]:
    """Return the fingerprints of all keys and subkeys, of an armoured or a binary file."""
    kinds = (_PUBLIC_KEY, _PUBLIC_SUBKEY)
    return [
        _fingerprint(body) for kind, body in _packets(binary(data)) if kind in kinds and body[:1] == b"\x04"
    ]


def means(fingerprint: str, key_id: str) -> bool:
    """Return True if a key ID or a fingerprint, with or without 0x and blanks, is of this key."""
    wanted = key_id.upper().replace(" ", "").removeprefix("0X")
    return len(wanted) >= 8 and fingerprint.endswith(wanted)


def _fingerprint(body: bytes) -> str:
    import hashlib  # noqa: PLC0415

    framed = b"\x99" + len(body).to_bytes(2, "big") + body
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and body of each packet, up to the first that is damaged."""
    place = 0
    while place < len(data):
        first = data[place]
        if not first & 0x80:
            return
        length, header = _new_length(data, place) if first & 0x40 else _old_length(data, place)
        if length < 0 or place + header + length > len(data):
            return
        kind = first & 0x3F if first & 0x40 else first >> 2 & 0x0F
        yield kind, data[place + header : place + header + length]
        place += header + length


def _old_length(data: bytes, place: int) -> tuple[int, int]:
    size = (1, 2, 4, 0)[data[place] & 3]
    if not size or place + 1 + size > len(data):
        return -1, 0
    return int.from_bytes(data[place + 1 : place + 1 + size], "big"), 1 + size


def _new_length(data: bytes, place: int) -> tuple[int, int]:
    octets = data[place + 1 : place + 6]
    if not octets:
        return -1, 0
    if octets[0] < 192:
        return octets[0], 2
    if octets[0] < 224 and len(octets) >= 2:
        return (octets[0] - 192 << 8) + octets[1] + 192, 3
    if octets[0] == 255 and len(octets) == 5:
        return int.from_bytes(octets[1:], "big"), 6
    return -1, 0  # a partial length: no key is made of them
