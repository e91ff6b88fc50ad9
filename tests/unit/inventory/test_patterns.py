"""Host patterns: what they select, and that nothing is selected by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.config.diagnostics import Diagnostics, Span
from configurator.inventory.model import Inventory
from configurator.inventory.patterns import means_adhoc, read_limit, select


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


# -- what holds for all patterns ---------------------------------------------------------------------------

NAMES = [f"h{number}" for number in range(6)]
GROUPS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(st.sampled_from(NAMES)), max_size=3)


def inventory_of(groups: dict[str, list[str]]) -> Inventory:
    found, span = Inventory(), Span("hosts.yml", 1, 1)
    found.group("all", span)
    for name in NAMES:
        found.add_host(name, span, "all")
    for group in ("a", "b", "c"):
        found.group(group, span)
        for host in groups.get(group, ()):
            found.add_host(host, span, group)
    found.finish(Diagnostics())
    return found


@given(GROUPS, st.permutations(["a", "&b", "!c"]), st.sampled_from([",", ":"]))
def test_unions_intersections_and_exclusions_are_those_of_sets(
    groups: dict[str, list[str]], parts: list[str], separator: str
) -> None:
    """Whatever the order of the parts, and whichever sign separates them."""
    a, b, c = (set(groups.get(name, ())) for name in "abc")
    problems = Diagnostics()
    found = select(inventory_of(groups), [(separator.join(parts), Span("--host"))], problems)
    assert [host.name for host in found] == sorted((a & b) - c)


@given(st.integers(-8, 8), st.integers(0, 8), st.booleans(), st.sampled_from([":", "-"]))
def test_positions_are_those_of_a_list(first: int, more: int, ranged: bool, separator: str) -> None:
    """`all[2]`, `all[-1]`, and `all[1:3]` with its end included."""
    first = abs(first) if ranged else first
    text = f"all[{first}{separator}{first + more}]" if ranged else f"all[{first}]"
    expected = NAMES[first : first + more + 1] if ranged else [NAMES[first]] if -6 <= first < 6 else []
    found = select(inventory_of({}), [(text, Span("--host"))], Diagnostics())
    assert [host.name for host in found] == expected


@given(st.text(alphabet="abch0123*?[]!&:,~@-$^ ", max_size=12))
def test_no_pattern_is_more_than_a_problem(text: str) -> None:
    """Hosts, or sentences; no pattern selects a host that is not in the inventory without an address."""
    found = select(inventory_of({"a": ["h1"]}), [(text, Span("--host"))], Diagnostics())
    assert all(host.name in NAMES or "@" in host.name for host in found)


def test_limit_takes_patterns_from_a_file(tmp_path: Path) -> None:
    """One a line, as Ansible's retry files have them; a mistake is shown at its line."""
    file = tmp_path / "retry"
    file.write_text("web1\n# comment\nweb2  # why\n\nwbe\n")
    problems = Diagnostics()
    found = read_limit([f"@{file},db1", "~w"], problems)
    assert [text for text, _span in found] == ["web1", "web2", "wbe", "db1", "~w"]
    assert str(found[2][1]) == f"{file}:5:1"
    assert read_limit(["@/nowhere"], problems) == []
    assert [str(problem) for problem in problems.sorted()] == [
        "/nowhere: cannot read this file: no such file or directory"
    ]
