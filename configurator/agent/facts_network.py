"""Facts of the host's network, from /proc, /sys and one kind of ioctl; no process, no name server.

netdevice(7) has the ioctls, proc(5) the files. The module `socket` would cost 5 ms of every connection; the
part of it that is written in C is all that an ioctl needs.
"""

from __future__ import annotations

import fcntl
import os
import struct
from _socket import AF_INET, SOCK_DGRAM, inet_ntoa
from _socket import socket as Socket  # noqa: N812  (a class)
from typing import Any

_ADDRESS, _BROADCAST, _NETMASK = 0x8915, 0x8919, 0x891B  # netdevice(7): SIOCGIF*
_NET = "/sys/class/net"
_MOST = 16  # interfaces that are described in every run; a host of containers has hundreds
_PROMISCUOUS = 0x100  # netdevice(7): IFF_PROMISC
_TYPES = {"1": "ether", "772": "loopback"}  # if_arp.h


def collect(most: int = _MOST) -> dict[str, Any]:
    """Return interfaces and addresses; at most so many interfaces are described."""
    names = _names()
    route4, route6 = _route4(), _route6()
    needed = [name for name in names if name in (route4.get("interface"), route6.get("interface"))]
    probe = Socket(AF_INET, SOCK_DGRAM)
    try:
        described = {name: _interface(name, probe) for name in sorted({*names[:most], *needed})}
        addresses = [_ipv4(name, probe).get("address") for name in names if name != "lo"]
    finally:
        probe.close()
    v6 = _ipv6()
    for name, found in v6.items():
        if name in described:
            described[name]["ipv6"] = found
    facts: dict[str, Any] = {
        "interfaces": names,
        "default_ipv4": _default(route4, described, "ipv4"),
        "default_ipv6": _default(route6, described, "ipv6"),
        "all_ipv4_addresses": [address for address in addresses if address],
        "all_ipv6_addresses": [
            item["address"] for name, found in v6.items() if name != "lo" for item in found
        ],
    }
    # As in Ansible: what a variable's name cannot have becomes an underscore.
    named = {"".join(c if c.isalnum() else "_" for c in name): found for name, found in described.items()}
    return named | facts


def _names() -> list[str]:
    try:
        return sorted(os.listdir(_NET))
    except OSError:
        return []


def _interface(name: str, probe: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "device": name,
        "active": _sysfs(name, "operstate") in ("up", "unknown"),
        "mtu": int(_sysfs(name, "mtu") or 0),
        "type": _TYPES.get(_sysfs(name, "type"), "unknown"),
    }
    speed = _sysfs(name, "speed")  # -1 where nobody knows
    if speed.isdigit():
        found["speed"] = int(speed)
    flags = int(_sysfs(name, "flags") or "0", 16)
    found["promisc"] = bool(flags & _PROMISCUOUS)
    mac = "" if found["type"] == "loopback" else _sysfs(name, "address")
    ipv4 = _ipv4(name, probe)
    return found | ({"macaddress": mac} if mac else {}) | ({"ipv4": ipv4} if ipv4 else {})


def _ipv4(name: str, probe: Any) -> dict[str, str]:
    """Return the interface's first IPv4 address, with its network."""
    address, netmask = _asked(probe, name, _ADDRESS), _asked(probe, name, _NETMASK)
    if address is None or netmask is None:
        return {}
    network = bytes(a & b for a, b in zip(address, netmask, strict=True))
    found = {
        "address": inet_ntoa(address),
        "netmask": inet_ntoa(netmask),
        "network": inet_ntoa(network),
        "prefix": str(int.from_bytes(netmask, "big").bit_count()),
    }
    broadcast = _asked(probe, name, _BROADCAST)
    return found | ({"broadcast": inet_ntoa(broadcast)} if broadcast and any(broadcast) else {})


def _asked(probe: Any, name: str, question: int) -> bytes | None:
    try:
        return fcntl.ioctl(probe, question, struct.pack("256s", name.encode()[:15]))[20:24]
    except OSError:
        return None


def _ipv6() -> dict[str, list[dict[str, str]]]:
    """Return the IPv6 addresses of each interface (/proc/net/if_inet6)."""
    found: dict[str, list[dict[str, str]]] = {}
    scopes = {"00": "global", "20": "link", "10": "host", "40": "site"}
    for line in _lines("/proc/net/if_inet6"):
        digits, _, prefix, scope, _, name = line.split()
        address = {"address": _colons(digits), "prefix": str(int(prefix, 16))}
        found.setdefault(name, []).append(address | {"scope": scopes.get(scope, "unknown")})
    return found


def _colons(digits: str) -> str:
    """Return 32 hexadecimal digits as RFC 5952 writes an address."""
    groups = [f"{int(digits[at : at + 4], 16):x}" for at in range(0, 32, 4)]
    best, length = 0, 1
    for start in range(8):
        end = start
        while end < 8 and groups[end] == "0":
            end += 1
        if end - start > length:
            best, length = start, end - start
    if length == 1:
        return ":".join(groups)
    return f"{':'.join(groups[:best])}::{':'.join(groups[best + length :])}"


def _route4() -> dict[str, str]:
    for line in _lines("/proc/net/route")[1:]:
        columns = line.split()
        if len(columns) > 7 and columns[1] == "00000000" and int(columns[3], 16) & 2:
            gateway = ".".join(str(byte) for byte in int(columns[2], 16).to_bytes(4, "little"))
            return {"interface": columns[0], "gateway": gateway}
    return {}


def _route6() -> dict[str, str]:
    for line in _lines("/proc/net/ipv6_route"):
        columns = line.split()
        # Destination ::/0, with a gateway (RTF_GATEWAY).
        if len(columns) > 9 and columns[1] == "00" and int(columns[8], 16) & 2 and not int(columns[0], 16):
            return {"interface": columns[9], "gateway": _colons(columns[4])}
    return {}


def _default(route: dict[str, str], described: dict[str, dict[str, Any]], family: str) -> dict[str, Any]:
    if not route:
        return {}
    interface = described.get(route["interface"], {})
    own = interface.get(family) or {}
    if isinstance(own, list):
        own = next((item for item in own if item["scope"] == "global"), {})
    more = {name: interface[name] for name in ("macaddress", "mtu", "type") if name in interface}
    return {**route, "alias": route["interface"], **own, **more}


def _sysfs(name: str, attribute: str) -> str:
    return "".join(_lines(f"{_NET}/{name}/{attribute}")[:1])


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(1 << 20).splitlines()
    except OSError:
        return []
