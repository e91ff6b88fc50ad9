"""Every diagnostic that the package can make has a code, and every code an explanation that shows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.cli.main import main
from configurator.config.codes import EXPLANATIONS
from tools.diagnostics import PAGE, page

PACKAGE = Path(__file__).parents[3] / "configurator"
COLLECTOR = re.compile(r"(^|[._])(diagnostics|problems|found)$")  # how a Diagnostics is called everywhere
PASSES_ON = {"config/diagnostics.py"}  # where the code is what the caller gave


def makers(path: Path) -> Iterator[ast.Call]:
    """The calls that make a diagnostic."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute):
            collects = called.attr == "add" and len(node.args) > 1
            if called.attr == "diagnostic" or (collects and COLLECTOR.search(ast.unparse(called.value))):
                yield node
        elif isinstance(called, ast.Name) and called.id in ("Diagnostic", "_YamlError"):
            yield node


def codes_of(call: ast.Call) -> set[str] | None:
    """The codes that a call may give; None without one. What another diagnostic had is passed on as it is."""
    for keyword in call.keywords:
        if keyword.arg == "code":
            texts = [item for item in ast.walk(keyword.value) if isinstance(item, ast.Constant)]
            return {str(item.value) for item in texts}
    return None


FILES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if str(path.relative_to(PACKAGE)) not in PASSES_ON and [*makers(path)]
)


def test_the_makers_are_found() -> None:
    """Should the names change, the test below would hold nothing."""
    assert sum(1 for path in FILES for _ in makers(path)) > 150


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_diagnostic_has_a_code_that_is_explained(path: Path) -> None:
    """`code="..."` where it is made; a new kind of mistake gets an entry in config/codes.py."""
    wrong = [
        f"line {call.lineno}: {codes}"
        for call in makers(path)
        if (codes := codes_of(call)) is None or not codes <= EXPLANATIONS.keys()
    ]
    assert wrong == []


def test_no_explanation_is_of_a_code_that_nothing_has() -> None:
    used = {code for path in FILES for call in makers(path) for code in codes_of(call) or ()}
    named = {
        text
        for path in PACKAGE.rglob("*.py")
        for text in re.findall(r'code = "([a-z-]+)" if', path.read_text())
    }
    rest = {
        text for path in PACKAGE.rglob("*.py") for text in re.findall(r'else "([a-z-]+)"\n', path.read_text())
    }
    assert set(EXPLANATIONS) - used - named - rest == set()


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_a_code_is_a_short_word_and_its_title_one_sentence(code: str) -> None:
    item = EXPLANATIONS[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert not item.title.endswith(".")
    assert item.text.endswith(".")
    assert not item.wrong or item.right


def test_the_page_is_what_the_codes_say() -> None:
    """`python -m tools.diagnostics` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_explain_tells_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """As it is copied from the line of an error, with its brackets."""
    assert main(["explain", "[unknown-module]"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("There is no module of this name\n\n")
    assert said.endswith("\nInstead of\n\n    - coppy: {dest: /etc/motd, content: hi}\n\nwrite\n\n"
                         "    - copy: {dest: /etc/motd, content: hi}\n")  # fmt: skip
    assert main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(EXPLANATIONS)
    assert main(["explain", "unknown-modul"]) == 1
    assert "did you mean 'unknown-module'?" in capsys.readouterr().err
