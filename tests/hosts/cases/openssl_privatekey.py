"""openssl_privatekey: keys, as openssl(1) then sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _key(name: str, file: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "openssl_privatekey", {"path": f"/srv/t/{file}", **params}


PREPARE = "apt-get install -y -qq openssl >/dev/null 2>&1; openssl version >/dev/null"
EC = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve"

CASES: dict[str, Case] = {
    "kinds": Case(
        (
            _key("rsa", "rsa", size=2048),
            _key("curve", "ecc", type="ECC", curve="secp256r1", mode="0640", group="www-data"),
            _key("edwards", "ed", type="Ed25519", passphrase="it's $ecret ü"),
            _key("montgomery", "x", type="X25519", owner="worker"),
            _key("same", "same", type="ECC", curve="secp384r1"),
        ),
        "stat -c '%n %a %U:%G' *; for k in rsa ecc x; do openssl pkey -in $k -noout -text_pub | head -1;"
        " done;"
        ' head -1 ed; P="it\'s \\$ecret ü" openssl pkey -in ed -passin env:P -noout && echo opens',
        "ecc 640 root:www-data\ned 600 root:root\nrsa 600 root:root\nsame 604 root:root\n"
        "x 600 worker:root\nPublic-Key: (2048 bit)\nPublic-Key: (256 bit)\nX25519 Public-Key:\n"
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nopens\n",
        f"{PREPARE}; {EC}:secp384r1 -out same; chmod 604 same",
        idle=frozenset({"same"}),
        outputs={"same": {"type": "ECC", "size": 384, "curve": "secp384r1", "filename": "/srv/t/same"}},
    ),
    "another one": Case(
        (
            _key("size", "rsa", size=2048, backup=True),
            _key("type", "ecc", type="Ed25519"),
            _key("passphrase", "plain", type="Ed25519", passphrase="new"),
            _key("broken", "broken", type="Ed25519"),
            _key("left alone", "odd", regenerate="never", type="ECC", curve="secp256r1", mode="0640"),
            _key("each time", "anew", type="Ed25519", regenerate="always"),
            _key("gone", "gone", state="absent"),
            _key("not there", "nothing", state="absent"),
        ),
        "ls | sed -E 's/[0-9]+/N/g'; stat -c '%n %a %U' rsa ecc plain broken anew odd; cat odd;"
        " openssl pkey -in rsa -noout -text_pub | head -1; openssl pkey -in ecc -noout -text_pub | head -1",
        "anew\nbroken\necc\nodd\nplain\nrsa\nrsa.N.N-N-N@N:N:N~\n"
        "rsa 640 worker\necc 600 root\nplain 600 root\nbroken 600 root\n"
        "anew 600 root\nodd 640 root\nx\nPublic-Key: (2048 bit)\nED25519 Public-Key:\n",
        f"{PREPARE};"
        " openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa 2>/dev/null;"
        f" chmod 640 rsa; chown worker rsa; {EC}:secp384r1 -out ecc; for k in plain anew; do"
        " openssl genpkey -algorithm ED25519 -out $k; done; echo x > broken; chmod 600 broken; echo x > odd;"
        " echo x > gone",
        idle=frozenset({"not there"}),
        again=frozenset({"each time"}),
    ),
    "refused": Case(
        (
            _key("size", "ed", size=2048, regenerate="fail"),
            _key("broken", "broken", type="Ed25519", regenerate="partial_idempotence"),
            _key("locked", "locked", type="Ed25519", regenerate="partial_idempotence"),
            _key("open", "ed", type="Ed25519", passphrase="x", regenerate="fail"),
            _key("curve", "no", type="ECC", curve="secp999r1"),
            _key("directory", "d"),
        ),
        "ls; cat broken",
        "broken\nd\ned\nlocked\nx\n",
        f"{PREPARE}; openssl genpkey -algorithm ED25519 -out ed; echo x > broken; mkdir d;"
        " P=x openssl genpkey -algorithm ED25519 -aes-256-cbc -pass env:P -out locked",
        fails={
            "size": "the type of the private key /srv/t/ed is Ed25519, not RSA",
            "broken": "cannot be read",
            "locked": "cannot be read",
            "open": "is not protected by the passphrase",
            "directory": "/srv/t/d is a directory",
        },
        plan_blind={"curve": "`openssl ecparam -list_curves` names the curves"},
    ),
}
