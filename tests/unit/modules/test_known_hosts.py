"""known_hosts: lines, hashed names, and what an edit leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules import known_hosts_lines as lines
from configurator.modules.known_hosts import KnownHosts
from tests.hosts.cases.known_hosts import ONE, OTHER, TWO
from tests.unit.modules.recorded_system import problems_of

# Written by ssh-keygen -H for the host `example.org`.
HASHED = "|1|CL2A/dWCSBbM5at4LW0SfdNs7E8=|3X0MYBGhhT8xODzQX/dBINdO+lw="
LINES = st.lists(
    st.sampled_from(
        [
            "",
            "# x",
            f"a {ONE}",
            "\f",
            f"a,b {ONE} c",
            f"b {TWO}",
            f"*.a {ONE}",
            f"@revoked a {ONE}",
            "a rubbish",
        ]
    )
)
KEYS = st.lists(st.sampled_from([ONE, TWO, OTHER, f"@revoked a {ONE}"]), min_size=1, max_size=2)


def _given(keys: list[str]) -> list[lines.HostLine]:
    parsed = (lines.parse_key(key, "a") for key in keys)
    return [line for line in parsed if line is not None]


def _not_about(text: str, host: str) -> list[str]:
    found = [(line, lines.parse_line(line)) for line in text.split("\n") if line]
    return [line for line, parsed in found if parsed is None or not parsed.is_of(host)]


@given(LINES, KEYS, st.booleans())
def test_keys_are_there_afterwards_and_other_lines_stay(rows: list[str], keys: list[str], end: bool) -> None:
    """Stable, and whatever is about other hosts keeps its order and bytes."""
    text = "\n".join(rows) + ("\n" if end and rows else "")
    wanted = _given(keys)
    new = lines.with_keys(text, "a", wanted)
    there = {line.key for line in lines.lines_of(new, "a")}
    assert {line.key for line in wanted} <= there
    assert lines.with_keys(new, "a", wanted) == new
    assert [line for line in _not_about(new, "a") if line in _not_about(text, "a")] == _not_about(text, "a")
    assert {line.key for line in lines.lines_of(new, "b")} == {line.key for line in lines.lines_of(text, "b")}


@given(LINES, st.one_of(st.just([]), KEYS))
def test_keys_are_gone_afterwards(rows: list[str], keys: list[str]) -> None:
    """Those that are named, or all; other hosts lose none."""
    text = "".join(f"{row}\n" for row in rows)
    gone = {line.key for line in _given(keys)}
    new = lines.without_keys(text, "a", _given(keys))
    left = {line.key for line in lines.lines_of(new, "a")}
    assert left == ({line.key for line in lines.lines_of(text, "a")} - gone if gone else set())
    assert {line.key for line in lines.lines_of(new, "b")} == {line.key for line in lines.lines_of(text, "b")}
    assert lines.without_keys(new, "a", _given(keys)) == new


def test_names_are_hashed_as_ssh_does() -> None:
    """A name that ssh-keygen has hashed is known again; ours are no two alike but the salt's."""
    assert lines.is_hash_of(HASHED, "example.org")
    assert not lines.is_hash_of(HASHED, "example.com")
    assert lines.hashed("a", b"1" * 20) == lines.hashed("a", b"1" * 20) != lines.hashed("a", b"2" * 20)
    for wrong in ("|1|", "|1|x|y", "|1|ü|", "|2|a|b"):
        assert not lines.is_hash_of(wrong, "a")


def test_a_hashed_name_takes_the_plain_ones_place() -> None:
    """Only where it is asked for; other names on the line stay."""
    text = f"a,b {ONE} c\n"
    assert lines.with_keys(text, "a", _given([ONE])) == text
    new = lines.with_keys(text, "a", _given([ONE]), lambda host: f"|1|{host}|")
    assert new == f"b {ONE} c\n|1|a| {ONE} c\n"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"key": None}, "'key' is required"),
        ({"key": "ssh-ed25519 AAAA"}, "line 1 of 'key' is no public key"),
        ({"key": f"{ONE}\nb {OTHER}"}, "line 2 of 'key' is about b, not a"),
        ({"key": "# nothing"}, "there is no key"),
        ({"key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "private key"),
        ({"name": "*.org"}, "is not one host"),
        ({"name": "a,b"}, "is not one host"),
        ({"path": "known_hosts"}, "absolute path"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(KnownHosts(), **({"name": "a", "key": ONE} | wrong))
    assert any(message in problem for problem in found), found
