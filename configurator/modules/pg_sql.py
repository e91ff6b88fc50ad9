"""PostgreSQL's ways with words: quoted names and texts, and the hashes in which it keeps passwords."""

from __future__ import annotations

import re

_SCRAM = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]{44}):([A-Za-z0-9+/=]{44})")
_MD5 = re.compile(r"md5[0-9a-f]{32}")
_ROUNDS = 4096  # what the server itself takes (scram_iterations)


def identifier(name: str) -> str:
    """Return a name as SQL reads it, whatever is in it; ValueError for what no name can have."""
    return '"' + _clean(name).replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL reads it, whatever `standard_conforming_strings` says."""
    return "E'" + _clean(text).replace("\\", "\\\\").replace("'", "''") + "'"


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("PostgreSQL keeps no text with a zero byte")
    return text


def is_hash(password: str) -> bool:
    """Return True for what the server takes as the hash of a password, and not as one."""
    return _SCRAM.fullmatch(password) is not None or _MD5.fullmatch(password) is not None


def is_password(stored: str | None, password: str, role: str) -> bool:
    """Return True if the server keeps this password of the role, as text or as hash; "" is none."""
    if stored is None or password == "":
        return not stored and not password
    if is_hash(password):
        return stored == password
    found = _SCRAM.fullmatch(stored)
    if found is None:
        return stored == md5_hash(password, role)
    import base64  # noqa: PLC0415

    return stored == scram_hash(password, base64.b64decode(found[2]), int(found[1]))


def new_hash(password: str, role: str, method: str) -> str:
    """Return what the server would keep: the text itself never travels, and stands in no log."""
    if is_hash(password):
        return password
    if method == "md5":
        return md5_hash(password, role)
    import secrets  # noqa: PLC0415

    return scram_hash(password, secrets.token_bytes(16), _ROUNDS)


def md5_hash(password: str, role: str) -> str:
    """Return the older of the two hashes."""
    import hashlib  # noqa: PLC0415

    return "md5" + hashlib.md5((password + role).encode(), usedforsecurity=False).hexdigest()


def scram_hash(password: str, salt: bytes, rounds: int) -> str:
    """Return the hash of RFC 5803, as pg_authid holds it."""
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, rounds)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    words = [base64.b64encode(part).decode() for part in (salt, client, server)]
    return f"SCRAM-SHA-256${rounds}:{words[0]}${words[1]}:{words[2]}"


def prepared(password: str) -> str:
    """Return a password as SASLprep (RFC 4013) has it; one that it refuses is taken as it is, as the server
    does."""
    if password.isascii():
        return password
    import stringprep  # noqa: PLC0415
    import unicodedata  # noqa: PLC0415

    spaced = (" " if stringprep.in_table_c12(sign) else sign for sign in password)
    mapped = "".join(sign for sign in spaced if not stringprep.in_table_b1(sign))
    text = unicodedata.normalize("NFKC", mapped)
    refused = (
        stringprep.in_table_a1, stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3,
        stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7,
        stringprep.in_table_c8, stringprep.in_table_c9,
    )  # fmt: skip
    if not text or any(test(sign) for sign in text for test in refused):
        return password
    right = [stringprep.in_table_d1(sign) for sign in text]
    mixed = any(right) and any(stringprep.in_table_d2(sign) for sign in text)
    return password if mixed or (any(right) and not (right[0] and right[-1])) else text
