"""Docker: what is asked of its command line, by recorded answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.docker_network import DockerNetwork
from configurator.modules.docker_volume import DockerVolume
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

VOLUME = DockerVolume()
THERE: dict[str, Any] = {
    "CreatedAt": "2026-01-01T00:00:00Z", "Driver": "local", "Labels": {"a": "1", "b": "2"},
    "Mountpoint": "/var/lib/docker/volumes/data/_data", "Name": "data", "Options": None, "Scope": "local",
}  # fmt: skip


def host(*volumes: dict[str, Any]) -> RecordedSystem:
    """Return a host whose docker knows these volumes."""
    none = (1, "[]", "Error response from daemon: get nothing: no such volume\n")
    answers: dict[str, Any] = {"docker --version": "Docker version 20.10.24", "docker volume inspect": none}
    for volume in volumes:
        answers[f"docker volume inspect {volume['Name']}"] = json.dumps([volume])
    return RecordedSystem(answers)


def test_a_volume_is_made_with_all_that_is_asked_for() -> None:
    """Numbers and booleans are text to docker."""
    system = host()
    raw = {"name": "data", "driver_options": {"type": "tmpfs", "n": 1}, "labels": {"x": True}}
    assert not converge(VOLUME, system, **raw)
    assert system.commands == [
        "docker volume create --driver=local --opt=n=1 --opt=type=tmpfs --label=x=true data"
    ]


def test_a_volume_that_is_there_is_kept() -> None:
    """What is in a volume is worth more than its options; that they differ is said."""
    system = host(THERE)
    assert not change_of(VOLUME, system, name="data", labels={"a": "1"})
    assert system.notices == []
    assert not change_of(VOLUME, system, name="data", driver="nfs", labels={"a": "3"})
    assert "another driver and labels" in system.notices[0]


def test_a_different_volume_is_made_again_if_that_is_asked_for() -> None:
    """Removed first: two cannot have one name."""
    system = host(THERE)
    assert not converge(VOLUME, system, name="data", labels={"a": "3"}, recreate="options-changed")
    assert system.commands == [
        "docker volume rm data",
        "docker volume create --driver=local --label=a=3 data",
    ]


def test_a_volume_is_removed_once() -> None:
    """One that is not there is fine."""
    system = host(THERE)
    assert not converge(VOLUME, system, name="data", state="absent")
    assert system.commands == ["docker volume rm data"]
    assert not change_of(VOLUME, host(), name="data", state="absent")


def test_a_name_that_is_the_beginning_of_an_id_is_not_the_thing() -> None:
    """`docker inspect` takes both."""
    system = host()
    system.answers["docker volume inspect da"] = json.dumps([THERE])
    assert change_of(VOLUME, system, name="da").after["exists"]


def test_a_daemon_that_does_not_run_is_a_failure_with_a_hint() -> None:
    """It must not look like a volume that is not there."""
    said = (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
    )
    system = RecordedSystem({"docker --version": "x", "docker volume inspect": (1, "[]", said)})
    with pytest.raises(TaskError, match="Cannot connect") as caught:
        change_of(VOLUME, system, name="data")
    assert "state: started" in (caught.value.hint or "")


def test_without_docker_it_is_said_what_to_install() -> None:
    """In a plan in which the package comes first, there is no volume yet."""
    system = RecordedSystem({"docker --version": (127, "", "")})
    with pytest.raises(TaskError, match="not installed") as caught:
        change_of(VOLUME, system, name="data")
    assert "apt: {name: docker.io}" in (caught.value.hint or "")
    system.established["package:docker.io"] = {"exists": True}
    assert not converge(VOLUME, system, name="data")


@pytest.mark.parametrize("name", ["-v", "a/b", "", "a b"])
def test_what_docker_would_take_for_something_else_is_refused(name: str) -> None:
    """A name that begins with a dash is an option."""
    assert problems_of(VOLUME, name=name) == [f"{name!r} is no name"]


NETWORK = DockerNetwork()
WEB: dict[str, Any] = {
    "Name": "web", "Id": "7fca4eb8c647", "Scope": "local", "Driver": "bridge", "EnableIPv6": False,
    "IPAM": {
        "Driver": "default", "Options": None, "Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]
    },
    "Internal": False, "Attachable": False, "Ingress": False, "Containers": {}, "Options": {},
    "Labels": {"a": "1"},
}  # fmt: skip


def networks(*found: dict[str, Any]) -> RecordedSystem:
    """Return a host whose docker knows these networks."""
    none = (1, "[]", "Error response from daemon: network nothing not found\n")
    answers: dict[str, Any] = {"docker --version": "Docker version 20.10.24", "docker network inspect": none}
    for network in found:
        answers[f"docker network inspect {network['Name']}"] = json.dumps([network])
    return RecordedSystem(answers)


def test_a_network_is_made_with_all_that_is_asked_for() -> None:
    """Pools of addresses become options one after the other."""
    system = networks()
    pool = {"subnet": "10.9.0.0/24", "gateway": "10.9.0.1", "aux_addresses": {"one": "10.9.0.5"}}
    assert not converge(
        NETWORK, system, name="web", ipam_config=[pool], internal=True, labels={"a": 1}, enable_ipv6=False
    )
    assert system.commands == [
        "docker network create --driver=bridge --subnet=10.9.0.0/24 --gateway=10.9.0.1"
        " --aux-address=one=10.9.0.5 --internal --label=a=1 web"
    ]


def test_what_docker_has_chosen_by_itself_is_no_difference() -> None:
    """A gateway, the driver of addresses, labels of others."""
    raw = {"name": "web", "ipam_config": [{"subnet": "10.9.0.0/24"}], "attachable": False}
    assert not change_of(NETWORK, networks(WEB), **raw)
    assert not change_of(NETWORK, networks(WEB), name="web", labels={"a": "1"})


def test_a_different_network_is_made_again() -> None:
    """Docker cannot change one."""
    system = networks(WEB)
    assert not converge(NETWORK, system, name="web", ipam_config=[{"subnet": "10.8.0.0/24"}])
    assert system.commands == [
        "docker network rm web",
        "docker network create --driver=bridge --subnet=10.8.0.0/24 web",
    ]


def test_a_network_with_containers_is_a_failure_with_a_hint() -> None:
    """They would be cut off."""
    system = networks(WEB)
    system.plan = False
    system.answers["docker network rm web"] = (
        1,
        "",
        "Error response from daemon: web has active endpoints\n",
    )
    with pytest.raises(TaskError, match="docker: web has active endpoints") as caught:
        converge(NETWORK, system, name="web", state="absent")
    assert "disconnect" in (caught.value.hint or "")


def test_addresses_are_checked_before_any_host() -> None:
    """An address with bits of a host, keys with typing errors."""
    assert problems_of(NETWORK, name="web", ipam_config=[{"subnet": "10.9.0.1/24"}]) == [
        "subnet: 10.9.0.1/24 has host bits set"
    ]
    assert problems_of(NETWORK, name="web", ipam_config=[{"gatway": "10.9.0.1"}]) == ["unknown key 'gatway'"]
