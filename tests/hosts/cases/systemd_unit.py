"""systemd_unit: unit files and drop-ins that systemd accepts, and what it says of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

SLEEPS = "[Service]\nExecStart=/bin/sleep 900\n[Install]\nWantedBy=multi-user.target\n"
SCRIPT = "[Service]\nExecStart=/srv/t/job %i\n"
REMOVE = "systemctl stop '{0}*' 2>/dev/null; rm -rf /etc/systemd/system/{0}* /etc/systemd/system/*/{0}*;"


def _unit(
    name: str, unit: str, content: str | None = None, **params: Any
) -> tuple[str, str, Mapping[str, Any]]:
    return name, "systemd_unit", {"name": unit, **({} if content is None else {"content": content}), **params}


CASES: dict[str, Case] = {
    "a unit runs and goes": Case(
        (
            _unit("unit", "cfgrun", SLEEPS),
            (
                "up",
                "systemd_service",
                {"name": "cfgrun", "state": "started", "enabled": True, "daemon_reload": True},
            ),
            _unit("drop-in", "cfgrun.service", "[Service]\nNice=7\n", drop_in="nice", mode="0640"),
            ("reload", "systemd_service", {"name": "cfgrun", "daemon_reload": True}),
            ("restart", "systemd_service", {"name": "cfgrun", "state": "restarted"}),
            _unit("same", "cfgrun", SLEEPS, mode="0644", owner="root"),
            _unit("second", "cfgrun.service", "[Unit]\nDescription=Two\n", drop_in="two"),
            ("reload all", "systemd_service", {"daemon_reload": True}),
            ("nothing new", "systemd_service", {"name": "cfgrun", "daemon_reload": True}),
        ),
        "stat -c '%n %a %U' /etc/systemd/system/cfgrun.service*/* /etc/systemd/system/cfgrun.service;"
        " systemctl show cfgrun -p Nice; systemctl is-enabled cfgrun; systemctl is-active cfgrun",
        "/etc/systemd/system/cfgrun.service.d/nice.conf 640 root\n"
        "/etc/systemd/system/cfgrun.service.d/two.conf 644 root\n"
        "/etc/systemd/system/cfgrun.service 644 root\nNice=7\nenabled\nactive\n",
        REMOVE.format("cfgrun") + "systemctl daemon-reload",
        frozenset({"same", "nothing new"}),
        again=frozenset({"restart"}),
        outputs={"unit": {"path": "/etc/systemd/system/cfgrun.service", "unit": "cfgrun.service"}},
    ),
    "away": Case(
        (
            _unit("drop-in", "cfgaway", drop_in="one.conf", state="absent"),
            _unit("last drop-in", "cfgaway", drop_in="two", state="absent"),
            _unit("running", "cfgaway", state="absent"),
            _unit("nothing", "cfgnothing.timer", state="absent"),
        ),
        "ls -d /etc/systemd/system/cfgaway* 2>/dev/null | cat",
        "",
        f"cd /etc/systemd/system; mkdir -p cfgaway.service.d; touch cfgaway.service.d/one.conf;"
        f" touch cfgaway.service.d/two.conf; printf '{SLEEPS}' > cfgaway.service;"
        f" systemctl daemon-reload; systemctl start cfgaway",
        frozenset({"nothing"}),
        warns={"running": "cfgaway.service is still active"},
    ),
    "what systemd would ignore or refuse": Case(
        (
            _unit("key", "cfgbad", "[Service]\nExecStrat=/bin/true\nExecStart=/bin/true\n"),
            _unit("value", "cfgbad", "[Service]\nExecStart=/bin/true\nType=once\n"),
            _unit("section", "cfgbad", "[Foo]\nA=b\n[Service]\nExecStart=/bin/true\n"),
            _unit("calendar", "cfgbad.timer", "[Timer]\nOnCalendar=hourlyy\n"),
            _unit("empty", "cfgbad", "\n"),
            _unit("no command", "cfgbad", "[Service]\nRestart=always\nType=oneshot\nExecStart=/bin/true\n"),
            _unit("drop-in", "cfgbad", "[Service]\nLimitNOFILE=many\n", drop_in="x"),
            _unit("not text", "cfgbad", "ExecStart=/bin/true\n"),
        ),
        "ls -d /etc/systemd/system/cfgbad* 2>/dev/null | cat",
        "",
        REMOVE.format("cfgbad"),
        fails={
            "key": "line 2: Unknown key",
            "value": "('Type=once')",
            "section": "line 1: Unknown section 'Foo'",
            "calendar": "line 2: Failed to parse calendar specification",
            "empty": "is empty",
            "no command": "isn't allowed for Type=oneshot",
            "drop-in": "line 2: ",
            "not text": "line 1: Assignment outside of section",
        },
    ),
    "what may still come": Case(
        (
            _unit("socket", "cfgcome.socket", "[Socket]\nListenStream=127.0.0.1:8901\n"),
            _unit("missing", "cfgcome", "[Service]\nExecStart=/srv/nothing\nStandardOutput=syslog\n"),
            ("script", "copy", {"dest": "/srv/t/job", "content": "#!/bin/sh\n", "mode": "0755"}),
            _unit("template", "cfgcome@", SCRIPT),
            _unit(
                "timer", "cfgcome@.timer", "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"
            ),
            _unit("future", "cfgcome@", "[Service]\nNewThing=1\n", drop_in="later", verify=False),
            _unit("users", "cfgcome", SLEEPS, scope="user"),
            _unit(
                "own",
                "cfgcome",
                SLEEPS,
                directory="/home/worker/.config/systemd/user",
                owner="worker",
                group="worker",
            ),
        ),
        "cd /etc/systemd; ls -d system/cfgcome* user/cfgcome* system/cfgcome*/*;"
        " stat -c '%n %U' /home/worker/.config /home/worker/.config/systemd/user/cfgcome.service;"
        " rm -rf /home/worker/.config user/cfgcome*",
        "system/cfgcome.service\nsystem/cfgcome.socket\nsystem/cfgcome@.service\nsystem/cfgcome@.service.d\n"
        "system/cfgcome@.service.d/later.conf\nsystem/cfgcome@.timer\nuser/cfgcome.service\n"
        "/home/worker/.config worker\n/home/worker/.config/systemd/user/cfgcome.service worker\n",
        REMOVE.format("cfgcome"),
        warns={"missing": "line 3: Standard output type syslog is obsolete", "socket": "not loaded"},
    ),
    "our own way in": Case(
        (
            _unit("ssh", "ssh", "[Service]\nNice=-5\n", drop_in="nice"),
            ("reload", "systemd_service", {"name": "ssh", "daemon_reload": True}),
            _unit("dead", "ssh", "[Service]\nExecStart=\nExecStart=/bin/false\n", drop_in="nice"),
            _unit("back", "ssh", drop_in="nice", state="absent"),
        ),
        "systemctl is-active ssh; systemctl show ssh -p Nice; ! ls /etc/systemd/system/ssh.service.d",
        "active\nNice=0\n",
        idle=frozenset({"reload"}),
        again=frozenset({"ssh", "back"}),
        plan_blind={"dead": "the old state is put back"},
    ),
}
