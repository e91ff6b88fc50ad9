"""Which files decide whether we can log in, and how a change of them is undone."""

from __future__ import annotations

from configurator.modules.base import Guard
from configurator.modules.system import System

_RELOAD_SSH = ("systemctl", "reload", "ssh")
_NETWORK = (
    "/etc/network/",  # interfaces(5)
    "/etc/systemd/network/",  # systemd.network(5)
    "/etc/netplan/",
    "/etc/nftables.conf",  # nft(8): loaded by nftables.service
    "/etc/nftables.d/",
)
_ACCOUNTS = ("/etc/sudoers", "/etc/pam.d/sshd", "/etc/pam.d/sudo", "/etc/hosts.deny", "/etc/hosts.allow")


def guard_for_path(system: System, path: str) -> Guard | None:
    """Return how a change of this path is undone; None if it cannot cut our access."""
    if path.startswith("/etc/ssh/"):
        active = system.query(("systemctl", "is-active", "ssh"), ok=tuple(range(256))).exit_status == 0
        reload = (_RELOAD_SSH,) if active else ()
        # Reloaded at once: a new configuration that nobody has loaded yet would pass any test.
        return Guard(saves=(path,), activates=reload, restores=reload)
    if path.startswith(_NETWORK) or path.startswith(_ACCOUNTS):
        return Guard(saves=(path,))
    if path.endswith(("/.ssh/authorized_keys", "/.ssh/authorized_keys2")):
        return Guard(saves=(path,))
    return None
