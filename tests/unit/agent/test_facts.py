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

from configurator.agent import fact_requests, facts, facts_more, facts_network
from configurator.agent.system import HostContext, RealSystem
from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError
from configurator.modules.params import parse
from configurator.modules.setup import SUBSETS, Setup, SetupParams, facts_of


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


def files_at(monkeypatch: pytest.MonkeyPatch, texts: dict[str, str]) -> None:
    monkeypatch.setattr(facts, "read", lambda path: texts.get(path, ""))


@pytest.mark.parametrize(
    ("mask", "enforced", "held"),
    [
        ("000001ffffffffff", "False", []),
        ("0000000000000003", "True", ["cap_chown", "cap_dac_override"]),
        ("0000010000000000", "True", ["cap_checkpoint_restore"]),
    ],
)
def test_capabilities_are_told_by_name(
    monkeypatch: pytest.MonkeyPatch, mask: str, enforced: str, held: list[str]
) -> None:
    """All of them count as none enforced, as in Ansible."""
    status = f"Name:\tpython3\nCapEff:\t{mask}\n"
    files_at(monkeypatch, {"/proc/self/status": status, "/proc/sys/kernel/cap_last_cap": "40\n"})
    told = facts_more.security()
    assert (told["system_capabilities_enforced"], told["system_capabilities"]) == (enforced, held)


@pytest.mark.parametrize(
    ("kind", "told", "container"),
    [
        ("systemd-nspawn", "container", True),
        ("docker", "docker", True),
        ("kvm", "kvm", False),
        ("", "", False),
    ],
)
def test_containers_have_ansibles_names(
    monkeypatch: pytest.MonkeyPatch, kind: str, told: str, container: bool
) -> None:
    """It knows a few by name; roles ask for `container` to mean the others."""
    monkeypatch.setattr(facts, "_virtualization", lambda: kind)
    found = facts.virtual()
    assert (found["virtualization_type"], found["is_container"]) == (told, container)
    assert found["virtualization_role"] == ("guest" if kind else "host")
    assert found["virtualization_tech_guest"] == list(dict.fromkeys(word for word in (told, kind) if word))


def test_the_scheduler_of_a_disk_is_the_one_in_brackets() -> None:
    """sysfs lists all that the kernel has."""
    assert facts_more._scheduler("mq-deadline kyber [bfq] none") == "bfq"
    assert facts_more._scheduler("none") == ""


def test_what_is_local_is_read_and_run(tmp_path: Path) -> None:
    """A fact that cannot be read is left out with a warning, and the others are told."""
    real = RealSystem(HostContext(facts={}, fetch_piece=_no_piece, ssh_connection=""), CancelToken(), {})
    (tmp_path / "ini.fact").write_text("[section]\nname = value\n")
    (tmp_path / "json.fact").write_text('{"a": [1]}')
    (tmp_path / "broken.fact").write_text("neither")
    (tmp_path / "ignored.txt").write_text("{}")
    program = tmp_path / "program.fact"
    program.write_text('#!/bin/sh\necho \'{"from": "program"}\'\n')
    program.chmod(0o755)
    found = facts_of(real, frozenset({"local"}), 5.0, str(tmp_path))
    assert found == {
        "local": {"ini": {"section": {"name": "value"}}, "json": {"a": [1]}, "program": {"from": "program"}}
    }
    assert len(real.notices) == 1
    assert real.notices[0].startswith(f"{tmp_path}/broken.fact is no fact: ")


def _no_piece(*_args: Any) -> tuple[bytes, int]:
    raise AssertionError("nothing is fetched")


class Listener:
    """The part of an agent that answers."""

    ssh_connection = ""
    piece = staticmethod(_no_piece)

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


def test_one_answer_has_all_parts_and_says_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that fails takes none of the others with it."""

    def fail(*_args: Any) -> dict[str, Any]:
        raise TaskError("systemd is not running here")

    monkeypatch.setitem(fact_requests._LISTS, "services", fail)
    agent = Listener()
    parts = ["dns", "services", "cmdline"]
    fact_requests.gather(agent, {"parts": parts, "timeout_s": 5})  # type: ignore[arg-type]
    (answer,) = agent.sent
    assert {"dns", "cmdline"} <= answer["facts"].keys()
    assert answer["problems"] == {"services": "systemd is not running here"}
