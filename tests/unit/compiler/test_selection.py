"""`--tags`, `--skip-tags`, `--role` and `--only` limit a run, and a typo selects nothing by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.compiler.selection import Met, Selection
from configurator.core.errors import InputError
from tests.unit.compiler.projects import FACTS, commands_of, load, shown, tasks_of

TASKS = """
- {command: plain}
- {command: one, tags: [t1, t2]}
- {command: two, tags: "t2, t3"}
- {command: always, tags: always}
- {command: never, tags: [never, debug]}
- {import_tasks: inner.yml, tags: t1}
- {include_tasks: inner2.yml, tags: t1}
- {include_tasks: {file: inner3.yml, apply: {tags: t1}}, tags: t1}
"""
FILES = {f"roles/r/tasks/inner{n}.yml": f"- command: inner{n}\n" for n in ("", "2", "3")}


@pytest.mark.parametrize(
    ("tags", "skip", "expected"),
    [
        ((), (), "plain one two always inner inner2 inner3"),
        (("t1",), (), "one always inner inner3"),
        (("t2",), (), "one two always"),
        (("t3", "debug"), (), "two always never"),
        (("all",), (), "plain one two always inner inner2 inner3"),
        (("untagged",), (), "plain always"),
        (("tagged",), (), "one two always inner inner3"),
        ((), ("all",), "always"),
        ((), ("t2",), "plain always inner inner2 inner3"),
        ((), ("always",), "plain one two inner inner2 inner3"),
        (("t2",), ("t1",), "two always"),
        (("never",), (), "always never"),
        ((), ("tagged",), "plain"),
    ],
)
def test_tags_mean_what_they_mean_in_ansible(
    tags: tuple[str, ...], skip: tuple[str, ...], expected: str
) -> None:
    """Imports hand their tags down, includes do not unless they say `apply`."""
    assert commands_of(TASKS, FILES, tags=tags, skip_tags=skip) == expected.split()


def test_requirements_of_what_was_left_out_are_no_problem() -> None:
    """`--tags` must not make a role invalid."""
    tasks = "- {name: a, command: a, tags: x}\n- {name: b, command: b, requires: [a], tags: y}\n"
    assert commands_of(tasks, tags=("y",)) == ["b"]


def test_only_selects_by_module_and_by_name_or_thing() -> None:
    """`--only apt:nginx` finds the task by the package, `file:/srv*` by the path."""
    tasks = """
    - {name: web server, apt: {name: nginx}}
    - {name: shell, apt: {name: zsh}}
    - {name: d, file: {path: /srv/a, state: directory}}
    - {command: x}
    """
    project = load({"roles/r/tasks/main.yml": tasks})
    host = project.hosts()[0]

    def names(*only: str) -> list[str]:
        return [spec.name for spec in project.compile(host, FACTS, only=only).tasks if not spec.barrier]

    assert names("apt") == ["web server", "shell"]
    assert names("apt:nginx") == ["web server"]
    assert names("apt:shell", "file:/srv*") == ["shell", "d"]
    assert names("ansible.builtin.file") == ["d"]


def test_only_knows_a_service_by_its_short_name() -> None:
    """People write `nginx`, the unit is `nginx.service`."""
    tasks = "- {name: started, systemd_service: {name: nginx, state: started}}\n- {command: x}"
    assert [spec.name for spec in tasks_of(tasks, only=["service:nginx"])] == ["started"]
    assert [spec.name for spec in tasks_of(tasks, only=["service:nginx.service"])] == ["started"]


def unmet(tasks: str, *only: str, files: dict[str, str] | None = None, **options: Any) -> list[str]:
    """What `--only` asks for in vain, on two hosts."""
    hosts = {"inventory/hosts.yml": "all: {hosts: {h: {}, i: {}}}"}
    project = load({**hosts, "roles/r/tasks/main.yml": tasks, **(files or {})})
    met = Met()
    for host in project.hosts():
        project.compile(host, FACTS, only=only, met=met, **options)
    return [shown(problem) for problem in project.unmet(only, met)]


MET = """
- {name: 'on {{ inventory_hostname }}', command: x}
- {name: page, copy: {dest: /srv/page, content: x}, tags: t}
- {name: folders, file: {path: '/srv/{{ item }}', state: directory}, loop: [a, b]}
"""


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["copy:page", "file:/srv/a", "command"], []),
        (["command:on i"], []),  # on one of the hosts alone
        (["copy:pagee"], ["--only: no task of these hosts is 'copy:pagee' [] (did you mean 'page'?)"]),
        (["file:/srv/aa"], ["--only: no task of these hosts is 'file:/srv/aa' [] (did you mean '/srv/a'?)"]),
        (["copy:page", "copy:zzz*"], ["--only: no task of these hosts is 'copy:zzz*' []"]),
        (["timezone"], ["--only: no task of these hosts uses the module 'timezone' []"]),
    ],
)
def test_what_only_asks_for_in_vain_is_told(only: list[str], expected: list[str]) -> None:
    """`--only copy:pagee` would otherwise do nothing, and look like success."""
    assert unmet(MET, *only) == expected


def test_a_task_that_does_not_run_this_time_is_there_all_the_same() -> None:
    """Left out by its tags, by a condition, by an empty loop, or in a file that is not included."""
    skipped = """
    - {name: page, copy: {dest: /srv/page, content: x}, when: false}
    - {name: sums, command: 'x {{ item }}', loop: []}
    - {include_tasks: more.yml, when: false}
    """
    more = {"roles/r/tasks/more.yml": "- block: [{name: zone, timezone: {name: UTC}}]"}
    assert unmet(MET, "copy:page", "file:/srv/a", skip_tags=["t", "untagged"]) == []
    assert unmet(skipped, "copy:page", "command:sums", "timezone:zone", files=more) == []
    assert unmet(skipped, "copy:/srv/page", "command:x*") == []
    assert len(unmet(skipped, "copy:pagee", "timezone:zonee", files=more)) == 2
    assert unmet("- {include_tasks: '{{ nobody_knows }}', when: false}", "copy:page") == []
    assert unmet("- {copy: {dest: '{{ nobody_knows }}', content: x}, when: false}", "copy:page") == []
    assert len(unmet("- {copy: {dest: '/{{ inventory_hostname }}', content: x}, when: no}", "copy:x")) == 1


def test_only_leaves_out_what_a_condition_skips() -> None:
    """Tasks that nobody asked for are no news when they are skipped."""
    tasks = """
    - {name: a, command: a, when: false}
    - {name: b, copy: {dest: /b, content: x}, when: false}
    - {name: c, command: c, requires: [b]}
    - {include_tasks: more.yml, when: false}
    """
    more = {"roles/r/tasks/more.yml": "- command: x"}
    assert [spec.name for spec in tasks_of(tasks, more, only=["command:a", "command:c"])] == ["a", "c"]
    assert [spec.name for spec in tasks_of(tasks, more)] == ["a", "b", "c", "include_tasks"]


def test_a_suggestion_tells_nothing_of_a_task_with_no_log() -> None:
    """Its things are hidden everywhere else."""
    tasks = "- {name: key, copy: {dest: /srv/hunter22, content: x}, no_log: true}"
    assert unmet(tasks, "copy:/srv/hunter2") == ["--only: no task of these hosts is 'copy:/srv/hunter2' []"]


def test_a_role_is_selected_with_what_it_needs() -> None:
    """`--role r` runs r and its dependencies; a role that no entry has can be named too."""
    files = {
        "config.yaml": "site: [{hosts: all, roles: [other, r]}]",
        "roles/r/tasks/main.yml": "- {command: r, requires: [other]}",
        "roles/r/meta/main.yml": "dependencies: [base]",
        "roles/base/tasks/main.yml": "- command: base",
        "roles/other/tasks/main.yml": "- command: other",
        "roles/extra/tasks/main.yml": "- command: extra",
    }
    project = load(files)
    host = project.hosts()[0]
    assert project.roles_for(host) == ["other", "base", "r"]
    project.check_selection([host], roles=["r", "extra"])
    graph = project.compile(host, FACTS, roles=["r", "extra"])
    assert [spec.params["cmd"] for spec in graph.tasks if not spec.barrier] == ["base", "r", "extra"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"tags": ["debg"]}, "--tags: no task has the tag 'debg' [] (did you mean 'debug'?)"),
        ({"skip_tags": ["x"]}, "--skip-tags: no task has the tag 'x' []"),
        ({"only": ["aptt:x"]}, "--only: unknown module 'aptt' [] (did you mean 'apt'?)"),
        ({"roles": ["rr"]}, "--role: unknown role 'rr' [] (did you mean 'r'?)"),
    ],
)
def test_an_unknown_word_on_the_command_line_is_an_error(
    options: dict[str, list[str]], expected: str
) -> None:
    """A misspelt tag would otherwise run nothing, and look like success."""
    project = load({"roles/r/tasks/main.yml": TASKS, **FILES})
    with pytest.raises(InputError) as caught:
        project.check_selection(project.hosts(), **options)
    assert [shown(problem) for problem in caught.value.diagnostics] == [expected]


def test_a_role_named_on_the_command_line_is_checked_before_anything_runs() -> None:
    """Roles outside the site are read when they are asked for."""
    project = load({"roles/x/tasks/main.yml": "- aptt: {}"})
    with pytest.raises(InputError, match="unknown module 'aptt'"):
        project.check_selection(project.hosts(), roles=["x"])


def test_words_known_only_on_a_host_do_not_hide_a_tag() -> None:
    """With a templated tag nobody can say offline what is unknown."""
    project = load({"roles/r/tasks/main.yml": "- {command: x, tags: '{{ ansible_hostname }}'}"})
    project.check_selection(project.hosts(), tags=["h"])
    assert Selection(frozenset({"h"})).wants_tags(["h"])
