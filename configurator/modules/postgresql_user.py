"""postgresql_user: a role of a PostgreSQL server exists with its attributes and password, or does not.

Parameters are those of community.postgresql.postgresql_user. A password is compared with the hash that the
server keeps (SCRAM-SHA-256 or md5) and is hashed before it is sent, so that no log of the server has it; ""
takes the password away. `expires` means what the server's time zone makes of it. As root, the work is done as
the account `postgres`; `become_user: postgres` does as well.

Otherwise than in Ansible: a role that owns something is no failure of the statement but of the plan, and is
kept with `fail_on_user: false`; `login_db` need not be named; `configuration` keeps other settings unless
`reset_unspecified_configuration` is true, and no value in it may end the statement. `trust_input` means
nothing: all names are quoted. Facts: CREATE ROLE, pg_roles, pg_authid in PostgreSQL's manual.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.pg_sql import identifier, is_password, literal, new_hash
from configurator.modules.postgresql import (
    FLAGS,
    READS,
    PostgresqlLogin,
    Server,
    check_login,
    check_name,
    connect,
    database_state,
    role_key,
    role_state,
    touched_key,
)
from configurator.modules.state import UNKNOWN, Change, SecretValue, State
from configurator.modules.system import System

_OWNED = """
SELECT DISTINCT coalesce(d.datname, o.datname) AS name FROM pg_shdepend p
LEFT JOIN pg_database d ON d.oid = p.dbid
LEFT JOIN pg_database o ON p.dbid = 0 AND p.classid = 'pg_database'::regclass AND o.oid = p.objid
WHERE p.refclassid = 'pg_authid'::regclass AND p.deptype IN ('o', 'a', 'r')
  AND p.refobjid = (SELECT oid FROM pg_roles WHERE rolname = {})"""


@dataclass(frozen=True, slots=True)
class PostgresqlUserParams(PostgresqlLogin):
    """The parameters of community.postgresql.postgresql_user."""

    name: str = param("str", required=True, aliases=("user",))
    password: str | None = param("str", secret=True)
    state: str = param("str", "present", choices=("present", "absent"))
    login_db: str = param("str", "postgres", aliases=("db",))
    fail_on_user: bool = param("bool", True, aliases=("fail_on_role",))
    role_attr_flags: tuple[str, ...] = param("list")
    encrypted: bool = param("bool", True)
    expires: str | None = param("str")
    conn_limit: int | None = param("int")
    no_password_changes: bool = param("bool", False)
    comment: str | None = param("str")
    configuration: dict[str, Any] = param("dict", {})
    quote_configuration_values: bool = param("bool", True)
    reset_unspecified_configuration: bool = param("bool", False)

    @property
    def flags(self) -> dict[str, bool]:
        """The attributes that are asked for."""
        words = [word.strip().lower() for word in self.role_attr_flags if word.strip()]
        return {word if word in FLAGS else word.removeprefix("no"): word in FLAGS for word in words}

    @property
    def settings(self) -> dict[str, str]:
        """The configuration as the catalogue has it."""
        words = {True: "on", False: "off"}
        return {
            name.lower(): words[value] if isinstance(value, bool) else str(value)
            for name, value in self.configuration.items()
        }


class PostgresqlUser(Module[PostgresqlUserParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "postgresql_user"
    params: ClassVar[type] = PostgresqlUserParams
    typical_s: ClassVar[float] = 0.2

    def check(self, params: PostgresqlUserParams) -> Sequence[ParamProblem]:
        problems = check_login(params) + check_name("name", params.name)
        for word in params.flags:
            if word not in FLAGS:
                problems.append(
                    ParamProblem(
                        "role_attr_flags",
                        f"{word.upper()!r} is no attribute of a role",
                        did_you_mean(word.upper(), [name.upper() for name in FLAGS]),
                    )
                )
        if not params.encrypted:
            problems.append(ParamProblem("encrypted", "a server keeps no passwords as text since version 10"))
        for name, value in params.settings.items():
            if not re.fullmatch(r"[a-z_][a-z0-9_$.]*", name):
                problems.append(ParamProblem("configuration", f"{name!r} is not the name of a setting"))
            if "\0" in value or (not params.quote_configuration_values and set(value) & set(";\n")):
                problems.append(ParamProblem("configuration", f"{name}: more than a value"))
        if any("\0" in (text or "") for text in (params.password, params.comment, params.expires)):
            problems.append(ParamProblem("", "no text may have a zero byte"))
        return problems

    def subject(self, params: PostgresqlUserParams) -> str:
        return role_key(params, params.name)

    def effects(self, params: PostgresqlUserParams) -> Effects:
        """The role; what is to go waits for the databases and privileges that earlier tasks change."""
        before = {"postgresql_db:**", "postgresql_privs:**"} if params.state == "absent" else set()
        return effects(reads=READS | before, writes={self.subject(params)})

    def locks(self, params: PostgresqlUserParams) -> frozenset[str]:
        return params.locks

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: PostgresqlUserParams) -> State:
        server = connect(system, params, params.login_db)
        state = role_state(system, params, server, params.name)
        if params.state == "absent":
            return state | {"kept": state["exists"] and self._kept(system, params, server)}
        if params.expires is not None:
            state["expires at"] = _moment(server, params.expires)
        compared = params.password is not None and not params.no_password_changes
        if compared and state["exists"] and "password" not in state:
            state["password"] = _stored(server, params.name)
        return state

    def _kept(self, system: System, params: PostgresqlUserParams, server: Server | None) -> Any:
        """Return True for a role that has to stay, UNKNOWN if earlier tasks may free it, or refuse."""
        rows = server.rows(_OWNED.format(literal(params.name))) if server is not None else []
        held = []
        for row in rows:
            name = row["name"]
            if name is None:
                held.append("the server")
                continue
            if system.lookup(touched_key(params, name), lambda: {"exists": False})["exists"]:
                return UNKNOWN
            if database_state(system, params, server, name)["exists"]:
                held.append(f"database {name!r}")
        if not held:
            return False
        message = f"the role {params.name!r} owns things or has privileges in {', '.join(sorted(held))}"
        if params.fail_on_user:
            raise TaskError(
                message,
                hint="REASSIGN OWNED and DROP OWNED free it; `fail_on_user: false` keeps it and goes on",
            )
        system.notice(f"{message}: it is kept")
        return True

    def desired(self, params: PostgresqlUserParams, actual: State) -> State:
        if params.state == "absent":
            return {"exists": UNKNOWN if actual["kept"] is UNKNOWN else actual["kept"]}
        wanted: State = {"exists": True, **params.flags}
        if params.conn_limit is not None:
            wanted["conn_limit"] = params.conn_limit
        if params.expires is not None:
            wanted["expires"] = actual["expires at"]
        if params.comment is not None:
            wanted["comment"] = params.comment or None
        if params.configuration or params.reset_unspecified_configuration:
            kept = {} if params.reset_unspecified_configuration else actual.get("configuration", {})
            wanted["configuration"] = kept | params.settings
        if params.password is not None and not (params.no_password_changes and actual["exists"]):
            stored = actual.get("password", SecretValue(None))
            same = actual["exists"] and is_password(stored.value, params.password, params.name)
            wanted["password"] = stored if same else SecretValue(params.password)
        return wanted

    def converge(self, system: System, params: PostgresqlUserParams, change: Change) -> None:
        server = connect(system, params, params.login_db)
        key, name = self.subject(params), identifier(params.name)
        if params.state == "absent":
            self._execute(system, server, [f"DROP ROLE {name}"], {key: {"exists": False}})
            return
        new = not change.before["exists"]
        before = dict(change.before)
        if new:
            before = {flag: default for flag, (_, default) in FLAGS.items()}
            before |= {"conn_limit": -1, "expires": "infinity", "comment": None, "configuration": {}}
        after = before | {field: change.after[field] for field in change.fields}
        words = [
            flag.upper() if after[flag] else f"NO{flag.upper()}"
            for flag in FLAGS
            if (new and flag == "login") or flag in change
        ]
        if "conn_limit" in change:
            words.append(f"CONNECTION LIMIT {params.conn_limit}")
        if "expires" in change:
            words.append(f"VALID UNTIL {literal(str(params.expires))}")
        if "password" in change:
            method = _method(server)
            hashed = new_hash(params.password, params.name, method) if params.password else None
            after["password"] = SecretValue(hashed)
            words.append(f"PASSWORD {literal(hashed) if hashed else 'NULL'}")
        statements = [f"{'CREATE' if new else 'ALTER'} ROLE {name} WITH {' '.join(words)}"] if words else []
        if "comment" in change:
            statements.append(f"COMMENT ON ROLE {name} IS {literal(params.comment or '')}")
        if "configuration" in change:
            statements += _settings(params, before["configuration"], change.after["configuration"])
        self._execute(system, server, statements, {key: after})

    def _execute(
        self, system: System, server: Server | None, statements: Sequence[str], after: dict[str, State | None]
    ) -> None:
        if server is None:  # in a plan alone
            system.run(["psql"], establishes=after)
        else:
            server.execute(statements, after)

    def outputs(self, params: PostgresqlUserParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return the role's name, as Ansible does."""
        return {"user": params.name}


def _moment(server: Server | None, text: str) -> Any:
    """Return a point in time as the catalogue has it."""
    if server is None:
        return UNKNOWN
    return server.rows(f"SELECT ({literal(text)}::timestamptz AT TIME ZONE 'UTC')::text AS moment")[0][
        "moment"
    ]


def _method(server: Server | None) -> str:
    if server is None:
        return "scram-sha-256"
    return str(server.rows("SELECT current_setting('password_encryption') AS method")[0]["method"])


def _stored(server: Server | None, name: str) -> SecretValue:
    if server is None:
        return SecretValue(None)
    readable = server.rows("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS yes")[0]["yes"]
    if not readable:
        raise TaskError(
            f"the password of role {name!r} cannot be compared: only a superuser may read pg_authid",
            hint="`login_user` must be a superuser, or `no_password_changes: true` leaves the password alone",
        )
    rows = server.rows("SELECT rolname, rolpassword FROM pg_authid")
    return SecretValue(next((row["rolpassword"] for row in rows if row["rolname"] == name), None))


def _settings(params: PostgresqlUserParams, before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the statements that make one configuration of the other."""
    name = identifier(params.name)
    gone = [f"ALTER ROLE {name} RESET {_setting(key)}" for key in before if key not in after]
    quoted = params.quote_configuration_values
    return gone + [
        f"ALTER ROLE {name} SET {_setting(key)} TO {literal(value) if quoted else value}"
        for key, value in after.items()
        if before.get(key) != value
    ]


def _setting(name: str) -> str:
    """Return a setting's name; the words between dots are names of their own."""
    return ".".join(identifier(word) for word in name.split("."))
