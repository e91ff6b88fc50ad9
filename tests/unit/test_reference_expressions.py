"""The page of expressions is written from the code."""

from __future__ import annotations

from typing import Any

from configurator.compiler import filters, jinja_tests, lookups
from tools.expressions import PAGE, page


def test_the_reference_of_expressions_is_what_the_functions_say() -> None:
    """`python -m tools.expressions` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_everything_has_a_line_that_says_what_it_gives() -> None:
    """A name alone helps nobody."""
    tables: list[Any] = [*filters.COLLECTIONS.values(), *jinja_tests.COLLECTIONS.values(), lookups.LOOKUPS]
    without = [name for functions in tables for name, function in functions.items() if not function.__doc__]
    assert without == []
