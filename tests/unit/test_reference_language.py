"""The page of the language is written from the code."""

from __future__ import annotations

from configurator.compiler import keywords
from tools.language import NOTES, PAGE, page


def test_the_reference_of_the_language_is_what_the_tables_say() -> None:
    """`python -m tools.language` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_word_is_described_and_each_note_is_of_a_word() -> None:
    """A row that says nothing helps nobody; a note of a word that has gone misleads."""
    text = page()
    words = keywords.TASK | keywords.BLOCK | keywords.INCLUDE | {*keywords.CONTROL, *keywords.META}
    words |= {*keywords.LOOPS} | keywords.WITHOUT_MEANING
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []
    assert [line for line in text.splitlines() if line.startswith("| `") and "|  |  |" in line] == []
    assert set(NOTES) - words - {"guarded"} == set()
