"""Which files decide whether we can log in, and how a change of them is undone."""

from __future__ import annotations

import fnmatch

from configurator.modules.base import Guard
from configurator.modules.system import System

_SSH = "/etc/ssh"
_RELOAD_SSH = ("systemctl", "reload", "ssh")
_RULES = "/etc/nftables.conf"  # loaded by nftables.service; nftables.d is what it includes
_TREES = (
    "/etc/network",  # interfaces(5)
    "/etc/systemd/network",  # systemd.network(5)
    "/etc/netplan",
    "/etc/sudoers",  # sudoers(5)
    "/etc/sudoers.d",
    "/etc/pam.d",  # pam.d(5): sshd, sudo, and what they include
    "/etc/hosts.allow",  # hosts_access(5)
    "/etc/hosts.deny",
    "/etc/security",  # access.conf(5)
)
# sshd(8), AUTHORIZED_KEYS FILE FORMAT and FILES: keys, and the directory that must not be open to others.
_KEYS = ("*/.ssh", "*/.ssh/authorized_keys", "*/.ssh/authorized_keys2")


def guard_for_path(system: System, path: str) -> Guard | None:
    """Return how a change of this path, or of all below it, is undone; None if it cannot cut our access."""
    if _meets(path, _SSH):
        active = system.query(("systemctl", "is-active", "ssh"), ok=range(256)).exit_status == 0
        reload = (_RELOAD_SSH,) if active else ()
        # Reloaded at once: a new configuration that nobody has loaded yet would pass any test.
        return Guard(saves=(path,), activates=reload, restores=reload)
    if _meets(path, _RULES) or _meets(path, "/etc/nftables.d"):
        return _guard_for_rules(system, path)
    if any(_meets(path, tree) for tree in _TREES):
        return Guard(saves=(path,))
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in _KEYS):
        return Guard(saves=(path,))
    return None


def _guard_for_rules(system: System, path: str) -> Guard:
    """Have rules that the next boot would load be loaded now: untested, they would lock us out then."""
    enabled = system.query(("systemctl", "is-enabled", "nftables"), ok=range(256)).exit_status == 0
    if not enabled or system.stat("/usr/sbin/nft", follow=True) is None:
        return Guard(saves=(path,))
    return Guard(saves=(path,), saves_tables=("*",), activates=(("nft", "-f", _RULES),))


def _meets(path: str, tree: str) -> bool:
    """Return True if the path is the tree or stands below it."""
    return path == tree or path.startswith(tree + "/")
