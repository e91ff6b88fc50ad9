"""Filters for digests and for hashes of passwords."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import Undefined

from configurator.compiler.volatile import each_time

# Ansible's names, the library's, letters of a salt, and rounds if none are given (passlib's, as Ansible has).
SCHEMES: dict[str, tuple[str, int, int | None]] = {
    "md5": ("md5_crypt", 8, None),
    "blowfish": ("bcrypt", 22, 12),
    "bcrypt": ("bcrypt", 22, 12),
    "sha256": ("sha256_crypt", 16, 535000),
    "sha512": ("sha512_crypt", 16, 656000),
}
SCHEMES |= {name: known for known in list(SCHEMES.values()) for name in (known[0],)}
_SALT_LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def digest(value: Any, hashtype: str = "sha1") -> str:
    """The text's digest in hexadecimal: sha1, or another one that the controller's Python knows."""
    name = str(hashtype).lower()
    if name not in hashlib.algorithms_available or name.startswith("shake"):
        raise ValueError(f"hash: there is no digest {hashtype!r}")
    return hashlib.new(name, str(value).encode(), usedforsecurity=False).hexdigest()


def sha1(value: Any) -> str:
    """The text's SHA-1 in hexadecimal."""
    return digest(value)


def md5(value: Any) -> str:
    """The text's MD5 in hexadecimal."""
    return digest(value, "md5")


def crc32(value: Any) -> str:
    """The text's CRC-32 in hexadecimal."""
    return f"{zlib.crc32(str(value).encode()):x}"


def password_hash(
    password: Any,
    hashtype: str = "sha512",
    salt: Any = None,
    salt_size: int | None = None,
    rounds: int | None = None,
    ident: str | None = None,
) -> str:
    """The password as crypt(5) keeps it: sha512, sha256, bcrypt (blowfish) or md5.

    Without a `salt` it is another one each time, and a task that sets it changes the host each time.
    """
    if isinstance(password, Undefined):
        str(password)
    if not isinstance(password, str):
        raise TypeError(f"password_hash wants a text, not a {type(password).__name__}: quote the password")
    if hashtype not in SCHEMES:
        names = ", ".join(name for name in SCHEMES if "_" not in name)
        raise ValueError(f"password_hash: the type must be one of {names}, not {hashtype!r}")
    if not salt:
        return _hashed(password, hashtype, salt_for(hashtype, salt_size), rounds, ident)
    return _remembered(password, hashtype, str(salt), rounds, ident)


def salt_for(hashtype: str, size: int | None = None, seed: Any = None) -> str:
    """Return a new salt; with a `seed` always the same."""
    letters = SCHEMES[hashtype][1] if size is None else int(size)
    chance = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
    return "".join(chance.choice(_SALT_LETTERS) for _ in range(letters))


def _hashed(password: str, hashtype: str, salt: str, rounds: int | None, ident: str | None) -> str:
    from passlib import hash as schemes  # noqa: PLC0415  (takes a tenth of a second)
    from passlib.utils.binary import bcrypt64  # noqa: PLC0415

    name, _, usual = SCHEMES[hashtype]
    options: dict[str, Any] = {"salt": salt}
    if name == "bcrypt":
        # 22 letters have four bits more than the salt; Ansible, too, clears them.
        repair: Any = bcrypt64.repair_unused
        options["salt"] = repair(salt) if len(salt) == 22 else salt
        options["ident"] = ident or "2b"
        if len(password.encode()) > 72:
            raise ValueError("password_hash: bcrypt takes 72 bytes of a password, and this one is longer")
    if usual is not None:
        options["rounds"] = usual if rounds is None else int(rounds)
    return str(getattr(schemes, name).using(**options).hash(password))


# Half a million rounds take a second, and each host of a fleet asks for the same.
_remembered = lru_cache(maxsize=256)(_hashed)

BUILTIN: dict[str, Callable[..., Any]] = {
    "hash": digest,
    "checksum": digest,
    "sha1": sha1,
    "md5": md5,
    "password_hash": each_time(password_hash),
}
GENERAL: dict[str, Callable[..., Any]] = {"crc32": crc32}
