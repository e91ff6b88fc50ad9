"""Addresses and networks of the internet protocol, as the filters and tests of ansible.utils read them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
)
from typing import Any, TypeAlias

Ip: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
_SIXTOFOUR = IPv6Network("2002::/16")
_V4_MAX = 2**32


@dataclass(frozen=True, slots=True)
class Address:
    """An address with the network it is written with; `bare` if it was written without one."""

    interface: IPv4Interface | IPv6Interface
    bare: bool

    @property
    def ip(self) -> Ip:
        """Return the address alone."""
        return self.interface.ip

    @property
    def network(self) -> Network:
        """Return the network; of a bare address that of itself alone."""
        return self.interface.network

    @property
    def prefix(self) -> int:
        """Return the number of bits that the network has in common."""
        return self.network.prefixlen

    @property
    def size(self) -> int:
        """Return how many addresses the network has."""
        return self.network.num_addresses

    @property
    def is_network(self) -> bool:
        """Return True if what was written is the network itself, and no host in it."""
        return self.size > 1 and self.ip == self.network.network_address

    @property
    def usable(self) -> tuple[Ip, Ip] | None:
        """Return the first and the last address that a host can have; None for a network of one."""
        first, last = self.network[0], self.network[-1]
        if self.size == 1:
            return None
        return (first, last) if self.size == 2 else (first + 1, last - 1)

    def offers(self, ip: Ip) -> bool:
        """Return True if a host in the network can have the address."""
        return self.usable is not None and int(self.usable[0]) <= int(ip) <= int(self.usable[1])

    def contains(self, other: Address) -> bool:
        """Return True if the whole of the other is in this network."""
        return inside(other.network, self.network)

    def __str__(self) -> str:
        return written(self.ip) if self.bare else self.cidr

    @property
    def cidr(self) -> str:
        """Return address and prefix."""
        return f"{written(self.ip)}/{self.prefix}"


def written(ip: Ip) -> str:
    """Return an address as text; one that stands for one of version 4 shows it, with any Python."""
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return f"::ffff:{ip.ipv4_mapped}"
    return str(ip)


def inside(inner: Network, outer: Network) -> bool:
    """Return True if all of a network is in another; one of the other version never is."""
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def read(value: Any) -> Address | None:
    """Return what an address, a network or a number means; None if it means neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value) if len(value) < 40 else None
    if isinstance(value, int):
        return _numbered(value)
    if not isinstance(value, str) or not value:
        return None
    try:
        return Address(ip_interface(value), "/" not in value)
    except ValueError:
        return None


def _numbered(value: int) -> Address | None:
    try:
        return Address(ip_interface(IPv4Address(value) if value < _V4_MAX else IPv6Address(value)), True)
    except ValueError:
        return None


def needed(value: Any, who: str) -> Address:
    """Return what `read` does; ValueError if the value is no address."""
    found = read(value)
    if found is None:
        raise ValueError(f"{who}: {value!r} is not an address")
    return found


def is_public(ip: Ip) -> bool:
    """Return True if the whole internet can reach the address."""
    if isinstance(ip, IPv6Address) and (ip.ipv4_mapped is not None or ip in _SIXTOFOUR):
        return False
    return ip.is_global and not ip.is_multicast


def plain_ip(value: Any) -> Ip | None:
    """Return an address that is written without a network; None for anything else."""
    try:
        return ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None
