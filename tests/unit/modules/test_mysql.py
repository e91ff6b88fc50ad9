"""MySQL: quoting, privileges in all their spellings, and what is handed to the client."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules.mysql import identifier, literal
from configurator.modules.mysql_db import MysqlDb
from configurator.modules.mysql_privs import Privileges, granted, merged, split, statements, wanted
from configurator.modules.mysql_user import MysqlUser
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

USER, DB = MysqlUser(), MysqlDb()
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(TEXT)
def test_quoted_names_and_texts_end_where_they_should(text: str) -> None:
    """One that ends early is an injection."""
    name, value = identifier(text), literal(text)
    assert re.fullmatch(r"`(?:[^`]|``)*`", name, re.DOTALL)
    assert name[1:-1].replace("``", "`") == text
    assert re.fullmatch(r"'(?:[^'\\]|''|\\\\)*'", value, re.DOTALL)
    assert value[1:-1].replace("''", "'").replace("\\\\", "\\") == text


@pytest.mark.parametrize("quote", [identifier, literal])
def test_a_zero_byte_is_refused(quote: Any) -> None:
    """The client would cut the statement there."""
    with pytest.raises(ValueError, match="zero byte"):
        quote("a\0b")


def test_privileges_are_read_as_tasks_write_them() -> None:
    """Text and mappings mean the same; brackets keep their commas."""
    text = "a.*:select,Insert/`b`.t:ALL PRIVILEGES,GRANT/*.*:USAGE/c.d:SELECT(y, x)"
    mapping = {
        "a.*": "INSERT,SELECT", "b.t": ["all", "grant option"], "*.*": "USAGE", "c.d": ["SELECT (x,y)"]
    }  # fmt: skip
    expected = {"a.*": ("INSERT", "SELECT"), "b.t": ("ALL", "GRANT"), "c.d": ("SELECT (x, y)",)}
    assert wanted(text) == wanted(mapping) == expected


@pytest.mark.parametrize(
    ("priv", "message"),
    [
        ("SELECT", "not `database.table:"),
        ("db:SELECT", "not `database.table`"),
        ("a.*:SEL;ECT", "no privilege"),
    ],
)
def test_what_is_no_privilege_is_refused(priv: str, message: str) -> None:
    """Words of privileges cannot be quoted: nothing but words may be in them."""
    with pytest.raises(ValueError, match=re.escape(message)):
        wanted(priv)


WORDS = st.sampled_from(["SELECT", "INSERT", "CREATE VIEW", "GRANT", "ALL", "UPDATE (a, b)"])
PLACES = st.sampled_from(["*.*", "shop.*", "a`b.t", "shop.to"])
HELD = st.dictionaries(PLACES, st.lists(WORDS, min_size=1).map(merged))


@given(HELD)
def test_what_is_granted_is_read_back(held: Privileges) -> None:
    """SHOW GRANTS answers in the words of GRANT."""
    assert granted(statements({}, held, "`TO`@`WITH GRANT OPTION`")) == held


@given(HELD)
def test_nothing_is_said_where_nothing_changes(held: Privileges) -> None:
    """A statement without need would be in the log of each run."""
    assert statements(held, held, "`a`@`b`") == []


@given(st.text("a,() "))
def test_any_text_is_parted(text: str) -> None:
    """Brackets that do not match are no crash."""
    assert all(part == part.strip() for part in split(text))


def server(user_rows: Sequence[dict[str, Any]] = ()) -> RecordedSystem:
    """Return a host whose client answers a question for accounts."""

    def client(argv: Sequence[str], stdin: str | None) -> str:
        assert "--version" in argv or "s3cret" not in (stdin or "")
        return "".join(json.dumps(row) + "\n" for row in user_rows) if "mysql.user" in (stdin or "") else ""

    found = RecordedSystem({"mariadb": client})
    found.facts["user_id"] = "root"
    return found


def test_a_password_is_neither_on_the_command_line_nor_in_a_statement() -> None:
    """Every user sees the arguments of processes, and the server logs statements."""
    system = server()
    assert not converge(USER, system, name="app", password="s3cret", login_password="s3cret", login_user="me")
    assert "s3cret" not in json.dumps([system.ran, system.queried])
    assert "IDENTIFIED WITH `mysql_native_password` AS '*" in (system.ran[0][1] or "")
    assert not any(word.startswith(("--port", "--host")) for word in system.ran[0][0])


def test_without_a_client_it_is_said_what_to_install() -> None:
    """In a plan in which the package comes first, the server is empty."""
    system = RecordedSystem({"mariadb": (127, "", ""), "mysql": (127, "", "")})
    with pytest.raises(TaskError, match="neither mariadb nor mysql") as caught:
        change_of(DB, system, name="app")
    assert "apt: {name: mariadb-server}" in (caught.value.hint or "")
    system.established["package:mariadb-server"] = {"exists": True}
    assert not converge(DB, system, name="app", encoding="utf8mb4")
    assert not converge(USER, system, name="app", priv="app.*:ALL")


def test_what_cannot_be_is_said_before_any_host() -> None:
    """Combinations that mean nothing."""
    assert problems_of(USER, name="a", append_privs=True, subtract_privs=True, priv="a.*:ALL") == [
        "'append_privs' and 'subtract_privs' exclude each other"
    ]
    assert problems_of(USER, name="a", password="x", encrypted=True) == [
        "with 'encrypted' it must be `*` and 40 hexadecimal digits"
    ]
    assert problems_of(USER, name="a", plugin_hash_string="x") == ["'plugin_hash_string' needs 'plugin'"]
    assert problems_of(DB, name="all") == ["`all` is for dumps, and names no database here"]
    assert problems_of(DB, name="a", encoding="utf8; DROP") == ["'utf8; DROP' is no name of one"]
