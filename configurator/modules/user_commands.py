"""The commands that change an account, and the state that each of them establishes."""

from __future__ import annotations

from collections.abc import Sequence

from configurator.core.errors import TaskError
from configurator.modules.account_files import group_state, holding, login_definition
from configurator.modules.state import UNKNOWN, Change, SecretValue, State
from configurator.modules.system import System

# Field of shadow(5) -> option of chage(1), which counts days; -1 empties the field.
_AGES = {
    "min": "--mindays",
    "max": "--maxdays",
    "warn": "--warndays",
    "inactive": "--inactive",
    "expires": "--expiredate",
}
# login.defs(5): what a new account gets.
_DEFAULTS = {"min": "PASS_MIN_DAYS", "max": "PASS_MAX_DAYS", "warn": "PASS_WARN_AGE"}
# What useradd(8) exits with, where its own words leave something open.
_HINTS = {
    4: "another account has this number; `non_unique: true` permits that",
    8: "the user is logged in or has processes running; `force: true` removes the account all the same",
    9: "a group of this name exists: give `group`",
}
_DERIVED = ("wanted_group", "asked_groups", "wanted_home", "home directory", "ssh key")


def _days(system: System, key: str) -> int | None:
    value = login_definition(system, key)
    return int(value) if value is not None and value.isdigit() else None


class UserCommands:
    """Runs useradd, usermod, chage, chpasswd and userdel for one account, and keeps track of its state."""

    def __init__(self, system: System, name: str, before: State) -> None:
        self._system = system
        self._name = name
        self._state = {key: value for key, value in before.items() if key not in _DERIVED}

    def create(self, options: Sequence[str], *, own_group: bool, fields: State) -> None:
        """Add the account without a home; `own_group` tells that a group of its name comes with it."""
        # useradd(8): a system account has no ages.
        defaults = {} if "--system" in options else _DEFAULTS
        ages: State = dict.fromkeys(_DEFAULTS) | {
            field: _days(self._system, key) for field, key in defaults.items()
        }
        ages |= {"inactive": None, "expires": None}
        self._state = {"exists": True, "password": SecretValue("!"), "locked": True, **ages, **fields}
        also = self._members_after(())
        if own_group:
            also[f"group:{self._name}"] = {"exists": True, "gid": fields["uid"], "members": ()}
            also |= holding("gid", fields["uid"], self._name)
        self._run(["useradd", *options, self._name], also)

    def modify(self, options: Sequence[str], fields: State, *, moved_from: str | None) -> None:
        """Change the account; `moved_from` is the old home if its content goes along."""
        before = tuple(self._state.get("groups", ()))
        self._state |= fields
        if "group" in fields:
            self._state["gid"] = UNKNOWN
        also = self._members_after(before)
        if moved_from is not None:
            new = {"exists": True, "kind": "directory", "mode": "0755", "owner": self._name}
            also[f"path:{fields['home']}"] = new | {"group": self._state["group"]}
            also[f"path:{moved_from}"] = {"exists": False}
        self._run(["usermod", *options, self._name], also)

    def age(self, change: Change, fields: Sequence[str]) -> None:
        """Set the ages of password and account that differ."""
        options: list[str] = []
        for field in fields:
            if field in change:
                value = change.after[field]
                self._state[field] = value
                options += [_AGES[field], "-1" if value is None else str(value)]
        if options:
            self._run(["chage", *options, self._name], {})

    def set_hash(self, hashed: str) -> None:
        """Set the hash through standard input, where no process list shows it."""
        self._state |= {"password": SecretValue(hashed), "locked": hashed.startswith("!")}
        self._run(["chpasswd", "--encrypted"], {}, stdin=f"{self._name}:{hashed}\n")

    def lock(self, locked: bool) -> None:
        """Put the mark of a locked password before the hash, or take it away."""
        hashed = str(self._state["password"].value).lstrip("!")
        self._state |= {"password": SecretValue(("!" if locked else "") + hashed), "locked": locked}
        self._run(["usermod", "--lock" if locked else "--unlock", self._name], {})

    def delete(self, *, force: bool) -> None:
        """Remove the account; its own group goes along if nobody else is in it (userdel(8))."""
        before = tuple(self._state.get("groups", ()))
        self._state = {"exists": False}
        also = self._members_after(before)
        own = group_state(self._system, self._name)
        if own["exists"] and not set(own["members"]) - {self._name}:
            also[f"group:{self._name}"] = {"exists": False}
        self._run(["userdel", *(["--force"] if force else []), self._name], also)

    def _members_after(self, before: Sequence[str]) -> dict[str, State | None]:
        """Return the groups whose lists of members change with the account's groups."""
        after = set(self._state.get("groups", ()))
        found: dict[str, State | None] = {}
        for group in sorted(after ^ set(before)):
            state = group_state(self._system, group)
            if not state["exists"]:
                continue
            members = set(state["members"]) - {self._name} | ({self._name} if group in after else set())
            found[f"group:{group}"] = state | {"members": tuple(sorted(members))}
        return found

    def _run(self, argv: Sequence[str], also: dict[str, State | None], stdin: str | None = None) -> None:
        held = holding("uid", self._state.get("uid"), self._name)
        establishes = {f"user:{self._name}": dict(self._state), **held, **also}
        done = self._system.run(argv, establishes=establishes, stdin=stdin, ok=tuple(range(256)))
        if done.exit_status == 0:
            return
        said = [line for line in done.stderr.strip().splitlines() if line]
        message = said[-1].partition(": ")[2] or said[-1] if said else f"{argv[0]} gave no reason"
        hint = _HINTS.get(done.exit_status)
        raise TaskError(
            message, command=done.argv, exit_status=done.exit_status, output=done.stderr, hint=hint
        )
