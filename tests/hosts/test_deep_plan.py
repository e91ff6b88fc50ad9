"""`plan --deep` on real hosts: what packages bring is known before they are there, and nothing is written."""

from __future__ import annotations

import pytest

from configurator.sandbox import Lab
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
