"""What the cases about MySQL share: a MariaDB server that is installed once, and left as it was."""

from __future__ import annotations

_SERVER = r"""
if ! command -v mariadbd >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends mariadb-server >/dev/null
  printf '[mysqld]\nskip-log-bin\ninnodb_stats_auto_recalc=0\n' > /etc/mysql/mariadb.conf.d/99-t.cnf
  systemctl restart mariadb
fi
rm -f /root/.my.cnf
mariadb <<'END'
DROP DATABASE IF EXISTS tdb; DROP DATABASE IF EXISTS tdb2; DROP DATABASE IF EXISTS `it's ``odd```;
DROP USER IF EXISTS t1@localhost, t2@localhost, t2@'10.%', t3@localhost, `it's ``odd```@'%';
END
"""


def prepared(statements: str = "") -> str:
    """Return what a case prepares: an empty server, and then what some statements do."""
    return f"{_SERVER}\nmariadb <<'END'\n{statements}\nEND\nsleep 1.2\n"


def shown(statements: str) -> str:
    """Return a script that prints what statements answer."""
    return f"mariadb -N -B <<'END'\n{statements}\nEND\n"
