"""ufw: rules in every form, defaults, logging and the switch; read back from ufw itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

# Fresh as after its installation, and off; some ports are named by netbase, which brings /etc/services.
FRESH = (
    "dpkg -s ufw netbase >/dev/null 2>&1 || apt-get install -y -qq ufw netbase >/dev/null 2>&1;"
    " ufw --force reset >/dev/null; rm -f /etc/ufw/*.rules.2*; ufw default deny incoming >/dev/null;"
    " ufw default allow outgoing >/dev/null; ufw default deny routed >/dev/null;"
    " sed -i s/^LOGLEVEL=.*/LOGLEVEL=low/ /etc/ufw/ufw.conf;"
)
ADDED = "ufw show added | tail -n +2; ufw --force disable >/dev/null"
ON = "ufw allow 22/tcp >/dev/null; ufw --force enable >/dev/null;"


def _rule(task: str, rule: str = "allow", /, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "ufw", {"rule": rule, **params}


CASES: dict[str, Case] = {
    "rules in every form": Case(
        (
            _rule("port", port=80, proto="tcp"),
            _rule("same", to_port="80", proto="tcp"),
            _rule("any protocol", "deny", port="53"),
            _rule("service", "limit", port="ssh"),
            _rule("both protocols", port="domain", from_ip="10.0.0.1/8"),
            _rule("several", port="443,8000:8010,80", proto="tcp", comment='a "test" ü'),
            _rule("sources", "reject", from_ip="192.0.2.7/32", from_port=5, to_ip="192.0.2.8", log=True),
            _rule("IPv6", from_ip="2001:DB8:0::/48", port=22),
            _rule("protocol", proto="esp"),
            _rule("only IPv4", proto="igmp"),
            _rule("out", "deny", direction="out", port=25, proto="tcp"),
            _rule("in on", interface="eth9", port=99),
            _rule("everything in", direction="in", interface="lo"),
            _rule("routed", route=True, interface_in="eth8", interface_out="eth9", port=80, proto="tcp"),
            _rule("routed anywhere", "deny", route=True, to_ip="10.9.0.0/16"),
            _rule("application", name="OpenSSH", comment="way in"),
            _rule("application again", app="OpenSSH"),
            _rule("named", from_port="https", direction="in", proto="tcp"),
        ),
        ADDED,
        "ufw allow 80/tcp\nufw deny 53\nufw limit 22/tcp\nufw allow from 10.0.0.0/8 to any port 53\n"
        "ufw allow 80,443,8000:8010/tcp comment 'a \"test\" ü'\n"
        "ufw reject log from 192.0.2.7 port 5 to 192.0.2.8\n"
        "ufw allow to any proto esp\nufw allow to any proto igmp\nufw deny out 25/tcp\n"
        "ufw allow in on eth9 to any port 99\nufw allow in on lo\n"
        "ufw route allow in on eth8 out on eth9 to any port 80 proto tcp\nufw route deny to 10.9.0.0/16\n"
        "ufw allow OpenSSH comment 'way in'\nufw allow from any port 443 proto tcp\n"
        "ufw allow from 2001:db8::/48 to any port 22\n",
        FRESH,
        frozenset({"same", "application again"}),
    ),
    "changed, inserted and deleted": Case(
        (
            _rule("action", "deny", port=80, proto="tcp"),
            _rule("comment", port=81, comment="new"),
            _rule("comment kept", port=82),
            _rule("logged", port=83, log=True),
            _rule("first", "deny", from_ip="192.0.2.1", insert=1),
            _rule("behind IPv4", "deny", from_ip="192.0.2.2", insert=0, insert_relative_to="last-ipv4"),
            _rule("first IPv6", "deny", from_ip="2001:db8::1", insert=0, insert_relative_to="first-ipv6"),
            _rule("far away", "deny", from_ip="192.0.2.3", insert=99),
            _rule("there already", port=82, insert=1),
            _rule("delete", port=84, delete=True),
            _rule("delete logged", port=85, delete=True),
            _rule("delete another", "deny", port=82, delete=True),
            _rule("delete nothing", port=86, delete=True),
        ),
        ADDED,
        "ufw deny from 192.0.2.1\nufw deny 80/tcp\nufw allow 81 comment 'new'\nufw allow 82 comment 'old'\n"
        "ufw allow log 83\nufw deny from 192.0.2.2\nufw deny from 192.0.2.3\nufw deny from 2001:db8::1\n",
        FRESH + "(ufw allow 80/tcp; ufw allow 81 comment old; ufw allow 82 comment old; ufw allow 83;"
        " ufw allow 84; ufw allow log 85) >/dev/null",
        frozenset({"comment kept", "there already", "delete another", "delete nothing"}),
    ),
    "on, with ssh open": Case(
        (
            _rule("web", port=80, proto="tcp"),
            ("outgoing", "ufw", {"default": "reject", "direction": "outgoing"}),
            ("incoming", "ufw", {"policy": "deny"}),
            ("routed", "ufw", {"default": "allow", "direction": "routed"}),
            ("outgoing back", "ufw", {"default": "allow", "direction": "out"}),
            ("logging", "ufw", {"logging": "medium"}),
            ("logging on", "ufw", {"logging": "on"}),
            ("on", "ufw", {"state": "enabled"}),
            ("reload", "ufw", {"state": "reloaded"}),
            _rule("close ssh", port=22, proto="tcp", delete=True),
            _rule("deny ssh", "deny", port=22, proto="tcp"),
        ),
        "ufw status verbose | sed -n '1,4p'; iptables -S ufw-user-input | grep -c 'dport 22 '; " + ADDED,
        "Status: active\nLogging: on (medium)\nDefault: deny (incoming), allow (outgoing), allow (routed)\n"
        "New profiles: skip\n1\nufw allow 80/tcp\nufw allow 22/tcp comment 'configurator: ssh stays open'\n",
        FRESH,
        frozenset({"incoming", "logging on"}),
        fails={
            "close ssh": "this would close port 22, which ssh listens on",
            "deny ssh": "this would close port 22",
        },
        again=frozenset({"reload", "outgoing", "outgoing back"}),
        outputs={"on": {"enabled": True, "defaults": {"routed": "allow"}}},
    ),
    "locked out": Case(
        (
            _rule("limit ssh", "limit", port=22, proto="tcp"),
            _rule("all denied", "deny", from_ip="0.0.0.0/0", insert=1),
            _rule("a stranger denied", "deny", from_ip="192.0.2.9", insert=1),
            ("off", "ufw", {"state": "disabled"}),
        ),
        "ufw status; " + ADDED,
        # The second apply finds ufw off, where a rule cannot lock anybody out.
        "Status: inactive\nufw deny to any\nufw deny from 192.0.2.9\nufw limit 22/tcp\n",
        FRESH + ON,
        plan_blind={"all denied": "the old state was put back"},
    ),
    "reset": Case(
        (
            ("reset", "ufw", {"state": "reset"}),
            ("reload", "ufw", {"state": "reloaded"}),
            ("again", "ufw", {"state": "reset"}),
        ),
        "ufw status; " + ADDED,
        "Status: inactive\n(None)\n",
        FRESH + ON + "ufw allow 1234 >/dev/null",
        frozenset({"again", "reload"}),
    ),
    "what ufw would refuse": Case(
        (
            _rule("service", port="nosuch"),
            _rule("address", from_ip="10.0.0"),
            _rule("versions", from_ip="10.0.0.1", to_ip="2001:db8::1"),
            _rule("range", port="1000:2000"),
            _rule("application", name="OpenSSl"),
            _rule("quote", port=1, comment="it's"),
        ),
        ADDED,
        "(None)\n",
        FRESH,
        fails={
            "service": "'nosuch' is no port",
            "address": "'10.0.0' is no IP address",
            "versions": "are addresses of different IP versions",
            "range": "several ports need `proto`",
            "quote": "ufw takes no comment with a '",
            "application": "did you mean 'OpenSSH'?",
        },
    ),
}
