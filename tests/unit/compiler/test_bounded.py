"""Templates that would not end, or need more memory than there is, are errors; others give what they gave."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.compiler.bounded import MAX_ITEMS, MAX_STEPS, budget, step
from configurator.compiler.scope import Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar, locate

SPAN = Span("f", 3, 5, 1, "    x")


def value(text: str, engine: Engine | None = None, **variables: Any) -> Any:
    engine = engine or Engine()
    return engine.evaluate(engine.text(text, LocatedScalar(text, SPAN)), variables, lambda _f, _l: SPAN)


def problem(text: str) -> str:
    with pytest.raises(TemplatingError) as caught:
        value(text)
    assert str(caught.value.diagnostic).startswith("f:3:")
    return caught.value.diagnostic.message


LOOP = "1/2False;2/2True;"
TWICE = "{% set x = 'aaaaaaaaaa' %}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ 'a' * 10**10 }}", "a text of 10,000,000,000 characters"),
        ("{{ 10**10 * 'a' }}", "a text of 10,000,000,000 characters"),
        ("{{ [1, 2] * 10**9 }}", "a list of 2,000,000,000 items"),
        ("{% for i in range(10**9) %}x{% endfor %}", "a list of 1,000,000,000 items"),
        ("{{ range(10**9) | list }}", "a list of 1,000,000,000 items"),
        ("{{ 10**(10**7) }}", "digits is too long"),
        ("{{ (2**99999) * (2**99999) }}", "digits is too long"),
        ("{{ 'a' | center(10**9) }}", "a width is too large"),
        ("{{ 'a'.ljust(10**9) }}", "a width is too large"),
        ("{{ 'a' | indent(10**9) }}", "a width is too large"),
        ("{{ {'a': 1} | to_nice_json(indent=10**9) }}", "a width is too large"),
        ("{{ [1] | batch(10**9, 'x') | list }}", "a width is too large"),
        ("{{ '%1000000000d' % 1 }}", "a width in this format"),
        ("{{ '%*d' % (10**9, 1) }}", "a width in this format"),
        ("{{ '%1000000000d' | format(1) }}", "a width in this format"),
        ("{{ '{:>1000000000}'.format(1) }}", "a width in this format"),
        ("{{ '{:>{}}'.format(1, 10**9) }}", "a width in this format"),
        ("{{ range(1000) | product(range(1000), range(1000)) }}", "a list of 1,000,000,000 items"),
        ("{{ ('a' * 10**7).replace('a', 'b' * 100) }}", "a text of 1,010,000,000 characters"),
        ("{{ ('a' * 10**7) | replace('a', 'b' * 100) }}", "a text of 1,010,000,000 characters"),
        ("{{ ('a' * 10**6).join(['x'] * 1000) }}", "a text of 1,000,000,000 characters"),
        ("{{ (['x'] * 1000) | join('a' * 10**6) }}", "a text of 1,000,000,000 characters"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "1,000,000 steps"),
        (
            "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
            "1,000,000 steps",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "too much memory"),
        (TWICE + "{% set x = x ~ x %}" * 40, "64 MB of text"),
        (TWICE + "{% set x = x + x %}" * 40, "64 MB of text"),
        (TWICE + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40, "64 MB of text"),
        ("{% set x = [1] %}" + "{% set x = x + x %}" * 40, "items is too long"),
        ("{% for i in range(900000) %}" + "x" * 100 + "{% endfor %}", "64 MB of text"),
    ],
)
def test_what_would_take_for_ever_or_all_memory_is_an_error(text: str, words: str) -> None:
    """A run for fifty hosts hangs at the first, or takes the controller down with it."""
    assert words in problem(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 100_000 + " }}",
        "{{ " + "[" * 100_000 + " }}",
        "{{ 1" + "+1" * 50_000 + " }}",
        "{{ " + "-" * 20_000 + "1 }}",
        "{{ a" + ".b" * 20_000 + " }}",
        "{{ a" + "|upper" * 20_000 + " }}",
        "{% for a in [1] %}" * 50 + "{% endfor %}" * 50,
        "{% if 1 %}" * 5_000 + "{% endif %}" * 5_000,
    ],
)
def test_nesting_beyond_pythons_limits_is_a_problem_of_the_template(text: str) -> None:
    assert problem(text) == "bad template: it is nested too deeply"


@pytest.mark.parametrize("text", ["(" * 100_000, "1" + " and 1" * 50_000, "[" * 100_000])
def test_so_it_is_in_a_condition(text: str) -> None:
    with pytest.raises(TemplatingError, match="nested too deeply"):
        Engine().expression(text, SPAN)


def test_a_number_beyond_pythons_limit_is_a_problem_of_the_template() -> None:
    """Python reads at most 4300 digits."""
    assert problem("{{ " + "9" * 5000 + " }}") == "bad template: it has a number that is too long"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ 3 * 'ab' }}{{ 'ab' * 2 }}", "abababab" + "ab"),
        ("{{ [1] * 3 }}", [1, 1, 1]),
        ("{{ 'a' * -1 }}", ""),
        ("{{ 2 ** 10 }}", 1024),
        ("{{ 2 ** -1 }}", 0.5),
        ("{{ 7 % 3 }}", 1),
        ("{{ '%s-%02d' % ('a', 7) }}", "a-07"),
        ("{{ 1.5 + 1 }}", 2.5),
        ("{{ [1] + [2] }}", [1, 2]),
        ("{{ 'a' ~ 1 ~ None }}", "a1None"),
        ("{{ '{:>5}|{}'.format('a', 'b') }}", "    a|b"),
        ("{{ 'a,b'.replace(',', ';') }}", "a;b"),
        ("{{ ['a', 'b'] | join('-') }}", "a-b"),
        ("{% for a in [1, 2] %}{{ loop.index }}/{{ loop.length }}{{ loop.last }};{% endfor %}", LOOP),
        ("{% for a in range(3) if a %}{{ a }}{{ loop.previtem | default('-') }}{% endfor %}", "1-21"),
        ("{% for a in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{% for a in [[[]], []] recursive %}<{{ loop(a) }}>{% endfor %}", "<<>><>"),
        ("{% macro f(a) %}{{ a }}{{ caller() }}{% endmacro %}{% call f(1) %}x{% endcall %}", "1x"),
        ("{{ [1, 2, 3, 4, 5] | batch(2) | list }}", [[1, 2], [3, 4], [5]]),
        ("{{ 'a' | center(5) }}|", "  a  |"),
    ],
)  # fmt: skip
def test_what_is_not_too_much_gives_what_jinja_gives(text: str, wanted: object) -> None:
    assert value(text) == wanted


@given(
    st.integers(-5, 5) | st.text(max_size=3) | st.lists(st.integers(), max_size=3),
    st.sampled_from(["+", "*", "%", "**"]),
    st.integers(-5, 5) | st.text(max_size=3) | st.lists(st.integers(), max_size=3),
)
def test_operators_mean_what_they_mean_in_jinja(left: object, operator: str, right: object) -> None:
    """Also where they mean nothing: the same error."""
    expression = f"a {operator} b"

    def ours() -> object:
        try:
            return value("{{ " + expression + " }}", a=left, b=right)
        except TemplatingError:
            return "error"

    def theirs() -> object:
        try:
            found = jinja2.Environment().compile_expression(expression)(a=left, b=right)
        except (TypeError, ValueError, ArithmeticError):
            return "error"
        return found

    assert ours() == theirs()


def test_each_evaluation_has_a_budget_of_its_own() -> None:
    """A long run of small templates is not stopped in the middle."""
    engine = Engine()
    text = "{% for i in range(" + str(MAX_ITEMS * 2 // 3) + ") %}{% endfor %}done"
    assert [value(text, engine) for _ in range(2)] == ["done", "done"]


def test_what_one_evaluation_calls_for_counts_with_it() -> None:
    """Variables that use variables grow as fast as loops within loops."""
    with budget():
        for _ in range(MAX_STEPS - 1):
            step()
        with budget():
            step()
        with pytest.raises(jinja2.TemplateRuntimeError, match="steps"):
            step()


def test_variables_that_double_each_other_are_stopped() -> None:
    """The billion laughs, by templates: thirty lines of YAML for a gigabyte."""
    texts = {"v0": "x" * 10, **{f"v{n}": f"{{{{ v{n - 1} }}}}{{{{ v{n - 1} }}}}" for n in range(1, 41)}}
    scope = Scope(Engine(), {name: locate(text, SPAN) for name, text in texts.items()}, {})
    with pytest.raises(TemplatingError, match="64 MB of text"):
        scope.rendered("v40")
