"""What must not break a host: a controller killed in the middle of dpkg, a full disk, foreign links."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from configurator.core.errors import HostSetupError
from configurator.sandbox import Lab, LabHost
from tests.hosts.on_host import agent, run, statuses, task
from tests.hosts.test_agent import agents, remote, wait_for

pytestmark = pytest.mark.host

SLOW_PACKAGE = """
set -e
d=$(mktemp -d); mkdir -p $d/slow/DEBIAN
cat > $d/slow/DEBIAN/control <<X
Package: slow
Version: 1
Architecture: all
Maintainer: Nobody <nobody@localhost>
Description: takes its time
X
p=$d/slow/DEBIAN/postinst
printf '#!/bin/sh\\ntouch /run/postinst-runs\\nwhile ! test -e /run/postinst-go; do sleep 0.1; done\\n' > $p
chmod 755 $p
dpkg-deb --build $d/slow /opt/slow.deb >/dev/null
"""

CONTROLLER = """
import json, sys
from configurator.agent.protocol import TaskSpec
from configurator.transport.endpoint import Endpoint
from configurator.transport.session import HostSession
from configurator.transport.sshauth import Secrets
host, address, key, known, tasks = sys.argv[1:]
endpoint = Endpoint(
    host, address, identities=(key,), required_identities=(key,), identities_only=True, known_hosts=(known,)
)
session = HostSession(endpoint, Secrets())
session.run({"mode": "apply", "tasks": json.loads(tasks)}, {}, lambda message: None)
"""


def test_dpkg_is_waited_for_when_the_controller_dies(lab: Lab, fresh_host: LabHost) -> None:
    """The package is installed whole, the host stays locked until then, and nothing more is started."""
    remote(lab, fresh_host, SLOW_PACKAGE)
    tasks = [
        task("slow", "apt", {"deb": "/opt/slow.deb"}),
        task("later", "copy", {"dest": "/opt/later", "content": "x"}, after=("slow",)),
    ]
    arguments = [fresh_host.name, fresh_host.address, fresh_host.key_path, fresh_host.known_hosts]
    specs = json.dumps([spec.to_json() for spec in tasks])
    controller = subprocess.Popen([sys.executable, "-c", CONTROLLER, *map(str, arguments), specs])
    try:
        assert wait_for(
            lambda: lab.shell(fresh_host.name, ["test", "-e", "/run/postinst-runs"]).returncode == 0, 60
        )
    finally:
        os.kill(controller.pid, signal.SIGKILL)
        controller.wait()
    with agent(fresh_host) as second, pytest.raises(HostSetupError, match="another apply is under way"):
        run(second, "apply", [])
    assert agents(lab, fresh_host) != ""
    remote(lab, fresh_host, "touch /run/postinst-go")
    assert wait_for(lambda: agents(lab, fresh_host) == "")
    assert remote(lab, fresh_host, "dpkg-query -W -f '${Status}' slow") == "install ok installed"
    assert remote(lab, fresh_host, "ls /opt") == "slow.deb\n"


def test_an_agent_that_is_killed_during_dpkg_leaves_the_host_locked(lab: Lab, fresh_host: LabHost) -> None:
    """SIGKILL of the agent itself: apt goes on, and no second apply meets it."""
    remote(lab, fresh_host, SLOW_PACKAGE)
    slow = [task("slow", "apt", {"deb": "/opt/slow.deb"}).to_json()]
    arguments = [fresh_host.name, fresh_host.address, fresh_host.key_path, fresh_host.known_hosts]
    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, *map(str, arguments), json.dumps(slow)], stderr=subprocess.DEVNULL
    )
    try:
        assert wait_for(
            lambda: lab.shell(fresh_host.name, ["test", "-e", "/run/postinst-runs"]).returncode == 0, 60
        )
        remote(lab, fresh_host, "pkill -KILL -f '[p]ython3 -I -S'")
    finally:
        controller.wait(30)
    with agent(fresh_host) as second:
        with pytest.raises(HostSetupError, match="another apply is under way"):
            run(second, "apply", [])
        remote(lab, fresh_host, "touch /run/postinst-go")
        assert wait_for(lambda: "installed" in lab.shell(fresh_host.name, ["dpkg", "-s", "slow"]).stdout)
        assert wait_for(lambda: lab.shell(fresh_host.name, ["pgrep", "-x", "apt-get"]).stdout == "")
        assert run(second, "apply", []) == {}


def test_a_full_disk_leaves_the_old_file(lab: Lab, shared_host: LabHost) -> None:
    """No space: the task fails and says so, the old content stays whole, and no temporary file is left."""
    remote(
        lab,
        shared_host,
        "mkdir -p /mnt/full && mount -t tmpfs -o size=64k tmpfs /mnt/full; echo old > /mnt/full/f",
    )
    big = task("big", "copy", {"dest": "/mnt/full/f", "content": "x" * 200_000})
    other = task("other", "copy", {"dest": "/opt/other", "content": "x"})
    with agent(shared_host) as session:
        ended = run(session, "apply", [big, other])
    assert statuses(ended) == {"big": "failed", "other": "changed"}
    assert "no space left" in ended["big"]["message"]
    assert remote(lab, shared_host, "ls -A /mnt/full; cat /mnt/full/f; umount /mnt/full") == "f\nold\n"


def test_root_does_not_write_through_a_users_link(lab: Lab, shared_host: LabHost) -> None:
    """A user's link to /etc must not have root write there."""
    remote(
        lab,
        shared_host,
        "id mallory 2>/dev/null || useradd -m mallory; ln -sfn /etc /home/mallory/dir; "
        "chown -h mallory: /home/mallory/dir; ln -sfn /etc/passwd /home/mallory/file; "
        "chown -h mallory: /home/mallory/file; rm -f /etc/evil",
    )
    before = remote(lab, shared_host, "cat /etc/passwd")
    tasks = [
        task("dir", "copy", {"dest": "/home/mallory/dir/evil", "content": "x"}),
        task("file", "lineinfile", {"path": "/home/mallory/file", "line": "evil"}),
        task("mode", "file", {"path": "/home/mallory/file", "mode": "0666"}),
    ]
    with agent(shared_host) as session:
        ended = run(session, "apply", tasks)
    assert statuses(ended)["dir"] == "failed"
    assert remote(
        lab, shared_host, "cat /etc/passwd; ls /etc/evil 2>/dev/null || true; stat -c %a /etc/passwd"
    ) == (before + "644\n")
