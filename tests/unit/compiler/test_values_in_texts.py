"""How values look within a text, and that a template changes nothing outside of it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from configurator.compiler.scope import Ready, Scope
from configurator.compiler.templatefiles import TemplateFiles
from configurator.compiler.templating import Engine
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar
from tests.unit.compiler.projects import tasks_of

VARIABLES: dict[str, Any] = {"d": {"x": 1, "y": [2]}, "l": [3, 1], "deep": {"a": [{"b": []}]}}


def scope_of() -> Scope:
    return Scope(Engine(), {name: Ready(copy.deepcopy(value)) for name, value in VARIABLES.items()}, {})


def text_of(text: str, scope: Scope | None = None) -> Any:
    return (scope or scope_of()).value(LocatedScalar(text, Span("f", 1, 1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x {{ d.keys() }}", "x ['x', 'y']"),
        ("x {{ d.values() }}", "x [1, [2]]"),
        ("x {{ d.items() }}", "x [['x', 1], ['y', [2]]]"),
        ("x {{ range(3) }}", "x [0, 1, 2]"),
        ("x {{ 'a'.encode() }}", "x a"),
        ("x {{ none }}{{ [none] }}", "x [None]"),
        ("x{{ 'y' if false }}", "x"),
    ],
)
def test_what_is_like_a_list_looks_like_one(text: str, expected: str) -> None:
    """As with Ansible; `dict_keys([...])` is of no use in any file."""
    assert text_of(text) == expected


@pytest.mark.parametrize(
    ("value", "use", "expected"),
    [
        ("{{ '<b>' | escape }}", "{{ v ~ '<' }}", "&lt;b&gt;<"),
        ("{{ ['a'] | tojson }}", "{{ v | replace('a', '&') }}", '["&"]'),
        ("{{ ['a'] | map('escape') }}", "{{ v[0] + '<' }}", "a<"),
        ("{{ {'x': 'a' | escape} }}", "{{ v.x + '<' }}", "a<"),
    ],
)
def test_a_variable_is_a_plain_text_whatever_made_it(value: str, use: str, expected: str) -> None:
    """As with Ansible: `tojson` in one variable escapes nothing in those that use it."""
    scope = Scope(Engine(), {"v": LocatedScalar(value, Span("f", 1, 1))}, {})
    assert text_of(use, scope) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ l.append(9) }}{{ l | length }}",
        "{% set _ = l.insert(0, 9) %}{{ l | length }}",
        "{% set _ = deep.a[0].b.append(9) %}{{ deep.a[0].b | length + 2 }}",
        "{% set m = l %}{% set _ = m.extend([9]) %}{{ l | length }}",
        "{% macro add() %}{{ l.append(9) }}{% endmacro %}{{ add() }}{{ l | length }}",
        "{% for i in [1] %}{% set _ = d.update({i: i}) %}{% endfor %}{{ d | length }}",
    ],
)
def test_a_template_changes_a_variable_for_itself_alone(text: str, tmp_path: Path) -> None:
    """As with Ansible: with the next evaluation, or the next task, the variable is what it was."""
    scope, path = scope_of(), tmp_path / "t.j2"
    path.write_text(text)
    files = TemplateFiles(str(tmp_path))
    for _ in range(2):
        assert str(text_of(text, scope)).removeprefix("None") == "3"
        assert files.render(str(path), str(tmp_path), {}, scope).removeprefix("None") == "3"
    assert {name: scope[name] for name in VARIABLES} == VARIABLES


def test_a_loop_that_gathers_does_not_gather_what_the_last_task_has_gathered() -> None:
    """The list of a role's defaults is empty again for the next task."""
    found = tasks_of(
        """
        - command: "echo {% for i in [1, 2] %}{% set _ = seen.append(i) %}{% endfor %}{{ seen | join('-') }}"
        - command: "echo {% for i in [3] %}{% set _ = seen.append(i) %}{% endfor %}{{ seen | join('-') }}"
        """,
        {"roles/r/defaults/main.yml": "seen: []\n"},
    )
    assert [spec.params["cmd"] for spec in found] == ["echo 1-2", "echo 3"]
