"""deb822_repository: sources in fields with their keys, of Debian's own archive among others."""

from __future__ import annotations

import base64
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.own_packages import SERVE, SHOW, URL, ending, own

D = "/etc/apt/sources.list.d"
# The smallest packet that is a public key of version 4 (RFC 9580, 5.5.2): Ed25519, made of zeros.
PACKET = b"\x98\x33\x04" + bytes(4) + b"\x16\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01\x01\x07\x40" + bytes(32)
KEY = (
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: of the tests\n\n"
    f"{base64.b64encode(PACKET).decode()}\n-----END PGP PUBLIC KEY BLOCK-----\n"
)
FOLDED = "\n".join(f" {line or '.'}" for line in KEY.strip().split("\n"))
OWN = {"uris": "file:/srv/own/own", "suites": "./"}
OTHER = {"uris": "file:/srv/own/other", "suites": "./"}
DEBIAN = {"uris": "http://deb.debian.org/debian", "suites": "bookworm-updates", "components": "main"}


def _source(title: str, name: str, **params: Any) -> tuple[str, str, dict[str, Any]]:
    return title, "deb822_repository", {"name": name, **params}


CASES = {
    "fields and files": Case(
        (
            _source("text", "own text", **OWN, signed_by=KEY, trusted=True),
            _source(
                "everything",
                "own_All",
                uris=["http://a.example/x", "http://b.example/x"],
                mode="0600",
                suites="s1,s2",
                components=["main", "contrib"],
                types=["deb", "deb-src"],
                enabled=False,
                architectures="amd64",
                languages="none",
                by_hash=True,
                check_date=False,
                date_max_future=5,
                pdiffs=False,
                targets=["Packages"],
                inrelease_path="x/InRelease",
                allow_weak=False,
                allow_insecure=False,
                allow_downgrade_to_insecure=False,
                check_valid_until=True,
                signed_by="0123456789ABCDEF0123456789ABCDEF01234567",
            ),
            _source("another layout", "own-laid", **OTHER, enabled=False),
            _source("changed", "own-changed", **OTHER, enabled=False, components=[]),
            _source("gone", "own-gone", state="absent"),
            _source("never there", "own-never", state="absent"),
            ("index", "apt", {"update_cache": True}),
            ("package", "apt", {"name": "own-a"}),
        ),
        ending(
            f"{SHOW}; cd {D}; ls *.sources; cat own-text.sources own-all.sources own-laid.sources"
            " own-changed.sources; stat -c %a own-text.sources own-all.sources; ls /etc/apt/keyrings;"
            " rm *.sources"
        ),
        "own-a 1.0 installed\nown-all.sources\nown-changed.sources\nown-laid.sources\nown-text.sources\n"
        f"X-Repolib-Name: own text\nSigned-By:\n{FOLDED}\nSuites: ./\nTrusted: yes\nTypes: deb\n"
        "URIs: file:/srv/own/own\n"
        "X-Repolib-Name: own_All\nAllow-Downgrade-To-Insecure: no\nAllow-Insecure: no\nAllow-Weak: no\n"
        "Architectures: amd64\nBy-Hash: yes\nCheck-Date: no\nCheck-Valid-Until: yes\n"
        "Components: main contrib\nDate-Max-Future: 5\nEnabled: no\nInRelease-Path: x/InRelease\n"
        "Languages: none\nPDiffs: no\nSigned-By: 0123456789ABCDEF0123456789ABCDEF01234567\nSuites: s1 s2\n"
        "Targets: Packages\nTypes: deb deb-src\nURIs: http://a.example/x http://b.example/x\n"
        "# mine\nTypes: deb\nURIs: file:/srv/own/other\nSuites: ./\nenabled: no\nX-Repolib-Name: own-laid\n"
        "X-Repolib-Name: own-changed\nEnabled: no\nSuites: ./\nTypes: deb\nURIs: file:/srv/own/other\n"
        "644\n600\n",
        own(
            "own-a 1.0",
            then=f"mv {D}/own.list /tmp; rm -f /var/lib/apt/lists/_srv_own*; cd {D}\n"
            "printf '# mine\nTypes: deb\nURIs: file:/srv/own/other\nSuites: ./\nenabled: no\n'"
            " > own-laid.sources\n"
            "echo 'X-Repolib-Name: own-laid' >> own-laid.sources\n"
            "sed s/own-laid/own-changed/\\;s/deb$/deb-src/ own-laid.sources"
            " > own-changed.sources\n"
            "touch own-gone.sources; mkdir -p /etc/apt/keyrings; touch /etc/apt/keyrings/own-gone.asc",
            alone=True,
        ),
        frozenset({"another layout", "never there"}),
        assumed={"package": ""},
        outputs={"gone": {"dest": f"{D}/own-gone.sources", "key_filename": None, "repo": ""}},
    ),
    "keys": Case(
        (
            _source("a page", "own-page", **OWN, signed_by=f"{URL}/page.html"),
            _source("missing", "own-missing", **OWN, signed_by=f"{URL}/nothing.asc"),
            _source("binary from the web", "own-web", **DEBIAN, signed_by=f"{URL}/debian.gpg"),
            _source("text from the web", "own-asc", **OWN, enabled=False, signed_by=f"{URL}/key.asc"),
            _source(
                "path",
                "own-path",
                **(DEBIAN | {"suites": "bookworm-backports"}),
                signed_by="/usr/share/keyrings/debian-archive-keyring.gpg",
            ),
            ("index", "apt", {"update_cache": True, "update_cache_retries": 0}),
            _source("conflict", "own-other", **DEBIAN),
            _source("damaged", "own-damaged", **OWN, signed_by=KEY.replace("04", "!!").replace("mD", "m!")),
            _source("no suite", "own-bad", uris="http://x.example"),
            _source("no components", "own-bad", uris="http://x.example", suites="bookworm"),
        ),
        ending(
            f"cd {D}; cat own-web.sources own-asc.sources | grep Signed; cd /etc/apt/keyrings;"
            " stat -c '%n %a %U' *; cmp own-web.gpg /usr/share/keyrings/debian-archive-keyring.gpg;"
            f" rm own* {D}/*"
        ),
        "Signed-By: /etc/apt/keyrings/own-web.gpg\nSigned-By: /etc/apt/keyrings/own-asc.asc\n"
        "own-asc.asc 644 root\nown-web.gpg 644 root\n",
        own(
            "own-a 1.0",
            then=f"mv {D}/own.list /tmp; cp /usr/share/keyrings/debian-archive-keyring.gpg"
            " /srv/own/own/debian.gpg; rm -rf /etc/apt/keyrings; echo '<html>' > /srv/own/own/page.html\n"
            f"cat > /srv/own/own/key.asc <<'end'\n{KEY}end\n" + SERVE,
            alone=True,
        ),
        fails={
            "conflict": "apt would read no source at all",
            "a page": "this is a web page, not a key",
            "missing": "status 404",
            "damaged": "the armoured key is damaged",
            "no suite": "missing required parameter 'suites'",
            "no components": "'components' is missing",
        },
    ),
}
