"""`plan --deep` on real hosts: what packages bring is known before they are there, and nothing is written."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from configurator.core.errors import UnreachableError
from configurator.sandbox import Lab
from tests.hosts.cli import wait_until
from tests.hosts.conftest import HostFactory
from tests.hosts.on_host import agent, chain, files, run, statuses
from tests.hosts.test_agent import remote

pytestmark = pytest.mark.host

TASKS = (
    ("install", "apt", {"name": ["cron", "redis-server"], "update_cache": True}),
    (
        "edit",
        "lineinfile",
        {"path": "/etc/default/cron", "line": 'EXTRA_OPTS="-L 2"', "regexp": "EXTRA_OPTS="},
    ),
    ("port", "lineinfile", {"path": "/etc/redis/redis.conf", "regexp": "^port ", "line": "port 6400"}),
    ("owned", "file", {"path": "/srv/data", "state": "directory", "owner": "redis", "mode": "0750"}),
    ("job", "copy", {"dest": "/etc/cron.d/job", "content": "# none\n"}),
    ("run", "systemd_service", {"name": "redis-server", "state": "started", "enabled": True}),
    ("stop", "systemd_service", {"name": "cron", "state": "stopped", "enabled": False}),
)


@pytest.mark.parametrize("release", ["bookworm", pytest.param("trixie", marks=pytest.mark.full)])
def test_a_deep_plan_knows_what_packages_bring(lab: Lab, host_factory: HostFactory, release: str) -> None:
    """Diffs of their files, their units and accounts are exact and right; a plain plan only assumes them."""
    host = host_factory(release)
    tasks = chain(*TASKS)
    before = files(host)
    with agent(host) as session:
        plain = run(session, "plan", tasks)
        deep = run(session, "plan", tasks, deep=True)
    assert files(host) == before, "a plan wrote to the host"
    with agent(host) as session:
        applied = run(session, "apply", tasks)
        again = run(session, "apply", tasks)
    assert statuses(deep) == statuses(applied), applied
    for name in TASKS:
        told = [change for change in deep[name[0]]["changes"] if change["certainty"] == "exact"]
        done = applied[name[0]]["changes"]
        assert [change for change in told if change not in done] == [], name[0]
    assert "may change it" in deep["port"]["changes"][0]["because"]  # its script does change the owner
    sure = {
        name for name, message in deep.items() if all(c["certainty"] == "exact" for c in message["changes"])
    }
    assert {"install", "edit", "job", "run", "stop"} <= sure, deep
    assert any(change["certainty"] != "exact" for change in plain["edit"]["changes"])
    assert set(statuses(again).values()) == {"ok"}
    assert remote(lab, host, "ls /var/cache/configurator") == "agent\nindex\n", (
        "the packages were used and removed"
    )


NGINX = "events {}\nhttp { include /etc/nginx/mime.types; include /etc/nginx/conf.d/*.conf; server { %s } }\n"
CHECKED = (
    ("nginx", "apt", {"name": "nginx", "update_cache": True}),
    (
        "zone",
        "copy",
        {"dest": "/etc/nginx/conf.d/zone.conf", "content": "map $uri $there { default yes; }\n"},
    ),
    (
        "good",
        "copy",
        {
            "dest": "/etc/nginx/good.conf",
            "content": NGINX % "listen 8080; return 200 $there;",
            "validate": "nginx -t -c %s",
        },
    ),
    (
        "bad",
        "copy",
        {"dest": "/etc/nginx/bad.conf", "content": NGINX % "lisen 8080;", "validate": "nginx -t -c %s"},
    ),
    (
        "other",
        "copy",
        {
            "dest": "/etc/nginx/other.conf",
            "content": NGINX % "return 200 $there;",
            "validate": "sh -c 'cd /etc/nginx; test -e good.conf && test ! -e bad.conf && nginx -t -c %s'",
        },
    ),
)


@pytest.mark.parametrize("release", ["bookworm", pytest.param("trixie", marks=pytest.mark.full)])
def test_a_validator_runs_before_its_program_is_installed(host_factory: HostFactory, release: str) -> None:
    """It sees the packages and the files that the plan has in memory. What it refuses is no failure yet."""
    host = host_factory(release)
    tasks = chain(*CHECKED)
    before = files(host)
    with agent(host) as session:
        plain = run(session, "plan", tasks)
        deep = run(session, "plan", tasks, deep=True)
    assert files(host) == before, "a plan wrote to the host"
    labels = {name: {change["certainty"] for change in deep[name]["changes"]} for name, *_ in CHECKED}
    assert labels == {
        "nginx": {"exact"},
        "zone": {"exact"},
        "good": {"exact"},
        "bad": {"assumed"},
        "other": {"assumed"},
    }, deep
    because = deep["bad"]["changes"][0]["because"]
    assert 'unknown directive "lisen"' in because, because
    assert all(change["certainty"] == "assumed" for change in plain["good"]["changes"])
    with agent(host) as session:
        applied = run(session, "apply", tasks)
    assert statuses(applied) == {name: "failed" if name == "bad" else "changed" for name, *_ in CHECKED}
    told = [change for name in ("good", "zone") for change in deep[name]["changes"]]
    assert told == [change for name in ("good", "zone") for change in applied[name]["changes"]]
    with agent(host) as session:
        again = run(session, "plan", chain(*CHECKED[2:]), deep=True)
    assert statuses(again) == {"good": "ok", "bad": "changed", "other": "ok"}


# Each line is something that a validator must not be able to do, or must find as the plan would leave it.
HARM = """
set -eu
no() { if "$@"; then echo "could: $*"; exit 1; fi }
rm -rf /srv /opt
echo harm > /etc/hostname
echo harm > /etc/left-behind
no mount -t tmpfs harm /mnt
no mknod /root/disk b 8 0
no ls /proc/1/root/
no ls /proc/1/cwd/
kill -9 1
no sh -c "echo 61 > /proc/sys/vm/swappiness"
no sh -c "echo harm > /sys/kernel/uevent_helper"
test ! -e /run/systemd/private
test ! -e /run/dbus/system_bus_socket
test "$(ls /proc | grep -c "^[0-9]")" -lt 9
no sh -c "ip route | grep default"
no timeout 2 bash -c "exec 3<>/dev/tcp/$1/22"
grep -q planned /etc/planned
test -L /etc/planned-link
test ! -e /etc/debian_version
grep -q ^planner: /etc/passwd
test "$(stat -c %U:%a /planned)" = planner:700
test "$(stat -c %a $2)" = 640
sleep 86421 &
"""


def test_a_validator_can_do_no_harm(lab: Lab, host_factory: HostFactory) -> None:
    """It gets what the plan would have made, and what it does reaches neither the host nor the next one."""
    host = host_factory("bookworm")
    command = f"sh -c '{HARM}' sh {host.address} %s"
    content = {"content": "x\n", "mode": "0640"}
    specs = chain(
        ("user", "user", {"name": "planner", "system": True, "create_home": False}),
        ("folder", "file", {"path": "/planned", "state": "directory", "owner": "planner", "mode": "0700"}),
        ("file", "copy", {"dest": "/etc/planned", "content": "planned\n"}),
        ("link", "file", {"path": "/etc/planned-link", "state": "link", "src": "planned"}),
        ("gone", "file", {"path": "/etc/debian_version", "state": "absent"}),
        ("harm", "copy", {"dest": "/etc/harm", "validate": command, **content}),
        (
            "next",
            "copy",
            {"dest": "/etc/next", "validate": "sh -c 'test ! -e /etc/left-behind' %s", **content},
        ),
    )
    before = files(host)
    with agent(host) as session:
        deep = run(session, "plan", specs, deep=True)
        assert remote(lab, host, "pgrep -x sleep || true") == "", "what a validator starts ends with it"
    assert files(host) == before, "a validator wrote to the host"
    wrong = {name: change for name, told in deep.items() for change in told["changes"] if "because" in change}
    assert wrong == {}
    assert remote(lab, host, "cat /proc/sys/vm/swappiness") != "61\n"
    assert remote(lab, host, "ls /var/cache/configurator") == "agent\n"


def test_a_view_ends_with_its_agent(lab: Lab, host_factory: HostFactory) -> None:
    """A killed agent leaves neither the validator that it waited for nor what held its view."""
    host = host_factory("bookworm")
    hanging = {"dest": "/etc/x", "content": "x\n", "validate": "sh -c 'sleep 86422; true' %s"}
    before = files(host)

    def plan() -> None:
        with suppress(UnreachableError), agent(host) as session:
            run(session, "plan", chain(("hang", "copy", hanging)), deep=True)

    waiting = threading.Thread(target=plan)
    waiting.start()
    wait_until(lambda: remote(lab, host, "pgrep -f '^sleep 86422' || true"), "the validator runs")
    agents = remote(lab, host, "pgrep -f '[p]ython3 -I -S -c'").split()
    assert len(agents) >= 3, "the agent, and what holds the view"
    remote(lab, host, f"kill -9 {agents[0]}")
    wait_until(
        lambda: not remote(lab, host, "pgrep -f '[8]6422|[p]ython3 -I -S -c' || true"), "all of it has ended"
    )
    waiting.join()
    assert files(host) == before
