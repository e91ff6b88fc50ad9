"""postgresql_db: a database of a PostgreSQL server exists with its owner and settings, or does not.

Parameters are those of community.postgresql.postgresql_db. Encoding and locale of a database that is there
cannot be changed: asking for others is a failure, in the plan already; `template` counts only for a new one.
As root, the work is done as the account `postgres`; `become_user: postgres` does as well.

Otherwise than in Ansible: the states `dump`, `restore` and `rename` are not here. `force` ends the sessions
that a removal would wait for. `trust_input` means nothing: all names are quoted. Facts: CREATE DATABASE,
ALTER DATABASE, pg_database in PostgreSQL's manual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.pg_sql import identifier, literal
from configurator.modules.postgresql import (
    READS,
    PostgresqlLogin,
    check_login,
    check_name,
    connect,
    database_key,
    database_state,
    need_role,
    role_key,
)
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_FIXED = ("encoding", "lc_collate", "lc_ctype", "locale_provider", "icu_locale")


@dataclass(frozen=True, slots=True)
class PostgresqlDbParams(PostgresqlLogin):
    """The parameters of community.postgresql.postgresql_db."""

    name: str = param("str", required=True, aliases=("db",))
    state: str = param("str", "present", choices=("present", "absent"))
    owner: str | None = param("str")
    template: str | None = param("str")
    encoding: str | None = param("str")
    lc_collate: str | None = param("str")
    lc_ctype: str | None = param("str")
    icu_locale: str | None = param("str")
    locale_provider: str | None = param("str", choices=("libc", "icu", "builtin"))
    conn_limit: int | None = param("int")
    tablespace: str | None = param("str")
    comment: str | None = param("str")
    maintenance_db: str = param("str", "postgres")
    force: bool = param("bool", False)


class PostgresqlDb(Module[PostgresqlDbParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "postgresql_db"
    params: ClassVar[type] = PostgresqlDbParams
    omitted: ClassVar[Mapping[str, str]] = {
        "target": "dumping and restoring are actions, and no state: use `command` with pg_dump or pg_restore",
        "target_opts": "see `target`",
        "dump_extra_args": "see `target`",
    }
    typical_s: ClassVar[float] = 0.5

    def check(self, params: PostgresqlDbParams) -> Sequence[ParamProblem]:
        problems = check_login(params)
        for field in ("name", "owner", "template", "tablespace"):
            problems += check_name(field, getattr(params, field))
        if params.state == "absent" and params.name == params.maintenance_db:
            message = f"{params.name!r} is the database that is used to reach the server"
            problems.append(ParamProblem("name", message, "name another one as `maintenance_db`"))
        for field in ("encoding", "lc_collate", "lc_ctype", "icu_locale", "comment"):
            if "\0" in (getattr(params, field) or ""):
                problems.append(ParamProblem(field, "no text may have a zero byte"))
        return problems

    def subject(self, params: PostgresqlDbParams) -> str:
        return database_key(params, params.name)

    def effects(self, params: PostgresqlDbParams) -> Effects:
        """The database; its owner, template and locales are there before it."""
        reads = set(READS)
        reads |= {role_key(params, params.owner)} if params.owner else set()
        reads |= {database_key(params, params.template)} if params.template else set()
        reads |= {"locale:**"} if params.lc_collate or params.lc_ctype else set()
        return effects(reads=reads, writes={self.subject(params)})

    def locks(self, params: PostgresqlDbParams) -> frozenset[str]:
        return params.locks

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: PostgresqlDbParams) -> State:
        server = connect(system, params, params.maintenance_db)
        state = database_state(system, params, server, params.name)
        if params.state == "present":
            if params.owner is not None:
                need_role(system, params, server, params.owner)
            self._refuse_other(params, state)
        return state

    def _refuse_other(self, params: PostgresqlDbParams, state: State) -> None:
        """Refuse what a database can only be made with, and not be changed to."""
        for field in _FIXED:
            wanted, found = getattr(params, field), state.get(field, UNKNOWN)
            if wanted is not None and state["exists"] and found is not UNKNOWN and not _same(found, wanted):
                raise ParameterError(
                    f"{field} of database {params.name!r} is {found!r} and cannot be changed to {wanted!r}",
                    hint="only a new database can have it: dump this one, and restore it into the new one",
                )

    def desired(self, params: PostgresqlDbParams, actual: State) -> State:
        if params.state == "absent":
            return {"exists": False}
        wanted: State = {"exists": True}
        for field in ("owner", *_FIXED, "conn_limit", "tablespace", "comment"):
            value = getattr(params, field)
            if value is None:
                continue
            found = actual.get(field)
            same = field in _FIXED and found is not None and _same(found, value)
            wanted[field] = found if same else (value or None if field == "comment" else value)
        return wanted

    def converge(self, system: System, params: PostgresqlDbParams, change: Change) -> None:
        name = identifier(params.name)
        after: State = {"exists": False}
        if params.state == "absent":
            statements = [f"DROP DATABASE {name}{' WITH (FORCE)' if params.force else ''}"]
        else:
            new = not change.before["exists"]
            after = {"fresh": True, "comment": None, "conn_limit": -1} if new else dict(change.before)
            after |= change.after
            if new:
                after = dict.fromkeys(_FIXED, UNKNOWN) | {"owner": UNKNOWN, "tablespace": UNKNOWN} | after
            statements = [self._create(params)] if new else self._alter(params, change)
            if "comment" in change:
                statements.append(f"COMMENT ON DATABASE {name} IS {literal(params.comment or '')}")
        server = connect(system, params, params.maintenance_db)
        # None of them can be part of a transaction with others.
        for statement in statements:
            if server is None:  # in a plan alone
                system.run(["psql"], establishes={self.subject(params): after})
            else:
                server.execute([statement], {self.subject(params): after})

    def _create(self, params: PostgresqlDbParams) -> str:
        words = [f"CREATE DATABASE {identifier(params.name)}"]
        for word, value in (
            ("OWNER", params.owner), ("TEMPLATE", params.template), ("TABLESPACE", params.tablespace)
        ):  # fmt: skip
            words += [] if value is None else [f"{word} {identifier(value)}"]
        for field in ("encoding", "lc_collate", "lc_ctype", "icu_locale"):
            value = getattr(params, field)
            words += [] if value is None else [f"{field.upper()} {literal(value)}"]
        words += [] if params.locale_provider is None else [f"LOCALE_PROVIDER {params.locale_provider}"]
        words += [] if params.conn_limit is None else [f"CONNECTION LIMIT {params.conn_limit}"]
        return " ".join(words)

    def _alter(self, params: PostgresqlDbParams, change: Change) -> list[str]:
        database = f"ALTER DATABASE {identifier(params.name)}"
        said: dict[str, Any] = {
            "owner": f"{database} OWNER TO {identifier(params.owner or '')}",
            "conn_limit": f"{database} CONNECTION LIMIT {params.conn_limit}",
            "tablespace": f"{database} SET TABLESPACE {identifier(params.tablespace or '')}",
        }
        return [statement for field, statement in said.items() if field in change]

    def outputs(self, params: PostgresqlDbParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return the database's name, as Ansible does."""
        return {"db": params.name}


def _same(found: object, wanted: str) -> bool:
    """Return True for two spellings of one encoding or locale: `UTF8` and `utf-8`."""
    return re.sub(r"[^a-z0-9@]", "", str(found).lower()) == re.sub(r"[^a-z0-9@]", "", wanted.lower())
