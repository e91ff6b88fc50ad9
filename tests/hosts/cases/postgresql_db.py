"""postgresql_db: databases, read back from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.postgresql import prepared, shown


def _database(name: str, database: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "postgresql_db", {"name": database, **params}


_ODD = 'it\'s "odd"'
_SHOW = shown(
    "SELECT datname, r.rolname, pg_encoding_to_char(encoding), datcollate, datconnlimit,"
    " shobj_description(d.oid, 'pg_database') FROM pg_database d JOIN pg_roles r ON r.oid = datdba"
    " WHERE datname ~ '^(tdb|it)' ORDER BY 1;"
)
_BUSY = """sql -c 'CREATE DATABASE tdb'
(setsid runuser -u postgres -- psql -q -d tdb -c 'select pg_sleep(600)' >/dev/null 2>&1 &)
until sql -c "select 1 from pg_stat_activity where datname = 'tdb'" | grep -q 1; do sleep 0.1; done"""

CASES: dict[str, Case] = {
    "made": Case(
        (
            ("role", "postgresql_user", {"name": "t1"}),
            _database("owned", "tdb", owner="t1"),
            _database("same", "tdb", owner="t1"),
            _database(
                "all",
                "tdb2",
                encoding="utf-8",
                lc_collate="C",
                lc_ctype="C",
                template="template0",
                conn_limit=5,
                comment="it's",
                tablespace="pg_default",
            ),
            _database("same in other words", "tdb2", encoding="UTF8", lc_collate="C", conn_limit=5),
            _database("odd", _ODD),
            _database("other encoding", "tdb2", encoding="LATIN1"),
            _database("nobody's", "tdb3", owner="nobody"),
        ),
        _SHOW,
        "it's \"odd\"|postgres|UTF8|C.UTF-8|-1|\ntdb|t1|UTF8|C.UTF-8|-1|\ntdb2|postgres|UTF8|C|5|it's\n",
        prepared(),
        idle=frozenset({"same", "same in other words"}),
        fails={"nobody's": "the role 'nobody' does not exist", "other encoding": "cannot be changed"},
        outputs={"owned": {"db": "tdb"}},
    ),
    "changed": Case(
        (
            _database("owner", "tdb", owner="t1"),
            _database("rest", "tdb", conn_limit=2, comment="now"),
            _database("removed", "tdb2", state="absent"),
            _database("never there", "tdb3", state="absent"),
            _database("other locale", "tdb", lc_collate="de_DE.UTF-8"),
        ),
        _SHOW,
        "tdb|t1|UTF8|C.UTF-8|2|now\n",
        prepared("sql -c 'CREATE ROLE t1' -c 'CREATE DATABASE tdb' -c 'CREATE DATABASE tdb2'"),
        idle=frozenset({"never there"}),
        fails={"other locale": "lc_collate of database 'tdb' is 'C.UTF-8'"},
    ),
    "in use": Case(
        (
            _database("in the way", "tdb", state="absent"),
            _database("by force", "tdb", state="absent", force=True),
        ),
        _SHOW,
        "",
        prepared(_BUSY),
        plan_blind={
            "in the way": "`force: true` ends their sessions",
            "by force": "changed",  # the plan thinks that it is gone already
        },
    ),
}
