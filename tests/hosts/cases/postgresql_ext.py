"""postgresql_ext: extensions of a database, read back from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.postgresql import prepared, shown


def _extension(name: str, extension: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "postgresql_ext", {"name": extension, "login_db": "tdb", **params}


CASES: dict[str, Case] = {
    "kept": Case(
        (
            _extension("made", "pg_trgm"),
            _extension("same", "pg_trgm", version="latest"),
            _extension("in a schema", "uuid-ossp", schema="ext", comment="it's"),
            _extension("moved", "hstore", schema="ext"),
            _extension("updated", "hstore", version="latest"),
            _extension("exactly", "citext", version="1.5"),
            _extension("with its needs", "earthdistance", cascade=True),
            _extension("removed", "tablefunc", state="absent"),
            _extension("never there", "lo", state="absent"),
            _extension("unknown", "nonesuch"),
            _extension("unknown version", "lo", version="77"),
            _extension("no database", "lo", login_db="tdb3"),
        ),
        shown(
            "SELECT extname, nspname, extversion = default_version FROM pg_extension e"
            " JOIN pg_namespace n ON n.oid = extnamespace"
            " JOIN pg_available_extensions ON name = extname ORDER BY 1;",
            "tdb",
        ),
        "citext|public|f\ncube|public|t\nearthdistance|public|t\nhstore|ext|t\npg_trgm|public|t\n"
        "plpgsql|pg_catalog|t\nuuid-ossp|ext|t\n",
        prepared(
            "sql -c 'CREATE DATABASE tdb'; sql -d tdb -c 'CREATE SCHEMA ext'"
            " -c 'CREATE EXTENSION hstore VERSION \"1.4\"' -c 'CREATE EXTENSION tablefunc'"
        ),
        idle=frozenset({"same", "never there"}),
        fails={
            "unknown": "the server has no extension 'nonesuch'",
            "unknown version": "has no version '77'",
            "no database": "make it first, with postgresql_db",
        },
    ),
    "in a new database": Case(
        (
            ("database", "postgresql_db", {"name": "tdb"}),
            _extension("made", "pg_trgm"),
            _extension("there", "plpgsql"),
        ),
        prepare=prepared(),
        idle=frozenset({"there"}),
    ),
}
