"""Facts: what the host is, read from files within a few milliseconds and without starting a process.

Names are Ansible's, without the `ansible_` prefix.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any


def collect() -> dict[str, Any]:
    """Return all facts; one that cannot be read is left out."""
    release = os_release()
    name = os.uname()
    memory = _meminfo()
    facts: dict[str, Any] = {
        "system": name.sysname,
        "kernel": name.release,
        "architecture": name.machine,
        "nodename": name.nodename,
        "hostname": name.nodename.partition(".")[0],
        "fqdn": _fqdn(name.nodename),
        "distribution": _DISTRIBUTIONS.get(release.get("ID", ""), release.get("NAME", "")),
        "distribution_release": release.get("VERSION_CODENAME", ""),
        "distribution_version": _debian_version() or release.get("VERSION_ID", ""),
        "distribution_major_version": release.get("VERSION_ID", "").partition(".")[0],
        "os_family": "Debian" if "debian" in (release.get("ID", ""), release.get("ID_LIKE", "")) else "",
        "pkg_mgr": "apt",
        "service_mgr": "systemd" if os.path.isdir("/run/systemd/system") else "init",
        "processor_vcpus": os.cpu_count() or 1,
        "processor_nproc": len(os.sched_getaffinity(0)),
        "memtotal_mb": memory.get("MemTotal", 0) // 1024,
        "memfree_mb": memory.get("MemFree", 0) // 1024,
        "swaptotal_mb": memory.get("SwapTotal", 0) // 1024,
        "python_version": ".".join(str(part) for part in sys.version_info[:3]),
        "user_id": _user_name(),
        # sudo(8) names who called it: the account whose change could cut our access.
        "login_user": os.environ.get("SUDO_USER") or _user_name(),
        "user_uid": os.geteuid(),
        "virtualization_type": _virtualization(),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "default_ipv4": _default_ipv4(),
        "date_time": {"epoch": str(int(time.time())), "tz": time.tzname[0]},
    }
    facts["all_ipv4_addresses"] = _addresses()
    facts["virtualization_role"] = "guest" if facts["virtualization_type"] else "host"
    facts["is_container"] = facts["virtualization_type"] in _CONTAINERS
    return facts


_DISTRIBUTIONS = {"debian": "Debian", "ubuntu": "Ubuntu"}
# The words of systemd-detect-virt(1) --container.
_CONTAINERS = frozenset(
    {"systemd-nspawn", "lxc", "lxc-libvirt", "docker", "podman", "openvz", "wsl", "rkt", "proot", "pouch"}
)


def os_release() -> dict[str, str]:
    """Return the fields of os-release(5)."""
    fields: dict[str, str] = {}
    for line in _read("/etc/os-release").splitlines() or _read("/usr/lib/os-release").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            fields[key.strip()] = value.strip().strip("\"'")
    return fields


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def _debian_version() -> str:
    text = _read("/etc/debian_version").strip()
    return text if text[:1].isdigit() else ""


def _fqdn(node: str) -> str:
    """Return the name in /etc/hosts that belongs to this node, without asking a name server."""
    for line in _read("/etc/hosts").splitlines():
        names = line.partition("#")[0].split()[1:]
        if node in names and "." in names[0]:
            return names[0]
    return node


def _meminfo() -> dict[str, int]:
    pairs = (line.split(":", 1) for line in _read("/proc/meminfo").splitlines() if ":" in line)
    return {key: int(value.split()[0]) for key, value in pairs if value.split()[:1]}


def _user_name() -> str:
    import pwd  # noqa: PLC0415

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _virtualization() -> str:
    """Return the word of systemd-detect-virt(1), from the same places, without running it."""
    container = _read("/run/systemd/container").strip()
    if container:
        return container
    if os.path.exists("/.dockerenv"):
        return "docker"
    if os.path.exists("/run/.containerenv"):
        return "podman"
    vendor = _read("/sys/class/dmi/id/sys_vendor").strip()
    for mark, word in (
        ("QEMU", "kvm"),
        ("innotek", "oracle"),
        ("VMware", "vmware"),
        ("Xen", "xen"),
        ("Microsoft Corporation", "microsoft"),
        ("Amazon EC2", "amazon"),
        ("Google", "google"),
        ("Hetzner", "kvm"),
        ("DigitalOcean", "kvm"),
    ):
        if vendor.startswith(mark):
            return word
    return "vm-other" if " hypervisor" in _read("/proc/cpuinfo") else ""


def _default_ipv4() -> dict[str, str]:
    for line in _read("/proc/net/route").splitlines()[1:]:
        columns = line.split()
        if len(columns) > 7 and columns[1] == "00000000" and int(columns[3], 16) & 2:
            gateway = ".".join(str(byte) for byte in int(columns[2], 16).to_bytes(4, "little"))
            found = {"interface": columns[0], "gateway": gateway}
            address = _interface_address(columns[0])
            return found | ({"address": address} if address else {})
    return {}


def _addresses() -> list[str]:
    found = (_interface_address(name) for name in sorted(os.listdir("/sys/class/net")) if name != "lo")
    return [address for address in found if address]


def _interface_address(name: str) -> str | None:
    """Return the interface's first IPv4 address (netdevice(7), SIOCGIFADDR)."""
    import fcntl  # noqa: PLC0415
    import socket  # noqa: PLC0415
    import struct  # noqa: PLC0415

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, 0x8915, struct.pack("256s", name.encode()[:15]))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])
