"""Files broken in every way that came to mind: what is said of each stands in broken/expected.txt.

CONFIGURATOR_REWRITE=1 writes it anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from configurator.compiler.taskfile import TaskFileReader
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Diagnostic, Diagnostics, Span
from configurator.config.located import LocatedScalar
from configurator.config.yamlsource import parse_yaml, read_text
from configurator.inventory.inifile import read_ini_inventory
from configurator.inventory.model import Inventory
from configurator.modules import registry

FOLDER = Path(__file__).parent / "broken"
EXPECTED = FOLDER / "expected.txt"
FILES = sorted(path.name for path in FOLDER.iterdir() if path != EXPECTED)


def said(name: str) -> list[str]:
    """What people read of a file, one line each."""
    found = Diagnostics()
    text = read_text(str(FOLDER / name), found, name=name)
    if text is not None and name.endswith(".yml"):
        value = parse_yaml(text, name, found)
        if value is not None:
            TaskFileReader(registry, ["nginx"], found).read(value, "/nonexistent")
    elif text is not None and name.endswith(".ini"):
        inventory = Inventory()
        read_ini_inventory(text, name, inventory, found)
        inventory.finish(found)
    elif text is not None:
        found.extend(_template(text, name))
    return [f"{item}" + (f" ({item.hint})" if item.hint else "") for item in found.sorted()]


def _template(text: str, name: str) -> list[Diagnostic]:
    located = LocatedScalar(text, Span(name, 0, 0), lines=("|", *text.splitlines()))
    engine = Engine()
    try:
        compiled = engine.text(text, located)
        engine.evaluate(compiled, {}, lambda _file, line: located.line_span(line))
    except TemplatingError as error:
        return [error.diagnostic]
    return []


def blocks() -> dict[str, list[str]]:
    """What is expected, by file."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in EXPECTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            name = line.removeprefix("== ")
            found[name] = []
        else:
            found[name].append(line)
    return found


if os.environ.get("CONFIGURATOR_REWRITE"):
    EXPECTED.write_text(
        "".join(f"== {name}\n" + "".join(f"{line}\n" for line in said(name)) for name in FILES),
        encoding="utf-8",
    )


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_told_with_the_place(name: str) -> None:
    assert said(name) == blocks()[name]


def test_no_expectation_outlives_its_file() -> None:
    assert sorted(blocks()) == FILES
