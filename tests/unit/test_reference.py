"""Pages that are written from the code say what it does, and nothing of Ansible's is left out silently."""

from __future__ import annotations

import pytest

from configurator.modules import registry
from tools.reference import FOLDER, left_out, pages, published

MODULES = sorted({registry.canonical(name) or name for name in registry.names()})


def test_the_reference_of_the_modules_is_what_the_modules_say() -> None:
    """`python -m tools.reference` writes them."""
    wanted = pages()
    there = {f"modules/{path.name}" for path in (FOLDER / "modules").glob("*.md")} | {"modules.md"}
    assert there == set(wanted)
    assert {path: (FOLDER / path).read_text(encoding="utf-8") for path in wanted} == wanted


@pytest.mark.parametrize("name", MODULES)
def test_every_argument_of_ansibles_module_is_there_or_left_out_for_a_reason(name: str) -> None:
    """Who brings a role must not find out by an error why something is missing."""
    silent = [argument for argument, reason in left_out(name).items() if not reason]
    assert silent == []


@pytest.mark.parametrize("name", MODULES)
def test_no_reason_is_given_for_what_is_there(name: str) -> None:
    """A reason outlives its parameter's coming otherwise."""
    assert set(registry.get(name).omitted) <= set(left_out(name)) if name in published() else True
