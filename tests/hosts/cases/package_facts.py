"""package_facts: what is installed, as the tasks before have left it."""

from __future__ import annotations

from tests.hosts.cases import Case
from tests.hosts.own_packages import ending, own

CASES = {
    "a package": Case(
        (
            ("look", "package_facts", {"manager": "apt"}),
            ("rpm", "package_facts", {"manager": "rpm"}),
        ),
        ending(":"),
        "",
        own("own-a 1.0", then="apt-get install -y -qq own-a >/dev/null 2>&1"),
        frozenset({"look"}),
        {"rpm": "Debian's package manager is apt"},
        outputs={
            "look": {
                "ansible_facts": {
                    "packages": {
                        "own-a": [
                            {
                                "name": "own-a",
                                "version": "1.0",
                                "arch": "all",
                                "category": "",
                                "source": "apt",
                            }
                        ]
                    }
                }
            }
        },
    ),
}
