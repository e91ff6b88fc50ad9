"""Removing what a lab owns: hosts one by one, then its network, then its directory; each step may be
repeated.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from configurator.core.errors import SandboxError
from configurator.sandbox import cgroups, mounts, network, processes, records, registry
from configurator.sandbox.guest import Guest, remove_traces
from configurator.sandbox.locks import held
from configurator.sandbox.paths import REGISTRY
from configurator.sandbox.records import HostRecord, LabRecord
from configurator.sandbox.together import together
from configurator.sandbox.tree import remove_tree

RECORD = "lab.json"
LOCK = "lock"
HOSTS = "hosts"
# Everything a lab writes in its directory; what else is there is not ours and keeps the directory.
FILES = (RECORD, f"{RECORD}.new", "id_ed25519", "id_ed25519.pub", "known_hosts", "inventory.yml")


def guest_of(directory: str, host: HostRecord) -> Guest:
    """Return the machinery of one of the lab's hosts."""
    return Guest(os.path.join(directory, HOSTS, host.name), host)


def destroy_hosts(directory: str, record: LabRecord, names: Iterable[str]) -> LabRecord:
    """Destroy hosts of the lab in parallel and return the record without those that are gone, saved.

    A host that resists stays on record and is reported when all have been tried.
    """
    destroys = {name: guest_of(directory, record.hosts[name]).destroy for name in names}
    errors = together(destroys)
    for name in destroys.keys() - errors.keys():
        record = record.without_host(name)
    if destroys:
        records.save(os.path.join(directory, RECORD), record)
    for error in errors.values():
        raise error
    return record


def remove_lab(directory: str, record: LabRecord) -> None:
    """Remove the lab with everything it owns; the caller holds its lock."""
    record = destroy_hosts(directory, record, list(record.hosts))
    network.remove(record)
    for name in FILES:
        _unlink(os.path.join(directory, name))
    registry.strike(record.id)
    _rmdir(os.path.join(directory, HOSTS))
    _unlink(os.path.join(directory, LOCK))
    _rmdir(directory)


def reap_lab(directory: str) -> LabRecord | None:
    """Remove what has no living process behind it and return the record of what is left, None if nothing is.

    The caller holds the lab's lock.
    """
    path = os.path.join(directory, RECORD)
    record = records.load(path)
    if record is None:
        return None
    left = records.leftovers(
        record,
        boot=processes.boot_id(),
        alive=processes.alive,
        manager_of=lambda host: guest_of(directory, host).manager(),
    )
    if left.whole_lab:
        remove_lab(directory, record)
        return None
    return destroy_hosts(directory, record, left.hosts) if left.hosts else record


def reap_others(own: str, where: str = REGISTRY) -> None:
    """Remove what other labs of this machine left when they crashed; one that is being worked on is passed
    over.
    """
    for lab_id, directory in registry.enrolled(where).items():
        if directory == own:
            continue
        if not os.path.exists(os.path.join(directory, RECORD)):
            reap_unrecorded(lab_id, directory)
            continue
        try:
            with held(os.path.join(directory, LOCK), timeout=0.0):
                if reap_lab(directory) is None:  # its own or another's: the lock made the directory anew
                    _unlink(os.path.join(directory, LOCK))
                    _rmdir(directory)
        except SandboxError:
            continue  # at work, or of another version: its own `down` will tell


def reap_unrecorded(lab_id: str, directory: str) -> None:
    """Remove what is left of a lab that lost its record: the id in the names of its things is enough."""
    for group in cgroups.names(f"c{lab_id}-"):
        cgroups.kill_all(group)
        remove_traces(group)
    mounts.unmount_below(os.path.join(directory, HOSTS))
    remove_tree(os.path.join(directory, HOSTS))
    network.remove(LabRecord(id=lab_id, boot="", subnet=""))
    registry.strike(lab_id)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _rmdir(path: str) -> None:
    with contextlib.suppress(OSError):  # not there, or it holds what is not ours
        os.rmdir(path)
