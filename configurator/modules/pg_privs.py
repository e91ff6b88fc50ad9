"""Who may do what with which things of a PostgreSQL database, as the catalogue has it (aclexplode)."""

# ruff: noqa: S608  (each value in a statement is quoted)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from configurator.modules.pg_sql import identifier, literal
from configurator.modules.postgresql import Server

GRANTABLE = " WITH GRANT OPTION"
PUBLIC = "PUBLIC"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of things with privileges: where the catalogue has it, and its words in GRANT.

    `prefix` begins the names of its columns; `letter` is that of acldefault(); `where` leaves out what is of
    another kind in the same table of the catalogue.
    """

    words: str
    table: str
    prefix: str
    owner: str
    letter: str
    schemas: bool = False
    where: str = "true"

    @property
    def name(self) -> str:
        """What a thing is called, in SQL."""
        if self.table == "pg_proc":
            return "c.proname || '(' || replace(pg_get_function_identity_arguments(c.oid), ', ', ':') || ')'"
        return f"c.{self.prefix}name::text"


KINDS = {
    "table": Kind(
        "TABLE",
        "pg_class",
        "rel",
        "relowner",
        "r",
        schemas=True,
        where="c.relkind IN ('r', 'v', 'm', 'f', 'p')",
    ),
    "sequence": Kind("SEQUENCE", "pg_class", "rel", "relowner", "s", schemas=True, where="c.relkind = 'S'"),
    "function": Kind("FUNCTION", "pg_proc", "pro", "proowner", "f", schemas=True, where="c.prokind <> 'p'"),
    "procedure": Kind("PROCEDURE", "pg_proc", "pro", "proowner", "f", schemas=True, where="c.prokind = 'p'"),
    "type": Kind("TYPE", "pg_type", "typ", "typowner", "T", schemas=True),
    "database": Kind("DATABASE", "pg_database", "dat", "datdba", "d"),
    "schema": Kind("SCHEMA", "pg_namespace", "nsp", "nspowner", "n"),
    "language": Kind("LANGUAGE", "pg_language", "lan", "lanowner", "l"),
    "tablespace": Kind("TABLESPACE", "pg_tablespace", "spc", "spcowner", "t"),
    "foreign_data_wrapper": Kind("FOREIGN DATA WRAPPER", "pg_foreign_data_wrapper", "fdw", "fdwowner", "F"),
    "foreign_server": Kind("FOREIGN SERVER", "pg_foreign_server", "srv", "srvowner", "S"),
}
# What a plan takes ALL to be on a server that is not there yet.
PRESUMED = {
    "table": ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"),
    "sequence": ("SELECT", "UPDATE", "USAGE"),
    "function": ("EXECUTE",), "procedure": ("EXECUTE",),
    "database": ("CONNECT", "CREATE", "TEMPORARY"),
    "schema": ("CREATE", "USAGE"), "tablespace": ("CREATE",),
}  # fmt: skip
DEFAULTS = {"TABLES": "table", "SEQUENCES": "sequence", "FUNCTIONS": "function", "TYPES": "type",
            "SCHEMAS": "schema"}  # fmt: skip
_DEFAULT_LETTERS = {"TABLES": "r", "SEQUENCES": "S", "FUNCTIONS": "f", "TYPES": "T", "SCHEMAS": "n"}

Held = dict[str, dict[str, tuple[str, ...]]]  # thing: role: its privileges, sorted


def all_of(server: Server | None, kind: str) -> tuple[str, ...]:
    """Return what ALL PRIVILEGES means: each version of the server has its own."""
    if server is None:
        return PRESUMED.get(kind, ("USAGE",))
    select = f"SELECT privilege_type AS p FROM aclexplode(acldefault({literal(KINDS[kind].letter)}, 10))"
    # Where the owner has nothing that everybody has not, both are named.
    return tuple(sorted({row["p"] for row in server.rows(select)}))


def held_on(server: Server, kind: str, schema: str | None) -> Held:
    """Return the privileges on all things of a kind, or on all those in a schema."""
    known = KINDS[kind]
    prefix = known.prefix
    inside = (
        f"AND c.{prefix}namespace = (SELECT oid FROM pg_namespace WHERE nspname = {literal(schema or '')})"
        if known.schemas
        else ""
    )
    acl = f"coalesce(c.{prefix}acl, acldefault({literal(known.letter)}, c.{known.owner}))"
    rows = server.rows(
        f"SELECT {known.name} AS name, {_exploded(acl)} AS acl FROM {known.table} c"
        f" WHERE {known.where} {inside}"
    )
    return {row["name"]: _by_role(row["acl"]) for row in rows}


def held_by_default(
    server: Server, objects: str, owner: str, schema: str | None
) -> dict[str, tuple[str, ...]]:
    """Return what roles will be allowed to do with the things that `owner` makes (pg_default_acl)."""
    role = f"(SELECT oid FROM pg_roles WHERE rolname = {literal(owner)})"
    letter = _DEFAULT_LETTERS[objects]
    space = "0" if schema is None else f"(SELECT oid FROM pg_namespace WHERE nspname = {literal(schema)})"
    base = "NULL" if schema is not None else f"acldefault({literal(letter.replace('S', 's'))}, {role})"
    stored = (
        f"SELECT defaclacl FROM pg_default_acl WHERE defaclrole = {role} AND defaclnamespace = {space}"
        f" AND defaclobjtype = {literal(letter)}"
    )
    rows = server.rows(f"SELECT {_exploded(f'coalesce(({stored}), {base}::aclitem[])')} AS acl")
    return _by_role(rows[0]["acl"])


def _exploded(acl: str) -> str:
    return (
        "(SELECT jsonb_agg(jsonb_build_array(coalesce(r.rolname, ''), a.privilege_type, a.is_grantable))"
        f" FROM aclexplode({acl}) a LEFT JOIN pg_roles r ON r.oid = a.grantee)"
    )


def _by_role(entries: Sequence[Any] | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, bool]] = {}
    for role, privilege, grantable in entries or ():
        held = found.setdefault(role or PUBLIC, {})
        held[privilege] = held.get(privilege, False) or grantable
    return {role: joined(held) for role, held in found.items()}


def joined(held: dict[str, bool]) -> tuple[str, ...]:
    """Return privileges as they are shown and compared."""
    return tuple(sorted(name + (GRANTABLE if grantable else "") for name, grantable in held.items()))


def parted(shown: Sequence[str]) -> dict[str, bool]:
    """Return privileges, with whether they may be handed on."""
    return {name.removesuffix(GRANTABLE): name.endswith(GRANTABLE) for name in shown}


def with_(held: Sequence[str], wanted: Sequence[str], *, grantable: bool | None) -> tuple[str, ...]:
    """Return what a role holds once it has these; `grantable` None leaves it to what is there."""
    found = parted(held)
    for name in wanted:
        found[name] = found.get(name, False) if grantable is None else grantable
    return joined(found)


def without(held: Sequence[str], unwanted: Sequence[str]) -> tuple[str, ...]:
    """Return what a role holds once these are taken away."""
    return joined({name: option for name, option in parted(held).items() if name not in unwanted})


def steps(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, list[str], bool]]:
    """Return (verb, privileges, with the option) that lead from one to the other.

    Verbs are `GRANT`, `REVOKE`, and `REVOKE GRANT OPTION FOR`.
    """
    old, new = parted(before), parted(after)
    gone = [name for name in sorted(old) if name not in new]
    given = [name for name in sorted(new) if name not in old and not new[name]]
    handed = [name for name in sorted(new) if new[name] and not old.get(name)]
    kept = [name for name in sorted(new) if not new[name] and old.get(name)]
    found = [("REVOKE", gone, False), ("GRANT", given, False), ("GRANT", handed, True)]
    return [step for step in (*found, ("REVOKE GRANT OPTION FOR", kept, False)) if step[1]]


def sentence(step: tuple[str, list[str], bool], on: str, role: str) -> str:
    """Return one step as a statement."""
    verb, names, option = step
    whom = PUBLIC if role == PUBLIC else identifier(role)
    towards = "TO" if verb == "GRANT" else "FROM"
    return f"{verb} {', '.join(names)} ON {on} {towards} {whom}{GRANTABLE if option else ''}"


def target(kind: str, name: str, schema: str | None) -> str:
    """Return a thing as GRANT names it; a function is `name(type:type)`."""
    known = KINDS[kind]
    before = f"{identifier(schema)}." if known.schemas and schema is not None else ""
    if known.table == "pg_proc":
        function, _, types = name.partition("(")
        return f"{known.words} {before}{identifier(function)}({types.replace(':', ', ')}"
    return f"{known.words} {before}{identifier(name)}"
