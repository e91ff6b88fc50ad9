"""Facts: what the host is, read from files within a few milliseconds and without starting a process.

Names are Ansible's, without the `ansible_` prefix. What costs more, or may hang, is in facts_more.py and read
only by the module `setup`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from configurator.agent import facts_network


def collect() -> dict[str, Any]:
    """Return the facts of every run; one that cannot be read is left out."""
    facts = facts_network.collect()  # first: an interface may be called as anything
    for part in (platform, distribution, service_manager, processors, memory, user, python, virtual):
        facts |= part()
    return facts | {"date_time": date_time(), "env": _ordinary_environment(), "lsb": lsb(facts)}


def platform() -> dict[str, Any]:
    """Return the kernel, the machine and its names."""
    name = os.uname()
    fqdn = _fqdn(name.nodename)
    return {
        "system": name.sysname,
        "kernel": name.release,
        "kernel_version": name.version,
        "architecture": name.machine,
        "machine": name.machine,
        "userspace_architecture": name.machine,
        "userspace_bits": "64" if sys.maxsize > 1 << 32 else "32",
        "nodename": name.nodename,
        "hostname": name.nodename.partition(".")[0],
        "fqdn": fqdn,
        "domain": fqdn.partition(".")[2],
        "machine_id": read("/etc/machine-id").strip(),
        "boot_id": read(BOOT_ID).strip(),
        "uptime_seconds": int(float(read("/proc/uptime").split(" ")[0] or 0)),
    }


def distribution() -> dict[str, Any]:
    """Return what os-release(5) and Debian's own version file say."""
    release = os_release()
    found = release.get("ID", ""), release.get("ID_LIKE", "")
    return {
        "distribution": _DISTRIBUTIONS.get(found[0], release.get("NAME", "")),
        "distribution_release": release.get("VERSION_CODENAME", ""),
        "distribution_version": _debian_version() or release.get("VERSION_ID", ""),
        "distribution_major_version": release.get("VERSION_ID", "").partition(".")[0],
        "distribution_minor_version": _debian_version().partition(".")[2],
        "distribution_file_parsed": True,
        "distribution_file_path": "/etc/os-release",
        "distribution_file_variety": "Debian",
        "os_family": "Debian" if "debian" in found else "",
        "pkg_mgr": "apt",
    }


def lsb(known: Mapping[str, Any]) -> dict[str, str]:
    """Return what lsb_release(1) would say on Debian, of the facts of the distribution."""
    return {
        "id": known["distribution"],
        "description": " ".join((known["distribution"], known["distribution_version"])),
        "release": known["distribution_version"],
        "codename": known["distribution_release"],
        "major_release": known["distribution_major_version"],
    }


def _ordinary_environment() -> dict[str, str]:
    """Return what a login has in its environment, and nothing that somebody has put there besides."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _ORDINARY or name.startswith(("LC_", "SUDO_", "SSH_"))
    }


def service_manager() -> dict[str, Any]:
    """Return what starts the host's services."""
    return {"service_mgr": "systemd" if os.path.isdir("/run/systemd/system") else "init"}


def processors() -> dict[str, Any]:
    """Return how many processors there are, and how many the agent may use."""
    return {"processor_vcpus": os.cpu_count() or 1, "processor_nproc": len(os.sched_getaffinity(0))}


def memory() -> dict[str, Any]:
    """Return memory and swap in MiB."""
    found = meminfo()
    return {
        "memtotal_mb": found.get("MemTotal", 0) // 1024,
        "memfree_mb": found.get("MemFree", 0) // 1024,
        "swaptotal_mb": found.get("SwapTotal", 0) // 1024,
        "swapfree_mb": found.get("SwapFree", 0) // 1024,
    }


def user() -> dict[str, Any]:
    """Return as whom the agent runs."""
    import pwd  # noqa: PLC0415

    number = os.geteuid()
    facts: dict[str, Any] = {
        "user_id": str(number),
        "user_uid": number,
        "user_gid": os.getegid(),
        "effective_user_id": number,
        "effective_group_id": os.getegid(),
        "real_user_id": os.getuid(),
        "real_group_id": os.getgid(),
    }
    try:
        entry = pwd.getpwuid(number)
        facts |= {"user_id": entry.pw_name, "user_gecos": entry.pw_gecos}
        facts |= {"user_dir": entry.pw_dir, "user_shell": entry.pw_shell}
    except KeyError:
        pass
    # sudo(8) names who called it: the account whose change could cut our access.
    return facts | {"login_user": os.environ.get("SUDO_USER") or facts["user_id"]}


def python() -> dict[str, Any]:
    """Return which Python runs the agent."""
    version = dict(zip(("major", "minor", "micro", "releaselevel", "serial"), sys.version_info, strict=True))
    return {
        "python_version": ".".join(str(part) for part in sys.version_info[:3]),
        "python": {
            "executable": sys.executable,
            "type": sys.implementation.name,
            "version": version,
            "version_info": list(sys.version_info),
        },
    }


def virtual() -> dict[str, Any]:
    """Return what the host runs in."""
    kind = _virtualization()
    ansibles = "container" if kind in _CONTAINERS - _NAMED_CONTAINERS else kind
    return {
        "virtualization_type": ansibles,
        "virtualization_tech_guest": [word for word in dict.fromkeys((ansibles, kind)) if word],
        "virtualization_tech_host": [],
        "virtualization_role": "guest" if kind else "host",
        "is_container": kind in _CONTAINERS,
    }


def date_time() -> dict[str, str]:
    """Return the host's clock in Ansible's forms."""
    now = time.time()
    local, utc = time.localtime(now), time.gmtime(now)
    micro = f"{int(now % 1 * 1_000_000):06d}"
    words = time.strftime("%Y %m %d %H %M %S %A %w %W %z %Z", local).split(" ")
    names = ("year", "month", "day", "hour", "minute", "second")
    more = ("weekday", "weekday_number", "weeknumber", "tz_offset", "tz")
    return {
        **dict(zip((*names, *more), words, strict=True)),
        "date": time.strftime("%Y-%m-%d", local),
        "time": time.strftime("%H:%M:%S", local),
        "epoch": str(int(now)),
        "epoch_int": str(int(now)),
        "iso8601": time.strftime("%Y-%m-%dT%H:%M:%SZ", utc),
        "iso8601_micro": f"{time.strftime('%Y-%m-%dT%H:%M:%S', utc)}.{micro}Z",
        "iso8601_basic": f"{time.strftime('%Y%m%dT%H%M%S', local)}{micro}",
        "iso8601_basic_short": time.strftime("%Y%m%dT%H%M%S", local),
        "tz_dst": time.tzname[1],
    }


_ORDINARY = frozenset({"HOME", "LANG", "LOGNAME", "MAIL", "PATH", "PWD", "SHELL", "TERM", "USER"})
BOOT_ID = "/proc/sys/kernel/random/boot_id"  # random(4): another one after each boot
_DISTRIBUTIONS = {"debian": "Debian", "ubuntu": "Ubuntu"}
# The words of systemd-detect-virt(1) --container.
_CONTAINERS = frozenset(
    {"systemd-nspawn", "lxc", "lxc-libvirt", "docker", "podman", "openvz", "wsl", "rkt", "proot", "pouch"}
)

_NAMED_CONTAINERS = frozenset({"lxc", "docker", "podman", "openvz"})  # Ansible calls the others "container"


def os_release() -> dict[str, str]:
    """Return the fields of os-release(5)."""
    fields: dict[str, str] = {}
    for line in read("/etc/os-release").splitlines() or read("/usr/lib/os-release").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            fields[key.strip()] = value.strip().strip("\"'")
    return fields


def read(path: str) -> str:
    """Return the first 64 KiB of a file as text; "" if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def _debian_version() -> str:
    text = read("/etc/debian_version").strip()
    return text if text[:1].isdigit() else ""


def _fqdn(node: str) -> str:
    """Return the name in /etc/hosts that belongs to this node, without asking a name server."""
    for line in read("/etc/hosts").splitlines():
        names = line.partition("#")[0].split()[1:]
        if node in names and "." in names[0]:
            return names[0]
    return node


def meminfo() -> dict[str, int]:
    """Return /proc/meminfo in KiB."""
    pairs = (line.split(":", 1) for line in read("/proc/meminfo").splitlines() if ":" in line)
    return {key: int(value.split()[0]) for key, value in pairs if value.split()[:1]}


def _virtualization() -> str:
    """Return the word of systemd-detect-virt(1), from the same places, without running it."""
    container = read("/run/systemd/container").strip()
    if container:
        return container
    if os.path.exists("/.dockerenv"):
        return "docker"
    if os.path.exists("/run/.containerenv"):
        return "podman"
    vendor = read("/sys/class/dmi/id/sys_vendor").strip()
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
    return "vm-other" if " hypervisor" in read("/proc/cpuinfo") else ""
