"""openssl_privatekey: what openssl says of keys, and what is refused without asking a host."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from configurator.modules.openssl_privatekey import OpensslPrivatekey
from configurator.modules.openssl_tool import curve_of, der, parse_key, span_s
from tests.unit.modules.harness import Host, mode_of
from tests.unit.modules.recorded_system import problems_of

KEY = OpensslPrivatekey()
EC = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEub3uwxRhUZ9o8jqYnR3GFNXkCse3
QdGYo2aEokuLYU5J0q9Hop6/smKiMR3RSHdVBOYy26CGzypRZmqeFBFgOQ==
-----END PUBLIC KEY-----
Public-Key: (256 bit)
pub:
    04:b9
ASN1 OID: prime256v1
NIST CURVE: P-256
"""
ED = EC.partition("Public-Key:")[0] + "ED25519 Public-Key:\npub:\n    3d:b9\n"
RSA = EC.partition("Public-Key:")[0] + "Public-Key: (2048 bit)\nModulus:\n    00:b9\nExponent: 65537\n"

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.mark.parametrize(
    ("text", "kind", "size", "curve"),
    [(EC, "ECC", 256, "secp256r1"), (ED, "Ed25519", None, None), (RSA, "RSA", 2048, None)],
)
def test_what_openssl_says(text: str, kind: str, size: int | None, curve: str | None) -> None:
    """Ansible's names for kinds and curves, and the public half to compare."""
    found = parse_key(text)
    assert found is not None
    assert (found.kind, found.size, found.curve) == (kind, size, curve)
    assert len(der(found.public)) == 91
    assert parse_key("nothing") is None


def test_names_and_spans() -> None:
    """Curves go both ways; spans are counted in seconds."""
    assert (curve_of("secp256r1"), curve_of("secp384r1")) == ("prime256v1", "secp384r1")
    assert [span_s(text) for text in ("+1w2d", "30d", "+1h1m1s", "30", "", "2026-01-01")] == [
        777600, 2592000, 3661, None, None, None,
    ]  # fmt: skip


@needs_openssl
def test_a_key_is_made_once(host: Host) -> None:
    """The plan is right without making one; the passphrase opens it."""
    path = host.path("key")
    done = host.take("openssl_privatekey", path=path, type="Ed25519", passphrase="hush")
    assert [change.field for change in done.changes] == ["key", "type"]
    assert mode_of(path) == "0600"
    argv = ["openssl", "pkey", "-in", path, "-noout", "-passin", "pass:hush"]
    assert subprocess.run(argv, check=False).returncode == 0
    assert "hush" not in str(done)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 512}, "1024 to 16384"),
        ({"type": "ECC"}, "'curve' is required"),
        ({"passphrase": ""}, "must be one line of text"),
        ({"type": "DSA"}, "must be one of RSA"),
        ({"path": "x"}, "absolute path"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(KEY, **({"path": "/x"} | wrong))
    assert any(message in problem for problem in found), found
