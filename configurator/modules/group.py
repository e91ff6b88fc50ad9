"""group: a group of the host's own /etc/group exists with its number, or does not.

Parameters are those of ansible.builtin.group; `local` is accepted and means nothing, since only local groups
are managed. `gid_min` and `gid_max` bound the number of a new group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules.account_files import group_by_gid, group_state, holding, user_with
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class GroupParams:
    """The parameters of ansible.builtin.group."""

    name: str = param("str", required=True)
    gid: int | None = param("int")
    state: str = param("str", "present", choices=("present", "absent"))
    system: bool = param("bool", False)
    local: bool = param("bool", False)
    non_unique: bool = param("bool", False)
    force: bool = param("bool", False)
    gid_min: int | None = param("int")
    gid_max: int | None = param("int")


class Group(Module[GroupParams]):
    """Keeps a group and its number."""

    name = "group"
    params = GroupParams
    typical_s: ClassVar[float] = 0.1

    def check(self, params: GroupParams) -> Sequence[ParamProblem]:
        """Return a name that would break the file, and combinations that mean nothing."""
        problems = check_account_name(params.name, "name")
        if params.non_unique and params.gid is None:
            problems.append(ParamProblem("non_unique", "'non_unique' needs 'gid'"))
        return problems

    def subject(self, params: GroupParams) -> str:
        """Return the group's key."""
        return f"group:{params.name}"

    def effects(self, params: GroupParams) -> Effects:
        """The group, in files that all accounts share."""
        return effects(reads={"path:/etc/login.defs"}, writes={f"group:{params.name}"})

    def locks(self, params: GroupParams) -> frozenset[str]:  # noqa: ARG002
        """The tools of passwd(1) lock the files and fail at once where they are locked."""
        return frozenset({"accounts"})

    def observe(self, system: System, params: GroupParams) -> State:
        """Return the group's number and members; refuse in the plan already what cannot work."""
        state = group_state(system, params.name)
        if params.state == "absent" and state["exists"] and not params.force and state["gid"] is not UNKNOWN:
            user = user_with(system, "gid", state["gid"])
            if user is not None:
                raise TaskError(
                    f"group {params.name!r} is the primary group of user {user!r}",
                    hint="give the user another group, or remove it, first",
                )
        if params.gid is not None and not params.non_unique and state.get("gid") != params.gid:
            holder = group_by_gid(system, params.gid)
            if holder not in (None, params.name) and params.state == "present":
                raise TaskError(
                    f"the number {params.gid} is that of group {holder!r}",
                    hint="`non_unique: true` permits that",
                )
        return state

    def desired(self, params: GroupParams, actual: State) -> State:  # noqa: ARG002
        """Return existence, and the number if one is asked for."""
        if params.state == "absent":
            return {"exists": False}
        return {"exists": True} | ({} if params.gid is None else {"gid": params.gid})

    def converge(self, system: System, params: GroupParams, change: Change) -> None:
        """Create, change or remove the group."""
        key = f"group:{params.name}"
        if params.state == "absent":
            argv = ["groupdel", *(["--force"] if params.force else []), params.name]
            _run(system, argv, {key: {"exists": False}})
            return
        options = [] if params.gid is None else ["--gid", str(params.gid)]
        held = holding("gid", params.gid, params.name)
        options += ["--non-unique"] if params.non_unique else []
        if change.before["exists"]:
            after = dict(change.before) | {"gid": params.gid}
            _run(system, ["groupmod", *options, params.name], {key: after, **held})
            return
        options += ["--system"] if params.system else []
        for name, value in (("GID_MIN", params.gid_min), ("GID_MAX", params.gid_max)):
            options += [] if value is None else ["--key", f"{name}={value}"]
        number = UNKNOWN if params.gid is None else params.gid
        after = {"exists": True, "gid": number, "members": ()}
        _run(system, ["groupadd", *options, params.name], {key: after, **held})

    def outputs(self, params: GroupParams, actual: State) -> dict[str, object]:
        """Return name, number and state, as Ansible does."""
        gid = actual.get("gid")
        known = {"gid": gid} if isinstance(gid, int) else {}
        return {"name": params.name, "state": params.state, "system": params.system} | known


def _run(system: System, argv: Sequence[str], establishes: dict[str, State | None]) -> None:
    done = system.run(argv, establishes=establishes, ok=tuple(range(256)))
    if done.exit_status != 0:
        said = done.stderr.strip().splitlines()
        raise TaskError(
            said[-1].partition(": ")[2] if said else f"{argv[0]} gave no reason",
            command=done.argv,
            exit_status=done.exit_status,
            output=done.stderr,
        )


def check_account_name(name: str, field: str) -> list[ParamProblem]:
    """Return a problem if the name cannot stand in passwd(5), or would be taken for an option."""
    if not name or name.startswith("-") or set(name) & set(":,/ \t\n\r\0"):
        return [ParamProblem(field, f"{name!r} is not the name of an account")]
    return []
