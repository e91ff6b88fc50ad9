"""Filters for networks, for calculating with addresses, and for the addresses of network cards."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses
from typing import Any

from configurator.compiler.addresses import Address, Network, needed, read
from configurator.compiler.filters_lists import items_of

_MOST = 65536  # addresses that a list may have
_PARTS = {  # how cards' addresses are written, with what is between the parts
    ":": re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}"),
    "-": re.compile(r"[0-9a-fA-F]{1,2}(?:-[0-9a-fA-F]{1,2}){5}"),
    ".": re.compile(r"[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2}"),
    "": re.compile(r"[0-9a-fA-F]{12}"),
}


def ipmath(value: Any, amount: int) -> str:
    """The address so many after the given one, or before it."""
    return str(needed(value, "ipmath").ip + int(amount))


def ip4_hex(arg: Any, delimiter: str = "") -> str:
    """The address of version 4 in hexadecimal."""
    address = needed(arg, "ip4_hex").ip
    if address.version != 4:
        raise ValueError(f"ip4_hex: {arg!r} is not of version 4")
    return delimiter.join(f"{byte:02x}" for byte in address.packed)


def ipsubnet(value: Any, query: Any = "", index: Any = None) -> Any:
    """The network of the address, or with a prefix the number of its subnets, or the one of that `index`.

    With a network: the number that the subnet has in it, from 1.
    """
    address = read(value)
    if address is None:
        return False
    if query == "":
        return str(address.network)
    if re.fullmatch(r"\d+", str(query), re.ASCII):
        return _subnets(address, int(query), None if index is None else int(index))
    outer = needed(query, "ipsubnet")
    if not outer.contains(address):
        raise ValueError(f"ipsubnet: {address.network} is not in {outer.network}")
    before = int(address.network[0]) - int(outer.network[0])
    return str(before // address.size + 1)


def _subnets(address: Address, prefix: int, index: int | None) -> Any:
    longest = address.network.max_prefixlen
    if address.bare:  # the networks that it is in, from the widest on
        prefixes = range(prefix, longest)
        if not -len(prefixes) <= (index or 0) < len(prefixes):
            return False
        return str(address.network.supernet(new_prefix=prefixes[index or 0]))
    if not address.prefix <= prefix <= longest:
        if index is not None:
            return False
        raise ValueError(f"ipsubnet: {address.network} has no subnets of the prefix {prefix}")
    count = 1 << (prefix - address.prefix)
    if index is None:
        return str(count)
    if not -count <= index < count:
        return False
    first = int(address.network[0]) + (index % count << (longest - prefix))
    return f"{type(address.ip)(first)}/{prefix}"


def nthhost(value: Any, query: Any = "") -> Any:
    """The address of a number in the network, from its end if negative."""
    address = read(value)
    if address is None or not str(query).lstrip("+-").isdecimal():
        return False
    try:
        return str(address.network[int(query)])
    except IndexError:
        return False


def network_in_usable(value: Any, test: Any) -> bool:
    """True if hosts of the network can have the address, or all those of the other network."""
    outer, inner = read(value), read(test)
    if outer is None or inner is None or outer.ip.version != inner.ip.version:
        return False
    return outer.offers(inner.network[0]) and outer.offers(inner.network[-1])


def network_in_network(value: Any, test: Any) -> bool:
    """True if the address or the whole of the other network is in the network."""
    outer, inner = read(value), read(test)
    return outer is not None and inner is not None and outer.contains(inner)


def reduce_on_network(value: Any, network: Any) -> list[Any]:
    """The addresses of the list that are in the network."""
    outer = read(network)
    items = [value] if isinstance(value, str) else items_of(value, "reduce_on_network")
    found = [(item, read(item)) for item in items]
    return [item for item, address in found if outer and address and outer.contains(address)]


def next_nth_usable(value: Any, offset: int) -> Any:
    """The usable address of the same network so many after the given one; null if there is none."""
    return _usable(value, int(offset))


def previous_nth_usable(value: Any, offset: int) -> Any:
    """The usable address of the same network so many before the given one; null if there is none."""
    return _usable(value, -int(offset))


def _usable(value: Any, offset: int) -> Any:
    address = read(value)
    if address is None:
        return False
    number = int(address.ip) + offset
    if not int(address.network[0]) <= number <= int(address.network[-1]):
        return None
    found = type(address.ip)(number)
    return str(found) if address.offers(found) else None


def usable_range(ip: Any) -> dict[str, Any]:
    """All addresses of the network, and how many they are."""
    address = needed(ip, "usable_range")
    if address.size > _MOST:
        raise ValueError(f"usable_range: {address.network} has more than {_MOST} addresses")
    return {"usable_ips": [str(each) for each in address.network], "number_of_ips": address.size}


def cidr_merge(value: Any, action: str = "merge") -> Any:
    """The networks joined where they meet; `span` for the smallest one that has them all in it."""
    networks = [needed(item, "cidr_merge").network for item in items_of(value, "cidr_merge")]
    if action == "span":
        return _span(networks)
    if action != "merge":
        raise ValueError(f"cidr_merge: the action must be merge or span, not {action!r}")
    old = [network for network in networks if isinstance(network, IPv4Network)]
    new = [network for network in networks if isinstance(network, IPv6Network)]
    return [str(network) for network in (*collapse_addresses(old), *collapse_addresses(new))]


def _span(networks: list[Network]) -> str | None:
    if not networks:
        return None
    if len({network.version for network in networks}) > 1:
        raise ValueError("cidr_merge: networks of two versions have none in common")
    lowest = min(int(network[0]) for network in networks)
    highest = max(int(network[-1]) for network in networks)
    length = networks[0].max_prefixlen
    prefix = min(length - (lowest ^ highest).bit_length(), *(network.prefixlen for network in networks))
    first = lowest >> (length - prefix) << (length - prefix)
    return f"{type(networks[0][0])(first)}/{prefix}"


def ipv6form(value: Any, format: str = "") -> str:  # noqa: A002
    """The address of version 6 in full (`expand`), short (`compress`), or as in certificates (`x509`)."""
    ip = needed(value, "ipv6form").ip
    if not isinstance(ip, IPv6Address):
        raise ValueError(f"ipv6form: {value!r} is not of version 6")
    forms = {
        "": str(ip),
        "compress": str(ip),
        "expand": ip.exploded,
        "x509": ":".join(f"{int(part, 16):x}" for part in ip.exploded.split(":")),
    }
    if format not in forms:
        raise ValueError(f"ipv6form: the form must be expand, compress or x509, not {format!r}")
    return forms[format]


# -- network cards --------------------------------------------------------------------------------------


def read_mac(value: Any) -> bytes | None:
    """Return the six bytes of a card's address; None if it is none."""
    text = str(value)
    for between, form in _PARTS.items():
        if form.fullmatch(text):
            width = {":": 2, "-": 2, ".": 4, "": 12}[between]
            parts = text.split(between) if between else [text]
            return bytes.fromhex("".join(part.zfill(width) for part in parts))
    return None


def hwaddr(value: Any, query: str = "") -> Any:
    """The address of a network card (null if it is none), in a form such as linux, unix, win or cisco."""
    address = read_mac(value)
    if query not in _CARD_FORMS:
        raise ValueError(f"hwaddr: the form must be one of {', '.join(_CARD_FORMS)}, not {query!r}")
    if address is None:
        return None
    return str(value) if query == "" else _CARD_FORMS[query](address)


def slaac(value: Any, query: Any = "") -> Any:
    """The address that a card with the given address gives itself in the network of version 6."""
    address, card = read(value), read_mac(query)
    if address is None or address.ip.version != 6 or card is None:
        return False
    interface = bytes((card[0] ^ 2,)) + card[1:3] + b"\xff\xfe" + card[3:]
    start = int(address.network[0]) >> 64 << 64
    return str(IPv6Address(start | int.from_bytes(interface, "big")))


_Form = Callable[[bytes], Any]
_POSTGRESQL: _Form = lambda card: f"{card[:3].hex()}:{card[3:].hex()}"  # noqa: E731  (an entry with three names)
_DASHES: _Form = lambda card: card.hex("-").upper()  # noqa: E731
_CARD_FORMS: dict[str, _Form] = {
    "": bytes.hex,
    "bare": lambda card: card.hex().upper(),
    "bool": lambda _: True,
    "cisco": lambda card: card.hex(".", -2),
    "int": lambda card: int.from_bytes(card, "big"),
    "linux": lambda card: card.hex(":"),
    "unix": lambda card: ":".join(f"{byte:x}" for byte in card),
    **dict.fromkeys(("pgsql", "postgresql", "psql"), _POSTGRESQL),
    **dict.fromkeys(("win", "eui48"), _DASHES),
}
UTILS: dict[str, Callable[..., Any]] = {
    "cidr_merge": cidr_merge,
    "hwaddr": hwaddr,
    "ip4_hex": ip4_hex,
    "ipmath": ipmath,
    "ipsubnet": ipsubnet,
    "ipv6form": ipv6form,
    "macaddr": hwaddr,
    "network_in_network": network_in_network,
    "network_in_usable": network_in_usable,
    "next_nth_usable": next_nth_usable,
    "nthhost": nthhost,
    "previous_nth_usable": previous_nth_usable,
    "reduce_on_network": reduce_on_network,
    "slaac": slaac,
    "usable_range": usable_range,
}
