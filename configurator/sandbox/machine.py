"""Whether this machine can run disposable hosts, and what to do where it cannot."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

from configurator.core.errors import SandboxError

# A tool that we call -> the Debian package which brings it (`dpkg -S`).
TOOLS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "mount": "mount",
}

# sbin is not on an ordinary user's PATH in Debian, and sudo may keep that PATH.
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

ELSEWHERE = "or use a virtual machine instead: `vagrant up` (docs/how-to/vagrant.md)"


def search_path() -> str:
    """Return PATH with the system directories added, for looking up and for running tools."""
    have = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*have, *(place for place in SBIN if place not in have)])


def missing_packages(which: Callable[[str, str], str | None] | None = None) -> list[str]:
    """Return the Debian packages to install before a sandbox can run here: sorted, each once, empty when
    ready.
    """
    find = which or (lambda tool, path: shutil.which(tool, path=path))
    return sorted({package for tool, package in TOOLS.items() if find(tool, search_path()) is None})


def require_machine() -> None:
    """Return only if this machine can run disposable hosts; otherwise raise SandboxError with the way out."""
    if sys.platform != "linux":
        raise SandboxError(
            "the sandbox needs Linux: its hosts are containers of this machine's kernel",
            hint=f"use a virtual machine: {ELSEWHERE.removeprefix('or use a virtual machine instead: ')}",
        )
    if os.geteuid() != 0:
        raise SandboxError(
            "the sandbox needs root: it mounts file systems and makes network interfaces",
            hint=f"run `sudo make demo` or `sudo configurator sandbox up`, {ELSEWHERE}",
        )
    missing = missing_packages()
    if missing:
        raise SandboxError(
            f"the sandbox needs {', '.join(missing)}, not installed on this machine",
            hint=f"run `sudo apt-get install --yes {' '.join(missing)}`, {ELSEWHERE}",
        )
    os.environ["PATH"] = search_path()
    lacking = lacking_kernel_features()
    if lacking:
        raise SandboxError(
            f"this kernel has no {', '.join(lacking)}, which the sandbox needs",
            hint=f"load it (modprobe) if it is a module, {ELSEWHERE}",
        )


def lacking_kernel_features(proc: str = "/proc") -> list[str]:
    """Return what the running kernel lacks of the things a container host needs, as words for people.

    proc(5): /proc/filesystems lists what can be mounted; a file in /proc/self/ns exists for each kind of
    namespace. overlay may be an unloaded module, so its absence there counts only if no module is found.
    veth and nftables answer only when used: `network.create` reports these.
    """
    lacking = []
    with open(f"{proc}/filesystems", encoding="ascii") as file:
        known = {line.split()[-1] for line in file if line.strip()}
    if "tmpfs" not in known:
        lacking.append("tmpfs")
    if "overlay" not in known and not _module_exists("overlay"):
        lacking.append("overlay file system")
    lacking += [
        f"{kind} namespaces"
        for kind in ("mnt", "net", "pid", "uts")
        if not os.path.exists(f"{proc}/self/ns/{kind}")
    ]
    return lacking


def _module_exists(name: str) -> bool:
    """Tell whether `modprobe` could load a module: depmod(8) lists every one in modules.dep."""
    try:
        with open(f"/lib/modules/{os.uname().release}/modules.dep", encoding="utf-8") as file:
            return any(line.split(":")[0].split("/")[-1].startswith(f"{name}.ko") for line in file)
    except FileNotFoundError:
        return False
