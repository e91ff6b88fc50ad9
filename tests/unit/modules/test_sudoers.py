"""sudoers: the rule's text, and what is refused without asking a host."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.modules.sudoers import Sudoers
from tests.unit.modules.recorded_system import RecordedSystem, params_of, problems_of

SUDOERS = Sudoers()
HOST: Any = RecordedSystem()


def test_rules_read_as_ansibles() -> None:
    """Byte for byte, so that a file made by Ansible is no change."""
    rule = params_of(SUDOERS, name="r", user="me", commands="/bin/a x, /bin/b", runas="ALL:ALL", noexec=True)
    assert rule.line == "me ALL=(ALL:ALL)NOEXEC:NOPASSWD: /bin/a x, /bin/b\n"
    rule = params_of(SUDOERS, name="r", group="ops", commands=["ALL"], nopassword=False, host="web")
    assert rule.line == "%ops web= ALL\n"


def test_every_change_is_guarded() -> None:
    """A rule that goes may be the one that we work by."""
    params = params_of(SUDOERS, name="r", state="absent")
    guard = SUDOERS.guard(params, HOST)
    assert guard is not None
    assert guard.saves == ("/etc/sudoers.d/r",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"group": "g"}, "exactly one of 'user' and 'group'"),
        ({"user": None}, "exactly one of 'user' and 'group'"),
        ({"commands": []}, "'commands' is required"),
        ({"commands": ["a\nb"]}, "'commands' must hold neither"),
        ({"user": "a\nALL"}, "'user' must hold neither"),
        ({"name": "a/b"}, "is not the name of a file"),
        ({"name": "a.b"}, "sudo passes over 'a.b'"),
        ({"name": "a~"}, "sudo passes over 'a~'"),
        ({"sudoers_path": "x"}, "must be an absolute path"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(SUDOERS, **({"name": "a", "user": "u", "commands": ["x"]} | wrong))
    assert any(message in problem for problem in found), found
