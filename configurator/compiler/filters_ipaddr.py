"""The filters `ipaddr`, `ipv4`, `ipv6` and `ipwrap`: what an address is, and what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from jinja2 import Undefined

from configurator.compiler.addresses import Address, Ip, is_public, read, written

_Query = Callable[[Address, Any], Any]


def ipaddr(value: Any, query: Any = "", version: int | bool = False) -> Any:
    """The value if it is an address or network (else false), or what a query finds; of a list those that are.

    A query is the name of a part such as netmask, the number of an address, or a network to be in.
    """
    if isinstance(value, Undefined):
        str(value)
    if isinstance(value, list | tuple) or hasattr(value, "__next__"):
        found = (ipaddr(item, query, version) for item in value)
        return [item for item in found if item]
    address = read(value)
    if address is None or (version and address.ip.version != int(version)):
        return False
    return _asked(query)(address, value)


def ipv4(value: Any, query: Any = "") -> Any:
    """As `ipaddr`, for version 4 alone."""
    return ipaddr(value, query, 4)


def ipv6(value: Any, query: Any = "") -> Any:
    """As `ipaddr`, for version 6 alone."""
    return ipaddr(value, query, 6)


def ipwrap(value: Any, query: Any = "") -> Any:
    """The address, of version 6 in brackets as a URL wants it; any other text as it is."""
    if isinstance(value, list | tuple) or hasattr(value, "__next__"):
        return [ipwrap(item, query) for item in value]
    found = ipaddr(value, query)
    address = read(found) if isinstance(found, str) else None
    return value if address is None else _wrapped(address)


def _wrapped(address: Address, _value: Any = None) -> str:
    if address.ip.version == 4:
        return str(address)
    ip = f"[{written(address.ip)}]"
    return ip if address.bare else f"{ip}/{address.prefix}"


def _asked(query: Any) -> _Query:
    """Return what answers a query: a name, the number of an address, or a network to be in."""
    if isinstance(query, str) and query in QUERIES:
        return QUERIES[query]
    if re.fullmatch(r"[+-]?\d+", str(query), re.ASCII) and not isinstance(query, bool):
        return lambda address, _value: numbered(address, int(query))
    outer = read(query)
    if outer is None:
        raise ValueError(f"ipaddr: {query!r} is no query, number or network")
    return lambda address, value: value if outer.contains(address) else None


def numbered(address: Address, index: int) -> Any:
    """Return the address of a number in the network, from its end if negative; False if there is none."""
    if address.size == 1:
        return str(address)
    try:
        return f"{written(address.network[index])}/{address.prefix}"
    except IndexError:
        return False


# -- queries --------------------------------------------------------------------------------------------


def _ip(address: Address, _value: Any) -> Any:
    host = not address.is_network or address.size == 2 or address.ip.version == 6
    return written(address.ip) if host else None


def _host(address: Address, _value: Any) -> Any:
    return address.cidr if not address.is_network or address.size == 2 else None


def _host_in_use(address: Address, _value: Any) -> Any:
    return address.cidr if address.size == 1 or address.offers(address.ip) else False


def _with(what: Callable[[Address], Any]) -> _Query:
    """Answer for a host that is written with its network."""

    def answer(address: Address, _value: Any) -> Any:
        if address.size == 1 or (address.is_network and address.size > 2):
            return None
        return f"{written(address.ip)}{what(address)}"

    return answer


def _ranged(what: Callable[[Address, Ip, Ip], Any]) -> _Query:
    """Answer for a network, with its first and last usable address."""

    def answer(address: Address, _value: Any) -> Any:
        if address.bare:
            raise ValueError(f"ipaddr: {address} is not written with its network, such as {address.ip}/24")
        return None if address.usable is None else what(address, *address.usable)

    return answer


def _step(step: int) -> _Query:
    def answer(address: Address, _first: Ip, _last: Ip) -> Any:
        number = int(address.ip) + step
        known = int(address.network[0]) <= number <= int(address.network[-1])
        found = type(address.ip)(number) if known else None
        return str(found) if found is not None and address.offers(found) else None

    return _ranged(answer)


def _peer(address: Address, _value: Any) -> str:
    if address.bare or address.size not in (2, 4):
        raise ValueError(f"ipaddr: {address} is not in a network of two hosts (/30 or /31)")
    if not address.offers(address.ip):
        raise ValueError(f"ipaddr: {address} is no host of its network, and has no peer")
    assert address.usable is not None
    first, last = address.usable
    return str(last if address.ip == first else first)


def _number(address: Address, _value: Any) -> Any:
    return int(address.ip) if address.bare else f"{int(address.ip)}/{address.prefix}"


def _6to4(address: Address, _value: Any) -> Any:
    ip = address.ip
    if isinstance(ip, IPv6Address):
        return str(address) if ip.sixtofour is not None and not address.is_network else False
    if address.is_network or ip.is_multicast:
        return False
    number = int(ip)
    return f"2002:{number >> 16:04x}:{number & 0xFFFF:04x}::1/48"


def _as_ipv4(address: Address, _value: Any) -> Any:
    if isinstance(address.ip, IPv4Address):
        return str(address)
    mapped = address.ip.ipv4_mapped
    return False if mapped is None else f"{mapped}/{max(0, address.prefix - 96)}"


def _as_ipv6(address: Address, _value: Any) -> str:
    if isinstance(address.ip, IPv6Address):
        return str(address)
    return f"::ffff:{address.ip}/{address.prefix + 96}"


def _if(holds: Callable[[Ip], bool]) -> _Query:
    return lambda address, value: value if holds(address.ip) else None


_HOSTMASK: _Query = lambda address, _: str(address.network.hostmask)  # noqa: E731  (an entry with three names)
_LINK_LOCAL = _if(lambda ip: ip.is_link_local)
_SUBNET: _Query = lambda address, _: f"{written(address.network[0])}/{address.prefix}"  # noqa: E731
_NETWORK: _Query = lambda address, _: written(address.network[0])  # noqa: E731
QUERIES: dict[str, _Query] = {
    "": lambda address, _: str(address),
    "6to4": _6to4,
    "address": _ip,
    "bool": lambda *_: True,
    "broadcast": lambda address, _: str(address.network[-1]) if address.size > 2 else None,
    "cidr": lambda address, _: address.cidr,
    "first_usable": _ranged(lambda _, first, _last: str(first)),
    "host": _host,
    "hostmask": _HOSTMASK,
    "int": _number,
    "ip": _ip,
    "ip/prefix": _with(lambda address: f"/{address.prefix}"),
    "ip_netmask": _with(lambda address: f" {address.network.netmask}"),
    "ipv4": _as_ipv4,
    "ipv6": _as_ipv6,
    "last_usable": _ranged(lambda _, _first, last: str(last)),
    "link-local": _LINK_LOCAL,
    "loopback": _if(lambda ip: ip.is_loopback),
    "lo": _if(lambda ip: ip.is_loopback),
    "multicast": _if(lambda ip: ip.is_multicast),
    "net": lambda address, _: str(address.network) if address.is_network else None,
    "netmask": lambda address, _: str(address.network.netmask),
    "network": _NETWORK,
    "network_id": _NETWORK,
    "network_netmask": lambda address, _: f"{written(address.network[0])} {address.network.netmask}",
    "network_wildcard": lambda address, _: f"{written(address.network[0])} {address.network.hostmask}",
    "next_usable": _step(1),
    "peer": _peer,
    "prefix": lambda address, _: address.prefix,
    "previous_usable": _step(-1),
    "private": _if(lambda ip: not is_public(ip) and not ip.is_multicast),
    "public": _if(is_public),
    "range_usable": _ranged(lambda _, first, last: f"{first}-{last}"),
    "revdns": lambda address, _: f"{address.ip.reverse_pointer}.",
    "size": lambda address, _: address.size,
    "size_usable": lambda address, _: {1: 0, 2: 2}.get(address.size, address.size - 2),
    "type": lambda address, _: "network" if address.is_network else "address",
    "unicast": _if(lambda ip: not ip.is_multicast),
    "v4": _as_ipv4,
    "v6": _as_ipv6,
    "version": lambda address, _: address.ip.version,
    "wildcard": _HOSTMASK,
    "wrap": _wrapped,
    **dict.fromkeys(("subnet", "network/prefix"), _SUBNET),
    **dict.fromkeys(("address/prefix", "gateway", "gw", "host/prefix", "hostnet", "router"), _host_in_use),
}
UTILS: dict[str, Callable[..., Any]] = {"ipaddr": ipaddr, "ipv4": ipv4, "ipv6": ipv6, "ipwrap": ipwrap}
