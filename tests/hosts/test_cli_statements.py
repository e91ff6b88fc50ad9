"""debug, fail, assert and pause as a person at the command line meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Folder, Remote, hosts_of
from tests.hosts.test_cli_confirm import Terminal

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Remote]:
    host = hosts_of(lab, ["says1"])[0]
    folder = Folder(tmp_path_factory.mktemp("says"), [host])
    folder.site("r")
    return folder, Remote(lab, host)


def test_a_message_is_read_in_the_plan_and_in_the_apply(site: tuple[Folder, Remote]) -> None:
    """Once each, with -v or without, masked where it holds a secret, and never with `no_log`."""
    folder, host = site
    folder.role(
        "r",
        [
            {"name": "Tell", "debug": {"msg": "on {{ ansible_distribution }}, {{ word }}"}},
            {"name": "Look", "debug": {"var": "ansible_user_id"}},
            {"name": "Hush", "debug": {"msg": "nobody reads this"}, "no_log": True},
            {"name": "Only with -vv", "debug": {"msg": "very much", "verbosity": 2}},
            {"name": "As somebody", "debug": {"msg": "no user needed"}, "become_user": "not-yet-there"},
            {"name": "Pong", "ping": {}},
            {"name": "Account", "user": {"name": "secret1", "password": "{{ word }}"}},
        ],
        vars={"word": "$6$salt$s3cr3tw0rd"},
    )
    for words in (("plan",), ("apply", "--yes"), ("apply", "--yes", "-v")):
        text = folder.run(*words)
        shown = text.stdout + text.stderr
        assert shown.count("│ on Debian, ********\n") == 1, shown
        assert shown.count("│ ansible_user_id: root\n") == 1
        assert "│ no user needed" in shown
        assert "nobody reads this" not in text.text
        assert "very much" not in shown
        assert "s3cr3tw0rd" not in text.text
    assert "│ very much" in folder.run("plan", "-vv").stdout
    ended = folder.run("apply", "--yes", "--json")
    assert ended.task("Tell")["outputs"] == {"msg": "on Debian, ********"}
    assert ended.task("Tell")["status"] == "ok"
    assert ended.task("Look")["outputs"] == {"ansible_user_id": "root"}
    assert ended.task("Pong")["outputs"] == {"ping": "pong"}
    assert ended.task("Hush")["outputs"] == {}
    assert ended.counts[host.name]["changed"] == 0


@pytest.mark.parametrize("mode", [("plan",), ("apply", "--yes")])
def test_a_false_assertion_stops_its_role_before_anything_changes(
    site: tuple[Folder, Remote], mode: tuple[str, ...]
) -> None:
    """In a plan as in an apply; its condition and values are shown, and another role goes on."""
    folder, host = site
    memory = {"that": ["ansible_distribution == 'Debian'", "ansible_memtotal_mb > limit"], "fail_msg": "tiny"}
    folder.role(
        "r",
        [
            {"name": "Enough", "assert": memory, "vars": {"limit": 99999999}},
            {"name": "Below", "file": {"path": "/srv/below", "state": "directory"}},
        ],
    )
    folder.role("other", [{"name": "Elsewhere", "assert": {"that": "1 == 1", "success_msg": "all is well"}}])
    folder.site("r", "other")
    ended = folder.run(*mode, "--json", code=3)
    assert ended.statuses() == {"Enough": "failed", "Below": "skipped", "Elsewhere": "ok"}
    message = ended.task("Enough")["message"]
    assert message.startswith("tiny\nansible_memtotal_mb > limit: false\nansible_memtotal_mb is ")
    assert message.endswith("\nlimit is 99999999")
    assert ended.task("Below")["cause"] == "r: Enough"
    text = folder.run(*mode, code=3)
    assert "ansible_memtotal_mb > limit: false" in text.stdout
    assert "│ all is well" in text.stdout + text.stderr
    assert not host.exists("/srv/below")
    folder.site("r")


def test_fail_fails_where_its_condition_holds(site: tuple[Folder, Remote]) -> None:
    """And `ignore_errors` lets the role go on."""
    folder, _ = site
    folder.role(
        "r",
        [
            {"name": "Not here", "fail": {"msg": "no"}, "when": "ansible_distribution != 'Debian'"},
            {"name": "Tolerated", "fail": {"msg": "bad, but"}, "ignore_errors": True},
            {"name": "Goes on", "debug": {"msg": "here"}, "requires": "Tolerated"},
            {"name": "Stop", "fail": None},
            {"name": "Never", "command": "touch /srv/never"},
        ],
    )
    ended = folder.run("apply", "--yes", "--json", code=3)
    assert ended.statuses() == {
        "Not here": "skipped",
        "Tolerated": "failed",
        "Goes on": "ok",
        "Stop": "failed",
        "Never": "skipped",
    }
    assert ended.task("Tolerated")["ignored"]
    assert ended.task("Stop")["message"] == "Failed as requested from task"


def test_without_a_terminal_a_question_is_passed_over_with_a_warning(site: tuple[Folder, Remote]) -> None:
    """A role with a prompt must not hang in a pipeline; a plan neither waits nor warns."""
    folder, _ = site
    folder.role(
        "r",
        [
            {"name": "Ask", "pause": {"prompt": "Which colour"}},
            {"name": "Wait", "pause": {"seconds": 0.2}},
            {"name": "After", "debug": {"msg": "went on"}},
        ],
    )
    ended = folder.run("apply", "--yes", "--json")
    assert ended.statuses() == {"Ask": "ok", "Wait": "ok", "After": "ok"}
    assert ended.task("Ask")["warnings"] == [
        "there is no terminal to ask on: the run goes on without an answer"
    ]
    assert ended.task("Wait")["duration_s"] >= 0.2
    planned = folder.run("plan", "--json")
    assert planned.task("Ask")["warnings"] == []


def test_somebody_at_the_terminal_is_asked(site: tuple[Folder, Remote], tmp_path: Path) -> None:
    """The answer comes back; one that was typed unseen is masked in every output."""
    folder, _ = site
    folder.role(
        "r",
        [
            {"name": "Ask", "pause": {"prompt": "Which colour"}},
            {"name": "Hidden", "pause": {"prompt": "The word", "echo": False}},
            {"name": "Short", "pause": {"prompt": "Be quick", "seconds": 0.2}},
        ],
    )
    log = tmp_path / "run.log"
    terminal = Terminal(folder, "apply", "--yes", "--log", str(log))
    terminal.wait_for(re.compile(r"\[r: Ask\]\s+Which colour: "))
    terminal.type("green\n")
    terminal.wait_for(re.compile("The word: "))
    terminal.type("unseen-word\n")
    assert terminal.end() == 0
    assert "Be quick: " in terminal.text
    assert "unseen-word" not in terminal.text
    assert '"user_input": "green"' in log.read_text()
    assert "unseen-word" not in log.read_text()
    assert '"user_input": "********"' in log.read_text()


def test_ctrl_c_ends_a_question(site: tuple[Folder, Remote]) -> None:
    """The run ends as an interrupted one does, and the terminal is left in order."""
    folder, _ = site
    folder.role("r", [{"name": "Ask", "pause": {}}, {"name": "After", "command": "touch /srv/after"}])
    terminal = Terminal(folder, "apply", "--yes")
    terminal.wait_for(re.compile("Press Enter to continue: "))
    terminal.type("\x03")
    assert terminal.end() == 130
    assert not site[1].exists("/srv/after")


def test_facts_are_what_the_host_is(site: tuple[Folder, Remote]) -> None:
    """Its address, interface and account are there before anything runs; mounts and disks with `setup`."""
    folder, host = site
    folder.role("r", "[]")
    facts = {item["host"]: item["facts"] for item in folder.run("facts", "--json").of("facts")}[host.name]
    assert facts["default_ipv4"]["address"] == host.host.address
    assert facts["host0"]["ipv4"]["address"] == host.host.address
    assert facts["host0"]["macaddress"] == host.sh("cat /sys/class/net/host0/address").strip()
    assert facts["user_dir"] == "/root"
    assert facts["date_time"]["tz_offset"] == "+0000"
    folder.role(
        "r",
        [
            {"name": "All", "setup": {}},
            {"name": "Before", "debug": {"msg": "{{ ansible_host0.ipv4.prefix }} {{ ansible_user_shell }}"}},
        ],
    )
    ended = folder.run("plan", "--json")
    found = ended.task("All")["outputs"]["ansible_facts"]
    assert "/" in [mount["mount"] for mount in found["ansible_mounts"]]
    assert found["ansible_env"]["USER"] == "root"
    assert found["ansible_memory_mb"]["real"]["total"] == found["ansible_memtotal_mb"] > 0
    assert found["ansible_boot_id"] == host.sh("cat /proc/sys/kernel/random/boot_id").strip()
    assert ended.task("Before")["says"] == "24 /bin/bash"
