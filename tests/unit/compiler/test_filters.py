"""What filters and tests do with files, chance and random values, and that nothing is evaluated twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from configurator.compiler.filters import FILTERS
from configurator.compiler.filters_hashes import password_hash
from configurator.compiler.filters_lists import difference, intersect, symmetric_difference, union
from configurator.compiler.jinja_tests import TESTS
from configurator.compiler.scope import Ready, Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar
from tests.unit.compiler.test_expressions import ENGINE, value_of

# -- what Jinja's quotes mean ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"{{ 'abc' | regex_replace('b(.)', '<\1>') }}", "a<c>"),
        (r"{{ 'a.b' | regex_replace('\.', '-') }} {{ 'x' }}", "a-b x"),
        (r"{{ 'a\nb' }}", r"a\nb"),
        (r"{{ 'it\'s' ~ '\\' }}", r"it\'s" + "\\\\"),
        (r"\n {{ 'x' }} {% if 'a\\b' == 'a\\b' %}\t{% endif %}", r"\n x \t"),
        (r"{{- 'a\b' -}}  {# \c #} {% raw %}{{ '\d' }}{% endraw %}", r"a\b {{ '\d' }}"),
        ("{{ '\\d'\r\n}}\r\nx", "\\d\nx"),
    ],
)
def test_a_backslash_in_a_files_expression_stands_for_itself(text: str, expected: str) -> None:
    """As with Ansible: a role's `'\\\\1'` in YAML's double quotes is a group, and not the character 1."""
    assert Scope(Engine(), {}, {}).value(LocatedScalar(text, Span("f", 1, 1))) == expected


def test_a_condition_reads_backslashes_as_python_does() -> None:
    """As with Ansible, whose conditions differ from its texts in this."""
    scope = Scope(Engine(), {"x": Ready("a\nb")}, {})
    assert scope.condition(LocatedScalar(r"x == 'a\nb' and x is match('a\\s')", Span("f", 1, 1)))


def test_a_syntax_error_behind_a_backslash_is_told_with_its_line() -> None:
    """The text that is parsed is not the one that was written."""
    text = "{{ '\\n' }}\n{{ 'a' 'b }}"
    with pytest.raises(TemplatingError, match="bad template"):
        Scope(Engine(), {}, {}).value(LocatedScalar(text, Span("f", 1, 1)))


# -- nothing is evaluated twice -------------------------------------------------------------------------

EVIL = "{{ lookup('pipe', 'touch /tmp/configurator-must-not-exist') }}"
KEEPING = (
    "x",
    "[x] | first",
    "{'a': x} | combine({'b': x}) | dict2items | map(attribute='value') | last",
    "x | regex_replace('$', '')",
    "[[x]] | flatten | unique | join",
    "x | to_json | from_json",
    "{'a': x} | to_nice_yaml | from_yaml | json_query('a')",
    "x | b64encode | b64decode",
    "x | ternary(x, none) | default('') | mandatory",
    "lookup('vars', 'x')",
    "query('items', [x], []) | first",
    "[x, x] | random(seed=1)",
    "x | split('§') | path_join",
    "[x] | map('trim') | reverse | last",
    "x | splitlines | zip([1]) | map('first') | first",
)


@pytest.mark.parametrize("expression", KEEPING)
def test_what_came_from_a_host_is_never_a_template(expression: str) -> None:
    """Whatever filters have made of it: only what was written in a file is evaluated."""
    assert value_of(expression, x=EVIL) == EVIL
    assert value_of(f"({expression}) | string", x=EVIL) == EVIL
    assert not Path("/tmp/configurator-must-not-exist").exists()


# -- files of the controller ----------------------------------------------------------------------------


def test_tests_and_filters_of_paths_look_at_the_controller(tmp_path: Path) -> None:
    """And tell files, folders and links from each other."""
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "sealed").write_text("$ANSIBLE_VAULT;1.1;AES256\n00")
    (tmp_path / "link").symlink_to("file.txt")
    (tmp_path / "broken").symlink_to("nowhere")
    for expression, expected in {
        "(p ~ '/file.txt') is file and (p ~ '/file.txt') is is_file": True,
        "p is directory and p is is_dir and p is not file": True,
        "(p ~ '/link') is link and (p ~ '/link') is is_link and p is not link": True,
        "(p ~ '/link') is exists and (p ~ '/broken') is not exists": True,
        "(p ~ '/broken') is link_exists and (p ~ '/nope') is not link_exists": True,
        "p is abs and p is is_abs and 'a/b' is not abs": True,
        "(p ~ '/link') is same_file(p ~ '/file.txt')": True,
        "(p ~ '/link') is is_same_file(p ~ '/file.txt') and p is not same_file('/')": True,
        "'/' is mount and '/' is is_mount and p is not mount": True,
        "(p ~ '/sealed') is vaulted_file and (p ~ '/file.txt') is not vaulted_file": True,
        "(p ~ '/link') | realpath | basename": "file.txt",
        "(p ~ '/*') | fileglob | map('basename') | list": ["file.txt", "link", "sealed"],
    }.items():
        assert value_of(expression, p=str(tmp_path)) == expected, expression


def test_home_and_environment_are_those_of_the_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    """In paths that a role reads with lookups."""
    monkeypatch.setenv("HOME", "/home/me")
    assert value_of("'~/x' | expanduser") == "/home/me/x"
    assert value_of("'$HOME/x' | expandvars") == "/home/me/x"


# -- chance, time and passwords -------------------------------------------------------------------------


def test_chance_stays_within_its_bounds_and_a_seed_repeats() -> None:
    """A minute for a cron job that differs among hosts, and is the same each time."""
    assert {value_of("3 | random") for _ in range(60)} <= {0, 1, 2}
    assert value_of("100 | random(10, 30, seed=v)") in (10, 40, 70)
    assert sorted(value_of("[3, 1, 2] | shuffle")) == [1, 2, 3]
    assert value_of("['a', 'b', 'c'] | shuffle(seed='s')") == value_of("['a', 'b', 'c'] | shuffle(seed='s')")


def test_times_are_written_in_a_format() -> None:
    """Now unless seconds are given."""
    assert value_of("'%Y-%m-%d' | strftime(86400, utc=true)") == "1970-01-02"
    assert value_of("'%Y' | strftime | int >= 2024")
    assert value_of("now(utc=true).year >= 2024 and now(fmt='%Y') | int >= 2024")


def test_a_password_without_a_salt_is_hashed_anew_each_time() -> None:
    """With one it is the same each time, and computed once."""
    made = {value_of("'x' | password_hash('sha256', rounds=1000)") for _ in range(2)}
    assert len(made) == 2
    assert all(re.fullmatch(r"\$5\$rounds=1000\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{43}", one) for one in made)
    assert value_of("'x' | password_hash('md5', salt_size=4)").startswith("$1$")
    assert password_hash("x", "sha512_crypt", "s", rounds=5000).startswith("$6$s$")


# -- random values --------------------------------------------------------------------------------------

JSON = st.recursive(
    st.one_of(st.integers(-(10**9), 10**9), st.booleans(), st.none(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
@example({"\x85": None})  # a line break of YAML 1.1, which must not come back as a space
def test_what_is_written_as_json_or_yaml_reads_back(value: Any) -> None:
    """Configuration files made by these filters are read by other programs."""
    assert json.loads(value_of("x | to_json", x=value)) == value
    assert json.loads(value_of("x | to_nice_json", x=value)) == value
    assert yaml.safe_load(value_of("x | to_nice_yaml", x=value)) == value
    assert value_of("x | b64encode | b64decode", x=str(value)) == str(value)


MAPPINGS = st.dictionaries(st.text("abc", max_size=2), JSON, max_size=4)


@given(MAPPINGS)
def test_mappings_survive_lists_of_their_items(value: dict[str, Any]) -> None:
    """`dict2items | items2dict` is nothing, and so is combining with nothing or with itself."""
    assert value_of("x | dict2items | items2dict", x=value) == value
    assert value_of("x | combine({}, recursive=true) | combine(x, recursive=true)", x=value) == value


@given(st.lists(JSON, max_size=5), st.lists(JSON, max_size=5))
def test_sets_follow_their_laws(left: list[Any], right: list[Any]) -> None:
    """What is in both, in one alone, and in any of them is all there is, each once."""
    both, either = intersect(left, right), union(left, right)
    assert all(item in left and item in right for item in both)
    assert all(item in either for item in (*left, *right))
    assert len(either) == len(both) + len(symmetric_difference(left, right))
    assert len(difference(left, right)) + len(both) == len(union(left, []))


VERSIONS = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@given(VERSIONS, VERSIONS)
def test_versions_compare_number_by_number(left: list[int], right: list[int]) -> None:
    """As lists of numbers, of which the longer of two that begin alike is later."""
    texts = {name: ".".join(map(str, part)) for name, part in (("a", left), ("b", right))}
    assert value_of("a is version(b, '<')", **texts) is (left < right)
    assert value_of("a is version(b, '==')", **texts) is (left == right)


ARGUMENTS = st.lists(
    st.one_of(JSON, st.sampled_from(["x", "1.2.3.4/24", "key", "%", "(", -1, 5])), max_size=3
)
# Not on random values: what these read, run or wait for is not of the test.
SKIPPED = {"password_hash", "fileglob"}


FILTER_NAMES = sorted({name for name in FILTERS if "." not in name} - SKIPPED)
TEST_NAMES = sorted(name for name in TESTS if name.isidentifier())


@settings(max_examples=25, deadline=None)
@given(value=JSON, arguments=ARGUMENTS)
def test_filters_and_tests_answer_or_say_what_is_wrong(value: Any, arguments: list[Any]) -> None:
    """With any value and any arguments: an error with its place, and never a traceback."""
    inside = ", ".join(f"a{number}" for number in range(len(arguments)))
    known = {f"a{number}": Ready(argument) for number, argument in enumerate(arguments)}
    scope = Scope(ENGINE, {"x": Ready(value)} | known, {})
    called = [f"x | {name}({inside})" for name in FILTER_NAMES] + [
        f"x is {name}({inside})" for name in TEST_NAMES
    ]
    for expression in called:
        try:
            scope.value(LocatedScalar(f"{{{{ {expression} }}}}", Span("f", 1, 1)))
        except TemplatingError as error:
            assert str(error.diagnostic).startswith("f:1:")
