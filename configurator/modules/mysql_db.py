"""mysql_db: databases of a MariaDB or MySQL server exist with their character set and collation, or do not.

Parameters are those of community.mysql.mysql_db. As root, nothing is needed for a Debian server: its socket
knows root.

Otherwise than in Ansible: the states `dump` and `import` are not here; `encoding` and `collation` of a
database that is there are changed, too, which counts for tables that are made later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.mysql import (
    READS,
    MysqlLogin,
    Server,
    check_name,
    connect,
    database_key,
    execute,
    identifier,
    literal,
)
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_DUMPS = "dumping and importing are actions, and no state: use `shell` with mariadb-dump or mariadb"


@dataclass(frozen=True, slots=True)
class MysqlDbParams(MysqlLogin):
    """The parameters of community.mysql.mysql_db."""

    name: tuple[str, ...] = param("list", required=True, aliases=("db",))
    state: str = param("str", "present", choices=("present", "absent"))
    encoding: str | None = param("str")
    collation: str | None = param("str")


class MysqlDb(Module[MysqlDbParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "mysql_db"
    params: ClassVar[type] = MysqlDbParams
    omitted: ClassVar[Mapping[str, str]] = {
        "target": _DUMPS,
        "config_overrides_defaults": "what a task says counts more than a file of options",
        "restrict_config_file": "the client's other option files say where the server is",
        **dict.fromkeys(
            (
                "chdir", "dump_extra_args", "force", "hex_blob", "ignore_tables", "master_data", "pipefail",
                "quick", "single_transaction", "skip_lock_tables", "unsafe_login_password", "use_shell",
            ),
            "see `target`",
        ),
    }  # fmt: skip
    typical_s: ClassVar[float] = 0.2

    def check(self, params: MysqlDbParams) -> Sequence[ParamProblem]:
        problems = [] if params.name else [ParamProblem("name", "'name' is empty")]
        for name in params.name:
            problems += check_name("name", name, 64)
        if "all" in params.name:
            problems.append(ParamProblem("name", "`all` is for dumps, and names no database here"))
        for field in ("encoding", "collation"):
            if not (getattr(params, field) or "x").replace("_", "").isalnum():
                problems.append(ParamProblem(field, f"{getattr(params, field)!r} is no name of one"))
        return problems

    def subject(self, params: MysqlDbParams) -> str:
        return database_key(params, params.name[0])

    def effects(self, params: MysqlDbParams) -> Effects:
        return effects(reads=READS, writes={database_key(params, name) for name in params.name})

    def locks(self, params: MysqlDbParams) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"mysql"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: MysqlDbParams) -> State:
        server = connect(system, params)
        state: State = {}
        for name in params.name:
            key = database_key(params, name)
            found = system.lookup(key, partial(_probe, server, name))
            state |= {f"{key}|{field}": value for field, value in found.items()}
        return state

    def desired(self, params: MysqlDbParams, actual: State) -> State:
        wanted: State = {}
        for name in params.name:
            key = database_key(params, name)
            wanted[f"{key}|exists"] = params.state == "present"
            for field in ("encoding", "collation"):
                value, found = getattr(params, field), actual.get(f"{key}|{field}")
                if value is not None and params.state == "present":
                    same = isinstance(found, str) and _same(found, value)
                    wanted[f"{key}|{field}"] = found if same else value
        return wanted

    def converge(self, system: System, params: MysqlDbParams, change: Change) -> None:
        statements: list[str] = []
        after: dict[str, State | None] = {}
        for name in params.name:
            key = database_key(params, name)
            changed = [field for field in change.fields if field.rpartition("|")[0] == key]
            if not changed:
                continue
            if params.state == "absent":
                statements.append(f"DROP DATABASE {identifier(name)}")
                after[key] = {"exists": False}
                continue
            words = "" if params.encoding is None else f" CHARACTER SET {params.encoding}"
            words += "" if params.collation is None else f" COLLATE {params.collation}"
            verb = "ALTER" if change.before[f"{key}|exists"] else "CREATE"
            statements.append(f"{verb} DATABASE {identifier(name)}{words}")
            fields = ("encoding", "collation")
            after[key] = {"exists": True} | {
                field: change.after.get(f"{key}|{field}", UNKNOWN) for field in fields
            }
        execute(system, connect(system, params), statements, after)

    def outputs(self, params: MysqlDbParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return the names, as Ansible does."""
        return {"db": " ".join(params.name), "db_list": list(params.name)}


def _probe(server: Server | None, name: str) -> State:
    if server is None:
        return {"exists": False}
    rows = server.rows(
        {
            "name": "SCHEMA_NAME",
            "encoding": "DEFAULT_CHARACTER_SET_NAME",
            "collation": "DEFAULT_COLLATION_NAME",
        },
        f"FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {literal(name)}",
    )
    row = next((row for row in rows if row["name"] == name), None)
    if row is None:
        return {"exists": False}
    return {"exists": True, "encoding": row["encoding"], "collation": row["collation"]}


def _same(found: str, wanted: str) -> bool:
    """Return True for one and the same; `utf8` is what is called utf8mb3 by now."""
    names = [name.lower().replace("utf8mb3", "utf8") for name in (found, wanted)]
    return names[0] == names[1]
