"""Ways to a host: through another host, with an agent's key, as somebody who needs a password for sudo."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until
from tests.hosts.test_cli_confirm import Terminal

pytestmark = pytest.mark.host

PLAIN = {"ansible_ssh_private_key_file": None, "ansible_ssh_known_hosts_file": None, "ansible_user": None}


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """A gate, and a host behind it."""
    return hosts_of(lab, ["alpha", "beta"])


@pytest.fixture
def folder(tmp_path: Path, pair: list[LabHost]) -> Folder:
    """A project for one file on each host; nothing of SSH in its inventory but addresses."""
    folder = Folder(tmp_path, pair)
    folder.inventory(pair, alpha=PLAIN, beta=PLAIN)
    folder.role("app", [{"name": "note", "copy": {"dest": "/opt/note", "content": f"{tmp_path.name}\n"}}])
    folder.site("app")
    ssh = folder.home / ".ssh"
    ssh.mkdir(mode=0o700)
    shutil.copy(pair[0].known_hosts, ssh / "known_hosts")
    return folder


@pytest.fixture
def agent(tmp_path: Path, pair: list[LabHost]) -> Iterator[str]:
    """The socket of an ssh-agent that has the key."""
    socket = f"/tmp/agent-{os.getpid()}"
    daemon = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        environment = {**os.environ, "SSH_AUTH_SOCK": socket}
        wait_until(lambda: os.path.exists(socket), "the agent listens")
        subprocess.run(["ssh-add", "-q", pair[0].key_path], env=environment, check=True)
        yield socket
    finally:
        daemon.terminate()
        daemon.wait()
        Path(socket).unlink(missing_ok=True)


def config(folder: Folder, text: str) -> None:
    (folder.home / ".ssh/config").write_text(text)


def test_a_key_and_a_user_from_the_configuration_of_ssh(folder: Folder, pair: list[LabHost]) -> None:
    """User, IdentityFile and a name for the address, in a file that is included."""
    folder.inventory(pair, alpha={**PLAIN, "ansible_host": "gate"}, beta=PLAIN)
    included = folder.home / ".ssh/more"
    included.write_text(f"Host gate\n  HostName {pair[0].address}\nHost *\n  User root\n")
    key = folder.home / ".ssh/own_key"
    shutil.copy(pair[0].key_path, key)
    config(folder, f"Include {included}\nIdentityFile {key}\nIdentitiesOnly yes\n")
    ended = folder.run("apply", "--yes", "--json")
    assert ended.counts["alpha"]["changed"] == ended.counts["beta"]["changed"] == 1
    assert ended.of("host_connected", host="alpha")[0]["address"] == f"root@{pair[0].address}:22"


def test_through_another_host(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """ProxyJump: the inner host sees the gate come in; a gate that is shut is named."""
    gate, inner = pair
    key = folder.home / ".ssh/own_key"
    shutil.copy(gate.key_path, key)
    rest = f"Host *\n  User root\n  IdentityFile {key}\n"
    config(folder, f"Host {inner.address}\n  ProxyJump root@{gate.address}\n{rest}")
    ended = folder.run("apply", "--yes", "--json")
    assert ended.counts["alpha"]["changed"] == ended.counts["beta"]["changed"] == 1
    came = f"journalctl -o cat _COMM=sshd | grep 'Accepted publickey for root from {gate.address} '"
    assert Remote(lab, inner).test(came)
    config(folder, f"Host {inner.address}\n  ProxyJump root@{gate.address}:2\n{rest}")
    ended = folder.run("apply", "--yes", "--json", code=4)
    assert ended.counts["beta"]["unreachable"] == 1
    assert f"{gate.address}:2: Connection refused" in ended.of("host_failed")[0]["message"]
    assert ended.statuses("alpha") == {"note": "ok"}


def test_a_key_of_the_ssh_agent(folder: Folder, pair: list[LabHost], agent: str) -> None:
    """No key file anywhere; without the agent nobody gets in."""
    folder.inventory(pair[:1], alpha={**PLAIN, "ansible_user": "root"})
    assert folder.run("apply", "--yes", "--json", code=4).counts["alpha"]["unreachable"] == 1
    ended = folder.run("apply", "--yes", "--json", environment={"SSH_AUTH_SOCK": agent})
    assert ended.statuses() == {"note": "changed"}
    assert folder.run("facts", environment={"SSH_AUTH_SOCK": agent}).code == 0


def test_a_password_for_sudo(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """From the inventory, and typed on a terminal at `-K`; the file belongs to root."""
    folder.inventory(pair[:1], alpha={"ansible_user": "operator", "ansible_become_password": "operator"})
    assert folder.run("apply", "--yes", "--json").statuses() == {"note": "changed"}
    assert Remote(lab, pair[0]).sh("stat -c %U /opt/note") == "root\n"
    folder.inventory(pair[:1], alpha={"ansible_user": "operator"})
    for options, question in (
        (["-K"], r"sudo password \(empty: the SSH password\): "),
        ([], r"sudo password for operator@[0-9.]+: "),
    ):
        Remote(lab, pair[0]).sh("rm /opt/note")
        terminal = Terminal(folder, "apply", "--yes", *options)
        try:
            terminal.wait_for(re.compile(question))
            terminal.type("operator\n")
            assert terminal.end() == 0, terminal.text
        finally:
            terminal.close()
        assert Remote(lab, pair[0]).exists("/opt/note")


def test_a_password_for_the_login(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """As the last resort, typed once for all hosts, and in the inventory."""
    Remote(lab, pair[0]).sh(
        "useradd -m typed; echo typed:letters | chpasswd;"
        " echo 'typed ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/typed;"
        " echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/00-typed.conf; systemctl reload ssh"
    )
    folder.inventory(pair[:1], alpha={**PLAIN, "ansible_user": "typed"})
    terminal = Terminal(folder, "apply", "--yes")
    try:
        terminal.wait_for(re.compile(r"Password for typed@[0-9.]+: "))
        terminal.type("letters\n")
        assert terminal.end() == 0, terminal.text
        assert "letters" not in terminal.text
    finally:
        terminal.close()
    folder.inventory(pair[:1], alpha={**PLAIN, "ansible_user": "typed", "ansible_password": "letters"})
    assert folder.run("apply", "--yes", "--json").statuses() == {"note": "ok"}
