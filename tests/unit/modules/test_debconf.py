"""debconf: its database, and what is handed to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules.debconf import Debconf, parse
from configurator.modules.state import SecretValue
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

DEBCONF = Debconf()
CONFIG = """\
Name: tz/zone
Template: tz/zone
Value: Europe/Berlin
Owners: tz, other
Flags: seen
Variables:
 choices = a: b, c
 x =

Name: tz/long
Template: tz/long
Value: one\\ntwo
Owners: tz

"""


def host(*, plan: bool = True) -> RecordedSystem:
    system = RecordedSystem(plan=plan)
    system.put("/usr/bin/debconf-set-selections", "#!/usr/bin/perl")
    system.put("/var/cache/debconf/config.dat", CONFIG)
    system.put("/var/cache/debconf/passwords.dat", "Name: tz/pw\nTemplate: tz/pw\nValue: s3cret\n\n")
    return system


def test_the_database_is_read_as_debconf_writes_it() -> None:
    """Variables are no fields; a line break in a value is written as two characters."""
    found = parse(CONFIG)
    assert found["tz/zone"]["value"] == "Europe/Berlin"
    assert found["tz/zone"]["flags"] == "seen"
    assert "choices" not in found["tz/zone"]
    assert found["tz/long"]["value"] == "one\ntwo"


@given(st.text())
def test_any_database_can_be_read(text: str) -> None:
    """A damaged file is no crash."""
    parse(text)


def ask(value: Any, vtype: str = "select", question: str = "tz/zone") -> dict[str, Any]:
    return {"name": "tz", "question": question, "vtype": vtype, "value": value}


def test_an_answer_is_set_once() -> None:
    """What is there already needs no command; in a plan a second task sees the first one's answer."""
    system = host()
    assert not change_of(DEBCONF, system, **ask("Europe/Berlin"))
    assert not converge(DEBCONF, system, **ask("UTC"))
    assert system.ran == [(("debconf-set-selections",), "tz tz/zone select UTC\n")]
    assert not change_of(DEBCONF, system, **ask("UTC"))


def test_a_password_is_never_shown() -> None:
    """Neither the old one nor the new one is in a change, on a command line, or in what is returned."""
    system = host()
    change = change_of(DEBCONF, system, **ask("n3w", "password", "tz/pw"))
    assert change.before["answer"] == SecretValue("s3cret")
    (record,) = change.records()
    assert "s3cret" not in str(record)
    assert "n3w" not in str(record)
    converge(DEBCONF, system, **ask("n3w", "password", "tz/pw"))
    assert "n3w" not in system.commands[0]
    params = params_of(DEBCONF, **ask("n3w", "password", "tz/pw"))
    assert DEBCONF.outputs(params, DEBCONF.observe(system, params)) == {"current": {"tz/pw": ""}}


def test_a_locked_database_says_so() -> None:
    """debconf's own words are in the output, and what to wait for in the hint."""
    system = host(plan=False)
    system.answers["debconf-set-selections"] = (
        1,
        "",
        "debconf: DbDriver: config.dat is locked by another process",
    )
    with pytest.raises(TaskError) as caught:
        converge(DEBCONF, system, **ask("UTC"))
    assert caught.value.hint == "another process configures packages right now"


def test_what_debconf_could_not_keep_is_refused() -> None:
    """Line breaks would be further answers; a boolean is one of two words."""
    assert problems_of(DEBCONF, **ask("a\nb c d e")) == ["must be one line"]
    assert problems_of(DEBCONF, **ask("maybe", "boolean"))
    assert problems_of(DEBCONF, **ask({"a": 1}))
    assert problems_of(DEBCONF, name="tz", value="x") == ["'value' needs 'question'"]
    assert problems_of(DEBCONF, name="t z")
    assert problems_of(DEBCONF, name="tz", question="a b", vtype="string", value="x")
    assert not problems_of(DEBCONF, name="tz")
