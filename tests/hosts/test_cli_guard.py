"""Changes that could cut our access: undone by the host, told in words, and no obstacle to the next run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.agent.guard import WATCHDOG_S
from configurator.sandbox import Lab, LabHost
from configurator.sandbox.slowlink import SlowLink
from tests.hosts.cli import Folder, Remote, Running, hosts_of, wait_until

pytestmark = pytest.mark.host

DROP_IN = "/etc/ssh/sshd_config.d/00-ours.conf"
SHUT = "AllowUsers somebody-else\n"
FIREWALL = """
- name: nftables
  apt: {name: nftables}
- name: rules
  nftables:
    table: house
    content: |
      chain input {
        type filter hook input priority filter; policy accept;
      }
      {{ more | default('') }}
"""
CUT = "chain early { type filter hook prerouting priority raw; tcp dport 22 tcp flags syn drop; }"


@pytest.fixture(scope="module")
def host(lab: Lab) -> LabHost:
    """One host."""
    return hosts_of(lab, ["alpha"])[0]


@pytest.fixture
def seen(lab: Lab, host: LabHost) -> Iterator[Remote]:
    """The host; after each test no watchdog is armed and nothing of one is left."""
    seen = Remote(lab, host)
    seen.sh("rm -rf /run/go /run/slow /opt/*")
    yield seen
    assert watchdogs(seen) == ""


def watchdogs(seen: Remote) -> str:
    """Everything of guards on the host."""
    return seen.sh(
        "systemctl list-timers --all --no-legend | grep configurator-guard;"
        " ls -d /etc/systemd/system/configurator-* /etc/systemd/system/*/configurator-* 2>/dev/null;"
        " ls -A /var/lib/configurator/guard 2>/dev/null; true"
    )


@pytest.fixture
def folder(tmp_path: Path, host: LabHost) -> Folder:
    """A project whose first role moves sshd's settings, and whose second has nothing to do with it."""
    folder = Folder(tmp_path, [host])
    folder.role(
        "ssh",
        [
            {"name": "settings", "copy": {"dest": DROP_IN, "content": "{{ words }}"}},
            {"name": "next", "copy": {"dest": "/opt/next", "content": "x"}, "requires": ["settings"]},
        ],
    )
    folder.role("other", [{"name": "other", "copy": {"dest": "/opt/other", "content": "x"}}])
    folder.site("ssh", "other")
    return folder


def test_settings_of_sshd_that_lock_out_are_undone(folder: Folder, seen: Remote) -> None:
    """The task fails and says what happened; the old state is back, and the right settings work at once."""
    digests = "find /etc/ssh -type f | xargs sha256sum"
    before = seen.sh(digests)
    ended = folder.run("apply", "--yes", "--json", "-e", f'{{"words": "{SHUT.strip()}\\n"}}', code=3)
    assert ended.statuses() == {"settings": "failed", "next": "skipped", "other": "changed"}
    failed = ended.task("settings")
    assert "a new login failed" in failed["message"]
    assert "the old state was put back" in failed["message"]
    assert "locked you out" in failed["hint"]
    assert seen.sh(digests) == before
    again = folder.run("apply", "--yes", "--json", "-e", '{"words": "LoginGraceTime 45\\n"}')
    assert again.statuses() == {"settings": "changed", "next": "changed", "other": "ok"}
    assert "logingracetime 45" in seen.sh("sshd -T")


def test_rules_that_lock_out_are_undone(folder: Folder, seen: Remote) -> None:
    """The rules that were there run on, also after the next boot; without the mistake the role works."""
    folder.role("wall", FIREWALL)
    folder.site("wall", ssh={"connect_timeout_s": 2})
    folder.run("apply", "--yes")
    rules, stored = (
        seen.sh("nft list ruleset"),
        seen.sh("cat /etc/nftables.conf /etc/nftables.d/* 2>&1; true"),
    )
    ended = folder.run("apply", "--yes", "--json", "-e", f"more='{CUT}'", code=3)
    assert ended.task("rules")["status"] == "failed"
    assert "a new login failed" in ended.task("rules")["message"]
    assert seen.sh("nft list ruleset") == rules
    assert seen.sh("cat /etc/nftables.conf /etc/nftables.d/* 2>&1; true") == stored
    assert folder.run("apply", "--yes", "--json").statuses() == {"nftables": "ok", "rules": "ok"}


def changed_and_not_confirmed(folder: Folder, seen: Remote, link: SlowLink) -> Running:
    """Apply through a link that is cut just before the change: it is made, and no new login arrives."""
    name = f"[{link.address}]:{link.port}"
    keys = [line.split(maxsplit=1)[1] for line in Path(seen.host.known_hosts).read_text().splitlines()]
    known = folder.path / "known_hosts"
    known.write_text("".join(f"{name} {key}\n" for key in keys))
    reached = {"ansible_host": link.address, "ansible_port": link.port}
    folder.inventory([seen.host], alpha={**reached, "ansible_ssh_known_hosts_file": str(known)})
    wait = {"name": "wait", "shell": "touch /run/slow; until test -e /run/go; do sleep 0.1; done"}
    settings = {"name": "settings", "copy": {"dest": DROP_IN, "content": "LoginGraceTime 33\n"}}
    folder.role("ssh", [wait, settings])
    folder.site("ssh")
    running = folder.start("apply", "--yes", "--json")
    wait_until(lambda: running.over or seen.exists("/run/slow"), "the first task begins")
    link.cut()
    seen.sh("touch /run/go")
    made = "grep -qs 33 " + DROP_IN
    wait_until(lambda: running.over or seen.test(made), "the change is made")
    assert not running.over, running.so_far()
    assert "configurator-guard" in watchdogs(seen)
    return running


def test_a_controller_that_dies_before_it_confirms(folder: Folder, seen: Remote) -> None:
    """SIGKILL: the agent puts the old state back as it goes, and the next apply makes the change."""
    seen.sh(f"rm -f {DROP_IN}; systemctl reload ssh")
    with SlowLink((seen.host.address, seen.host.port)) as link:
        running = changed_and_not_confirmed(folder, seen, link)
        running.signal(signal.SIGKILL)
        link.mend()
        link.drop()
        wait_until(lambda: not seen.exists(DROP_IN), "the old state is back")
        wait_until(lambda: seen.agents() == "", "the agent is gone", 10)
    assert "logingracetime 33" not in seen.sh("sshd -T")
    folder.inventory([seen.host])
    ended = folder.run("apply", "--yes", "--json")
    assert ended.task("settings")["status"] == "changed"
    assert "logingracetime 33" in seen.sh("sshd -T")


def test_the_next_run_does_not_build_on_what_nobody_confirmed(folder: Folder, seen: Remote) -> None:
    """SIGKILL of the program and of its agent: the next apply puts it back and makes it anew."""
    seen.sh(f"rm -f {DROP_IN}; systemctl reload ssh")
    with SlowLink((seen.host.address, seen.host.port)) as link:
        running = changed_and_not_confirmed(folder, seen, link)
        seen.sh("pkill -KILL -f '[p]ython3 -I -S'")
        running.signal(signal.SIGKILL)
    assert seen.exists(DROP_IN)
    folder.inventory([seen.host])
    ended = folder.run("apply", "--yes", "--json")
    assert ended.task("settings")["status"] == "changed"
    (notice,) = ended.of("host_notice")
    assert "its change was put back" in notice["message"]
    assert folder.run("apply", "--yes", "--json").task("settings")["status"] == "ok"


@pytest.mark.full
def test_the_watchdog_alone_puts_the_old_state_back(folder: Folder, seen: Remote) -> None:
    """SIGKILL of the program and of its agent: nobody is left but the timer."""
    seen.sh(f"rm -f {DROP_IN}; systemctl reload ssh")
    with SlowLink((seen.host.address, seen.host.port)) as link:
        running = changed_and_not_confirmed(folder, seen, link)
        seen.sh("pkill -KILL -f '[p]ython3 -I -S'")
        running.signal(signal.SIGKILL)
    assert seen.exists(DROP_IN)
    wait_until(lambda: not seen.exists(DROP_IN), "the old state is back", WATCHDOG_S + 15)
    wait_until(lambda: "logingracetime 33" not in seen.sh("sshd -T"), "sshd has read it", 10)
    folder.inventory([seen.host])
    assert folder.run("apply", "--yes", "--json").task("settings")["status"] == "changed"


def test_a_command_that_asks_for_a_guard_is_undone(folder: Folder, seen: Remote) -> None:
    """No module knows what it does; its file and the packet rules are put back, and the task fails."""
    seen.sh("nft list table inet cut && nft delete table inet cut; apt-get install -y nftables >&2; true")
    before = seen.sh("nft list ruleset")
    chain = "type filter hook prerouting priority raw;"
    cut = (
        f"nft 'table inet cut {{ chain early {{ {chain} tcp dport 22 tcp flags syn drop; }}; }}'"
        "; echo cut > /opt/note"
    )
    task = {"name": "cut", "shell": cut, "guarded": True, "effects": {"writes": ["path:/opt/note"]}}
    folder.role("wall", [task, {"name": "next", "copy": {"dest": "/opt/next", "content": "x"}}])
    folder.site("wall", ssh={"connect_timeout_s": 2})
    ended = folder.run("apply", "--yes", "--json", code=3)
    assert ended.task("cut")["status"] == "failed"
    assert "a new login failed" in ended.task("cut")["message"]
    assert "the old state was put back" in ended.task("cut")["message"]
    assert seen.sh("nft list ruleset") == before
    assert not seen.exists("/opt/note")
    harmless = {"name": "cut", "shell": "echo harmless > /opt/note", "guarded": True}
    folder.role("wall", [harmless])
    assert folder.run("apply", "--yes", "--json").task("cut")["status"] == "changed"
    assert seen.sh("cat /opt/note") == "harmless\n"
