"""postgresql_privs: roles have privileges on things of a PostgreSQL database, or have them not.

Parameters are those of community.postgresql.postgresql_privs. What is held is read from the catalogue, with
what owners and PUBLIC have by default; what is missing is granted, and what is there revoked, no more. `ALL`
is what the server has for the kind of thing. With `type: group`, `objs` are roles that `roles` become members
of. As root, the work is done as the account `postgres`; `become_user: postgres` does as well.

Otherwise than in Ansible: privileges on columns and on parameters of the server are not here; functions are
named with their argument types as pg_get_function_identity_arguments has them (`add(integer:integer)`, or
`add(a integer:b integer)` where the arguments have names). `trust_input` means nothing: all names are quoted.
Facts: GRANT, ALTER DEFAULT PRIVILEGES, aclexplode in PostgreSQL's manual.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import pg_privs
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.pg_privs import DEFAULTS, KINDS, PUBLIC
from configurator.modules.pg_sql import identifier
from configurator.modules.postgresql import (
    READS,
    PostgresqlLogin,
    Server,
    check_login,
    check_name,
    connect,
    database_key,
    database_server,
    role_key,
    role_state,
    touched_key,
)
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_PRIVILEGES = (
    "ALL", "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN", "USAGE",
    "CREATE", "CONNECT", "TEMPORARY", "EXECUTE",
)  # fmt: skip
_SPOKEN = {"ALL PRIVILEGES": "ALL", "TEMP": "TEMPORARY"}
_ALL_IN_SCHEMA = "ALL_IN_SCHEMA"
_SHARED = frozenset({"database", "tablespace"})  # known to all databases of the server


@dataclass(frozen=True, slots=True)
class PostgresqlPrivsParams(PostgresqlLogin):
    """The parameters of community.postgresql.postgresql_privs."""

    login_db: str = param("str", required=True, aliases=("database", "db"))
    state: str = param("str", "present", choices=("present", "absent"))
    privs: tuple[str, ...] = param("list", aliases=("priv",))
    type: str = param("str", "table", choices=(*KINDS, "group", "default_privs"))
    objs: tuple[str, ...] = param("list", aliases=("obj",))
    schema: str | None = param("str")
    roles: tuple[str, ...] = param("list", required=True, aliases=("role",))
    target_roles: tuple[str, ...] = param("list")
    grant_option: bool | None = param("bool", aliases=("admin_option",))
    fail_on_role: bool = param("bool", True)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The privileges in the words of the catalogue."""
        words = (" ".join(word.upper().split()) for word in self.privs)
        return tuple(dict.fromkeys(_SPOKEN.get(word, word) for word in words))

    @property
    def space(self) -> str | None:
        """The schema that the things are in."""
        if self.type in KINDS and KINDS[self.type].schemas:
            return self.schema or "public"
        return self.schema

    @property
    def things(self) -> tuple[str, ...]:
        """What the task is about, as it is named."""
        if self.type == "default_privs":
            named = tuple(name.upper() for name in self.objs)
            return ("TABLES", "SEQUENCES", "FUNCTIONS", "TYPES") if "ALL_DEFAULT" in named else named
        return self.objs or ((self.login_db,) if self.type == "database" else ())

    @property
    def place(self) -> str:
        """The beginning of the keys of the privileges."""
        place = "" if self.type in (*_SHARED, "group") else f"{self.login_db}/"
        return f"postgresql_privs:{self.server}{place}{self.type}/"


@dataclass(frozen=True, slots=True)
class Item:
    """What one role holds on one thing; `owner` is whose things the default is about."""

    thing: str
    role: str
    owner: str = ""


class PostgresqlPrivs(Module[PostgresqlPrivsParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "postgresql_privs"
    params: ClassVar[type] = PostgresqlPrivsParams
    typical_s: ClassVar[float] = 0.2

    def check(self, params: PostgresqlPrivsParams) -> Sequence[ParamProblem]:
        problems = check_login(params) + check_name("login_db", params.login_db)
        problems += check_name("schema", params.schema)
        for field in ("roles", "target_roles", "objs"):
            for name in getattr(params, field):
                problems += check_name(field, None if field == "objs" and "(" in name else name)
        if not params.things:
            problems.append(ParamProblem("objs", f"'type: {params.type}' needs 'objs'"))
        if params.type == "group":
            if params.privs:
                problems.append(ParamProblem("privs", "a membership has no privileges: leave 'privs' out"))
        elif not params.privs:
            problems.append(ParamProblem("privs", f"'type: {params.type}' needs 'privs'"))
        for word in params.wanted:
            if word not in _PRIVILEGES:
                problems.append(
                    ParamProblem("privs", f"{word!r} is no privilege", did_you_mean(word, _PRIVILEGES))
                )
        with_schema = params.type == "default_privs" or (params.type in KINDS and KINDS[params.type].schemas)
        if params.schema is not None and not with_schema:
            problems.append(ParamProblem("schema", f"a {params.type} is in no schema"))
        if params.target_roles and params.type != "default_privs":
            problems.append(ParamProblem("target_roles", "'target_roles' needs 'type: default_privs'"))
        if params.type == "default_privs":
            problems += [
                ParamProblem(
                    "objs", f"{name!r} have no defaults", f"one of {', '.join(DEFAULTS)}, ALL_DEFAULT"
                )
                for name in params.things
                if name not in DEFAULTS
            ]
        elif params.type in ("function", "procedure"):
            problems += [
                ParamProblem("objs", f"{name!r} has no argument types", f"such as {name}(integer:text)")
                for name in params.things
                if name != _ALL_IN_SCHEMA and not (name.endswith(")") and "(" in name)
            ]
        return problems

    def subject(self, params: PostgresqlPrivsParams) -> str:
        return f"{params.place}{params.things[0]}"

    def effects(self, params: PostgresqlPrivsParams) -> Effects:
        """Privileges; roles, the database and its extensions are there before."""
        names = (*params.roles, *params.target_roles, *(params.things if params.type == "group" else ()))
        roles = {role_key(params, name) for name in names if name.upper() != PUBLIC}
        database = database_key(params, params.login_db)
        extensions = f"postgresql_ext:{params.server}{params.login_db}/**"
        return effects(reads=READS | roles | {database, extensions}, writes={f"{params.place}**"})

    def locks(self, params: PostgresqlPrivsParams) -> frozenset[str]:
        return params.locks

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: PostgresqlPrivsParams) -> State:
        server = _server(system, params)
        state: State = {"items": {}, "all": ()}
        if params.type not in ("group", "default_privs"):
            state["all"] = pg_privs.all_of(server, params.type)
        for item in self._items(system, params, server):
            key = self._key(params, item)
            found = system.lookup(key, partial(_probe, system, params, server, item))
            state["items"][key] = item
            state[f"{key}|privileges"] = found["held"]
            if params.type == "default_privs":
                state["all"] = {
                    **(state["all"] or {}),
                    item.thing: pg_privs.all_of(server, DEFAULTS[item.thing]),
                }
        return state

    def _items(self, system: System, params: PostgresqlPrivsParams, server: Server | None) -> Iterator[Item]:
        """Yield all pairs of things and roles; refuse those that are not there."""
        roles = [role for role in params.roles if self._is_role(system, params, server, role)]
        owners = [""]
        if params.type == "default_privs":
            owners = list(params.target_roles) or [params.session_role or params.login_user]
            owners = [name for name in owners if self._is_role(system, params, server, name)]
        for thing in self._things(system, params, server):
            for owner in owners:
                for role in roles:
                    yield Item(thing, PUBLIC if role.upper() == PUBLIC else role, owner)

    def _is_role(
        self, system: System, params: PostgresqlPrivsParams, server: Server | None, name: str
    ) -> bool:
        if name.upper() == PUBLIC or role_state(system, params, server, name)["exists"]:
            return True
        message = f"the role {name!r} does not exist"
        # Who is not there has no privileges.
        if params.fail_on_role and params.state == "present":
            raise TaskError(
                message, hint="make it first, with postgresql_user; `fail_on_role: false` goes on"
            )
        if params.state == "present":
            system.notice(message)
        return False

    def _things(self, system: System, params: PostgresqlPrivsParams, server: Server | None) -> Sequence[str]:
        if params.type == "group":
            return [name for name in params.things if self._is_role(system, params, server, name)]
        if params.type == "default_privs" or server is None:
            return [name for name in params.things if name != _ALL_IN_SCHEMA]
        there = pg_privs.held_on(server, params.type, params.space)
        if _ALL_IN_SCHEMA in params.things:
            return sorted(there)
        for name in params.things:
            if name not in there and not _planned(system, params, name):
                where = f" in schema {params.space!r}" if params.space else ""
                raise TaskError(
                    f"there is no {params.type} {name!r}{where} of database {params.login_db!r}",
                    hint=did_you_mean(name, there),
                )
        return params.things

    def desired(self, params: PostgresqlPrivsParams, actual: State) -> State:
        wanted: State = {}
        for key, item in actual["items"].items():
            held = actual[f"{key}|privileges"]
            wanted[f"{key}|privileges"] = (
                UNKNOWN if held is UNKNOWN else self._wanted(params, actual, item, held)
            )
        return wanted

    def _wanted(
        self, params: PostgresqlPrivsParams, actual: State, item: Item, held: Sequence[str]
    ) -> Sequence[str]:
        names: Sequence[str] = params.wanted
        if params.type == "group":
            names = ("MEMBER",)
        elif "ALL" in names:
            names = actual["all"][item.thing] if params.type == "default_privs" else actual["all"]
        if params.state == "absent":
            return pg_privs.without(held, names)
        # PUBLIC can hand nothing on.
        option = None if item.role == PUBLIC else params.grant_option
        return pg_privs.with_(held, names, grantable=option)

    def converge(self, system: System, params: PostgresqlPrivsParams, change: Change) -> None:
        """Grant and revoke, all of it or nothing."""
        server = _server(system, params)
        statements: list[str] = []
        after: dict[str, State | None] = {}
        for key, item in change.before["items"].items():
            field = f"{key}|privileges"
            if field not in change:
                continue
            held, wanted = change.before[field], change.after[field]
            after[key] = {"exists": True, "held": wanted}
            if held is not UNKNOWN:
                steps = pg_privs.steps(held, wanted)
                statements += [self._statement(params, item, step) for step in steps]
        after[touched_key(params, params.login_db)] = {"exists": True}
        if server is None:  # in a plan alone
            system.run(["psql"], establishes=after)
        else:
            server.execute(statements, after)

    def _statement(self, params: PostgresqlPrivsParams, item: Item, step: tuple[str, list[str], bool]) -> str:
        if params.type == "group":
            return _membership(item, step)
        if params.type == "default_privs":
            inside = "" if params.schema is None else f" IN SCHEMA {identifier(params.schema)}"
            return f"ALTER DEFAULT PRIVILEGES FOR ROLE {identifier(item.owner)}{inside} " + pg_privs.sentence(
                step, item.thing, item.role
            )
        return pg_privs.sentence(step, pg_privs.target(params.type, item.thing, params.space), item.role)

    def _key(self, params: PostgresqlPrivsParams, item: Item) -> str:
        words = [item.owner, params.space or "", item.thing, item.role]
        return params.place + "/".join(word for word in words if word)

    def outputs(self, params: PostgresqlPrivsParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing of its own."""
        return {}


def _server(system: System, params: PostgresqlPrivsParams) -> Server | None:
    if params.type in (*_SHARED, "group"):
        return connect(system, params, "postgres" if params.login_user == "postgres" else params.login_db)
    return database_server(system, params, params.login_db)


def _planned(system: System, params: PostgresqlPrivsParams, name: str) -> bool:
    """Return True for a database that an earlier task of the plan makes."""
    key = database_key(params, name)
    return params.type == "database" and bool(system.lookup(key, lambda: {"exists": False})["exists"])


def _probe(system: System, params: PostgresqlPrivsParams, server: Server | None, item: Item) -> State:
    if server is None:
        return {"exists": True, "held": _fresh(params, item)}
    if params.type == "group":
        return {"exists": True, "held": _members(server, item)}
    if params.type == "default_privs":
        held = pg_privs.held_by_default(server, item.thing, item.owner, params.schema)
    else:
        there = pg_privs.held_on(server, params.type, params.space)
        held = there[item.thing] if item.thing in there else _new_database(system, params, item)
    return {"exists": True, "held": held.get(item.role, ())}


def _new_database(system: System, params: PostgresqlPrivsParams, item: Item) -> dict[str, tuple[str, ...]]:
    """Return what roles hold on a database that only the plan has made."""
    owner = system.lookup(database_key(params, item.thing), lambda: {"exists": False}).get("owner")
    owned = {owner: pg_privs.PRESUMED["database"]} if isinstance(owner, str) else {}
    return {PUBLIC: ("CONNECT", "TEMPORARY"), **owned}


def _fresh(params: PostgresqlPrivsParams, item: Item) -> Any:
    """Return what a role holds in a database that is not there yet; in PUBLIC's case versions differ."""
    if item.role == PUBLIC or params.type in ("table", "sequence", "function", "procedure", "type"):
        return UNKNOWN
    return ()


def _members(server: Server, item: Item) -> tuple[str, ...]:
    rows = server.rows(
        "SELECT g.rolname AS role, m.rolname AS member, bool_or(a.admin_option) AS admin"
        " FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member"
        " GROUP BY 1, 2"
    )
    for row in rows:
        if (row["role"], row["member"]) == (item.thing, item.role):
            return pg_privs.joined({"MEMBER": row["admin"]})
    return ()


def _membership(item: Item, step: tuple[str, list[str], bool]) -> str:
    verb, _, option = step
    group, member = identifier(item.thing), identifier(item.role)
    if verb == "GRANT":
        return f"GRANT {group} TO {member}{' WITH ADMIN OPTION' if option else ''}"
    return f"REVOKE {'' if verb == 'REVOKE' else 'ADMIN OPTION FOR '}{group} FROM {member}"
