"""pam_limits: editing limits.conf(5), and values that PAM would not take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.pam_limits import PamLimits
from tests.unit.modules.recorded_system import params_of, problems_of

LIMITS = PamLimits()
SETTING = {"domain": "a", "limit_type": "soft", "limit_item": "nofile", "value": "5"}
LINES = st.lists(
    st.sampled_from(
        ["", "# a soft nofile 1", "a soft nofile 1", "a  soft\tnofile 5 # x", "b soft nofile 1", "\f"]
    )
)


@given(LINES, st.booleans())
def test_the_limit_is_set_and_other_lines_stay(lines: list[str], ended: bool) -> None:
    """Once, with its value; whatever else stands there keeps its order and bytes."""
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    params = params_of(LIMITS, **SETTING)
    new = LIMITS.edit(params, text)
    mine = [line for line in new.split("\n") if line.split()[:3] == ["a", "soft", "nofile"]]
    assert [line.split()[3] for line in mine] == ["5"]
    assert LIMITS.edit(params, new) == new
    others = [line for line in lines if line.split()[:3] != ["a", "soft", "nofile"]]
    kept = [line for line in new.split("\n") if line not in mine]
    assert [line for line in kept if line] == [line for line in others if line]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"domain": "a b"}, "is not one domain"),
        ({"value": "many"}, "must be a number or `unlimited`"),
        ({"limit_item": "nice", "value": "30"}, "from -20 to 19"),
        ({"limit_item": "nofiles"}, "did you mean 'nofile'"),
        ({"comment": "a\nb"}, "'comment' one line"),
        ({"use_max": True, "use_min": True}, "exclude each other"),
        ({"dest": "x"}, "must be an absolute path"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(LIMITS, **(SETTING | wrong))
    assert any(message in problem for problem in found), found
