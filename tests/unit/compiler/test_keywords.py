"""Every word that a task, a block or an include may have: what becomes of it, or what is said of it.

A word without a row is a failure of `test_every_word_has_a_row`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.compiler import keywords as words
from tests.unit.compiler.projects import graph_of, role_problems

Fields = Mapping[str, Any]
HANDLERS = """
- {name: h, command: h}
- {name: other, command: o, listen: topic}
"""


@dataclass(frozen=True)
class Row:
    """Tasks, and what some of them have: fields of their specs by their names, and who must not be there.

    `problems` are what is said of the tasks instead.
    """

    tasks: str
    specs: Mapping[str, Fields] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)


def a(**fields: Any) -> Mapping[str, Fields]:
    """What task `a` has."""
    return {"a": fields}


def cmd(text: str) -> dict[str, Any]:
    return {"params": {"cmd": text}}


# By the word; `#` in a task is where it stands.
COMMON = {
    "name": Row("- {name: 'n {{ 1 + 1 }}', command: x}", {"n 2": {"id": "r/1:n 2"}}),
    "when": Row("- {name: a, command: x, when: [true, 1 > 2]}", a(skip="1 > 2")),
    "vars": Row("- {name: a, command: 'x {{ v }}', vars: {v: 1}}", a(**cmd("x 1"))),
    "tags": Row("- {name: a, command: x, tags: [never]}", missing=("a",)),
    "become": Row("- {name: a, command: x, become: true, become_user: www}", a(become_user="www")),
    "become_user": Row("- {name: a, command: x, become_user: '{{ \"u\" }}'}", a(become_user="u")),
    "environment": Row(
        "- {name: a, command: x, environment: [{A: 1, B: 2}, {B: '{{ 3 }}'}]}",
        a(environment={"A": "1", "B": "3"}),
    ),
    "no_log": Row("- {name: a, command: x, no_log: true}", a(no_log=True)),
    "ignore_errors": Row("- {name: a, command: x, ignore_errors: yes}", a(ignore_errors=True)),
    "ignore_unreachable": Row(
        "- {name: a, command: x, ignore_unreachable: true}", a(ignore_unreachable=True)
    ),
    "check_mode": Row("- {name: a, command: x, check_mode: false}", a(check_mode=False)),
    "guarded": Row(
        "- {name: a, command: x, guarded: true, effects: {writes: ['path:/w', 'unit:u', 'sysctl:s']}}",
        a(guarded=True, guards=("path:/w", "unit:u")),
    ),
    "critical": Row("- {name: a, command: x, critical: true}", a(critical=True)),
    "notify": Row("- {name: a, command: x, notify: [h, topic]}", a(notify=("r/h1:h", "r/h1:other"))),
    "any_errors_fatal": Row("- {name: a, command: x, any_errors_fatal: true}", a(fatal=True)),
    "delegate_to": Row("- {name: a, command: x, delegate_to: localhost}", a(delegate_to="localhost")),
    "delegate_facts": Row("- {name: a, command: x, delegate_facts: true}", a(delegate_to=None)),
    "diff": Row("- {name: a, command: x, diff: false}", a(diff=False)),
    "module_defaults": Row(
        "- {name: a, command: x, module_defaults: {ansible.builtin.command: {chdir: /c}}}",
        a(params={"chdir": "/c", "cmd": "x"}),
    ),
    "run_once": Row("- {name: a, command: x, run_once: true}", a(late=False)),
    "throttle": Row("- {name: a, command: x, throttle: 2}", a(throttle=2)),
    "timeout": Row("- {name: a, command: x, timeout: '{{ 7 }}'}", a(timeout_s=7.0)),
}
LOOP_WORDS = {
    "loop": Row("- {name: a, command: 'x {{ item }}', loop: [1]}", {"a (1)": cmd("x 1")}),
    "loop_control": Row(
        """
        - name: a
          command: "x {{ i }}{{ n }}"
          loop: [p]
          loop_control: {loop_var: i, index_var: n, label: L}
        """,
        {"a (L)": cmd("x p0")},
    ),
}
TASK = {
    "action": Row("- {name: a, action: {module: command, cmd: x}}", a(**cmd("x"))),
    "args": Row("- {name: a, command: x, args: {chdir: /c}}", a(params={"cmd": "x", "chdir": "/c"})),
    "async": Row("- {name: a, command: x, async: 9, poll: 5}", a(timeout_s=9.0)),
    "changed_when": Row("- {name: a, command: x, changed_when: false}", a(changed_when=False, judged=False)),
    "delay": Row("- {name: a, command: x, retries: 1, delay: 2}", a(delay_s=2.0, attempts=2)),
    "effects": Row(
        """
        - {name: a, command: x, effects: {reads: ['path:/r'], writes: ['path:/w']}}
        - {name: b, command: y, effects: ['path:/other']}
        - {name: c, file: {path: /w, state: touch}}
        """,
        {"b": {"requires": (), "after": ()}, "c": {"requires": ("r/1:a",)}},
    ),
    "failed_when": Row(
        "- {name: a, command: x, register: v, failed_when: v.rc > 1}", a(judged=True, failed_when=None)
    ),
    "listen": Row("- {name: a, command: x, listen: topic}", problems=("only a handler can have 'listen'",)),
    "local_action": Row("- {name: a, local_action: command x}", a(delegate_to="localhost", **cmd("x"))),
    "locks": Row("- {name: a, command: x, locks: ['one', '{{ \"two\" }}']}", a(locks=("one", "two"))),
    "poll": Row("- {name: a, command: x, async: 9, poll: 0}", a(timeout_s=None, tell=True)),
    "register": Row(
        "- {name: a, command: x, register: v}\n- {name: b, command: y, when: v.changed}",
        {"a": {"tell": True}, "b": {"late": True, "requires": ("r/1:a",)}},
    ),
    "requires": Row(
        "- {name: a, command: x, requires: last}\n- {name: last, timezone: {name: UTC}}",
        a(requires=("r/2:last",)),
    ),
    "retries": Row("- {name: a, command: x, retries: 4}", a(attempts=5, judged=False)),
    "until": Row(
        "- {name: a, command: x, register: v, until: v.rc == 0}", a(attempts=3, delay_s=5.0, judged=True)
    ),
}
BLOCK = {
    "block": Row("- {block: [{name: a, command: x}]}", a(hold=False, group={})),
    "rescue": Row(
        "- {block: [{name: a, command: x}], rescue: [{name: b, command: y}]}",
        {"a": {"hold": True, "rescued": True}, "b": {"if_failed": ("r/1:a",), "rescued": False}},
    ),
    "always": Row(
        "- {block: [{name: a, command: x}], always: [{name: b, command: y}]}",
        {"a": {"hold": True, "rescued": False}, "b": {"if_failed": (), "after": ("r/1:a",)}},
    ),
}
INCLUDE = {
    "args": Row("- {include_tasks: in.yml, args: {apply: {}}}", a(module="command")),
    "listen": Row(
        "- {name: a, command: x, notify: top}",
        a(notify=("r/h1:inside",)),
        more={
            "roles/r/handlers/main.yml": "- {include_tasks: ../tasks/handlers.yml, listen: top}",
            "roles/r/tasks/handlers.yml": "- {name: inside, command: y, listen: top}",
        },
    ),
    "register": Row("- {include_tasks: in.yml, register: v}", a(module="command")),
    "collections": Row("- {include_tasks: in.yml, collections: [ansible.posix]}", a(module="command")),
}
LOOPS = {
    "with_items": ("[[1, 2], 3]", "1 2 3"),
    "with_list": ("[1, 2]", "1 2"),
    "with_dict": ("{k: v}", "{'key': 'k', 'value': 'v'}"),
    "with_fileglob": ("['*.txt']", "{files}/one.txt"),
    "with_first_found": ("[no.txt, one.txt]", "{files}/one.txt"),
    "with_nested": ("[[1], [2, 3]]", "[1, 2] [1, 3]"),
    "with_cartesian": ("[[1], [2, 3]]", "[1, 2] [1, 3]"),
    "with_sequence": ("start=1 end=3", "1 2 3"),
    "with_subelements": ("[[{n: 1, l: [x]}], l]", "[{'n': 1}, 'x']"),
    "with_together": ("[[1, 2], [3, 4]]", "[1, 3] [2, 4]"),
    "with_indexed_items": ("[x]", "[0, 'x']"),
    "with_flattened": ("[[1, [2]], 3]", "1 2 3"),
    "with_lines": ("[echo 1; echo 2]", "1 2"),
    "with_file": ("[one.txt]", "content"),
    "with_random_choice": ("[only]", "only"),
    "with_inventory_hostnames": ("all", "h"),
}
# What becomes of the task below it.
META = {
    "clear_facts": {},
    "clear_host_errors": {},
    "end_batch": {"requires": ("r/1:meta: end_batch",)},
    "end_host": {"requires": ("r/1:meta: end_host",)},
    "end_play": {"requires": ("r/1:meta: end_play",)},
    "end_role": {"requires": ("r/1:meta: end_role",)},
    "flush_handlers": {},
    "noop": {},
    "refresh_inventory": {},
    "reset_connection": {},
}
INSIDE = {"roles/r/tasks/in.yml": "- {name: a, command: x}\n"}


def specs_of(row: Row) -> dict[str, TaskSpec]:
    files = {"roles/r/tasks/main.yml": row.tasks, "roles/r/handlers/main.yml": HANDLERS, **INSIDE, **row.more}
    return {spec.name: spec for spec in graph_of(files).tasks}


def problems_of(tasks: str) -> list[str]:
    """Return what is said of tasks, without places."""
    return [text.split(": ", 1)[1].partition(" [")[0] for text in role_problems(tasks, INSIDE)]


def check(row: Row) -> None:
    if row.problems:
        assert problems_of(row.tasks) == list(row.problems)
        return
    specs = specs_of(row)
    assert not set(row.missing) & specs.keys()
    for name, fields in row.specs.items():
        assert {key: getattr(specs[name], key) for key in fields} == dict(fields)


ROWS = {
    **{f"task {word}": row for word, row in {**COMMON, **LOOP_WORDS, **TASK}.items()},
    **{f"block {word}": row for word, row in BLOCK.items()},
    **{f"include {word}": row for word, row in INCLUDE.items()},
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_word_becomes_what_its_row_says(row: Row) -> None:
    """One row for each word."""
    check(row)


def test_every_word_has_a_row() -> None:
    """A word that is added is described here before anybody uses it."""
    assert COMMON.keys() == words.COMMON
    assert COMMON.keys() | LOOP_WORDS.keys() | TASK.keys() == words.TASK
    assert COMMON.keys() | BLOCK.keys() == words.BLOCK
    assert COMMON.keys() | LOOP_WORDS.keys() | INCLUDE.keys() == words.INCLUDE
    assert tuple(LOOPS) == words.LOOPS
    assert tuple(META) == words.META


@pytest.mark.parametrize("word", sorted(words.WITHOUT_MEANING))
def test_a_word_without_a_meaning_is_accepted_and_changes_nothing(word: str) -> None:
    """On tasks, blocks and includes: roles are run with Ansible, too."""
    plain = "{name: a, command: x}"
    bare = specs_of(Row(f"- {plain}"))["a"]
    for tasks in (
        f"- {{name: a, command: x, {word}: any}}",
        f"- {{block: [{plain}], {word}: any}}",
        f"- {{include_tasks: in.yml, {word}: any}}",
    ):
        found = specs_of(Row(tasks))["a"]
        assert (found.params, found.become_user, found.delegate_to) == (bare.params, None, None)


@pytest.mark.parametrize("word", words.LOOPS)
def test_each_loop_gives_the_items_that_its_row_says(word: str) -> None:
    """In their order."""
    given, expected = LOOPS[word]
    files = {
        "roles/r/tasks/main.yml": f"- {{name: a, command: 'x {{{{ item }}}}', {word}: {given}}}",
        "roles/r/files/one.txt": "content",
    }
    folder = os.path.abspath("roles/r/files")
    graph = graph_of(files)
    items = [spec.params["cmd"].removeprefix("x ").replace(folder, "{files}") for spec in graph.tasks]
    assert " ".join(items) == expected


@pytest.mark.parametrize("action", words.META)
def test_each_meta_does_to_the_task_below_what_its_row_says(action: str) -> None:
    """Those that end something hold everything below; a flush is a barrier; the others leave no trace."""
    specs = specs_of(Row(f"- meta: {action}\n- {{name: a, command: x}}\n"))
    assert {key: getattr(specs["a"], key) for key in META[action]} == META[action]
    made = [spec for spec in specs.values() if spec.module == "meta"]
    ends = action.startswith("end_")
    assert [spec.params.get("action") for spec in made if not spec.barrier] == ([action] if ends else [])
    assert any(spec.barrier for spec in made) is (action == "flush_handlers")


MISPLACED = (
    ("- {block: [], loop: [1]}", "keyword 'loop' has no meaning here"),
    ("- {block: [], register: v}", "keyword 'register' has no meaning here"),
    ("- {include_tasks: in.yml, until: true}", "keyword 'until' has no meaning here"),
    ("- {include_tasks: in.yml, rescue: []}", "unknown keyword 'rescue'"),
    ("- {import_tasks: main.yml, loop: [1]}", "'import_tasks' cannot loop"),
    ("- {import_role: {name: r}, loop: [1]}", "'import_role' cannot loop"),
    ("- {meta: noop, loop: [1]}", "'meta' cannot loop"),
    ("- {meta: nop}", "'meta' cannot say 'nop'"),
    ("- {command: x, loop: [1], with_items: [2]}", "a task has one loop only"),
    ("- {command: x, loop_control: {label: x}}", "'loop_control' without a loop"),
    ("- {command: x, loop: 5}", "'loop' must be a list, not 5"),
    ("- {command: x, with_item: [1]}", "there is no loop 'with_item'"),
    ("- {command: x, register: not-a-name}", "'not-a-name' cannot be a variable's name"),
    ("- {set_fact: {not-a-name: 1}}", "'not-a-name' cannot be a variable's name"),
    ("- {command: x, when: {a: b}}", "a condition must be an expression, not a mapping"),
    ("- {command: x, no_log: [true]}", "'no_log' must be a single value, not a list"),
    ("- {command: x, wen: true}", "unknown keyword 'wen'"),
    ("- {command: x, retries: many}", "'retries' must be a number, not 'many'"),
    ("- {command: x, throttle: 1.5}", "'throttle' must be a whole number, not 1.5"),
    ("- {command: x, become: perhaps}", "'become' must be true or false, not 'perhaps'"),
    ("- {command: x, delegate_to: nobody}", "there is no host 'nobody'"),
    ("- {command: x, async: soon}", "'async' must be a number, not 'soon'"),
    ("- {command: x, effects: {write: [a]}}", "unknown key 'write' in 'effects'"),
    (
        "- {command: x, loop: [1], loop_control: {break_when: true}}",
        "'loop_control: break_when' is not supported: the rounds of a loop may overlap",
    ),
)


@pytest.mark.parametrize(("tasks", "problem"), MISPLACED)
def test_what_a_word_cannot_say_is_a_problem_with_its_place(tasks: str, problem: str) -> None:
    """Offline, before any host is asked."""
    assert problems_of(tasks) == [problem]
