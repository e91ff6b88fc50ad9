"""Which facts there are besides those of every run, and the part that each is gathered with."""

from __future__ import annotations

from collections.abc import Mapping

_OF_PART: Mapping[str, tuple[str, ...]] = {
    "cmdline": ("cmdline", "proc_cmdline"),
    "devices": ("devices", "device_links"),
    "dmi": (
        *("bios_date", "bios_vendor", "bios_version", "form_factor"),
        *("board_asset_tag", "board_name", "board_serial", "board_vendor", "board_version"),
        *("chassis_asset_tag", "chassis_serial", "chassis_vendor", "chassis_version"),
        *("product_name", "product_serial", "product_uuid", "product_version", "system_vendor"),
    ),
    "dns": ("dns",),
    "load": ("loadavg",),
    "local": ("local",),
    "memory": ("memory_mb",),
    "mounts": ("mounts",),
    "packages": ("packages",),
    "processor": (
        *("processor", "processor_count", "processor_cores", "processor_threads_per_core", "flags"),
    ),
    "security": (
        *("apparmor", "fips", "is_chroot", "selinux", "selinux_python_present"),
        *("system_capabilities", "system_capabilities_enforced"),
    ),
    "services": ("services",),
    "ssh": tuple(
        f"ssh_host_key_{kind}_public{more}"
        for kind in ("dsa", "rsa", "ecdsa", "ed25519")
        for more in ("", "_keytype")
    ),
    "systemd": ("systemd",),
}
PARTS: Mapping[str, str] = {name: part for part, names in _OF_PART.items() for name in names}
