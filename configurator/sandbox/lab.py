"""A lab: a network of disposable Debian hosts on this machine, and all that is needed to use and to remove
them.
"""

from __future__ import annotations

import atexit
import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from types import TracebackType

from configurator.core.errors import SandboxError
from configurator.sandbox import hosts as reach
from configurator.sandbox import (
    mounts,
    network,
    paths,
    processes,
    proxies,
    readiness,
    records,
    registry,
    subnet,
)
from configurator.sandbox.commands import run
from configurator.sandbox.guest import Network
from configurator.sandbox.hosts import LabHost
from configurator.sandbox.locks import held
from configurator.sandbox.machine import require_machine
from configurator.sandbox.reap import LOCK, RECORD, destroy_hosts, guest_of, reap_lab, reap_others, remove_lab
from configurator.sandbox.records import HostRecord, LabRecord
from configurator.sandbox.signals import terminable, uninterrupted
from configurator.sandbox.together import together
from configurator.sandbox.tree import TreeCache

DEFAULT_LAB = "default"
DEFAULT_RELEASE = "bookworm"

# The most that one host may write; its memory is used only as far as it does write.
DEFAULT_MEMORY = "1G"


def _silence(_line: str) -> None:
    """Tell nobody."""


class Lab:
    """Disposable hosts under one name. Left as a context manager, it destroys them; otherwise they stay until
    `down`.
    """

    def __init__(self, directory: str, *, cache: str, say: Callable[[str], None]) -> None:
        self.directory = os.path.realpath(directory)
        self.inventory_path = os.path.join(self.directory, "inventory.yml")
        self.key_path = os.path.join(self.directory, "id_ed25519")
        self.known_hosts = os.path.join(self.directory, "known_hosts")
        self._cache = os.path.realpath(cache)
        self._say = say
        self._owner: processes.ProcessId | None = None
        self._cancel = threading.Event()
        self._stack = ExitStack()

    @classmethod
    def open(
        cls,
        name: str = DEFAULT_LAB,
        *,
        state_dir: str | os.PathLike[str] | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        say: Callable[[str], None] = _silence,
    ) -> Lab:
        """Return the lab of this name, existing or not; nothing is touched before it is used.

        `say` hears of work that takes long, such as building a root tree.
        """
        home = os.fspath(state_dir) if state_dir is not None else paths.state_home()
        cache = os.fspath(cache_dir) if cache_dir is not None else paths.cache_home()
        return cls(os.path.join(home, paths.check_name(name, "the sandbox's name")), cache=cache, say=say)

    @classmethod
    def create(
        cls,
        *,
        name: str | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        say: Callable[[str], None] = _silence,
    ) -> Lab:
        """Return a lab that shares nothing with any other: under a name nobody uses, unless one is given."""
        fresh = name or f"lab-{secrets.token_hex(4)}"
        return cls.open(fresh, state_dir=state_dir, cache_dir=cache_dir, say=say)

    @property
    def name(self) -> str:
        """The lab's name, which is its directory's."""
        return os.path.basename(self.directory)

    def __enter__(self) -> Lab:
        require_machine()
        self._owner = processes.myself()
        self._stack.enter_context(terminable())
        atexit.register(self._at_exit)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        atexit.unregister(self._at_exit)
        with self._stack:
            self._at_exit()
        self._owner = None

    def _at_exit(self) -> None:
        with uninterrupted():
            self.down()

    def up(
        self, names: Sequence[str], release: str = DEFAULT_RELEASE, *, memory: str = DEFAULT_MEMORY
    ) -> list[LabHost]:
        """Return the named hosts, running and ready; those that run already stay as they are, the rest boot
        in parallel.

        If one cannot be had, or a signal comes, those begun by this call are removed again.
        """
        for name in names:
            paths.check_name(name, "the host's name")
        memory = mounts.check_size(memory)
        require_machine()
        reap_others(self.directory)
        with terminable(), self._locked():
            reap_lab(self.directory)
        # The lock anew: with the last leftover the lab's directory went, and the lock file in it.
        with terminable(), self._locked():
            record = records.load(self._record_path)
            self._refuse_other_release(record, names, release)
            new = [name for name in dict.fromkeys(names) if record is None or name not in record.hosts]
            if new:
                self._start(record, new, release, memory)
        known = {host.name: host for host in self.hosts()}
        return [known[name] for name in names]

    def reset(self, *names: str) -> list[LabHost]:
        """Return the named hosts pristine: as after `up`, with the same address and host keys, and ready."""
        require_machine()
        with terminable(), self._locked():
            record = self._existing(names)
            kept = {name: record.hosts[name] for name in names}
            with self._undone_on_error(list(names)):
                self._boot(record, list(kept.values()))
        known = {host.name: host for host in self.hosts()}
        return [known[name] for name in names]

    def down(self, names: Sequence[str] | None = None) -> None:
        """Destroy the named hosts, or all; with the last one the network, the key and the lab's directory go
        too.
        """
        if not os.path.isdir(self.directory):
            if names:
                raise SandboxError(f"there is no sandbox {self.name}")
            return
        require_machine()
        with self._locked():
            record = records.load(self._record_path)
            if record is None or names is None or set(names) >= set(record.hosts):
                self._existing(names or ())
                remove_lab(self.directory, record or self._empty())
            else:
                self._existing(names)
                record = destroy_hosts(self.directory, record, names)
                self._publish(record)

    def states(self) -> dict[str, str]:
        """Return how each host on record is: `running`, `starting`, or `dead` if its container ended by
        itself.
        """
        record = records.load(self._record_path)
        found = {}
        for host in record.hosts.values() if record else ():
            dead = "starting" if host.starter is not None else "dead"
            found[host.name] = "running" if self._runs(host) else dead
        return found

    def connect(self, name: str, command: Sequence[str] = (), *, user: str = "root") -> int:
        """Give this terminal an OpenSSH session on a host and return its exit status; words are joined as ssh
        does.
        """
        return subprocess.call([*self.host(name).ssh_command(user), *command])

    def hosts(self) -> list[LabHost]:
        """Return the hosts that are ready, in the order in which they were made."""
        record = records.load(self._record_path)
        return [self._host(host) for host in record.hosts.values() if host.starter is None] if record else []

    def host(self, name: str) -> LabHost:
        """Return one host; SandboxError names those there are if there is none of this name."""
        for host in self.hosts():
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts()) or "none"
        raise SandboxError(f"sandbox {self.name} has no host {name}", hint=f"its hosts: {known}")

    def shell(
        self,
        name: str,
        command: Sequence[str],
        *,
        user: str = "root",
        stdin: str | None = None,
        timeout: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run an argument list on a host through OpenSSH, on a connection of its own, and return what came of
        it.
        """
        return run(
            [*self.host(name).ssh_command(user), reach.remote_words(command)],
            stdin=stdin,
            timeout=timeout,
            ok=False,
        )

    # What follows runs with the lab's lock held.

    @property
    def _record_path(self) -> str:
        return os.path.join(self.directory, RECORD)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with held(os.path.join(self.directory, LOCK)):
            yield

    def _existing(self, names: Sequence[str]) -> LabRecord:
        record = records.load(self._record_path) or self._empty()
        unknown = [name for name in names if name not in record.hosts]
        if unknown:
            known = ", ".join(record.hosts) or "none"
            raise SandboxError(
                f"sandbox {self.name} has no host {', '.join(unknown)}", hint=f"its hosts: {known}"
            )
        return record

    def _refuse_other_release(self, record: LabRecord | None, names: Sequence[str], release: str) -> None:
        for name in names:
            if record is not None and name in record.hosts and record.hosts[name].release != release:
                raise SandboxError(
                    f"{name} runs {record.hosts[name].release}, not {release}",
                    hint=f"choose another name, or `configurator sandbox down {name}` first",
                )

    def _empty(self) -> LabRecord:
        return LabRecord(secrets.token_hex(3), processes.boot_id(), "", self._owner)

    def _start(self, record: LabRecord | None, names: Sequence[str], release: str, memory: str) -> None:
        with self._undone_on_error(names):
            self._layers(release)  # a tree that must be built first keeps no half-made lab waiting
            if record is None:
                record = self._found()
            added = []
            for name in names:
                number = record.next_number()
                address = subnet.guest_address(record.network, number)
                host = HostRecord(name, number, record.machine(number), address, release, memory)
                record = record.with_host(host)
                added.append(host)
            self._boot(record, added)

    def _found(self) -> LabRecord:
        """Make the lab's key and network; each is on record before it is made."""
        if not os.path.exists(self.key_path):
            run(
                [
                    "ssh-keygen",
                    "-q",
                    "-t",
                    "ed25519",
                    "-N",
                    "",
                    "-C",
                    f"sandbox {self.name}",
                    "-f",
                    self.key_path,
                ]
            )
        with held(registry.lock_path()):
            record = replace(self._empty(), subnet=str(network.free_subnet()))
            records.save(self._record_path, record)
            registry.enroll(record.id, self.directory)
            network.create(record)
        return record

    def _layers(self, release: str) -> list[str]:
        return TreeCache(self._cache, say=self._say, cancel=self._cancel).layers(release)

    def _boot(self, record: LabRecord, wanted: Sequence[HostRecord]) -> None:
        """Boot the wanted hosts pristine and in parallel, on record as unfinished until all are ready."""
        for host in wanted:
            record = record.with_host(replace(host, starter=processes.myself()))
        records.save(self._record_path, record)
        wire = self._network(record)
        layers = {release: self._layers(release) for release in {host.release for host in wanted}}
        with open(f"{self.key_path}.pub", encoding="ascii") as file:
            key = file.read().strip()
        boots = {host.name: partial(self._boot_one, host, layers[host.release], wire, key) for host in wanted}
        for error in together(boots, self._cancel).values():
            raise error
        for host in wanted:
            record = record.with_host(replace(host, starter=None))
        self._publish(record)
        records.save(self._record_path, record)

    def _boot_one(self, host: HostRecord, layers: list[str], wire: Network, key: str) -> None:
        guest = guest_of(self.directory, host)
        guest.stop()
        guest.make_host_keys()
        guest.prepare(layers, wire, key)
        # Its own known_hosts until all hosts are ready, since the lab's is written once.
        mine = os.path.join(guest.directory, "known_hosts")
        reach.write_known_hosts(mine, [(host.address, reach.PORT, guest.public_keys())])
        ssh = replace(self._host(host), known_hosts=mine).ssh_command()
        guest.boot(wire, self._cancel)
        try:
            readiness.wait_ready(
                host.address,
                reach.PORT,
                ssh,
                running=guest.running,
                cancel=self._cancel,
            )
        except SandboxError as error:
            said = guest.console_tail()
            raise SandboxError(
                f"{host.name}: {error.message}; its console ends:\n{said}", hint=error.hint
            ) from error

    @contextmanager
    def _undone_on_error(self, names: Sequence[str]) -> Iterator[None]:
        """Remove the named hosts, and the lab if it has no others, when the block does not end well."""
        self._cancel.clear()
        try:
            yield
        except BaseException:
            with uninterrupted():
                record = records.load(self._record_path)
                if record is None or set(names) >= set(record.hosts):
                    remove_lab(self.directory, record or self._empty())
                else:
                    self._publish(
                        destroy_hosts(self.directory, record, [n for n in names if n in record.hosts])
                    )
            raise

    def _network(self, record: LabRecord) -> Network:
        dump = run(["apt-config", "dump"], ok=False).stdout
        gateway = subnet.gateway(record.network)
        proxy = proxies.apt_configuration(proxies.find_proxies(os.environ, dump), gateway)
        return Network(record.bridge, gateway, record.network.prefixlen, network.uplink_mtu(), proxy)

    def _runs(self, host: HostRecord) -> bool:
        return host.starter is None and guest_of(self.directory, host).running()

    def _host(self, host: HostRecord) -> LabHost:
        upper = guest_of(self.directory, host).upper
        return LabHost(host.name, host.address, host.release, self.key_path, self.known_hosts, upper)

    def _publish(self, record: LabRecord) -> None:
        """Write known_hosts and the inventory for the hosts on record."""
        ready = [self._host(host) for host in record.hosts.values()]
        keys = {host.name: guest_of(self.directory, host).public_keys() for host in record.hosts.values()}
        reach.write_known_hosts(
            self.known_hosts, [(host.address, host.port, keys[host.name]) for host in ready]
        )
        reach.write_inventory(self.inventory_path, ready)


def labs(state_dir: str | os.PathLike[str] | None = None) -> list[Lab]:
    """Return every lab that has something on record, by name."""
    home = os.fspath(state_dir) if state_dir is not None else paths.state_home()
    names = sorted(os.listdir(home)) if os.path.isdir(home) else []
    return [
        Lab.open(name, state_dir=home) for name in names if os.path.exists(os.path.join(home, name, RECORD))
    ]


def how_to_use(lab: Lab, name: str) -> str:
    """Return the command that plans for a host of the lab; under sudo its files are root's, so it needs sudo
    too.
    """
    # sudo looks only into its own secure_path (sudoers(5)), which has no virtual environment.
    program = 'sudo "$(command -v configurator)"' if "SUDO_USER" in os.environ else "configurator"
    return f"{program} plan -i {lab.inventory_path} --host {name}"
