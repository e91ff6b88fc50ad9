"""A lab's own bridge and nftables table, through which its hosts reach the package mirror."""

from __future__ import annotations

from ipaddress import IPv4Network

from configurator.core.errors import SandboxError
from configurator.sandbox import subnet
from configurator.sandbox.commands import run
from configurator.sandbox.machine import ELSEWHERE
from configurator.sandbox.records import LabRecord

FORWARDING = "/proc/sys/net/ipv4/ip_forward"
# inotify(7): instances per user, 128 by default. Each host takes about eight, all of them as
# this machine's root: the sixteenth host would not boot ("Too many open files").
INSTANCES = "/proc/sys/fs/inotify/max_user_instances"
ENOUGH_INSTANCES = 1024


def free_subnet() -> IPv4Network:
    """Return a subnet that no address and no route of this machine touches; hold the machine lock until it is
    used.
    """
    addresses = run(["ip", "-json", "address"]).stdout
    routes = run(["ip", "-json", "-4", "route", "show", "table", "all"]).stdout
    return subnet.choose(subnet.occupied(addresses, routes))


def create(record: LabRecord) -> None:
    """Make the lab's bridge and table, and let the kernel forward (ip-sysctl: ip_forward), as any container
    engine does, and watch files for more than a dozen hosts.

    Both settings stay when the lab goes: another lab, or whatever came later, may rely on them by then.
    """
    address = f"{subnet.gateway(record.network)}/{record.network.prefixlen}"
    try:
        run(["ip", "link", "add", record.bridge, "type", "bridge"])
        run(["ip", "address", "add", address, "dev", record.bridge])
        run(["ip", "link", "set", record.bridge, "up"])
        run(["nft", "-f", "-"], stdin=ruleset(record))
    except SandboxError as error:
        raise SandboxError(
            f"cannot make the sandbox's network: {error.message}",
            hint=f"the kernel needs bridge, veth and nftables with NAT, {ELSEWHERE}",
        ) from error
    raise_to(FORWARDING, 1)
    raise_to(INSTANCES, ENOUGH_INSTANCES)


def raise_to(path: str, least: int) -> None:
    """Have a kernel setting be at least this; a larger one is left alone."""
    with open(path, "r+", encoding="ascii") as file:
        if int(file.read()) < least:
            file.seek(0)
            file.write(str(least))


def ruleset(record: LabRecord) -> str:
    """Return the lab's nftables table: guests go out under this machine's address, to each other under their
    own.
    """
    return f"""table ip {record.table} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {record.subnet} ip daddr != {record.subnet} masquerade
  }}
}}
"""


def remove(record: LabRecord) -> None:
    """Remove the lab's bridge and table; what is already gone is no error, and nothing else is touched."""
    if run(["ip", "link", "show", "dev", record.bridge], ok=False).returncode == 0:
        run(["ip", "link", "delete", record.bridge, "type", "bridge"])
    if run(["nft", "list", "table", "ip", record.table], ok=False).returncode == 0:
        run(["nft", "delete", "table", "ip", record.table])


def uplink_mtu() -> int:
    """Return the MTU towards the internet, so that guests do not send what the uplink must drop; 1500 if
    unknown.
    """
    words = run(["ip", "-4", "route", "show", "default"], ok=False).stdout.split()
    if "dev" not in words:
        return 1500
    try:
        with open(f"/sys/class/net/{words[words.index('dev') + 1]}/mtu", encoding="ascii") as file:
            return min(1500, int(file.read()))
    except FileNotFoundError:
        return 1500
