"""Facts are read from files: here from files that say something else than this machine."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent import facts, facts_more, facts_network
from configurator.modules.params import parse
from configurator.modules.setup import SUBSETS, Setup, SetupParams


@given(st.integers(0, 2**128 - 1))
def test_an_ipv6_address_is_written_as_everybody_writes_it(number: int) -> None:
    """The kernel writes 32 digits; RFC 5952 has one form for each."""
    assert facts_network._colons(f"{number:032x}") == str(ipaddress.IPv6Address(number))


def test_the_clock_is_told_in_ansibles_forms() -> None:
    """Templates use `ansible_date_time.iso8601` and the like; all forms are of one moment."""
    told = facts.date_time()
    assert told["iso8601"].endswith("Z")
    assert told["date"] == f"{told['year']}-{told['month']}-{told['day']}"
    assert told["time"] == f"{told['hour']}:{told['minute']}:{told['second']}"
    assert told["iso8601_basic"].startswith(told["iso8601_basic_short"])


def test_only_the_ordinary_environment_is_told_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in every log; what sshd has let through besides may be a secret."""
    monkeypatch.setenv("API_TOKEN", "s3cret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert facts.collect()["env"]["LC_ALL"] == "C.UTF-8"
    assert "API_TOKEN" not in facts.collect()["env"]
    assert facts_more.gather({"env"}, 1)["env"]["API_TOKEN"] == "s3cret"


def test_an_interface_may_be_called_as_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may name an interface must not be able to replace what the host is known by."""
    network: dict[str, Any] = {"distribution": {"device": "distribution"}, "interfaces": ["distribution"]}
    monkeypatch.setattr(facts_network, "collect", lambda: dict(network))
    assert isinstance(facts.collect()["distribution"], str)


def test_the_interface_of_the_default_route_is_always_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host of containers has hundreds of interfaces; a run describes the first few and this one."""
    names = [f"veth{number:03}" for number in range(40)] + ["zeth0"]
    monkeypatch.setattr(facts_network, "_names", lambda: names)
    monkeypatch.setattr(facts_network, "_route4", lambda: {"interface": "zeth0", "gateway": "192.0.2.1"})
    monkeypatch.setattr(facts_network, "_sysfs", lambda _name, _attribute: "1")
    found = facts_network.collect()
    assert found["zeth0"]["mtu"] == found["default_ipv4"]["mtu"] == 1
    assert sum(name.startswith("veth") for name in found) == 16
    assert found["interfaces"] == names


def test_the_default_facts_import_nothing_slow() -> None:
    """Every connection waits for them; the module `socket` alone would take 5 ms."""
    code = (
        "import sys; from configurator.agent import facts; before = set(sys.modules); facts.collect();"
        "print(' '.join(sys.modules))"
    )
    root = str(Path(facts.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    slow = {"socket", "subprocess", "json", "dataclasses", "configurator.agent.facts_more", "threading"}
    assert slow.isdisjoint(done.stdout.split())


def test_every_subset_is_computed_by_something() -> None:
    """A word of `gather_subset` that nothing stands for would return nothing without a word."""
    parts = {part for parts in SUBSETS.values() for part in parts}
    assert parts - {"mounts", "local"} == set(facts_more.COLLECTORS)


@pytest.mark.parametrize(
    ("words", "there", "not_there"),
    [
        ([], {"platform", "mounts", "network", "virtual"}, set()),
        (["!all"], {"platform", "local"}, {"mounts", "network", "virtual"}),
        (["!all", "!min"], set(), {"platform", "mounts"}),
        (["network"], {"network", "platform"}, {"mounts"}),
        (["!min", "mounts"], {"mounts"}, {"platform", "network"}),
        (["!hardware"], {"network", "platform"}, {"mounts", "devices"}),
        (["all", "!mounts"], {"devices"}, {"mounts"}),
        (["!all", "!min", "default_ipv4"], {"network"}, {"platform"}),
    ],
)
def test_words_add_up_to_parts(words: list[str], there: set[str], not_there: set[str]) -> None:
    """As in Ansible: `!` takes away, and the least is in unless it is taken away."""
    params, problems = parse(SetupParams, {"gather_subset": words} if words else {})
    assert not problems
    assert there <= params.parts
    assert params.parts.isdisjoint(not_there)
    if words == ["!all", "!min"]:
        assert params.parts == frozenset()


@pytest.mark.parametrize(
    ("given_", "problem"),
    [
        ({"gather_subset": ["hardwear"]}, "unknown subset 'hardwear'"),
        ({"gather_subset": ["facter"]}, "a program of its own"),
        ({"gather_subset": ["!facter"]}, None),
        ({"fact_path": "facts.d"}, "must be absolute"),
        ({"gather_timeout": 0}, "more than 0"),
    ],
)
def test_words_that_mean_nothing_are_told_offline(given_: dict[str, Any], problem: str | None) -> None:
    """Before any host is asked."""
    params, problems = parse(SetupParams, given_)
    found = [one.message for one in (*problems, *(Setup().check(params) if params else ()))]
    assert (not found) if problem is None else problem in found[0]


def test_a_dead_file_server_costs_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its statvfs(2) never returns; everything else is told."""
    never = threading.Event()

    def sizes(place: str) -> dict[str, Any]:
        if place == "/mnt/dead":
            never.wait()
        return {"size_total": 1}

    table = "server:/x /mnt/dead nfs4 rw 0 0\n/dev/vda1 / ext4 rw 0 1\nproc /proc proc rw 0 0\n"
    monkeypatch.setattr(facts, "read", lambda _path: table)
    monkeypatch.setattr(facts_more, "_sizes", sizes)
    try:
        found = {entry["mount"]: entry for entry in facts_more.mounts(0.05)["mounts"]}
    finally:
        never.set()
    assert found["/"]["size_total"] == 1
    assert found["/mnt/dead"]["note"] == "no answer in time"
    assert "/proc" not in found
