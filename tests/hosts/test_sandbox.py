"""The sandbox itself, on real hosts: what a host is, and that nothing of it stays behind, whatever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.core.errors import SandboxError
from configurator.sandbox import Lab, LabHost, cgroups, digest, mounts, processes, records, registry
from configurator.sandbox.reap import RECORD, guest_of
from configurator.sandbox.records import LabRecord
from tests.hosts.cli import wait_until
from tests.hosts.conftest import HostFactory

pytestmark = pytest.mark.host


@pytest.fixture
def own_lab(lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """A sandbox beside the worker's, for tests that destroy it."""
    with Lab.open("own", state_dir=tmp_path) as own:
        yield own


def record_of(lab: Lab) -> LabRecord:
    record = records.load(os.path.join(lab.directory, RECORD))
    assert record is not None
    return record


def traces(record: LabRecord, directory: str) -> list[str]:
    """Return everything on the machine that the lab owned and that is still there."""
    found = [f"group {name}" for name in cgroups.names(f"c{record.id}-")]
    found += [f"mount {point}" for point in mounts.below(directory)]
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    found += [f"link {line}" for line in links.splitlines() if record.id in line]
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    found += [f"table {line}" for line in tables.splitlines() if record.id in line]
    found += [f"registry {name}" for name in registry.enrolled() if name == record.id]
    propagate = "/run/systemd/nspawn/propagate"
    found += [f"nspawn {name}" for name in os.listdir(propagate) if record.id in name]
    return found + ([f"directory {directory}"] if os.path.exists(directory) else [])


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_a_host_is_what_the_page_says(release: str, lab: Lab, host_factory: HostFactory) -> None:
    """Release, name, state, users and their ways to root, and package lists that need no refresh."""
    host = host_factory(release)

    def out(*command: str, user: str = "root") -> str:
        done = lab.shell(host.name, command, user=user)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert f"VERSION_CODENAME={release}" in out("cat", "/etc/os-release")
    assert out("hostname") == host.name
    assert out("systemctl", "is-system-running") == "running"
    assert out("sudo", "-n", "id", "-u", user="admin") == "0"
    assert lab.shell(host.name, ["sudo", "-n", "true"], user="operator").returncode != 0
    assert lab.shell(host.name, ["sudo", "-S", "true"], user="operator", stdin="operator\n").returncode == 0
    suites = {line.split()[2] for line in out("cat", "/etc/apt/sources.list").splitlines()}
    assert {release, f"{release}-updates"} <= suites
    assert "Candidate: " in out("apt-cache", "policy", "nginx-light")
    assert lab.shell(host.name, ["dpkg", "-s", "nginx-light"]).returncode != 0


def test_a_package_is_installed_from_the_mirror(lab: Lab, fresh_host: LabHost) -> None:
    """Name servers, routing, masquerading and the package lists at once."""
    done = lab.shell(fresh_host.name, ["apt-get", "install", "--yes", "--quiet", "tree"], timeout=120)
    assert done.returncode == 0, done.stderr
    assert "/usr/bin/tree" in fresh_host.digest()


def test_a_plain_login_changes_no_digest_and_a_write_does(lab: Lab, host_factory: HostFactory) -> None:
    """The exclusions suffice for every user and both releases, and each kind of write is seen."""
    for release in ("bookworm", "trixie"):
        host = host_factory(release)
        before = host.digest()
        for user in ("root", "admin", "operator"):
            assert lab.shell(host.name, ["true"], user=user).returncode == 0
        assert host.digest() == before
        lab.shell(
            host.name,
            ["sh", "-c", "rm /etc/issue; echo x > /tmp/x; chmod 600 /etc/motd; rm -r /opt; mkdir /opt"],
        )
        after = host.digest()
        assert after["/etc/issue"] == "removed"
        assert {path for path in after if after[path] != before.get(path)} >= {
            "/etc/issue",
            "/tmp/x",
            "/etc/motd",
            "/opt",
        }
        assert "hides" in after["/opt"]


def test_every_exclusion_of_the_digest_is_needed(
    lab: Lab, fresh_host: LabHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exclusion that nothing needs could hide a write of ours."""
    excluded = digest.EXCLUDED
    monkeypatch.setattr(digest, "EXCLUDED", ())
    before = fresh_host.digest()
    lab.shell(fresh_host.name, ["true"], user="admin")
    lab.shell(fresh_host.name, ["journalctl", "--sync"])
    after = fresh_host.digest()
    changed = [path for path in after if after[path] != before.get(path)]
    assert all(any(path.startswith(f"/{place}") for path in changed) for place in excluded)


def test_reset_gives_back_the_pristine_host_at_its_old_address(lab: Lab, fresh_host: LabHost) -> None:
    """Same address and host keys, so that inventory and known_hosts stay true; nothing of what was done."""
    with open(fresh_host.known_hosts, encoding="ascii") as file:
        keys = file.read()
    lab.shell(fresh_host.name, ["sh", "-c", "touch /etc/touched; userdel operator"])
    (again,) = lab.reset(fresh_host.name)
    assert again == fresh_host
    assert "/etc/touched" not in again.digest()
    assert lab.shell(again.name, ["id", "operator"]).returncode == 0
    with open(again.known_hosts, encoding="ascii") as file:
        assert file.read() == keys


def test_a_host_comes_back_from_a_reboot_with_its_files(lab: Lab, fresh_host: LabHost) -> None:
    """nspawn leaves a reboot to its service manager, which the launcher stands in for."""

    def started() -> str:
        # The kernel's boot id is the machine's and stays; systemd's own start is the host's.
        return lab.shell(fresh_host.name, ["systemctl", "show", "-p", "UserspaceTimestampMonotonic"]).stdout

    first = started()
    lab.shell(fresh_host.name, ["sh", "-c", "touch /etc/kept; systemctl reboot"])
    deadline = time.monotonic() + 30
    while (now := started()) in ("", first):
        assert time.monotonic() < deadline, now
        time.sleep(0.3)
    assert lab.shell(fresh_host.name, ["test", "-e", "/etc/kept"]).returncode == 0
    assert lab.states()[fresh_host.name] == "running"


def test_two_labs_have_two_networks_and_one_goes_alone(lab: Lab, own_lab: Lab) -> None:
    """A demo, a user's sandbox and two test workers share a machine."""
    own_lab.up(["web1"])
    mine, other = record_of(own_lab), record_of(lab)
    assert mine.subnet != other.subnet
    assert own_lab.shell("web1", ["true"]).returncode == 0
    own_lab.down()
    assert traces(mine, own_lab.directory) == []
    assert lab.shell("shared", ["true"]).returncode == 0, "the other lab's host"


def test_up_leaves_running_hosts_alone_and_down_takes_the_named_ones(own_lab: Lab) -> None:
    """The inventory always holds what runs."""
    own_lab.up(["a", "b"])
    own_lab.shell("a", ["touch", "/etc/kept"])
    assert [host.name for host in own_lab.up(["a", "c"])] == ["a", "c"]
    assert own_lab.shell("a", ["test", "-e", "/etc/kept"]).returncode == 0
    with pytest.raises(SandboxError, match="runs bookworm"):
        own_lab.up(["a"], release="trixie")
    with pytest.raises(SandboxError, match="no host nobody"):
        own_lab.down(["nobody"])
    own_lab.down(["a", "b"])
    assert list(own_lab.states()) == ["c"]
    assert "  a:" not in Path(own_lab.inventory_path).read_text()


def test_a_dead_container_is_replaced_and_its_orphans_go(own_lab: Lab) -> None:
    """SIGKILL of nspawn leaves the guest's processes running and holding its mounts."""
    own_lab.up(["a", "b"])
    record = record_of(own_lab)
    guest = guest_of(own_lab.directory, record.hosts["a"])
    for pid in cgroups.members(guest.record.machine, only="supervisor") | cgroups.members(
        guest.record.machine, only="launcher"
    ):
        os.kill(pid, signal.SIGKILL)
    manager = guest.manager()
    assert manager is not None
    assert processes.wait_gone(manager, 5.0)
    assert own_lab.states() == {"a": "dead", "b": "running"}
    own_lab.up(["a"])
    assert own_lab.states() == {"b": "running", "a": "running"}
    assert own_lab.shell("a", ["true"]).returncode == 0


SCRIPT = """
import sys, time
from configurator.sandbox import Lab
with Lab.open("victim", state_dir=sys.argv[1]) as lab:
    print("begin", flush=True)
    lab.up(["a", "b"])
    print("ready", flush=True)
    time.sleep(60)
"""


def begin(state_dir: Path, word: str) -> subprocess.Popen[str]:
    """Start a process that makes a sandbox, and return when it has said the word."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(state_dir)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != word:
        assert process.poll() is None
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("delay", [0.05, 0.4, 0.8])
def test_a_signal_during_up_leaves_nothing(number: int, delay: float, lab: Lab, tmp_path: Path) -> None:
    """Ctrl-C while hosts boot, wherever it hits."""
    process = begin(tmp_path, "begin")
    victim = Lab.open("victim", state_dir=tmp_path)
    time.sleep(delay)
    record = records.load(os.path.join(victim.directory, RECORD))
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not os.path.exists(victim.directory)
    if record is not None:
        assert traces(record, victim.directory) == []


@pytest.mark.parametrize("delay", [0.1, 0.5, 3.0])
def test_what_kill_9_leaves_is_removed_by_the_next_up_of_any_lab(
    delay: float, lab: Lab, own_lab: Lab, tmp_path: Path
) -> None:
    """Nobody cleans up after SIGKILL, so the next one must, although it has another name and directory."""
    place = tmp_path / "elsewhere"
    process = begin(place, "begin")
    victim = Lab.open("victim", state_dir=place)
    time.sleep(delay)
    record = records.load(os.path.join(victim.directory, RECORD))
    process.kill()
    process.communicate()
    own_lab.up(["a"])
    if record is not None:  # another worker's `up` may be at it just now
        wait_until(lambda: traces(record, victim.directory) == [], "the traces are gone")
    assert own_lab.shell("a", ["true"]).returncode == 0
    assert lab.shell("shared", ["true"]).returncode == 0, "a living lab is left alone"


def test_a_lab_whose_records_were_deleted_still_goes(own_lab: Lab, tmp_path: Path) -> None:
    """The id in the names of group, bridge and table is enough to end it."""
    with Lab.open("lost", state_dir=tmp_path) as lost:
        lost.up(["a"])
        record = record_of(lost)
        os.unlink(os.path.join(lost.directory, RECORD))
        own_lab.up(["b"])
        assert traces(record, lost.directory) == [f"directory {lost.directory}"], "its key may be a user's"


def test_a_slow_proxy_delays_a_login(lab: Lab, fresh_host: LabHost) -> None:
    """The delay reaches real ssh, which needs several round trips."""
    with fresh_host.slow_proxy(0.05) as link:
        argv = fresh_host.ssh_command()[:-1]
        argv[argv.index("-p") + 1] = str(link.port)
        argv += ["-o", f"HostKeyAlias={fresh_host.address}", f"root@{link.address}", "true"]
        begin_at = time.monotonic()
        assert subprocess.run(argv, check=False, timeout=30).returncode == 0
        assert time.monotonic() - begin_at > 0.5
