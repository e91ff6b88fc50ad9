"""Text from a host can never make a terminal do anything."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.report.sanitize import cleaned, one_line, sanitize
from tests.unit.report import stream

JOINERS = {"\u200c", "\u200d"}
CONTROLS = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def is_control(letter: str) -> bool:
    return unicodedata.category(letter) in CONTROLS and letter not in JOINERS


@given(st.text(st.characters(codec=None)))
def test_no_control_character_but_the_newline_is_left(text: str) -> None:
    """Whatever a host sends, what is shown holds no control or format character but the newline."""
    shown = sanitize(text)
    assert not [letter for letter in shown if is_control(letter) and letter != "\n"]
    assert shown.count("\n") == text.count("\n")
    assert sanitize(shown) == shown
    assert "\n" not in one_line(text)
    shown.encode()


def test_every_control_character_of_unicode_is_known() -> None:
    """The ranges written in the sanitiser are all that this Python's Unicode calls control or format."""
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        if is_control(letter) and letter != "\n":
            assert sanitize(letter) != letter, hex(code)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", "␛[2Jgone"),
        ("10%\r20%", "10%␍20%"),
        ("a\tb", "a       b"),
        ("\x7f\x9b31m", "␡\\x9b31m"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
        ("grün 日本 👩‍🔧 می‌خواهم", "grün 日本 👩‍🔧 می‌خواهم"),
        ("[bold]not markup[/oops]", "[bold]not markup[/oops]"),
    ],
)
def test_what_is_dangerous_is_shown_instead_of_obeyed(text: str, shown: str) -> None:
    assert sanitize(text) == shown


def test_one_line_shows_inner_newlines_and_drops_outer_ones() -> None:
    assert one_line("\nfirst\nsecond\n") == "first ⏎ second"
    assert one_line("set -e \n\n  wc -l\x1b[2J") == "set -e ⏎ wc -l␛[2J"


def test_an_event_without_control_characters_stays_the_same_object() -> None:
    """Cleaning costs nothing where there is nothing to clean."""
    for event in stream.apply_run():
        assert cleaned(event) is event
