"""pam_limits: limits of sessions, read back from a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _limit(
    name: str, domain: str, kind: str, item: str, value: Any, **params: Any
) -> tuple[str, str, Mapping[str, Any]]:
    given = {
        "domain": domain,
        "limit_type": kind,
        "limit_item": item,
        "value": value,
        "dest": "/srv/t/limits",
    }
    return name, "pam_limits", {**given, **params}


CASES: dict[str, Case] = {
    "lines": Case(
        (
            _limit("new", "@web", "-", "memlock", "unlimited", comment="for the database"),
            _limit("changed", "worker", "soft", "nofile", 2048),
            _limit("same", "*", "hard", "core", 0),
            _limit("twice", "root", "hard", "nproc", 20),
            _limit("raised", "a", "soft", "nofile", 200, use_max=True),
            _limit("high enough", "b", "soft", "nofile", 200, use_max=True),
            _limit("low enough", "b", "hard", "nofile", 600, use_min=True),
            _limit("no limit", "b", "hard", "as", 1, use_max=True),
            _limit("nice", "b", "-", "nice", -5, backup=True),
        ),
        "tr '\\t' ' ' < limits; stat -c '%a %U' limits; ls | wc -l",
        "# by hand\n\n* hard  core 0 # none\nworker soft nofile 2048\n  root hard nproc 20\n"
        "a soft nofile 200\nb soft nofile 300\nb hard nofile 500\nb hard as unlimited\n"
        "@web - memlock unlimited #for the database\nb - nice -5\n640 worker\n2\n",
        "printf '%s\\n' '# by hand' '' '* hard  core 0 # none' 'worker soft nofile 1024 # old'"
        " 'root hard nproc 10' '  root hard nproc 20' 'a soft nofile 100' 'b soft nofile 300'"
        " 'b hard nofile 500' > limits; printf 'b hard as unlimited' >> limits; chmod 640 limits;"
        " chown worker limits",
        idle=frozenset({"same", "high enough", "low enough", "no limit"}),
    ),
    "a session": Case(
        (
            _limit("files", "worker", "hard", "nofile", 777, dest="/etc/security/limits.d/t.conf"),
            _limit("open files", "worker", "soft", "nofile", 555, dest="/etc/security/limits.d/t.conf"),
        ),
        "su - worker -c 'ulimit -Hn; ulimit -Sn'; stat -c %a /etc/security/limits.d/t.conf;"
        " rm /etc/security/limits.d/t.conf",
        "777\n555\n644\n",
    ),
}
