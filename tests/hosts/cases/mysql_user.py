"""mysql_user: accounts and their privileges, read back from the server; passwords, by logging in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.mysql import prepared, shown


def _user(name: str, user: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "mysql_user", {"name": user, **params}


_ODD = "it's `odd`"
_HASH = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"  # of `password`


def _login(user: str, password: str) -> str:
    return f"MYSQL_PWD='{password}' mariadb -N -B -u {user} -e 'select current_user()' 2>&1 | cut -c1-10\n"


CASES: dict[str, Case] = {
    "passwords": Case(
        (
            _user("text", "t1", password="s3cret"),
            _user("same", "t1", password="s3cret"),
            _user("changed", "t2", password="new"),
            _user("hash", "t3", password=_HASH.lower(), encrypted=True),
            _user("only at first", "t2", password="other", update_password="on_create"),
            _user("odd", _ODD, password="x", host="%"),
            _user("by the socket", "t2", host="10.%", plugin="unix_socket"),
        ),
        _login("t1", "s3cret") + _login("t2", "new") + _login("t2", "old") + _login("t3", "password"),
        "t1@localho\nt2@localho\nERROR 1045\nt3@localho\n",
        prepared("CREATE USER t2@localhost IDENTIFIED BY 'old';"),
        idle=frozenset({"same", "only at first"}),
        outputs={"text": {"user": "t1"}},
    ),
    "privileges": Case(
        (
            ("database", "mysql_db", {"name": "tdb"}),
            _user("given", "t1", priv="tdb.*:ALL/*.*:PROCESS,RELOAD"),
            _user("same", "t1", priv={"tdb.*": "ALL PRIVILEGES", "*.*": ["reload", "process"]}),
            _user("with the option", "t2", priv="tdb.*:SELECT,INSERT,GRANT"),
            _user("columns", _ODD, host="%", priv="mysql.user:SELECT(User, Host),REFERENCES"),
            _user("more", "t3", priv="tdb2.*:SELECT", append_privs=True),
            _user("less", "t3", priv="tdb.*:INSERT", subtract_privs=True),
            _user("less of nothing", "t3", priv="tdb.*:DELETE", subtract_privs=True),
        ),
        shown(
            "SHOW GRANTS FOR t1@localhost; SHOW GRANTS FOR t2@localhost; SHOW GRANTS FOR t3@localhost;"
            " SHOW GRANTS FOR `it's ``odd```@'%';"
        ),
        "GRANT RELOAD, PROCESS ON *.* TO `t1`@`localhost`\n"
        "GRANT ALL PRIVILEGES ON `tdb`.* TO `t1`@`localhost`\n"
        "GRANT USAGE ON *.* TO `t2`@`localhost`\n"
        "GRANT SELECT, INSERT ON `tdb`.* TO `t2`@`localhost` WITH GRANT OPTION\n"
        "GRANT USAGE ON *.* TO `t3`@`localhost`\nGRANT SELECT ON `tdb`.* TO `t3`@`localhost`\n"
        "GRANT SELECT ON `tdb2`.* TO `t3`@`localhost`\n"
        "GRANT USAGE ON *.* TO `it's ``odd```@`%`\n"
        "GRANT SELECT (`User`, `Host`), REFERENCES ON `mysql`.`user` TO `it's ``odd```@`%`\n",
        prepared("CREATE USER t3@localhost; GRANT SELECT, INSERT ON tdb.* TO t3@localhost;"),
        idle=frozenset({"same", "less of nothing"}),
    ),
    "replaced": Case(
        (
            _user("fewer", "t1", priv="tdb.*:SELECT"),
            _user("without the option", "t2", priv="tdb.*:ALL"),
            _user("none", "t3", priv={}),
            _user("part of all", "t2", priv="tdb.*:SELECT", subtract_privs=True),
        ),
        shown("SHOW GRANTS FOR t1@localhost; SHOW GRANTS FOR t2@localhost; SHOW GRANTS FOR t3@localhost;"),
        "GRANT USAGE ON *.* TO `t1`@`localhost`\nGRANT SELECT ON `tdb`.* TO `t1`@`localhost`\n"
        "GRANT USAGE ON *.* TO `t2`@`localhost`\nGRANT ALL PRIVILEGES ON `tdb`.* TO `t2`@`localhost`\n"
        "GRANT USAGE ON *.* TO `t3`@`localhost`\n",
        prepared(
            "CREATE USER t1@localhost; GRANT ALL ON tdb.* TO t1@localhost;"
            "GRANT PROCESS ON *.* TO t1@localhost;"
            "CREATE USER t2@localhost; GRANT SELECT ON tdb.* TO t2@localhost WITH GRANT OPTION;"
            "CREATE USER t3@localhost; GRANT ALL ON *.* TO t3@localhost WITH GRANT OPTION;"
        ),
        fails={"part of all": "cannot lose single ones"},
    ),
    "gone": Case(
        (
            _user("one host", "t1", state="absent"),
            _user("all hosts", "t2", state="absent", host_all=True),
            _user("never there", "t3", state="absent"),
        ),
        shown("SELECT count(*) FROM mysql.user WHERE User LIKE 't%';"),
        "0\n",
        prepared("CREATE USER t1@localhost; CREATE USER t2@localhost; CREATE USER t2@'10.%';"),
        idle=frozenset({"never there"}),
    ),
    "the account that does it": Case(
        (
            _user("itself", "t1", password="new", login_user="t1", login_password="old"),
            _user("other", "t2", login_user="t1", login_password="new", login_host="127.0.0.1"),
        ),
        _login("t1", "new"),
        "t1@localho\n",
        prepared(
            "CREATE USER t1@localhost IDENTIFIED BY 'old';GRANT ALL ON *.* TO t1@localhost WITH GRANT OPTION;"
        ),
        plan_blind={"other": "changed"},  # the plan cannot log in with a password that is to come
    ),
}
