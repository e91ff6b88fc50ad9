"""The text form of a vault: a header line, and hexadecimal digits in lines of 80 columns.

As Ansible documents it (Vault format 1.1 and 1.2): `$ANSIBLE_VAULT;1.1;AES256`, or `;1.2;AES256;label`, then
the digits of a text which is again the digits of salt, HMAC and ciphertext, one a line.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from configurator.config.sealed import HEADER

_CIPHER = "AES256"
_COLUMNS = 80
SALT_BYTES = 32
_MAC_BYTES = 32
_BLOCK_BYTES = 16


class EnvelopeError(ValueError):
    """The text is no vault that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an encrypted text consists of; `label` is "" in format 1.1."""

    salt: bytes
    mac: bytes
    ciphertext: bytes
    label: str = ""

    def __str__(self) -> str:
        """Return the text, with a newline at its end."""
        version = f"1.2;{_CIPHER};{self.label}" if self.label else f"1.1;{_CIPHER}"
        parts = (binascii.hexlify(part) for part in (self.salt, self.mac, self.ciphertext))
        digits = binascii.hexlify(b"\n".join(parts)).decode()
        rows = [digits[start : start + _COLUMNS] for start in range(0, len(digits), _COLUMNS)]
        return "\n".join([f"{HEADER}{version}", *rows, ""])


def parse(text: str) -> Envelope:
    """Return the parts of an encrypted text; EnvelopeError if it is none or is damaged.

    Blanks around lines do not matter, since YAML and editors indent them.
    """
    lines = text.strip().splitlines()
    label = _header(lines[0] if lines else "")
    try:
        inner = binascii.unhexlify("".join(line.strip() for line in lines[1:]))
        salt, mac, ciphertext = (binascii.unhexlify(part) for part in inner.split(b"\n", 2))
    except (ValueError, binascii.Error):
        raise EnvelopeError("the encrypted text is damaged: its digits are cut off or changed") from None
    whole = ciphertext and len(ciphertext) % _BLOCK_BYTES == 0
    if not salt or len(mac) != _MAC_BYTES or not whole:
        raise EnvelopeError("the encrypted text is damaged: its parts have the wrong length")
    return Envelope(salt, mac, ciphertext, label)


def _header(line: str) -> str:
    """Return the label of a first line."""
    words = [word.strip() for word in line.split(";")]
    if len(words) < 3 or f"{words[0]};" != HEADER:
        raise EnvelopeError(f"this does not begin as a vault does: {HEADER}1.1;{_CIPHER}")
    if words[1] not in ("1.1", "1.2"):
        raise EnvelopeError(f"version {words[1]!r} of the vault format is not supported; 1.1 and 1.2 are")
    if words[2] != _CIPHER:
        raise EnvelopeError(f"the cipher {words[2]!r} is not supported; {_CIPHER} is")
    return words[3] if words[1] == "1.2" and len(words) > 3 else ""
