"""docker_network: a network of Docker exists with its driver and addresses, or does not.

Parameters are those of community.docker.docker_network. A network cannot be changed: one that is different is
removed and made again, which Docker refuses while containers are connected to it. Only what is given is
compared; labels and options that others have set do not matter. Everything goes through the command
docker(1).

Otherwise than in Ansible: no container is connected or disconnected. Swarm is not managed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.base import Module
from configurator.modules.docker import OMITTED, READS, Docker, DockerLogin, check_name, flags, texts
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_CONNECTED = "which networks a container has is said where the container is made"
# Keys of `ipam_config`: docker's own names for them, and its options.
_POOL = {
    "subnet": ("Subnet", "subnet"), "iprange": ("IPRange", "ip-range"), "gateway": ("Gateway", "gateway"),
    "aux_addresses": ("AuxiliaryAddresses", "aux-address"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DockerNetworkParams(DockerLogin):
    """The parameters of community.docker.docker_network."""

    name: str = param("str", required=True, aliases=("network_name",))
    state: str = param("str", "present", choices=("present", "absent"))
    driver: str = param("str", "bridge")
    driver_options: dict[str, Any] = param("dict", {})
    ipam_driver: str | None = param("str")
    ipam_driver_options: dict[str, Any] = param("dict", {})
    ipam_config: tuple[Any, ...] = param("list")
    enable_ipv6: bool | None = param("bool")
    internal: bool | None = param("bool")
    attachable: bool | None = param("bool")
    labels: dict[str, Any] = param("dict", {})

    @property
    def pools(self) -> list[dict[str, Any]]:
        """The address pools, with addresses as text."""
        return [
            {
                key: texts(value) if isinstance(value, Mapping) else str(value)
                for key, value in pool.items()
                if value
            }
            for pool in self.ipam_config
        ]


class DockerNetwork(Module[DockerNetworkParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "docker_network"
    params: ClassVar[type] = DockerNetworkParams
    omitted: ClassVar[Mapping[str, str]] = OMITTED | {
        "appends": _CONNECTED,
        "connected": _CONNECTED,
        "config_from": "configurations of networks are of Swarm, which is not managed here",
        "config_only": "see `config_from`",
        "enable_ipv4": "the docker of Debian cannot leave it out",
        "force": "would disconnect containers, which belong to other tasks",
        "ingress": "is of Swarm, which is not managed here",
        "scope": "is of Swarm, which is not managed here",
    }
    typical_s: ClassVar[float] = 0.5

    def check(self, params: DockerNetworkParams) -> Sequence[ParamProblem]:
        problems = check_name("name", params.name)
        for pool in params.ipam_config:
            if not isinstance(pool, Mapping):
                problems.append(ParamProblem("ipam_config", "must be a list of mappings"))
                return problems
            for key, value in pool.items():
                problems += _check_pool(str(key), value)
        return problems

    def subject(self, params: DockerNetworkParams) -> str:
        return f"docker_network:{params.server}{params.name}"

    def effects(self, params: DockerNetworkParams) -> Effects:
        return effects(reads=READS, writes={self.subject(params)})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DockerNetworkParams) -> State:
        docker = Docker(system, params)

        def probe() -> State:
            found = docker.inspect("network", params.name)
            return {"exists": False} if found is None else _state(found)

        return system.lookup(self.subject(params), probe)

    def desired(self, params: DockerNetworkParams, actual: State) -> State:
        if params.state == "absent":
            return {"exists": False}
        wanted: State = {"exists": True, "driver": params.driver}
        for field in ("ipam_driver", "enable_ipv6", "internal", "attachable"):
            value = getattr(params, field)
            wanted |= {} if value is None else {field: value}
        for field in ("driver_options", "ipam_driver_options", "labels"):
            asked, there = texts(getattr(params, field)), actual.get(field) or {}
            if asked:
                wanted[field] = there if asked.items() <= there.items() else asked
        if params.ipam_config:
            pools, there = params.pools, actual.get("ipam_config") or []
            # What is not given, docker chooses by itself: a gateway, say.
            same = len(pools) == len(there) and all(
                any(pool.items() <= one.items() for one in there) for pool in pools
            )
            wanted["ipam_config"] = there if same else pools
        return wanted

    def converge(self, system: System, params: DockerNetworkParams, change: Change) -> None:
        docker, key = Docker(system, params), self.subject(params)
        if change.before["exists"]:
            docker.run(["network", "rm", params.name], {key: {"exists": False}})
        if params.state == "absent":
            return
        after: State = dict.fromkeys(("enable_ipv6", "internal", "attachable"), False)
        after |= {
            "ipam_driver": "default",
            "driver_options": {},
            "ipam_driver_options": {},
            "labels": {},
            "ipam_config": [],
        }
        given = {field: texts(getattr(params, field)) for field in ("driver_options", "ipam_driver_options")}
        given["labels"] = texts(params.labels)
        docker.run(["network", "create", *_words(params), params.name], {key: after | change.after | given})

    def outputs(self, params: DockerNetworkParams, actual: State) -> dict[str, object]:
        """Return a part of what Ansible does: name and driver."""
        return {"network": {"Name": params.name, "Driver": actual["driver"]} if actual["exists"] else {}}


def _check_pool(key: str, value: Any) -> list[ParamProblem]:
    if key not in _POOL:
        return [ParamProblem("ipam_config", f"unknown key {key!r}", did_you_mean(key, _POOL))]
    addresses = list(value.values()) if isinstance(value, Mapping) else [value] if value else []
    try:
        for address in addresses:
            (ipaddress.ip_network if key in ("subnet", "iprange") else ipaddress.ip_address)(str(address))
    except ValueError as error:
        return [ParamProblem("ipam_config", f"{key}: {error}")]
    return []


def _state(found: Mapping[str, Any]) -> State:
    """Return what `docker network inspect` says, in our words."""
    ipam = found.get("IPAM") or {}
    pools = [
        {
            key: texts(pool[theirs]) if isinstance(pool[theirs], Mapping) else pool[theirs]
            for key, (theirs, _) in _POOL.items()
            if pool.get(theirs)
        }
        for pool in ipam.get("Config") or ()
    ]
    return {
        "exists": True,
        "driver": found["Driver"],
        "driver_options": texts(found.get("Options") or {}),
        "ipam_driver": ipam.get("Driver"),
        "ipam_driver_options": texts(ipam.get("Options") or {}),
        "ipam_config": pools,
        "enable_ipv6": bool(found.get("EnableIPv6")),
        "internal": bool(found.get("Internal")),
        "attachable": bool(found.get("Attachable")),
        "labels": texts(found.get("Labels") or {}),
    }


def _words(params: DockerNetworkParams) -> list[str]:
    """Return the options of `docker network create`."""
    words = [f"--driver={params.driver}", *flags("opt", texts(params.driver_options))]
    words += [] if params.ipam_driver is None else [f"--ipam-driver={params.ipam_driver}"]
    words += flags("ipam-opt", texts(params.ipam_driver_options))
    for pool in params.pools:
        for key, value in pool.items():
            option = _POOL[key][1]
            words += flags(option, value) if isinstance(value, Mapping) else [f"--{option}={value}"]
    for option, yes in (
        ("ipv6", params.enable_ipv6), ("internal", params.internal), ("attachable", params.attachable)
    ):  # fmt: skip
        words += [f"--{option}"] if yes else []
    return words + flags("label", texts(params.labels))
