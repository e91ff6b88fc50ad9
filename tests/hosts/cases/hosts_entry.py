"""hosts_entry: what getent finds afterwards, and the lines of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

BACK = "cp -a /srv/hosts /etc/hosts"
KEEP = "test -e /srv/hosts || cp -a /etc/hosts /srv/hosts;"


def _entry(task: str, address: str, *names: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "hosts_entry", {"address": address, "names": list(names), **params}


CASES: dict[str, Case] = {
    "names come and go": Case(
        (
            _entry("new", "192.0.2.1", "web.example.org", "web"),
            _entry("same", "192.0.2.1", "web.example.org", "web"),
            _entry("more", "192.0.2.2", "db.example.org"),
            _entry("only", "192.0.2.3", "one", exclusive=True),
            _entry("IPv6", "2001:db8::1", "six"),
            _entry("one less", "192.0.2.4", "b", state="absent"),
            _entry("address gone", "192.0.2.5", state="absent"),
            _entry("not there", "192.0.2.9", "x", state="absent"),
            _entry("taken", "192.0.2.7", "db.example.org"),
        ),
        f"cat /etc/hosts; getent hosts web six | tr -s ' '; stat -c '%a %U' /etc/hosts; {BACK}",
        "# ours\n127.0.0.1 localhost\n192.0.2.2\tdb.example.org db  # the database\n192.0.2.3\tone\n"
        "192.0.2.4\ta c\n192.0.2.1\tweb.example.org web\n2001:db8::1\tsix\n192.0.2.7\tdb.example.org\n"
        "192.0.2.1 web.example.org web\n2001:db8::1 six\n644 root\n",
        KEEP + "printf '# ours\\n127.0.0.1 localhost\\n192.0.2.2 db db.example.org  # the database\\n"
        "192.0.2.3\\ttwo three\\n192.0.2.3 one\\n192.0.2.4 a b c\\n192.0.2.5 gone' > /etc/hosts",
        frozenset({"same", "not there"}),
        outputs={"new": {"address": "192.0.2.1", "names": ["web.example.org", "web"]}},
        warns={"taken": "db.example.org also is a name of 192.0.2.2"},
    ),
    "no file": Case(
        (_entry("first", "192.0.2.1", "a"), _entry("nothing", "192.0.2.2", state="absent")),
        f"cat /etc/hosts; {BACK}",
        "192.0.2.1\ta\n",
        KEEP + "rm /etc/hosts",
        frozenset({"nothing"}),
    ),
    "no entries": Case(
        (_entry("address", "192.0.2", "a"), _entry("name", "192.0.2.1", "a b"), _entry("none", "192.0.2.1")),
        fails={
            "address": "'192.0.2' is no IP address",
            "name": "'a b' is no host name",
            "none": "missing required parameter 'names'",
        },
    ),
}
