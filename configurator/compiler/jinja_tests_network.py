"""Tests of addresses and networks, as ansible.utils has them: bits beyond the prefix make it none."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from configurator.compiler.addresses import Ip, Network, inside, is_public, plain_ip
from configurator.compiler.filters_network import read_mac


def _network(value: Any) -> Network | None:
    try:
        return ip_network(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _of_ip(holds: Callable[[Ip], bool], summary: str) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        ip = plain_ip(value)
        return ip is not None and holds(ip)

    test.__doc__ = summary
    return test


def _of_network(version: int | None, summary: str) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        network = _network(value)
        return network is not None and version in (None, network.version)

    test.__doc__ = summary
    return test


def in_network(value: Any, network: Any) -> bool:
    """The address or network is in the other network."""
    inner, outer = _network(value), _network(network)
    return inner is not None and outer is not None and inside(inner, outer)


def in_any_network(value: Any, networks: Any) -> bool:
    """The address or network is in one of the networks, or in several."""
    return any(in_network(value, network) for network in networks)


def in_one_network(value: Any, networks: Any) -> bool:
    """The address or network is in exactly one of the networks."""
    return sum(in_network(value, network) for network in networks) == 1


def supernet_of(value: Any, network: Any) -> bool:
    """The other network is in this one."""
    return in_network(network, value)


def mac(value: Any) -> bool:
    """The text is the address of a network card."""
    return read_mac(value) is not None


def _netmask(ip: Ip) -> bool:
    ones = (int(ip) ^ 0xFFFFFFFF) + 1
    return ip.version == 4 and int(ip) != 0 and ones & (ones - 1) == 0


def _hostmask(ip: Ip) -> bool:
    return ip.version == 4 and int(ip) & (int(ip) + 1) == 0


UTILS: dict[str, Callable[..., bool]] = {
    "in_network": in_network,
    "in_any_network": in_any_network,
    "in_one_network": in_one_network,
    "subnet_of": in_network,
    "supernet_of": supernet_of,
    "mac": mac,
    "ip": _of_network(None, """The text is an address or a network."""),
    "ipv4": _of_network(4, """The text is an address or a network of version 4."""),
    "ipv6": _of_network(6, """The text is an address or a network of version 6."""),
    "ip_address": _of_ip(lambda _: True, """The text is an address."""),
    "ipv4_address": _of_ip(
        lambda ip: isinstance(ip, IPv4Address), """The text is an address of version 4."""
    ),
    "ipv6_address": _of_ip(
        lambda ip: isinstance(ip, IPv6Address), """The text is an address of version 6."""
    ),
    "ipv4_netmask": _of_ip(_netmask, """The text is a netmask such as 255.255.255.0."""),
    "ipv4_hostmask": _of_ip(_hostmask, """The text is a hostmask such as 0.0.0.255."""),
    "ipv6_ipv4_mapped": _of_ip(
        lambda ip: isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None,
        """The address of version 6 stands for one of version 4.""",
    ),
    "ipv6_sixtofour": _of_ip(
        lambda ip: isinstance(ip, IPv6Address) and ip.sixtofour is not None, """The address is one of 6to4."""
    ),
    "ipv6_teredo": _of_ip(
        lambda ip: isinstance(ip, IPv6Address) and ip.teredo is not None, """The address is one of Teredo."""
    ),
    "loopback": _of_ip(lambda ip: ip.is_loopback, """The address is the host's own."""),
    "multicast": _of_ip(lambda ip: ip.is_multicast, """The address is one for many receivers."""),
    "private": _of_ip(lambda ip: ip.is_private, """The address is not of the internet."""),
    "public": _of_ip(is_public, """The whole internet can reach the address."""),
    "reserved": _of_ip(lambda ip: ip.is_reserved, """The address is reserved for later use."""),
    "unspecified": _of_ip(lambda ip: ip.is_unspecified, """The address is that of no host."""),
}
