"""What is wrong in roles, templates and variables is shown at its place, all of it at once."""

from __future__ import annotations

import pytest

from tests.unit.compiler.projects import load, problems_of, role_problems


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("- aptt: {name: x}", "1:3: unknown module 'aptt' [aptt] (did you mean 'apt'?)"),
        ("- ansible.builtin.aptt: {}", "1:3: unknown module 'ansible.builtin.aptt'"),
        ("- import_role: {name: x}", "1:23: unknown role 'x' [x] (roles are looked for in "),
        ("- import_role: {tasks_from: x}", "1:16: 'import_role' needs the name of a role [{]"),
        ("- {include_role: {name: x, task: y}}", "1:28: unknown key 'task' in 'include_role' [task]"),
        ("- {import_role: {name: x}, loop: [1]}", "1:4: 'import_role' cannot loop"),
        ("- include_vars: {fil: x}", "1:18: unknown key 'fil' in 'include_vars' [fil]"),
        ("- include_vars: {name: x}", "1:17: 'include_vars' needs either 'file' or 'dir' [{]"),
        ("- meta: flush", "1:9: 'meta' cannot say 'flush' [flush]"),
        ("- {meta: noop, loop: [1]}", "1:16: 'meta' cannot loop [loop]"),
        ("- name: x", "1:3: this task names no module [name]"),
        ("- 5", "1:3: a task must be a mapping, not 5 [5]"),
        ("- {apt: name=x, file: path=/x}", "1:17: one task uses one module, not 'apt' and 'file' [file]"),
        (
            "- {copy: , content: x}",
            "1:12: unknown keyword 'content' [content] "
            "('content' is a parameter: it belongs below 'copy:', one level deeper)",
        ),
        (
            "- {user: , group: x}",
            "1:12: one task uses one module, not 'user' and 'group' [group] "
            "('group' is a parameter: it belongs below 'user:', one level deeper)",
        ),
        ("- {user: {name: x}, group: x}", "1:21: one task uses one module, not 'user' and 'group' [group]"),
        ("- {whn: x, command: y}", "1:4: unknown keyword 'whn' [whn] (did you mean 'when'?)"),
        ("- {command: x, register: a-b}", "1:26: 'a-b' cannot be a variable's name [a-b]"),
        ("- {command: x, until: '1 +'}", "1:23: bad template: unexpected 'end of template' ['1 +']"),
        ("- {command: x, changed_when: {a: 1}}", "1:30: a condition must be an expression, not a mapping"),
        ("- {command: x, retries: often}", "1:25: 'retries' must be a number, not 'often' [often]"),
        ("- {command: x, with_fileglobs: y}", "1:16: there is no loop 'with_fileglobs' [with_fileglobs]"),
        ("- {block: [{command: x}], rescue: 5}", "1:35: a task file must be a list, not 5 [5]"),
        ("- {command: x, rescue: []}", "1:16: unknown keyword 'rescue' [rescue]"),
        ("- action: ''", "1:3: 'action' must name a module [action]"),
        (
            "- {command: x, loop: [1], loop_control: {break_when: y}}",
            "1:42: 'loop_control: break_when' is not",
        ),
        ("- {block: [{command: x}], loop: [1]}", "1:27: keyword 'loop' has no meaning here [loop]"),
        ("- apt: {nme: x}", "1:9: unknown parameter 'nme' [nme] (did you mean 'name'?)"),
        (
            "- timezone: {name: UTC, hwclock: UTC}",
            "1:25: unknown parameter 'hwclock' [hwclock] (it is left out: the clock of a virtual server is ",
        ),
        ("- apt: {nme: '{{ x }}', name: y}", "1:9: unknown parameter 'nme' [nme] (did you mean 'name'?)"),
        ("- file: {path: /x, recurse: 5x}", "1:20: 'recurse': must be true or false, not '5x' [recurse]"),
        (
            "- file: {path: '{{ x }}', state: directoy}",
            "1:27: 'state': must be one of ",
        ),
        (
            "- file: {path: '{{ x }}', mode: '9'}",
            "1:27: 'mode': must be a file mode in octal digits, not '9'",
        ),
        ("- copy: {content: a}", "1:3: missing required parameter 'dest' [copy]"),
        ("- copy: {content: '{{ a }}'}", "1:3: missing required parameter 'dest' [copy]"),
        ("- apt: name", "1:8: expected name=value, not 'name' [name] (or write a mapping)"),
        ("- apt: [x]", "1:8: the parameters of 'apt' must be a mapping, not a list [[]"),
        ("- {command: x, when: '1 +'}", "1:22: bad template: unexpected 'end of template' ['1 +']"),
        ("- command: echo {{ x", "1:12: cannot read these parameters: '}}' is missing [echo {{ x]"),
        ("- command: {cmd: 'echo {{ x'}", "1:18: bad template: unexpected end of template, expected 'end of"),
        ("- command: echo {{ x | fltr }}", "1:24: unknown filter 'fltr' [fltr] (did you mean 'float'?)"),
        ("- {command: x, when: x is mtch('a')}", "1:27: unknown test 'mtch' [mtch] (did you mean 'match'?)"),
        ("- {command: x, requires: [nope]}", "1:27: 'nope' is neither a task of role 'r' nor a role [nope]"),
        ("- {command: x, requires: {rr: y}}", "1:26: unknown role 'rr' [{]"),
        ("- {command: x, requires: {r: y}}", "1:26: role 'r' has no task 'y' [{]"),
        ("- {command: x, notify: nope}", "1:24: no role has a handler 'nope' [nope]"),
        ("- {command: x, listen: y}", "1:16: only a handler can have 'listen' [listen]"),
        ("- import_tasks: nope.yml", "1:17: there is no task file 'nope.yml' [nope.yml]"),
        (
            "- import_tasks: {fle: x}",
            "1:18: unknown key 'fle' in 'import_tasks' [fle] (did you mean 'file'?)",
        ),
        ("- {import_tasks: main.yml, loop: [1]}", "1:4: 'import_tasks' cannot loop"),
        ("- {command: x, timeout: soon}", "1:25: 'timeout' must be a number of seconds, not 'soon' [soon]"),
        ("- {command: x, become: maybe}", "1:24: 'become' must be true or false, not 'maybe' [maybe]"),
        ("- {command: x, tags: {a: 1}}", "1:22: 'tags' must be text or a list of texts, not a mapping"),
        ("- {command: x, when: {a: 1}}", "1:22: a condition must be an expression, not a mapping"),
        ("- {command: x, loop: 5}", "1:22: 'loop' must be a list, not 5 [5]"),
        ("- {command: x, loop_control: {label: x}}", "1:16: 'loop_control' without a loop"),
        (
            "- {command: x, loop: [1], loop_control: {lable: x}}",
            "1:42: unknown key 'lable' in 'loop_control'",
        ),
        ("- {command: x, effects: {write: [y]}}", "1:26: unknown key 'write' in 'effects' [write]"),
        ("- set_fact: {a-b: 1}", "1:14: 'a-b' cannot be a variable's name [a-b]"),
        ("- copy: {src: nope, dest: /x}", "1:15: there is no file 'nope' [nope]"),
        ("- template: {src: nope.j2, dest: /x}", "1:19: there is no template 'nope.j2' [nope.j2]"),
        ("- {apt: name=x, name: a, name: b}", "1:26: duplicate key 'name' [name] (first written at line 1)"),
    ],
)
def test_a_mistake_in_a_task_is_shown_without_any_host(tasks: str, expected: str) -> None:
    """Names and literals need no facts: `check` finds them offline."""
    problems = role_problems(tasks)
    assert [problem for problem in problems if problem.startswith(expected)], problems


@pytest.mark.parametrize("value", ["{{ x }}", "{{ x }}/y", "{{ x['k'] }}"])
def test_a_template_without_quotes_is_one_problem(value: str) -> None:
    """Neither the parameter's type nor the broken rest of the file is the reader's concern then."""
    expected = f"2:11: a value that begins with '{{{{' must be in quotes [{value}] (write \"{value}\")"
    assert role_problems(f"- copy:\n    dest: {value}\n    content: z") == [expected]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("- command: echo {{ nope }}", "1:20: the variable 'nope' is not defined [nope]"),
        (
            "- {command: x, when: ansible_distribtion == 'x'}",
            "1:22: the variable 'ansible_distribtion' is not",
        ),
        ("- command: echo {{ ansible_facts.nope }}", "1:34: there is no fact 'nope' [nope]"),
        (
            "- command: echo {{ ansible_facts.distibution }}",
            "1:34: there is no fact 'distibution' [distibution] (did you mean 'distribution'?)",
        ),
        (
            "- command: echo {{ ansible_facts['distibution'] }}",
            "1:35: there is no fact 'distibution' [distibution] (did you mean 'distribution'?)",
        ),
        (
            "- getent: {database: passwd}\n- command: echo {{ ansible_facts.distibution }}",
            "2:34: there is no fact 'distibution' [distibution] (did you mean 'distribution'?)",
        ),
        (
            "- command: echo {{ hostvars.h.ansible_usr }}",
            "1:31: the host 'h' has no variable 'ansible_usr' [ansible_usr] (did you mean 'ansible_user'?)",
        ),
        ("- command: echo {{ hostvars['web'].x }}", "1:30: there is no host 'web' [web]"),
        ("- command: echo {{ vars.nope }}", "1:25: the variable 'nope' is not defined [nope]"),
        (
            "- vars: {settings: {port: 1}}\n  command: echo {{ settings.prot }}",
            "2:29: 'dict object' has no attribute 'prot' [prot] (did you mean 'port'?)",
        ),
        ("- command: echo {{ 1 / 0 }}", "1:12: this expression fails: division by zero"),
        ("- command: echo {{ 'a' + 1 }}", "1:12: this expression fails: can only concatenate str"),
        ("- {command: x, loop: '{{ 5 }}'}", "1:22: 'loop' wants a list, not 5"),
        ("- {command: 'x {{ item }}', loop: '{{ {} }}'}", "1:35: 'loop' wants a list, not {} ['{{ {} }}']"),
        ("- {command: x, with_dict: [1]}", "1:27: 'with_dict': a mapping is wanted, not 1 [[]"),
        ("- {command: x, timeout: '{{ [] }}'}", "1:25: 'timeout' must be a number of seconds, not []"),
        ("- {command: x, become: '{{ 5 }}'}", "1:24: must be true or false, not 5"),
        ("- {command: x, environment: '{{ [1] }}'}", "1:29: 'environment' must be a mapping"),
        ("- file: {path: /x, mode: \"{{ 'rwx!' }}\"}", "1:20: 'mode': must be a file mode"),
        (
            "- command: \"{{ lookup('url', 'http://x') }}\"",
            "1:12: this expression fails: lookup 'url' is not supp",
        ),
        (
            "- command: \"{{ lookup('file', 'nope') }}\"",
            "1:12: this expression fails: lookup 'file': there is no file",
        ),
        (
            '- command: "{{ 5 | password_hash }}"',
            "1:12: this expression fails: password_hash wants a text",
        ),
        ("- include_tasks: '{{ inventory_hostname }}.yml'", "1:18: there is no task file 'h.yml'"),
        ("- import_tasks: main.yml", "1:17: files include each other more than 50 deep"),
        ("- command:\n    cmd: |\n      one\n      two {{ nope }}", "4:14: the variable 'nope' is not"),
    ],
)
def test_a_mistake_that_needs_the_host_is_shown_as_well(tasks: str, expected: str) -> None:
    """What depends on variables and facts names the expression."""
    problems = role_problems(tasks)
    assert len(problems) == 1
    assert problems[0].startswith(expected)


def test_an_undefined_variable_gets_a_did_you_mean() -> None:
    """The names in reach are known."""
    [problem] = role_problems(
        "- command: x {{ server_nam }}", {"roles/r/defaults/main.yml": "server_name: a"}
    )
    assert problem.endswith(
        "the variable 'server_nam' is not defined [server_nam] (did you mean 'server_name'?)"
    )


def test_a_variable_inside_a_variable_is_shown_where_it_is_written() -> None:
    """The task is not to blame for what group_vars says."""
    found = problems_of(
        {
            "roles/r/tasks/main.yml": "- command: x {{ url }}",
            "inventory/group_vars/all.yml": "url: 'http://{{ hst }}/'\n",
        }
    )
    assert found == ["inventory/group_vars/all.yml:1:17: the variable 'hst' is not defined [hst]"]


def test_variables_that_need_each_other_are_shown_as_a_path() -> None:
    """A cycle must not end in a RecursionError."""
    found = problems_of(
        {
            "roles/r/tasks/main.yml": "- command: x {{ a }}",
            "inventory/group_vars/all.yml": "a: '{{ b }}'\nb: '{{ c }}'\nc: '{{ a }}'\n",
        }
    )
    [problem] = found
    assert problem.startswith(
        "inventory/group_vars/all.yml:1:4: the variable 'a' needs itself: a -> b -> c -> a"
    )


def test_a_mistake_in_a_template_file_is_shown_at_its_line() -> None:
    """Syntax without a host, undefined names with one; included templates and headers too."""
    tasks = "- template: {src: a.j2, dest: /a}\n- template: {src: b.j2, dest: /b}\n"
    syntax = {"roles/r/templates/a.j2": "x\n{% if %}\n", "roles/r/templates/b.j2": "fine\n"}
    assert problems_of({"roles/r/tasks/main.yml": tasks, **syntax}) == [
        "roles/r/templates/a.j2:2:1: bad template: Expected an expression, got 'end of statement block'"
        " [{% if %}]"
    ]
    undefined = {
        "roles/r/templates/a.j2": "#jinja2: lstrip_blocks: True\n\n{{ one }}\n",
        "roles/r/templates/b.j2": "{% include 'c.j2' %}",
        "roles/r/templates/c.j2": "x\n  {{ two }}\n",
    }
    assert problems_of({"roles/r/tasks/main.yml": tasks, **undefined}) == [
        "roles/r/templates/a.j2:3:4: the variable 'one' is not defined [one]",
        "roles/r/templates/c.j2:2:6: the variable 'two' is not defined [two]",
    ]


def test_templates_that_are_not_text_are_refused() -> None:
    """A binary file under templates/ is a mistake, and not a traceback."""
    found = problems_of(
        {
            "roles/r/tasks/main.yml": "- template: {src: a.j2, dest: /a}",
            "roles/r/templates/a.j2": b"\xff\xfe",
        }
    )
    assert found == ["roles/r/templates/a.j2:1:1: not valid UTF-8 [�] (save the file with UTF-8 encoding)"]


def test_roles_that_do_not_exist_are_named_with_the_nearest_one() -> None:
    """In the site, in an entry's `requires`, and in another role's meta."""
    found = problems_of(
        {
            "config.yaml": "site:\n  - hosts: all\n    roles: [rr, {role: s, requires: [qq]}]\n",
            "roles/s/meta/main.yml": "dependencies: [ss, {rol: x}]\nrequirs: [x]\nallow_duplicates: 2\n",
        }
    )
    assert [problem.replace(" (roles are looked for in roles, /nonexistent)", "") for problem in found] == [
        "config.yaml:3:13: unknown role 'rr' [rr] (did you mean 'r'?)",
        "config.yaml:3:38: unknown role 'qq' [qq]",
        "roles/s/meta/main.yml:1:16: unknown role 'ss' [ss] (did you mean 's'?)",
        "roles/s/meta/main.yml:1:20: this entry names no role [{] (write 'role: NAME')",
        "roles/s/meta/main.yml:2:1: unknown key 'requirs' [requirs] (did you mean 'requires'?)",
        "roles/s/meta/main.yml:3:19: 'allow_duplicates' must be true or false, not 2 [2]",
    ]


def test_roles_that_require_each_other_are_a_cycle() -> None:
    """Seen without any host: the path, and the place of each link."""
    found = problems_of({"roles/r/meta/main.yml": "requires: [s]", "roles/s/meta/main.yml": "requires: r"})
    assert found == [
        "roles/r/meta/main.yml:1:12: cycle: r -> s -> r [s] (each of these waits for the next one; take one "
        "requirement back (also written at roles/s/meta/main.yml:1:11))"
    ]


@pytest.mark.parametrize(
    ("tasks", "path"),
    [
        ("- {name: a, command: x, requires: [a]}", "r: a -> r: a"),
        (
            "- {name: a, command: x, requires: [c]}\n- {name: b, command: x, requires: [a]}\n"
            "- {name: c, command: x, requires: [b]}",
            "r: a -> r: c -> r: b -> r: a",
        ),
        ("- block: [{name: a, command: x, requires: [r]}]", "r -> r: a -> r"),
        (
            "- {name: a, command: x, requires: [{r: b}]}\n- {name: b, command: x, requires: a}",
            "r: a -> r: b -> r: a",
        ),
    ],
)
def test_tasks_that_require_each_other_are_a_cycle(tasks: str, path: str) -> None:
    """Seen without any host, also through blocks and whole roles."""
    found = role_problems(tasks)
    assert [problem.partition(" [")[0].partition(": ")[2] for problem in found] == [f"cycle: {path}"]


def test_a_chain_of_requirements_is_no_cycle() -> None:
    """Two ways to one task, a name of several tasks, and a requirement against the written order."""
    tasks = (
        "- {name: a, command: x, requires: [b, c]}\n- {name: b, command: x, requires: c}\n"
        "- {name: c, command: x}\n- {name: c, command: y}\n- {name: '{{ v }}', command: x, requires: a}\n"
    )
    assert [problem for problem in role_problems(tasks) if "cycle" in problem] == []


def test_an_unknown_host_in_the_site_is_an_error_unless_another_inventory_was_named() -> None:
    """With `--inventory lab.yml` the site's other groups need not exist."""
    files = {"config.yaml": "site: [{hosts: 'webb', roles: [r]}]", "lab.yml": "lab: {hosts: {l: }}"}
    assert problems_of(files) == ["config.yaml:1:16: no host or group is named 'webb' ['webb']"]
    project = load(files, inventory="lab.yml")
    assert [str(warning) for warning in project.warnings] == [
        "config.yaml:1:16: no host or group is named 'webb'"
    ]


def test_problems_of_all_files_come_at_once() -> None:
    """Settings, inventory, variables, roles and templates in one report."""
    found = problems_of(
        {
            "config.yaml": "forks: 1\nsite: [{hosts: all, roles: [r]}]\n",
            "inventory/hosts.yml": "all: {host: {h: }}\n",
            "inventory/group_vars/all.yml": "a: 1\na: 2\nb: '{{ x'\n",
        }
    )
    assert [problem.partition(": ")[0] for problem in found] == [
        "config.yaml:1:1",
        "inventory/hosts.yml:1:7",
        "inventory/group_vars/all.yml:2:1",
        "inventory/group_vars/all.yml:3:4",
    ]
