"""Filters, tests and lookups give what Ansible's documentation says."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from configurator.compiler.scope import Ready, Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar

ENGINE = Engine()


def value_of(expression: str, **variables: Any) -> Any:
    scope = Scope(ENGINE, {name: Ready(value) for name, value in variables.items()}, {})
    return scope.value(LocatedScalar(f"{{{{ {expression} }}}}", Span("f", 1, 1)))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'yes' | bool", True),
        ("'off' | bool", False),
        ("'other' | bool", False),
        ("1 | bool", True),
        ("none | bool", None),
        ("true | ternary('a', 'b')", "a"),
        ("none | ternary('a', 'b', 'c')", "c"),
        ("5 | mandatory", 5),
        ("{'a': 1, 'b': {'c': 1}} | combine({'b': {'d': 2}})", {"a": 1, "b": {"d": 2}}),
        ("{'b': {'c': 1}} | combine({'b': {'d': 2}}, recursive=true)", {"b": {"c": 1, "d": 2}}),
        ("{'a': [1]} | combine({'a': [2]}, list_merge='append')", {"a": [1, 2]}),
        ("{'a': 1} | combine([{'b': 2}, {'c': 3}])", {"a": 1, "b": 2, "c": 3}),
        ("{'a': 1} | dict2items", [{"key": "a", "value": 1}]),
        ("[{'key': 'a', 'value': 1}] | items2dict", {"a": 1}),
        ("[{'n': 'a', 'v': 1}] | items2dict(key_name='n', value_name='v')", {"a": 1}),
        ("[1, [2, [3, none]]] | flatten", [1, 2, 3]),
        ("[1, [2, [3]]] | flatten(levels=1)", [1, 2, [3]]),
        ("[2, 1, 2] | unique", [2, 1]),
        ("['a', 'A'] | unique(case_sensitive=false)", ["a"]),
        ("[1, 2] | union([2, 3])", [1, 2, 3]),
        ("[1, 2] | intersect([2, 3])", [2]),
        ("[1, 2] | difference([2, 3])", [1]),
        ("[1, 2] | symmetric_difference([2, 3])", [1, 3]),
        ("[1, 2] | zip(['a', 'b'])", [[1, "a"], [2, "b"]]),
        ("[1] | product(['a', 'b'])", [[1, "a"], [1, "b"]]),
        ("[{'n': 1, 'k': ['x', 'y']}] | subelements('k') | map(attribute=1)", ["x", "y"]),
        ("'abc' | regex_replace('b(.)', '<\\\\1>')", "a<c>"),
        ("'aXbx' | regex_replace('x', '', ignorecase=true)", "ab"),
        ("'ab12' | regex_search('[0-9]+')", "12"),
        ("'ab12' | regex_search('([a-z]+)([0-9]+)', '\\\\2', '\\\\1')", ["12", "ab"]),
        ("'ab' | regex_search('z')", None),
        ("'a1b2' | regex_findall('[0-9]')", ["1", "2"]),
        ("'a.b' | regex_escape", "a\\.b"),
        ("'it''s' | quote", "its"),
        ("'a b' | quote", "'a b'"),
        ("'a,b' | split(',')", ["a", "b"]),
        ("'text' | b64encode", "dGV4dA=="),
        ("'dGV4dA==' | b64decode", "text"),
        ("'a' | hash('sha256') | length", 64),
        ("'a' | md5", "0cc175b9c0f1b6a831c399e269772661"),
        ("'/a/b.c' | basename", "b.c"),
        ("'/a/b.c' | dirname", "/a"),
        ("'/a/b.c' | splitext", ["/a/b", ".c"]),
        ("['/a', 'b'] | path_join", "/a/b"),
        ("{'b': 1, 'a': [1]} | to_json", '{"b": 1, "a": [1]}'),
        ("'[1, 2]' | from_json", [1, 2]),
        ("'a: [1]' | from_yaml", {"a": [1]}),
        ("{'a': 1} | to_nice_json", '{\n    "a": 1\n}'),
        ("{'a': [1, 2]} | to_nice_yaml", "a:\n- 1\n- 2\n"),
        ("'x\ny' | comment", "#\n# x\n# y\n#"),
        ("'x' | comment('c')", "//\n// x\n//"),
        ("'abc' is match('ab')", True),
        ("'abc' is match('b')", False),
        ("'abc' is search('b')", True),
        ("'ABC' is search('b', ignorecase=true)", True),
        ("'abc' is regex('^b', match_type='match')", False),
        ("'1.10' is version('1.9', '>')", True),
        ("'1.0' is version('1', '==')", True),
        ("'2.0rc1' is version('2.0', '<')", True),
        ("'12.5' is version('12', '>=')", True),
        ("['a'] is contains('a')", True),
        ("[1] is subset([1, 2])", True),
        ("[1, 2] is superset([1])", True),
        ("'yes' is truthy(convert_bool=true)", True),
        ("'' is falsy", True),
        ("nope | default('d')", "d"),
        ("nope.deeper | d('e')", "e"),
        ("lookup('env', 'CONFIGURATOR_NOT_SET') | default('f', true)", "f"),
        ("query('env', 'CONFIGURATOR_NOT_SET')", [""]),
    ],
)
def test_each_filter_test_and_lookup(expression: str, expected: object) -> None:
    """One line of Ansible's documentation each."""
    assert value_of(expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("nope | mandatory", "the variable 'nope' is not defined"),
        ("nope | mandatory('say why')", "say why"),
        ("[1] | combine({})", "combine wants mappings, not 1"),
        ("5 | dict2items", "dict2items wants a mapping"),
        ("'x' | comment('latex')", "comment: the style must be one of"),
        ("'1' is version('2', '~')", "unknown comparison '~'"),
        ("'' is version('2')", "a version to compare is empty"),
        ("lookup('env', 'CONFIGURATOR_NOT_SET', default=nope)", "the environment variable"),
        ("{'a': nope} | to_json", "the variable 'nope' is not defined"),
        ("'{' | from_json", "this expression fails"),
        ("'a: [' | from_yaml", "this expression fails"),
    ],
)
def test_a_wrong_use_says_what_was_wanted(expression: str, message: str) -> None:
    """Never Python's traceback."""
    with pytest.raises(TemplatingError, match=message.replace("(", r"\(").replace("[", r"\[")):
        value_of(expression)


def test_files_are_read_by_lookup_from_the_role(tmp_path: Any) -> None:
    """The role's files/, and without the final newline, as in Ansible."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "key.pub").write_text(" ssh-ed25519 AAAA me\n\n")
    options = {"role_path": str(tmp_path), "playbook_dir": "/nonexistent"}
    assert value_of("lookup('file', 'key.pub')", **options) == " ssh-ed25519 AAAA me"
    assert value_of("lookup('file', 'key.pub', rstrip=false)", **options).endswith("me\n\n")
    assert value_of("query('file', ['key.pub', 'key.pub'])", **options) == [" ssh-ed25519 AAAA me"] * 2


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


VERSIONS = st.lists(st.integers(0, 30), min_size=1, max_size=4)


@given(VERSIONS, VERSIONS)
def test_versions_compare_number_by_number(left: list[int], right: list[int]) -> None:
    """As lists of numbers in which trailing zeros do not count."""
    width = max(len(left), len(right))
    padded = [part + [0] * (width - len(part)) for part in (left, right)]
    texts = {name: ".".join(map(str, part)) for name, part in (("a", left), ("b", right))}
    assert value_of("a is version(b, '<')", **texts) is (padded[0] < padded[1])
    assert value_of("a is version(b, '==')", **texts) is (padded[0] == padded[1])
