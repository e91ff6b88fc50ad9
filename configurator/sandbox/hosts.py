"""A host as its users see it, and the files with which other programs reach it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from configurator.sandbox import digest

if TYPE_CHECKING:
    from configurator.sandbox.slowlink import SlowLink

PORT = 22


@dataclass(frozen=True, slots=True)
class LabHost:
    """One running host: how to reach it, and what its files are."""

    name: str
    address: str
    release: str
    key_path: str
    known_hosts: str
    upper: str
    port: int = PORT
    user: str = "root"

    def ssh_command(self, user: str | None = None) -> list[str]:
        """Return the OpenSSH command line up to the address: this lab's key and known_hosts, no user's
        settings.
        """
        options = (
            "BatchMode=yes", "IdentitiesOnly=yes", "ControlMaster=no", "ControlPath=none",
            "ConnectTimeout=10", "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.known_hosts}", "GlobalKnownHostsFile=/dev/null",
        )  # fmt: skip
        words = ["ssh", "-F", "/dev/null", "-i", self.key_path, "-p", str(self.port)]
        for option in options:
            words += ["-o", option]
        return [*words, f"{user or self.user}@{self.address}"]

    def digest(self) -> dict[str, str]:
        """Return a mark for everything that the host's files have that the pristine tree has not; see
        `digest`.
        """
        return digest.of_layer(self.upper)

    def slow_proxy(self, delay_s: float) -> SlowLink:
        """Return a link to the host's ssh port, `delay_s` longer in each direction; see `slowlink`."""
        from configurator.sandbox.slowlink import SlowLink  # noqa: PLC0415 (asyncio takes 60 ms to import)

        return SlowLink((self.address, self.port), delay_s)


def remote_words(command: Sequence[str]) -> str:
    """Return an argument list as the one string that ssh hands to the remote shell, each argument quoted."""
    return shlex.join(command)


def write_known_hosts(path: str, keys: Iterable[tuple[str, int, Sequence[str]]]) -> None:
    """Write the hosts' keys by address (sshd(8), known_hosts): they were made here, so none is taken on
    trust.
    """
    lines = []
    for address, port, public_keys in keys:
        place = address if port == PORT else f"[{address}]:{port}"
        lines += [f"{place} {key}\n" for key in public_keys]
    _replace(path, "".join(lines))


def write_inventory(path: str, hosts: Iterable[LabHost]) -> None:
    """Write the inventory in Ansible's YAML format; with no hosts it is valid too, and empty."""
    import yaml  # noqa: PLC0415 (15 ms, and most users of a host never write an inventory)

    entries = {
        host.name: {
            "ansible_host": host.address,
            "ansible_port": host.port,
            "ansible_user": host.user,
            "ansible_ssh_private_key_file": host.key_path,
            "ansible_ssh_known_hosts_file": host.known_hosts,
        }
        for host in hosts
    }
    _replace(path, yaml.safe_dump({"all": {"hosts": entries}}, sort_keys=False))


def _replace(path: str, text: str) -> None:
    """Write the file at one stroke, so that a program reading it meanwhile never sees half of it."""
    scratch = f"{path}.new"
    with open(scratch, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(scratch, path)
