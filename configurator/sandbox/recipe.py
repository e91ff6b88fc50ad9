"""What a host's root tree is made of; its digest names the cached tree, so that a changed recipe is a new
tree.
"""

from __future__ import annotations

import hashlib

# What a small Debian server has when it is handed over, and what a host must have to be reached and read.
# Packages that roles install (nginx, cron, ufw...) stay out on purpose: an apply must really install them.
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "openssh-server", "sudo", "python3",
    "ca-certificates", "iproute2", "nftables", "locales",
)  # fmt: skip

RELEASES = ("bookworm", "trixie")

ADMIN = "admin"  # logs in by key, sudo without a password
OPERATOR = "operator"  # logs in by key or password, sudo asks for the password
OPERATOR_PASSWORD = "operator"  # noqa: S105 (sandbox-only, on purpose)

# Run once in the new tree by `sh -eu`, with the network of this machine.
# - networkd gives the static address of `guest.NETWORK_FILE`; nothing may wait for it, sshd listens on any
#   address
# - the apt timers would hold apt's lock just when a test wants it
# - tmp.mount would hide /tmp from the digest of a host's files (trixie mounts memory there)
# - Debian already has a group `operator`
# - a host key or a machine id in the tree would be shared by every host: `guest.seed` makes them
SCRIPT = f"""
systemctl --quiet enable systemd-networkd.service ssh.service
systemctl --quiet mask systemd-networkd-wait-online.service \
    apt-daily.timer apt-daily-upgrade.timer tmp.mount
useradd --create-home --shell /bin/bash --comment 'sudo without a password' {ADMIN}
useradd --create-home --shell /bin/bash --gid operator --comment 'sudo with a password' {OPERATOR}
echo '{OPERATOR}:{OPERATOR_PASSWORD}' | chpasswd
printf '%s\\n' '{ADMIN} ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/{ADMIN}
printf '%s\\n' '{OPERATOR} ALL=(ALL:ALL) ALL' > /etc/sudoers.d/{OPERATOR}
chmod 0440 /etc/sudoers.d/{ADMIN} /etc/sudoers.d/{OPERATOR}
rm -f /etc/ssh/ssh_host_*
: > /etc/machine-id
rm -f /var/cache/apt/archives/*.deb
"""


def digest(release: str, sources: str) -> str:
    """Return the name of the tree for a release made from this recipe with these package sources."""
    parts = ["1", release, sources, *PACKAGES, SCRIPT]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
