"""meta/argument_specs.yml: what a role declares of its variables is checked where they are written."""

from __future__ import annotations

import pytest

from configurator.compiler.plays import PlayTurn
from configurator.core.errors import InputError
from tests.unit.compiler.projects import FACTS, graph_of, load, problems_of

SPECS = """
argument_specs:
  main:
    short_description: A role
    options:
      port: {type: int, required: true, description: where to listen}
      mode: {choices: [fast, safe]}
      names: {type: list, elements: int}
      any: {type: raw}
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ("port: 80", []),
        ("port: '80'\nmode: fast\nnames: [1, '2']\nany: {}", []),
        ("mode: ", ["config.yaml:1:29: role 'r' needs the variable 'port' [r]"]),
        ("port:", ["config.yaml:1:29: role 'r' needs the variable 'port' [r]"]),
        ("port: true\nnames: [1.0, '2.0', '1e3']", []),  # as ansible-core takes them
        (
            "port: x",
            ["inventory/group_vars/all.yml:1:7: 'port' of role 'r' must be a whole number, not 'x' [x]"],
        ),
        (
            "port: 1\nmode: slow",
            ["inventory/group_vars/all.yml:2:7: 'mode' of role 'r' must be one of fast, safe"],
        ),
        (
            "port: 1\nnames: [a]",
            ["inventory/group_vars/all.yml:2:9: 'names[0]' of role 'r' must be a whole number"],
        ),
        (
            "port: '{{ nope }}'",
            ["inventory/group_vars/all.yml:1:11: the variable 'nope' is not defined [nope]"],
        ),
    ],
)
def test_variables_must_be_what_the_role_declares(variables: str, expected: list[str]) -> None:
    """Named where the value stands, or where the role is used if there is none."""
    found = problems_of(
        {
            "config.yaml": "site: [{hosts: all, roles: [r]}]",
            "roles/r/meta/argument_specs.yml": SPECS,
            "inventory/group_vars/all.yml": variables,
        }
    )
    assert len(found) == len(expected)
    assert all(problem.startswith(start) for problem, start in zip(found, expected, strict=True))


def test_a_role_whose_condition_is_false_needs_nothing() -> None:
    """It has no tasks here that could use the variables."""
    files = {
        "config.yaml": "site: [{hosts: all, roles: [{role: r, when: false}]}]",
        "roles/r/meta/argument_specs.yml": SPECS,
    }
    assert problems_of(files) == []


def test_an_unknown_type_is_a_mistake_in_the_role() -> None:
    """With a did-you-mean."""
    files = {"roles/r/meta/argument_specs.yml": "argument_specs: {main: {options: {a: {type: strr}}}}"}
    assert problems_of(files) == [
        "roles/r/meta/argument_specs.yml:1:45: unknown type 'strr' [strr] (did you mean 'str'?)"
    ]


NESTED = """
argument_specs:
  main:
    options:
      users:
        type: list
        elements: dict
        required_one_of: [[key, password]]
        mutually_exclusive: [[key, password]]
        options:
          name: {type: str, required: true}
          key: {type: str}
          password: {type: str, no_log: true}
          shell: {type: path, choices: [/bin/sh, /bin/bash], aliases: [login_shell]}
      tls:
        type: dict
        required_together: [[cert, secret]]
        required_if: [[mode, manual, [cert]], [mode, acme, [mail, account], true]]
        required_by: {chain: cert}
        options:
          mode: {choices: [manual, acme, none], default: none}
          cert: {type: path}
          secret: {type: path}
          chain: {type: path}
          mail: {}
          account: {}
          deep: {type: dict, options: {size: {type: bytes}, count: {type: int}}}
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ("users: [{name: a, key: k, login_shell: /bin/sh}]\ntls: {mode: manual, cert: c, secret: s}", []),
        (
            "users:\n  - key: k",
            [
                "2:5: 'users[0]' of role 'r' needs 'name' [k] "
                "(declared in roles/r/meta/argument_specs.yml:11:11)"
            ],
        ),
        (
            "users:\n  - name: a\n    keyy: k\n    key: k",
            ["3:5: 'users[0]' of role 'r' has no option 'keyy' [keyy] (did you mean 'key'?)"],
        ),
        (
            "users: [{name: a, key: k, password: p}]",
            [
                "1:37: 'users[0].key', 'users[0].password' of role 'r' exclude each other [p] "
                "(declared in roles/r/meta/argument_specs.yml:9:30)"
            ],
        ),
        (
            "users: [{name: a}]",
            [
                "1:9: role 'r' needs one of 'users[0].key', 'users[0].password' [{] "
                "(declared in roles/r/meta/argument_specs.yml:8:27)"
            ],
        ),
        (
            "users: [{name: a, key: k, shell: /bin/bsh}, {name: , key: k}, x]",
            [
                "1:34: 'users[0].shell' of role 'r' must be one of /bin/sh, /bin/bash, not '/bin/bsh' "
                "[/bin/bsh] (did you mean '/bin/bash'?)",
                "1:45: 'users[1]' of role 'r' needs 'name' [{] "
                "(declared in roles/r/meta/argument_specs.yml:11:11)",
                "1:63: 'users[2]' of role 'r' must be a mapping, not 'x' [x]",
            ],
        ),
        (
            "tls: {cert: c}",
            [
                "1:13: 'tls.cert' of role 'r' also needs 'tls.secret' [c] "
                "(declared in roles/r/meta/argument_specs.yml:17:29)"
            ],
        ),
        (
            "tls: {mode: acme}",
            [
                "1:13: role 'r' needs one of 'tls.mail', 'tls.account', since 'tls.mode' is 'acme' [acme] "
                "(declared in roles/r/meta/argument_specs.yml:18:47)"
            ],
        ),
        (
            "tls: {chain: x}",
            [
                "1:14: 'tls.chain' of role 'r' also needs 'tls.cert' [x] "
                "(declared in roles/r/meta/argument_specs.yml:19:23)"
            ],
        ),
        (
            "tls: {deep: {size: 1Q, count: many}}",
            [
                "1:20: 'tls.deep.size' of role 'r' must be a size such as '10 MB', not '1Q' [1Q]",
                "1:31: 'tls.deep.count' of role 'r' must be a whole number, not 'many' [many]",
            ],
        ),
        ("tls: {deep: {size: 10 MB, count: '7'}}", []),
    ],
)
def test_options_inside_options_are_checked_where_they_are_written(
    variables: str, expected: list[str]
) -> None:
    """Mappings, lists of mappings, and what is demanded between their entries; all problems at once."""
    found = problems_of(
        {"roles/r/meta/argument_specs.yml": NESTED, "inventory/group_vars/all.yml": variables}
    )
    assert [one.removeprefix("inventory/group_vars/all.yml:") for one in found] == expected


def test_a_value_made_by_a_template_is_checked_at_the_template() -> None:
    """What is inside it stands nowhere."""
    files = {
        "roles/r/meta/argument_specs.yml": NESTED,
        "inventory/group_vars/all.yml": "made: {zzz: 1, deep: {count: x}}\ntls: '{{ made }}'",
    }
    assert problems_of(files) == [
        "inventory/group_vars/all.yml:2:6: 'tls' of role 'r' has no option 'zzz' ['{{ made }}']",
        "inventory/group_vars/all.yml:2:6: 'tls.deep.count' of role 'r' must be a whole number, not 'x' "
        "['{{ made }}']",
    ]


def test_rules_between_the_variables_of_a_role_count_too() -> None:
    """They stand beside `options` of the entry point."""
    specs = """
    argument_specs:
      main:
        required_if: [[state, present, [path]]]
        mutually_exclusive: [a, b]
        options: {state: {}, path: {}, a: {}, b: {}}
    """
    files = {
        "roles/r/meta/argument_specs.yml": specs,
        "inventory/group_vars/all.yml": "state: present\na: 1\nb: 2",
    }
    assert [problem.partition(" (")[0] for problem in problems_of(files)] == [
        "inventory/group_vars/all.yml:1:8: role 'r' needs 'path', since 'state' is 'present' [present]",
        "inventory/group_vars/all.yml:3:4: 'a', 'b' of role 'r' exclude each other [2]",
    ]


ENTRIES = """
argument_specs:
  main: {options: {port: {type: int, required: true}}}
  extra: {options: {level: {type: int, required: true}}}
"""


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("include_role: {name: o, tasks_from: extra.yml}", "'level'"),
        ("import_role: {name: o, tasks_from: extra}", "'level'"),
        ("include_role: {name: o}", "'port'"),
        ("import_role: {name: o, tasks_from: other}", None),
        ("include_role: {name: o, rolespec_validate: false}", None),
    ],
)
def test_each_entry_point_has_its_own_options(statement: str, expected: str | None) -> None:
    """Those of the file of tasks that is included; none if the include says so."""
    files = {f"roles/o/tasks/{name}.yml": "[]" for name in ("main", "extra", "other")}
    files |= {"roles/o/meta/argument_specs.yml": ENTRIES, "roles/r/tasks/main.yml": f"- {statement}"}
    found = [problem.partition(" (")[0] for problem in problems_of(files)]
    wanted = [f"roles/r/tasks/main.yml:1:3: role 'o' needs the variable {expected}"] if expected else []
    assert [problem.partition(" [")[0] for problem in found] == wanted


def test_a_play_checks_the_variables_of_its_roles() -> None:
    """Before anything runs, with the parameters of the use."""
    files = {
        "site.yml": "- hosts: all\n  roles:\n    - {role: o, port: x}\n",
        "roles/o/tasks/main.yml": "[]",
        "roles/o/meta/argument_specs.yml": ENTRIES,
    }
    project = load(files, playbook="site.yml")
    with pytest.raises(InputError) as raised:
        project.compile(project.hosts(["h"])[0], FACTS, play=project.plays[0], turn=PlayTurn())
    assert [str(one) for one in raised.value.diagnostics] == [
        "site.yml:3:23: 'port' of role 'o' must be a whole number, not 'x'"
    ]


def test_declarations_may_stand_in_the_main_meta_file() -> None:
    """Under the key `argument_specs`; a file of their own wins."""
    meta = "argument_specs: {main: {options: {port: {type: int}}}}"
    variables = {"inventory/group_vars/all.yml": "port: x"}
    assert len(problems_of({"roles/r/meta/main.yml": meta, **variables})) == 1
    own = {"roles/r/meta/argument_specs.yml": "argument_specs: {main: {}}"}
    assert problems_of({"roles/r/meta/main.yml": meta, **variables, **own}) == []


def test_values_of_secret_options_are_never_quoted() -> None:
    """Neither in the message nor in the line that is shown with it, and they are masked from then on."""
    specs = "argument_specs: {main: {options: {pin: {type: int, no_log: true}}}}"
    files = {"roles/r/meta/argument_specs.yml": specs, "inventory/group_vars/all.yml": "pin: hunter-two"}
    assert problems_of(files) == [
        "inventory/group_vars/all.yml:1:6: 'pin' of role 'r' must be of type int []"
    ]
    graph = graph_of({**files, "inventory/group_vars/all.yml": "pin: 123456789"})
    assert "123456789" in graph.secrets


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("{a: {requird: true}}", "unknown key 'requird' [requird] (did you mean 'required'?)"),
        ("{a: {typ: int}}", "unknown key 'typ' [typ] (did you mean 'type'?)"),
        ("{a: {type: dict, options: {b: {type: in}}}}", "unknown type 'in' [in] (did you mean 'int'?)"),
        ("{a: 5}", "the declaration of 'a' must be a mapping, not 5 [5]"),
        (
            "{a: {type: dict, options: {b: {}}, required_by: {c: b}}}",
            "'c' is none of the options here [c]",
        ),
        (
            "{a: {type: dict, options: {b: {}}, required_if: [[b, 1]]}}",
            "an entry of 'required_if' must be [option, value, [options]], not a list [[]",
        ),
    ],
)
def test_mistakes_in_declarations_are_told(declared: str, expected: str) -> None:
    """At their place in the role, at any depth."""
    found = problems_of(
        {"roles/r/meta/argument_specs.yml": f"argument_specs: {{main: {{options: {declared}}}}}"}
    )
    assert [problem.partition(": ")[2] for problem in found] == [expected]
