"""What a lab owns on this machine, written down before it is made, so that a crash leaves nothing unnamed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

from configurator.core.errors import SandboxError
from configurator.sandbox.processes import ProcessId

FORMAT = 1


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One host. `starter` is the process that is booting it, None once it is ready to be used."""

    name: str
    number: int
    machine: str  # systemd-nspawn's name for it and its control group's; unique on this machine
    address: str
    release: str
    memory: str
    starter: ProcessId | None = None


@dataclass(frozen=True, slots=True)
class LabRecord:
    """One lab: its network, its hosts, and the process with which it shall end (None: stays until `down`)."""

    id: str
    boot: str
    subnet: str
    owner: ProcessId | None = None
    hosts: Mapping[str, HostRecord] = field(default_factory=dict)

    @property
    def bridge(self) -> str:
        """The lab's bridge: an interface name has at most 15 characters (IFNAMSIZ, netdevice(7))."""
        return f"cfgb-{self.id}"

    @property
    def table(self) -> str:
        """The lab's nftables table, of family ip."""
        return f"configurator_{self.id}"

    @property
    def network(self) -> IPv4Network:
        """The lab's subnet."""
        return IPv4Network(self.subnet)

    def with_host(self, host: HostRecord) -> LabRecord:
        """Return the record with this host added or replaced."""
        return replace(self, hosts={**self.hosts, host.name: host})

    def without_host(self, name: str) -> LabRecord:
        """Return the record without this host."""
        return replace(self, hosts={key: host for key, host in self.hosts.items() if key != name})

    def next_number(self) -> int:
        """Return the lowest number that no host has.

        Number, machine name, hardware address (systemd-nspawn derives it from the name) and IP address go
        together, so that this machine's ARP cache stays right when an address is used again.
        """
        used = {host.number for host in self.hosts.values()}
        return next(number for number in range(1, len(used) + 2) if number not in used)

    def machine(self, number: int) -> str:
        """Return systemd-nspawn's name for a host; its interface is `vb-` and this, at most 15 characters in
        all.
        """
        return f"c{self.id}-{number}"


def save(path: str, record: LabRecord) -> None:
    """Replace the record on disk at one stroke: a reader sees the old or the new one, never a torn one."""
    data = {"format": FORMAT, **asdict(record)}
    scratch = f"{path}.new"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
    os.replace(scratch, path)


def load(path: str) -> LabRecord | None:
    """Return the record, None where there is none; SandboxError for one of another version of the program."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise SandboxError(f"{path} is damaged: {error}") from error
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise SandboxError(
            f"{path} was written by another version", hint="end that sandbox with that version"
        )
    hosts = {
        name: HostRecord(**{**host, "starter": _process(host["starter"])})
        for name, host in data["hosts"].items()
    }
    return LabRecord(**{**data, "owner": _process(data["owner"]), "hosts": hosts})


def _process(data: Any) -> ProcessId | None:
    return ProcessId(**data) if data else None


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What of a lab has no living process behind it and is to be removed."""

    hosts: tuple[str, ...]
    whole_lab: bool


def leftovers(
    record: LabRecord,
    *,
    boot: str,
    alive: Callable[[ProcessId], bool],
    manager_of: Callable[[HostRecord], ProcessId | None],
) -> Leftovers:
    """Decide what is left over; `manager_of` gives the systemd-nspawn process that a host's own pid file
    names.

    All of it after a reboot or when the process died with which the lab should have ended; else the hosts
    whose nspawn died, and those whose boot was never finished by the process that began it. What is being
    booted by a living process is never left over.
    """
    if record.boot != boot or (record.owner is not None and not alive(record.owner)):
        return Leftovers(tuple(record.hosts), whole_lab=True)
    gone = []
    for host in record.hosts.values():
        if host.starter is not None:
            if not alive(host.starter):
                gone.append(host.name)
            continue
        manager = manager_of(host)
        if manager is None or not alive(manager):
            gone.append(host.name)
    return Leftovers(tuple(gone), whole_lab=bool(record.hosts) and len(gone) == len(record.hosts))
