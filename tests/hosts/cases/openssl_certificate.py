"""openssl_certificate: self-signed certificates, verified with openssl(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _cert(name: str, file: str, key: str = "key", **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    given = {"path": f"/srv/t/{file}", "privatekey_path": f"/srv/t/{key}", "common_name": "a.org"}
    return name, "openssl_certificate", {**given, **params}


PREPARE = (
    "apt-get install -y -qq openssl >/dev/null 2>&1;"
    " for k in key other; do"
    " openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out $k; done"
)
# Since 2020, until so many days from now: only `openssl ca` can say that in both releases.
CA = (
    "printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=db\\nserial=n\\nnew_certs_dir=.\\npolicy=p\\n"
    "default_md=sha256\\ncopy_extensions=copy\\n[p]\\ncommonName=supplied\\n' > cnf; touch db; echo 01 > n;"
    " echo unique_subject=no > db.attr;"
    " openssl req -new -key key -config /dev/null -subj /CN=a.org -addext subjectAltName=DNS:a.org -out csr;"
    " old() { openssl ca -config cnf -batch -selfsign -keyfile key -in csr -startdate 20200101000000Z"
    " -enddate $(date -u -d ${2}days +%Y%m%d%H%M%SZ) -notext -out $1 2>/dev/null; }"
)
MAKE = "openssl req -x509 -new -config /dev/null -subj /CN=a.org -addext subjectAltName=DNS:a.org"
SHOW = (
    "openssl x509 -noout -subject -nameopt sep_multiline,sname,utf8 -ext subjectAltName,basicConstraints -in"
)

CASES: dict[str, Case] = {
    "with its key": Case(
        (
            ("key", "openssl_privatekey", {"path": "/srv/t/new", "type": "ECC", "curve": "secp384r1"}),
            _cert("certificate", "cert", "new", mode="0640", group="www-data"),
            _cert("same", "cert", "new"),
            ("edwards", "openssl_privatekey", {"path": "/srv/t/ed", "type": "Ed25519", "passphrase": "pass"}),
            _cert("of a locked key", "ed.cert", "ed", privatekey_passphrase="pass"),
        ),
        f"stat -c '%n %a %G' cert ed.cert; {SHOW} cert; openssl verify -CAfile cert cert;"
        " openssl x509 -in cert -noout -checkend 315000000",
        "cert 640 www-data\ned.cert 644 root\nsubject=\n    CN=a.org\nX509v3 Basic Constraints: critical\n"
        "    CA:FALSE\nX509v3 Subject Alternative Name: \n    DNS:a.org\ncert: OK\n"
        "Certificate will not expire\n",
        "apt-get install -y -qq openssl >/dev/null 2>&1",
        idle=frozenset({"same"}),
    ),
    "names": Case(
        (
            _cert(
                "subject",
                "cert",
                subject={"O": 'Ängström, "Inc" $x \\ #1 / y', "OU": ["one", "two"], "countryName": "DE"},
                subject_alt_name=[
                    "DNS:B.org",
                    "DNS:*.b.org",
                    "IP:10.0.0.1",
                    "IP:2001:db8::1",
                    "email:x@o",
                ],
                selfsigned_digest="sha512",
                selfsigned_not_after="+52w",
            ),
        ),
        f"{SHOW} cert; openssl x509 -in cert -noout -text | grep -c ecdsa-with-SHA512",
        'subject=\n    O=Ängström, "Inc" $x \\ #1 / y\n    OU=one\n    OU=two\n    C=DE\n    CN=a.org\n'
        "X509v3 Basic Constraints: critical\n    CA:FALSE\nX509v3 Subject Alternative Name: \n"
        "    DNS:b.org, DNS:*.b.org, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, email:x@o\n2\n",
        PREPARE,
    ),
    "renewed or not": Case(
        (
            _cert("fine", "fine"),
            _cert("short", "short"),
            _cert("soon", "soon"),
            _cert("expired", "expired"),
            _cert("long before", "old", renew_before="90d"),
            _cert("another key", "foreign"),
            _cert("another name", "name", common_name="b.org", backup=True),
            _cert("weak", "weak"),
            _cert("broken", "broken"),
            _cert("forced", "forced", force=True),
            _cert("gone", "gone", state="absent"),
            _cert("not there", "nothing", state="absent"),
        ),
        "for c in fine short soon expired old foreign name weak broken forced; do"
        " openssl x509 -in $c -noout -checkend 300000000 >/dev/null && echo $c; done; ls | grep -c name",
        "soon\nexpired\nold\nforeign\nname\nweak\nbroken\nforced\n2\n",
        f"{PREPARE}; {CA}; old fine +60; old old +60; old soon +20; old expired -2; m='{MAKE}'; set -e;"
        " for c in short name forced; do $m -key key -days 20 -out $c; done; $m -key other -out foreign;"
        " $m -key key -sha1 -out weak; echo x > broken; echo x > gone",
        idle=frozenset({"fine", "short", "not there"}),
        again=frozenset({"forced"}),
    ),
    "refused": Case(
        (
            _cert("no key", "cert", "missing"),
            _cert("no such key", "cert", "broken"),
            _cert("locked", "cert", "locked"),
        ),
        "ls",
        "broken\nkey\nlocked\nother\n",
        f"{PREPARE}; echo x > broken;"
        " P=x openssl genpkey -algorithm ED25519 -aes-256-cbc -pass env:P -out locked",
        fails={"no key": "does not exist", "no such key": "cannot be read", "locked": "cannot be read"},
    ),
}
