"""Hosts that cannot be reached or worked on: said once, exit 3 or 4; the other host is done all the same."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Ended, Folder, Remote, hosts_of
from tests.hosts.on_host import files

pytestmark = pytest.mark.host
RUNS = itertools.count(1)


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """One host that things are wrong with, and one that is fine."""
    bad, good = hosts_of(lab, ["alpha", "beta"])
    Remote(lab, bad).sh(
        "useradd -m plain && cp -r /root/.ssh /home/plain/ && chown -R plain: /home/plain/.ssh &&"
        " echo plain:letters | chpasswd"
    )
    return [bad, good]


@pytest.fixture
def folder(tmp_path: Path, pair: list[LabHost]) -> Folder:
    """A project that writes one file on each host, with another content in each run."""
    folder = Folder(tmp_path, pair)
    folder.role("app", [{"name": "note", "copy": {"dest": "/opt/note", "content": "run {{ run }}\n"}}])
    folder.site("app")
    return folder


def one_bad(folder: Folder, pair: list[LabHost], code: int, **variables: Any) -> Ended:
    """Apply with these connection variables for the bad host: it is untouched, the good one is done."""
    bad = pair[0]
    folder.inventory(pair, alpha=variables)
    before = files(bad)
    ended = folder.run("apply", "--yes", "--json", "-e", f"run={next(RUNS)}", code=code)
    assert files(bad) == before
    assert ended.statuses("beta") == {"note": "changed"}
    assert ended.statuses("alpha") == {}
    (failure,) = ended.of("host_failed", host="alpha")
    wanted = "unreachable" if code == 4 else "failed"
    assert failure["status"] == wanted
    assert ended.counts["alpha"][wanted] == 1
    assert ended.counts["beta"]["changed"] == 1
    return ended


def told(ended: Ended) -> str:
    """Everything that is said of the bad host."""
    (failure,) = ended.of("host_failed")
    return " ".join(str(failure[key]) for key in ("message", "hint", "output"))


UNREACHABLE: Mapping[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "closed port": ({"ansible_port": 2}, ("Connection refused", "is this its port?")),
    "unknown name": (
        {"ansible_host": "no-such-host.invalid"},
        ("no-such-host.invalid cannot be resolved",),
    ),
    "login refused": ({"ansible_user": "nobody"}, ("nobody@", "accepted none of")),
    "unknown host key": (
        {"ansible_ssh_known_hosts_file": "/dev/null"},
        ("is not known", "SHA256:", "ssh-keyscan"),
    ),
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_an_unreachable_host_ends_with_4(folder: Folder, pair: list[LabHost], name: str) -> None:
    """What stood in the way, and what to do about it."""
    variables, expected = UNREACHABLE[name]
    said = told(one_bad(folder, pair, 4, **variables))
    for word in expected:
        assert word in said, said


def test_a_changed_host_key_is_refused(folder: Folder, pair: list[LabHost]) -> None:
    """Also where new keys are accepted."""
    other = Path(pair[0].known_hosts).read_text().replace(pair[1].address, "SWAP")
    other = other.replace(pair[0].address, pair[1].address).replace("SWAP", pair[0].address)
    wrong = folder.path / "known_hosts"
    wrong.write_text(other)
    folder.site("app", ssh={"host_key_checking": "accept-new"})
    said = told(one_bad(folder, pair, 4, ansible_ssh_known_hosts_file=str(wrong)))
    assert "has changed" in said and f"{wrong}:" in said
    assert wrong.read_text() == other


def test_a_missing_key_file_is_named(folder: Folder, pair: list[LabHost]) -> None:
    """The file and the variable; the host was not even asked."""
    said = told(one_bad(folder, pair, 3, ansible_ssh_private_key_file="/nonexistent/key"))
    assert "alpha: the key file /nonexistent/key does not exist" in said
    assert "ansible_ssh_private_key_file" in said


def test_sudo_that_wants_a_password(folder: Folder, pair: list[LabHost]) -> None:
    """Nobody can be asked here: the option and the variable are named; with the password it works."""
    said = told(one_bad(folder, pair, 3, ansible_user="operator"))
    assert "sudo wants a password for operator" in said
    assert "--ask-become-pass" in said
    said = told(one_bad(folder, pair, 3, ansible_user="operator", ansible_become_password="wrong-guess"))
    assert "sudo did not accept the password" in said
    folder.inventory(pair, alpha={"ansible_user": "operator", "ansible_become_password": "operator"})
    ended = folder.run("apply", "--yes", "--json", "-e", "run=0")
    assert ended.statuses("alpha") == {"note": "changed"}


def test_sudo_that_refuses(folder: Folder, pair: list[LabHost]) -> None:
    """An account without any right to sudo, with and without a password."""
    assert "sudo wants a password for plain" in told(one_bad(folder, pair, 3, ansible_user="plain"))
    said = told(one_bad(folder, pair, 3, ansible_user="plain", ansible_become_password="letters"))
    assert "sudo refuses plain" in said
    assert "not in the sudoers file" in said
    assert "letters" not in said


def test_what_a_person_sees_without_json(folder: Folder, pair: list[LabHost]) -> None:
    """The summary names the host, the reason and the log; 3 beats 4."""
    ghost = {"ansible_host": "no-such-host.invalid"}
    folder.inventory(pair, alpha={"ansible_user": "operator"}, beta=ghost)
    ended = folder.run("apply", "--yes", "-e", "run=0", code=3)
    assert "sudo wants a password for operator" in ended.stdout
    assert "no-such-host.invalid cannot be resolved" in ended.stdout
    assert "Full log: " in ended.stdout
    assert "sudo wants a password" in ended.log
