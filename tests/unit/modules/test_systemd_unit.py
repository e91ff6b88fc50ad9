"""systemd_unit: what systemd's complaints mean, and names that it would not take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.systemd_unit import complaints, quoted
from tests.unit.modules.harness import problems

SAID = """\
/tmp/x/a.service:2: Unknown key 'ExecStrat' in section [Service], ignoring.
/tmp/x/a.service:6: Standard output type syslog is obsolete, automatically updating to journal.
/lib/systemd/system/other.service:9: PIDFile= references a path below legacy directory /var/run/, ignoring.
a.service: Failed to create a.service/start: Unit nosuch.service not found.
a.service: Command /nope/x is not executable: No such file or directory
a.service: Service has Restart= set to either always or on-success, which isn't allowed. Refusing.
Unit a.service has a bad unit file setting.
"""


def test_complaints_are_told_from_doubts() -> None:
    """Other units' lines are none of this task's business; what may still come is a doubt."""
    wrong, doubts = complaints("a.service", drop_in=False, said=SAID)
    assert [line.partition(" ")[0] for line in wrong] == ["line", "Service"]
    assert [line.partition(":")[0] for line in doubts] == [
        "line 6",
        "Failed to create a.service/start",
        "Command /nope/x is not executable",
    ]


def test_a_drop_in_is_not_held_to_what_its_unit_says() -> None:
    """Read alone it has no ExecStart, which is no mistake."""
    wrong, doubts = complaints("a.service", drop_in=True, said=SAID)
    assert [line.partition(" ")[0] for line in wrong] == ["line"]
    assert not any("nosuch" in doubt for doubt in doubts)


@given(st.text(), st.binary())
def test_no_output_of_systemd_breaks_the_report(said: str, data: bytes) -> None:
    """Its words change between releases."""
    wrong, doubts = complaints("a.service", drop_in=False, said=said)
    for line in [*wrong, *doubts]:
        assert quoted(line, data)


def test_a_complaint_shows_the_line() -> None:
    """The number alone would have to be counted."""
    assert quoted("line 2: Unknown", b"[Service]\n  Foo=1  \n") == "line 2: Unknown ('Foo=1')"
    assert quoted("line 9: Unknown", b"[Service]\n") == "line 9: Unknown"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"name": "../x", "content": "x"}, "is not the name of a unit"),
        ({"name": "x", "content": "x", "drop_in": "a/b"}, "is not the name of a drop-in"),
        ({"name": "x"}, "give 'content' or 'src'"),
        ({"name": "x", "content": "x", "directory": "units"}, "must be an absolute path"),
        ({"name": "x", "content": "x", "directory": "/u", "scope": "user"}, "exclude each other"),
    ],
)
def test_what_makes_no_sense_is_said_offline(params: dict[str, str], said: str) -> None:
    """Before any host is touched."""
    assert any(said in problem for problem in problems("systemd_unit", **params))
