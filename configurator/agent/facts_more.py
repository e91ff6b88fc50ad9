"""Facts that only the module `setup` reads, since they cost more or may hang; names are Ansible's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from configurator.agent import facts, facts_network

# What a mount table calls file systems that no network is asked for (proc(5): /dev/... is a block device).
_LOCAL = ("/dev/",)
_DISKLESS = frozenset({"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "bpf"})
_SECTOR = 512  # sysfs counts in these, whatever the disk has


def gather(parts: Iterable[str], timeout_s: float) -> dict[str, Any]:
    """Return the facts of the named parts, computing no other; `timeout_s` is for what may hang."""
    found: dict[str, Any] = {}
    for part in sorted(parts):
        found |= mounts(timeout_s) if part == "mounts" else COLLECTORS[part]()
    return found


def environment() -> dict[str, Any]:
    """Return the agent's environment."""
    return {"env": dict(os.environ)}


def command_line() -> dict[str, Any]:
    """Return the kernel's command line (proc(5)); a word without a value is true."""
    found: dict[str, Any] = {}
    for word in facts.read("/proc/cmdline").split():
        key, equals, value = word.partition("=")
        found[key] = value if equals else True
    return {"cmdline": found, "proc_cmdline": found}


def name_servers() -> dict[str, Any]:
    """Return what resolv.conf(5) says."""
    found: dict[str, Any] = {}
    for line in facts.read("/etc/resolv.conf").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            found.setdefault("nameservers", []).append(words[1])
        elif len(words) > 1 and words[0] == "search":
            found["search"] = words[1:]
        elif len(words) > 1 and words[0] == "domain":
            found["domain"] = words[1]
    return {"dns": found}


def security() -> dict[str, Any]:
    """Return which of the kernel's guards are on."""
    apparmor = facts.read("/sys/module/apparmor/parameters/enabled").strip() == "Y"
    return {
        "apparmor": {"status": "enabled" if apparmor else "disabled"},
        "fips": facts.read("/proc/sys/crypto/fips_enabled").strip() == "1",
        "selinux": {"status": "enabled" if os.path.isdir("/sys/fs/selinux/class") else "disabled"},
    }


def ssh_host_keys() -> dict[str, Any]:
    """Return the public host keys where sshd has them by default."""
    found: dict[str, Any] = {}
    for kind in ("dsa", "rsa", "ecdsa", "ed25519"):
        words = facts.read(f"/etc/ssh/ssh_host_{kind}_key.pub").split()
        if len(words) > 1:
            found[f"ssh_host_key_{kind}_public_keytype"] = words[0]
            found[f"ssh_host_key_{kind}_public"] = words[1]
    return found


def cpus() -> dict[str, Any]:
    """Return the processors (/proc/cpuinfo)."""
    listed: list[str] = []
    packages: set[str] = set()
    cores, siblings = 1, 1
    for line in facts.read("/proc/cpuinfo").splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key in ("processor", "vendor_id", "model name"):
            listed.append(value)
        elif key == "physical id":
            packages.add(value)
        elif key == "cpu cores":
            cores = int(value)
        elif key == "siblings":
            siblings = int(value)
    return facts.processors() | {
        "processor": listed,
        "processor_count": max(1, len(packages)),
        "processor_cores": cores,
        "processor_threads_per_core": max(1, siblings // cores),
    }


def memory() -> dict[str, Any]:
    """Return memory and swap in MiB, also in Ansible's nested form."""
    found = {name: value // 1024 for name, value in facts.meminfo().items()}
    total, free = found.get("MemTotal", 0), found.get("MemFree", 0)
    idle = free + found.get("Cached", 0) + found.get("Buffers", 0)
    swap, swap_free = found.get("SwapTotal", 0), found.get("SwapFree", 0)
    return facts.memory() | {
        "memory_mb": {
            "real": {"total": total, "free": free, "used": total - free},
            "nocache": {"free": idle, "used": total - idle},
            "swap": {
                "total": swap,
                "free": swap_free,
                "used": swap - swap_free,
                "cached": found.get("SwapCached", 0),
            },
        }
    }


def hardware() -> dict[str, Any]:
    """Return what the firmware says of the machine (sysfs, class/dmi)."""
    names = {
        "bios_date": "bios_date",
        "bios_vendor": "bios_vendor",
        "bios_version": "bios_version",
        "board_name": "board_name",
        "board_vendor": "board_vendor",
        "chassis_vendor": "chassis_vendor",
        "product_name": "product_name",
        "product_serial": "product_serial",
        "product_uuid": "product_uuid",
        "product_version": "product_version",
        "system_vendor": "sys_vendor",
    }
    return {fact: facts.read(f"/sys/class/dmi/id/{name}").strip() or "NA" for fact, name in names.items()}


def load() -> dict[str, Any]:
    """Return the load averages, and for how long the host has run."""
    words = facts.read("/proc/loadavg").split()[:3]
    return {
        "loadavg": {name: float(word) for name, word in zip(("1m", "5m", "15m"), words, strict=False)},
        "uptime_seconds": facts.platform()["uptime_seconds"],
    }


def devices() -> dict[str, Any]:
    """Return the disks and their partitions (sysfs, /sys/block)."""
    found: dict[str, Any] = {}
    for name in _listed("/sys/block"):
        place = f"/sys/block/{name}"
        if name.startswith(("ram", "loop")) and not int(_attribute(place, "size") or 0):
            continue
        size = int(_attribute(place, "size") or 0)
        found[name] = {
            "model": _attribute(place, "device/model") or None,
            "vendor": _attribute(place, "device/vendor") or None,
            "removable": _attribute(place, "removable"),
            "rotational": _attribute(place, "queue/rotational"),
            "sectors": size,
            "sectorsize": _attribute(place, "queue/logical_block_size"),
            "size": _human(size * _SECTOR),
            "partitions": {
                part: {
                    "start": _attribute(f"{place}/{part}", "start"),
                    "sectors": int(_attribute(f"{place}/{part}", "size") or 0),
                    "size": _human(int(_attribute(f"{place}/{part}", "size") or 0) * _SECTOR),
                }
                for part in _listed(place)
                if part.startswith(name) and os.path.exists(f"{place}/{part}/partition")
            },
        }
    return {"devices": found}


def mounts(timeout_s: float) -> dict[str, Any]:
    """Return what is mounted, with its sizes; a file server that does not answer in time has none.

    A stat of a dead file server hangs where nothing can stop it: its thread is left behind.
    """
    entries = [_mount(line.split()) for line in facts.read("/proc/self/mounts").splitlines()]
    shown = [entry for entry in entries if entry["fstype"] not in _DISKLESS]
    remote = [entry for entry in shown if not _is_local(entry)]
    for entry in shown:
        if _is_local(entry):
            entry.update(_sizes(entry["mount"]))
    answers: dict[str, dict[str, Any]] = {}
    thread = threading.Thread(
        target=_ask_each, args=([entry["mount"] for entry in remote], answers), daemon=True
    )
    thread.start()
    thread.join(timeout_s)
    for entry in remote:
        entry.update(answers.get(entry["mount"], {"note": "no answer in time"}))
    return {"mounts": shown}


def _ask_each(places: list[str], answers: dict[str, dict[str, Any]]) -> None:
    for place in places:
        answers[place] = _sizes(place)


def _is_local(entry: dict[str, Any]) -> bool:
    return bool(entry["device"].startswith(_LOCAL)) or entry["fstype"] in ("tmpfs", "overlay", "ramfs")


def _mount(words: list[str]) -> dict[str, Any]:
    device, place, kind, options, dump, passno = (word.replace("\\040", " ") for word in words[:6])
    return {
        "device": device,
        "mount": place,
        "fstype": kind,
        "options": options,
        "dump": int(dump),
        "passno": int(passno),
    }


def _sizes(place: str) -> dict[str, Any]:
    try:
        found = os.statvfs(place)
    except OSError:
        return {}
    return {
        "size_total": found.f_frsize * found.f_blocks,
        "size_available": found.f_frsize * found.f_bavail,
        "block_size": found.f_bsize,
        "block_total": found.f_blocks,
        "block_available": found.f_bavail,
        "block_used": found.f_blocks - found.f_bavail,
        "inode_total": found.f_files,
        "inode_available": found.f_favail,
        "inode_used": found.f_files - found.f_favail,
    }


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _attribute(place: str, name: str) -> str:
    return facts.read(f"{place}/{name}").strip()


def _human(size: float) -> str:
    for unit in ("Bytes", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"


# The parts of modules/setup.py; "mounts" takes a time limit, and "local" is the module's own.
COLLECTORS: dict[str, Callable[[], dict[str, Any]]] = {
    "cmdline": command_line,
    "date_time": lambda: {"date_time": facts.date_time()},
    "devices": devices,
    "distribution": facts.distribution,
    "dmi": hardware,
    "dns": name_servers,
    "env": environment,
    "load": load,
    "lsb": lambda: {"lsb": facts.lsb(facts.distribution())},
    "memory": memory,
    "network": lambda: facts_network.collect(most=1 << 16),
    "platform": facts.platform,
    "processor": cpus,
    "python": facts.python,
    "security": security,
    "service_mgr": facts.service_manager,
    "ssh": ssh_host_keys,
    "user": facts.user,
    "virtual": facts.virtual,
}
