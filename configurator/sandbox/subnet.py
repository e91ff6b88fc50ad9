"""Choosing a subnet nobody on this machine uses, so that several sandboxes and a VPN live side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network

from configurator.core.errors import SandboxError

# RFC 2544 reserves this block for tests between networks: no home, office or VPN should route it.
POOL = ip_network("198.18.0.0/15")
PREFIX = 24

# A route at least this wide covers "the internet" (default is /0; VPNs use two /1) and does not occupy a
# subnet.
DEFAULT_LIKE = 7

# A /24 without its network, broadcast and gateway addresses.
MOST_HOSTS = 253


def occupied(addresses: str, routes: str) -> list[IPv4Network]:
    """Return the IPv4 networks in use, from `ip -json address` and `ip -json route show table all`."""
    found = []
    for link in json.loads(addresses or "[]"):
        for entry in link.get("addr_info", []):
            if entry.get("family") == "inet":
                found.append(IPv4Network(f"{entry['local']}/{entry['prefixlen']}", strict=False))
    for route in json.loads(routes or "[]"):
        destination = route.get("dst", "default")
        if destination == "default" or ":" in destination:
            continue
        network = IPv4Network(destination, strict=False)
        if network.prefixlen > DEFAULT_LIKE:
            found.append(network)
    return found


def choose(used: Iterable[IPv4Network]) -> IPv4Network:
    """Return the first /24 of the pool that overlaps nothing in use; SandboxError when there is none left."""
    taken = list(used)
    for candidate in POOL.subnets(new_prefix=PREFIX):
        if isinstance(candidate, IPv4Network) and not any(candidate.overlaps(other) for other in taken):
            return candidate
    raise SandboxError(
        f"no free /{PREFIX} is left in {POOL}",
        hint="remove sandboxes that are no longer used: `sudo configurator sandbox down --all`",
    )


def guest_address(subnet: IPv4Network, number: int) -> str:
    """Return the address of the lab's host of this number (from 1); the bridge has the first, so it is number
    + 1.
    """
    if not 1 <= number <= MOST_HOSTS:
        raise SandboxError(f"a sandbox holds at most {MOST_HOSTS} hosts")
    return str(subnet.network_address + 1 + number)


def gateway(subnet: IPv4Network) -> str:
    """Return the bridge's own address, which is the guests' gateway: the first of the subnet."""
    return str(next(subnet.hosts()))
