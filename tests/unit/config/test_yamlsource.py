"""YAML with places: what words mean, what is refused, and that every place is true."""

from __future__ import annotations

import string
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark
from configurator.config.yamlsource import load_yaml, parse_yaml


def read(text: str, *, loose: bool = True) -> Any:
    problems = Diagnostics()
    value = parse_yaml(text, "f.yml", problems, loose_booleans=loose)
    assert not problems.sorted()
    assert value is not None
    return value


def problems_of(text: str) -> list[tuple[str, str | None]]:
    problems = Diagnostics()
    parse_yaml(text, "f.yml", problems)
    return [(str(problem), problem.hint) for problem in problems.sorted()]


def text_at(span: Span) -> str:
    return span.source[span.column - 1 : span.column - 1 + span.length]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0644", "0644"),
        ("22:22", "22:22"),
        ("2024-01-01", "2024-01-01"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12e3", "12e3"),
        ("10", 10),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        ("1.5e+3", 1500.0),
        ("yes", True),
        ("Off", False),
        ("TRUE", True),
        ("y", "y"),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("'yes'", "yes"),
        ('"0644"', "0644"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5.0),
        ("=", "="),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_unquoted_words_mean_what_people_expect(word: str, value: object) -> None:
    """A mode, a port mapping or a date must never turn into a number."""
    found = read(f"key: {word}").plain()["key"]
    assert found == value
    assert type(found) is type(value)


def test_only_true_and_false_are_booleans_in_strict_files() -> None:
    """config.yaml must not read the country code `no` as false."""
    assert read("{a: yes, b: no, c: true, d: on}", loose=False).plain() == {
        "a": "yes",
        "b": "no",
        "c": True,
        "d": "on",
    }


def test_anchors_and_merge_keys_work_and_what_is_written_wins() -> None:
    """Ansible inventories share variables through `<<`."""
    value = read("base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nall: {<<: [*b, *o], x: 9}\nsame: *b")
    assert value.plain()["all"] == {"x": 9, "y": 2, "z": 4}
    assert value.plain()["same"] == {"x": 1, "y": 2}


def test_marks_reach_everything_below_a_tag() -> None:
    """`!unsafe` on a list means each of its texts."""
    value = read("a: !secret pw\nb: !unsafe ['{{ x }}', {c: '{{ y }}'}]")
    assert value.get("a").mark is Mark.SECRET
    first, second = value.get("b").items
    assert first.mark is Mark.UNSAFE
    assert second.get("c").mark is Mark.UNSAFE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2", ("f.yml:2:1: duplicate key 'a'", "first written at line 1")),
        ("a:\n\t- b", ("f.yml:2:1: a tab is used for indentation", "YAML wants spaces")),
        ("a: b: c", ("f.yml:1:5: a ':' is not expected here", "quote a text that contains ': '")),
        (
            "a: !vault |\n  abc",
            ("f.yml:1:4: an encrypted value cannot be read here", None),
        ),
        (
            "a: !foo 1",
            (
                "f.yml:1:4: unknown tag '!foo'",
                "the tags '!secret', '!unsafe' and '!vault' have a meaning here",
            ),
        ),
        ("a: !!binary x", ("f.yml:1:4: the tag '!!binary' is not supported", None)),
        ("a: !!int x", ("f.yml:1:4: 'x' is not what '!!int' says", None)),
        ("a: &x [*x]", ("f.yml:1:8: the anchor 'x' contains itself", None)),
        ("a: *x", ("f.yml:1:4: unknown anchor 'x'", None)),
        ("a: 1\n---\nb: 1", ("f.yml:2:1: only one document is expected", None)),
        ("{a: 1, [b]: 2}", ("f.yml:1:8: a key must be a single word or number", None)),
        ("a: {<<: 5}", ("f.yml:1:5: '<<' wants a mapping or a list of mappings", None)),
        ("a: \x01", ("f.yml:1:4: the character #x0001 is not allowed in YAML", None)),
    ],
)
def test_bad_input_is_a_diagnostic_at_its_place(text: str, expected: tuple[str, str | None]) -> None:
    """Never a traceback, and never silence."""
    assert problems_of(text) == [expected]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a: {{ x }}\nb: 1", "1:4", 'write "{{ x }}"'),
        ("a: {{ x }}/y # why\nb: 1", "1:4", 'write "{{ x }}/y"'),
        ("- copy:\n    dest: {{ x }} {{ y }}\n    mode: '0644'", "2:11", 'write "{{ x }} {{ y }}"'),
        ("a:\n- {{ x }}", "2:3", 'write "{{ x }}"'),
        ("a:\n  {{ x }}", "2:3", 'write "{{ x }}"'),
        ("{a: {{ x }}/y, b: c}", "1:5", 'write "{{ x }}/y"'),
        ("a: [b, {{ x.y }}:{{ z }}, c]", "1:8", 'write "{{ x.y }}:{{ z }}"'),
        ("{{ x }}: 1", "1:1", 'write "{{ x }}"'),
        ("a: {{ x['k'] }}", "1:4", """write "{{ x['k'] }}\""""),
        ('a: {{ x["k"] }}/z', "1:4", """write '{{ x["k"] }}/z'"""),
        ("""a: {{ x["k"] ~ 'y' }}""", "1:4", """write '{{ x["k"] ~ ''y'' }}'"""),
        ("a: {{ {'k': [1]} | to_json }}", "1:4", """write "{{ {'k': [1]} | to_json }}\""""),
        ("a: {{ '%s' % x }}", "1:4", """write "{{ '%s' % x }}\""""),
        ("a: {% if x %}y{% endif %}", "1:4", 'write "{% if x %}y{% endif %}"'),
        ("a: {{\n  x }}", "1:4", "put the whole text in quotes"),
        ("a: {{ x }", "1:4", "put the whole text in quotes"),
    ],
)
def test_a_template_without_quotes_is_recognised(text: str, place: str, hint: str) -> None:
    """YAML takes it for a mapping as a key, or stumbles later on; one mistake is told once, where it is."""
    sign = "{%" if "{%" in text else "{{"
    assert problems_of(text) == [
        (f"f.yml:{place}: a value that begins with '{sign}' must be in quotes", hint)
    ]


def test_all_templates_without_quotes_are_reported_at_once_and_nothing_else() -> None:
    """Neither a mapping in a mapping nor a template inside quotes is meant."""
    text = "a: {{ x }}\nb: {c: {d: e}}\nf: '{{ y }}'\ng: {{ z | default({'h': 1}) }}"
    assert [message.partition(" ")[0] for message, _ in problems_of(text)] == ["f.yml:1:4:", "f.yml:4:4:"]


def test_what_was_never_closed_is_shown_where_it_began() -> None:
    """The end of the file tells nobody which bracket is open."""
    [(message, _hint)] = problems_of("b: 1\na: [1, 2\n")
    assert message.startswith("f.yml:2:4: YAML syntax")


def test_all_duplicate_keys_are_reported_at_once() -> None:
    """One run of `check` shows everything there is to mend."""
    assert [message for message, _ in problems_of("a: 1\nb: {c: 1, c: 2}\na: 3")] == [
        "f.yml:2:11: duplicate key 'c'",
        "f.yml:3:1: duplicate key 'a'",
    ]


def test_an_alias_bomb_is_refused() -> None:
    """Ten levels of ten aliases would be ten thousand million values."""
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    [(message, hint)] = problems_of("\n".join(levels))
    assert "more than 200000 values" in message
    assert hint == "are aliases nested in each other?"


def test_deep_nesting_is_refused() -> None:
    """A thousand brackets must not end in a RecursionError."""
    [(message, _hint)] = problems_of("[" * 1000)
    assert "nested more than 100 deep" in message


def test_a_line_of_a_block_has_its_own_place() -> None:
    """A template that fails in the third line of a block is shown there."""
    value = read("key: |\n    one\n    two {{ x }}\n").get("key")
    span = value.line_span(2)
    assert (str(span), text_at(span)) == ("f.yml:3:5", "two {{ x }}")


@pytest.mark.parametrize(
    ("data", "message"), [(b"a: \xff\n", "f:1:4: not valid UTF-8"), (None, "f: cannot read")]
)
def test_files_that_cannot_be_read_are_diagnostics(tmp_path: Any, data: bytes | None, message: str) -> None:
    """A missing or binary file names itself."""
    path = tmp_path / "f"
    if data is not None:
        path.write_bytes(data)
    problems = Diagnostics()
    assert load_yaml(str(path), problems, name="f") is None
    assert str(problems.sorted()[0]).startswith(message)


# -- every place is true --------------------------------------------------------------------------------

WORDS = st.text(string.ascii_letters + string.digits + " _-:#'\"{}[],&*!|>%@`\\/ü€", max_size=12)
SCALARS = st.one_of(WORDS, st.integers(-(10**6), 10**6), st.booleans(), st.none())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=20,
)


def scalars(value: Located) -> list[tuple[Span, object]]:
    if isinstance(value, LocatedScalar):
        return [(value.span, value.value)]
    if isinstance(value, LocatedList):
        return [found for item in value for found in scalars(item)]
    assert isinstance(value, LocatedMap)
    keys = [(span, key) for key, span in value.keys.items()]
    return [*keys, *(found for item in value.entries.values() for found in scalars(item))]


@given(TREES, st.booleans())
def test_the_text_at_every_place_parses_back_to_its_value(tree: object, flow: bool) -> None:
    """A caret that points beside the fault sends people to the wrong line."""
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True, width=10**6)
    value = read(text)
    assert value.plain() == tree
    for span, plain in scalars(value):
        if plain is not None or text_at(span).strip() in ("null", "~"):
            assert read(f"- {text_at(span)}").plain() == [plain]
        assert text.splitlines()[span.line - 1] == span.source


@given(st.text(max_size=80))
def test_any_text_gives_a_value_or_a_diagnostic(text: str) -> None:
    """Whatever is in the file, reading it ends in one or the other."""
    problems = Diagnostics()
    value = parse_yaml(text, "f", problems)
    assert value is not None or len(problems)
    for problem in problems.sorted():
        assert problem.line >= 1
        assert problem.column >= 1


def test_the_source_line_of_a_secret_shows_no_secret() -> None:
    """Diagnostics are printed and logged; columns must hold all the same."""
    problems = Diagnostics()
    parse_yaml("pw: !secret hunter2\npw: !secret [a, b]\nx: {a: !secret b, a: 1}\n", "f", problems)
    sources = [problem.source for problem in problems.sorted()]
    assert sources == ["pw: !secret ******", "x: {a: !secret ********"]
    value = read("pw: !secret |\n  hunter2\n")
    assert value.plain() == {"pw": "hunter2\n"}
    assert "hunter2" not in value.get("pw").line_span(1).source


def test_an_encrypted_file_says_what_it_is(tmp_path: Any) -> None:
    """Not: a mapping was expected."""
    path = tmp_path / "vault.yml"
    path.write_text("$ANSIBLE_VAULT;1.1;AES256\n6638\n")
    problems = Diagnostics()
    assert load_yaml(str(path), problems, name="vault.yml") is None
    assert str(problems.sorted()[0]) == "vault.yml:1:1: an encrypted file cannot be read here"
