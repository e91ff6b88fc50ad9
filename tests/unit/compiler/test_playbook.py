"""Playbooks: how they are read, whose variables win, in which order a host's tasks come, and the batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.protocol import HostGraph, TaskSpec
from configurator.compiler.plays import PlayTurn, in_order
from configurator.compiler.playvalues import batches
from configurator.compiler.project import Project
from configurator.core.errors import InputError
from tests.unit.compiler.projects import FACTS, load, shown

ROLE = {
    "roles/web/tasks/main.yml": """
        - {name: install, command: "echo {{ level }} {{ role_name }}", notify: restart web}
    """,
    "roles/web/handlers/main.yml": "- {name: restart web, command: echo restarted}",
    "roles/web/defaults/main.yml": "level: default",
}
INVENTORY = (
    "all: {hosts: {h: {ansible_user: anna}, i: {ansible_user: anna}}, children: {web: {hosts: {i: }}}}"
)


def book(text: str, more: Mapping[str, str] | None = None, **options: Any) -> Project:
    files = {"inventory/hosts.yml": INVENTORY, "site.yml": text, **(more or {})}
    return load(files, **({"playbook": "site.yml"} | options))


def graphs(
    text: str, more: Mapping[str, str] | None = None, *, host: str = "h", **options: Any
) -> list[HostGraph]:
    """The graphs of a host, one for each play that means it, compiled one after the other."""
    choice = {key: options.pop(key) for key in ("tags", "skip_tags", "roles", "only") if key in options}
    project = book(text, more, **options)
    found = project.hosts([host])[0]
    turn = PlayTurn(hosts=[host], batch=[host])
    plays = project.playbook.of(found) if project.playbook is not None else []
    return [project.compile(found, FACTS, play=play, turn=turn, **choice) for play in plays]


def tasks(text: str, more: Mapping[str, str] | None = None, **options: Any) -> list[TaskSpec]:
    return [
        spec
        for graph in graphs(text, more, **options)
        for spec in graph.tasks
        if not spec.barrier and not spec.handler
    ]


def commands(text: str, more: Mapping[str, str] | None = None, **options: Any) -> list[str]:
    return [spec.params["cmd"] for spec in tasks(text, more, **options)]


def problems(text: str, more: Mapping[str, str] | None = None, **options: Any) -> list[str]:
    try:
        graphs(text, more, **options)
    except InputError as error:
        return [shown(problem) for problem in error.diagnostics]
    return []


# -- reading ------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_in_all_files_is_told_at_once() -> None:
    """A person repairs a playbook in one go: keys, hosts, roles, files, imports, tasks."""
    playbook = """
- hots: all
  serial: lots
  tasks: [{comand: x}]
- hosts: wbe
  roles: [wib]
  vars_files: [mre.yml]
  vars_prompt: [{nam: x}]
  max_fail_percentage: 200
  become: maybe
  port: ssh
  block: []
- import_playbook: othr.yml
- import_playbook: other.yml
"""
    found = problems(playbook, {**ROLE, "more.yml": "{}", "other.yml": "- {hosts: all, tsks: []}"})
    assert sorted(found) == sorted(
        [
            "other.yml:1:16: unknown keyword 'tsks' of a play [tsks] (did you mean 'tasks'?)",
            "site.yml:2:3: this play says no hosts [hots] (write 'hosts: all')",
            "site.yml:2:3: unknown keyword 'hots' of a play [hots] (did you mean 'hosts'?)",
            "site.yml:3:11: 'serial' must be a number of hosts or a percentage, not 'lots' [lots]"
            " (such as 2, '30%' or [1, 5, '30%'])",
            "site.yml:4:12: unknown module 'comand' [comand] (did you mean 'command'?)",
            "site.yml:5:10: no host or group is named 'wbe' [wbe] (did you mean 'web'?)",
            "site.yml:6:11: unknown role 'wib' [wib] (did you mean 'web'?)",
            "site.yml:7:16: there is no file of variables 'mre.yml' [mre.yml] (did you mean 'more.yml'?)",
            "site.yml:8:17: this question names no variable [{] (write 'name: VARIABLE')",
            "site.yml:8:18: unknown key 'nam' of a question [nam] (did you mean 'name'?)",
            "site.yml:9:24: 'max_fail_percentage' must be a percentage, not 200 [200]",
            "site.yml:10:11: 'become' must be true or false, not 'maybe' [maybe]",
            "site.yml:11:9: 'port' must be a whole number from 1 on, not 'ssh' [ssh]",
            "site.yml:12:3: keyword 'block' has no meaning in a play [block]",
            "site.yml:13:20: there is no playbook 'othr.yml' [othr.yml] (did you mean 'other.yml'?)",
        ]
    )


@pytest.mark.parametrize(
    ("playbook", "message"),
    [
        ("hosts: all\n", "a playbook must be a list, not a mapping"),
        ("- x\n", "a play must be a mapping, not 'x'"),
        ("[]\n", "this playbook has no play"),
        ("- import_playbook: site.yml\n", "the playbook 'site.yml' imports itself"),
        ("- {hosts: all, strategy: fre}\n", "'strategy' cannot be 'fre'"),
        ("- {hosts: all, connection: local}\n", "'connection' cannot be 'local'"),
        ("- {hosts: all, order: random}\n", "'order' cannot be 'random'"),
        ("- {hosts: '{{ where }}'}\n", "the variable 'where' is not defined"),
        ("- {hosts: all, tasks: [{command: x, notify: nobody}]}\n", "no role has a handler 'nobody'"),
        ("- {hosts: all, tasks: [{copy: {src: x, dest: /x}}]}\n", "there is no file 'x'"),
        ("- {hosts: all, roles: [{role: r, become: perhaps}]}\n", "'become' must be true or false"),
        ("- {hosts: all, vars: {a: '{{ b'}}\n", "bad template"),
    ],
)
def test_a_playbook_that_makes_no_sense_says_what_is_wrong(playbook: str, message: str) -> None:
    """Each has a place in the file; none is a traceback."""
    (found,) = problems(playbook)
    assert message in found
    assert found.startswith("site.yml:1:")


def test_a_playbook_that_is_not_there_is_named_with_its_neighbour() -> None:
    """The commonest typo of all is on the command line."""
    found = problems("- hosts: all\n", playbook="sit.yml")
    assert found == ["--playbook: there is no playbook 'sit.yml' [] (did you mean 'site.yml'?)"]


def test_imported_plays_take_over_variables_tags_and_conditions() -> None:
    """import_playbook is static: each play of the file has them, as if they had been written there."""
    more = {
        "sub/other.yml": """
            - {hosts: all, vars: {a: own, b: own}, tasks: [{command: "echo {{ a }} {{ b }} {{ c }}"}]}
            - {hosts: all, tasks: [{command: echo two}]}
        """
    }
    playbook = "- {import_playbook: sub/other.yml, vars: {a: import, c: import}, tags: [x], when: WHEN}\n"
    assert commands(playbook.replace("WHEN", "true"), more, tags=["x"]) == [
        "echo import own import",
        "echo two",
    ]
    skipped = tasks(playbook.replace("WHEN", "c == 'y'"), more)
    assert [spec.skip for spec in skipped] == ["c == 'y'"] * 2
    with pytest.raises(InputError, match="no task has the tag 'y'"):
        project = book(playbook.replace("WHEN", "true"), more)
        project.check_selection(project.hosts(), tags=["y"])


def test_names_of_hosts_may_come_from_the_command_line() -> None:
    """`hosts: "{{ target }}"` with -e target=web is how people choose."""
    project = book("- {hosts: '{{ target }}'}\n", extra_vars=["target=web"])
    assert [host.name for host in project.hosts() if project.playbook and project.playbook.of(host)] == ["i"]


@pytest.mark.parametrize("options", [{}, {"inventory": ("inventory",)}], ids=["configured", "given"])
def test_plays_that_mean_no_host_are_to_blame_and_not_the_hosts(options: dict[str, Any]) -> None:
    """One problem for each wrong `hosts:`, at its place, whichever inventory it is."""

    def said(hosts: str, chosen: tuple[str, ...] = ()) -> list[str]:
        with pytest.raises(InputError) as caught:
            project = book(f"- hosts: {hosts}\n  tasks: []\n", **options)
            project.check_selection(project.hosts(chosen))
        return [shown(problem) for problem in caught.value.diagnostics]

    typo = ["site.yml:1:10: no host or group is named 'webb' [webb] (did you mean 'web'?)"]
    assert said("webb") == said("webb", ("h",)) == typo
    nobody = "site.yml:1:10: no host of the inventory is meant by 'web:!i' [web:!i]"
    assert said("web:!i") == [nobody]
    assert said("web", ("h",)) == [
        "inventory/hosts.yml:1:15: no play of the playbook in . means 'h' [h]",
    ]


def test_a_play_that_means_no_host_beside_others_is_a_warning_with_another_inventory() -> None:
    """It need not have all the groups that the playbook speaks of; what was meant is said."""
    project = book("- {hosts: webb, tasks: []}\n- {hosts: web, tasks: []}\n", inventory=("inventory",))
    project.check_selection(project.hosts())
    said = "site.yml:1:11: no host or group is named 'webb' (did you mean 'web'?)"
    assert [warning.advice for warning in project.warnings] == [said]


# -- variables ----------------------------------------------------------------------------------------------


def test_variables_of_a_play_win_as_in_ansible() -> None:
    """Role defaults, inventory, play, its files, role vars, task, set_fact, command line: the last wins."""
    names = ["default", "inventory", "play", "file", "role", "task", "fact", "extra"]
    # v_X is written at every level up to X: the strongest of them must be seen.
    levels = {level: {f"v_{top}": level for top in names[number:]} for number, level in enumerate(names)}

    def text(level: str) -> str:
        return "{" + ", ".join(f"{key}: {value}" for key, value in levels[level].items()) + "}"

    playbook = f"""
- hosts: all
  vars: {text("play")}
  vars_files: [f.yml]
  pre_tasks: [{{set_fact: {text("fact")}}}]
  roles: [p]
"""
    show = "echo " + " ".join("{{ v_" + name + " }}" for name in names)
    more = {
        "f.yml": text("file"),
        "roles/p/defaults/main.yml": text("default"),
        "roles/p/vars/main.yml": text("role"),
        "roles/p/tasks/main.yml": f"- {{command: '{show}', vars: {text('task')}}}",
        "inventory/group_vars/all.yml": text("inventory"),
    }
    extra = [f"v_extra={levels['extra']['v_extra']}"]
    assert commands(playbook, more, extra_vars=extra) == ["echo " + " ".join(names)]


def test_a_templated_file_of_variables_is_read_when_the_host_is_known() -> None:
    """The usual `vars/{{ distribution }}.yml`, with a list of which the first that exists counts."""
    playbook = """
- hosts: all
  vars_files: [["vars/{{ ansible_distribution_release }}.yml", "{{ ansible_distribution }}.yml"]]
  tasks: [{command: "echo {{ v }}"}]
"""
    more = {"vars/Debian.yml": "v: debian"}
    assert commands(playbook, more) == ["echo debian"]
    assert commands(playbook, {**more, "vars/bookworm.yml": "v: bookworm"}) == ["echo bookworm"]
    (found,) = problems(playbook.replace("_release", "").replace(".yml", ".yaml"), more)
    assert "there is no file of variables 'vars/Debian.yaml' or 'Debian.yaml'" in found


def test_defaults_of_roles_are_seen_by_the_whole_play_but_role_parameters_are_not() -> None:
    """Post-tasks that check what a role has set up use its variables; a parameter is of its use alone."""
    playbook = """
- hosts: all
  pre_tasks: [{command: "echo {{ level }}"}]
  roles: [{role: web, level: parameter}]
  post_tasks: [{command: "echo {{ level }}"}]
"""
    assert commands(playbook, ROLE) == ["echo default", "echo parameter web", "echo default"]


def test_facts_that_tasks_set_live_on_in_later_parts_and_plays() -> None:
    """A host remembers what set_fact has said until the end of the run."""
    playbook = """
- {hosts: all, pre_tasks: [{set_fact: {seen: one}}], tasks: [{command: "echo {{ seen }}"}]}
- {hosts: all, tasks: [{command: "echo {{ seen }} {{ ansible_play_name }}"}], name: two}
"""
    assert commands(playbook) == ["echo one", "echo one two"]


def test_variables_and_files_beside_the_playbook_count() -> None:
    """group_vars/, templates/, files/, tasks/ and roles/ of the playbook's own folder, wherever that is."""
    playbook = """
- hosts: all
  roles: [near]
  tasks:
    - {copy: {content: "{{ v }} {{ playbook_dir | basename }}", dest: /a}}
    - {template: {src: t.j2, dest: /b}}
    - include_tasks: more.yml
"""
    more = {
        "deep/site.yml": playbook,
        "deep/group_vars/all.yml": "v: beside",
        "deep/templates/t.j2": "template {{ v }}",
        "deep/tasks/more.yml": "- {copy: {content: more, dest: /c}}",
        "deep/roles/near/tasks/main.yml": "- {copy: {content: role, dest: /d}}",
    }
    found = tasks("- hosts: all\n", more, playbook="deep/site.yml")
    assert [spec.params["content"] for spec in found] == ["role", "beside deep", "template beside", "more"]


# -- order --------------------------------------------------------------------------------------------------

ORDERED = """
- hosts: all
  become: true
  pre_tasks: [{name: a, command: echo a, notify: tell}]
  roles: [web, {role: web, level: high}, web]
  tasks:
    - {name: b, copy: {dest: /opt/b, content: b}, notify: [tell, restart web]}
    - {name: c, copy: {dest: /opt/c, content: c}}
  post_tasks: [{name: d, command: echo d}]
  handlers: [{name: tell, command: echo told}]
"""


def waits_for(graph: HostGraph, *, hard: bool) -> dict[str, set[str]]:
    """For each task all that it waits for, directly or not."""
    known: dict[str, set[str]] = {}
    pending = list(graph.tasks)
    while pending:
        spec = pending.pop(0)
        edges = spec.requires if hard else (*spec.requires, *spec.after)
        if any(edge not in known for edge in edges):
            pending.append(spec)
            continue
        known[spec.id] = {*edges, *(name for edge in edges for name in known[edge])}
    return known


def test_parts_of_a_play_follow_each_other_and_their_tasks_overlap() -> None:
    """Pre-tasks and their handlers, roles as written, tasks, post-tasks; a failure stops what comes after."""
    (graph,) = graphs(ORDERED, ROLE)
    hard = waits_for(graph, hard=True)
    parts = ["site.yml: pre_tasks/1:a", "web/1:install", "web (2)/1:install", "site.yml: tasks/1:b"]
    parts += ["site.yml: post_tasks/1:d"]
    for number, part in enumerate(parts):
        assert set(parts[:number]) <= hard[part], part
    assert "site.yml: tasks/1:b" not in waits_for(graph, hard=False)["site.yml: tasks/2:c"]


def test_a_role_runs_once_for_each_way_in_which_it_is_used() -> None:
    """Ansible's rule: the same use again does nothing, another parameter makes another role of it."""
    assert [spec.id for spec in tasks(ORDERED, ROLE) if spec.module == "command"] == [
        "site.yml: pre_tasks/1:a",
        "web/1:install",
        "web (2)/1:install",
        "site.yml: post_tasks/1:d",
    ]
    assert [spec.params["cmd"] for spec in tasks(ORDERED, ROLE) if "install" in spec.id] == [
        "echo default web",
        "echo high web",
    ]


def test_handlers_run_at_the_end_of_the_part_that_notifies_them() -> None:
    """What pre-tasks change is in force when the roles begin, and what tasks have before post-tasks."""
    (graph,) = graphs(ORDERED, ROLE)
    notified = {spec.id: spec.notify for spec in graph.tasks if spec.notify}
    (early,) = notified["site.yml: pre_tasks/1:a"]
    late = notified["site.yml: tasks/1:b"]
    waits = waits_for(graph, hard=False)
    assert "site.yml: pre_tasks/1:a" in waits[early]
    assert early in waits["web/1:install"]
    assert len(late) == 2  # the play's own, and as in Ansible that of the last use of the role
    for handler in late:
        assert "site.yml: tasks/2:c" in waits[handler]
        assert handler in waits["site.yml: post_tasks/1:d"]
    assert notified["web/1:install"] == ("web/h1:restart web",)


CALLED = """
- hosts: all
  pre_tasks: [{name: early, command: a, notify: [restart web, topic]}]
  roles: [{role: web}, {role: app}]
  tasks: [{name: late, command: b, notify: restart web}, {include_tasks: "{{ given.stdout }}.yml"}]
  handlers: [HANDLERS]
"""
APP = {
    **ROLE,
    "roles/app/tasks/main.yml": "- {name: mine, command: c, notify: restart web, register: given}",
    "roles/app/handlers/main.yml": """
        - {name: restart web, command: echo restarted by app}
        - {name: hear, command: heard, listen: topic}
    """,
}


def called(handlers: str) -> tuple[HostGraph, Mapping[str, tuple[str, ...]]]:
    """A play in which several have a handler of one name, and what each task notifies."""
    (graph,) = graphs(CALLED.replace("HANDLERS", handlers), APP)
    return graph, {spec.name: spec.notify for spec in graph.tasks if spec.notify}


def test_one_handler_of_a_name_runs_that_of_the_play_first() -> None:
    """As in Ansible; without one the own role's, else that of the last role. All that listen run."""
    _, notified = called("{name: restart web, command: ours}, {name: hear, command: too, listen: topic}")
    first, second = "site.yml: handlers/h1:restart web", "site.yml: handlers/h1:hear"
    assert notified["early"] == tuple(f"{name} for site.yml: pre_tasks" for name in (first, second))
    assert notified["install"] == (f"{first} for web",)
    _, notified = called("{name: other, command: too, listen: topic}")
    before = "for site.yml: pre_tasks"
    assert notified["early"] == (
        f"app/h1:restart web {before}",
        f"site.yml: handlers/h1:other {before}",
        f"app/h1:hear {before}",
    )
    assert notified["install"] == ("web/h1:restart web",)
    assert notified["mine"] == ("app/h1:restart web",)
    assert notified["late"] == ("app/h1:restart web for site.yml: tasks",)


def test_handlers_of_later_roles_run_before_them_if_pre_tasks_notify_them() -> None:
    """As in Ansible: when the roles begin, what the pre-tasks have asked for is done."""
    graph, notified = called("")
    waits = waits_for(graph, hard=False)
    for handler in notified["early"]:
        assert "site.yml: pre_tasks/1:early" in waits[handler]
        assert handler in waits["web/1:install"]


def test_what_is_included_late_may_notify_the_handlers_of_all_roles() -> None:
    """Whoever knows the file only in the run finds them by name and by what they listen to."""
    graph, _ = called("{name: own, command: too}")
    ((task_id, words),) = graph.words.items()  # type: ignore[attr-defined]
    assert task_id.startswith("site.yml: tasks/2:")
    assert set(words) == {"own", "restart web", "topic", "hear"}
    kept = {spec.id for spec in graph.tasks}
    assert all(set(handlers) <= kept for handlers in words.values())
    assert words["restart web"] == ("app/h1:restart web for site.yml: tasks",)


def test_a_whole_play_may_be_done_once() -> None:
    """The first host of its batch does each of its tasks; the others wait for what it finds out."""
    project = book("- {hosts: all, run_once: true, tasks: [{name: a, command: a}]}\n")
    turn = PlayTurn(hosts=["h", "i"], batch=["h", "i"])
    late = {}
    for host in project.hosts():
        graph = project.compile(host, FACTS, play=project.plays[0], turn=turn)
        late[host.name] = [spec.late for spec in graph.tasks if not spec.barrier]
    assert late == {"h": [False], "i": [True]}


def test_a_play_may_say_the_port_that_sshd_listens_at() -> None:
    """Unless the inventory says it."""
    project = book("- {hosts: all, port: 2222, tasks: []}\n")
    assert [project.connection(host).port for host in project.hosts()] == [2222, 2222]
    project = book("- {hosts: all, port: 2222, tasks: []}\n", extra_vars=["ansible_port=23"])
    assert project.connection(project.hosts()[0]).port == 23


def test_environment_and_defaults_of_a_play_reach_all_its_tasks() -> None:
    """Those of its roles and handlers, too."""
    playbook = """
- hosts: all
  environment: {A: play}
  module_defaults: {command: {chdir: /play}}
  pre_tasks: [{name: pre, command: a, environment: {B: own}}]
  roles: [web]
  handlers: [{name: restart web, command: h}]
"""
    (graph,) = graphs(playbook, ROLE)
    found = {spec.name: (spec.params.get("chdir"), dict(spec.environment)) for spec in graph.tasks}
    assert found["pre"] == ("/play", {"A": "play", "B": "own"})
    assert found["install"] == found["restart web"] == ("/play", {"A": "play"})


def test_handlers_that_nobody_notifies_are_not_sent() -> None:
    """What is counted and drawn is what may run."""
    (graph,) = graphs("- {hosts: all, tasks: [{command: a}], handlers: [{name: x, command: b}]}\n")
    assert [spec.id for spec in graph.tasks] == ["site.yml: tasks/1:command: a"]
    assert graph.tasks[0].requires == ()


def test_what_a_role_needs_comes_before_it_with_its_tags_and_conditions() -> None:
    """meta/main.yml is followed as in Ansible, once for all who need the same."""
    more = {
        **ROLE,
        "roles/app/tasks/main.yml": "- {name: app, command: echo app}",
        "roles/app/meta/main.yml": "dependencies: [web]",
        "roles/other/tasks/main.yml": "- {name: other, command: echo other}",
        "roles/other/meta/main.yml": "dependencies: [web]",
    }
    playbook = "- {hosts: all, roles: [{role: app, tags: [t]}, other]}\n"
    assert commands(playbook, more) == ["echo default web", "echo app", "echo other"]
    assert commands(playbook, more, tags=["t"]) == ["echo default web", "echo app"]


def test_a_role_that_may_be_there_twice_runs_as_often_as_it_is_mentioned() -> None:
    """`allow_duplicates` in its meta; also as what other roles need."""
    more = {
        **ROLE,
        "roles/web/meta/main.yml": "allow_duplicates: true\ngalaxy_info: {author: a}\ncollections: [c.d]",
        "roles/app/tasks/main.yml": "- {name: app, command: echo app}",
        "roles/app/meta/main.yml": "dependencies: [web, {role: web, tags: [t]}]",
    }
    playbook = "- {hosts: all, roles: [web, web, app]}\n"
    assert commands(playbook, more) == ["echo default web"] * 4 + ["echo app"]
    more["roles/web/meta/main.yml"] = "allow_duplicates: false"
    assert commands(playbook, more) == ["echo default web"] * 2 + ["echo app"]


def test_a_role_runs_for_each_of_its_tags() -> None:
    """The same role with other tags is another use of it, as in Ansible."""
    playbook = "- {hosts: all, roles: [{role: web, tags: [a]}, {role: web, tags: [b]}]}\n"
    assert commands(playbook, ROLE) == ["echo default web"] * 2
    assert commands(playbook, ROLE, tags=["b"]) == ["echo default web"]


# -- who works ----------------------------------------------------------------------------------------------


def test_tasks_of_a_playbook_run_as_the_login_user_unless_they_become_another() -> None:
    """Ansible's default: not root. The agent is root if anything asks for it, and changes to the others."""
    playbook = """
- hosts: all
  tasks:
    - {name: plain, command: a}
    - {name: root, command: b, become: true}
    - {name: other, command: c, become: true, become_user: www-data}
  roles: [{role: web, become: true}]
"""
    users = {spec.name: spec.become_user for spec in tasks(playbook, ROLE)}
    assert users == {"install": None, "plain": "anna", "root": None, "other": "www-data"}
    project = book(playbook, ROLE)
    assert project.connection(project.hosts()[0]).become


def test_a_playbook_that_asks_for_no_root_needs_none() -> None:
    """No sudo on the host is no obstacle then; the inventory's ansible_become decides over everything."""
    playbook = "- {hosts: all, tasks: [{command: a}]}\n"
    project = book(playbook)
    assert not project.connection(project.hosts()[0]).become
    assert [spec.become_user for spec in tasks(playbook)] == [None]
    inventory = {"inventory/hosts.yml": INVENTORY.replace("anna", "anna, ansible_become: true")}
    assert [spec.become_user for spec in tasks(playbook, inventory)] == [None]
    project = book(playbook, inventory)
    assert project.connection(project.hosts()[0]).become


def test_a_role_that_is_included_may_ask_for_root() -> None:
    """The agent must be root then, although the playbook itself does not say so."""
    more = {"roles/inner/tasks/main.yml": "- {command: x, become: true}"}
    for task in ("include_role", "import_role"):
        project = book(f"- {{hosts: all, tasks: [{{{task}: {{name: inner}}}}]}}\n", more)
        assert project.connection(project.hosts()[0]).become
    project = book("- {hosts: all, tasks: [{include_role: {name: r}}]}\n", more)
    assert not project.connection(project.hosts()[0]).become


def test_what_holds_for_a_play_holds_for_its_tasks() -> None:
    """Keywords that tasks have are inherited, however deep."""
    playbook = """
- hosts: all
  environment: {A: b}
  no_log: true
  ignore_errors: true
  timeout: 7
  module_defaults: {file: {mode: "0600"}}
  tasks: [{block: [{file: {path: /x, state: touch}}]}]
"""
    (spec,) = tasks(playbook)
    assert (spec.environment, spec.no_log, spec.ignore_errors, spec.timeout_s) == (
        {"A": "b"},
        True,
        True,
        7.0,
    )
    assert spec.params["mode"] == "0600"


def test_the_connection_is_of_the_first_remote_user_and_the_others_are_become() -> None:
    """One connection serves all plays; a user whom the first play makes need not exist before."""
    more = {"inventory/hosts.yml": "all: {hosts: {h: }}"}
    playbook = """
- {hosts: all, remote_user: admin, tasks: [{command: a}]}
- {hosts: all, remote_user: deploy, tasks: [{command: b}]}
"""
    assert [spec.become_user for spec in tasks(playbook, more)] == ["admin", "deploy"]
    project = book(playbook, more)
    address = project.connection(project.hosts()[0])
    assert (address.user, address.become) == ("admin", True)
    assert [spec.become_user for spec in tasks(playbook)] == [None, None]  # ansible_user wins


# -- choices on the command line ----------------------------------------------------------------------------


def test_only_some_roles_leave_the_plays_own_tasks_out() -> None:
    """`--role web` is about the role; a role that no play has is a typo."""
    assert {spec.role for spec in tasks(ORDERED, ROLE, roles=["web"])} == {"web", "web (2)"}
    project = book(ORDERED, ROLE)
    with pytest.raises(InputError, match="no play has the role 'r'"):
        project.check_selection(project.hosts(), roles=["r"])


def test_tags_of_plays_roles_and_tasks_choose() -> None:
    """As in Ansible they add up downwards."""
    playbook = """
- {hosts: all, tags: [p], tasks: [{command: a, tags: [t]}, {command: b}]}
- {hosts: all, tasks: [{command: c}]}
"""
    assert commands(playbook, tags=["p"]) == ["a", "b"]
    assert commands(playbook, tags=["t"]) == ["a"]
    assert commands(playbook, skip_tags=["p"]) == ["c"]


def test_a_host_that_no_play_means_is_said_if_nothing_would_be_done() -> None:
    """`--host h` with a playbook for others must not look like success."""
    project = book("- {hosts: web, tasks: []}\n")
    project.check_selection(project.hosts(["h", "i"]))
    with pytest.raises(InputError, match="no play of the playbook"):
        project.check_selection(project.hosts(["h"]))


# -- batches ------------------------------------------------------------------------------------------------

HOSTS = [f"h{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        ((), [10]),
        ((0,), [10]),
        ((3,), [3, 3, 3, 1]),
        ((1, 5), [1, 5, 4]),
        (("30%",), [3, 3, 3, 1]),
        (("1%",), [1] * 10),
        ((1, "50%", 0), [1, 5, 4]),
    ],
)
def test_serial_cuts_the_hosts_into_batches(serial: tuple[int | str, ...], sizes: list[int]) -> None:
    """Numbers, percentages of all, and lists whose last size goes on."""
    assert [len(batch) for batch in batches(HOSTS, serial)] == sizes


@given(
    st.integers(0, 40),
    st.lists(st.one_of(st.integers(0, 50), st.integers(1, 100).map(lambda n: f"{n}%")), max_size=4),
)
def test_batches_have_every_host_once_in_order(count: int, serial: list[int | str]) -> None:
    """Whatever the sizes, no host is forgotten, done twice, or overtaken."""
    hosts = [str(number) for number in range(count)]
    found = batches(hosts, tuple(serial))
    assert [host for batch in found for host in batch] == hosts
    assert all(found)


def test_the_order_of_hosts_can_be_asked_for() -> None:
    """Ansible's five orders."""
    names = ["b", "c", "a"]
    assert in_order(names, "inventory") == ["b", "c", "a"]
    assert in_order(names, "reverse_inventory") == ["a", "c", "b"]
    assert in_order(names, "sorted") == ["a", "b", "c"]
    assert in_order(names, "reverse_sorted") == ["c", "b", "a"]
    assert sorted(in_order(names, "shuffle")) == ["a", "b", "c"]


def test_roles_that_tasks_of_a_play_include_are_read_and_checked() -> None:
    """A mistake in one of them is told before any host is asked, and so is a role that does not exist."""
    playbook = "- {hosts: all, tasks: [{include_role: {name: inner}}, {import_role: {name: web}}]}\n"
    assert commands(playbook, {**ROLE, "roles/inner/tasks/main.yml": "- {command: x}"}) == [
        "x",
        "echo default web",
    ]
    found = problems(playbook, {**ROLE, "roles/inner/tasks/main.yml": "- {comand: x}"})
    assert found == [
        "roles/inner/tasks/main.yml:1:4: unknown module 'comand' [comand] (did you mean 'command'?)"
    ]
    (missing,) = problems(playbook.replace("inner", "iner").replace("web", "r"))
    assert "unknown role 'iner'" in missing


def test_a_dependency_sees_what_the_play_gives_the_role_that_needs_it() -> None:
    """Weaker than what the dependency is given itself, as in Ansible."""
    more = {
        "roles/r/meta/main.yml": """
            dependencies:
              - role: base
                vars: {user: "{{ owner }}"}
              - {role: base, size: 5}
            """,
        "roles/base/defaults/main.yml": "user: nobody\nsize: 1\n",
        "roles/base/tasks/main.yml": "- command: echo {{ user }} {{ size }}\n",
    }
    text = """
        - hosts: all
          roles: [{role: r, owner: shop, size: 3}]
        """
    assert commands(text, more) == ["echo shop 3", "echo nobody 5"]
