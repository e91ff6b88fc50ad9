"""file, copy, template and lineinfile on a real host through the real agent: what only a real host shows.

Every list of tasks is held to the same promises: a plan writes nothing, what it predicted is what the apply
did, to the last field and byte of the diff, and a second apply changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from configurator.agent.frames import Message
from configurator.sandbox import Lab, LabHost
from tests.hosts.file_cases import LARGE, LARGE_DIGEST, SSHD
from tests.hosts.on_host import agent, chain, files, run, statuses, task
from tests.hosts.test_agent import remote, wait_for

pytestmark = pytest.mark.host

BLOBS = {LARGE_DIGEST: LARGE}


@pytest.fixture(scope="module")
def host(lab: Lab, shared_host: LabHost) -> LabHost:
    """The host, with a user `worker`."""
    remote(lab, shared_host, "useradd -m -s /bin/sh worker")
    return shared_host


def changes(ended: Mapping[str, Message]) -> dict[str, Any]:
    """Return the changes of each task, and what it ended with where it failed."""
    return {name: message.get("changes", message.get("message")) for name, message in ended.items()}


REFUSED: dict[str, tuple[str, Mapping[str, Any], str]] = {
    "sudoers": (
        "copy",
        {"dest": "/srv/r/f", "content": "root ALL=(ALL\n", "validate": "/usr/sbin/visudo -cf %s"},
        "the new content of /srv/r/f was refused, the old one stays",
    ),
    "sshd": (
        "template",
        {"src": "x", "dest": "/srv/r/f", "content": "Port no\n", "validate": "/usr/sbin/sshd -t -f %s"},
        "the new content of /srv/r/f was refused, the old one stays",
    ),
    "line": (
        "lineinfile",
        {"path": "/srv/r/f", "line": "nobody can ((", "validate": "visudo -cf %s"},
        "the new content of /srv/r/f was refused, the old one stays",
    ),
    "no validator": (
        "copy",
        {"dest": "/srv/r/f", "content": "x", "validate": "promtool check %s"},
        "promtool is not installed",
    ),
    "owner": ("file", {"path": "/srv/r/f", "owner": "nosuch"}, "user 'nosuch' does not exist on the host"),
    "group": (
        "copy",
        {"dest": "/srv/r/n", "content": "x", "group": "nosuch"},
        "group 'nosuch' does not exist on the host",
    ),
    "parent": (
        "copy",
        {"dest": "/srv/r/no/n", "content": "x"},
        "the directory /srv/r/no does not exist",
    ),
    "parent is a file": (
        "copy",
        {"dest": "/srv/r/f/n", "content": "x"},
        "the directory /srv/r/f is no directory",
    ),
    "nothing there": ("file", {"path": "/srv/r/n", "mode": "0600"}, "/srv/r/n does not exist"),
    "no line": ("lineinfile", {"path": "/srv/r/n", "line": "x"}, "/srv/r/n does not exist"),
    "file for directory": (
        "file",
        {"path": "/srv/r/f", "state": "directory"},
        "/srv/r/f is a file, not a directory",
    ),
    "file for link": (
        "file",
        {"path": "/srv/r/f", "src": "d", "state": "link"},
        "/srv/r/f is a file, not a link",
    ),
    "directory for link": (
        "file",
        {"path": "/srv/r/e", "src": "f", "state": "link"},
        "/srv/r/e is a directory, not a link",
    ),
    "full directory for link": (
        "file",
        {"path": "/srv/r/d", "src": "f", "state": "link", "force": True},
        "/srv/r/d is a directory that is not empty, and no link replaces it",
    ),
    "target": (
        "file",
        {"path": "/srv/r/l", "src": "none", "state": "link"},
        "the link's target /srv/r/none does not exist",
    ),
    "hard": (
        "file",
        {"path": "/srv/r/l", "src": "/srv/r/none", "state": "hard"},
        "/srv/r/none does not exist on the host",
    ),
    "content for directory": (
        "copy",
        {"dest": "/srv/r/d", "content": "x"},
        "/srv/r/d is a directory, and the content has no name",
    ),
    "checksum": (
        "copy",
        {"dest": "/srv/r/f", "content": "x", "checksum": "0" * 40},
        f"the content has the checksum {hashlib.sha1(b'x', usedforsecurity=False).hexdigest()}, "
        f"not {'0' * 40} as `checksum` says",
    ),
    "source": (
        "copy",
        {"dest": "/srv/r/n", "src": "/srv/r/none", "remote_src": True},
        "/srv/r/none does not exist on the host",
    ),
    "foreign link": (
        "copy",
        {"dest": "/home/worker/trap", "content": "x", "follow": True},
        "refusing to write /home/worker/trap: a symbolic link on the way belongs to uid {uid}, not to root",
    ),
    "lost content": (
        "copy",
        {"dest": "/srv/r/n", "content": {"$blob": "0" * 64}},
        "a file's content did not arrive from the controller: there is no such content",
    ),
}


def test_what_is_refused_is_refused_in_the_plan_and_changes_nothing(lab: Lab, host: LabHost) -> None:
    """The same error from plan and apply, word for word, and not one byte of the host is different."""
    remote(
        lab,
        host,
        "rm -rf /srv/r; mkdir -p /srv/r/d /srv/r/e; echo '# fine' > /srv/r/f; touch /srv/r/d/in;"
        " ln -sfn /etc/passwd /home/worker/trap; chown -h worker /home/worker/trap",
    )
    uid = remote(lab, host, "id -u worker").strip()
    tasks = [task(name, module, params) for name, (module, params, _) in REFUSED.items()]
    before = files(host)
    with agent(host) as session:
        planned = run(session, "plan", tasks, BLOBS)
        applied = run(session, "apply", tasks, BLOBS)
    assert files(host) == before
    said = {name: message for name, (_, _, message) in REFUSED.items()}
    said["foreign link"] = said["foreign link"].format(uid=uid)
    assert {name: planned[name].get("message") for name in said} == said
    assert {name: applied[name].get("message") for name in said} == said
    for name, word in (("sudoers", "syntax error"), ("sshd", "/srv/r/f line 1: Badly formatted port number")):
        assert word in applied[name]["output"]
        assert applied[name]["exit_status"] not in (0, None)


def test_a_refused_sshd_config_leaves_the_door_as_it_was(lab: Lab, host: LabHost) -> None:
    """On the real path, which is guarded: the file and the service are as before, and no watchdog is left."""
    look = "stat -c '%a %U %s' /etc/ssh/sshd_config; sha256sum /etc/ssh/sshd_config; systemctl is-active ssh;"
    look += " systemctl list-timers --all --no-legend 'configurator*'; ls -A /etc/ssh"
    before = remote(lab, host, look)
    validate = "/usr/sbin/sshd -t -f %s"
    path = "/etc/ssh/sshd_config"
    with agent(host) as session:
        ended = run(
            session,
            "apply",
            chain(
                ("bad", "copy", {"dest": path, "content": "Nonsense yes\n", "validate": validate}),
                ("line", "lineinfile", {"path": path, "line": "Port zero", "validate": validate}),
            ),
        )
    assert statuses(ended) == {"bad": "failed", "line": "failed"}
    assert "/etc/ssh/sshd_config: line 1: Bad configuration option: Nonsense" in ended["bad"]["output"]
    assert remote(lab, host, look) == before


READER = r"""
import os, sys
path, stop = "/srv/atomic/f", "/srv/atomic/stop"
open("/srv/atomic/started", "w").close()
looks, seen = 0, set()
while not os.path.exists(stop):
    with open(path, "rb") as file:
        found = os.fstat(file.fileno())
        data = file.read()
    seen.add((data[:1].decode(), len(set(data)), len(data), oct(found.st_mode & 0o7777), found.st_uid))
    looks += 1
with open("/srv/atomic/result.new", "w") as file:
    file.write(repr(sorted(seen)))
os.rename("/srv/atomic/result.new", "/srv/atomic/result")
"""


def test_a_reader_sees_the_old_file_or_the_new_one(lab: Lab, host: LabHost) -> None:
    """While a large file is replaced again and again, nobody sees half of it, or another mode or owner."""
    contents = {letter: letter.encode() * 2_000_000 for letter in "ab"}
    blobs = {hashlib.sha256(data).hexdigest(): data for data in contents.values()}
    remote(
        lab,
        host,
        "rm -rf /srv/atomic; mkdir /srv/atomic; cd /srv/atomic; head -c 2000000 /dev/zero | tr '\\0' b > f;"
        f" chmod 600 f; chown worker f; cat > reader.py <<'END'\n{READER}\nEND\n"
        "setsid python3 reader.py >log 2>&1 </dev/null &",
    )
    try:
        assert wait_for(lambda: lab.shell(host.name, ["test", "-e", "/srv/atomic/started"]).returncode == 0)
        with agent(host) as session:
            for digest in [*blobs] * 6:
                params = {"dest": "/srv/atomic/f", "content": {"$blob": digest}}
                params |= {"owner": "worker", "mode": "0600"}
                assert statuses(run(session, "apply", [task("x", "copy", params)], blobs)) == {"x": "changed"}
    finally:
        remote(lab, host, "touch /srv/atomic/stop")
    assert wait_for(lambda: lab.shell(host.name, ["test", "-e", "/srv/atomic/result"]).returncode == 0)
    uid = int(remote(lab, host, "id -u worker"))
    whole = [(letter, 1, 2_000_000, "0o600", uid) for letter in "ab"]
    assert remote(lab, host, "cat /srv/atomic/log /srv/atomic/result") == repr(whole)


def test_edits_of_one_file_at_once_lose_no_line(lab: Lab, host: LabHost) -> None:
    """Tasks without an order between them run at once, but never two on one file."""
    remote(lab, host, "echo first > /srv/many")
    lines = [f"line {number}" for number in range(40)]
    tasks = [task(line, "lineinfile", {"path": "/srv/many", "line": line}) for line in lines]
    with agent(host) as session:
        ended = run(session, "apply", tasks)
    assert set(statuses(ended).values()) == {"changed"}
    assert sorted(remote(lab, host, "cat /srv/many").splitlines()) == sorted(["first", *lines])


def test_a_change_that_was_not_shown_is_refused(lab: Lab, host: LabHost) -> None:
    """Who edits the file between a confirmed plan and its apply does not lose the edit unseen."""
    remote(lab, host, "echo old > /srv/stale; echo old > /srv/fresh")
    tasks = [
        task("stale", "copy", {"dest": "/srv/stale", "content": SSHD}),
        task("fresh", "copy", {"dest": "/srv/fresh", "content": SSHD}),
    ]
    with agent(host) as session:
        run(session, "plan", tasks)
        remote(lab, host, "echo edited > /srv/stale")
        ended = run(session, "apply", tasks, confirmed=True)
    assert statuses(ended) == {"stale": "failed", "fresh": "changed"}
    assert ended["stale"]["message"].startswith("plan_stale: ")
    assert remote(lab, host, "cat /srv/stale") == "edited\n"
