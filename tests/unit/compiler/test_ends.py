"""A `meta` that ends a role or a host: what is above it is done, and what is below does not begin."""

from __future__ import annotations

import pytest

from tests.unit.compiler.playing import Play, played, project_of
from tests.unit.compiler.projects import FACTS

OTHERS = {
    "config.yaml": "site: [{hosts: all, roles: [before, r, behind]}]",
    "roles/before/tasks/main.yml": "- {name: before, debug: {msg: x}}",
    "roles/behind/tasks/main.yml": "- {name: behind, debug: {msg: x}}",
}
WHOLE_HOST = ("end_host", "end_play", "end_batch")


def waiting(tasks: str, more: dict[str, str] | None = None) -> dict[str, set[str]]:
    """Return by the name of each task those that it waits for directly."""
    project = project_of(tasks, more)
    specs = project.compile(project.hosts(["h"])[0], FACTS).tasks
    names = {spec.id: spec.name for spec in specs}
    return {spec.name: {names[name] for name in (*spec.requires, *spec.after)} for spec in specs}


@pytest.mark.parametrize("action", [*WHOLE_HOST, "end_role"])
def test_an_end_stands_between_tasks_without_effects(action: str) -> None:
    """What is said or held true above must be, and what is below must not, whichever was faster."""
    tasks = f"""
        - {{name: one, debug: {{msg: one}}}}
        - {{name: held, assert: {{that: true}}}}
        - {{name: end, meta: {action}}}
        - {{name: never, debug: {{msg: never}}}}
        - {{name: neither, assert: {{that: true}}}}
        """
    found = waiting(tasks)
    assert found["end"] == {"one", "held"}
    assert found["never"] == found["neither"] == {"end"}
    play = played(tasks)
    assert (play.said, play.statuses["held"]) == ({"one": "one"}, "ok")
    assert play.statuses["never"] == play.statuses["neither"] == "skipped"


def test_an_end_of_a_host_stands_between_roles_and_one_of_a_role_does_not() -> None:
    """Roles below must not begin before it is decided, and those above are done, as they are written."""
    tasks = "- {{name: end, meta: {}}}\n- {{name: never, debug: {{msg: x}}}}\n"
    for action in WHOLE_HOST:
        found = waiting(tasks.format(action), OTHERS)
        assert (found["before"], found["end"]) == (set(), {"before"})
        assert found["behind"] == found["never"] == {"end"}
    found = waiting(tasks.format("end_role"), OTHERS)
    assert (found["before"], found["end"], found["behind"]) == (set(), set(), set())


@pytest.mark.parametrize(
    "end",
    [
        "{meta: end_host, when: asked.stdout == 'one'}",
        "{include_tasks: inner.yml, when: asked.stdout == 'one'}",
        "{include_role: {name: ends}, when: asked.stdout == 'one'}",
    ],
)
def test_an_end_that_hangs_on_a_result_holds_up_what_is_below(end: str) -> None:
    """Nobody knows beforehand whether it ends anything, also where it is inside of something."""
    more = {
        **OTHERS,
        "roles/r/tasks/inner.yml": "- import_tasks: deep.yml",
        "roles/r/tasks/deep.yml": "- block: [{meta: end_host}]",
        "roles/ends/tasks/main.yml": "- {meta: end_host}",
    }
    tasks = f"""
        - {{name: ask, command: echo WORD, register: asked}}
        - {{name: above, debug: {{msg: above}}}}
        - {end}
        - {{name: below, debug: {{msg: below}}}}
        """
    ended: Play = played(tasks.replace("WORD", "one"), more)
    assert set(ended.said) == {"before", "above"}
    assert ended.statuses["below"] == ended.statuses["behind"] == "skipped"
    assert set(played(tasks.replace("WORD", "two"), more).said) == {"before", "above", "below", "behind"}


def test_where_nothing_can_end_nothing_waits() -> None:
    """A file that is put off and ends nothing orders no tasks without effects."""
    found = waiting(
        """
        - {name: ask, command: echo one, register: asked}
        - {name: above, debug: {msg: x}}
        - {name: inside, include_tasks: inner.yml, when: asked.stdout == 'one'}
        - {name: below, debug: {msg: x}}
        """,
        {"roles/r/tasks/inner.yml": "- {name: deep, debug: {msg: x}}"},
    )
    assert (found["inside"], found["below"]) == ({"ask"}, set())
