"""Tables of expressions with their values: nearly all were compared with Ansible's own answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from configurator.compiler.filters import COLLECTIONS, FILTERS
from configurator.compiler.jinja_tests import COLLECTIONS as TEST_COLLECTIONS
from configurator.compiler.lookups import LOOKUPS
from configurator.compiler.scope import Ready, Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar

ENGINE = Engine()
TABLES = Path(__file__).parent / "expressions"
VARIABLES = {
    "l": [1, 2],
    "s": "a b",
    "d": {"x": 1, "y": [2]},
    "n3": "a\n\nb",
    "s3": "a\nb\n",
    "v": "v",
    "ini": "[s]\nk=v\n",
}


def rows(mark: str) -> Iterator[Any]:
    for path in sorted(TABLES.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            expression, found, rest = line.partition(f"  {mark}  ")
            if found and not line.startswith("#"):
                yield pytest.param(expression.strip(), rest, id=f"{path.stem}: {expression.strip()}")


def value_of(expression: str, **variables: Any) -> Any:
    """The value of an expression as it stands between braces in a YAML file."""
    known = {name: Ready(value) for name, value in (VARIABLES | variables).items()}
    scope = Scope(ENGINE, known, {})
    return scope.value(LocatedScalar(f"{{{{ {expression} }}}}", Span("f", 1, 1)))


@pytest.mark.parametrize(("expression", "expected"), list(rows("=>")))
def test_an_expression_gives_what_the_table_says(expression: str, expected: str) -> None:
    """In value and in type: 8 is not 8.0, and `true` is not 1."""
    found = value_of(expression)
    wanted = json.loads(expected)
    assert json.loads(json.dumps(found, default=str)) == wanted
    assert isinstance(found, type(wanted)) or not isinstance(wanted, bool | int | float | str)


@pytest.mark.parametrize(("expression", "message"), list(rows("!!")))
def test_a_wrong_expression_says_what_is_wrong(expression: str, message: str) -> None:
    """With its place; never Python's traceback."""
    with pytest.raises(TemplatingError) as raised:
        value_of(expression)
    assert message.strip() in str(raised.value)
    assert str(raised.value.diagnostic).startswith("f:1:")


def test_every_filter_test_and_lookup_is_in_a_table_or_has_a_test_of_its_own() -> None:
    """A new one without a row would be untested."""
    texts = "\n".join(path.read_text(encoding="utf-8") for path in TABLES.glob("*.txt"))
    texts += "".join(
        (Path(__file__).parent / name).read_text(encoding="utf-8")
        for name in ("test_filters.py", "test_lookups.py", "test_lookup_password.py")
    )
    filters = {name for functions in COLLECTIONS.values() for name in functions}
    tests = {name for functions in TEST_COLLECTIONS.values() for name in functions}
    words = set(texts.replace("(", " ").replace(")", " ").replace("'", " ").replace(".", " ").split())
    words |= {word.strip(',"`:') for word in words}
    assert sorted((filters | tests | set(LOOKUPS)) - words) == []


def test_names_with_the_collection_in_front_are_the_same() -> None:
    """Also those of Jinja's own filters, as in Ansible."""
    assert FILTERS["ansible.builtin.combine"] is FILTERS["combine"]
    assert FILTERS["ansible.utils.ipaddr"] is FILTERS["ipaddr"]
    assert value_of("[2, 1] | ansible.builtin.sort | ansible.builtin.first") == 1
    assert value_of("1 is ansible.builtin.defined and 'a' is ansible.builtin.match('a')") is True
    assert value_of("['ab', 'c'] | select('ansible.builtin.match', 'a')") == ["ab"]
