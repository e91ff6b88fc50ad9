"""`script` sends a file of the role; that it is there is known before any host is asked."""

from __future__ import annotations

import pytest

from tests.unit.compiler.projects import graph_of, role_problems, tasks_of

FILE = {"roles/r/files/tools/do.sh": "#!/bin/sh\necho {{ not a template }}\n"}


@pytest.mark.parametrize(
    "task",
    [
        "script: tools/do.sh 'a b' creates=/x",
        "script: {cmd: \"tools/do.sh 'a b'\", creates: /x}",
        "ansible.builtin.script: \"{{ 'tools' }}/do.sh 'a b'\"\n  args: {creates: /x}",
    ],
)
def test_the_text_travels_as_it_is(task: str) -> None:
    """A script is no template; its name and arguments stay as they were written."""
    spec = tasks_of(f"- {task}", FILE)[0]
    assert spec.params == {
        "cmd": "tools/do.sh 'a b'",
        "creates": "/x",
        "_content": "#!/bin/sh\necho {{ not a template }}\n",
    }


def test_a_program_may_be_large() -> None:
    """It is sent by its digest, when the host asks for it."""
    graph = graph_of({"roles/r/tasks/main.yml": "- script: big", "roles/r/files/big": b"\x7fELF" * 9000})
    (digest,) = graph.blobs
    assert [spec.params["_content"] for spec in graph.tasks if not spec.barrier] == [{"$blob": digest}]


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("- script: tools/does.sh", "tools/does.sh"),
        ("- script: {cmd: tools/do.sh, chdir: x}", "'chdir' must be an absolute path"),
        ("- script: {creates: /x}", "no command given"),
        ('- script: "tools/do.sh \'open"', "is missing"),
        ("- script: tools/do.sh {{ nothing }}", "the variable 'nothing' is not defined"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(task: str, problem: str) -> None:
    """Once, and before any host is asked where that can be."""
    found = role_problems(task, FILE)
    assert any(problem in text for text in found), found
