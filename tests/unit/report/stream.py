"""A run's events with fixed times, as a real run of a small site would send them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from configurator.core.changes import Certainty, FieldChange
from configurator.core.run_events import (
    HostConnected,
    HostFailed,
    HostFinished,
    HostNotice,
    HostStarted,
    HostSummary,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskStarted,
)
from configurator.core.status import Outcome, SkipReason

SITE_DIFF = """\
--- /etc/nginx/sites-available/shop.conf
+++ /etc/nginx/sites-available/shop.conf
@@ -1,5 +1,6 @@
 server {
-    listen 80;
+    listen 8080;
+    listen [::]:8080;
     server_name shop.example.org;
     root /srv/shop;
 }
"""
MOTD_DIFF = """\
--- /dev/null
+++ /etc/motd
@@ -0,0 +1,2 @@
+Managed by Configurator.
+Ask before you change anything here.
"""


@dataclass(frozen=True)
class Step:
    """One task of the fake site: when it runs and what becomes of it."""

    role: str
    task: str
    module: str
    start: float
    took: float
    status: Outcome = Outcome.OK
    changes: tuple[FieldChange, ...] = ()
    handler: bool = False
    extra: tuple[tuple[str, Any], ...] = ()

    @property
    def key(self) -> str:
        return f"{self.role}/{self.task}"

    def events(self, host: str) -> Iterator[tuple[float, RunEvent]]:
        names = {
            "host": host,
            "task_id": self.key,
            "role": self.role,
            "task": self.task,
            "module": self.module,
        }
        end = self.start + self.took
        if self.status is not Outcome.SKIPPED:
            yield self.start, TaskStarted(at_s=self.start, handler=self.handler, **names)
        yield (
            end,
            TaskFinished(
                at_s=end,
                started_s=self.start,
                duration_s=self.took,
                status=self.status,
                changes=self.changes,
                handler=self.handler,
                position=f"roles/{self.role}/tasks/main.yml:{3 + 4 * len(self.task)}:3",
                **(names | dict(self.extra)),
            ),
        )


def created(subject: str, **fields: Any) -> tuple[FieldChange, ...]:
    """A thing that comes into being."""
    being = FieldChange(subject, "exists", False, True)
    return (being, *(FieldChange(subject, name, None, value) for name, value in fields.items()))


INSTALL = Step(
    "nginx",
    "Install nginx",
    "apt",
    0.5,
    6.2,
    Outcome.CHANGED,
    created("package:nginx", version="1.22.1-9+deb12u2"),
)
SITE = Step(
    "nginx",
    "Write the site",
    "template",
    6.8,
    0.3,
    Outcome.CHANGED,
    (
        FieldChange(
            "path:/etc/nginx/sites-available/shop.conf",
            "content",
            "97 bytes, sha256 1f2e3d4c5b6a",
            "123 bytes, sha256 aabbccddeeff",
            diff=SITE_DIFF,
        ),
        FieldChange("path:/etc/nginx/sites-available/shop.conf", "mode", "0600", "0644"),
    ),
)
MOTD = Step(
    "base",
    "Write the message of the day",
    "copy",
    0.5,
    0.1,
    Outcome.CHANGED,
    (
        FieldChange("path:/etc/motd", "exists", False, True),
        FieldChange("path:/etc/motd", "content", None, "61 bytes, sha256 001122334455", diff=MOTD_DIFF),
        FieldChange("path:/etc/motd", "mode", None, "0644"),
    ),
)
TIMEZONE = Step(
    "base",
    "Set the time zone",
    "timezone",
    0.6,
    0.4,
    Outcome.CHANGED,
    (FieldChange("timezone:", "name", "Etc/UTC", "Europe/Berlin"),),
)
OLD_USER = Step(
    "users",
    "Remove the old administrator",
    "user",
    0.6,
    0.8,
    Outcome.CHANGED,
    (FieldChange("user:admin", "exists", True, False),),
)
ENABLE = Step(
    "nginx",
    "Enable and start nginx",
    "systemd_service",
    7.2,
    0.4,
    Outcome.CHANGED,
    (
        FieldChange(
            "unit:nginx.service",
            "active",
            "inactive",
            "active",
            Certainty.ASSUMED,
            "nginx is installed first",
        ),
        FieldChange(
            "unit:nginx.service", "enabled", "", "enabled", Certainty.ASSUMED, "nginx is installed first"
        ),
    ),
)
RELOAD = Step(
    "nginx",
    "Reload nginx",
    "systemd_service",
    7.9,
    0.2,
    Outcome.CHANGED,
    (FieldChange("unit:nginx.service", "reloaded", None, True),),
    handler=True,
)
SWAP = Step(
    "base",
    "Turn swap off in containers",
    "command",
    0.5,
    0.0,
    Outcome.SKIPPED,
    extra=(("reason", SkipReason.CONDITION_FALSE), ("cause", "facts.container is true")),
)
OK_STEPS = tuple(
    Step("base", f"Install {name}", "apt", 0.55 + 0.01 * number, 0.05)
    for number, name in enumerate(("curl", "htop", "vim", "unattended-upgrades"))
)
STEPS = (MOTD, *OK_STEPS, TIMEZONE, OLD_USER, SWAP, INSTALL, SITE, ENABLE, RELOAD)

BROKEN = replace(
    SITE,
    status=Outcome.FAILED,
    changes=(),
    extra=(
        ("message", "the new file was refused by its validator, the old one is still in place"),
        ("command", ("nginx", "-t", "-c", "/etc/nginx/.shop.conf.validate 1")),
        ("exit_status", 1),
        (
            "output",
            'nginx: [emerg] unexpected "}" in /etc/nginx/sites-available/shop.conf:12\n'
            "nginx: configuration file /etc/nginx/nginx.conf test failed\n",
        ),
        ("hint", "render the template with `configurator plan --host web2 --diff` and look at line 12"),
    ),
)


def skipped(step: Step, cause: Step) -> Step:
    """The step as it is reported when what it requires has failed."""
    return replace(
        step,
        took=0.0,
        status=Outcome.SKIPPED,
        changes=(),
        extra=(("reason", SkipReason.REQUIREMENT_FAILED), ("cause", f"{cause.role}: {cause.task}")),
    )


def counted(steps: Iterable[Step], duration_s: float, unreachable: int = 0) -> HostSummary:
    """The summary that the app makes of such steps."""
    found = [Outcome.OK if dict(step.extra).get("ignored") else step.status for step in steps]
    return HostSummary(
        ok=found.count(Outcome.OK),
        changed=found.count(Outcome.CHANGED),
        failed=found.count(Outcome.FAILED),
        skipped=found.count(Outcome.SKIPPED),
        unreachable=unreachable,
        duration_s=duration_s,
    )


def host_events(name: str, steps: tuple[Step, ...]) -> list[tuple[float, RunEvent]]:
    """Everything one host says, with times."""
    tasks = sum(not step.handler for step in steps)
    end = max(step.start + step.took for step in steps) + 0.1
    address = f"192.0.2.{sum(map(ord, name)) % 250}:22"
    return [
        (0.2, HostConnected(name, 0.2, address, {"distribution": "Debian", "python": "3.11.2"})),
        (0.4, HostStarted(name, 0.4, tasks, len(steps) - tasks)),
        *itertools.chain.from_iterable(step.events(name) for step in steps),
        (end, HostFinished(name, end, counted(steps, end))),
    ]


def unreachable_events(name: str) -> list[tuple[float, RunEvent]]:
    """A host that cannot be reached."""
    failed = HostFailed(
        name,
        5.0,
        Outcome.UNREACHABLE,
        "no answer from 203.0.113.9:22 within 5 s",
        hint="look at the address and at the firewall before the host",
    )
    return [(5.0, failed), (5.0, HostFinished(name, 5.0, HostSummary(unreachable=1, duration_s=5.0)))]


def run_events(mode: str, hosts: dict[str, list[tuple[float, RunEvent]]], exit_code: int) -> list[RunEvent]:
    """A whole run in the order of its times."""
    timed = sorted(itertools.chain.from_iterable(hosts.values()), key=lambda pair: pair[0])
    events = [event for _, event in timed]
    summaries = {event.host: event.summary for event in events if isinstance(event, HostFinished)}
    end = max(at for at, _ in timed)
    return [RunStarted(mode, tuple(hosts)), *events, RunFinished(mode, exit_code, summaries, end + 0.05)]


def plan_run() -> list[RunEvent]:
    """A plan: two hosts with the same changes, one with nothing to do, one that cannot be reached."""
    nothing = tuple(replace(step, status=Outcome.OK, changes=()) for step in OK_STEPS)
    unknown = Step(
        "shop",
        "Migrate the database",
        "command",
        7.3,
        0.1,
        Outcome.CHANGED,
        (FieldChange("*", "state", None, None, Certainty.UNKNOWN, "Install the shop has not run"),),
    )
    hosts = {
        "web1": host_events("web1", (*STEPS, unknown)),
        "web2": host_events("web2", (*STEPS, unknown)),
        "db1": host_events("db1", nothing),
        "old1": unreachable_events("old1"),
    }
    return run_events("plan", hosts, 4)


def apply_run() -> list[RunEvent]:
    """An apply: one host done, one with a failed task, one unreachable; a warning and an ignored failure."""
    broken = (
        MOTD,
        *OK_STEPS,
        TIMEZONE,
        INSTALL,
        BROKEN,
        skipped(ENABLE, BROKEN),
        skipped(RELOAD, BROKEN),
    )
    ignored = Step(
        "users",
        "Say hello to the old administrator",
        "command",
        0.7,
        0.1,
        Outcome.FAILED,
        extra=(("ignored", True), ("message", "exit code 1"), ("exit_status", 1)),
    )
    notice = HostNotice("web1", 0.3, "warning", "the clock is 42 s behind ours")
    hosts = {
        "web1": [*host_events("web1", (*STEPS, ignored)), (0.3, notice)],
        "web2": host_events("web2", broken),
        "old1": unreachable_events("old1"),
    }
    return run_events("apply", hosts, 3)


def quiet_run() -> list[RunEvent]:
    """An apply of one host with nothing to change."""
    return run_events("apply", {"web1": host_events("web1", OK_STEPS)}, 0)


def one_host_run() -> list[RunEvent]:
    """An apply of one host that goes well."""
    return run_events("apply", {"web1": host_events("web1", STEPS)}, 0)
