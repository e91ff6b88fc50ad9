"""dpkg_divert: packages put their files elsewhere, and ours stay."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.own_packages import ending, own

LIST = "dpkg-divert --list '/etc/own*' | sort; "
OFF = (
    "dpkg-divert --list '/etc/own*' | sed 's/.*diversion of \\([^ ]*\\) .*/\\1/' |"
    " while read p; do for h in --local '--package own'; do"
    " dpkg-divert --quiet $h --no-rename --remove $p 2>/dev/null; done; done; rm -f /etc/own*"
)


def _divert(title: str, path: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    return title, "dpkg_divert", {"path": path, **more}


CASES = {
    "diversions": Case(
        (
            _divert("plain", "/etc/own-plain.conf"),
            _divert("plain again", "/etc/own-plain.conf", holder="LOCAL"),
            _divert("moved", "/etc/own-moved.conf", rename=True, divert="/etc/own-aside.conf", holder="own"),
            ("ours", "copy", {"dest": "/etc/own-moved.conf", "content": "ours\n"}),
            _divert("back", "/etc/own-back.conf", state="absent", rename=True),
            _divert("not there", "/etc/own-none.conf", state="absent"),
            _divert("another place", "/etc/own-plain.conf", divert="/etc/own-x.conf"),
            _divert("another holder", "/etc/own-plain.conf", holder="other"),
            _divert("forced", "/etc/own-forced.conf", divert="/etc/own-new.conf", force=True),
            _divert("in the way", "/etc/own-way.conf", rename=True),
            ("package", "apt", {"name": "own-plain"}),
        ),
        ending(f"{LIST} cd /etc; tail -n +1 own*; stat -c %a own-aside.conf; {OFF}"),
        "diversion of /etc/own-moved.conf to /etc/own-aside.conf by own\n"
        "local diversion of /etc/own-forced.conf to /etc/own-new.conf\n"
        "local diversion of /etc/own-plain.conf to /etc/own-plain.conf.distrib\n"
        "==> own-aside.conf <==\nmoved\n\n==> own-back.conf <==\nback\n\n==> own-moved.conf <==\nours\n\n"
        "==> own-plain.conf.distrib <==\nx\n\n==> own-way.conf <==\nway\n\n"
        "==> own-way.conf.distrib <==\nother\n600\n",
        own(
            ("own-plain 1.0", "/etc/own-plain.conf"),
            then=f"{OFF}\ncd /etc; echo moved > own-moved.conf; chmod 600 own-moved.conf\n"
            "echo back > own-back.conf; dpkg-divert --quiet --local --rename --add /etc/own-back.conf\n"
            "dpkg-divert --quiet --local --no-rename --add /etc/own-forced.conf\n"
            "echo way > own-way.conf; echo other > own-way.conf.distrib",
        ),
        frozenset({"plain again", "not there"}),
        {
            "another place": "is diverted already, to /etc/own-plain.conf.distrib",
            "another holder": "is diverted already, by LOCAL",
            "in the way": "/etc/own-way.conf.distrib exists",
        },
    ),
    "what cannot be diverted": Case(
        (
            _divert("a folder", "/srv/t/d"),
            _divert("below a file", "/srv/t/f/x", rename=True),
            _divert("no folder", "/srv/t/none/x"),
            _divert("forgotten", "/srv/t/none/x", state="absent"),
        ),
        "dpkg-divert --list '/srv/t/*'",
        "",
        "mkdir d; touch f",
        fails={
            "a folder": "/srv/t/d is a directory, and dpkg-divert diverts files alone",
            "below a file": "/srv/t/f/x cannot be: /srv/t/f is no directory",
        },
        again=frozenset({"no folder", "forgotten"}),
    ),
}
