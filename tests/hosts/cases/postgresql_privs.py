"""postgresql_privs: privileges, read back from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.postgresql import prepared, shown


def _privs(name: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "postgresql_privs", {"login_db": "tdb", **params}


_ODD = "it's"
_TABLES = """
sql <<'END'
CREATE ROLE t1; CREATE ROLE t2; CREATE ROLE t3; CREATE ROLE "it's";
CREATE DATABASE tdb;
\\c tdb
CREATE SCHEMA app;
CREATE TABLE one (a int); CREATE TABLE two (a int); CREATE VIEW three AS SELECT 1; CREATE SEQUENCE seq;
CREATE TABLE app."odd one" (a int);
CREATE FUNCTION add(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
GRANT SELECT, UPDATE ON one TO t2 WITH GRANT OPTION;
GRANT ALL ON two TO t2;
END"""

CASES: dict[str, Case] = {
    "things": Case(
        (
            _privs("table", objs="one", privs="select,insert", roles="t1"),
            _privs("same", objs="one", privs=["INSERT"], roles=["t1"], type="table", schema="public"),
            _privs("all tables", objs="ALL_IN_SCHEMA", privs="SELECT", roles="t1,t3"),
            _privs("other schema", objs=["odd one"], privs="ALL", roles=[_ODD], schema="app"),
            _privs("sequence", type="sequence", objs="seq", privs="usage", roles="t1", grant_option=True),
            _privs("schema", type="schema", objs="app", privs="USAGE", roles="t1"),
            _privs("database", type="database", privs="TEMP,CREATE", roles="t1"),
            _privs("function", type="function", objs=["add(integer:integer)"], privs="EXECUTE", roles="t1"),
            _privs("language", type="language", objs="plpgsql", privs="ALL", roles="t1"),
            _privs("unknown table", objs="onne", privs="SELECT", roles="t1"),
            _privs("unknown role", objs="one", privs="SELECT", roles="t9"),
            _privs("unknown role, never mind", objs="one", privs="SELECT", roles="t9", fail_on_role=False),
        ),
        shown(
            "SELECT relname, relacl FROM pg_class WHERE relname IN ('one', 'two', 'three', 'seq', 'odd one')"
            " ORDER BY 1; SELECT nspacl FROM pg_namespace WHERE nspname = 'app';"
            " SELECT datacl FROM pg_database WHERE datname = 'tdb';"
            " SELECT proacl FROM pg_proc WHERE proname = 'add';",
            "tdb",
        ).replace("SELECT relname, relacl", "SELECT relname, replace(relacl::text, 'arwdDxtm', 'arwdDxt')"),
        'odd one|{postgres=arwdDxt/postgres,"\\"it\'s\\"=arwdDxt/postgres"}\n'
        "one|{postgres=arwdDxt/postgres,t2=r*w*/postgres,t1=ar/postgres,t3=r/postgres}\n"
        "seq|{postgres=rwU/postgres,t1=U*/postgres}\n"
        "three|{postgres=arwdDxt/postgres,t1=r/postgres,t3=r/postgres}\n"
        "two|{postgres=arwdDxt/postgres,t2=arwdDxt/postgres,t1=r/postgres,t3=r/postgres}\n"
        "{postgres=UC/postgres,t1=U/postgres}\n{=Tc/postgres,postgres=CTc/postgres,t1=CT/postgres}\n"
        "{=X/postgres,postgres=X/postgres,t1=X/postgres}\n",
        prepared(_TABLES),
        idle=frozenset({"same", "unknown role, never mind"}),
        fails={"unknown table": "did you mean 'one'?", "unknown role": "the role 't9' does not exist"},
        warns={"unknown role, never mind": "the role 't9' does not exist"},
    ),
    "taken away": Case(
        (
            _privs("some", objs="two", privs="DELETE,TRUNCATE", roles="t2", state="absent"),
            _privs("all", objs="one", privs="ALL", roles="t2", state="absent"),
            _privs("never there", objs="one", privs="ALL", roles="t1", state="absent"),
            _privs("everybody's", type="database", privs="ALL", roles="PUBLIC", state="absent"),
            _privs("of nobody", objs="one", privs="ALL", roles="t9", state="absent"),
            _privs("the option", objs="two", privs="SELECT", roles="t2", grant_option=True),
            _privs("not the option", objs="three", privs="SELECT", roles="t3", grant_option=False),
        ),
        shown(
            "SELECT relname, replace(relacl::text, 'm', '') FROM pg_class"
            " WHERE relname IN ('one', 'two', 'three') ORDER BY 1;"
            " SELECT datacl FROM pg_database WHERE datname = 'tdb';",
            "tdb",
        ),
        "one|{postgres=arwdDxt/postgres}\nthree|{postgres=arwdDxt/postgres,t3=r/postgres}\n"
        "two|{postgres=arwdDxt/postgres,t2=ar*wxt/postgres}\n{postgres=CTc/postgres}\n",
        prepared(_TABLES + "\nsql -d tdb -c 'GRANT SELECT ON three TO t3 WITH GRANT OPTION'"),
        idle=frozenset({"never there", "of nobody"}),
    ),
    "groups and defaults": Case(
        (
            _privs("member", type="group", objs="t3", roles="t1,t2"),
            _privs("there", type="group", objs="t3", roles="t1"),
            _privs("may add members", type="group", objs="t3", roles="t2", admin_option=True),
            _privs("no member", type="group", objs="t1", roles=_ODD, state="absent"),
            _privs(
                "defaults",
                type="default_privs",
                objs="TABLES,SEQUENCES",
                privs="SELECT",
                roles="t1",
                schema="app",
                target_roles="t2",
            ),
            _privs("all defaults", type="default_privs", objs="ALL_DEFAULT", privs="ALL", roles="t1"),
            _privs(
                "none", type="default_privs", objs="FUNCTIONS", privs="ALL", roles="PUBLIC", state="absent"
            ),
        ),
        shown(
            "SELECT g.rolname, m.rolname, admin_option FROM pg_auth_members a"
            " JOIN pg_roles g ON g.oid = roleid"
            " JOIN pg_roles m ON m.oid = a.member WHERE m.rolname ~ '^(t|it)' ORDER BY 1, 2;"
            " SELECT defaclobjtype, defaclnamespace::regnamespace, replace(defaclacl::text, 'arwdDxtm',"
            " 'arwdDxt') FROM pg_default_acl ORDER BY 2, 1;",
            "tdb",
        ),
        "t3|t1|f\nt3|t2|t\nS|-|{postgres=rwU/postgres,t1=rwU/postgres}\n"
        "T|-|{=U/postgres,postgres=U/postgres,t1=U/postgres}\nf|-|{postgres=X/postgres,t1=X/postgres}\n"
        "r|-|{postgres=arwdDxt/postgres,t1=arwdDxt/postgres}\nS|app|{t1=r/t2}\nr|app|{t1=r/t2}\n",
        prepared(_TABLES + "\nsql <<'END'\nGRANT t1 TO \"it's\";\nEND"),
        idle=frozenset({"there"}),
    ),
    "of what the plan makes": Case(
        (
            ("role", "postgresql_user", {"name": "t1"}),
            ("owner", "postgresql_user", {"name": "t2"}),
            ("database", "postgresql_db", {"name": "tdb", "owner": "t2"}),
            _privs("on it", type="database", privs="ALL", roles="t1"),
            _privs("of its owner", type="database", privs="ALL", roles="t2"),
            _privs("of everybody", type="database", privs="CONNECT", roles="PUBLIC", state="absent"),
            _privs("in it", type="schema", objs="public", privs="CREATE", roles="t1"),
        ),
        prepare=prepared(),
        idle=frozenset({"of its owner"}),
    ),
}
