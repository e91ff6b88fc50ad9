"""cron: entries in the text of a crontab, the time fields, and what is refused without asking a host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.cron import Cron
from configurator.modules.cron_times import problem
from configurator.modules.crontab_lines import (
    MARK,
    drop,
    entry,
    is_complete,
    jobs,
    put_job,
    put_variable,
    variables,
)
from tests.unit.modules.recorded_system import params_of, problems_of

CRON = Cron()
LINES = st.lists(
    st.sampled_from(
        ["", "# x", f"{MARK}a", f"{MARK}b", "* * * * * job", "1 * * * * a", "A=1", "B = 2", "\f\r", "ü % \\"]
    )
)


@given(LINES, st.booleans())
def test_an_edit_of_a_job_is_stable_and_leaves_the_rest(lines: list[str], ended: bool) -> None:
    """Whatever stands there: our entry is the one line, and what is not ours keeps its order and bytes."""
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    new = put_job(text, "a", "1 * * * * a")
    assert entry(new, "a", env=False) == "1 * * * * a"
    assert put_job(new, "a", "1 * * * * a") == new
    without = drop(text, "a", env=False)
    assert entry(without, "a", env=False) is None
    assert f"{MARK}a" not in without.split("\n")
    assert drop(without, "a", env=False) == without
    if entry(text, "a", env=False) is None:
        assert without == text
        if "1 * * * * a" not in lines:
            assert new == (text if is_complete(text) else text + "\n") + f"{MARK}a\n1 * * * * a\n"


@given(LINES)
def test_an_edit_of_a_variable_is_stable_and_leaves_the_rest(lines: list[str]) -> None:
    """A variable is set once, and all lines that are none of it stay."""
    text = "".join(f"{line}\n" for line in lines)
    new = put_variable(text, "A", 'A="2"')
    assert new is not None
    assert entry(new, "A", env=True) == 'A="2"'
    assert put_variable(new, "A", 'A="2"') == new
    others = [line for line in lines if line != "A=1"]
    assert [line for line in new.split("\n")[:-1] if line != 'A="2"'] == others
    assert drop(text, "A", env=True) == "".join(f"{line}\n" for line in others)


def test_a_mark_without_its_job_takes_no_other_entry() -> None:
    """Somebody deleted the line below: the next entry's mark must not be taken for the job."""
    text = f"{MARK}a\n{MARK}b\n1 * * * * b\n"
    assert entry(text, "a", env=False) == ""
    assert put_job(text, "a", "2 * * * * a") == f"{MARK}a\n2 * * * * a\n{MARK}b\n1 * * * * b\n"
    assert drop(text, "a", env=False) == f"{MARK}b\n1 * * * * b\n"
    assert jobs(text) == ["a", "b"]


def test_an_entry_that_stands_there_twice_becomes_one() -> None:
    """The job would run twice; shown as a difference."""
    text = f"{MARK}a\n1 * * * * a\nx\n{MARK}a\n1 * * * * a\n"
    assert entry(text, "a", env=False) == "1 * * * * a\n1 * * * * a"
    assert put_job(text, "a", "1 * * * * a") == f"{MARK}a\n1 * * * * a\nx\n"


def test_an_unmarked_line_is_taken_over() -> None:
    """As Ansible does; but not the line of another entry."""
    assert put_job("1 * * * * a\n", "a", "1 * * * * a") == f"{MARK}a\n1 * * * * a\n"
    marked = f"{MARK}b\n1 * * * * a\n"
    assert put_job(marked, "a", "1 * * * * a") == f"{marked}{MARK}a\n1 * * * * a\n"


def test_places_of_variables() -> None:
    """Beside another one, at the top otherwise; a missing neighbour is told."""
    text = "# x\nB = 2\n1 * * * * C=3 job\n"
    assert put_variable(text, "A", 'A="1"') == f'A="1"\n{text}'
    assert put_variable(text, "A", 'A="1"', after="B") == '# x\nB = 2\nA="1"\n1 * * * * C=3 job\n'
    assert put_variable(text, "A", 'A="1"', before="B") == '# x\nA="1"\nB = 2\n1 * * * * C=3 job\n'
    assert put_variable(text, "A", 'A="1"', before="C") is None
    assert variables(text) == ["B"]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (
            "minute",
            ("*", "0", "59", "*/5", "1-30/2", "0,15,30", "~"),
            ("60", "*/0", "a", "", "1 2", "-1", "1-60"),
        ),
        ("hour", ("23", "0-6,22-23"), ("24", "noon")),
        ("day", ("1", "31", "L"), ("0", "32")),
        ("month", ("jan", "JAN-mar", "12"), ("0", "13", "january", "j")),
        ("weekday", ("0", "7", "sun", "mon-fri"), ("8", "sonntag")),
    ],
)
def test_time_fields(field: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    """What cron takes passes; what it would refuse is named."""
    assert [value for value in good if problem(field, value) is not None] == []
    assert [value for value in bad if problem(field, value) is None] == []


def test_lines() -> None:
    """A job as crontab(5) wants it, with the user only in files."""
    assert params_of(CRON, name="a", job="b % c\n", minute=0).line == "0 * * * * b % c"
    assert params_of(CRON, name="a", job="b", cron_file="f").line == "* * * * * root b"
    special = params_of(
        CRON, name="a", job="b", cron_file="/x/f", user="me", special_time="daily", disabled=True
    )
    assert (special.line, special.path) == ("#@daily me b", "/x/f")
    assert params_of(CRON, name="a", job='"b"', env=True).line == 'a=""b""'


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"job": None}, "'job' is required"),
        ({"job": "a\nb"}, "'job' must be one line"),
        ({"job": " "}, "'job' must be a command"),
        ({"name": "a\nb"}, "'name' must be one line"),
        ({"name": "a b", "env": True}, "is not the name of a variable"),
        ({"special_time": "daily", "hour": 3}, "exclude each other"),
        ({"insertafter": "PATH"}, "needs 'env: true'"),
        ({"env": True, "insertafter": "A", "insertbefore": "B"}, "exclude each other"),
        ({"user": "a b"}, "is not the name of an account"),
        ({"cron_file": "x/"}, "is not the name of a file"),
        ({"minute": "61"}, "'minute' must be 0-59"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(CRON, **({"name": "a", "job": "b"} | wrong))
    assert any(message in problem for problem in found), found
