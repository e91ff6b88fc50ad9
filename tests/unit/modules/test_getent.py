"""getent: lines become entries; what getent refuses is said."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.getent import Getent, entries
from tests.unit.modules.recorded_system import RecordedSystem, params_of, problems_of

GETENT = Getent()


def test_lines_become_entries() -> None:
    """A key that stands there twice keeps both, as in Ansible."""
    assert entries("a:x:1\nb:x:2\n", ":") == {"a": ["x", "1"], "b": ["x", "2"]}
    assert entries("::1   localhost ip6\n::1 other\n", None) == {"::1": [["localhost", "ip6"], ["other"]]}
    assert entries("\n\n", None) == {}


@pytest.mark.parametrize(
    ("status", "message"),
    [(1, "there is no database 'x'"), (2, "'k' is not in x"), (3, "x cannot be listed"), (9, "getent: oops")],
)
def test_what_getent_refuses_is_said(status: int, message: str) -> None:
    """Its exit statuses mean something; without a key, 3 is for databases that only answer questions."""
    system: Any = RecordedSystem({"getent x k": (status, "", "oops\n")})
    with pytest.raises(TaskError, match=message):
        GETENT.observe(system, params_of(GETENT, database="x", key="k"))


def test_a_user_of_the_plan_is_told() -> None:
    """Its number is empty where only the apply will know it."""
    system: Any = RecordedSystem()
    system.established["user:me"] = {"exists": True, "uid": 7, "gid": 8, "home": "/h", "shell": "/bin/sh"}
    params = params_of(GETENT, database="passwd", key="me")
    actual = GETENT.observe(system, params)
    assert GETENT.outputs(params, actual) == {
        "ansible_facts": {"getent_passwd": {"me": ["x", "7", "8", "", "/h", "/bin/sh"]}}
    }


def test_options_are_refused() -> None:
    """A key is no option of getent."""
    assert problems_of(GETENT, database="passwd", key="-s") == ["'key' must not begin with `-`"]
