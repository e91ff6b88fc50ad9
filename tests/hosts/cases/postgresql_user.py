"""postgresql_user: roles, read back from the catalogue; passwords, by logging in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configurator.modules.pg_sql import scram_hash
from tests.hosts.cases import Case
from tests.hosts.postgresql import prepared, shown

_ODD = 'it\'s "odd"'


def _role(name: str, role: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "postgresql_user", {"name": role, **params}


def _login(role: str, password: str) -> str:
    """Return a script that logs in, and says as whom, or why not."""
    query = f"psql -X -A -t -h 127.0.0.1 -U {role} -d postgres -c 'select current_user' 2>&1"
    return (
        f"PGPASSWORD=\"$(cat <<'END'\n{password}\nEND\n)\" {query} | sed 's/.*FATAL: */FATAL: /' | tail -1\n"
    )


CASES: dict[str, Case] = {
    "attributes": Case(
        (
            _role("plain", "t1"),
            _role("flags", "t2", role_attr_flags="CREATEDB,NOLOGIN", conn_limit=3, comment="it's"),
            _role("until", "t3", expires="2031-02-03 04:05 UTC", configuration={"work_mem": "5MB"}),
            _role("odd", _ODD, comment="a \\ b"),
            _role("same", "t2", role_attr_flags=["nologin", "createdb"], conn_limit="3", comment="it's"),
            _role("same time", "t3", expires="2031-02-03 05:05+01"),
        ),
        shown(
            "SELECT rolname, rolcreatedb, rolcanlogin, rolconnlimit, rolvaliduntil AT TIME ZONE 'UTC',"
            " rolconfig, shobj_description(oid, 'pg_authid') FROM pg_roles"
            " WHERE rolname ~ '^(t[1-9]|it)' ORDER BY 1;"
        ),
        "it's \"odd\"|f|t|-1|||a \\ b\nt1|f|t|-1|||\nt2|t|f|3|||it's\n"
        "t3|f|t|-1|2031-02-03 04:05:00|{work_mem=5MB}|\n",
        prepared(),
        idle=frozenset({"same", "same time"}),
        outputs={"plain": {"user": "t1"}},
    ),
    "changes": Case(
        (
            _role("flags", "t2", role_attr_flags="LOGIN,NOCREATEDB", comment=""),
            _role("for ever", "t3", expires="infinity"),
            _role("lists", "t2", configuration={"search_path": "a, b"}, quote_configuration_values=False),
            _role("added", "t2", configuration={"TimeZone": "UTC", "my.Own": True}),
            _role(
                "only this",
                "t3",
                configuration={"log_statement": "all"},
                reset_unspecified_configuration=True,
            ),
        ),
        shown(
            "SELECT rolname, rolcreatedb, rolcanlogin, rolvaliduntil, rolconfig,"
            " shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname ~ '^t[1-9]' ORDER BY 1;"
        ),
        't2|f|t||{"search_path=a, b",TimeZone=UTC,my.own=on}|\nt3|f|t|infinity|{log_statement=all}|\n',
        prepared(
            'sql -c "CREATE ROLE t2 CREATEDB NOLOGIN; COMMENT ON ROLE t2 IS \'x\'" -c "CREATE ROLE t3 LOGIN'
            " VALID UNTIL '2031-01-01'; ALTER ROLE t3 SET work_mem TO '5MB'\""
        ),
    ),
    "passwords": Case(
        (
            _role("text", "t1", password="s3cret 'x' \\"),
            _role("the same", "t1", password="s3cret 'x' \\"),
            _role("changed", "t2", password="new"),
            _role("hash", "t3", password=scram_hash("hashed", b"saltsaltsaltsalt", 4096)),
            _role("old kind", "t4", password="grün"),
            _role("left alone", "t2", password="other", no_password_changes=True),
            _role("taken away", "t5", password=""),
            _role("prepared", "t6", password="gr\u00fcn\u00aa"),
        ),
        _login("t1", "s3cret 'x' \\")
        + _login("t2", "new")
        + _login("t2", "old")
        + _login("t3", "hashed")
        + _login("t6", "gr\u00fcn\u00aa")
        + shown("SELECT rolname, left(rolpassword, 3) FROM pg_authid WHERE rolname ~ '^t[345]' ORDER BY 1;"),
        't1\nt2\nFATAL: password authentication failed for user "t2"\nt3\nt6\nt3|SCR\nt4|md5\nt5|\n',
        prepared(
            "sql <<'END'\nCREATE ROLE t2 LOGIN PASSWORD 'old';\nCREATE ROLE t5 LOGIN PASSWORD 'x';\n"
            "SET password_encryption = 'md5';\nCREATE ROLE t4 LOGIN PASSWORD 'grün';\nEND"
        ),
        idle=frozenset({"the same", "old kind", "left alone"}),
    ),
    "elsewhere": Case(
        (
            _role(
                "by password",
                "t2",
                login_host="127.0.0.1",
                login_user="t1",
                login_password="pw",
                comment="made by t1",
            ),
            _role(
                "without a password",
                "t2",
                login_host="localhost",
                login_unix_socket="/run/postgresql",
                login_user="t1",
                comment="x",
            ),
            _role("no server", "t2", login_port=5999),
            _role(
                "not readable",
                "t2",
                login_host="127.0.0.1",
                login_user="t1",
                login_password="pw",
                password="x",
            ),
        ),
        shown("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 't2';"),
        "made by t1\n",
        prepared("sql -c \"CREATE ROLE t1 CREATEROLE LOGIN PASSWORD 'pw'\""),
        fails={"without a password": "`become_user`", "no server": "start it"},
        # The plan does not have the role yet, whose password is to be compared.
        plan_blind={"not readable": "no_password_changes"},
    ),
    "as postgres": Case(
        (_role("made", "t1", comment="x"), _role("there", "t1", comment="x")),
        prepare=prepared(),
        idle=frozenset({"there"}),
        options={"become_user": "postgres"},
    ),
    "gone": Case(
        (
            _role("free", "t1", state="absent"),
            _role("never there", "t2", state="absent"),
            _role("kept", "t3", state="absent", fail_on_user=False),
            _role("owner", "t3", state="absent"),
            ("database", "postgresql_db", {"name": "tdb", "state": "absent"}),
            _role("free now", "t3", state="absent"),
        ),
        shown("SELECT count(*) FROM pg_roles WHERE rolname ~ '^t[1-9]';"),
        "0\n",
        prepared("sql -c 'CREATE ROLE t1' -c 'CREATE ROLE t3' -c 'CREATE DATABASE tdb OWNER t3'"),
        idle=frozenset({"never there", "kept"}),
        # In the second run nothing is left that could fail.
        plan_blind={"owner": "database 'tdb'"},
        warns={"kept": "it is kept"},
    ),
}
