"""getent: entries of a name service database have been looked up, and are returned.

Parameters are those of ansible.builtin.getent; the entries come as `ansible_facts.getent_DATABASE`. Each
entry's first field is its key, the others are a list; a key that stands there several times has a list of
such lists. One getent(1) is all that runs. In a plan a single user or group is as the tasks before will have
left it; a whole database is as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.effects import Effects, effects
from configurator.modules.looking import Looking
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.state import UNKNOWN, State
from configurator.modules.system import CommandResult, System

_COLONS = frozenset({"passwd", "shadow", "group", "gshadow"})  # the others are split at blanks
_KNOWN = (
    *("ahosts", "ahostsv4", "ahostsv6", "aliases", "ethers", "group", "gshadow", "hosts", "initgroups"),
    *("netgroup", "networks", "passwd", "protocols", "rpc", "services", "shadow"),
)
_NO_DATABASE, _NO_KEY, _NO_LIST = 1, 2, 3  # getent(1), EXIT STATUS
_NAMESPACES = {"passwd": "user", "group": "group"}


@dataclass(frozen=True, slots=True)
class GetentParams:
    """The parameters of ansible.builtin.getent."""

    database: str = param("str", required=True)
    key: str = param("str", "")
    service: str | None = param("str")
    split: str | None = param("str")
    fail_key: bool = param("bool", True)

    @property
    def separator(self) -> str | None:
        """What parts the fields; None for blanks."""
        return self.split or (":" if self.database in _COLONS else None)


class Getent(Looking):
    """Returns what the host's name services answer."""

    name: ClassVar[str] = "getent"
    params: ClassVar[type] = GetentParams

    def check(self, params: GetentParams) -> Sequence[ParamProblem]:
        """Return words that getent would take for options."""
        return [
            ParamProblem(field, f"{field!r} must not begin with `-`")
            for field in ("database", "key", "service")
            if (getattr(params, field) or "").startswith("-")
        ]

    def subject(self, params: GetentParams) -> str:
        return f"getent:{params.database}/{params.key}"

    def effects(self, params: GetentParams) -> Effects:
        """Users and groups are what tasks before may have made."""
        kind = _NAMESPACES.get(params.database)
        reads = {"path:/etc/nsswitch.conf", f"path:/etc/{params.database}"}
        return effects(reads=reads | ({f"{kind}:{params.key or '**'}"} if kind else set()))

    def observe(self, system: System, params: GetentParams) -> State:
        """Return the entries; TaskError for a database that nobody knows, or a key that is missing."""
        planned = _planned(system, params)
        if planned is not None:
            return {"entries": {params.key: planned}}
        words = [*(["-s", params.service] if params.service else []), params.database]
        answer = system.query(["getent", *words, *([params.key] if params.key else [])], ok=range(128))
        if answer.exit_status == 0:
            return {"entries": entries(answer.stdout, params.separator)}
        if answer.exit_status == _NO_KEY and not params.fail_key:
            return {"entries": {params.key: None}}
        raise _refused(answer, params)

    def facts(self, params: GetentParams) -> Sequence[str]:
        return (f"getent_{params.database}",)

    def outputs(self, params: GetentParams, actual: State) -> dict[str, Any]:
        """Return the entries as Ansible's fact."""
        return {"ansible_facts": {f"getent_{params.database}": actual["entries"]}} if actual else {}


def entries(text: str, separator: str | None) -> dict[str, Any]:
    """Return the fields of each line by the first of them."""
    found: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        fields = line.split(separator)
        if fields:
            found.setdefault(fields[0], []).append(fields[1:])
    return {key: lines[0] if len(lines) == 1 else lines for key, lines in found.items()}


def _planned(system: System, params: GetentParams) -> list[str] | None:
    """Return the user or group that an earlier task of a plan makes or changes; None if none does."""
    kind = _NAMESPACES.get(params.database)
    if kind is None or not params.key or params.service:
        return None
    state = system.lookup(f"{kind}:{params.key}", lambda: {"exists": None})
    if not state["exists"]:
        return None
    names = ("uid", "gid", "comment", "home", "shell") if kind == "user" else ("gid", "members")
    values = [state.get(name, "") for name in names]
    shown = ["" if value is UNKNOWN else value for value in values]
    return ["x", *(",".join(value) if isinstance(value, tuple) else str(value) for value in shown)]


def _refused(answer: CommandResult, params: GetentParams) -> TaskError:
    hint = None
    message = (
        f"getent: {answer.stderr.strip().splitlines()[0] if answer.stderr.strip() else 'it gave no reason'}"
    )
    if answer.exit_status == _NO_DATABASE:
        message = f"there is no database {params.database!r}"
        hint = did_you_mean(params.database, _KNOWN) or f"one of {', '.join(_KNOWN)}"
    elif answer.exit_status == _NO_KEY:
        message = f"{params.key!r} is not in {params.database}"
        hint = "`fail_key: false` returns it without a value instead"
    elif answer.exit_status == _NO_LIST:
        message = f"{params.database} cannot be listed whole"
        hint = "give `key`"
    return TaskError(
        message, command=answer.argv, exit_status=answer.exit_status, output=answer.stderr, hint=hint
    )
