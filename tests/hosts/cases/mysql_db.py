"""mysql_db: databases, read back from the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.mysql import prepared, shown


def _database(name: str, database: str | list[str], **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "mysql_db", {"name": database, **params}


_ODD = "it's `odd`"
_SHOW = shown(
    "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata"
    " WHERE schema_name RLIKE '^(tdb|it)' ORDER BY 1;"
)

CASES: dict[str, Case] = {
    "made": Case(
        (
            _database("both", ["tdb", "tdb2"], encoding="utf8mb4", collation="utf8mb4_bin"),
            _database("same", "tdb", encoding="utf8mb4"),
            _database("odd", _ODD, encoding="latin1"),
            _database("changed", "tdb2", encoding="utf8", collation="utf8_bin"),
        ),
        _SHOW,
        "it's `odd`\tlatin1\tlatin1_swedish_ci\ntdb\tutf8mb4\tutf8mb4_bin\ntdb2\tutf8mb3\tutf8mb3_bin\n",
        prepared(),
        idle=frozenset({"same"}),
        # The later task changes what the first one made.
        again=frozenset({"both", "changed"}),
        outputs={"both": {"db": "tdb tdb2", "db_list": ["tdb", "tdb2"]}},
    ),
    "gone": Case(
        (
            _database("there", "tdb", state="absent"),
            _database("never there", "tdb2", state="absent"),
            _database("no server", "tdb2", login_port=3999, login_host="127.0.0.1"),
            _database("wrong password", "tdb2", login_user="nobody", login_password="x"),
        ),
        _SHOW,
        "",
        prepared("CREATE DATABASE tdb;"),
        idle=frozenset({"never there"}),
        fails={"no server": "start it", "wrong password": "must be right"},
    ),
}
