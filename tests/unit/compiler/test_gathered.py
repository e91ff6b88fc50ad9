"""Facts that a task gathers: there for all tasks below it, whether its result is registered or not."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.agent.work import Done
from configurator.compiler.hostfacts import HostFacts
from tests.unit.compiler.playing import Play, played
from tests.unit.compiler.projects import FACTS, tasks_of
from tests.unit.compiler.test_extensions import BODY, HEAD

ASK = "- {name: ask, command: echo one, register: asked, check_mode: false}\n"


def getent(spec: TaskSpec, _attempt: int) -> Done:
    database, key = spec.params["database"], spec.params.get("key", "")
    return Done(outputs={"ansible_facts": {f"getent_{database}": {key: [database, key]}}})


def packages(_spec: TaskSpec, _attempt: int) -> Done:
    return Done(outputs={"ansible_facts": {"packages": {"nginx": [{"version": "1"}]}}})


def ran(tasks: str, more: dict[str, str] | None = None, *, planning: bool = False) -> Play:
    ends = {"look": getent, "packages": packages}
    ends |= {f"look ({item})": getent for item in ("passwd", "group", "one", "two")}
    return played(tasks, more, planning=planning, ends=ends)


@pytest.mark.parametrize("planning", [False, True])
@pytest.mark.parametrize(
    "look",
    [
        "{name: look, getent: {database: passwd, key: root}}",
        "{name: look, getent: {database: passwd, key: root}, register: found}",
        "{name: look, getent: {database: passwd, key: root}, when: asked.stdout == 'one'}",
        "{name: look, getent: {database: \"{{ 'passwd' if asked.stdout == 'one' }}\", key: root}}",
        "{include_tasks: inner.yml, when: asked.rc is defined}",
        "{include_role: {name: helper}, when: asked.rc is defined}",
    ],
)
def test_gathered_facts_are_there_by_both_names(look: str, planning: bool) -> None:
    """Also of a task that is put off, and from inside of what is included."""
    inner = "- {name: look, getent: {database: passwd, key: root}}"
    more = {"roles/r/tasks/inner.yml": inner, "roles/helper/tasks/main.yml": inner}
    play = ran(
        f"""
{ASK}
- {look}
- {{name: facts, debug: {{msg: "{{{{ ansible_facts.getent_passwd.root | join(' ') }}}}"}}}}
- {{name: plain, debug: {{msg: "{{{{ getent_passwd.root | join(' ') }}}}"}}}}
""",
        more,
        planning=planning,
    )
    assert play.statuses["facts"] == play.statuses["plain"] == "ok"
    assert {play.said["facts"], play.said["plain"]} == {"passwd root"}


@pytest.mark.parametrize("items", ["[one, two]", "\"{{ ['one', 'two'] if asked.stdout else [] }}\""])
def test_a_loop_gathers_what_each_round_does(items: str) -> None:
    """Rounds of several databases all count; of one database the last one does, as in Ansible."""
    each = 'debug: {msg: "{{ getent_x.keys() | join }} {{ ansible_facts.getent_x.keys() | join }}"}'
    tasks = f"{ASK}- {{name: look, getent: {{database: x, key: '{{{{ item }}}}'}}, loop: {items}}}\n"
    assert ran(f"{tasks}- name: seen\n  {each}").said["seen"] == "two two"
    tasks = tasks.replace("database: x, key: '{{ item }}'", "database: '{{ item }}'")
    each = "debug: {msg: \"{{ getent_one[''][0] }} {{ ansible_facts.getent_two[''][0] }}\"}"
    assert ran(f"{tasks}- name: seen\n  {each}").said["seen"] == "one two"


@pytest.mark.parametrize(
    ("more", "tasks", "seen"),
    [
        ({"roles/r/defaults/main.yml": "packages: own"}, "", "a fact"),
        ({"inventory/group_vars/all.yml": "packages: own"}, "", "a fact"),
        ({"roles/r/vars/main.yml": "packages: own"}, "", "own"),
        ({"config.yaml": "site: [{hosts: all, vars: {packages: own}, roles: [r]}]"}, "", "own"),
        ({}, "- set_fact: {packages: own}\n", "own"),
        ({}, '- vars: {packages: own}\n  debug: {msg: "{{ packages }}"}\n  name: seen\n', "own"),
    ],
)
def test_gathered_facts_are_as_weak_as_any_fact(more: dict[str, str], tasks: str, seen: str) -> None:
    """Roles have lists of `packages` of their own: what wins over facts wins over gathered ones, too."""
    look = "- {name: packages, package_facts: {}}\n"
    say = "- {name: seen, debug: {msg: \"{{ packages if packages is string else 'a fact' }}\"}}\n"
    play = ran(look + tasks if "name: seen" in tasks else tasks + look + say, more)
    assert play.said["seen"] == seen
    assert ran(f"{look}- set_fact: {{packages: own}}\n{say}").said["seen"] == "own"


def test_a_module_of_the_project_may_gather_facts() -> None:
    """It declares their names, and they are known by these."""
    source = (
        f"{HEAD}class Thing(Module):\n{BODY}    def facts(self, params):\n        return (params.name,)\n"
    )
    play = played(
        """
        - {name: look, thing: {name: color}}
        - {name: seen, debug: {msg: "{{ color }} {{ ansible_facts.color }}"}}
        """,
        {"modules/thing.py": source},
        ends={"look": lambda _spec, _attempt: Done(outputs={"ansible_facts": {"color": "red"}})},
    )
    assert play.said["seen"] == "red red"


def test_setup_tells_what_a_role_has_put_into_facts_d() -> None:
    """Its facts come with their prefix, and are known without it; a variable `local` is nothing of it."""
    local = {"ansible_local": {"app": {"port": 80}}, "ansible_extra": "more"}
    play = played(
        """
        - {name: look, setup: {}}
        - {name: seen, debug: {msg: "{{ ansible_local.app.port }} {{ ansible_facts.local.app.port }}"}}
        - {name: more, debug: {msg: "{{ ansible_facts.extra }} {{ local }}"}}
        """,
        {"roles/r/defaults/main.yml": "local: own"},
        ends={"look": lambda _spec, _attempt: Done(outputs={"ansible_facts": local})},
    )
    assert play.said == {"seen": "80 80", "more": "more own"}


def test_what_is_gathered_asks_the_host_for_no_other_facts() -> None:
    """Neither before nor after; a fact that is wanted by its name costs the part that it is in."""
    asked: list[str] = []

    def ask(part: str) -> dict[str, Any]:
        asked.append(part)
        return {"services": {"ssh.service": {}}} if part == "services" else {}

    tasks = """
    - {name: gather, getent: {database: passwd, key: root}}
    - {name: own, debug: {msg: "{{ ansible_facts.getent_passwd.root }} {{ ansible_facts.hostname }}"}}
    - {name: none, debug: {msg: "{{ ansible_facts.nope | default('-') }} {{ 'nope' in ansible_facts }}"}}
    """
    facts = HostFacts(FACTS, ask)
    done = Done(outputs={"ansible_facts": {"getent_passwd": {"root": "x"}}})
    run = played(tasks, facts=facts, ends={"gather": lambda _spec, _attempt: done})
    assert run.said == {"own": "x h", "none": "- False"}
    assert asked == []
    wanted = (
        tasks
        + """
    - {name: wanted, debug: {msg: "{{ ansible_facts.services | list }}"}}
    """
    )
    run = played(wanted, facts=HostFacts(FACTS, ask), ends={"gather": lambda _spec, _attempt: done})
    assert run.said["wanted"] == "['ssh.service']" or "ssh.service" in run.said["wanted"]
    assert asked == ["services"]


def test_what_a_task_has_gathered_is_not_asked_for_again() -> None:
    """The host is in the middle of its run by then; only what a text wants by its name costs a question."""
    asked: list[str] = []

    def ask(part: str) -> dict[str, Any]:
        asked.append(part)
        return {}

    tasks = """
    - {name: gather, setup: {}}
    - {name: own, debug: {msg: "{{ ansible_facts.local.app }} {{ ansible_facts.hostname }}"}}
    """
    told = {"ansible_local": {"app": 80}, "ansible_mounts": [], "ansible_services": {}}
    done = Done(outputs={"ansible_facts": told})
    run = played(tasks, facts=HostFacts(FACTS, ask), ends={"gather": lambda _spec, _attempt: done})
    assert run.said == {"own": "80 h"}
    assert asked == []


def _told(tasks: str, **options: Any) -> list[str]:
    found = tasks_of(tasks, **options)
    return [spec.params["cmd"] for spec in found if spec.module == "command" and spec.skip is None]


def test_tasks_below_a_new_name_of_the_host_see_it() -> None:
    """As with Ansible: else a template of it is only right in the second run. The plan knows it, too."""
    tasks = """
        - {name: above, command: "echo {{ ansible_hostname }}"}
        - hostname: {name: web1.example.com}
        - {name: below, command: "echo {{ ansible_hostname }} {{ ansible_facts.fqdn }} {{ ansible_domain }}"}
        - {name: all, command: "echo {{ dict(ansible_facts).nodename }}"}
        - {name: others, command: "echo {{ ansible_facts.distribution }}"}
        - {hostname: {name: web2}, when: false}
        - {name: still, command: "echo {{ ansible_nodename }}"}
        """
    assert _told(tasks) == [
        "echo h",
        "echo web1 web1.example.com example.com",
        "echo web1.example.com",
        "echo Debian",
        "echo web1.example.com",
    ]


def test_a_name_that_the_host_has_changes_no_facts() -> None:
    """The host knows better than its name alone what its full name is."""
    known = {"hostname": "web1", "nodename": "web1", "fqdn": "web1.example.com", "domain": "example.com"}
    tasks = '- hostname: {name: web1}\n- {name: below, command: "echo {{ ansible_fqdn }}"}\n'
    assert _told(tasks, facts={**FACTS, **known}) == ["echo web1.example.com"]
