"""Hosts that answer and cannot do what is asked: no python3, no space, no such package, no such variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, hosts_of
from tests.hosts.on_host import files

pytestmark = pytest.mark.host

NOTE = {"name": "note", "copy": {"dest": "/opt/note", "content": "{{ note | default('x') }}\n"}}
NO_PYTHON = "dpkg --purge --force-depends python3 python3-minimal >/dev/null 2>&1; ! command -v python3"
NO_SOURCES = "mkdir -p /root/away && mv /etc/apt/sources.list* /root/away && rm -rf /var/lib/apt/lists/*"
SOURCES = "cp -a /root/away/. /etc/apt"


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """One host that things are wrong with, and one that is fine."""
    return hosts_of(lab, ["alpha", "beta"])


@pytest.fixture
def folder(tmp_path: Path, pair: list[LabHost]) -> Folder:
    """A project for both."""
    folder = Folder(tmp_path, pair)
    folder.role("app", [NOTE])
    folder.site("app")
    return folder


def test_a_variable_that_one_host_lacks(folder: Folder, pair: list[LabHost]) -> None:
    """That host fails before its first change, with the place of the expression; the other is done."""
    tasks = "- {name: note, copy: {dest: /opt/note, content: x}}\n- name: port\n  copy:\n"
    folder.role("app", tasks + "    dest: /opt/port\n    content: 'listen {{ port }}'\n")
    folder.inventory(pair, beta={"port": 80})
    before = files(pair[0])
    ended = folder.run("apply", "--yes", "--json", code=3)
    assert files(pair[0]) == before
    (failure,) = ended.of("host_failed")
    (problem,) = failure["diagnostics"]
    assert (failure["host"], failure["status"]) == ("alpha", "failed")
    assert (problem["path"], problem["line"], problem["column"]) == ("roles/app/tasks/main.yml", 5, 25)
    assert problem["message"] == "the variable 'port' is not defined"
    assert ended.statuses("alpha") == {}
    assert ended.statuses("beta") == {"note": "changed", "port": "changed"}
    shown = folder.run("apply", "--yes", code=3)
    assert "--> roles/app/tasks/main.yml:5:25" in shown.stdout
    assert "^^^^" in shown.stdout


def test_a_package_that_does_not_exist(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """It fails alone, by its name: neighbours in the same transaction, other tasks and hosts are done."""
    folder.role(
        "app",
        [
            {"name": "refresh", "apt": {"update_cache": True}},
            {"name": "tree", "apt": {"name": "tree"}},
            {"name": "wrong", "apt": {"name": "{{ package }}"}},
            {"name": "jq", "apt": {"name": "jq"}},
            {"name": "needs it", "copy": {"dest": "/opt/needs", "content": "x"}, "requires": ["wrong"]},
        ],
    )
    folder.role("other", [NOTE])
    folder.site("app", "other")
    folder.inventory(pair, alpha={"package": "no-such-package"}, beta={"package": "tree"})
    ended = folder.run("apply", "--yes", "--json", "-e", "note=packages", code=3)
    assert ended.statuses("alpha") == {
        "refresh": "changed",
        "tree": "changed",
        "wrong": "failed",
        "jq": "changed",
        "needs it": "skipped",
        "note": "changed",
    }
    assert set(ended.statuses("beta").values()) <= {"changed", "ok"}
    wrong, skipped = ended.task("wrong", "alpha"), ended.task("needs it", "alpha")
    assert "no-such-package" in wrong["message"] + wrong["output"]
    assert (skipped["reason"], skipped["cause"]) == ("requirement_failed", "app: wrong")
    assert Remote(lab, pair[0]).test("command -v jq tree && ! test -e /opt/needs")
    planned = folder.run("plan", "--json", "--host", "alpha", code=3)
    assert "no-such-package" in planned.task("wrong")["message"] + planned.task("wrong")["output"]


def test_a_full_disk(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """Nothing is half-written and the old content stays; where not even the agent fits, that is said."""
    bad = Remote(lab, pair[0])
    folder.run("apply", "--yes", "-e", "note=old")  # the agent is in the host's cache now
    bad.sh("rm -rf /var/lib/configurator; head -c 8G /dev/zero >/var/filler 2>/dev/null; true")
    assert not bad.test("head -c 65536 /dev/zero >/opt/probe"), "the disk was to be full"
    bad.sh("rm -f /opt/probe")
    folder.role("app", [{**NOTE, "notify": "tell"}], handlers=[{"name": "tell", "command": "true"}])
    folder.role("other", [{"name": "ok", "file": {"path": "/opt", "state": "directory"}}])
    folder.site("app", "other")
    big = "note=" + "new" * 20_000
    ended = folder.run("apply", "--yes", "--json", "-e", big, code=3)
    note = ended.task("note", "alpha")
    assert note["status"] == "failed"
    assert "no space left" in note["message"].lower()
    assert ended.statuses("alpha")["ok"] == "ok"
    assert ended.statuses("beta")["note"] == "changed"
    assert bad.sh("cat /opt/note; find / -xdev -name '.configurator-*'") == "old\n"
    bad.sh("rm -rf /var/cache/configurator; head -c 8G /dev/zero >>/var/filler 2>/dev/null; true")
    ended = folder.run("apply", "--yes", "--json", "-e", "note=late", code=3)
    (failure,) = ended.of("host_failed")
    assert "no space left" in " ".join(str(failure[key]) for key in ("message", "output", "hint")).lower()
    assert ended.statuses("beta")["note"] == "changed"
    bad.sh("rm /var/filler")
    assert folder.run("apply", "--yes", "--json", "-e", "note=late").statuses("alpha")["note"] == "changed"


def test_python_that_is_missing(lab: Lab, folder: Folder, pair: list[LabHost]) -> None:
    """A plan says that it comes first; where it cannot be had the host fails with what apt said."""
    bad = Remote(lab, pair[0])
    bad.sh(f"{NO_SOURCES}; {NO_PYTHON}")
    before = files(pair[0])
    planned = folder.run("plan", "--json")
    assert files(pair[0]) == before
    assert planned.statuses("alpha") == {"Install python3 for the agent": "changed", "note": "changed"}
    assert planned.task("note", "alpha")["changes"][0]["certainty"] == "unknown"
    ended = folder.run("apply", "--yes", "--json", "-e", "note=missing", code=3)
    (failure,) = ended.of("host_failed")
    assert (failure["host"], failure["status"]) == ("alpha", "failed")
    assert "python3 is missing and cannot be installed" in failure["message"]
    assert "python3" in failure["output"] and "E: " in failure["output"]
    assert ended.statuses("beta") == {"note": "changed"}
    bad.sh(SOURCES)
    ended = folder.run("apply", "--yes", "--json", "-e", "note=installed")
    assert ended.statuses("alpha") == {"note": "changed"}
    assert "installing python3" in ended.of("host_notice", host="alpha")[0]["message"]
    assert bad.sh("python3 -c 'import json, ssl'; cat /opt/note") == "installed\n"
