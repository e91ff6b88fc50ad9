"""What the cases about PostgreSQL share: a server that is installed once, and left as it was."""

from __future__ import annotations

SQL = 'cd /; sql() { runuser -u postgres -- psql -X -q -A -t "$@"; }'

# Without anything that the server does by itself, so that nothing is written while a plan is watched.
_SERVER = r"""
if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq postgresql >/dev/null
  tee -a /etc/postgresql/*/main/postgresql.conf >/dev/null <<'END'
autovacuum = off
checkpoint_timeout = 1d
fsync = off
bgwriter_lru_maxpages = 0
log_checkpoints = off
log_min_messages = panic
wal_writer_delay = 10s
END
  systemctl restart postgresql
fi
"""
_CLEAN = r"""
sql <<'END'
SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE datname ~ '^(tdb|it)' \gexec
SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname ~ '^(t[1-9]|it)' \gexec
END
"""


def prepared(script: str = "") -> str:
    """Return what a case prepares: an empty server, and then what `script` does with `sql`."""
    return f"{_SERVER}{SQL}\n{_CLEAN}\n{script}\nsql -c CHECKPOINT; sync\n"


def shown(select: str, database: str = "postgres") -> str:
    """Return a script that prints what a statement selects."""
    return f"{SQL}; sql -d {database} <<'END'\n{select}\nEND\n"
