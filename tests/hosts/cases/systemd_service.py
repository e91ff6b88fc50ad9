"""systemd_service: units of every kind are started, enabled and masked, and say why when they fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

SLEEPS = "[Service]\nExecStart=/bin/sleep 900\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
ONCE = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo x >> /srv/t/{}'\n"
USERS = (  # the user `worker` has a systemd of their own, once
    "dpkg -s libpam-systemd >/dev/null 2>&1 || apt-get install -y -qq libpam-systemd >/dev/null 2>&1;"
    " u=$(id -u worker); loginctl enable-linger worker; systemctl start user@$u;"
    " rm -rf /home/worker/.config;"
    " runuser -u worker -- env XDG_RUNTIME_DIR=/run/user/$u systemctl --user daemon-reload;"
)
SYSV = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: cfgsysv
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case "$1" in start) touch /run/cfgsysv ;; stop) rm -f /run/cfgsysv ;; esac
"""


def _service(name: str, unit: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "systemd_service", {"name": unit, **params}


def _units(prefix: str, **units: str) -> str:
    """Return the shell lines that put fresh unit files in place; `_` in a name is the prefix."""
    lines = [
        f"cd /etc/systemd/system; systemctl unmask -q '{prefix}*' 2>/dev/null;",
        f"systemctl stop '{prefix}*' 2>/dev/null;",
        f"rm -rf {prefix}* */{prefix}*;",
    ]
    for name, text in units.items():
        file = name.replace("_at", "@").replace("_timer", ".timer")
        file = f"{prefix}{file.removeprefix('main')}" + ("" if file.endswith(".timer") else ".service")
        lines.append(f"cat > '{file}' <<'END'\n{text}END\n")
    return "\n".join([*lines, "systemctl daemon-reload; systemctl reset-failed; cd /srv/t"])


CASES: dict[str, Case] = {
    "a unit that is looked at": Case(
        (
            _service("before", "cfgq"),
            _service("start", "cfgq", state="started", pattern="sleep 900", sleep=5, use="auto"),
            _service("after", "cfgq.service"),
            _service("none", "cfgq-nosuch"),
            ("nothing", "systemd_service", {"daemon_reload": False}),
        ),
        "systemctl is-active cfgq",
        "active\n",
        _units("cfgq", main=SLEEPS),
        frozenset({"before", "after", "none", "nothing"}),
        outputs={
            "start": {"state": "started", "status": {"ActiveState": "active", "Result": "success"}},
            "after": {
                "name": "cfgq.service",
                "enabled": False,
                "status": {"ActiveState": "active", "SubState": "running", "UnitFileState": "disabled"},
            },
            "none": {"enabled": False, "status": {"LoadState": "not-found", "ActiveState": "inactive"}},
            "nothing": {"name": None, "status": {}},
        },
        warns={"start": "systemd has no use for pattern, sleep: ignored"},
    ),
    "a service": Case(
        (
            _service("start", "cfga", state="started", enabled=True),
            _service("started", "cfga.service", state="started", enabled=True),
            _service("restart", "cfga", state="restarted"),
            _service("reload", "cfga", state="reloaded"),
            _service("timer", "cfga.timer", state="started", enabled=True),
            _service("timer off", "cfga.timer", state="stopped", enabled=False),
        ),
        "systemctl is-active cfga cfga.timer; systemctl is-enabled cfga cfga.timer; true",
        "active\ninactive\nenabled\ndisabled\n",
        _units(
            "cfga",
            main=SLEEPS,
            _timer="[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
        ),
        frozenset({"started"}),
        again=frozenset({"restart", "reload", "timer", "timer off"}),
        outputs={"start": {"name": "cfga", "enabled": True, "state": "started"}},
    ),
    "stopped and disabled": Case(
        (
            _service("stop", "cfgb", state="stopped", enabled=False),
            _service("stopped", "cfgb", state="stopped", enabled=False),
            _service("failed is stopped", "cfgbfail", state="stopped"),
            _service("reload starts", "cfgbfail", state="reloaded"),
        ),
        "systemctl is-active cfgb; systemctl is-enabled cfgb; true",
        "inactive\ndisabled\n",
        _units("cfgb", main=SLEEPS, fail="[Service]\nExecStart=/bin/sh -c 'echo no luck; exit 3'\n")
        + "; systemctl enable -q --now cfgb; systemctl start cfgbfail; true",
        frozenset({"stopped", "failed is stopped"}),
        plan_blind={"reload starts": "no luck"},
    ),
    "templates": Case(
        (
            _service("instance", "cfgc@one", state="started", enabled=True),
            _service("another", "cfgc@two.service", enabled=True),
            _service("off", "cfgc@three", state="stopped", enabled=False),
            _service("default", "cfgcd@", enabled=True),
        ),
        "systemctl is-active cfgc@one; ls /etc/systemd/system/multi-user.target.wants | grep cfgc",
        "active\ncfgc@one.service\ncfgc@two.service\ncfgcd@main.service\n",
        _units("cfgc", _at=SLEEPS, d_at=f"{SLEEPS}DefaultInstance=main\n")
        + "; systemctl enable -q --now cfgc@three",
    ),
    "masks": Case(
        (
            _service("mask", "cfgd", state="stopped", masked=True, enabled=False),
            _service("refused", "cfgd", state="started"),
            _service("unmask and start", "cfgd", masked=False, state="started", enabled=True),
            _service("never there", "cfgdnothing", masked=True),
        ),
        "systemctl is-active cfgd; systemctl is-enabled cfgd cfgdnothing; true",
        "active\nenabled\nmasked\n",
        # A file in /etc/systemd/system would be in the way of the link that masks.
        _units("cfgd") + f"; printf '{SLEEPS}' > /usr/lib/systemd/system/cfgd.service;"
        " systemctl daemon-reload; systemctl enable -q --now cfgd",
        fails={"refused": "is masked, so it cannot be started"},
        again=frozenset({"mask", "unmask and start"}),
    ),
    "units that are not there": Case(
        (
            _service("unknown", "systemd-journaldd", state="started"),
            _service("instance", "cfgnothing@x", state="started"),
            _service("nothing", "cfgnothing", enabled=False),
        ),
        fails={
            "unknown": "did you mean 'systemd-journald.service'?",
            "instance": "Could not find the requested service 'cfgnothing@x.service'",
            "nothing": "Could not find the requested service 'cfgnothing.service'",
        },
    ),
    "nothing to reload": Case(
        (
            ("reload", "systemd_service", {"daemon_reload": True}),
            _service("with a unit", "dbus", daemon_reload=True, state="started"),
        ),
        idle=frozenset({"reload", "with a unit"}),
    ),
    "static, alias and linked": Case(
        (
            _service("static", "dbus", enabled=True),
            _service("alias", "sshd", state="started", enabled=True),
            _service("by alias", "cfgelias", state="started", enabled=True),
            _service("linked", "cfgelink", enabled=True, state="started"),
        ),
        "systemctl is-active cfge cfgelias cfgelink; ls -l /etc/systemd/system | grep -c ' cfge.*->'",
        "active\nactive\nactive\n2\n",
        _units("cfge", main=f"{SLEEPS}Alias=cfgelias.service\n")
        + f"; printf '{SLEEPS}' > cfgelink.service; systemctl link -q /srv/t/cfgelink.service;"
        " systemctl enable -q cfge; systemctl disable -q cfge;"
        " ln -s /etc/systemd/system/cfge.service /etc/systemd/system/cfgelias.service;"
        " systemctl daemon-reload",
        frozenset({"static", "alias"}),
        warns={"static": "dbus.service is static"},
    ),
    "oneshots": Case(
        (
            _service("kept", "cfgf", state="started"),
            _service("remains", "cfgfr", state="started", enabled=True),
            _service("again", "cfgfr", state="started"),
            _service("failing", "cfgfbad", state="started"),
            _service("stopped", "cfgf", state="stopped"),
        ),
        "cat kept remains; systemctl is-active cfgfr; systemctl is-failed cfgfbad",
        "x\nx\nactive\nfailed\n",
        _units(
            "cfgf",
            main=ONCE.format("kept") + "[Install]\nWantedBy=multi-user.target\n",
            r=ONCE.format("remains") + "RemainAfterExit=yes\n[Install]\nWantedBy=multi-user.target\n",
            bad="[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no disk; exit 2'\n",
        )
        + "; systemctl enable -q cfgf",
        frozenset({"again", "stopped"}),
        plan_blind={"failing": "no disk"},
    ),
    "dead at once": Case(
        (
            _service("dies", "cfgg", state="started"),
            _service("loops", "cfggloop", state="started"),
            _service("notifies", "cfggnotify", state="restarted"),
            _service("condition", "cfggcond", state="started"),
        ),
        plan_blind={
            "dies": "no database",
            "loops": "no memory",
            "notifies": "no port",
            "condition": "a condition in its unit file is not met",
        },
        prepare=_units(
            "cfgg",
            main="[Service]\nExecStart=/bin/sh -c 'echo no database; exit 3'\n",
            loop="[Service]\nRestart=always\nExecStart=/bin/sh -c 'echo no memory; exit 0'\nRestartSec=60\n",
            notify="[Service]\nType=notify\nExecStart=/bin/sh -c 'echo no port; exit 1'\n",
            cond="[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/sleep 900\n",
        ),
    ),
    "a script of init.d": Case(
        (
            ("script", "copy", {"dest": "/etc/init.d/cfgsysv", "content": SYSV, "mode": "0755"}),
            _service("unseen", "cfgsysv", state="started"),
            _service("sysv", "cfgsysv", state="started", enabled=True, daemon_reload=True),
            _service("same", "cfgsysv", state="started", enabled=True, daemon_reload=True),
            _service("stop", "cfgsysv", state="stopped", enabled=False),
        ),
        "systemctl is-active cfgsysv; ls /run/cfgsysv /etc/rc3.d/S*cfgsysv 2>/dev/null; true",
        "inactive\n",
        "systemctl stop cfgsysv 2>/dev/null; rm -f /run/cfgsysv /etc/init.d/cfgsysv /etc/rc?.d/*cfgsysv;"
        " systemctl daemon-reload",
        frozenset({"same"}),
        plan_blind={"unseen": "systemd has not seen /etc/init.d/cfgsysv yet"},
        again=frozenset({"sysv", "stop"}),
    ),
    "a user's own": Case(
        (
            (
                "file",
                "systemd_unit",
                {"name": "cfgh", "content": SLEEPS, "directory": "/home/worker/.config/systemd/user"},
            ),
            _service("up", "cfgh", state="started", enabled=True, scope="user", daemon_reload=True),
            _service("up again", "cfgh", state="started", enabled=True, scope="user"),
            _service("unknown", "ssh", state="started", scope="user"),
            _service("dies", "cfghdies", state="started", scope="user"),
            ("reload", "systemd_service", {"daemon_reload": True, "scope": "user"}),
        ),
        "runuser -u worker -- env XDG_RUNTIME_DIR=/run/user/$(id -u worker) sh -c"
        " 'systemctl --user is-active cfgh; systemctl --user is-enabled cfgh; systemctl --user stop cfgh';"
        " rm -rf /home/worker/.config",
        "active\nenabled\n",
        USERS + "printf '[Service]\nExecStart=/bin/sh -c \"echo no home; exit 1\"\n'"
        " > /etc/systemd/user/cfghdies.service",
        frozenset({"up again", "reload"}),
        fails={"unknown": "Could not find the requested service 'ssh.service'"},
        plan_blind={"dies": "journalctl --user-unit cfghdies.service"},
        options={"become_user": "worker"},
    ),
    "a user who is not there": Case(
        (_service("nobody's", "dbus", state="started", scope="user"),),
        fails={"nobody's": "loginctl enable-linger games"},
        options={"become_user": "games"},
    ),
    "everybody's": Case(
        (
            _service("global", "cfgi", enabled=True, scope="global"),
            _service("same", "cfgi", enabled=True, scope="global"),
            _service("mask", "cfgimask", masked=True, scope="global"),
        ),
        "ls /etc/systemd/user/default.target.wants; systemctl --global is-enabled cfgimask; true",
        "cfgi.service\nmasked\n",
        "cd /etc/systemd/user; rm -f cfgi* */cfgi* ../system/cfgi*; cd /srv/t; "
        "printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n'"
        " > /etc/systemd/user/cfgi.service",
        frozenset({"same"}),
    ),
}
