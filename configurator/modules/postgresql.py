"""A PostgreSQL server as its own client sees it: psql(1) reads the catalogue, and is handed the statements.

Nothing but the names of files is on a command line: statements go to standard input, and how to log in is in
the environment. As root, and without a server, a password or another user being named, psql runs as the
account `postgres`, whom Debian's pg_hba.conf lets in through the socket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.core.errors import TaskError
from configurator.modules.params import ParamProblem, param
from configurator.modules.pg_sql import identifier
from configurator.modules.state import State
from configurator.modules.system import CommandResult, System

MISSING_PROGRAM = 127  # System.query
_ANY = tuple(range(256))
# Without PAM, which would note a session in the logs for each look.
_AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--")
_PACKAGES = ("postgresql", "postgresql-common", "postgresql-client-common")
READS = frozenset(
    {"package:postgresql", "unit:postgresql.service", "path:/usr/bin/psql", "path:/etc/postgresql/**"}
)
# libpq's keywords and its variables for them (libpq, "Environment Variables").
_VARIABLES = {
    "application_name": "PGAPPNAME", "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT", "gssencmode": "PGGSSENCMODE", "hostaddr": "PGHOSTADDR",
    "options": "PGOPTIONS", "passfile": "PGPASSFILE", "requirepeer": "PGREQUIREPEER",
    "service": "PGSERVICE", "sslcert": "PGSSLCERT", "sslcrl": "PGSSLCRL", "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "target_session_attrs": "PGTARGETSESSIONATTRS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PostgresqlLogin:
    """How to reach the server: parameters that all modules of community.postgresql have."""

    login_host: str = param("str", "", aliases=("host",))
    login_port: int = param("int", 5432, aliases=("port",))
    login_unix_socket: str = param("str", "", aliases=("unix_socket",))
    login_user: str = param("str", "postgres", aliases=("login",))
    login_password: str | None = param("str", secret=True)
    session_role: str | None = param("str")
    ssl_mode: str = param(
        "str", "prefer", choices=("allow", "disable", "prefer", "require", "verify-ca", "verify-full")
    )
    ca_cert: str | None = param("str", aliases=("ssl_rootcert",))
    ssl_cert: str | None = param("str")
    ssl_key: str | None = param("str")
    connect_params: dict[str, Any] = param("dict", {})
    trust_input: bool = param("bool", True)

    @property
    def host(self) -> str:
        """The server's name, or the socket's directory; "" is the usual socket."""
        return self.login_unix_socket if self.login_host in ("", "localhost") else self.login_host

    @property
    def server(self) -> str:
        """What tells this server from others in effect keys; nothing for the host's own."""
        if not self.host and self.login_port == 5432:
            return ""
        return f"{self.host or 'local'}:{self.login_port}/"

    @property
    def locks(self) -> frozenset[str]:
        """Statements about one thing of the catalogue fail where they meet."""
        return frozenset({"postgresql"})


def check_login(params: PostgresqlLogin) -> list[ParamProblem]:
    """Return what libpq would not know, and names that SQL cannot have."""
    unknown = sorted(set(params.connect_params) - set(_VARIABLES))
    problems = [
        ParamProblem(
            "connect_params", f"{name!r} cannot be handed over to psql", f"one of {', '.join(_VARIABLES)}"
        )
        for name in unknown
    ]
    return problems + check_name("session_role", params.session_role)


def check_name(field: str, name: str | None) -> list[ParamProblem]:
    """Return a problem if the server could not keep the name (63 bytes), which it would cut off silently."""
    if name is None or (name and "\0" not in name and len(name.encode()) <= 63):
        return []
    return [ParamProblem(field, f"{name!r} is no name of 1 to 63 bytes")]


class Server:
    """One database of a server, through psql."""

    def __init__(self, system: System, login: PostgresqlLogin, database: str) -> None:
        self._system = system
        self._login = login
        self._database = database
        self._key = f"postgresql:{login.server}{database}/{login.login_user}/{login.session_role}"

    def rows(self, select: str) -> list[Any]:
        """Return what a statement selects, a JSON value a row; asked once until something changes."""
        return self._system.recall(f"{self._key}\n{select}", lambda: self._select(select))

    def _select(self, select: str) -> list[Any]:
        import json  # noqa: PLC0415

        words = f"SELECT to_jsonb(q) FROM ({select}) q;"  # noqa: S608  (each value in it is quoted)
        done = self._system.query(self._argv(), ok=_ANY, stdin=self._session(words), env=self._environment())
        self._succeeded(done)
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def execute(self, statements: Sequence[str], establishes: Mapping[str, State | None]) -> None:
        """Have statements done, all or none of them if there are several."""
        words = [f"{statement};" for statement in statements]
        if len(words) > 1:
            words = ["BEGIN;", *words, "COMMIT;"]
        done = self._system.run(
            self._argv(),
            stdin=self._session("\n".join(words)),
            env=self._environment(),
            establishes=establishes,
            ok=_ANY,
        )
        self._succeeded(done)

    def _session(self, statements: str) -> str:
        role = self._login.session_role
        return (f"SET ROLE {identifier(role)};\n" if role else "") + f"{statements}\n"

    def _argv(self) -> list[str]:
        login = self._login
        ours = not login.login_host and login.login_password is None and login.login_user == "postgres"
        become = list(_AS_POSTGRES) if ours and self._system.fact("user_id") == "root" else []
        return [*become, "psql", "--no-psqlrc", "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1"]

    def _environment(self) -> dict[str, str]:
        login = self._login
        found = {
            "PGDATABASE": self._database, "PGUSER": login.login_user, "PGPORT": str(login.login_port),
            "PGHOST": login.host, "PGPASSWORD": login.login_password, "PGSSLMODE": login.ssl_mode,
            "PGSSLROOTCERT": login.ca_cert, "PGSSLCERT": login.ssl_cert, "PGSSLKEY": login.ssl_key,
            "PGCLIENTENCODING": "UTF8", "PGDATESTYLE": "ISO", "PGCONNECT_TIMEOUT": "15",
        }  # fmt: skip
        found |= {_VARIABLES[name]: str(value) for name, value in login.connect_params.items()}
        return {name: value for name, value in found.items() if value}

    def _succeeded(self, done: CommandResult) -> None:
        if done.exit_status == 0:
            return
        said = [
            line for line in done.stderr.splitlines() if not line.startswith("could not change directory")
        ]
        message = re.sub(
            r"^(psql: |psql:<stdin>:\d+: )?(error: |ERROR:\s+|FATAL:\s+)?", "", said[0] if said else ""
        )
        raise TaskError(
            f"PostgreSQL: {message or 'psql gave no reason'}",
            command=done.argv,
            exit_status=done.exit_status,
            output="\n".join(said[1:]),
            hint=_hint("\n".join(said)),
        )


def _hint(said: str) -> str | None:
    for part, hint in (
        ("eer authentication failed", "name the account with `become_user`, or give `login_password`"),
        ("password authentication failed", "`login_user` and `login_password` must be right"),
        ("no password supplied", "give `login_password`"),
        (
            "Is the server running",
            "start it (`systemd: {name: postgresql, state: started}`), or name its port",
        ),
        ("failed to parse reuid", "the package postgresql brings the account"),
        ("permission denied", "`login_user` must be allowed to: a superuser is"),
        ("must be ", "`login_user` must be allowed to: a superuser is"),
        ("being accessed by other users", "`force: true` ends their sessions"),
        ("incompatible with the encoding of the template", "`template: template0` fits any encoding"),
        ("incompatible with the collation of the template", "`template: template0` fits any collation"),
        ("No space left", "there is no space left"),
    ):
        if part in said:
            return hint
    return None


def connect(system: System, login: PostgresqlLogin, database: str) -> Server | None:
    """Return the server; None where a plan has yet to install it, so that it is empty."""
    if system.query(["psql", "--version"], ok=_ANY).exit_status != MISSING_PROGRAM:
        return Server(system, login, database)
    if any(system.lookup(f"package:{name}", lambda: {"exists": False}).get("exists") for name in _PACKAGES):
        return None
    raise TaskError(
        "psql is not installed on the host",
        hint="install it first: `apt: {name: postgresql}`, or postgresql-client for a server elsewhere",
    )


# -- roles and databases, which all of the modules know of ------------------------------------------------

_ROLES = """
SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolcanlogin, rolreplication, rolbypassrls,
  rolconnlimit, rolconfig, shobj_description(oid, 'pg_authid') AS comment,
  (coalesce(rolvaliduntil, 'infinity') AT TIME ZONE 'UTC')::text AS expires
FROM pg_roles"""
_DATABASES = """
SELECT to_jsonb(d) - 'datacl' - 'datfrozenxid' - 'datminmxid' AS row,
  pg_encoding_to_char(encoding) AS encoding,
  r.rolname AS owner, t.spcname AS tablespace, shobj_description(d.oid, 'pg_database') AS comment
FROM pg_database d LEFT JOIN pg_roles r ON r.oid = datdba
  LEFT JOIN pg_tablespace t ON t.oid = dattablespace"""
# Attributes of a role by their words in SQL, with what a new one has.
FLAGS = {
    "superuser": ("rolsuper", False), "createrole": ("rolcreaterole", False),
    "createdb": ("rolcreatedb", False), "inherit": ("rolinherit", True), "login": ("rolcanlogin", True),
    "replication": ("rolreplication", False), "bypassrls": ("rolbypassrls", False),
}  # fmt: skip


def role_key(login: PostgresqlLogin, name: str) -> str:
    """Return the effect key of a role."""
    return f"postgresql_role:{login.server}{name}"


def database_key(login: PostgresqlLogin, name: str) -> str:
    """Return the effect key of a database."""
    return f"postgresql_db:{login.server}{name}"


def touched_key(login: PostgresqlLogin, database: str) -> str:
    """Return the key that says that a task of a plan has changed privileges in a database."""
    return f"{database_key(login, database)}|privileges"


def role_state(system: System, login: PostgresqlLogin, server: Server | None, name: str) -> State:
    """Return a role, in a plan as it will be: flags, `conn_limit`, `expires`, `comment`, `configuration`."""

    def probe() -> State:
        rows = server.rows(_ROLES) if server is not None else []
        row = next((row for row in rows if row["rolname"] == name), None)
        if row is None:
            return {"exists": server is None and name == "postgres"}
        settings = (entry.partition("=") for entry in row["rolconfig"] or ())
        return {
            "exists": True,
            **{flag: row[column] for flag, (column, _) in FLAGS.items()},
            "conn_limit": row["rolconnlimit"],
            "expires": row["expires"],
            "comment": row["comment"],
            "configuration": {key.lower(): value for key, _, value in settings},
        }

    return system.lookup(role_key(login, name), probe)


def database_state(system: System, login: PostgresqlLogin, server: Server | None, name: str) -> State:
    """Return a database; `fresh` is True for one that only a plan has made."""

    def probe() -> State:
        rows = server.rows(_DATABASES) if server is not None else []
        found = next((row for row in rows if row["row"]["datname"] == name), None)
        if found is None:
            there = server is None and name in ("postgres", "template0", "template1")
            return {"exists": True, "fresh": True} if there else {"exists": False}
        row = found["row"]
        return {
            "exists": True,
            "owner": found["owner"],
            "encoding": found["encoding"],
            "lc_collate": row["datcollate"],
            "lc_ctype": row["datctype"],
            "icu_locale": row.get("daticulocale", row.get("datlocale")),
            "locale_provider": {"i": "icu", "b": "builtin"}.get(row.get("datlocprovider"), "libc"),
            "conn_limit": row["datconnlimit"],
            "tablespace": found["tablespace"],
            "comment": found["comment"],
        }

    return system.lookup(database_key(login, name), probe)


def need_role(system: System, login: PostgresqlLogin, server: Server | None, name: str) -> None:
    """Refuse a role that is not there, in the plan already."""
    if not role_state(system, login, server, name)["exists"]:
        raise TaskError(f"the role {name!r} does not exist", hint="make it first, with postgresql_user")


def database_server(system: System, login: PostgresqlLogin, name: str) -> Server | None:
    """Return the connection to a database; None where only the plan has made it. TaskError without it."""
    server = connect(system, login, "postgres" if login.login_user == "postgres" else name)
    state = database_state(system, login, server, name)
    if not state["exists"]:
        raise TaskError(f"the database {name!r} does not exist", hint="make it first, with postgresql_db")
    return None if state.get("fresh") or server is None else Server(system, login, name)
