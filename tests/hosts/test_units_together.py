"""What systemd says of units is asked once for all tasks, and never believed after something was done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.sandbox import Lab, LabHost
from tests.hosts.on_host import agent, chain, run, statuses
from tests.hosts.test_agent import remote

pytestmark = pytest.mark.host

LOG = "/run/asked"
# Where a root login looks first; what was asked goes into a log.
PROBE = f"""
printf '#!/bin/sh\\necho "$*" >> {LOG}\\nexec /usr/bin/systemctl "$@"\\n' > /usr/local/sbin/systemctl
chmod 755 /usr/local/sbin/systemctl
cd /etc/systemd/system
printf '[Service]\\nExecStart=/bin/sleep 900\\n[Install]\\nWantedBy=multi-user.target\\n' > tga.service
echo Alias=tgalias.service >> tga.service
printf '[Service]\\nExecStart=/bin/sleep 900\\n' > tgb@.service
printf '[Timer]\\nOnCalendar=daily\\n[Install]\\nWantedBy=timers.target\\n' > tgc.timer
printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' > tgc.service
mkdir -p /usr/local/lib/systemd/system
printf '[Service]\\nExecStart=/bin/sleep 900\\n' > /usr/local/lib/systemd/system/tgmask.service
systemctl daemon-reload
systemctl enable -q tga.service
systemctl start tga.service
"""


@pytest.fixture(scope="module")
def host(lab: Lab) -> Iterator[LabHost]:
    """A host on which every call of systemctl is noted."""
    have = {host.name for host in lab.hosts()}
    found = (lab.reset("units1") if "units1" in have else lab.up(["units1"]))[0]
    remote(lab, found, PROBE)
    yield found
    remote(lab, found, "rm /usr/local/sbin/systemctl")


def asked(lab: Lab, host: LabHost) -> list[str]:
    """Return the units of each question since the last time, and forget them."""
    log = remote(lab, host, f"cat {LOG}; rm -f {LOG}; touch {LOG}")
    return [line.partition(" --property")[0] for line in log.splitlines() if line.startswith("show ")]


def service(name: str, unit: str, **params: object) -> tuple[str, str, dict[str, object]]:
    return name, "systemd_service", {"name": unit, **params}


TASKS = chain(
    service("running", "tga", state="started", enabled=True),
    service("by its alias", "tgalias", state="started"),
    service("instance", "tgb@one", state="started"),
    service("timer", "tgc.timer", state="started", enabled=True),
    service("missing", "tgnone", state="started"),
    service("template", "tgb@.service", masked=False),
    ("write", "copy", {"dest": "/etc/systemd/system/tga.service.d/x.conf", "content": "[Service]\nNice=5\n"}),
)
ALL = "show tga.service tgalias.service tgb@one.service tgc.timer tgnone.service"


def test_a_plan_asks_once_and_an_apply_until_something_was_done(lab: Lab, host: LabHost) -> None:
    """Aliases, instances, timers and units that are not there are answered as if asked for alone."""
    remote(lab, host, "mkdir -p /etc/systemd/system/tga.service.d")
    expected = {"running": "ok", "by its alias": "ok", "template": "ok", "missing": "failed"}
    asked(lab, host)
    with agent(host) as session:
        planned = run(session, "plan", TASKS)
        assert asked(lab, host) == [ALL]
        applied = run(session, "apply", TASKS)
        first = asked(lab, host)
        again = run(session, "apply", TASKS)
        assert asked(lab, host) == [ALL], "nothing is done any more, so nothing is asked again"
    changed = dict.fromkeys(("instance", "timer", "write"), "changed")
    assert statuses(planned) == statuses(applied) == {**expected, **changed}
    assert statuses(again) == {**expected, **dict.fromkeys(changed, "ok")}
    assert first[0] == ALL
    assert first[1:].count("show tgc.timer") >= 2, "before and after it was started, and each time anew"
    messages = {ended["missing"]["message"] for ended in (planned, applied, again)}
    assert messages == {"Could not find the requested service 'tgnone.service'"}


def test_a_file_that_was_written_since_counts(lab: Lab, host: LabHost) -> None:
    """systemd says itself that a unit's files are newer: what it said before is not believed."""
    tasks = chain(
        service("before", "tga", state="started"),
        service("other", "tgmask", masked=True),
        ("write", "copy", {"dest": "/etc/systemd/system/tga.service.d/y.conf", "content": "[Unit]\n"}),
        service("after", "tga", state="started", daemon_reload=True),
        service("unmask", "tgmask", masked=False),
    )
    remote(lab, host, "mkdir -p /etc/systemd/system/tga.service.d; systemctl daemon-reload")
    with agent(host) as session:
        planned, applied = run(session, "plan", tasks), run(session, "apply", tasks)
    assert statuses(planned) == statuses(applied)
    assert statuses(applied)["after"] == "changed"
    assert remote(lab, host, "systemctl show tga --property NeedDaemonReload") == "NeedDaemonReload=no\n"


def test_what_really_runs_in_a_plan_counts(lab: Lab, host: LabHost) -> None:
    """`check_mode: false` stops the unit; the rest of the plan must not think that it runs."""
    stop = TaskSpec(
        "stop", "test", "stop", "command", {"cmd": "systemctl stop tga"}, check_mode=False, after=("running",)
    )
    tasks = [
        *chain(service("running", "tga", state="started"), service("other", "tgc.timer", state="started")),
        stop,
        TaskSpec(
            *("again", "test", "again", "systemd_service"),
            {"name": "tga", "state": "started"},
            after=("stop",),
        ),
    ]
    remote(lab, host, "systemctl start tga tgc.timer")
    with agent(host) as session:
        assert statuses(run(session, "plan", tasks))["again"] == "changed"
    remote(lab, host, "systemctl start tga")
