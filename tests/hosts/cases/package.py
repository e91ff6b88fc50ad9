"""package: what apt does, under the name that roles for several systems use."""

from __future__ import annotations

from tests.hosts.cases import Case
from tests.hosts.own_packages import SHOW, ending, own

CASES = {
    "handed over": Case(
        (
            ("present", "package", {"name": ["own-a", "own-b=1.0"], "state": "present"}),
            ("there", "ansible.builtin.package", {"name": "own-a", "use": "apt"}),
            ("newest", "package", {"name": "own-c", "state": "latest", "update_cache": False}),
            ("gone", "package", {"name": "own-d", "state": "absent", "purge": True}),
            ("another manager", "package", {"name": "own-a", "use": "dnf"}),
            ("wrong", "package", {"name": "own-nothing"}),
        ),
        ending(SHOW),
        "own-a 1.0 installed\nown-b 1.0 installed\nown-c 2.0 installed\n",
        own(
            *(f"own-{letter} 1.0" for letter in "abcd"),
            "own-b 2.0",
            "own-c 2.0",
            then="apt-get install -y -qq own-c=1.0 own-d >/dev/null 2>&1",
        ),
        frozenset({"there"}),
        {
            "another manager": "'dnf' is not Debian's package manager",
            "wrong": "package 'own-nothing' does not exist",
        },
    ),
}
