"""nftables: a table of our own, loaded, kept for the next boot, with ssh open whatever it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

DROP = "chain in {\ntype filter hook input priority 0; policy drop;\ntcp dport 80 accept\n}\n"
SETS = (
    "set blocked { type ipv4_addr; flags timeout; elements = { 192.0.2.1 timeout 1h } }\n"
    "chain in {\ntype filter hook input priority 0; policy accept;\nip saddr @blocked drop\n}\n"
)
FRESH = "nft flush ruleset; rm -rf /etc/nftables.d /var/lib/configurator/nftables;"
KEPT = "ls /etc/nftables.d; grep -c '^include' /etc/nftables.conf; nft flush ruleset"


def _table(task: str, content: str | None = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "nftables", {**({} if content is None else {"content": content}), **params}


CASES: dict[str, Case] = {
    "loaded and kept": Case(
        (
            _table("table", DROP),
            _table("same", DROP),
            _table("indented otherwise", DROP.replace("\n", "\n   ").rstrip(" ")),
            _table("another", SETS, name="other", family="ip"),
            _table("not for boot", SETS, table="passing", persist=False),
            _table("changed", DROP.replace("80", "{ 80, 443 }")),
        ),
        "nft list chain inet configurator in | grep -c 'tcp dport 22 accept\\|tcp dport { 22 } accept"
        "\\|443'; nft list tables; stat -c %a /etc/nftables.d/*; systemctl restart nftables;"
        " nft list tables | grep -v 'inet filter'; " + KEPT,
        "2\ntable ip other\ntable inet passing\ntable inet configurator\n600\n600\n"
        "table inet configurator\ntable ip other\nconfigurator.nft\nother.nft\n1\n",
        FRESH,
        frozenset({"same", "indented otherwise"}),
        again=frozenset({"table", "changed"}),
    ),
    "drift and other tables": Case(
        (
            _table("mended", SETS),
            _table("gone", name="old", state="absent"),
            _table("never there", name="nothing", state="absent"),
        ),
        "nft list tables; " + KEPT,
        "table ip others\ntable inet configurator\nconfigurator.nft\n1\n",
        FRESH + "nft add table ip others; nft add table inet configurator; nft add table inet old",
        frozenset({"never there"}),
    ),
    "refused": Case(
        (
            _table("syntax", "chain in { tcp dport oops accept; }"),
            _table("braces", "chain in { "),
            _table("whole file", "flush ruleset\n"),
            _table("hidden chain", 'include "/etc/x"\n'),
            _table("name", DROP, name="a b"),
        ),
        "nft list tables",
        "",
        FRESH,
        fails={
            "syntax": "nft: ",
            "braces": "unbalanced braces",
            "whole file": "must be the inside of one table",
            "hidden chain": "ssh must be seen to stay open",
            "name": "is not a table name",
        },
    ),
    "locked out": Case(
        (
            _table(
                "early drop",
                "chain r { type filter hook prerouting priority -300; tcp dport 22 tcp flags syn drop; }",
            ),
        ),
        "nft list tables; ls /etc/nftables.d 2>/dev/null; true",
        "",
        FRESH,
        plan_blind={"early drop": "the old state was put back"},
        releases=("bookworm",),
    ),
}
