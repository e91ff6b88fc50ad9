"""Tasks as Ansible's users write them become concrete tasks for one host."""

from __future__ import annotations

import pytest

from configurator.core.errors import InputError
from tests.unit.compiler.projects import commands_of, graph_of, role_problems, tasks_of


def test_free_form_arguments_and_args_are_read() -> None:
    """`name=value`, quotes, Jinja with spaces, text for the shell, and `args:` besides."""
    found = tasks_of(
        """
        - apt: name=nginx state=present update_cache=yes
        - command: "echo 'a=1 b' name=kept creates=/x chdir={{ '/a b' }}"
        - shell: |
            echo {{ 'x y' }}
            # a line creates=/y
          args: {chdir: /z}
        - file: path="/a b" state=directory
        - ansible.builtin.command: {argv: [ls, "{{ omit }}", -l]}
        - service: name=nginx enabled=true
        """
    )
    assert [(spec.module, dict(spec.params)) for spec in found] == [
        ("apt", {"name": "nginx", "state": "present", "update_cache": "yes"}),
        ("command", {"cmd": "echo 'a=1 b' name=kept", "creates": "/x", "chdir": "/a b"}),
        ("shell", {"cmd": "echo x y\n# a line", "creates": "/y", "chdir": "/z"}),
        ("file", {"path": "/a b", "state": "directory"}),
        ("command", {"argv": ["ls", "-l"]}),
        ("systemd_service", {"name": "nginx", "enabled": "true"}),
    ]


def test_loops_repeat_a_task_with_the_item_in_its_name() -> None:
    """`loop`, `with_items` (one level flattened), `with_dict`, and loop_control."""
    found = tasks_of(
        """
        - name: one
          command: echo {{ item }}
          loop: [1, "{{ ansible_hostname }}"]
        - command: echo {{ item }}
          with_items: [[a, b], c]
        - command: echo {{ item.key }}={{ item.value }}
          with_dict: {x: 1}
        - name: "user {{ user.name }}"
          command: echo {{ user.name }} {{ number }}
          loop: [{name: ann, password: pw1}, {name: bob}]
          loop_control: {loop_var: user, index_var: number, label: "{{ user.name | upper }}"}
        """
    )
    assert [spec.params["cmd"] for spec in found] == [
        "echo 1",
        "echo h",
        "echo a",
        "echo b",
        "echo c",
        "echo x=1",
        "echo ann 0",
        "echo bob 1",
    ]
    assert [spec.name for spec in found][:2] == ["one (1)", "one (h)"]
    assert [spec.name for spec in found][-2:] == ["user ann (ANN)", "user bob (BOB)"]
    assert len({spec.id for spec in found}) == len(found)


def test_a_false_condition_skips_the_task_and_says_which() -> None:
    """All of a list must hold; what follows a false one is not evaluated."""
    found = tasks_of(
        """
        - {command: a, when: ansible_distribution == "Debian"}
        - {command: b, when: [true, "nope is defined", "nope.x > 1"]}
        - {command: c, when: "{{ ansible_hostname == 'h' }}"}
        - {command: d, when: false}
        - {command: "e {{ item }}", loop: [1, 2], when: item > 1}
        - {command: "f {{ item }}", loop: []}
        - {command: "g {{ item }}", loop: "{{ nope }}", when: nope is defined}
        - {command: h, when: ansible_hostname}
        - {command: "i {{ nope }}", when: "'x' in ['y']"}
        """
    )
    assert [(spec.params.get("cmd"), spec.skip) for spec in found] == [
        ("a", None),
        (None, "nope is defined"),
        ("c", None),
        (None, "false"),
        (None, "item > 1"),
        ("e 2", None),
        (None, "the loop has no items"),
        (None, "nope is defined"),
        ("h", None),
        (None, "'x' in ['y']"),
    ]


def test_keywords_become_fields_of_the_task() -> None:
    """Templated ones too."""
    [spec, *_] = tasks_of(
        """
        - command: x
          vars: {yes_please: true}
          become_user: postgres
          environment: {A: "{{ ansible_hostname }}", B: 1}
          no_log: "{{ yes_please }}"
          ignore_errors: yes
          check_mode: no
          timeout: 5
          locks: [own]
          critical: true
        """
    )
    assert spec.become_user == "postgres"
    assert spec.environment == {"A": "h", "B": "1"}
    assert (spec.no_log, spec.ignore_errors, spec.check_mode, spec.critical) == (True, True, False, True)
    assert (spec.timeout_s, spec.locks) == (5.0, ("own",))
    assert spec.position == "roles/r/tasks/main.yml:2:3"


def test_blocks_hand_their_keywords_down() -> None:
    """Conditions and environments add up; of the others the innermost counts."""
    found = tasks_of(
        """
        - when: outer | default(true)
          become_user: one
          environment: {A: 1, B: 1}
          vars: {v: outer}
          block:
            - command: echo {{ v }}
            - vars: {v: inner}
              when: v != 'inner'
              block:
                - command: never
            - vars: {v: inner}
              become_user: two
              environment: {B: 2}
              block:
                - command: echo {{ v }}
        """
    )
    assert [(spec.params.get("cmd"), spec.become_user, spec.skip) for spec in found] == [
        ("echo outer", "one", None),
        (None, None, "v != 'inner'"),
        ("echo inner", "two", None),
    ]
    assert found[2].environment == {"A": "1", "B": "2"}


def test_files_are_imported_and_included() -> None:
    """Static and dynamic, in loops, with variables, conditions and nested paths."""
    more = {
        "roles/r/tasks/debian.yml": "- command: echo {{ who }} {{ v }}\n",
        "roles/r/tasks/sub/a.yml": "- import_tasks: b.yml\n- include_tasks: debian.yml\n",
        "roles/r/tasks/sub/b.yml": "- command: echo sub\n",
    }
    assert commands_of(
        """
        - import_tasks: sub/a.yml
          vars: {who: import, v: 0}
        - include_tasks: "{{ ansible_distribution | lower }}.yml"
          loop: [a, b, c]
          loop_control: {loop_var: who}
          when: who != 'b'
          vars: {v: "{{ who }}!"}
        - include_tasks: {file: debian.yml, apply: {vars: {v: applied}}}
          vars: {who: last, v: 1}
        """,
        more,
    ) == ["echo sub", "echo import 0", "echo a a!", "echo c c!", "echo last 1"]


def test_an_include_that_does_not_hold_is_one_skipped_task() -> None:
    """A file for another distribution need not even exist; an imported one is skipped task by task."""
    more = {"roles/r/tasks/two.yml": "- command: a\n- command: b\n"}
    found = tasks_of(
        """
        - name: elsewhere
          include_tasks: "{{ ansible_hostname }}-nope.yml"
          when: false
        - import_tasks: two.yml
          when: 1 > 2
        """,
        more,
    )
    assert [(spec.name, spec.skip) for spec in found] == [
        ("elsewhere", "false"),
        ("command", "1 > 2"),
        ("command", "1 > 2"),
    ]


def test_set_fact_counts_from_its_place_on_and_makes_no_task() -> None:
    """Also for variables that were rendered with the old value, and inside blocks."""
    assert commands_of(
        """
        - command: echo {{ derived }}
        - block:
            - vars: {local: "{{ fact }}+"}
              block:
                - command: echo {{ local }}
                - set_fact: {fact: 2}
                - command: echo {{ local }}
        - command: echo {{ derived }}
        - set_fact: flag=yes text=5
        - command: echo {{ flag is true }} {{ text }}
        - set_fact: {fact: "{{ fact + item }}"}
          loop: [1, 2]
          when: item > 1
        - command: echo {{ fact }}
        """,
        {"roles/r/defaults/main.yml": "fact: 1\nderived: 'd{{ fact }}'\n"},
    ) == ["echo d1", "echo 1+", "echo 2+", "echo d2", "echo True 5", "echo 4"]


def test_handlers_are_notified_by_name_and_by_topic() -> None:
    """`listen` and `notify` as in Ansible; the order of handlers is their own file's."""
    graph = graph_of(
        {
            "roles/r/tasks/main.yml": """
                - {command: a, notify: [restart, topic]}
                - {command: b, notify: restart}
            """,
            "roles/r/handlers/main.yml": """
                - name: restart
                  command: restart
                - name: other
                  command: other
                  listen: topic
            """,
        }
    )
    handlers = {spec.id: spec for spec in graph.tasks if spec.handler}
    assert [spec.name for spec in handlers.values()] == ["restart", "other"]
    notified = [[handlers[name].name for name in spec.notify] for spec in graph.tasks if spec.notify]
    assert notified == [["restart", "other"], ["restart"]]


def test_requires_orders_tasks_by_name() -> None:
    """A task of the same role, of another role, and a whole role."""
    graph = graph_of(
        {
            "config.yaml": "site: [{hosts: all, roles: [r, {role: t, requires: [s]}]}]",
            "roles/r/tasks/main.yml": """
                - {name: last, command: a, requires: [first]}
                - {name: first, command: b, requires: ["s: it"]}
            """,
            "roles/s/tasks/main.yml": "- {name: it, command: c}\n",
            "roles/t/tasks/main.yml": "- {name: end, command: d}\n",
        }
    )
    by_name = {spec.name: spec for spec in graph.tasks}
    assert by_name["first"].id in by_name["last"].requires
    assert by_name["it"].id in by_name["first"].requires
    assert by_name["end of s"].id in by_name["end"].requires


def test_declared_effects_replace_what_the_module_says() -> None:
    """A command that says what it touches no longer waits for everything."""
    found = tasks_of(
        """
        - {name: a, command: a, effects: ["path:/a"]}
        - {name: b, command: b, effects: {reads: ["path:/c"], writes: ["path:/b"]}}
        - {name: c, command: c, effects: {reads: ["path:/a"], writes: []}}
        """
    )
    assert [spec.requires for spec in found] == [(), (), (found[0].id,)]


@pytest.mark.parametrize(
    ("inventory", "site", "tasks", "users"),
    [
        ("ansible_user: root", "", "- {command: a}\n- {command: b, become: no}", [None, None]),
        ("ansible_user: joe", "", "- {command: a}\n- {command: b, become: no}", [None, "joe"]),
        (
            "ansible_user: joe",
            ", become: false",
            "- {command: a}\n- {command: b, become_user: x}",
            [None, None],
        ),
        ("ansible_user: joe, ansible_become: no", "", "- {command: a}", [None]),
        ("ansible_user: joe", "", "- {command: a, become: yes, become_user: pg}", ["pg"]),
        ("ansible_user: joe", "", "- {command: a, become_user: root}", [None]),
    ],
)
def test_tasks_run_as_root_unless_they_say_otherwise(
    inventory: str, site: str, tasks: str, users: list[str | None]
) -> None:
    """`become: false` means the user we log in as; an agent without sudo is that user already."""
    more = {
        "inventory/hosts.yml": f"all: {{hosts: {{h: {{{inventory}}}}}}}",
        "config.yaml": f"site: [{{hosts: all, roles: [r]{site}}}]",
    }
    assert [spec.become_user for spec in tasks_of(tasks, more)] == users


@pytest.mark.parametrize(
    ("inventory", "tasks", "message"),
    [
        ("", "- {command: a, become: no}", "'become: false' needs to know which user we log in as"),
        (
            "ansible_become: no",
            "- {command: a, become: yes}",
            "'become: true' on a host that is managed without",
        ),
    ],
)
def test_a_wish_that_cannot_be_met_is_an_error(inventory: str, tasks: str, message: str) -> None:
    """Running as somebody else than asked would be worse."""
    more = {"inventory/hosts.yml": f"all: {{hosts: {{h: {{{inventory}}}}}}}"}
    with pytest.raises(InputError) as caught:
        tasks_of(tasks, more)
    assert message in str(caught.value)


def test_names_hide_secrets_and_stay_short() -> None:
    """Names are written to journals: no passwords of loops, no scripts of a hundred lines."""
    found = tasks_of(
        """
        - {name: a, command: "x {{ item }}", loop: ["{{ pw }}", b], no_log: true}
        - {name: b, command: "x {{ item }}", loop: ["{{ pw }}"]}
        - command: echo {{ pw }}
        - shell: "one\\ntwo {{ 'x' * 100 }}"
        - {command: "echo {{ pw }}", no_log: true}
        """,
        {"roles/r/vars/main.yml": "pw: !secret hunter22"},
    )
    names = [spec.name for spec in found]
    assert names[:2] == ["a (1)", "a (2)"]
    assert names[2:4] == ["b (********)", "command: echo ********"]
    assert names[4].startswith("shell: one two xxx")
    assert len(names[4]) <= 60
    assert names[5] == "command"


def test_secrets_are_collected_wherever_they_come_from() -> None:
    """Tagged values, secret parameters and connection passwords are masked in all output."""
    graph = graph_of(
        {
            "roles/r/tasks/main.yml": "- command: echo {{ composed }}\n",
            "roles/r/vars/main.yml": """
                plain: !secret s3cret
                composed: "x {{ plain }} {{ rendered }}"
                rendered: !secret "pre-{{ ansible_hostname }}"
                unused: text
            """,
            "inventory/hosts.yml": "all: {hosts: {h: {ansible_user: root, ansible_become_password: sud0}}}",
        }
    )
    assert graph.secrets == {"s3cret", "pre-h", "sud0"}


def test_unsafe_text_is_never_a_template() -> None:
    """Nor is what a host says of itself: facts are data from a stranger."""
    assert commands_of(
        "- command: !unsafe 'echo {{ x }}'\n- command: echo {{ ansible_evil }}\n",
        facts={"evil": "{{ lookup('env', 'HOME') }}"},
    ) == ["echo {{ x }}", "echo {{ lookup('env', 'HOME') }}"]


def test_any_errors_fatal_holds_for_what_is_inside() -> None:
    """Of a block, an include and a task that is known late; the innermost word counts."""
    found = tasks_of(
        """
        - any_errors_fatal: true
          block:
            - {name: a, command: a, register: r}
            - {name: b, command: b, any_errors_fatal: false}
            - {name: c, command: "c {{ r.stdout }}"}
            - {include_tasks: more.yml}
        - {name: e, command: e}
        """,
        {"roles/r/tasks/more.yml": "- {name: d, command: d}"},
    )
    assert {spec.name: spec.fatal for spec in found} == {
        "a": True,
        "b": False,
        "c": True,
        "d": True,
        "e": False,
    }


@pytest.mark.parametrize(
    "task",
    [
        "action: '{{ ansible_pkg_mgr }} name=x state=absent'",
        "action: \"{{ansible_facts['pkg_mgr']}} name=x state=absent\"",
        "action: {module: '{{ ansible_facts.pkg_mgr }}', name: x, state: absent}",
    ],
)
def test_the_module_of_a_hosts_own_package_manager_is_apt(task: str) -> None:
    """Roles for many systems write a fact in place of a module."""
    (spec,) = tasks_of(f"- {task}\n")
    assert (spec.module, spec.params) == ("apt", {"name": "x", "state": "absent"})


def test_a_module_that_only_a_value_would_tell_is_an_error() -> None:
    """The order of tasks rests on what their modules touch."""
    (problem,) = role_problems("- action: '{{ other }} name=x'\n")
    assert "unknown module '{{ other }}'" in problem
    assert "write a task for each" in problem
