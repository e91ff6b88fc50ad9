"""How this machine reaches the network: its HTTP proxies and its name servers, handed on to the hosts of a
sandbox.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

# Where systemd-resolved keeps the real servers behind its stub at 127.0.0.53 (systemd-resolved.service(8)).
RESOLVED = "/run/systemd/resolve/resolv.conf"


def find_proxies(environment: Mapping[str, str], apt_dump: str) -> dict[str, str]:
    """Return the proxy for each scheme: apt's own setting first, as apt would, then the environment's.

    `apt_dump` is the output of `apt-config dump` (apt.conf(5), Acquire::http::Proxy).
    """
    found = {}
    for scheme in ("http", "https"):
        said = re.search(rf'^Acquire::{scheme}::proxy "([^"]*)";', apt_dump, re.IGNORECASE | re.MULTILINE)
        value = said.group(1) if said else ""
        value = (
            value or environment.get(f"{scheme}_proxy", "") or environment.get(f"{scheme.upper()}_PROXY", "")
        )
        if value and value.upper() != "DIRECT":
            found[scheme] = value
    return found


def apt_configuration(proxies: Mapping[str, str], gateway: str) -> str:
    """Return an apt.conf for a guest; a proxy at this machine's loopback gets the gateway's address."""
    return "".join(
        f'Acquire::{scheme}::Proxy "{reachable(proxy, gateway)}";\n'
        for scheme, proxy in sorted(proxies.items())
    )


def reachable(proxy: str, gateway: str) -> str:
    """Return the proxy's address as a guest sees it: a guest's own loopback is not this machine's."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    name = parts.hostname or ""
    if name != "localhost" and not _is_loopback(name):
        return urlunsplit(parts)
    login, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{login}{at}{gateway}{port}"))


def bootstrap_environment(proxies: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for debootstrap and apt in a chroot: this machine's, its proxies and plain
    messages.
    """
    wanted = {f"{scheme}_proxy": proxy for scheme, proxy in proxies.items()}
    return {**os.environ, **wanted, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def resolver(etc: str = "/etc/resolv.conf", resolved: str = RESOLVED) -> str:
    """Return a resolv.conf that works inside a guest: the machine's, or what stands behind its local stub."""
    text = _read(etc)
    servers = re.findall(r"^\s*nameserver\s+(\S+)", text, re.MULTILINE)
    if servers and all(_is_loopback(server) for server in servers):
        return _read(resolved) or text
    return text


def _is_loopback(text: str) -> bool:
    try:
        return ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
