"""user: an account of the host's own /etc/passwd is as asked for, with its home, groups, password and key.

Parameters are those of ansible.builtin.user. Left out: `authorization`, `hidden`, `login_class`, `profile`,
`role` (other systems), `seuser` (SELinux). `local` is accepted and means nothing: only local accounts are
managed. Differences, on purpose:
- password hashes and passphrases never stand on a command line.
- `remove` keeps a home that belongs to another user or holds another user's home, as userdel(8) does.
- an empty password is refused: anybody could log in with it.
- a name that we are logged in by cannot be removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import user_home, user_key
from configurator.modules.account_files import (
    group_by_gid,
    group_state,
    user_state,
    user_with,
    useradd_default,
)
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, parent_keys
from configurator.modules.group import check_account_name
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, SecretValue, State
from configurator.modules.system import System
from configurator.modules.user_commands import UserCommands

_NOT_GIVEN = ("\0",)  # a list that was given empty means something: no groups
_DAY_S = 86400
_ACCOUNT_FILES = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")


@dataclass(frozen=True, slots=True)
class UserParams:
    """The parameters of ansible.builtin.user."""

    name: str = param("str", required=True, aliases=("user",))
    state: str = param("str", "present", choices=("present", "absent"))
    uid: int | None = param("int")
    non_unique: bool = param("bool", False)
    group: str | None = param("str")
    groups: tuple[str, ...] = param("list", _NOT_GIVEN)
    append: bool = param("bool", False)
    comment: str | None = param("str")
    home: str | None = param("str")
    create_home: bool = param("bool", True, aliases=("createhome",))
    move_home: bool = param("bool", False)
    skeleton: str | None = param("str")
    umask: str | None = param("mode")
    shell: str | None = param("str")
    system: bool = param("bool", False)
    password: str | None = param("str", secret=True)
    update_password: str = param("str", "always", choices=("always", "on_create"))
    password_lock: bool | None = param("bool")
    password_expire_max: int | None = param("int")
    password_expire_min: int | None = param("int")
    password_expire_warn: int | None = param("int")
    password_expire_account_disable: int | None = param("int")
    expires: float | None = param("float")
    remove: bool = param("bool", False)
    force: bool = param("bool", False)
    local: bool = param("bool", False)
    uid_min: int | None = param("int")
    uid_max: int | None = param("int")
    generate_ssh_key: bool = param("bool", False)
    ssh_key_bits: int | None = param("int")
    ssh_key_type: str = param("str", "rsa")
    ssh_key_file: str | None = param("str")
    ssh_key_comment: str | None = param("str")
    ssh_key_passphrase: str | None = param("str", secret=True)

    @property
    def wanted_groups(self) -> tuple[str, ...] | None:
        """The supplementary groups asked for; None if they are to stay as they are."""
        return None if self.groups == _NOT_GIVEN else self.groups

    @property
    def expires_day(self) -> int | None:
        """The day on which the account ends, counted from the epoch; None for never."""
        return None if self.expires is None or self.expires < 0 else int(self.expires // _DAY_S)


class User(Module[UserParams]):
    """Keeps an account with all that useradd(8), usermod(8), chage(1) and ssh-keygen(1) make of it."""

    name = "user"
    params = UserParams
    omitted: ClassVar[Mapping[str, str]] = {
        "authorization": "Solaris",
        "hidden": "macOS",
        "login_class": "BSD",
        "profile": "Solaris",
        "role": "Solaris",
    }
    typical_s: ClassVar[float] = 0.3

    def check(self, params: UserParams) -> Sequence[ParamProblem]:
        """Return values that would break the account files, and combinations that mean nothing."""
        problems = check_account_name(params.name, "name")
        for field in ("comment", "home", "shell"):
            value = getattr(params, field)
            if value is not None and set(value) & set(":\n\0"):
                problems.append(ParamProblem(field, f"{field!r} must hold no colon and no line break"))
        if params.password is not None and (not params.password or set(params.password) & set(":\n\0")):
            problems.append(
                ParamProblem(
                    "password",
                    "'password' must be a hash: neither empty, nor with a colon or a line break",
                    "`'*'` forbids logging in by password",
                )
            )
        if params.home is not None and not params.home.startswith("/"):
            problems.append(ParamProblem("home", f"must be an absolute path, not {params.home!r}"))
        if params.append and params.wanted_groups is None:
            problems.append(ParamProblem("append", "'append' needs 'groups'"))
        if params.non_unique and params.uid is None:
            problems.append(ParamProblem("non_unique", "'non_unique' needs 'uid'"))
        if params.umask is not None and not params.umask.isdigit():
            problems.append(
                ParamProblem("umask", f"must be octal digits such as '077', not {params.umask!r}")
            )
        return problems

    def subject(self, params: UserParams) -> str:
        """Return the user's key."""
        return f"user:{params.name}"

    def effects(self, params: UserParams) -> Effects:
        """The account, the group that comes with it, and its home."""
        named = [name for name in (params.group, *(params.wanted_groups or ())) if name]
        home = params.home or f"/home/{params.name}"
        writes = {f"user:{params.name}"}
        if params.create_home or params.move_home or params.remove or params.generate_ssh_key:
            writes |= {f"path:{home}", f"path:{home}/**"}
        if params.group is None or params.state == "absent":
            writes.add(f"group:{params.name}")
        reads = {f"group:{name}" for name in named} | {"path:/etc/skel/**", "path:/etc/login.defs"}
        if params.shell:
            reads.add(f"path:{params.shell}")
        makes = parent_keys(home) if f"path:{home}" in writes else ()
        return effects(reads=reads, writes=writes, makes=makes)

    def locks(self, params: UserParams) -> frozenset[str]:  # noqa: ARG002
        """The tools of passwd(1) lock the files and fail at once where they are locked."""
        return frozenset({"accounts"})

    def guard(self, params: UserParams, system: System) -> Guard | None:
        """Return how to undo a change of the account that we log in by."""
        return Guard(saves=_ACCOUNT_FILES) if params.name == system.fact("login_user") else None

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: UserParams) -> State:
        """Return the account (modules/shapes.py), its home and its key."""
        state = user_state(system, params.name)
        state["wanted_group"] = None if params.group is None else _group_name(system, params.group)
        state["asked_groups"] = tuple(_group_name(system, group) for group in params.wanted_groups or ())
        default = f"{useradd_default(system, 'HOME', '/home')}/{params.name}"
        state["wanted_home"] = params.home or state.get("home") or default
        _look_at_password(system, params, state)
        if params.state == "absent":
            if state["exists"] and params.name == system.fact("login_user"):
                raise TaskError(f"{params.name!r} is the account that we are logged in by: it is not removed")
            return state
        _refuse_taken_number(system, params, state)
        home = state["wanted_home"]
        # The home of an account that a package is going to bring is the package's affair.
        there = home is UNKNOWN or system.stat(home, follow=True) is not None
        state["home directory"] = "present" if there else None
        if params.generate_ssh_key:
            state |= user_key.observe(system, params, str(state["wanted_home"]))
        return state

    def desired(self, params: UserParams, actual: State) -> State:
        """Return what was asked for; what was not given is as it is."""
        if params.state == "absent":
            return {"exists": False}
        wanted: State = {"exists": True}
        created = not actual["exists"]
        wanted |= {
            field: value
            for field, value in (
                ("uid", params.uid),
                ("group", actual["wanted_group"]),
                ("comment", params.comment),
                ("home", actual["wanted_home"] if created else params.home),
                ("shell", params.shell),
                ("min", params.password_expire_min),
                ("max", params.password_expire_max),
                ("warn", params.password_expire_warn),
                ("inactive", params.password_expire_account_disable),
                ("locked", params.password_lock),
            )
            if value is not None
        }
        for field in ("min", "max", "warn", "inactive"):
            if wanted.get(field, 0) < 0:  # chage(1): -1 removes the field
                wanted[field] = None
        if params.expires is not None:
            wanted["expires"] = params.expires_day
        if params.wanted_groups is not None:
            wanted["groups"] = _wanted_groups(params, actual)
        if params.password is not None and (created or params.update_password == "always"):  # noqa: S105
            wanted["password"] = SecretValue(params.password.lstrip("!"))
        if params.create_home:
            wanted["home directory"] = "present"
        if params.generate_ssh_key:
            wanted["ssh key"] = "present"
        return wanted

    def compare(self, params: UserParams, actual: State, wanted: State) -> Change:
        """Compare hashes without the mark of a locked password, which is a field of its own."""
        hashed = actual.get("password")
        if isinstance(hashed, SecretValue):
            actual = actual | {"password": SecretValue(str(hashed.value).lstrip("!"))}
        return super().compare(params, actual, wanted)

    def converge(self, system: System, params: UserParams, change: Change) -> None:
        """Create or change the account, then its home, then its key."""
        commands = UserCommands(system, params.name, change.before)
        if params.state == "absent":
            home = str(change.before["home"])
            commands.delete(force=params.force)
            if params.remove:
                user_home.remove(system, params.name, home, change.before["uid"])
            return
        if "exists" in change:
            _create(commands, system, params, change)
        else:
            _modify(commands, params, change)
        _set_password(commands, params, change)
        now = user_state(system, params.name)
        if "home directory" in change and system.stat(str(now["home"])) is None:
            user_home.create(system, params.name, now, skeleton=params.skeleton, umask=params.umask)
        if "ssh key" in change:
            user_key.generate(system, params, now)

    def outputs(self, params: UserParams, actual: State) -> dict[str, object]:
        """Return the account's fields, and the public key that was made, as Ansible does."""
        fields = (
            "uid",
            "home",
            "shell",
            "comment",
            "ssh_key_file",
            "ssh_public_key",
            "ssh_fingerprint",
        )
        known = {field: actual[field] for field in fields if isinstance(actual.get(field), (str, int))}
        told = {"name": params.name, "state": params.state, "append": params.append, "system": params.system}
        told |= {"create_home": params.create_home, "move_home": params.move_home}
        # The number of the primary group is called `group`.
        told |= {"group": actual["gid"]} if isinstance(actual.get("gid"), int) else {}
        told |= {"groups": ",".join(actual["asked_groups"])} if actual.get("asked_groups") else {}
        return told | known


def _group_name(system: System, word: str) -> str:
    """Return the group that a name or number means; ParameterError if there is none."""
    if group_state(system, word)["exists"]:
        return word
    named = group_by_gid(system, int(word)) if word.isdigit() else None
    if named is None:
        raise ParameterError(
            f"group {word!r} does not exist", hint="make it in an earlier task: `group: {name: ...}`"
        )
    return named


def _refuse_taken_number(system: System, params: UserParams, state: State) -> None:
    if params.uid is None or params.non_unique or state.get("uid") == params.uid:
        return
    holder = user_with(system, "uid", params.uid)
    if holder not in (None, params.name):
        raise TaskError(
            f"the number {params.uid} is that of user {holder!r}", hint="`non_unique: true` permits that"
        )


def _wanted_groups(params: UserParams, actual: State) -> tuple[str, ...]:
    asked = set(actual["asked_groups"])
    if params.append:
        return tuple(sorted(asked | set(actual.get("groups", ()))))
    primary = actual["wanted_group"] or actual.get("group")
    return tuple(sorted(asked - {primary}))


def _look_at_password(system: System, params: UserParams, state: State) -> None:
    """Warn of a password that is no hash; refuse to unlock what cannot be unlocked."""
    if params.password is not None and not looks_hashed(params.password):
        system.notice("the password looks like clear text: it must be a hash, see crypt(5)")
    unlocking = state["exists"] and state.get("locked") and params.password_lock is False
    if unlocking and params.password is None and not str(state["password"].value).lstrip("!"):
        raise TaskError(
            f"{params.name!r} has no password that could be unlocked", hint="give `password` as well"
        )


def looks_hashed(password: str) -> bool:
    """Return True for what crypt(5) makes, and for the marks `*` and `!` that forbid a password."""
    bare = password.lstrip("!")
    if bare in ("", "*") or bare.startswith("*"):
        return True
    if bare.startswith("$"):
        return bare.count("$") >= 3
    traditional = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./")
    return len(bare) == 13 and set(bare) <= traditional


def _create(commands: UserCommands, system: System, params: UserParams, change: Change) -> None:
    wanted = change.after
    options = ["--no-create-home", "--home-dir", str(wanted["home"])]
    for field, option in (("uid", "--uid"), ("comment", "--comment"), ("shell", "--shell")):
        if field in wanted:
            options += [option, str(wanted[field])]
    options += ["--non-unique"] if params.non_unique else []
    options += ["--system"] if params.system else []
    for key, value in (("UID_MIN", params.uid_min), ("UID_MAX", params.uid_max)):
        options += [] if value is None else ["--key", f"{key}={value}"]
    group, own_group = wanted.get("group"), False
    if group is not None:
        options += ["--gid", str(group)]
    elif group_state(system, params.name)["exists"]:
        options.append("--no-user-group")  # as in Ansible: the group of that name is not taken over
        gid = useradd_default(system, "GROUP", "100")
        group = group_by_gid(system, int(gid)) if gid.isdigit() else gid
    else:
        group, own_group = params.name, True
    groups = wanted.get("groups", ())
    options += ["--groups", ",".join(groups)] if groups else []
    shell = wanted.get("shell") or useradd_default(system, "SHELL", "/bin/sh")
    commands.create(
        options,
        own_group=own_group,
        fields={
            "uid": wanted.get("uid", UNKNOWN),
            "gid": UNKNOWN,
            "group": group,
            "groups": groups,
            "comment": wanted.get("comment", ""),
            "home": wanted["home"],
            "shell": shell,
        },
    )
    commands.age(change, ("min", "max", "warn", "inactive", "expires"))


def _modify(commands: UserCommands, params: UserParams, change: Change) -> None:
    options: list[str] = []
    fields: State = {}
    for field, option in (
        ("uid", "--uid"),
        ("group", "--gid"),
        ("comment", "--comment"),
        ("shell", "--shell"),
        ("home", "--home"),
    ):
        if field in change:
            fields[field] = change.after[field]
            options += [option, str(change.after[field])]
    if "groups" in change:
        fields["groups"] = change.after["groups"]
        options += ["--groups", ",".join(change.after["groups"])]
    options += ["--non-unique"] if params.non_unique and "uid" in change else []
    moving = params.move_home and "home" in change
    options += ["--move-home"] if moving else []
    if options:
        commands.modify(options, fields, moved_from=str(change.before["home"]) if moving else None)
    commands.age(change, ("min", "max", "warn", "inactive", "expires"))


def _set_password(commands: UserCommands, params: UserParams, change: Change) -> None:
    """Set the hash and the lock: a locked password is a hash with a mark before it (shadow(5))."""
    if "password" in change and params.password is not None:
        keep = change.before.get("locked") is True and change.before["exists"]
        locked = params.password_lock if params.password_lock is not None else params.password.startswith("!")
        if params.password_lock is None and keep and str(change.before["password"].value).lstrip("!"):
            locked = True  # an account locked by hand stays locked when its hash changes
        bare = params.password.lstrip("!")
        commands.set_hash(("!" if locked or not bare else "") + bare)
    elif "locked" in change:
        commands.lock(bool(params.password_lock))
