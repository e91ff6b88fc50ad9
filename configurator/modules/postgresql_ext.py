"""postgresql_ext: an extension is in a database, in its version and schema, or is not.

Parameters are those of community.postgresql.postgresql_ext. `version: latest` is the server's default
version. An extension that the server does not have is a failure, in the plan already. As root, the work is
done as the account `postgres`; `become_user: postgres` does as well.

Otherwise than in Ansible: nothing is asked to be trusted (`trust_input` means nothing), since all names are
quoted. Facts: CREATE EXTENSION, pg_available_extensions in PostgreSQL's manual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.pg_sql import identifier, literal
from configurator.modules.postgresql import (
    READS,
    PostgresqlLogin,
    Server,
    check_login,
    check_name,
    database_key,
    database_server,
)
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_INSTALLED = """
SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema,
  obj_description(e.oid, 'pg_extension') AS comment
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"""
_AVAILABLE = """
SELECT x.default_version AS latest, current_setting('server_version_num')::int / 10000 AS server,
  (SELECT jsonb_agg(v.version) FROM pg_available_extension_versions v WHERE v.name = x.name) AS versions
FROM (SELECT 1) one LEFT JOIN pg_available_extensions x ON x.name = {}"""


@dataclass(frozen=True, slots=True)
class PostgresqlExtParams(PostgresqlLogin):
    """The parameters of community.postgresql.postgresql_ext."""

    name: str = param("str", required=True, aliases=("ext",))
    login_db: str = param("str", "postgres", aliases=("db",))
    schema: str | None = param("str")
    version: str | None = param("str")
    state: str = param("str", "present", choices=("present", "absent"))
    cascade: bool = param("bool", False)
    comment: str | None = param("str")


class PostgresqlExt(Module[PostgresqlExtParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "postgresql_ext"
    params: ClassVar[type] = PostgresqlExtParams
    typical_s: ClassVar[float] = 0.3

    def check(self, params: PostgresqlExtParams) -> Sequence[ParamProblem]:
        problems = check_login(params)
        for field in ("name", "schema", "login_db", "version"):
            problems += check_name(field, getattr(params, field))
        if "\0" in (params.comment or ""):
            problems.append(ParamProblem("comment", "no text may have a zero byte"))
        return problems

    def subject(self, params: PostgresqlExtParams) -> str:
        return f"postgresql_ext:{params.server}{params.login_db}/{params.name}"

    def effects(self, params: PostgresqlExtParams) -> Effects:
        """The extension, in a database; packages bring its files."""
        files = "path:/usr/share/postgresql/**"
        return effects(
            reads=READS | {files, database_key(params, params.login_db)}, writes={self.subject(params)}
        )

    def locks(self, params: PostgresqlExtParams) -> frozenset[str]:
        return params.locks

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: PostgresqlExtParams) -> State:
        server = database_server(system, params, params.login_db)

        def probe() -> State:
            rows = server.rows(_INSTALLED) if server is not None else []
            found = next((row for row in rows if row["name"] == params.name), None)
            if found is None and server is None and params.name == "plpgsql":  # template1 has it
                found = {"version": UNKNOWN, "schema": "pg_catalog", "comment": UNKNOWN}
            return {"exists": False} if found is None else {"exists": True, **found}

        state = system.lookup(self.subject(params), probe)
        if params.state == "present":
            state["latest"] = self._latest(system, params, server, state)
        return state

    def _latest(
        self, system: System, params: PostgresqlExtParams, server: Server | None, state: State
    ) -> Any:
        """Return the default version; refuse an extension and a version that the server does not have."""
        if server is None:
            return UNKNOWN
        found = server.rows(_AVAILABLE.format(literal(params.name)))[0]
        if found["latest"] is None:
            if state["exists"]:
                return state["version"]
            path = f"/usr/share/postgresql/{found['server']}/extension/{params.name}.control"
            try:
                system.read(path)  # in a plan, a package may be about to bring it
            except TaskError:
                raise TaskError(
                    f"the server has no extension {params.name!r}",
                    hint=f"a package may bring it: postgresql-{found['server']}-...",
                ) from None
            return UNKNOWN
        if params.version not in (None, "latest", state.get("version"), *found["versions"]):
            raise TaskError(
                f"the extension {params.name!r} has no version {params.version!r}",
                hint=f"the server has {', '.join(sorted(found['versions']))}",
            )
        return found["latest"]

    def desired(self, params: PostgresqlExtParams, actual: State) -> State:
        if params.state == "absent":
            return {"exists": False}
        wanted: State = {"exists": True}
        if params.version is not None:
            wanted["version"] = actual["latest"] if params.version == "latest" else params.version
        if params.schema is not None:
            wanted["schema"] = params.schema
        if params.comment is not None:
            wanted["comment"] = params.comment or None
        return wanted

    def converge(self, system: System, params: PostgresqlExtParams, change: Change) -> None:
        name, key = identifier(params.name), self.subject(params)
        cascade = " CASCADE" if params.cascade else ""
        after: State = {"exists": False}
        if params.state == "absent":
            statements = [f"DROP EXTENSION {name}{cascade}"]
        else:
            new = not change.before["exists"]
            version = change.after.get("version")
            after = {"version": change.before["latest"], "schema": UNKNOWN, "comment": UNKNOWN} if new else {}
            after |= {k: v for k, v in change.before.items() if k != "latest"} | change.after
            statements = _create(params, name, version, cascade) if new else _alter(params, name, change)
            if "comment" in change:
                statements.append(f"COMMENT ON EXTENSION {name} IS {literal(params.comment or '')}")
        server = database_server(system, params, params.login_db)
        if server is None:  # in a plan alone
            system.run(["psql"], establishes={key: after})
        else:
            server.execute(statements, {key: after})

    def outputs(self, params: PostgresqlExtParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return the extension's name."""
        return {"ext": params.name}


def _create(params: PostgresqlExtParams, name: str, version: Any, cascade: str) -> list[str]:
    schema = "" if params.schema is None else f" SCHEMA {identifier(params.schema)}"
    exactly = f" VERSION {identifier(version)}" if isinstance(version, str) else ""
    return [f"CREATE EXTENSION {name} WITH{schema}{exactly}{cascade}".removesuffix(" WITH")]


def _alter(params: PostgresqlExtParams, name: str, change: Change) -> list[str]:
    statements = []
    if "version" in change:
        statements.append(f"ALTER EXTENSION {name} UPDATE TO {identifier(str(change.after['version']))}")
    if "schema" in change:
        statements.append(f"ALTER EXTENSION {name} SET SCHEMA {identifier(params.schema or '')}")
    return statements
