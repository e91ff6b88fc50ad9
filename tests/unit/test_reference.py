"""Generated documentation is what the code says."""

from __future__ import annotations

from tools.reference import PAGE, page


def test_the_modules_page_is_up_to_date() -> None:
    """A parameter that was added or renamed is in the reference of the same commit."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tools.reference"
