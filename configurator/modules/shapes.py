"""The fields of the states that modules share by effect key, and what a plan assumes of such a thing.

Every state has `exists`; the other fields are there only if it is True. A value that cannot be known
before the apply is UNKNOWN.

    unit:NAME     NAME with its suffix (`nginx.service`); systemctl(1), org.freedesktop.systemd1(5)
        load      `loaded`, `masked`, `error`, `bad-setting`
        active    `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`
        sub       the unit type's own state: `running`, `exited`, `dead`, `auto-restart`...
        enabled   `enabled`, `enabled-runtime`, `disabled`, `static`, `indirect`, `alias`, `masked`,
                  `generated`, `transient`, `linked`, or "" where systemd has no word
        type      a service's `Type=`: `simple`, `oneshot`, `notify`...; "" for other units
        remain    True if a unit counts as active after its processes have ended (RemainAfterExit)
        reloadable  True if the unit can be reloaded
        names     the unit's own name (systemd's Id) and its aliases, sorted tuple
        stale     True if its files are newer than what systemd has loaded (NeedDaemonReload)
        result    how it ended last: `success`, `exit-code`...; ran True if it has run and ended since boot
        files     the unit's file and its drop-ins, as systemd has loaded them
        status    what systemd itself says of it (systemctl(1), show), unless a task of a plan has changed it
        script    the script in /etc/init.d that systemd will make the unit of, and has not yet
        read_at   when a task of a plan had systemd read the files that are only there in the plan
    user:NAME     passwd(5) and shadow(5)
        uid, gid  numbers; group the primary group's name; groups the names of the others, sorted tuple
        comment, home, shell
        password  SecretValue of the hash as it stands in shadow(5); locked: True if it begins with `!`
        expires   days since the epoch, None for never; min, max, warn, inactive: days or None
    group:NAME    group(5)
        gid, members (sorted tuple of those who are listed, which leaves out primary members)
    package:NAME  dpkg-query(1)
        version   of the installed package; held True if on hold; config True if only its
                  configuration files are left (then `exists` is False); new False if established by
                  an upgrade, which brings nothing that would have to be assumed
    unit:systemd  systemd itself: reloaded_at, when a task of a plan had it read all units anew; 0.0 if none;
                  read: the units that are only there in the plan, and that its tasks have had to do with
    path:NAME     kind `directory`, mode (octal text), owner and group: what a command makes on the way
    apt-index:    refreshed_at (seconds since the epoch); pending True if an earlier task refreshes it
"""

from __future__ import annotations

from configurator.modules.state import UNKNOWN, SecretValue, State

PACKAGE_INDEX = "apt-index:"


def assumed_unit() -> State:
    """Return what Debian's policy (9.3.3) has a package's service be: enabled and started."""
    return {
        "exists": True,
        "load": "loaded",
        "active": "active",
        "sub": "running",
        "enabled": "enabled",
        "type": "simple",
        "remain": False,
        "reloadable": True,
        "names": (),
        "stale": False,
    }


def assumed_user(name: str) -> State:
    """Return what Debian's policy (9.2.2) has a package's user be: a locked system account."""
    return {
        "exists": True,
        "uid": UNKNOWN,
        "gid": UNKNOWN,
        "group": name,
        "groups": (),
        "comment": UNKNOWN,
        "home": UNKNOWN,
        "shell": "/usr/sbin/nologin",
        "password": SecretValue("!"),
        "locked": True,
        "expires": None,
        "min": None,
        "max": None,
        "warn": None,
        "inactive": None,
    }


def assumed_group(name: str) -> State:  # noqa: ARG001  (the same signature as for a user)
    """Return what a package's group is assumed to be: there, without listed members, its number unknown."""
    return {"exists": True, "gid": UNKNOWN, "members": ()}
