"""dpkg_selections: marks of packages, which apt heeds at once."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.own_packages import SHOW, ending, own


def _mark(title: str, name: str, selection: str) -> tuple[str, str, dict[str, Any]]:
    return title, "dpkg_selections", {"name": name, "selection": selection}


CASES = {
    "marks": Case(
        (
            _mark("held", "own-a", "hold"),
            _mark("held again", "own-a", "hold"),
            ("kept", "apt", {"name": "own-a", "state": "latest"}),
            _mark("freed", "own-b", "install"),
            ("upgraded", "apt", {"name": "own-b", "state": "latest"}),
            _mark("to go", "own-c", "deinstall"),
            _mark("left", "own-d", "purge"),
            ("new", "apt", {"name": "own-e"}),
            _mark("new and held", "own-e", "hold"),
            _mark("unknown", "own-aa", "hold"),
            _mark("no name", "own*", "hold"),
        ),
        ending(f"{SHOW}; dpkg --get-selections 'own-*' | tr -s '\\t' ' '"),
        "own-a 1.0 installed\nown-b 2.0 installed\nown-c 1.0 installed\nown-d 1.0 config-files\n"
        "own-e 1.0 installed\n"
        "own-a hold\nown-b install\nown-c deinstall\nown-d purge\nown-e hold\n",
        own(
            *(f"own-{letter} {version}" for letter in "ab" for version in ("1.0", "2.0")),
            "own-c 1.0",
            ("own-d 1.0", "/etc/own-d.conf"),
            "own-e 1.0",
            then="apt-get install -y -qq own-a=1.0 own-b=1.0 own-c own-d >/dev/null 2>&1\n"
            "apt-get remove -y -qq own-d >/dev/null 2>&1; apt-mark hold own-b >/dev/null",
        ),
        frozenset({"held again"}),
        {
            "kept": "package 'own-a' is held at 1.0, and 2.0 is wanted",
            "unknown": "did you mean 'own-a'?",
            "no name": "'own*' is not the name of a package",
        },
    ),
}
