"""iptables_state: rules go to a file and come back, table by table, in the kernel's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

FRESH = (
    "command -v iptables >/dev/null || apt-get install -y -qq iptables >/dev/null 2>&1;"
    " for i in iptables ip6tables; do for t in filter nat mangle raw security; do"
    " $i -t $t -P OUTPUT ACCEPT; $i -t $t -F; $i -t $t -X; done; $i -P INPUT ACCEPT; $i -P FORWARD ACCEPT;"
    " done;"
)
SSH = "-A INPUT -p tcp --dport 22 -j ACCEPT\n"


def _text(*lines: str, table: str = "filter") -> str:
    return f"printf '%s\\n' '*{table}' " + " ".join(f"'{line}'" for line in lines) + " COMMIT >> rules;"


def _saved(task: str, path: str = "/srv/t/rules", /, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "iptables_state", {"path": path, "state": "saved", **params}


def _restored(task: str, path: str = "/srv/t/rules", /, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "iptables_state", {"path": path, "state": "restored", **params}


CASES: dict[str, Case] = {
    "saved and saved again": Case(
        (
            _saved("all"),
            _saved("same"),
            _saved("one", "/srv/t/filter", table="filter"),
            _saved("IPv6", "/srv/t/six", ip_version="ipv6", table="filter"),
            _saved("by hand", "/srv/t/handmade", table="filter"),
        ),
        "grep -c '^[*]' rules; cat filter six; head -1 handmade; stat -c %a rules",
        "5\n"
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n"
        '-A INPUT -p tcp -m tcp --dport 99 -m comment --comment "two words" -j mine\nCOMMIT\n'
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
        "# by hand\n600\n",
        FRESH + "iptables -N mine;"
        " iptables -A INPUT -p tcp --dport 99 -m comment --comment 'two words' -j mine;"
        " { echo '# by hand'; iptables-save -c -t filter; } > handmade",
        idle=frozenset({"same", "by hand"}),
    ),
    "with their counters": Case(
        (
            _saved("counted", "/srv/t/counted", counters=True),
            _restored("back", "/srv/t/given", counters=True),
        ),
        "grep -c '^[[][0-9:]*[]] -A INPUT -i lo -j ACCEPT' counted;"
        " iptables-save -c -t filter | grep -c '[[]7:99[]] -A INPUT -p esp'; iptables -F",
        "1\n1\n",
        FRESH + "iptables -A INPUT -i lo -j ACCEPT;"
        " printf '%s\\n' '*filter' '[5:6] -A INPUT -i lo -j ACCEPT' '[7:99] -A INPUT -p esp -j ACCEPT' COMMIT"
        " > given",
        assumed={"counted": ""},
        again=frozenset({"counted"}),
    ),
    "restored": Case(
        (
            _restored("all"),
            _restored("same"),
            _restored("by itself", "/srv/t/filter", table="filter"),
            _saved("back to a file", "/srv/t/after", table="filter"),
        ),
        "iptables -S; iptables -t nat -S PREROUTING; iptables -t mangle -S INPUT; cat after",
        "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N mine\n"
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A mine -s 10.0.0.0/8 -j RETURN\n"
        "-P PREROUTING ACCEPT\n-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\n"
        "-P INPUT ACCEPT\n-A INPUT -j RETURN\n"
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n"
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A mine -s 10.0.0.0/8 -j RETURN\nCOMMIT\n",
        FRESH
        + _text(
            "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-port 8080",
            table="nat",
        )
        + _text(":INPUT ACCEPT [5:6]", "-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -p esp")
        + "mv rules r;"
        + _text(
            ":INPUT DROP",
            ":FORWARD DROP",
            ":OUTPUT ACCEPT",
            ":mine -",
            "-A INPUT -p tcp --dport 22 -j ACCEPT",
            "-A mine -s 10.1.2.3/8 -j RETURN",
        )
        + _text("-I PREROUTING -j DROP", table="nat")
        + "mv rules filter; mv r rules;"
        " iptables -t mangle -A INPUT -j RETURN; iptables -N old; iptables -A OUTPUT -j old",
        idle=frozenset({"same"}),
        again=frozenset({"all", "by itself"}),
    ),
    "without emptying": Case(
        (
            _restored("added", noflush=True),
            _restored("same", noflush=True),
            ("a rule", "iptables", {"chain": "FORWARD", "protocol": "esp", "jump": "DROP"}),
        ),
        "iptables -S",
        "-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N kept\n-N mine\n"
        "-A INPUT -p tcp -m tcp --dport 99 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 98 -j ACCEPT\n"
        "-A INPUT -p tcp -m tcp --dport 97 -j ACCEPT\n-A FORWARD -p esp -j DROP\n"
        "-A kept -j RETURN\n-A mine -j RETURN\n",
        FRESH
        + _text(
            ":FORWARD DROP [0:0]",
            ":mine - [0:0]",
            "-A INPUT -p tcp --dport 98 -j ACCEPT",
            "-A INPUT -p tcp --dport 97 -j ACCEPT",
            "-A mine -j RETURN",
        )
        + "iptables -N kept; iptables -A kept -j RETURN; iptables -N mine; iptables -A mine -j DROP;"
        " iptables -A INPUT -p tcp --dport 99 -j ACCEPT; iptables -A INPUT -p tcp --dport 98 -j ACCEPT",
        idle=frozenset({"same"}),
        assumed={"a rule": "iptables:ipv4/filter/FORWARD is changed by an earlier task"},
    ),
    "after rules of an earlier task": Case(
        (
            ("a rule", "iptables", {"chain": "INPUT", "protocol": "esp", "jump": "ACCEPT"}),
            _saved("then saved"),
        ),
        "grep -c 'p esp' rules",
        "1\n",
        FRESH,
        assumed={"then saved": "iptables:ipv4/filter/ is changed by an earlier task"},
    ),
    "locked out": Case(
        (
            _restored("closed"),
            _restored("dropped", "/srv/t/dropped"),
        ),
        "iptables -S",
        "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 97 -j ACCEPT\n",
        FRESH
        + _text(":INPUT DROP [0:0]", "-A INPUT -p tcp --dport 23 -j ACCEPT")
        + "cp rules dropped;"
        + "printf '*filter\\n-A INPUT -p tcp --dport 22 --syn -j DROP\\nCOMMIT\\n' > dropped;"
        + "iptables -A INPUT -p tcp --dport 97 -j ACCEPT",
        fails={"closed": "no rule in INPUT would accept port 22, which ssh listens on"},
        plan_blind={"dropped": "the old state was put back"},
        releases=("bookworm",),
    ),
    "what cannot be restored": Case(
        (
            _restored("nothing", "/srv/t/nothing"),
            _restored("no rules", "/srv/t/text"),
            _restored("no such table", table="raw"),
            _restored("port", table="nat"),
            _restored("word", table="mangle"),
            _restored("target", table="filter"),
            _restored("inserted", table="security", noflush=True),
            _saved("no folder", "/srv/t/none/rules"),
        ),
        "iptables -S",
        "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n",
        FRESH
        + "echo nothing > text;"
        + _text("-A OUTPUT -p tcp --dport ninety -j ACCEPT", table="nat")
        + _text("bad", table="mangle")
        + _text("-A INPUT -j NOWHERE")
        + _text("-I INPUT -j DROP", table="security"),
        fails={
            "nothing": "/srv/t/nothing does not exist on the host",
            "no rules": "has no table of packet rules",
            "no such table": "/srv/t/rules has no table 'raw'",
            "port": "invalid port/service `ninety' specified",
            "word": "iptables-restore refuses /srv/t/rules",
            "target": "NOWHERE",
            "inserted": "a line that iptables-save does not write: ",
            "no folder": "/srv/t/none does not exist",
        },
    ),
}
