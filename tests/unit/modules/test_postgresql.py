"""PostgreSQL: quoting, hashes of passwords, and what is handed to psql."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules.pg_privs import joined, steps, with_, without
from configurator.modules.pg_sql import identifier, is_hash, is_password, literal, new_hash, scram_hash
from configurator.modules.postgresql_db import PostgresqlDb
from configurator.modules.postgresql_ext import PostgresqlExt
from configurator.modules.postgresql_privs import PostgresqlPrivs
from configurator.modules.postgresql_user import PostgresqlUser
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

USER, DB, EXT, PRIVS = PostgresqlUser(), PostgresqlDb(), PostgresqlExt(), PostgresqlPrivs()
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(TEXT)
def test_a_quoted_name_is_one_name(name: str) -> None:
    """A name that ends its quotes early is an injection: every quote within is doubled."""
    quoted = identifier(name)
    assert (quoted[0], quoted[-1]) == ('"', '"')
    assert re.fullmatch(r'(?:[^"]|"")*', quoted[1:-1], re.DOTALL)
    assert quoted[1:-1].replace('""', '"') == name


@given(TEXT)
def test_a_quoted_text_is_one_text(text: str) -> None:
    """Quotes are doubled and so are backslashes, which mean something in an E'' text."""
    quoted = literal(text)
    assert (quoted[:2], quoted[-1]) == ("E'", "'")
    body = quoted[2:-1]
    assert re.fullmatch(r"(?:[^'\\]|''|\\\\)*", body, re.DOTALL)
    assert body.replace("''", "'").replace("\\\\", "\\") == text


@pytest.mark.parametrize("quote", [identifier, literal])
def test_a_zero_byte_is_refused(quote: Any) -> None:
    """The server would cut the statement there."""
    with pytest.raises(ValueError, match="zero byte"):
        quote("a\0b")


def test_the_hash_is_that_of_the_rfc() -> None:
    """RFC 7677's example: user `user`, password `pencil`; the keys follow from it."""
    stored = scram_hash("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    assert stored == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert is_hash(stored)
    assert is_password(stored, "pencil", "user")
    assert is_password(stored, stored, "user")
    assert not is_password(stored, "Pencil", "user")


@given(st.text(min_size=1, max_size=20), st.sampled_from(["md5", "scram-sha-256"]))
def test_a_new_hash_is_known_again(password: str, method: str) -> None:
    """Otherwise each run would set the password anew."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return
    stored = new_hash(password, "role", method)
    assert is_hash(stored)
    assert is_password(stored, password, "role")
    assert not is_password(stored, password + "x", "role")


def test_no_password_is_another_than_an_empty_one() -> None:
    """`password: ""` takes it away; what is there is something else."""
    assert is_password(None, "", "role")
    assert not is_password("md5" + "0" * 32, "", "role")
    assert not is_password(None, "x", "role")


def server(**rows: Sequence[dict[str, Any]]) -> RecordedSystem:
    """Return a host whose psql answers by a word of the statement."""

    def psql(_argv: Sequence[str], stdin: str | None) -> str:
        for word, found in rows.items():
            if word in (stdin or ""):
                return "".join(json.dumps(row) + "\n" for row in found)
        return ""

    found = RecordedSystem({"psql --version": "psql 15", "psql": psql, "setpriv": psql})
    found.facts["user_id"] = "root"
    return found


def test_a_password_is_neither_on_the_command_line_nor_in_a_statement() -> None:
    """Every user sees the arguments of processes, and the server logs statements."""
    system = server(password_encryption=[{"method": "scram-sha-256"}])
    assert not converge(USER, system, name="app", password="s3cret", login_password="login-s3cret")
    words = json.dumps([system.ran, system.queried])
    assert "s3cret" not in words
    assert "SCRAM-SHA-256$4096:" in words
    assert system.ran[0][0][0] == "psql"


def test_as_root_it_is_done_as_postgres() -> None:
    """pg_hba.conf of Debian lets nobody else in through the socket."""
    system = server()
    converge(USER, system, name="app")
    assert system.commands[0].startswith("setpriv --reuid=postgres")
    assert system.ran[0][1] == 'CREATE ROLE "app" WITH LOGIN;\n'
    system.facts["user_id"] = "postgres"
    converge(USER, system, name="other")
    assert system.commands[1].startswith("psql ")


def test_without_psql_it_is_said_what_to_install() -> None:
    """In a plan in which a package comes first, the server is empty."""
    system = RecordedSystem({"psql": (127, "", "")})
    with pytest.raises(TaskError, match="psql is not installed") as caught:
        change_of(USER, system, name="app")
    assert "apt: {name: postgresql}" in (caught.value.hint or "")
    system.established["package:postgresql"] = {"exists": True}
    assert change_of(DB, system, name="app").after == {"exists": True}
    converge(DB, system, name="app")
    assert change_of(EXT, system, name="hstore", login_db="app", version="latest").fields == (
        "exists",
        "version",
    )


def test_what_cannot_be_is_said_before_any_host() -> None:
    """Attributes with a typing error, settings that are more, names that the server would cut off."""
    assert problems_of(USER, name="a", role_attr_flags="SUPERUSR") == ["'SUPERUSR' is no attribute of a role"]
    assert problems_of(USER, name="x" * 64) == [f"{'x' * 64!r} is no name of 1 to 63 bytes"]
    assert problems_of(USER, name="a", encrypted=False) == [
        "a server keeps no passwords as text since version 10"
    ]
    assert problems_of(
        USER, name="a", configuration={"work_mem": "1; DROP"}, quote_configuration_values=False
    ) == ["work_mem: more than a value"]
    assert problems_of(USER, name="a", configuration={"a b": "1"}) == ["'a b' is not the name of a setting"]
    assert problems_of(DB, name="postgres", state="absent") == [
        "'postgres' is the database that is used to reach the server"
    ]
    assert problems_of(DB, name="a", connect_params={"password": "x"}) == [
        "'password' cannot be handed over to psql"
    ]


NAMES = st.sampled_from(["SELECT", "INSERT", "UPDATE", "DELETE"])
HELD = st.dictionaries(NAMES, st.booleans()).map(joined)


def follow(held: tuple[str, ...], done: list[tuple[str, list[str], bool]]) -> tuple[str, ...]:
    """Return what the server would make of the steps."""
    for verb, names, option in done:
        if verb == "REVOKE":
            held = without(held, names)
        elif verb == "GRANT":
            held = with_(held, names, grantable=True if option else None)
        else:
            held = with_(held, names, grantable=False)
    return held


@given(HELD, HELD)
def test_the_steps_lead_from_what_is_held_to_what_is_wanted(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    """A privilege may have to lose its grant option alone; nothing is granted that is there."""
    assert follow(before, steps(before, after)) == after
    assert steps(after, after) == []


@given(HELD, st.lists(NAMES), st.sampled_from([None, True, False]))
def test_wanting_the_same_again_changes_nothing(
    held: tuple[str, ...], names: list[str], option: bool | None
) -> None:
    """`grant_option` left out keeps the option where it is."""
    once = with_(held, names, grantable=option)
    assert with_(once, names, grantable=option) == once
    assert not set(names) & {name.split(" ")[0] for name in without(once, names)}


def test_privileges_that_cannot_be_are_refused() -> None:
    """Words, kinds and their parameters are checked without a host."""
    common = {"login_db": "a", "roles": "b"}
    assert problems_of(PRIVS, **common, objs="t", privs="SELCT") == ["'SELCT' is no privilege"]
    assert problems_of(PRIVS, **common, privs="SELECT") == ["'type: table' needs 'objs'"]
    assert problems_of(PRIVS, **common, type="database") == ["'type: database' needs 'privs'"]
    assert problems_of(PRIVS, **common, type="schema", objs="s", privs="USAGE", schema="x") == [
        "a schema is in no schema"
    ]
    assert problems_of(PRIVS, **common, type="group", objs="s", privs="USAGE") == [
        "a membership has no privileges: leave 'privs' out"
    ]
    assert problems_of(PRIVS, **common, type="function", objs="f", privs="EXECUTE") == [
        "'f' has no argument types"
    ]
    assert problems_of(PRIVS, **common, type="default_privs", objs="VIEWS", privs="SELECT") == [
        "'VIEWS' have no defaults"
    ]
