"""Encrypting and decrypting one vault: AES-256 in counter mode, then an HMAC of the ciphertext.

Importing this module imports `cryptography`, so only what meets something encrypted does.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from configurator.vault.envelope import SALT_BYTES, Envelope

_ROUNDS = 10_000
_KEY_BYTES = 32
_IV_BYTES = 16


def derive(password: bytes, salt: bytes) -> bytes:
    """Return the keys of a password and a salt: to encrypt, to sign, and the first counter; takes 10 ms."""
    length = 2 * _KEY_BYTES + _IV_BYTES
    return PBKDF2HMAC(hashes.SHA256(), length, salt, _ROUNDS).derive(password)


def encrypt(plain: bytes, password: bytes, label: str = "") -> Envelope:
    """Return the plain content encrypted under a new random salt.

    A salt is never used twice: with the same one two contents would share their key stream.
    """
    salt = os.urandom(SALT_BYTES)
    keys = derive(password, salt)
    padder = padding.PKCS7(algorithms.AES.block_size).padder()
    encryptor = _aes(keys).encryptor()
    ciphertext = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return Envelope(salt, _mac(keys, ciphertext).finalize(), ciphertext, label)


def decrypt(envelope: Envelope, keys: bytes) -> bytes | None:
    """Return the plain content; None if these are not its keys, or if somebody has changed it."""
    try:
        _mac(keys, envelope.ciphertext).verify(envelope.mac)
    except InvalidSignature:
        return None
    decryptor = _aes(keys).decryptor()
    padded = decryptor.update(envelope.ciphertext) + decryptor.finalize()
    unpadder = padding.PKCS7(algorithms.AES.block_size).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:  # signed with the right key, and yet made by something else
        return None


def _aes(keys: bytes) -> Cipher[modes.CTR]:
    return Cipher(algorithms.AES(keys[:_KEY_BYTES]), modes.CTR(keys[2 * _KEY_BYTES :]))


def _mac(keys: bytes, ciphertext: bytes) -> hmac.HMAC:
    made = hmac.HMAC(keys[_KEY_BYTES : 2 * _KEY_BYTES], hashes.SHA256())
    made.update(ciphertext)
    return made
