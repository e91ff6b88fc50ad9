"""`meta: flush_handlers`: which handlers run there, and which at the next flush or the role's end."""

from __future__ import annotations

from tests.unit.compiler.playing import played
from tests.unit.compiler.projects import graph_of

HANDLERS = """
    - {name: zero, command: echo zero, notify: third}
    - {name: first, command: echo first, notify: [second, zero]}
    - {name: second, command: echo second}
    - {name: third, command: echo third}
    """


def notified_by(tasks: str, start: str, more: dict[str, str] | None = None) -> dict[str, list[str]]:
    """Return for each that is notified, directly or not, what it notifies: its name and where it runs."""
    files = {"roles/r/tasks/main.yml": tasks, "roles/r/handlers/main.yml": HANDLERS, **(more or {})}
    specs = {spec.id: spec for spec in graph_of(files).tasks}
    tasks_there = [spec.id for spec in specs.values() if spec.name in ("one", "two", "three")]

    def place(name: str) -> str:
        """Say after which of the tasks a handler runs."""
        behind = [specs[task].name for task in tasks_there if task in all_before(name)]
        return f"{specs[name].name.partition(' (')[0]} after {' '.join(behind)}"

    def all_before(name: str) -> set[str]:
        found: set[str] = set()
        pending = [name]
        while pending:
            spec = specs[pending.pop()]
            fresh = {*spec.requires, *spec.after} - found
            found |= fresh
            pending += fresh
        return found

    pending = [next(spec.id for spec in specs.values() if spec.name == start)]
    told: dict[str, list[str]] = {}
    while pending:
        spec = specs[pending.pop()]
        if spec.notify and (label := start if spec.name == start else place(spec.id)) not in told:
            told[label] = [place(name) for name in spec.notify]
            pending += spec.notify
    return told


def test_what_a_handler_notifies_runs_in_the_same_flush_if_it_stands_below() -> None:
    """As in Ansible: one that stands above has been passed by, and runs at the next flush."""
    told = notified_by(
        """
        - {name: one, command: echo one, notify: first}
        - meta: flush_handlers
        - {name: two, command: echo two}
        - meta: flush_handlers
        - {name: three, command: echo three}
        """,
        "one",
    )
    assert told == {
        "one": ["first after one"],
        "first after one": ["second after one", "zero after one two"],
        "zero after one two": ["third after one two"],
    }


def test_handlers_notify_each_other_beside_a_late_include_that_may_notify_any() -> None:
    """The copies for the include are made first, and their notifications count as those of all others."""
    told = notified_by(
        """
        - {name: ask, command: echo 1, register: asked}
        - include_tasks: more.yml
          when: asked.rc == 0
        - {name: one, command: echo one, notify: first}
        - meta: flush_handlers
        - {name: two, command: echo two}
        """,
        "one",
        {"roles/r/tasks/more.yml": "- {name: late, command: echo, notify: third}\n"},
    )
    assert told["one"] == ["first after one"]
    assert told["first after one"] == ["second after one", "zero after one two"]


def test_an_included_file_of_handlers_hears_the_words_of_its_include() -> None:
    """Its name and what it listens to mean all of its tasks, which have names of their own besides."""
    files = {
        "roles/r/handlers/main.yml": """
            - {name: all of them, include_tasks: more.yml}
            - {listen: topic, include_tasks: other.yml}
            """,
        "roles/r/handlers/more.yml": "[{name: one, command: echo 1}, {name: two, command: echo 2}]",
        "roles/r/handlers/other.yml": "[{name: three, command: echo 3}, {name: never, command: echo 4}]",
    }
    first = played("- {command: echo, notify: [all of them]}", files)
    assert first.taken[1:] == ["one", "two"]
    second = played("- {command: echo, notify: [topic, two]}", files)
    assert second.taken[1:] == ["two", "three", "never"]
