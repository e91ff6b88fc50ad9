"""Why tasks wait for each other, in words."""

from __future__ import annotations

import pytest

from configurator.compiler.order_edges import EdgeKind
from configurator.report.order import Reason, order_lines, reason_lines


@pytest.mark.parametrize(
    ("kind", "key", "why"),
    [
        ("declared", "", "it says so in `requires`"),
        ("role", "", "its role requires that"),
        ("handler", "", "handlers come last"),
        ("written_order", "path:/etc/motd", "as written: both touch /etc/motd"),
        ("written_order", "path:/etc/nginx/**", "as written: both touch /etc/nginx/**"),
        ("written_order", "path:**", "as written: both touch any file"),
        ("written_order", "unit:**", "as written: both touch any unit"),
        ("written_order", "*", "as written: both touch anything"),
        ("written_order", "", "as written"),
        ("needs", "user:deploy", "it needs user deploy"),
        ("same_wish", "unit:nginx.service", "both want the same of unit nginx.service"),
    ],
)
def test_a_reason_is_a_sentence(kind: str, key: str, why: str) -> None:
    """Things are called as people call them."""
    assert list(reason_lines([Reason("r: one", "r: two", kind, key)])) == [f"r: two waits for r: one ({why})"]


@pytest.mark.parametrize("kind", EdgeKind)
def test_every_kind_has_words_of_its_own(kind: EdgeKind) -> None:
    """A new kind must not turn up as the compiler's word for it."""
    [line] = reason_lines([Reason("a", "b", kind, "path:/x")])
    assert not line.endswith(f"({kind})")


def test_names_and_things_cannot_speak_to_the_terminal() -> None:
    """Both come from files that others may have written."""
    [line] = reason_lines([Reason("a\x1b[2J", "b\nc", "needs", "path:/x\x1b[2J")])
    assert line == "b ⏎ c waits for a␛[2J (it needs /x␛[2J)"


def test_what_there_is_nothing_to_say_about_has_no_heading() -> None:
    """A tree alone stays a tree; one task is not `1 tasks`."""
    assert list(order_lines("a\nb", [], 0, every=False)) == ["a", "b"]
    assert list(order_lines("no tasks", [], 1, every=False))[1:] == [
        "",
        "1 task not shown: a condition skips it (-v shows all).",
    ]
