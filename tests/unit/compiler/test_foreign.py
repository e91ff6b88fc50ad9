"""Modules that Ansible has and we do not are in nobody's way where their tasks do not run."""

from __future__ import annotations

import pytest

from tests.unit.compiler.projects import load, role_problems, tasks_of


@pytest.mark.parametrize(
    "module", ["yum", "ansible.builtin.dnf", "community.mongodb.mongodb_user", "win_ping"]
)
def test_a_task_that_does_not_run_may_have_a_module_that_is_not_ours(module: str) -> None:
    """Skipped by its condition, and named as it is; a handler that nobody notifies is no problem either."""
    tasks = f"""
        - name: elsewhere
          {module}: {{name: x, state: {{a: b}}}}
          when: ansible_distribution != 'Debian'
          with_items: [1]
        """
    found = tasks_of(tasks, {"roles/r/handlers/main.yml": f"- name: reload\n  {module}: name=x"})
    assert (found[0].module, found[0].skip) == (module, "ansible_distribution != 'Debian'")
    assert len(found) == 2


def test_a_task_that_would_run_is_a_problem_of_the_host() -> None:
    """Every file is good as long as no host is known; then the module's name is where the error points."""
    files = {"roles/r/tasks/main.yml": "- name: here\n  yum: name=x\n"}
    load(files)
    assert role_problems(files["roles/r/tasks/main.yml"]) == [
        "2:3: unknown module 'yum', and this task would run [yum]"
    ]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("- aptt: {name: x}", "unknown module 'aptt' [aptt] (did you mean 'apt'?)"),
        ("- ansible.builtin.aptt: {}", "unknown module 'ansible.builtin.aptt'"),
        ("- community.general.ini_fil: {path: x}", "unknown module 'community.general.ini_fil'"),
        ("- configurator.x.y: {}", "unknown module 'configurator.x.y'"),
        ("- thing: {}", "unknown module 'thing'"),
    ],
)
def test_misprints_are_told_whether_or_not_the_task_runs(task: str, expected: str) -> None:
    """What is near a name of ours, or no name of Ansible's, is not excused by a condition."""
    found = role_problems(f"{task}\n  when: false\n")
    assert len(found) == 1
    assert expected in found[0]
