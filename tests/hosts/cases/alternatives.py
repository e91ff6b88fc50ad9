"""alternatives: generic names, read back with update-alternatives(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _tool(name: str, program: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "alternatives", {"name": "tool", "path": f"/srv/t/{program}", **params}


LINK = "/usr/local/bin/tool"
SUB = [{"name": "tool.1", "path": "/srv/t/a.1", "link": "/usr/local/bin/tool.1"}]
PREPARE = (
    "rm -rf /usr/local/bin/tool*; update-alternatives --quiet --remove-all tool 2>/dev/null;"
    " for n in a b c; do echo echo $n > $n; chmod 755 $n; touch $n.1; done"
)
ALL = "; update-alternatives --quiet --remove-all tool"
QUERY = "update-alternatives --query tool | grep -E '^(Link|Status|Value|Alt|Prio| )'"

CASES: dict[str, Case] = {
    "registered and chosen": Case(
        (
            _tool("new", "a", link=LINK, priority=10, subcommands=SUB, state="present"),
            _tool("lower", "b", link=LINK, priority=5, state="present"),
            _tool("default priority", "c", state="present"),
            _tool("chosen", "b"),
            _tool("same", "b", priority=5, link=LINK),
            _tool("known", "a", state="present", subcommands=SUB),
        ),
        f"{QUERY}; tool; readlink /usr/local/bin/tool{ALL}",
        f"Link: {LINK}\n"
        f" tool.1 {LINK}.1\nStatus: manual\nValue: /srv/t/b\n"
        "Alternative: /srv/t/a\n"
        "Priority: 10\n tool.1 /srv/t/a.1\n"
        "Alternative: /srv/t/b\nPriority: 5\nAlternative: /srv/t/c\nPriority: 50\n"
        "b\n/etc/alternatives/tool\n",
        PREPARE,
        idle=frozenset({"same", "known"}),
    ),
    "changed": Case(
        (
            _tool("priority", "a", priority=70, state="present"),
            _tool("subcommand", "b", slaves=SUB, state="present"),
            _tool("link", "a", link=f"{LINK}2", state="present"),
            _tool("automatic", "b", state="auto"),
            _tool("still automatic", "b", state="auto"),
            _tool("chosen by priority", "a", state="selected"),
        ),
        f"{QUERY}; tool2; ls /usr/local/bin | grep tool{ALL}",
        f"Link: {LINK}2\n"
        f" tool.1 {LINK}.1\nStatus: auto\nValue: /srv/t/a\n"
        "Alternative: /srv/t/a\n"
        "Priority: 70\n tool.1 /srv/t/a.1\n"
        "Alternative: /srv/t/b\nPriority: 20\n tool.1 /srv/t/a.1\na\ntool.1\ntool2\n",
        f"{PREPARE}; u='update-alternatives --quiet'; $u --install {LINK} tool /srv/t/a 10"
        f" --slave {LINK}.1 tool.1 /srv/t/a.1; $u --install {LINK} tool /srv/t/b 20; $u --set tool /srv/t/b",
        idle=frozenset({"still automatic", "chosen by priority"}),
    ),
    "removed": Case(
        (
            _tool("chosen one", "b", state="absent"),
            _tool("not there", "c", state="absent"),
            _tool("now automatic", "a", state="auto"),
            ("last", "alternatives", {"name": "other", "path": "/srv/t/a", "state": "absent"}),
            ("no such name", "alternatives", {"name": "nothing", "path": "/srv/t/a", "state": "absent"}),
        ),
        f"{QUERY}; update-alternatives --query other 2>&1 || ls /usr/local/bin | grep other || :{ALL}",
        f"Link: {LINK}\nStatus: auto\nValue: /srv/t/a\nAlternative: /srv/t/a\nPriority: 10\n"
        "update-alternatives: error: no alternatives for other\n",
        f"{PREPARE}; u='update-alternatives --quiet'; $u --install {LINK} tool /srv/t/a 10;"
        f" $u --install {LINK} tool /srv/t/b 20; $u --set tool /srv/t/b;"
        " $u --install /usr/local/bin/other other /srv/t/a 1",
        idle=frozenset({"not there", "now automatic", "no such name"}),
    ),
    "refused": Case(
        (
            _tool("missing", "nothing", link=LINK),
            _tool("nameless", "a"),
            _tool("in the way", "a", link="/srv/t/c"),
            ("program", "copy", {"dest": "/srv/t/later", "content": "x", "mode": "0755"}),
            ("in one plan", "alternatives", {"name": "later", "path": "/srv/t/later", "link": "/srv/t/by"}),
        ),
        "readlink by; update-alternatives --quiet --remove-all later",
        "/etc/alternatives/later\n",
        PREPARE,
        fails={
            "missing": "does not exist on the host",
            "in the way": "/srv/t/c is in the way: it is a file, and no link",
            "nameless": "so 'link' is required",
        },
    ),
}
