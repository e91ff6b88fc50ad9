"""One host: its files, its systemd-nspawn process, and when it is ready to be used.

HOST/keys/     its ssh host keys, kept over a reset so that known_hosts stays true
HOST/memory/   a tmpfs: overlay's `upper` (all that differs from the cached tree) and `work`
HOST/root/     the overlay: what the host sees as /
HOST/manager   the line of /proc/PID/stat of the process that runs nspawn
HOST/console   what the host wrote to its console
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass

from configurator.core.errors import SandboxError
from configurator.sandbox import cgroups, mounts, processes
from configurator.sandbox.commands import check, run
from configurator.sandbox.recipe import ADMIN, OPERATOR
from configurator.sandbox.records import HostRecord
from configurator.sandbox.tree import give_resolver, remove_tree

# The shell enters the host's control groups and names itself in `manager` before nspawn exists, so that there
# is no moment at which something runs and is not on record. It stays, because nspawn with --keep-unit leaves
# a reboot to its service manager: it ends with 133 (RestartForceExitStatus= of systemd-nspawn@.service) and
# is started again. Each boot has a group of its own: in the one before, nspawn has handed out controllers,
# after which cgroups(7) lets no process enter it ("no internal processes").
LAUNCHER = """
manager=$1; shift
groups=; while [ "$1" != -- ]; do groups="$groups $1"; shift; done; shift
enter() { for group in $groups; do mkdir -p "$group/$1"; echo 0 > "$group/$1/cgroup.procs"; done; }
enter launcher
cat /proc/$$/stat > "$manager.new"; mv "$manager.new" "$manager"
boot=0; code=133
while [ $code -eq 133 ]; do
  boot=$((boot + 1)); code=0
  ( enter boot-$boot; exec "$@" ) || code=$?
done
exit $code
"""

START_TIMEOUT_S = 10.0

# systemd.network(5). No IPv6 autoconfiguration: there is no router to wait for.
NETWORK_FILE = """[Match]
Name=host0
[Link]
MTUBytes={mtu}
[Network]
Address={address}/{prefix}
Gateway={gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


@dataclass(frozen=True, slots=True)
class Network:
    """What a host must know of its lab's network."""

    bridge: str
    gateway: str
    prefix: int
    mtu: int
    apt_proxy: str


class Guest:
    """The machinery of one host below its own directory; every step may be repeated after a crash."""

    def __init__(self, directory: str, record: HostRecord) -> None:
        self.directory = directory
        self.record = record
        self.upper = os.path.join(directory, "memory/upper")
        self.root = os.path.join(directory, "root")
        self.keys = os.path.join(directory, "keys/etc/ssh")

    def prepare(self, layers: list[str], network: Network, authorized_key: str) -> None:
        """Mount the host's root over the layers and write what makes it this host."""
        memory = os.path.join(self.directory, "memory")
        mounts.mount_tmpfs(memory, self.record.memory)
        mounts.mount_overlay(layers, self.upper, os.path.join(memory, "work"), self.root)
        self._seed(network, authorized_key)

    def make_host_keys(self) -> None:
        """Make one key of each of sshd's types unless the host has them: ssh-keygen(1), -A with -f as a
        prefix.
        """
        if not os.path.isdir(self.keys):
            os.makedirs(self.keys)
            run(["ssh-keygen", "-q", "-A", "-f", os.path.join(self.directory, "keys")])

    def public_keys(self) -> list[str]:
        """Return the host's public keys, as `type base64`: known from the beginning, so nobody trusts a first
        answer.
        """
        found = []
        for name in sorted(os.listdir(self.keys)):
            if name.endswith(".pub"):
                with open(os.path.join(self.keys, name), encoding="ascii") as file:
                    found.append(" ".join(file.read().split()[:2]))
        return found

    def _seed(self, network: Network, authorized_key: str) -> None:
        record = self.record
        give_resolver(self.root)
        self._write("etc/hostname", f"{record.name}\n")
        self._write(
            "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {record.name}\n::1 localhost ip6-localhost\n"
        )
        # With an id of its own from the start systemd does not take this for a first boot: machine-id(5).
        self._write("etc/machine-id", f"{uuid.uuid4().hex}\n", mode=0o444)
        wire = NETWORK_FILE.format(
            mtu=network.mtu, address=record.address, prefix=network.prefix, gateway=network.gateway
        )
        self._write("etc/systemd/network/10-sandbox.network", wire)
        if network.apt_proxy:
            self._write("etc/apt/apt.conf.d/90sandbox-proxy", network.apt_proxy)
        for home in ("root", f"home/{ADMIN}", f"home/{OPERATOR}"):
            self._authorize(home, authorized_key, like=os.stat(os.path.join(self.root, home)))
        for name in os.listdir(self.keys):
            shutil.copy2(os.path.join(self.keys, name), os.path.join(self.root, "etc/ssh", name))

    def _authorize(self, home: str, key: str, like: os.stat_result) -> None:
        directory = os.path.join(self.root, home, ".ssh")
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o700)
        self._write(f"{home}/.ssh/authorized_keys", f"{key}\n", mode=0o600)
        for path in (directory, os.path.join(directory, "authorized_keys")):
            os.chown(path, like.st_uid, like.st_gid)

    def _write(self, path: str, text: str, mode: int = 0o644) -> None:
        target = os.path.join(self.root, path)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(target, mode)

    def boot(self, network: Network, cancel: threading.Event) -> None:
        """Start the host; it goes on running when this program ends.

        systemd-nspawn(1): --register=no and --keep-unit leave machined and the system bus out of it, which a
        machine may not have; the host's control group is ours instead.
        """
        nspawn = [
            "systemd-nspawn", "--quiet", "--boot", "--settings=no", "--register=no", "--keep-unit",
            f"--directory={self.root}", f"--machine={self.record.machine}", f"--hostname={self.record.name}",
            f"--network-bridge={network.bridge}", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
        ]  # fmt: skip
        groups = cgroups.create(self.record.machine)
        # setsid(1) --fork: the host is no child of ours, so nobody has to collect it and no signal reaches
        # it.
        shell = ["setsid", "--fork", "/bin/sh", "-eu", "-c", LAUNCHER, "launcher"]
        # A tmpfs on /tmp would hide it from the digest of the host's files (systemd's ENVIRONMENT.md).
        environment = {**os.environ, "SYSTEMD_NSPAWN_TMPFS_TMP": "0"}
        if os.path.exists(self._manager_path):
            os.unlink(self._manager_path)
        with open(os.path.join(self.directory, "console"), "wb") as console:
            subprocess.run(
                [*shell, self._manager_path, *groups, "--", *nspawn],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environment, check=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.manager() is None:
            check(cancel)
            if time.monotonic() >= deadline:
                raise SandboxError(f"systemd-nspawn did not start: {self.console_tail()}")
            time.sleep(0.005)

    @property
    def _manager_path(self) -> str:
        return os.path.join(self.directory, "manager")

    def manager(self) -> processes.ProcessId | None:
        """Return the process that runs the host's nspawn, alive or not; None before the first boot."""
        try:
            with open(self._manager_path, encoding="utf-8", errors="replace") as file:
                return processes.parse_stat(file.read())
        except FileNotFoundError:
            return None

    def running(self) -> bool:
        """Tell whether the host's container runs, or is between two boots."""
        manager = self.manager()
        return manager is not None and processes.alive(manager)

    def destroy(self) -> None:
        """End the host at once and remove its files; what is already gone is no error."""
        self.stop()
        remove_tree(self.directory)

    def stop(self) -> None:
        """Kill the host's processes and unmount its file systems, keeping its directory; its memory is lost.

        The payload is killed first: nspawn then removes its interface and its traces in /run by itself. An
        nspawn that died before leaves the guest running (its group is killed then) and a directory which is
        removed here.
        """
        manager = self.manager()
        if manager is not None and processes.alive(manager):
            cgroups.kill_all(self.record.machine, only="payload")
            processes.wait_gone(manager, 5.0)
        if not cgroups.kill_all(self.record.machine):
            left = sorted(cgroups.members(self.record.machine))
            raise SandboxError(f"processes of {self.record.name} could not be killed: {left}")
        mounts.unmount_below(self.directory)
        remove_traces(self.record.machine)

    def console_tail(self) -> str:
        """Return the last lines of the host's console, for an error message."""
        try:
            with open(os.path.join(self.directory, "console"), encoding="utf-8", errors="replace") as file:
                return "\n".join(file.read().splitlines()[-10:])
        except FileNotFoundError:
            return ""


def remove_traces(machine: str) -> None:
    """Remove a dead host's control groups and the directory that a killed nspawn leaves in /run."""
    cgroups.remove(machine)
    propagate = f"/run/systemd/nspawn/propagate/{machine}"
    if os.path.isdir(propagate):
        os.rmdir(propagate)
