"""docker_network: networks of a real daemon, read back with docker(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.docker import prepared


def _network(name: str, network: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "docker_network", {"name": network, **params}


_POOL = {"subnet": "10.201.0.0/24", "gateway": "10.201.0.9", "aux_addresses": {"one": "10.201.0.5"}}

CASES: dict[str, Case] = {
    "kept": Case(
        (
            _network("plain", "tnet1"),
            _network("with all", "tnet2", ipam_config=[_POOL], internal=True, labels={"n": 1}),
            _network("same", "tnet2", ipam_config=[{"subnet": "10.201.0.0/24"}], labels={"n": "1"}),
            _network("same driver", "tnet2", internal=True, attachable=False, enable_ipv6=False),
            _network("made again", "tnet3", ipam_config=[{"subnet": "10.203.0.0/24"}]),
            _network("removed", "tnet4", state="absent"),
            _network("never there", "tnet5", state="absent"),
            _network("overlapping", "tnet6", ipam_config=[{"subnet": "10.201.0.0/25"}]),
        ),
        "for n in tnet2 tnet3; do docker network inspect -f"
        " '{{.Name}} {{.Internal}} {{json .Labels}} {{(index .IPAM.Config 0).Subnet}}' $n; done;"
        " docker network ls -q -f name=tnet | wc -l",
        'tnet2 true {"n":"1"} 10.201.0.0/24\ntnet3 false {} 10.203.0.0/24\n3\n',
        prepared("docker network create tnet3 >/dev/null; docker network create tnet4 >/dev/null"),
        idle=frozenset({"same", "same driver", "never there"}),
        plan_blind={"overlapping": "Pool overlaps"},  # with which addresses, the daemon alone knows
    ),
}
