"""hostname: the kernel's name and the one of the next boot."""

from __future__ import annotations

from tests.hosts.cases import Case

_BACK = "hostname cases; echo cases > /etc/hostname"

CASES: dict[str, Case] = {
    "now and for the next boot": Case(
        (
            ("name", "hostname", {"name": "web1.example.org"}),
            ("same", "hostname", {"name": "web1.example.org", "use": "systemd"}),
            ("short", "hostname", {"name": "web2"}),
        ),
        "hostname; cat /etc/hostname; uname -n; hostnamectl hostname;"
        f" grep -c web /etc/hosts || true; {_BACK}",
        "web2\nweb2\nweb2\nweb2\n0\n",
        _BACK,
        frozenset({"same"}),
        again=frozenset({"name", "short"}),
    ),
    "half of it": Case(
        (("file", "hostname", {"name": "half"}),),
        f"hostname; cat /etc/hostname; {_BACK}",
        "half\nhalf\n",
        "hostname half; printf '# the old name\\ncases\\n' > /etc/hostname",
    ),
    "no names": Case(
        (
            ("underscore", "hostname", {"name": "web_1"}),
            ("long", "hostname", {"name": "a" * 65}),
            ("dots", "hostname", {"name": "a..b"}),
        ),
        fails={"underscore": "'web_1' is no host name", "long": "is no host name", "dots": "is no host name"},
    ),
}
