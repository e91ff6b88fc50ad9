"""A MariaDB or MySQL server by its own client: mariadb(1) asks for JSON, and is handed the statements.

Statements go to standard input and passwords into the environment (MYSQL_PWD): nothing secret is on a command
line or in a file. Without a user being named, the client decides by its own option files; as root that is the
root of the server, whom Debian's MariaDB lets in through the socket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.core.errors import TaskError
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import CommandResult, System

_MISSING_PROGRAM = 127  # System.query
_ANY = tuple(range(256))
_PACKAGES = ("mariadb-server", "mariadb-client", "default-mysql-server", "default-mysql-client")
READS = frozenset({*(f"package:{name}" for name in _PACKAGES), "unit:mariadb.service", "path:/etc/mysql/**"})
# Texts are quoted for this mode: `\` is an escape, and names are in backquotes.
_MODE = "SET SESSION sql_mode = '';\n"


@dataclass(frozen=True, slots=True)
class MysqlLogin:
    """How to reach the server: parameters that all modules of community.mysql have."""

    login_user: str | None = param("str")
    login_password: str | None = param("str", secret=True)
    login_host: str = param("str", "localhost")
    login_port: int = param("int", 3306)
    login_unix_socket: str | None = param("str")
    config_file: str | None = param("str")
    connect_timeout: int = param("int", 30)
    ca_cert: str | None = param("str", aliases=("ssl_ca",))
    client_cert: str | None = param("str", aliases=("ssl_cert",))
    client_key: str | None = param("str", aliases=("ssl_key",))
    check_hostname: bool | None = param("bool")
    check_implicit_admin: bool = param("bool", False)
    sql_log_bin: bool = param("bool", True)

    @property
    def server(self) -> str:
        """What tells this server from others in effect keys; nothing for the host's own."""
        own = self.login_host == "localhost" and self.login_port == 3306 and not self.login_unix_socket
        return "" if own else f"{self.login_unix_socket or self.login_host}:{self.login_port}/"


def identifier(name: str) -> str:
    """Return a name as SQL reads it; ValueError for what no name can have."""
    return "`" + _clean(name).replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a text as SQL reads it, in the mode that sessions begin with."""
    return "'" + _clean(text).replace("\\", "\\\\").replace("'", "''") + "'"


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("no statement may have a zero byte")
    return text


def check_name(field: str, name: str, size: int) -> list[ParamProblem]:
    """Return a problem if the server could not keep the name."""
    if "\0" not in name and len(name) <= size:
        return []
    return [ParamProblem(field, f"{name!r} is no name of at most {size} characters")]


class Server:
    """A server, through its client; `own` is the password that the account itself may have got just now."""

    def __init__(self, system: System, client: str, login: MysqlLogin, own: str | None = None) -> None:
        self._system = system
        self._client = client
        self._login = login
        self._own = own

    def rows(self, fields: Mapping[str, str], rest: str) -> list[Any]:
        """Return what `SELECT fields rest` selects: a mapping a row, by the names of the fields."""
        import json  # noqa: PLC0415

        pairs = ", ".join(f"{literal(name)}, {what}" for name, what in fields.items())
        return [json.loads(line) for line in self.lines(f"SELECT JSON_OBJECT({pairs}) {rest}")]

    def lines(self, statement: str) -> list[str]:
        """Return the lines that a statement answers with; asked once until something changes."""
        login = self._login
        key = f"mysql:{login.server}{login.login_user}/{self._own is None}\n{statement}"
        return self._system.recall(key, lambda: self._ask(statement))

    def _ask(self, statement: str) -> list[str]:
        done = self._tried(lambda argv, env: self._system.query(
            argv, env=env, ok=_ANY, stdin=f"{_MODE}{statement};\n"
        ))  # fmt: skip
        return [line for line in done.stdout.split("\n") if line]

    def execute(self, statements: Sequence[str], establishes: Mapping[str, State | None]) -> None:
        """Have statements done, one after the other until one fails."""
        log = "" if self._login.sql_log_bin else "SET SESSION sql_log_bin = 0;\n"
        stdin = _MODE + log + "".join(f"{statement};\n" for statement in statements)
        self._tried(lambda argv, env: self._system.run(
            argv, env=env, ok=_ANY, stdin=stdin, establishes=establishes
        ))  # fmt: skip

    def _tried(self, do: Callable[[list[str], dict[str, str]], CommandResult]) -> CommandResult:
        """Try to log in as it is asked for, and in other ways where nobody may."""
        login = self._login
        ways: list[tuple[str | None, str | None]] = [(login.login_user, login.login_password)]
        if login.check_implicit_admin:
            ways.insert(0, ("root", None))
        if self._own is not None:
            ways.append((login.login_user, self._own))
        for user, password in ways:
            env = {} if password is None else {"MYSQL_PWD": password}
            done = do(self._argv(user), env)
            if done.exit_status == 0:
                return done
            if not re.search(r"ERROR (1045|1698) ", done.stderr):  # nobody was let in
                break
        raise _failure(done)

    def _argv(self, user: str | None) -> list[str]:
        login = self._login
        # A port, or a host by name, makes the client leave the socket.
        tcp = not login.login_unix_socket and (login.login_host != "localhost" or login.login_port != 3306)
        options = {
            "user": user, "host": login.login_host if tcp else None,
            "port": str(login.login_port) if tcp else None, "socket": login.login_unix_socket,
            "ssl-ca": login.ca_cert, "ssl-cert": login.client_cert, "ssl-key": login.client_key,
            "connect-timeout": str(login.connect_timeout), "default-character-set": "utf8mb4",
        }  # fmt: skip
        # A file of options has to come first.
        argv = [self._client, *([f"--defaults-extra-file={login.config_file}"] if login.config_file else [])]
        argv += [f"--{name}={value}" for name, value in options.items() if value is not None]
        argv += ["--ssl-verify-server-cert"] if login.check_hostname else []
        return [*argv, "--batch", "--raw", "--skip-column-names"]


def _failure(done: CommandResult) -> TaskError:
    said = done.stderr.strip().splitlines()
    message = next((line.partition(": ")[2] for line in said if line.startswith("ERROR")), "")
    hint = None
    if "Access denied" in done.stderr:
        hint = "`login_user` and `login_password` must be right; as root, the socket needs none"
    elif "Can't connect" in done.stderr:
        hint = "start it (`systemd: {name: mariadb, state: started}`), or name its host and port"
    return TaskError(
        f"MySQL: {message or 'the client gave no reason'}",
        command=done.argv, exit_status=done.exit_status, output="\n".join(said[1:]), hint=hint,
    )  # fmt: skip


def connect(system: System, login: MysqlLogin, own: str | None = None) -> Server | None:
    """Return the server; None where a plan has yet to install it, so that it is empty."""
    for client in ("mariadb", "mysql"):
        if system.query([client, "--version"], ok=_ANY).exit_status != _MISSING_PROGRAM:
            return Server(system, client, login, own)
    if any(system.lookup(f"package:{name}", lambda: {"exists": False}).get("exists") for name in _PACKAGES):
        return None
    raise TaskError(
        "neither mariadb nor mysql is installed on the host",
        hint="install it first: `apt: {name: mariadb-server}`, or mariadb-client for a server elsewhere",
    )


def execute(
    system: System, server: Server | None, statements: Sequence[str], after: Mapping[str, State | None]
) -> None:
    """Have statements done, also in a plan whose server is not there yet."""
    if server is None:
        system.run(["mariadb"], establishes=after)
    else:
        server.execute(statements, after)


def database_key(login: MysqlLogin, name: str) -> str:
    """Return the effect key of a database."""
    return f"mysql_db:{login.server}{name}"
