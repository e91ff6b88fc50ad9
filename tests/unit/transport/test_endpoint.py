"""Endpoints: what was given wins over ~/.ssh/config, which wins over the defaults."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from configurator.core.errors import InputError
from configurator.transport.endpoint import openssh_config, resolve


def nothing(_arguments: Sequence[str]) -> Mapping[str, list[str]] | None:
    return None


def test_defaults() -> None:
    """Without any configuration: port 22 and the usual keys and files."""
    endpoint = resolve("web1", user="anna", ssh_config=nothing)
    assert (endpoint.address, endpoint.port, endpoint.user) == ("web1", 22, "anna")
    assert endpoint.identities[0].endswith("/.ssh/id_ed25519")
    assert endpoint.known_hosts[0].endswith("/.ssh/known_hosts")
    assert endpoint.host_key_name == "web1"


def test_ssh_config_fills_what_was_not_given(tmp_path: Path) -> None:
    """HostName, Port, User, IdentityFile and UserKnownHostsFile are OpenSSH's."""
    config = {
        "hostname": ["10.1.2.3"],
        "port": ["2222"],
        "user": ["bob"],
        "identityfile": ["~/.ssh/special"],
        "userknownhostsfile": [f"{tmp_path}/a {tmp_path}/b"],
    }
    endpoint = resolve("web1", ssh_config=lambda _arguments: config)
    assert (endpoint.address, endpoint.port, endpoint.user) == ("10.1.2.3", 2222, "bob")
    assert endpoint.identities[0].endswith("/.ssh/special")
    assert endpoint.known_hosts == (f"{tmp_path}/a", f"{tmp_path}/b")
    assert endpoint.host_key_name == "[10.1.2.3]:2222"
    given = resolve("web1", port=2200, user="anna", ssh_config=lambda _arguments: config)
    assert (given.port, given.user) == (2200, "anna")


def test_jumps_are_resolved_hop_by_hop() -> None:
    """ProxyJump a,b: b is reached through a, each by its own configuration."""

    def config(arguments: Sequence[str]) -> Mapping[str, list[str]]:
        name = arguments[-1]
        found: dict[str, list[str]] = {"hostname": [f"{name}.example.com"], "proxyjump": ["none"]}
        if name == "web1":
            found["proxyjump"] = ["first,anna@second:2200"]
        return found

    jump = resolve("web1", user="x", ssh_config=config).jump
    assert jump is not None
    assert (jump.address, jump.port, jump.user) == ("second.example.com", 2200, "anna")
    assert jump.jump is not None
    assert (jump.jump.address, jump.jump.jump) == ("first.example.com", None)


def test_a_key_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    """A missing key file is an error before any connection, and names host and file."""
    with pytest.raises(InputError, match=r"web1: the key file .*/none does not exist"):
        resolve("web1", user="x", identity=f"{tmp_path}/none", ssh_config=nothing)


def test_the_key_stays_known_when_the_port_moves() -> None:
    """A host whose sshd was moved is still the host whose key is on record."""
    endpoint = resolve("web1", user="x", ssh_config=nothing)
    assert endpoint.with_port(2222).host_key_name == "web1"
    assert endpoint.with_port(2222).with_port(22).host_key_name == "web1"


@pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH is not installed")
def test_openssh_itself_resolves_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference for ~/.ssh/config is `ssh -G`, which reads Include and Match."""
    version = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    assert version.startswith("OpenSSH")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(
        "Host x\n  HostName 192.0.2.7\n  Port 2022\n  ProxyJump anna@192.0.2.8,[2001:db8::1]:2200\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    found = openssh_config(["x"])
    assert found is not None
    assert (found["hostname"], found["port"]) == (["192.0.2.7"], ["2022"])
    assert found["userknownhostsfile"][0].startswith(f"{tmp_path}/.ssh/known_hosts ")
    jump = resolve("x").jump
    assert jump is not None and jump.jump is not None
    assert (jump.address, jump.port) == ("2001:db8::1", 2200)
    assert (jump.jump.address, jump.jump.port, jump.jump.user) == ("192.0.2.8", 22, "anna")


@pytest.mark.parametrize(
    ("hop", "address", "port"),
    [
        ("gate", "gate", 22),
        ("gate:2200", "gate", 2200),
        ("[192.0.2.8]", "192.0.2.8", 22),
        ("[2001:db8::1]:2200", "2001:db8::1", 2200),
        ("2001:db8::1", "2001:db8::1", 22),
        ("ssh://gate:2200", "gate", 2200),
    ],
)
def test_every_way_to_write_a_jump(hop: str, address: str, port: int) -> None:
    """As in ssh_config(5), and as `ssh -G` writes it: addresses in brackets."""
    jumps = {"web1": {"proxyjump": [hop]}}
    jump = resolve("web1", user="x", ssh_config=lambda arguments: jumps.get(arguments[-1], {})).jump
    assert jump is not None
    assert (jump.address, jump.port) == (address, port)
