"""Hashes of passwords as web servers know them: made, and compared with a password.

`$apr1$`, `$1$` and the kinds of LDAP are computed here; all that crypt(3) knows is left to it, by way of
perl(1), which every Debian has and which takes the password on its standard input.
"""

from __future__ import annotations

from configurator.core.errors import TaskError
from configurator.modules.system import System

APR1, MD5, SHA1, BCRYPT = "apr_md5_crypt", "md5_crypt", "ldap_sha1", "bcrypt"
BCRYPT_BYTES = 72  # crypt(5): what comes after them does not count
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MAGIC = {
    "$apr1$": APR1,
    "$1$": MD5,
    "$5$": "sha256_crypt",
    "$6$": "sha512_crypt",
    "$2y$": BCRYPT,
    "$2b$": BCRYPT,
    "$2a$": BCRYPT,
    "$y$": "yescrypt",
    "{SHA}": SHA1,
    "{SSHA}": "ldap_salted_sha1",
}
SCHEMES = (APR1, BCRYPT, SHA1, MD5, "sha256_crypt", "sha512_crypt")  # those that are made
_SALT_LETTERS = {APR1: 8, MD5: 8, "sha256_crypt": 16, "sha512_crypt": 16, BCRYPT: 21}
_BCRYPT_COST = "10"
_BCRYPT_LAST = ".Oeu"  # 128 bits of salt leave two for the 22nd letter
_MD5_ROUNDS = 1000
_SHA1_BYTES = 20
_CRYPT = (
    "local $/; my ($setting, $password) = split /\\n/, <STDIN>, 2;"
    " my $made = crypt($password, $setting); print defined $made ? $made : '*0';"
)


def scheme_of(hashed: str) -> str:
    """Return the scheme of a hash by passlib's name; `other` for those that its beginning does not tell."""
    return next((scheme for magic, scheme in _MAGIC.items() if hashed.startswith(magic)), "other")


def fits(system: System, password: str, hashed: str) -> bool:
    """Return True if this is the password of the hash."""
    scheme = scheme_of(hashed)
    secret = password.encode()
    if scheme in (APR1, MD5):
        return md5_crypt(secret, *_md5_parts(hashed)) == hashed
    if scheme in (SHA1, "ldap_salted_sha1"):
        return _fits_sha1(secret, hashed.partition("}")[2])
    return bool(hashed) and _crypt(system, password, hashed) == hashed


def made(system: System, password: str, scheme: str) -> str:
    """Return a new hash with a salt of its own; `scheme` is one of SCHEMES."""
    if scheme == SHA1:
        return "{SHA}" + _base64(_digest("sha1", password.encode()))
    salt = _salt(_SALT_LETTERS[scheme])
    magic = next(magic for magic, name in _MAGIC.items() if name == scheme)
    if scheme in (APR1, MD5):
        return md5_crypt(password.encode(), magic, salt)
    if scheme == BCRYPT:
        salt = f"{_BCRYPT_COST}${salt}{_letter(_BCRYPT_LAST)}"
    found = _crypt(system, password, magic + salt)
    if not found.startswith(magic):
        raise TaskError(f"crypt(3) of this host cannot make a hash of the kind {scheme}")
    return found


def md5_crypt(password: bytes, magic: str, salt: str) -> str:
    """Return a hash of crypt(5)'s md5crypt, or of Apache's kind of it, which differs in the magic alone."""
    salted = salt.encode("utf-8", "surrogateescape")
    inner = _digest("md5", password + salted + password)
    mixed = bytearray(password + magic.encode() + salted)
    mixed += (inner * (len(password) // len(inner) + 1))[: len(password)]
    length = len(password)
    while length:
        mixed += b"\0" if length & 1 else password[:1]
        length >>= 1
    final = _digest("md5", bytes(mixed))
    for number in range(_MD5_ROUNDS):
        first, last = (password, final) if number & 1 else (final, password)
        middle = (salted if number % 3 else b"") + (password if number % 7 else b"")
        final = _digest("md5", first + middle + last)
    return f"{magic}{salt}${_spelled(final)}"


def _spelled(digest: bytes) -> str:
    """Return a digest in the letters and in the order of bytes that md5crypt has."""
    triples = [(digest[one], digest[one + 6], digest[one + 12 if one < 4 else 5]) for one in range(5)]
    text = "".join(_letters(high << 16 | middle << 8 | low, 4) for high, middle, low in triples)
    return text + _letters(digest[11], 2)


def _letters(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 6 * place & 63] for place in range(count))


def _md5_parts(hashed: str) -> tuple[str, str]:
    """Return magic and salt, of which eight letters count."""
    magic = next(magic for magic in _MAGIC if hashed.startswith(magic))
    return magic, hashed.removeprefix(magic).partition("$")[0][:8]


def _fits_sha1(password: bytes, encoded: str) -> bool:
    import binascii  # noqa: PLC0415

    try:
        stored = binascii.a2b_base64(encoded)
    except ValueError:
        return False
    return stored[:_SHA1_BYTES] == _digest("sha1", password + stored[_SHA1_BYTES:])


def _crypt(system: System, password: str, setting: str) -> str:
    """Return what crypt(3) makes of a password; "" if the setting means nothing to it."""
    answer = system.query(["perl", "-C0", "-e", _CRYPT], stdin=f"{setting}\n{password}", ok=range(256))
    if answer.exit_status != 0:
        raise TaskError(
            "cannot call crypt(3): perl failed",
            hint="the package perl-base brings it",
            exit_status=answer.exit_status,
            output=answer.stderr,
        )
    return "" if answer.stdout.startswith("*") else answer.stdout


def _salt(letters: int) -> str:
    return "".join(_letter(_ALPHABET) for _ in range(letters))


def _letter(alphabet: str) -> str:
    import secrets  # noqa: PLC0415  (only new hashes need it)

    return secrets.choice(alphabet)


def _base64(data: bytes) -> str:
    import binascii  # noqa: PLC0415

    return binascii.b2a_base64(data, newline=False).decode()


def _digest(algorithm: str, data: bytes) -> bytes:
    import hashlib  # noqa: PLC0415  (costs 3 ms on the host)

    return hashlib.new(algorithm, data, usedforsecurity=False).digest()
