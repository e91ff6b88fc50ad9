"""mysql_user: an account of a MariaDB or MySQL server exists with its password and privileges, or does not.

Parameters are those of community.mysql.mysql_user. A password is kept and compared as the hash of
mysql_native_password, and hashed before it is sent, so that no log of the server has it; another way to log
in is named with `plugin`. Privileges are read from SHOW GRANTS: without `append_privs` or `subtract_privs`
the account has exactly those of `priv`. Who changes the account by which the task itself logs in (root, say)
is let in by the new password afterwards. As root, nothing is needed for a Debian server: its socket knows
root. On `localhost` with the usual port it is always the socket.

Otherwise than in Ansible: `login_user` and `login_password` may also stand in the client's own option files;
`ALL` cannot lose single privileges by `subtract_privs`; `priv` does not know of functions and procedures.
Tested with Debian's MariaDB; a server by Oracle that spells out `ALL` in SHOW GRANTS was not tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import mysql_privs
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.mysql import (
    READS,
    MysqlLogin,
    Server,
    check_name,
    connect,
    execute,
    identifier,
    literal,
)
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, SecretValue, State
from configurator.modules.system import System

_AT_FIRST = "on_create"
_NATIVE = "mysql_native_password"
_RARE = "rarely needed, and not built yet: the statement ALTER USER does it"


@dataclass(frozen=True, slots=True)
class MysqlUserParams(MysqlLogin):
    """The parameters of community.mysql.mysql_user."""

    name: str = param("str", required=True, aliases=("user",))
    password: str | None = param("str", secret=True)
    encrypted: bool = param("bool", False)
    host: str = param("str", "localhost")
    host_all: bool = param("bool", False)
    priv: Any = param("raw")
    append_privs: bool = param("bool", False)
    subtract_privs: bool = param("bool", False)
    update_password: str = param("str", "always", choices=("always", _AT_FIRST))
    plugin: str | None = param("str")
    plugin_hash_string: str | None = param("str", secret=True)
    state: str = param("str", "present", choices=("present", "absent"))


class MysqlUser(Module[MysqlUserParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "mysql_user"
    params: ClassVar[type] = MysqlUserParams
    omitted: ClassVar[Mapping[str, str]] = {
        "attributes": "Debian's MariaDB has none",
        "column_case_sensitive": "columns are compared as they are written",
        "force_context": "no replication filter is taken into account: statements name all databases",
        "locked": _RARE,
        "password_expire": _RARE,
        "password_expire_interval": _RARE,
        "plugin_auth_string": "only the server could compare it: give the hash as `plugin_hash_string`",
        "resource_limits": _RARE,
        "salt": "is of caching_sha2_password, which Debian's MariaDB does not have",
        "session_vars": "a setting belongs into the server's configuration",
        "tls_requires": _RARE,
    }
    typical_s: ClassVar[float] = 0.2

    def check(self, params: MysqlUserParams) -> Sequence[ParamProblem]:
        problems = check_name("name", params.name, 80) + check_name("host", params.host, 255)
        try:
            mysql_privs.wanted({} if params.priv is None else params.priv)
        except ValueError as error:
            problems.append(ParamProblem("priv", str(error), "such as `shop.*:SELECT,INSERT`"))
        if params.append_privs and params.subtract_privs:
            problems.append(
                ParamProblem("append_privs", "'append_privs' and 'subtract_privs' exclude each other")
            )
        if params.password is not None and params.plugin is not None:
            problems.append(ParamProblem("plugin", "'plugin' and 'password' exclude each other"))
        if params.plugin_hash_string is not None and params.plugin is None:
            problems.append(ParamProblem("plugin_hash_string", "'plugin_hash_string' needs 'plugin'"))
        if params.encrypted and not _is_hash(params.password or ""):
            problems.append(
                ParamProblem("password", "with 'encrypted' it must be `*` and 40 hexadecimal digits")
            )
        return problems

    def subject(self, params: MysqlUserParams) -> str:
        return _key(params, params.host)

    def effects(self, params: MysqlUserParams) -> Effects:
        """The account, with privileges on databases that may be made before."""
        writes = (
            {f"mysql_user:{params.server}{params.name}@**"} if params.host_all else {self.subject(params)}
        )
        return effects(reads=READS | {f"mysql_db:{params.server}**"}, writes=writes)

    def locks(self, params: MysqlUserParams) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"mysql"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: MysqlUserParams) -> State:
        server = _server(system, params)
        state: State = {"accounts": {}}
        for host in _hosts(params, server):
            key = _key(params, host)
            found = system.lookup(key, partial(_probe, params, server, host))
            state["accounts"][key] = host
            state |= {f"{key}|{field}": value for field, value in found.items()}
        return state

    def desired(self, params: MysqlUserParams, actual: State) -> State:
        if params.state == "absent":
            return {f"{key}|exists": False for key in actual["accounts"]}
        wanted: State = {}
        for key in actual["accounts"]:
            found = {
                field: actual.get(f"{key}|{field}") for field in ("exists", "plugin", "hash", "privileges")
            }
            wanted |= {f"{key}|{field}": value for field, value in self._wanted(params, found).items()}
        return wanted

    def _wanted(self, params: MysqlUserParams, found: State) -> State:
        wanted: State = {"exists": True}
        if not (found["exists"] and params.update_password == _AT_FIRST):
            if params.password is not None:
                wanted["plugin"] = _NATIVE
                wanted["hash"] = SecretValue(_hash(params.password, encrypted=params.encrypted))
            if params.plugin is not None:
                wanted["plugin"] = params.plugin
            if params.plugin_hash_string is not None:
                wanted["hash"] = SecretValue(params.plugin_hash_string)
        if params.priv is not None:
            asked = mysql_privs.wanted(params.priv)
            wanted["privileges"] = self._privileges(params, found["privileges"] or {}, asked)
        return wanted

    def _privileges(
        self, params: MysqlUserParams, found: mysql_privs.Privileges, asked: mysql_privs.Privileges
    ) -> mysql_privs.Privileges:
        if params.append_privs:
            places = sorted({*found, *asked})
            return {p: mysql_privs.merged([*found.get(p, ()), *asked.get(p, ())]) for p in places}
        if not params.subtract_privs:
            return dict(sorted(asked.items()))
        left = {}
        for place, words in sorted(found.items()):
            less = set(asked.get(place, ()))
            if "ALL" in words and less - {"ALL", "GRANT"}:
                raise TaskError(
                    f"{params.name!r} has all privileges on {place}, which cannot lose single ones",
                    hint="name those that it is to have, without `subtract_privs`",
                )
            keep = () if "ALL" in less else tuple(word for word in words if word not in less)
            left[place] = tuple(word for word in words if word == "GRANT" and word not in less) or keep
            left[place] = mysql_privs.merged([*left[place], *keep])
        return {place: words for place, words in left.items() if words}

    def converge(self, system: System, params: MysqlUserParams, change: Change) -> None:
        statements: list[str] = []
        after: dict[str, State | None] = {}
        for key, host in change.before["accounts"].items():
            changed = {field.rpartition("|")[2] for field in change.fields if field.rpartition("|")[0] == key}
            if not changed:
                continue
            account = f"{literal(params.name)}@{literal(host)}"
            fields = ("exists", "plugin", "hash", "privileges")
            before = {field: change.before.get(f"{key}|{field}") for field in fields}
            after[key] = before | {field: change.after[f"{key}|{field}"] for field in changed}
            statements += _statements(params, account, before, after[key] or {}, changed)
            if params.state == "absent":
                after[key] = {"exists": False}
        execute(system, _server(system, params), statements, after)

    def outputs(self, params: MysqlUserParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return the account's name, as Ansible does."""
        return {"user": params.name}


def _key(params: MysqlUserParams, host: str) -> str:
    return f"mysql_user:{params.server}{params.name}@{host}"


def _server(system: System, params: MysqlUserParams) -> Server | None:
    """Return the server; a task about the very account that it logs in by may have changed its password."""
    own = params.login_user or system.fact("user_id")
    return connect(system, params, params.password if own == params.name and not params.encrypted else None)


def _hosts(params: MysqlUserParams, server: Server | None) -> Iterator[str]:
    if not params.host_all or server is None:
        yield params.host
        return
    rows = server.rows({"host": "Host"}, f"FROM mysql.user WHERE User = {literal(params.name)}")
    hosts = {row["host"] for row in rows}
    if not hosts and params.state == "present":
        yield params.host
    yield from sorted(hosts)


def _probe(params: MysqlUserParams, server: Server | None, host: str) -> State:
    if server is None:
        return {"exists": False}
    rows = server.rows(
        {"host": "Host", "plugin": "plugin", "hash": "authentication_string"},
        f"FROM mysql.user WHERE User = {literal(params.name)}",
    )
    row = next((row for row in rows if row["host"].lower() == host.lower()), None)
    if row is None:
        return {"exists": False}
    lines = server.lines(f"SHOW GRANTS FOR {literal(params.name)}@{literal(host)}")
    return {
        "exists": True,
        "plugin": row["plugin"] or _NATIVE,
        "hash": SecretValue(row["hash"]),
        "privileges": mysql_privs.granted(lines),
    }


def _statements(
    params: MysqlUserParams, account: str, before: State, after: State, changed: set[str]
) -> list[str]:
    if params.state == "absent":
        return [f"DROP USER {account}"]
    how = ""
    if changed & {"plugin", "hash"}:
        how = f" IDENTIFIED WITH {identifier(after['plugin'])}"
        value = after["hash"].value if "hash" in changed or params.plugin is None else None
        how += f" AS {literal(value)}" if value else ""
    said = [f"CREATE USER {account}{how}"] if not before["exists"] else []
    if before["exists"] and how:
        said.append(f"ALTER USER {account}{how}")
    if "privileges" in changed:
        said += mysql_privs.statements(before["privileges"] or {}, after["privileges"], account)
    return said


def _hash(password: str, *, encrypted: bool) -> str:
    """Return what mysql_native_password keeps: SHA1 of SHA1; nothing for no password."""
    if encrypted or not password:
        return password.upper()
    import hashlib  # noqa: PLC0415

    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def _is_hash(text: str) -> bool:
    return len(text) == 41 and text[0] == "*" and not set(text[1:].upper()) - set("0123456789ABCDEF")
