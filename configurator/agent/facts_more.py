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
# linux/capability.h, by number, as libcap's tools write them.
_CAPABILITIES = (
    *("cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill"),
    *("cap_setgid", "cap_setuid", "cap_setpcap", "cap_linux_immutable", "cap_net_bind_service"),
    *("cap_net_broadcast", "cap_net_admin", "cap_net_raw", "cap_ipc_lock", "cap_ipc_owner"),
    *("cap_sys_module", "cap_sys_rawio", "cap_sys_chroot", "cap_sys_ptrace", "cap_sys_pacct"),
    *("cap_sys_admin", "cap_sys_boot", "cap_sys_nice", "cap_sys_resource", "cap_sys_time"),
    *("cap_sys_tty_config", "cap_mknod", "cap_lease", "cap_audit_write", "cap_audit_control"),
    *("cap_setfcap", "cap_mac_override", "cap_mac_admin", "cap_syslog", "cap_wake_alarm"),
    *("cap_block_suspend", "cap_audit_read", "cap_perfmon", "cap_bpf", "cap_checkpoint_restore"),
)
# System enclosure types of the SMBIOS specification, section 7.4.1, as far as hosts have them.
_FORMS = {
    "1": "Other", "2": "Unknown", "3": "Desktop", "4": "Low Profile Desktop", "6": "Mini Tower", "7": "Tower",
    "8": "Portable", "9": "Laptop", "10": "Notebook", "11": "Hand Held", "13": "All In One",
    "14": "Sub Notebook", "17": "Main Server Chassis", "23": "Rack Mount Chassis",
    "24": "Sealed-case PC", "25": "Multi-system",
    "28": "Blade", "29": "Blade Enclosure", "30": "Tablet", "31": "Convertible", "32": "Detachable",
    "33": "IoT Gateway", "34": "Embedded PC", "35": "Mini PC", "36": "Stick PC",
}  # fmt: skip
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
        "is_chroot": _is_chroot(),
        "selinux": {"status": "enabled" if os.path.isdir("/sys/fs/selinux/class") else "disabled"},
        "selinux_python_present": False,
        **_capabilities(),
    }


def _is_chroot() -> bool:
    """Return True in a chroot: our root is not that of the first process (in a container it is)."""
    if "debian_chroot" in os.environ:
        return True
    try:
        ours, first = os.stat("/"), os.stat("/proc/1/root/.")
    except OSError:
        return False
    return (ours.st_ino, ours.st_dev) != (first.st_ino, first.st_dev)


def _capabilities() -> dict[str, Any]:
    """Return the capabilities that the agent may use (capabilities(7)); all of them count as not enforced."""
    words = dict(line.split(":", 1) for line in facts.read("/proc/self/status").splitlines() if ":" in line)
    last = int(facts.read("/proc/sys/kernel/cap_last_cap").strip() or 0)
    mask = int(words.get("CapEff", "0").strip() or "0", 16)
    held = [name for number, name in enumerate(_CAPABILITIES[: last + 1]) if mask >> number & 1]
    free = len(held) == last + 1
    return {
        "system_capabilities_enforced": "False" if free else "True",
        "system_capabilities": [] if free else held,
    }


def systemd() -> dict[str, Any]:
    """Return the version of systemd, if that is what starts services, from its library's file name."""
    folders = [f"/usr/lib/{name}/systemd" for name in _listed("/usr/lib") if name.endswith("-gnu")]
    for folder in ("/usr/lib/systemd", *folders):
        for name in _listed(folder):
            found = name.removeprefix("libsystemd-shared-").partition(".")[0]
            if found != name.partition(".")[0] and found.isdigit():
                return {"systemd": {"version": int(found)}}
    return {}


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
    flags: list[str] = []
    cores, siblings = 1, 1
    for line in facts.read("/proc/cpuinfo").splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key in ("processor", "vendor_id", "model name"):
            listed.append(value)
        elif key in ("flags", "Features") and not flags:
            flags = value.split()
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
        "flags": flags,
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
        "board_asset_tag": "board_asset_tag",
        "board_name": "board_name",
        "board_serial": "board_serial",
        "board_vendor": "board_vendor",
        "board_version": "board_version",
        "chassis_asset_tag": "chassis_asset_tag",
        "chassis_serial": "chassis_serial",
        "chassis_vendor": "chassis_vendor",
        "chassis_version": "chassis_version",
        "product_name": "product_name",
        "product_serial": "product_serial",
        "product_uuid": "product_uuid",
        "product_version": "product_version",
        "system_vendor": "sys_vendor",
    }
    found = {fact: facts.read(f"/sys/class/dmi/id/{name}").strip() or "NA" for fact, name in names.items()}
    number = facts.read("/sys/class/dmi/id/chassis_type").strip()
    return found | {"form_factor": _FORMS.get(number, f"unknown ({number})") if number else "NA"}


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
    links = _links()
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
            "holders": _listed(f"{place}/holders"),
            "links": links.get(name, _no_links()),
            "scheduler_mode": _scheduler(_attribute(place, "queue/scheduler")),
            "serial": _attribute(place, "device/serial") or None,
            "support_discard": _attribute(place, "queue/discard_granularity"),
            "virtual": 0 if os.path.exists(f"{place}/device") else 1,
            "sectors": size,
            "sectorsize": _attribute(place, "queue/logical_block_size"),
            "size": _human(size * _SECTOR),
            "partitions": {
                part: {
                    "start": _attribute(f"{place}/{part}", "start"),
                    "sectors": int(_attribute(f"{place}/{part}", "size") or 0),
                    "links": links.get(part, _no_links()),
                    "uuid": next(iter(links.get(part, _no_links())["uuids"]), None),
                    "size": _human(int(_attribute(f"{place}/{part}", "size") or 0) * _SECTOR),
                }
                for part in _listed(place)
                if part.startswith(name) and os.path.exists(f"{place}/{part}/partition")
            },
        }
    kinds = ("ids", "labels", "uuids")
    by_kind = {kind: {name: one[kind] for name, one in links.items() if one[kind]} for kind in kinds}
    masters = {name: one["masters"] for name, one in links.items() if one["masters"]}
    return {"devices": found, "device_links": by_kind | {"masters": masters}}


def _no_links() -> dict[str, list[str]]:
    return {"ids": [], "labels": [], "uuids": [], "masters": []}


def _links() -> dict[str, dict[str, list[str]]]:
    """Return by what other names udev knows disks and partitions (/dev/disk), and what is built on them."""
    found: dict[str, dict[str, list[str]]] = {}
    for kind, folder in (("ids", "by-id"), ("labels", "by-label"), ("uuids", "by-uuid")):
        for name in _listed(f"/dev/disk/{folder}"):
            try:
                target = os.path.basename(os.readlink(f"/dev/disk/{folder}/{name}"))
            except OSError:
                continue
            found.setdefault(target, _no_links())[kind].append(name)
    for name in _listed("/sys/class/block"):
        for master in _listed(f"/sys/class/block/{name}/holders"):
            found.setdefault(name, _no_links())["masters"].append(master)
    return found


def _scheduler(text: str) -> str:
    """Return the one in brackets: `mq-deadline kyber [bfq] none`."""
    return text.partition("[")[2].partition("]")[0]


def _with_uuids(entries: list[dict[str, Any]]) -> None:
    links = _links()
    for entry in entries:
        uuids = links.get(os.path.basename(os.path.realpath(entry["device"])), _no_links())["uuids"]
        entry["uuid"] = next(iter(uuids), "N/A")


def mounts(timeout_s: float) -> dict[str, Any]:
    """Return what is mounted, with its sizes; a file server that does not answer in time has none.

    A stat of a dead file server hangs where nothing can stop it: its thread is left behind.
    """
    entries = [_mount(line.split()) for line in facts.read("/proc/self/mounts").splitlines()]
    shown = [entry for entry in entries if entry["fstype"] not in _DISKLESS]
    _with_uuids([entry for entry in shown if entry["device"].startswith(_LOCAL)])
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
    "systemd": systemd,
    "user": facts.user,
    "virtual": facts.virtual,
}
