"""Host patterns: what they select, and that nothing is selected by mistake."""

from __future__ import annotations

import pytest

from configurator.config.diagnostics import Diagnostics, Span
from configurator.inventory.model import Inventory
from configurator.inventory.patterns import means_adhoc, select


@pytest.fixture
def inventory() -> Inventory:
    found = Inventory()
    span = Span("hosts.yml", 1, 1)
    for group, hosts in {"web": ("web1", "web2", "web10"), "db": ("db1",), "prod": ("web1", "db1")}.items():
        found.group(group, span)
        for host in hosts:
            found.add_host(host, span, group)
    found.group("empty", span)
    found.finish(Diagnostics())
    return found


def names(inventory: Inventory, *patterns: str) -> tuple[list[str], list[tuple[str, str | None]]]:
    problems = Diagnostics()
    hosts = select(inventory, [(text, Span("--host")) for text in patterns], problems)
    return [host.name for host in hosts], [(p.message, p.hint) for p in problems.sorted()]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), ["web1", "web2", "web10", "db1"]),
        (("all",), ["web1", "web2", "web10", "db1"]),
        (("web1",), ["web1"]),
        (("web",), ["web1", "web2", "web10"]),
        (("web?",), ["web1", "web2"]),
        (("db1,web1",), ["web1", "db1"]),
        (("web:db",), ["web1", "web2", "web10", "db1"]),
        (("web:&prod",), ["web1"]),
        (("web:!prod",), ["web2", "web10"]),
        (("!web",), ["db1"]),
        (("web,!web1",), ["web2", "web10"]),
        (("!web1", "web"), ["web2", "web10"]),
        (("~web[0-9]$",), ["web1", "web2"]),
        (("web[0]",), ["web1"]),
        (("web[-1]",), ["web10"]),
        (("web[1:2]",), ["web2", "web10"]),
        (("p*",), ["web1", "db1"]),
    ],
)
def test_patterns_select_as_in_ansible(
    inventory: Inventory, patterns: tuple[str, ...], expected: list[str]
) -> None:
    """Names, groups, globs, expressions, positions, unions, intersections and exclusions."""
    assert names(inventory, *patterns) == (expected, [])


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("wbe1", "no host or group is named 'wbe1'", "did you mean 'web1'?"),
        ("web,!wbe1", "no host or group is named 'wbe1'", "did you mean 'web1'?"),
        ("zz*", "no host matches 'zz*'", None),
        ("empty", "no host matches 'empty'", None),
        (
            "203.0.113.5",
            "no host or group is named '203.0.113.5'",
            "a host that is not in the inventory is written with its user: root@203.0.113.5",
        ),
        ("root@", "cannot read the address 'root@'", "write user@address or user@address:port"),
        ("root@h:99999", "cannot read the address 'root@h:99999'", "write user@address or user@address:port"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error(
    inventory: Inventory, pattern: str, message: str, hint: str | None
) -> None:
    """A typo must never quietly select fewer hosts, nor exclude fewer."""
    assert names(inventory, pattern)[1] == [(message, hint)]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("root@10.0.0.1", {"ansible_host": "10.0.0.1", "ansible_user": "root"}),
        ("me@h.example:2222", {"ansible_host": "h.example", "ansible_user": "me", "ansible_port": 2222}),
        ("me@[2001:db8::1]:22", {"ansible_host": "2001:db8::1", "ansible_user": "me", "ansible_port": 22}),
    ],
)
def test_an_address_is_a_host_of_its_own(
    inventory: Inventory, text: str, variables: dict[str, object]
) -> None:
    """`user@address:port` needs no inventory."""
    problems = Diagnostics()
    hosts = select(inventory, [(text, Span("--host")), ("db1", Span("--host"))], problems)
    assert [host.name for host in hosts] == ["db1", text]
    assert hosts[1].adhoc == variables
    assert inventory.groups_of(hosts[1]) == ("all", "ungrouped")


def test_only_all_means_hosts_outside_the_inventory() -> None:
    """An ad hoc host gets the roles of entries for `all`, and of no others."""
    assert means_adhoc(["web", "all"])
    assert not means_adhoc(["web*", "ungrouped"])
