"""meta/argument_specs.yml: what a role declares of its variables is checked where they are written."""

from __future__ import annotations

import pytest

from tests.unit.compiler.projects import problems_of

SPECS = """
argument_specs:
  main:
    short_description: A role
    options:
      port: {type: int, required: true, description: where to listen}
      mode: {choices: [fast, safe]}
      names: {type: list, elements: int}
      any: {type: raw}
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ("port: 80", []),
        ("port: '80'\nmode: fast\nnames: [1, '2']\nany: {}", []),
        ("mode: ", ["config.yaml:1:29: role 'r' needs the variable 'port' [r]"]),
        (
            "port: x",
            ["inventory/group_vars/all.yml:1:7: 'port' of role 'r' must be a whole number, not 'x' [x]"],
        ),
        (
            "port: 1\nmode: slow",
            ["inventory/group_vars/all.yml:2:7: 'mode' of role 'r' must be one of fast, safe"],
        ),
        (
            "port: 1\nnames: [a]",
            ["inventory/group_vars/all.yml:2:8: 'names' of role 'r' must be a whole number"],
        ),
        (
            "port: '{{ nope }}'",
            ["inventory/group_vars/all.yml:1:11: the variable 'nope' is not defined [nope]"],
        ),
    ],
)
def test_variables_must_be_what_the_role_declares(variables: str, expected: list[str]) -> None:
    """Named where the value stands, or where the role is used if there is none."""
    found = problems_of(
        {
            "config.yaml": "site: [{hosts: all, roles: [r]}]",
            "roles/r/meta/argument_specs.yml": SPECS,
            "inventory/group_vars/all.yml": variables,
        }
    )
    assert len(found) == len(expected)
    assert all(problem.startswith(start) for problem, start in zip(found, expected, strict=True))


def test_a_role_whose_condition_is_false_needs_nothing() -> None:
    """It has no tasks here that could use the variables."""
    files = {
        "config.yaml": "site: [{hosts: all, roles: [{role: r, when: false}]}]",
        "roles/r/meta/argument_specs.yml": SPECS,
    }
    assert problems_of(files) == []


def test_an_unknown_type_is_a_mistake_in_the_role() -> None:
    """With a did-you-mean."""
    files = {"roles/r/meta/argument_specs.yml": "argument_specs: {main: {options: {a: {type: strr}}}}"}
    assert problems_of(files) == [
        "roles/r/meta/argument_specs.yml:1:45: unknown type 'strr' [strr] (did you mean 'str'?)"
    ]
