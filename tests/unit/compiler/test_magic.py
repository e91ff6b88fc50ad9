"""The variables that nothing overrides: what roles ask of the run, of the other hosts, and of themselves."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from configurator.compiler.plays import PlayTurn
from tests.unit.compiler.projects import FACTS, commands_of, load, problems_of

INVENTORY = "all: {hosts: {h: {ansible_user: root}, i: {ansible_user: root}}}"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ansible_check_mode", "False"),
        ("ansible_diff_mode", "True"),
        ("ansible_version.full is version('2.19', '>=')", "True"),
        ("ansible_version.major ~ ansible_version.minor ~ ansible_version.revision", "2190"),
        ("ansible_version.string", "2.19.0"),
        ("ansible_verbosity", "2"),
        ("ansible_run_tags | join(',')", "a,always"),
        ("ansible_skip_tags | join(',')", "b"),
        ("ansible_limit", "h,web"),
        ("ansible_forks", "20"),
        ("ansible_config_file == playbook_dir ~ '/config.yaml'", "True"),
        ("ansible_playbook_python", sys.executable),
        ("ansible_inventory_sources == [inventory_file]", "True"),
        ("inventory_file == inventory_dir ~ '/hosts.yml'", "True"),
        ("ansible_play_hosts | join(',')", "h,i"),
        ("ansible_play_hosts_all | join(',')", "h,i"),
        ("ansible_play_batch | join(',')", "h,i"),
        ("groups.all | join(',')", "h,i"),
        ("group_names", "['ungrouped']"),
        ("ansible_role_name ~ role_name", "rr"),
        ("ansible_collection_name is none", "True"),
        ("ansible_play_role_names", "['r']"),
        ("ansible_dependent_role_names", "['base']"),
        ("ansible_role_names | sort", "['base', 'r']"),
        ("ansible_parent_role_names is defined", "False"),
        ("vars['word'] ~ vars.word", "spokenspoken"),
        ("vars.inventory_hostname", "h"),
        ("vars['nothing'] | default('none')", "none"),
        ("vars.get('w' ~ 'ord')", "spoken"),
        ("hostvars.h.ansible_facts.hostname", "h"),
        ("hostvars.i.ansible_facts is defined", "False"),
        ("hostvars.i.ansible_facts.hostname | default('nobody')", "nobody"),
        ("hostvars.i.ansible_version.major", "2"),
    ],
)
def test_a_role_can_ask_for(expression: str, expected: str) -> None:
    """One row for each; those of the command line as they were given."""
    tasks = f'- {{command: "x {{{{ {expression} }}}}", tags: [always]}}'
    files = {
        "inventory/hosts.yml": INVENTORY,
        "roles/r/meta/main.yml": "dependencies: [base]",
        "roles/r/defaults/main.yml": "word: spoken",
        "roles/base/tasks/main.yml": "[]",
    }
    options: dict[str, Any] = {"verbosity": 2, "tags": ["a", "always"], "skip_tags": ["b"]}
    found = commands_of(tasks, files, peers=["h", "i"], limit=["h", "web"], **options)
    assert found == [f"x {expected}"]


def test_without_choices_all_tags_run_and_there_is_no_limit() -> None:
    """As Ansible says it."""
    tasks = '- command: "{{ ansible_run_tags }} {{ ansible_skip_tags }} {{ ansible_limit is defined }}"'
    assert commands_of(tasks) == ["['all'] [] False"]


def test_facts_of_another_host_are_there_once_it_has_told_them() -> None:
    """In both of their forms; before that they are undefined, and the message says why."""
    tasks = '- command: "{{ hostvars.i.ansible_facts.hostname }} {{ hostvars.i.ansible_hostname }}"'
    files = {"inventory/hosts.yml": INVENTORY, "roles/r/tasks/main.yml": tasks}
    (problem,) = problems_of(files)
    assert "the facts of 'i' are not known here: it is not connected to yet" in problem
    project = load(files)
    one, other = project.hosts()
    project.compile(other, {**FACTS, "hostname": "eye"})
    graph = project.compile(one, FACTS)
    assert [spec.params["cmd"] for spec in graph.tasks if not spec.barrier] == ["eye eye"]


def test_a_play_knows_its_roles() -> None:
    """Those that it names, and those that these need."""
    playbook = """
- hosts: all
  roles: [r, r, {role: other}]
  tasks:
    - command: "{{ ansible_play_role_names }} {{ ansible_dependent_role_names }} {{ role_names | length }}"
    - command: "{{ ansible_play_name }} {{ ansible_role_name is defined }}"
"""
    files = {
        "site.yml": playbook,
        "roles/r/meta/main.yml": "dependencies: [base]",
        "roles/base/tasks/main.yml": "[]",
        "roles/other/tasks/main.yml": "[]",
    }
    project = load(files, playbook="site.yml")
    graph = project.compile(project.hosts()[0], FACTS, play=project.plays[0], turn=PlayTurn())
    assert [spec.params["cmd"] for spec in graph.tasks if not spec.barrier] == [
        "['r', 'other'] ['base'] 2",
        "all False",
    ]


def test_an_included_role_knows_who_includes_it() -> None:
    """The nearest first, with their folders."""
    names = '{{ ansible_parent_role_names }} {{ ansible_parent_role_paths | map("basename") | list }}'
    files = {
        "roles/inner/tasks/main.yml": f"- command: '{names}'",
        "roles/middle/tasks/main.yml": "- include_role: {name: inner}",
    }
    assert commands_of("- include_role: {name: middle}", files) == ["['middle', 'r'] ['middle', 'r']"]


def test_paths_are_absolute() -> None:
    """Roles hand them to programs that run elsewhere."""
    (found,) = commands_of('- command: "{{ ansible_config_file }}|{{ inventory_file }}"')
    assert all(os.path.isabs(path) for path in found.split("|"))
