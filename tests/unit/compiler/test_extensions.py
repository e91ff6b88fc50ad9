"""Modules of a project: found, checked with their place, used by its tasks, and sent where they are used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from configurator.modules import registry
from tests.unit.compiler.projects import graph_of, problems_of

HEAD = """\
from __future__ import annotations

from dataclasses import dataclass

from configurator.modules.base import Module
from configurator.modules.effects import effects
from configurator.modules.params import ParamProblem, param


@dataclass(frozen=True, slots=True)
class Params:
    name: str = param("str", required=True)
    size: int = param("int", 3, aliases=("count",))


"""
BODY = """\
    params = Params
    def check(self, params):
        return [ParamProblem("size", "too big")] if params.size > 9 else []
    def subject(self, params):
        return f"thing:{params.name}"
    def effects(self, params):
        return effects(writes=(self.subject(params),))
    def observe(self, system, params):
        return {}
    def desired(self, params, actual):
        return {}
"""
THING = f"{HEAD}class Thing(Module):\n{BODY}"


def problems(source: str, tasks: str = "[]", name: str = "thing") -> list[str]:
    return problems_of({f"modules/{name}.py": source, "roles/r/tasks/main.yml": tasks})


def test_a_task_of_it_is_checked_and_compiled_as_any_other() -> None:
    """Parameters, aliases, free form, effects; its source goes along with the contents."""
    tasks = "- thing: name=a count=4\n- configurator.thing: {name: b}\n  loop: [1, 2]\n"
    graph = graph_of({"modules/thing.py": THING, "roles/r/tasks/main.yml": tasks})
    digest = hashlib.sha256(THING.encode()).hexdigest()
    assert graph.modules == {"thing": digest}
    assert graph.blobs[digest] == THING.encode()
    assert [spec.module for spec in graph.tasks if not spec.barrier] == ["thing"] * 3
    assert graph.tasks[1].id in graph.tasks[2].after + graph.tasks[2].requires  # both write `thing:b`
    assert registry.canonical("thing") is None


def test_it_is_sent_only_where_it_is_used() -> None:
    """A host without a task of it, or with none that runs, gets nothing."""
    for tasks in ("- debug:", "- thing: {name: a}\n  when: false"):
        graph = graph_of({"modules/thing.py": THING, "roles/r/tasks/main.yml": tasks})
        assert (graph.modules, graph.blobs) == ({}, {})


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("thing: {size: 1}", "missing required parameter 'name'"),
        ("thing: {name: a, siez: 1}", "unknown parameter 'siez'"),
        ("thing: {name: a, size: x}", "must be a whole number"),
        ("thing: {name: a, size: 10}", "too big"),
        ("thign: {name: a}", "unknown module 'thign'"),
    ],
)
def test_mistakes_in_its_tasks_are_found_offline(task: str, problem: str) -> None:
    """As for a module of ours, with its place in the role."""
    (found,) = problems(THING, f"- {task}\n")
    assert problem in found
    assert found.startswith("roles/r/tasks/main.yml:1:")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = (\n", "modules/thing.py:1:1: bad syntax"),
        ("import os\n\nraise ValueError('why')\n", "modules/thing.py:3:1: cannot be read: ValueError: why"),
        ("raise SystemExit\n", "modules/thing.py:1:1: cannot be read: SystemExit"),
        ("x = 1\n", "one subclass of Module, and this one has none"),
        (f"{THING}class Other(Module):\n{BODY}", "this one has Thing, Other"),
        (THING.replace("(Module):\n", "(Module):\n    name = 'thang'\n"), "calls itself 'thang'"),
        (f"{HEAD}class Thing(Module):\n    params = Params\n", "y:16:1: Thing does not define subject"),
        (THING.replace("params = Params", "params = dict"), "must be a dataclass"),
        (THING.replace("param(\"int\", 3, aliases=(\"count\",))", "3"), "Params.size is not declared"),
        (f"import os, requests\n{THING}", "modules/thing.py:1:1: a host has no 'requests' to import"),
        (f"{THING}\n    def more(self):\n        from .other import x\n", "a host has no '.other' to import"),
        (f"from configurator.agent import facts\n{THING}", "a host has no 'configurator.agent' to import"),
        (f"\0{THING}", "modules/thing.py:1"),
        (f"{THING}    def __init__(self):\n        1 / 0\n", "Thing() fails: division by zero"),
    ],
)  # fmt: skip
def test_a_broken_file_is_an_error_with_its_place(source: str, problem: str) -> None:
    """Before any host is asked, also if no task uses it."""
    (found,) = problems(source)
    assert problem in found
    assert found.startswith("modules/thing.py:")


@pytest.mark.parametrize("name", ["copy", "service", "set_fact"])
def test_ours_are_replaced_only_on_purpose(name: str) -> None:
    """A file that happens to have the name of a module must not change what roles mean."""
    (found,) = problems(THING, name=name)
    assert "already" in found or "cannot be a module's name" in found
    if name != "set_fact":
        override = THING.replace("    params = Params\n", "    override = True\n    params = Params\n")
        tasks = f"- {name}: {{name: a}}\n- ansible.builtin.{name}: {{name: a}}\n"
        graph = graph_of({f"modules/{name}.py": override, "roles/r/tasks/main.yml": tasks})
        assert list(graph.modules) == [name]
        assert {spec.module for spec in graph.tasks if not spec.barrier} == {name}


@pytest.mark.parametrize("name", ["when", "block", "a-b", "register", "name"])
def test_a_keyword_is_no_module(name: str) -> None:
    """Such a task could not be told from its keywords."""
    (found,) = problems(THING, name=name)
    assert "cannot be a module's name" in found


def test_other_files_of_the_folder_are_left_alone() -> None:
    """Notes, tests, drafts."""
    files = {"modules/README.md": "x", "modules/_draft.py": "x = (", "modules/sub/x.py": "x = ("}
    assert problems_of(files) == []


def test_nothing_is_written_beside_it() -> None:
    """A check of a project leaves no bytecode in it."""
    graph_of({"modules/thing.py": THING})
    assert [path.name for path in Path("modules").iterdir()] == ["thing.py"]
