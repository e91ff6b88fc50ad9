"""iptables: rules, chains and policies in the kernel, for both IP versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

FRESH = (
    "command -v iptables >/dev/null || apt-get install -y -qq iptables >/dev/null 2>&1;"
    " for i in iptables ip6tables; do for t in filter nat mangle; do"
    " $i -t $t -P OUTPUT ACCEPT; $i -t $t -F; $i -t $t -X; done; $i -P INPUT ACCEPT; done;"
)
LIST = "iptables -S INPUT; "


def _rule(task: str, chain: str = "INPUT", /, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "iptables", {"chain": chain, **params}


CASES: dict[str, Case] = {
    "rules in every form": Case(
        (
            _rule("port", protocol="tcp", destination_port=99, jump="ACCEPT"),
            _rule("same", protocol="tcp", destination_port="99", jump="ACCEPT"),
            _rule(
                "new",
                protocol="tcp",
                ctstate="NEW,ESTABLISHED",
                syn="match",
                source="!10.0.0.0/8",
                jump="RETURN",
            ),
            _rule("states", match=["state"], ctstate=["RELATED"], jump="RETURN"),
            _rule(
                "ports",
                protocol="udp",
                destination_ports=["53", "100:200"],
                comment="two words",
                jump="ACCEPT",
            ),
            _rule("range", src_range="192.0.2.1-192.0.2.9", in_interface="!lo", jump="DROP"),
            _rule(
                "logged", limit="2/min", limit_burst=5, jump="LOG", log_prefix="cfg: ", log_level="warning"
            ),
            _rule("rejected", protocol="tcp", destination_port=7, reject_with="tcp-reset"),
            _rule("icmp", protocol="icmp", icmp_type="echo-request", jump="ACCEPT"),
            _rule(
                "flags",
                protocol="tcp",
                tcp_flags={"flags": ["SYN", "ACK"], "flags_set": ["SYN"]},
                jump="RETURN",
            ),
            _rule("fragment", fragment="true", jump="DROP", set_counters="5 7"),
            _rule("first", action="insert", in_interface="lo", jump="ACCEPT"),
            _rule("second", action="insert", rule_num=2, protocol="esp", jump="ACCEPT"),
            _rule("owner", "OUTPUT", uid_owner="worker", jump="ACCEPT"),
            _rule("marked", "OUTPUT", table="mangle", protocol="tcp", set_dscp_mark_class="CS1"),
            _rule(
                "nat",
                "PREROUTING",
                table="nat",
                protocol="tcp",
                destination_port=8080,
                jump="REDIRECT",
                to_ports=80,
            ),
            _rule("both", ip_version="both", protocol="tcp", destination_port=98, jump="ACCEPT"),
            _rule("IPv6", ip_version="ipv6", protocol="icmpv6", icmp_type=128, jump="ACCEPT"),
        ),
        LIST + "iptables -S OUTPUT | tail -1 | cut -c1-30; iptables -t mangle -S OUTPUT | tail -1;"
        " iptables -t nat -S PREROUTING | tail -1; ip6tables -S INPUT | tail -n +2",
        "-P INPUT ACCEPT\n"
        "-A INPUT -i lo -j ACCEPT\n"
        "-A INPUT -p esp -j ACCEPT\n"
        "-A INPUT -p tcp -m tcp --dport 99 -j ACCEPT\n"
        "-A INPUT ! -s 10.0.0.0/8 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack"
        " --ctstate NEW,ESTABLISHED -j RETURN\n"
        "-A INPUT -m state --state RELATED -j RETURN\n"
        '-A INPUT -p udp -m multiport --dports 53,100:200 -m comment --comment "two words" -j ACCEPT\n'
        "-A INPUT ! -i lo -m iprange --src-range 192.0.2.1-192.0.2.9 -j DROP\n"
        '-A INPUT -m limit --limit 2/min -j LOG --log-prefix "cfg: "\n'
        "-A INPUT -p tcp -m tcp --dport 7 -j REJECT --reject-with tcp-reset\n"
        "-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT\n"
        "-A INPUT -p tcp -m tcp --tcp-flags SYN,ACK SYN -j RETURN\n"
        "-A INPUT -f -j DROP\n"
        "-A INPUT -p tcp -m tcp --dport 98 -j ACCEPT\n"
        "-A OUTPUT -m owner --uid-owner\n"
        "-A OUTPUT -p tcp -j DSCP --set-dscp 0x08\n"
        "-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80\n"
        "-A INPUT -p tcp -m tcp --dport 98 -j ACCEPT\n"
        "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT\n",
        FRESH,
        frozenset({"same"}),
    ),
    "chains and policies": Case(
        (
            _rule("no chain", "cfgmissing", jump="ACCEPT"),
            _rule("new chain", "cfgnew", chain_management=True),
            _rule("jump", jump="cfgnew"),
            _rule("in it", "cfgnew", protocol="tcp", destination_port=99, goto="cfgmissing"),
            _rule("with its rule", "cfgsecond", chain_management=True, comment="!", jump="RETURN"),
            _rule("policy", "FORWARD", policy="DROP"),
            _rule("same policy", "FORWARD", policy="DROP"),
            _rule("away", "cfgold", chain_management=True, state="absent"),
            _rule("gone", "cfgnothing", chain_management=True, state="absent"),
        ),
        "iptables -S | grep -v -- '-P [IO]'; iptables -P FORWARD ACCEPT",
        "-P FORWARD DROP\n-N cfgnew\n-N cfgsecond\n-A INPUT -j cfgnew\n"
        '-A cfgsecond -m comment --comment "!" -j RETURN\n',
        FRESH + "iptables -N cfgold",
        frozenset({"same policy", "gone"}),
        fails={"no chain": "there is no chain 'cfgmissing'", "in it": "'cfgmissing' does not exist"},
    ),
    "removed and flushed": Case(
        (
            _rule("twice", protocol="tcp", destination_port=99, jump="ACCEPT", state="absent"),
            _rule("not there", protocol="tcp", destination_port=98, jump="ACCEPT", state="absent"),
            _rule("no chain", "cfgnothing", jump="ACCEPT", state="absent"),
            _rule("flush", flush=True),
            _rule("flushed", flush=True),
            _rule("after", protocol="udp", jump="DROP", state="absent"),
            ("table", "iptables", {"table": "mangle", "flush": True}),
            ("table flushed", "iptables", {"table": "mangle", "flush": True}),
        ),
        LIST + "iptables -t mangle -S | grep -c -- -A || true",
        "-P INPUT ACCEPT\n0\n",
        FRESH + "for i in 1 2; do iptables -A INPUT -p tcp --dport 99 -j ACCEPT; done;"
        " iptables -A INPUT -p udp -j DROP; iptables -t mangle -A INPUT -j RETURN;"
        " iptables -t mangle -A OUTPUT -j RETURN",
        frozenset({"not there", "no chain", "flushed", "after", "table flushed"}),
    ),
    "locked out": Case(
        (
            _rule("dropped", action="insert", protocol="tcp", destination_port=22, syn="match", jump="DROP"),
            _rule("kept", protocol="tcp", destination_port=22, jump="ACCEPT"),
            _rule("policy behind it", policy="DROP"),
            _rule("policy back", policy="ACCEPT"),
        ),
        LIST,
        "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 97 -j ACCEPT\n"
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n",
        FRESH + "iptables -A INPUT -p tcp --dport 97 -j ACCEPT",
        plan_blind={"dropped": "the old state was put back"},
        again=frozenset({"policy behind it", "policy back"}),
        releases=("bookworm",),
    ),
    "what iptables does not understand": Case(
        (
            _rule("port", protocol="tcp", destination_port="ninety", jump="ACCEPT"),
            _rule("address", source="10.0.0.0/99", jump="ACCEPT"),
            _rule("target", jump="NOWHERE"),
            _rule("policy", policy="DROP"),
            _rule("protocol first", destination_port=80, jump="ACCEPT"),
        ),
        LIST,
        "-P INPUT ACCEPT\n",
        FRESH,
        fails={
            "port": "invalid port/service `ninety' specified",
            "address": "invalid mask `99' specified",
            "target": "NOWHERE",
            "protocol first": "iptables: ",
            "policy": "no rule in INPUT accepts port 22, which ssh listens on",
        },
    ),
}
