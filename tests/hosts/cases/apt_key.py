"""apt_key: adding is refused with the way to do it now; removing takes the file."""

from __future__ import annotations

from configurator.modules.pgp_keys import fingerprints
from tests.hosts.cases import Case
from tests.hosts.cases.deb822_repository import KEY

T = "/etc/apt/trusted.gpg.d"
ID = fingerprints(KEY.encode())[0][-16:]

CASES = {
    "removed and refused": Case(
        (
            ("refused", "apt_key", {"url": "https://example.org/key.asc"}),
            ("by file", "apt_key", {"keyring": f"{T}/own-b.gpg", "state": "absent"}),
            ("by id", "apt_key", {"id": f"0x{ID}", "state": "absent"}),
            ("by id again", "apt_key", {"id": ID, "state": "absent"}),
            ("elsewhere", "apt_key", {"keyring": "/etc/passwd", "state": "absent"}),
        ),
        f"ls {T}/own* | wc -l; ls {T} | grep -q debian",
        "0\n",
        f"cat > {T}/own-a.asc <<'end'\n{KEY}end\ntouch {T}/own-b.gpg",
        frozenset({"by id again"}),
        {
            "refused": "a key is not added for all repositories at once",
            "elsewhere": "must be /etc/apt/trusted.gpg or a file in",
        },
    ),
}
