"""What a parameter of a module takes, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.modules.params import ParamSpec, convert


@pytest.mark.parametrize(
    ("choices", "value", "text"),
    [
        ((), True, "True"),
        ((), False, "False"),
        ((), 8080, "8080"),
        ((), "yes", "yes"),
        (("on", "off", "low"), False, "off"),
        (("no", "yes", "full"), True, "yes"),
        (("always", "never"), "never", "never"),
    ],
)
def test_a_boolean_that_is_given_for_a_text_is_a_word(
    choices: tuple[str, ...], value: Any, text: str
) -> None:
    """As with Ansible: `value: yes` of YAML is `True` in a file, and a choice where there are some."""
    assert convert(ParamSpec("str", choices=choices), value) == text


def test_a_boolean_that_is_no_choice_is_refused() -> None:
    """Its name is that of the text that it would be."""
    with pytest.raises(ValueError, match="must be one of present, absent, not 'True'"):
        convert(ParamSpec("str", choices=("present", "absent")), True)
