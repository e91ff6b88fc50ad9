"""timezone: the link that everything reads, and Debian's record of it."""

from __future__ import annotations

from tests.hosts.cases import Case

_BACK = "ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime; echo Etc/UTC > /etc/timezone"

CASES: dict[str, Case] = {
    "set, and set again": Case(
        (
            ("zone", "timezone", {"name": "Europe/Berlin"}),
            ("same", "timezone", {"name": "Europe/Berlin"}),
            ("other", "timezone", {"name": "America/Argentina/Buenos_Aires"}),
            ("short", "timezone", {"name": "UTC"}),
            ("last", "timezone", {"name": "Asia/Tokyo"}),
        ),
        f"date -d @0 '+%F %H %Z'; readlink /etc/localtime; cat /etc/timezone;"
        f" timedatectl show -p Timezone --value; {_BACK}",
        "1970-01-01 09 JST\n/usr/share/zoneinfo/Asia/Tokyo\nAsia/Tokyo\nAsia/Tokyo\n",
        _BACK,
        frozenset({"same"}),
        again=frozenset({"zone", "other", "short", "last"}),
    ),
    "what others left": Case(
        (("copy becomes a link", "timezone", {"name": "Europe/Paris"}),),
        f"readlink /etc/localtime; cat /etc/timezone; {_BACK}",
        "/usr/share/zoneinfo/Europe/Paris\nEurope/Paris\n",
        "cp --remove-destination /usr/share/zoneinfo/Europe/Paris /etc/localtime; rm -f /etc/timezone",
    ),
    "relative link": Case(
        (("same", "timezone", {"name": "Europe/Paris"}),),
        f"readlink /etc/localtime; {_BACK}",
        "../usr/share/zoneinfo/Europe/Paris\n",
        "ln -sf ../usr/share/zoneinfo/Europe/Paris /etc/localtime; echo Europe/Paris > /etc/timezone",
        frozenset({"same"}),
    ),
    "no zones": Case(
        (
            ("misspelt", "timezone", {"name": "Europe/Berlim"}),
            ("folder", "timezone", {"name": "Europe"}),
            ("outside", "timezone", {"name": "../../etc/passwd"}),
        ),
        fails={
            "misspelt": "did you mean 'Europe/Berlin'?",
            "folder": "the time zone 'Europe' does not exist",
            "outside": "is no time zone",
        },
    ),
}
