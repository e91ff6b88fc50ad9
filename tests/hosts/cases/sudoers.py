"""sudoers: rules in files of their own, proven by what sudo(8) then permits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _rule(name: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "sudoers", {"name": f"t-{name}", **params}


CLEAN = "rm -f /etc/sudoers.d/t-*"

CASES: dict[str, Case] = {
    "rules": Case(
        (
            _rule("one", user="worker", commands="/usr/bin/id -u, /usr/bin/true"),
            _rule("group", group="worker", commands=["/usr/bin/whoami"], runas="www-data", setenv=True),
            _rule("asks", user="worker", commands=["ALL"], nopassword=False, noexec=True, host="nowhere"),
            _rule("same", user="worker", commands=["/usr/bin/true"]),
        ),
        "cat /etc/sudoers.d/t-*; stat -c '%a %U' /etc/sudoers.d/t-* | uniq;"
        " runuser -u worker -- sudo -n id -u; runuser -u worker -- sudo -n -u www-data whoami;"
        " runuser -u worker -- sudo -n cat /etc/shadow 2>&1 | grep -c password;" + CLEAN,
        "worker nowhere=NOEXEC: ALL\n%worker ALL=(www-data)NOPASSWD:SETENV: /usr/bin/whoami\n"
        "worker ALL=NOPASSWD: /usr/bin/id -u, /usr/bin/true\nworker ALL=NOPASSWD: /usr/bin/true\n"
        "440 root\n0\nwww-data\n1\n",
        "cd /etc/sudoers.d; echo 'worker ALL=NOPASSWD: /usr/bin/true' > t-same; chmod 440 t-same",
        idle=frozenset({"same"}),
    ),
    "changed and gone": Case(
        (
            _rule("old", user="worker", commands=["/usr/bin/true"], nopassword=False),
            _rule("open", user="worker", commands=["/usr/bin/true"]),
            _rule("gone", state="absent"),
            _rule("never", state="absent"),
        ),
        "cd /etc/sudoers.d; cat t-*; stat -c '%a %U:%G' t-* | uniq; visudo -c >/dev/null;" + CLEAN,
        "worker ALL= /usr/bin/true\nworker ALL=NOPASSWD: /usr/bin/true\n440 root:root\n",
        "cd /etc/sudoers.d; for n in old open gone; do echo 'worker ALL=NOPASSWD: /usr/bin/true' > t-$n;"
        " done; chmod 440 t-*; chmod 644 t-open; chown worker t-open",
        idle=frozenset({"never"}),
    ),
    "refused": Case(
        (
            _rule("broken", user="worker", commands=["true"]),
            _rule("host", user="worker", host="a b", commands=["/bin/true"], validation="absent"),
            _rule("elsewhere", user="worker", commands=["/bin/true"], sudoers_path="/srv/t/none"),
            _rule("a.dot", user="worker", commands=["/bin/true"]),
        ),
        "ls /etc/sudoers.d | grep -c ^t- ; visudo -c >/dev/null && echo fine",
        "0\nfine\n",
        fails={
            "broken": "was refused, the old one stays",
            "host": "was refused, the old one stays",
            "elsewhere": "apt: {name: sudo}",
            "a.dot": "sudo passes over",
        },
    ),
}
