"""ufw: its own form of rules, what a wish becomes, and wishes that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import ParameterError
from configurator.modules.ufw_rules import (
    Rule,
    Wish,
    added,
    parse,
    parse_profiles,
    parse_services,
    place,
    removed,
    rules_of,
)
from tests.unit.modules.harness import problems

SERVICES = parse_services("ssh 22/tcp\ndomain 53/tcp\ndomain\t53/udp  # names\nhttp 80/tcp www\n")
PROFILES = parse_profiles(["[Web]\ntitle=x\nports=80,443/tcp|443/udp\n[DNS]\nports=53\n"])


def rules(wish: Wish, *, ipv6: bool = True) -> list[Rule]:
    return rules_of(wish, ipv6=ipv6, services=SERVICES, profiles=PROFILES)


def test_rules_are_read_as_ufw_writes_them() -> None:
    """With route, log, applications, interfaces and comments; what is of another form is left alone."""
    text = (
        "*filter\n### RULES ###\n\n"
        "### tuple ### route:allow_log tcp 80 0.0.0.0/0 any 10.0.0.0/8 in_a!out_b comment=c3bc\n"
        "-A ufw-user-input -j ACCEPT\n"
        "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 Two%20Words - in\n"
        "### tuple ### something else\n"
    )
    first, second = parse(text, v6=False)
    assert (first.does, first.route, first.where, first.comment) == ("allow log", True, "in_a!out_b", "ü")
    assert (second.dapp, second.sapp, second.where) == ("Two Words", "", "in")


@given(st.text())
def test_any_file_is_read(text: str) -> None:
    """A person may have edited it."""
    parse("### tuple ### " + text, v6=True)


@pytest.mark.parametrize(
    ("wish", "keys"),
    [
        (Wish("allow", dport="ssh"), ["tcp 22 0.0.0.0/0", "tcp 22 ::/0"]),
        (Wish("allow", dport="domain"), ["any 53 0.0.0.0/0", "any 53 ::/0"]),
        (Wish("allow", dport="www", proto="tcp"), ["tcp 80 0.0.0.0/0", "tcp 80 ::/0"]),
        (Wish("allow", dport="443,80", proto="tcp", dst="10.0.0.9/8"), ["tcp 80,443 10.0.0.0/8"]),
        (Wish("allow", dst="2001:DB8::1/128"), ["any any 2001:db8::1"]),
        (Wish("allow", dst="0.0.0.0/0"), ["any any 0.0.0.0/0"]),
        (Wish("allow", proto="igmp"), ["igmp any 0.0.0.0/0"]),
        (Wish("allow", app="Web", src="10.0.0.1"), ["tcp 80,443 0.0.0.0/0", "udp 443 0.0.0.0/0"]),
    ],
)
def test_a_wish_becomes_the_rules_that_ufw_makes(wish: Wish, keys: list[str]) -> None:
    """Names become numbers, networks lose the bits of their host, ports are sorted."""
    assert [f"{rule.proto} {rule.dport} {rule.dst}" for rule in rules(wish)] == keys


@pytest.mark.parametrize(
    "wish",
    [
        Wish("allow", dport="nosuch"),
        Wish("allow", dport="ssh", proto="udp"),
        Wish("allow", dport="1:5"),
        Wish("allow", src="10.0.0.1", dst="::1"),
        Wish("allow", src="host.example.org"),
        Wish("allow", app="Nothing"),
    ],
)
def test_what_ufw_would_refuse_is_refused(wish: Wish) -> None:
    """In the plan already, with a name."""
    with pytest.raises(ParameterError):
        rules(wish)


@pytest.mark.parametrize(
    ("number", "relative", "found"),
    [
        (1, "zero", 1), (5, "zero", None), (0, "first-ipv4", 1), (0, "last-ipv4", 2), (1, "last-ipv4", None),
        (0, "last-ipv6", None), (2, "zero", 2), (3, "zero", None),
    ],
)  # fmt: skip
def test_a_place_is_counted_as_ufw_counts(number: int, relative: str, found: int | None) -> None:
    """Rules of IPv4 come first; behind the last one the rule is added."""
    known = [Rule("allow", dport="1"), Rule("allow", dport="2"), Rule("allow", dport="1", v6=True)]
    assert place(known, [Rule("deny")], number, relative) == found


RULES = st.builds(
    Rule,
    st.sampled_from(["allow", "deny"]),
    dport=st.sampled_from(["1", "2", "3"]),
    log=st.sampled_from(["", "log"]),
    v6=st.booleans(),
)


@given(st.lists(RULES, unique_by=lambda rule: rule.key), RULES, st.none() | st.integers(1, 3))
def test_a_rule_has_one_place(known: list[Rule], new: Rule, position: int | None) -> None:
    """Adding it twice changes nothing, others stay as they are, and removing it leaves the others."""
    once = added(known, [new], position)
    assert added(once, [new], position) == once
    assert new in once
    others = [rule for rule in known if rule.key != new.key]
    assert [rule for rule in once if rule.key != new.key] == others
    assert removed(once, [new]) == others


def test_only_a_rule_that_lets_in_admits_a_port() -> None:
    """Ranges count, another direction or protocol does not."""
    assert Rule("allow", proto="tcp", dport="20:25,80").admits(22)
    assert Rule("limit").admits(22)
    assert not Rule("allow", proto="udp", dport="22").admits(22)
    assert not Rule("allow", dport="22", where="out").admits(22)
    assert not Rule("deny", dport="22").admits(22)
    assert not Rule("allow", dport="22", route=True).admits(22)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "nothing to do"),
        ({"rule": "allow", "default": "deny"}, "a task of their own"),
        ({"rule": "allow", "direction": "routed"}, "`route: true`"),
        ({"rule": "allow", "interface": "a", "interface_in": "b"}, "use 'interface'"),
        ({"rule": "allow", "interface_in": "a", "interface_out": "b"}, "two interfaces"),
        ({"rule": "allow", "name": "OpenSSH", "port": 22}, "its own ports"),
        ({"state": "enabled", "delete": True}, "'delete' needs 'rule'"),
        ({"rule": "allow", "insert": 0}, "from 1"),
        ({"rule": "allow", "comment": "it's"}, "takes no comment"),
    ],
)
def test_combinations_that_mean_nothing_are_refused(params: dict[str, object], said: str) -> None:
    """Before any host is touched."""
    assert any(said in problem for problem in problems("ufw", **params))
