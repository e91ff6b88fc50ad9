"""Paths that begin with `~`: what is known before a host is asked, and what only the host knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from configurator.modules.homes import any_home, in_roots_home
from configurator.modules.params import param
from tests.unit.compiler.building import waits_for
from tests.unit.compiler.projects import graph_of, tasks_of


def params_of(task: str, **options: Any) -> dict[str, Any]:
    """The parameters of the only task."""
    return dict(tasks_of(task, **options)[0].params)


@pytest.mark.parametrize(
    ("task", "name", "value"),
    [
        ("file: {path: ~/a b, state: touch}", "path", "/root/a b"),
        ("file: {path: '~', state: directory}", "path", "/root"),
        ("file: {path: ~root/a, state: touch}", "path", "/root/a"),
        ("file: {dest: ~/a, state: touch}", "dest", "/root/a"),
        ("file: {path: /a, src: ~/b, state: link}", "src", "/root/b"),
        ("copy: {src: ~/b, dest: ~/c, remote_src: true}", "src", "/root/b"),
        ("{command: {cmd: x, creates: ~/y}}", "creates", "/root/y"),
        ("find: {paths: [~/a, /b]}", "paths", ["/root/a", "/b"]),
        ("find: {paths: ~/a}", "paths", "/root/a"),
        ("{file: {path: ~/a, state: touch}, become: true, become_user: root}", "path", "/root/a"),
        ("{file: {path: ~/a, state: touch}, become_user: web}", "path", "~/a"),
        ("{file: {path: ~root/a, state: touch}, become_user: web}", "path", "/root/a"),
        ("file: {path: ~web/a, state: touch}", "path", "~web/a"),
        ("copy: {dest: /a~, content: ~/x}", "content", "~/x"),
    ],
)
def test_roots_home_is_known_and_others_are_left_to_the_host(task: str, name: str, value: Any) -> None:
    """Only paths are looked at, and only their beginning."""
    assert params_of(f"- {task if task.startswith('{') else '{' + task + '}'}\n")[name] == value


def test_a_source_on_this_machine_is_in_our_own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in `src` is who runs this program, in `dest` who does the task."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    (tmp_path / "me" / "x").write_text("mine")
    found = params_of("- copy: {src: ~/x, dest: ~/y}\n")
    assert (found["content"], found["dest"]) == ("mine", "/root/y")


def test_what_is_in_a_home_that_only_the_host_knows_keeps_its_place() -> None:
    """It may be any path, so that it waits for what is written before it, and is waited for."""
    files = """\
        - {name: a, copy: {dest: /srv/web/x, content: x}}
        - {name: b, file: {path: ~web/y, state: absent}}
        - {name: c, copy: {dest: /srv/web/z, content: z}}
        - {name: d, file: {path: ~/y, state: absent}}
        """
    graph = graph_of({"roles/r/tasks/main.yml": files})
    a, b, c, d = (next(spec.id for spec in graph.tasks if spec.name == name) for name in "abcd")
    assert waits_for(graph, b, a)
    assert waits_for(graph, c, b)
    assert waits_for(graph, d, b)
    assert not waits_for(graph, d, c)


def test_aliases_and_lists_are_paths_as_well() -> None:
    """A parameter is the same by each of its names."""

    @dataclass(frozen=True)
    class Params:
        path: str = param("str", aliases=("dest",), path=True)
        text: str = param("str")

    assert any_home(Params, {"dest": "~x"})
    assert any_home(Params, {"path": ["/", "~"]})
    assert not any_home(Params, {"text": "~", "other": "~", "path": 5})
    assert in_roots_home(Params, {"dest": ["~", "~/", "~x/~"], "text": "~"}, lambda: True) == {
        "dest": ["/root", "/root/", "~x/~"],
        "text": "~",
    }
