"""What a text and a template end with, and what is a list although statements stand around it.

The expectations are what ansible-core gave; where 2.18 and 2.19 differ, what 2.19 gave.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.compiler.projects import tasks_of

VARS = 'x: "x\\n"\ny: "y\\n\\n\\n"\nplain: p\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ plain }}\n", "p\n"),
        ("{{ x }}\n", "x\n"),
        ("{{ x }}\n\n", "x\n\n"),
        ("{{ x }}", "x\n"),
        ("{{ y }}\n", "y\n\n\n"),
        ("q {{ x }}\n\n", "q x\n\n"),
        ("{% if true %}\na\n{% endif %}\n", "a\n"),
        ("{% if true %}\na\n{%- endif %}\n", "a\n"),
        ("x\n{% if false %}\na\n{% endif %}\n\n", "x\n\n"),
    ],
)
def test_a_template_ends_with_as_many_newlines_as_are_written(text: str, expected: str) -> None:
    """At least as many, be they of the template or of the last value; the same in a file and in YAML."""
    tasks = """
        - copy: {dest: /a, content: "{{ lookup('template', 't.j2') }}"}
        - template: {dest: /b, src: t.j2}
        - copy:
            dest: /c
            content: %s
        """
    written = repr(text.encode().decode()).strip("'")
    files = {"roles/r/templates/t.j2": text, "roles/r/vars/main.yml": VARS}
    found = tasks_of(tasks.replace("%s", f'"{written}"'), files)
    assert [spec.params["content"] for spec in found] == [expected] * 3


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (">\n    {{ [1] + [2] }}\n", [1, 2]),
        ("|\n    {{ {'a': 1} }}\n", {"a": 1}),
        ("|\n    {{ 1 == 1 }}\n", True),
        (">\n    {{ [] }}\n", []),
        ('"{% set r = [] %}{% for i in [1, 2] %}{{ r.append(i) }}{% endfor %}{{ r }}"\n', [1, 2]),
        ("|\n    {% set q = [3] %}\n    {{ q }}\n", [3]),
        ("|\n    {% set q = [] %}\n    {{ q }}\n", []),
        ("\"{{ '[' }}1{{ ']' }}\"\n", "[1]"),
        ("\"{{ '[1, 2]' }}\"\n", "[1, 2]"),
        ('"{% set q = 1 %}{not python"\n', "{not python"),
    ],
)
def test_a_value_stays_what_it_is_behind_statements_and_before_a_newline(written: str, expected: Any) -> None:
    """Lists that are built up in a loop, and expressions in YAML's block texts, are common in roles."""
    found = tasks_of("- debug: {var: value}\n", {"roles/r/vars/main.yml": f"value: {written}"})
    assert found[0].params["_value"] == [expected]
