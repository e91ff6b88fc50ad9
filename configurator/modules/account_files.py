"""Users and groups by the files that define them: passwd(5), shadow(5), group(5), login.defs(5).

Only the host's own files count: what other sources of nsswitch.conf(5) add (LDAP, systemd) cannot be changed
by useradd(8) and its kin.
"""

from __future__ import annotations

from typing import Any

from configurator.modules.state import SecretValue, State
from configurator.modules.system import System

_SHADOW = "/etc/shadow"
_USERADD = "/etc/default/useradd"
_LOGIN_DEFS = "/etc/login.defs"


def user_state(system: System, name: str) -> State:
    """Return the state of a user, as an earlier task of a plan would have left it; see modules/shapes.py."""
    return system.lookup(f"user:{name}", lambda: _probe_user(system, name))


def group_state(system: System, name: str) -> State:
    """Return the state of a group, as an earlier task of a plan would have left it; see modules/shapes.py."""
    return system.lookup(f"group:{name}", lambda: _probe_group(system, name))


def _probe_user(system: System, name: str) -> State:
    entry = find_entry(_read(system, "/etc/passwd"), name, 7)
    if entry is None:
        return {"exists": False}
    groups = parse_groups(_read(system, "/etc/group"))
    primary = next((group for group, (gid, _) in groups.items() if gid == int(entry[3])), entry[3])
    supplementary = tuple(sorted(group for group, (_, members) in groups.items() if name in members))
    state = {
        "exists": True,
        "uid": int(entry[2]),
        "gid": int(entry[3]),
        "group": primary,
        "groups": supplementary,
        "comment": entry[4],
        "home": entry[5],
        "shell": entry[6],
    }
    return state | _shadow_fields(system, name, entry[1])


def _shadow_fields(system: System, name: str, second_field: str) -> State:
    entry = find_entry(_read(system, _SHADOW), name, 9)
    # `x` in passwd(5) means shadow(5); without an entry there nobody can log in by password.
    hashed = {"x": "!"}.get(second_field, second_field)
    words = entry[1:] if entry is not None else [hashed, *[""] * 7]
    return {
        "password": SecretValue(words[0]),
        "locked": words[0].startswith("!"),
        "min": _days(words[2]),
        "max": _days(words[3]),
        "warn": _days(words[4]),
        "inactive": _days(words[5]),
        "expires": _days(words[6]),
    }


def _days(text: str) -> int | None:
    """Return a number of days; an empty field and chage(1)'s -1 both mean that there is none."""
    return int(text) if text.isdigit() else None


def _probe_group(system: System, name: str) -> State:
    found = parse_groups(_read(system, "/etc/group")).get(name)
    if found is None:
        return {"exists": False}
    return {"exists": True, "gid": found[0], "members": found[1]}


def find_entry(text: str, name: str, fields: int) -> list[str] | None:
    """Return the fields of the first line for `name`, padded to `fields`; None if there is none."""
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            entry = line.split(":")
            return entry + [""] * (fields - len(entry))
    return None


def parse_groups(text: str) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return gid and listed members by group name, from the text of /etc/group."""
    groups: dict[str, tuple[int, tuple[str, ...]]] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and fields[2].isdigit():
            members = tuple(sorted(member for member in fields[3].split(",") if member))
            groups.setdefault(fields[0], (int(fields[2]), members))
    return groups


def group_by_gid(system: System, gid: int) -> str | None:
    """Return the name of the group with this number, or None; in a plan, as earlier tasks leave it."""
    planned = _planned_holder(system, "group", "gid", gid)
    if planned is not None:
        return planned
    for name, (number, _) in parse_groups(_read(system, "/etc/group")).items():
        if number == gid:
            state = group_state(system, name)
            if state["exists"] and state["gid"] == gid:
                return name
    return None


def user_with(system: System, field: str, number: int) -> str | None:
    """Return a user whose `uid` or `gid` is this number, or None; in a plan, as earlier tasks leave it."""
    planned = _planned_holder(system, "user", field, number) if field == "uid" else None
    if planned is not None:
        return planned
    for line in _read(system, "/etc/passwd").splitlines():
        entry = line.split(":")
        if len(entry) >= 7 and _numbers(system, entry).get(field) == number:
            return entry[0]
    return None


def _numbers(system: System, entry: list[str]) -> State:
    """Return the numbers of a line of passwd(5), or those that the plan has given to the account."""
    there = {"exists": True, "uid": _number(entry[2]), "gid": _number(entry[3])}
    state = system.lookup(f"user:{entry[0]}", lambda: there)
    return state if state["exists"] else {}


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def holding(field: str, number: object, name: str) -> dict[str, State | None]:
    """Return what a command establishes that gives a `uid` or `gid` to an account."""
    return {f"{field}:{number}": {"exists": True, "name": name}} if isinstance(number, int) else {}


def _planned_holder(system: System, kind: str, field: str, number: int) -> str | None:
    """Return to whom the plan has given a number, unless it has taken it away again."""
    holder = system.lookup(f"{field}:{number}", lambda: {"exists": None})
    if not holder["exists"]:
        return None
    state = system.lookup(f"{kind}:{holder['name']}", lambda: {"exists": False})
    return str(holder["name"]) if state["exists"] and state.get(field) == number else None


def homes(system: System) -> dict[str, str]:
    """Return every user's home by name."""
    entries = (line.split(":") for line in _read(system, "/etc/passwd").splitlines())
    return {entry[0]: entry[5] for entry in entries if len(entry) >= 7}


def home_of(system: System, name: str) -> Any:
    """Return a user's home, UNKNOWN before its package is there, or None without such a user.

    Needs no right to read /etc/shadow, unlike `user_state`.
    """
    state = system.lookup(f"user:{name}", lambda: _probe_home(system, name))
    return state["home"] if state["exists"] else None


def _probe_home(system: System, name: str) -> State:
    entry = find_entry(_read(system, "/etc/passwd"), name, 7)
    return {"exists": False} if entry is None else {"exists": True, "home": entry[5]}


def useradd_default(system: System, key: str, fallback: str) -> str:
    """Return a default of useradd(8), as /etc/default/useradd says it."""
    return _setting(_read(system, _USERADD), key, "=") or fallback


def login_definition(system: System, key: str) -> str | None:
    """Return a setting of login.defs(5), or None if it is not set."""
    return _setting(_read(system, _LOGIN_DEFS), key, None)


def _setting(text: str, key: str, separator: str | None) -> str | None:
    found = None
    for line in text.splitlines():
        words = line.strip().split(separator, 1)
        if len(words) == 2 and words[0].strip() == key:
            found = words[1].strip()
    return found


def _read(system: System, path: str) -> str:
    if system.stat(path, follow=True) is None:
        return ""
    return system.read(path).decode(errors="replace")
