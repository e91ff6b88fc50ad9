"""Words of free-form arguments: quotes and Jinja's braces keep what belongs together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.compiler.freeform import split_words, unescaped, unquoted
from tests.unit.compiler.projects import graph_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=1 b=2", ["a=1", "b=2"]),
        ("a='x y' b", ["a='x y'", "b"]),
        ('a="x \\" y"', ['a="x \\" y"']),
        ("a={{ b | default('c d') }}e", ["a={{ b | default('c d') }}e"]),
        ("it's fine", ["it's", "fine"]),
        ("{% if a %} x {% endif %}", ["{% if a %}", "x", "{% endif %}"]),
        ("update-cache=yes name=x", ["update-cache=yes", "name=x"]),
        ("", []),
        ("  a \n b ", ["a", "b"]),
    ],
)
def test_words_are_split_as_ansible_does(text: str, words: list[str]) -> None:
    """An apostrophe inside a word is no quote."""
    assert [word for _, word in split_words(text)] == words


@pytest.mark.parametrize("text", ["a='x", 'a="x', "{{ a", "a={% b"])
def test_what_is_not_closed_is_an_error(text: str) -> None:
    """Guessing where a quote ends would pass half an argument."""
    with pytest.raises(ValueError, match="is missing"):
        split_words(text)


@given(
    st.lists(st.from_regex(r"[a-z]+=('[a-z ]*'|[a-z0-9/]+|\{\{ [a-z ]+ \}\})", fullmatch=True), max_size=5)
)
def test_joined_words_come_apart_again(words: list[str]) -> None:
    """With their offsets."""
    text = "  ".join(words)
    found = split_words(text)
    assert [word for _, word in found] == words
    assert all(text[offset:].startswith(word) for offset, word in found)


def test_quotes_around_a_value_are_taken_off() -> None:
    """And only around it."""
    assert [unquoted(text) for text in ("'a b'", '"a"', "'a", "a'b'", "''")] == ["a b", "a", "'a", "a'b'", ""]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (r"a\nb\tc", "a\nb\tc"),
        (r'"say \"hi\""', '"say "hi""'),
        (r"\\1 \x41 \u00e4 \N{BULLET}", "\\1 A \u00e4 \u2022"),
        (r"^\s+\d \N{NO SUCH NAME} \x4", r"^\s+\d \N{NO SUCH NAME} \x4"),
    ],
)
def test_escapes_mean_what_they_mean_in_ansible(text: str, meant: str) -> None:
    """`copy: content="text\\n" dest=...` ends its line; a backslash of no escape stands for itself."""
    assert unescaped(text) == meant


def test_a_backslash_means_in_a_value_what_it_does_in_ansible() -> None:
    """Line ends, tabs and quotes; before a digit or another letter it stays, for regular expressions."""
    tasks = r"""
        - copy: content="a\tb \"c\"\n" dest=/x
        - lineinfile: path=/x regexp='^(\s*)a\.b$' line='\1c\u00fc' backrefs=yes
        - shell: printf 'a\n' creates="/x\ty"
        - copy: content='\N{NO SUCH SIGN}' dest=/y
    """
    copied, line, shell, strange = graph_of({"roles/r/tasks/main.yml": tasks}).tasks[:4]
    assert copied.params["content"] == 'a\tb "c"\n'
    assert (line.params["regexp"], line.params["line"]) == (r"^(\s*)a\.b$", r"\1cü")
    assert (shell.params["cmd"], shell.params["creates"]) == (r"printf 'a\n'", "/x\ty")
    assert strange.params["content"] == r"\N{NO SUCH SIGN}"
