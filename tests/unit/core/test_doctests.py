"""Every example in the engine's docstrings, and on its reference page, is true."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import configurator

CORE = Path(configurator.__file__).parent / "core"
PAGE = Path(configurator.__file__).parents[1] / "docs" / "reference" / "engine.md"
MODULES = ["configurator", *(f"configurator.core.{file.stem}" for file in sorted(CORE.glob("*.py")))]


def failures(test: doctest.DocTest) -> str:
    """Run the examples; return what doctest has to say about those that are wrong."""
    said: list[str] = []
    doctest.DocTestRunner().run(test, out=said.append)
    return "".join(said)


def hold(*tests: doctest.DocTest) -> None:
    if said := "".join(map(failures, tests)):
        pytest.fail(said, pytrace=False)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    """What a docstring shows is what a reader types first."""
    hold(*doctest.DocTestFinder().find(importlib.import_module(name)))


def blocks(text: str) -> str:
    """Return a page with nothing left but its Python blocks, each line in its place."""
    kept, within = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        kept.append(line if within and not fence else "")
        within = line == "```python" if fence else within
    return "\n".join(kept)


def test_the_examples_of_the_reference_page_are_true() -> None:
    """They are one session from top to bottom, as a reader tries them."""
    text = blocks(PAGE.read_text(encoding="utf-8"))
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 100
    hold(test)


def test_the_reference_page_has_every_public_name_and_links_to_its_own_sections() -> None:
    """A feature that the page does not mention is one that nobody finds."""
    text = PAGE.read_text(encoding="utf-8")
    missing = [name for name in configurator.__all__ if not re.search(rf"\b{name}\b", text)]
    assert missing == ["__version__"]
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors


def test_a_wrong_example_is_found() -> None:
    """The tests above mean something only if they can fail."""
    page = "# Title\n\n```sh\n>>> not python\n```\n\n```python\n>>> 1 + 1\n3\n```\n"
    test = doctest.DocTestParser().get_doctest(blocks(page), {}, "page", "page", 0)
    assert len(test.examples) == 1
    assert "line 8" in failures(test)
