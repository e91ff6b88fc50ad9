"""apt_pin: what apt would take changes with the record, and a plan does not claim to know it."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.own_packages import SHOW, ending, own

P = "/etc/apt/preferences.d"


def _pin(title: str, name: str, packages: str, pin: str, priority: int, **more: Any) -> tuple[str, str, Any]:
    return title, "apt_pin", {"name": name, "packages": packages, "pin": pin, "priority": priority, **more}


CASES = {
    "pins": Case(
        (
            _pin("older", "own-older", "own-a", "version 1.*", 1001, explanation="2.0 has a defect\nask Ann"),
            _pin(
                "older again",
                "own-older",
                "own-a",
                "version  1.*",
                1001,
                explanation="2.0 has a defect\nask Ann",
            ),
            _pin("never", "own-never", "own-b", "release *", -1),
            _pin("from a suite", "own-suite", "own-c,own-d*", "release a=other,n=other", 990),
            ("gone", "apt_pin", {"name": "own-gone", "state": "absent"}),
            ("never there", "apt_pin", {"name": "own-nothing", "state": "absent"}),
            ("install", "apt", {"name": ["own-a", "own-c"]}),
            _pin("no pin", "own-x", "own-a", "1.0", 1),
            _pin("zero", "own-x", "own-a", "version 1.0", 0),
            _pin("wrong key", "own-x", "own-a", "release q=x", 1),
            _pin("wrong name", "own.x", "own-a", "version 1.0", 1),
        ),
        ending(
            f"{SHOW}; cd {P}; ls own*; cat own-older.pref own-suite.pref; apt-cache policy own-b | sed -n 3p"
        ),
        "own-a 1.0 installed\nown-c 1.0 installed\nown-e 2.0 installed\n"
        "own-never.pref\nown-older.pref\nown-suite.pref\n"
        "Explanation: 2.0 has a defect\nExplanation: ask Ann\nPackage: own-a\nPin: version 1.*\n"
        "Pin-Priority: 1001\n"
        "Package: own-c own-d*\nPin: release a=other,n=other\nPin-Priority: 990\n  Candidate: (none)\n",
        own(
            *(f"own-{letter} {version}" for letter in "abce" for version in ("1.0", "2.0")),
            "other/own-c 1.0",
            then="apt-get install -y -qq own-e >/dev/null 2>&1\n"
            f"printf 'Package: own-e\\nPin: version 1.0\\nPin-Priority: 1\\n' > {P}/own-gone.pref",
        ),
        frozenset({"older again", "never there"}),
        {
            "no pin": "must be `version V`",
            "zero": "and not 0",
            "wrong key": "'q' is none of a release's",
            "wrong name": "for apt reads no other",
        },
        assumed={"install": ""},
    ),
}
