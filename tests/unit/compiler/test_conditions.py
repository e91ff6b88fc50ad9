"""Conditions with braces: around the whole, within quotes, and around a part."""

from __future__ import annotations

import pytest

from configurator.compiler.scope import Ready, Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar

VARIABLES = {"a": 1, "s": "a b", "n": None, "evil": "{{ a }}", "quoted": "' or true or '"}


def holds(condition: str) -> bool:
    scope = Scope(Engine(), {name: Ready(value) for name, value in VARIABLES.items()}, {})
    return scope.condition(LocatedScalar(condition, Span("f", 1, 1)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{{ a == 1 }}", True),
        ("{{ a == 2 }}", False),
        (" {{ a == 2 }}\n", False),
        ("{% if a == 2 %}true{% else %}false{% endif %}", False),
        ("'{{ s }}' == 'a b'", True),
        ('"{{ s }}" == "zz"', False),
        ("'{{ a }}' == '1'", True),
        ("'x{{ n }}{{ a }}y' == 'x1y'", True),
        ("s is match('{{ s }}$') and s in ['{{ s }}']", True),
        ("s is match('b{{ a }}')", False),
        ("'{{ evil }}' == '1'", False),
        ("'{{ quoted }}' == 'x'", False),
    ],
)
def test_braces_around_a_condition_or_in_its_quotes_stand_for_values(condition: str, expected: bool) -> None:
    """As in Ansible, but that a value is never evaluated; a text such as `a == "1"` would always hold."""
    assert holds(condition) is expected


@pytest.mark.parametrize("condition", ["a == {{ a }}", "not {{ a }}", "{{ a }} == 2", "{{ a }} and {{ s }}"])
def test_braces_around_a_part_of_a_condition_are_refused(condition: str) -> None:
    """What comes out is a text, which is never empty: the condition would hold whatever the values are."""
    with pytest.raises(TemplatingError, match="braces are around a part") as raised:
        holds(condition)
    assert raised.value.diagnostic.hint == "a condition is an expression: write its variables without {{ }}"
