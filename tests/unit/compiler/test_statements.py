"""debug, assert, fail, set_fact, pause: what the compiler makes of them for a host."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.modules import registry
from configurator.modules.params import parse
from tests.unit.compiler.projects import commands_of, problems_of, role_problems, tasks_of

FACTS = {
    "distribution": "Debian",
    "memtotal_mb": 900,
    "hostname": "h",
    "evil": "{{ 1 / 0 }}",
    "yes": "1 == 1",
}


def told(task: str, **options: Any) -> tuple[dict[str, Any], str]:
    """What the only task would return and say."""
    spec = tasks_of(task, facts=FACTS, **options)[0]
    module = registry.get(spec.module)
    params, problems = parse(module.params, spec.params)
    assert not problems
    outputs = module.outputs(params, {})
    return outputs, module.says(params, outputs)


def failed(task: str) -> str | None:
    """The condition for which the only task fails."""
    params = tasks_of(task, facts=FACTS)[0].params
    return params.get("_false")


@pytest.mark.parametrize(
    ("task", "outputs", "says"),
    [
        ("debug: {msg: 'on {{ ansible_distribution }}'}", {"msg": "on Debian"}, "on Debian"),
        ("debug:", {"msg": "Hello world!"}, "Hello world!"),
        ("debug: msg='free form {{ 1 + 1 }}'", {"msg": "free form 2"}, "free form 2"),
        ("debug: {msg: [one, two]}", {"msg": ["one", "two"]}, "one\ntwo"),
        ("debug: {msg: {a: 1}}", {"msg": {"a": 1}}, '{\n  "a": 1\n}'),
        ("debug: {var: ansible_memtotal_mb}", {"ansible_memtotal_mb": 900}, "ansible_memtotal_mb: 900"),
        ("debug: var=ansible_facts.hostname", {"ansible_facts.hostname": "h"}, "ansible_facts.hostname: h"),
        ("debug: {var: 'ansible_memtotal_mb // 100'}", {"ansible_memtotal_mb // 100": 9}, None),
        ("debug: {var: nothing}\n  vars: {nothing: null}", {"nothing": None}, "nothing: null"),
        ("debug: {var: no.such.thing}", {"no.such.thing": "VARIABLE IS NOT DEFINED!"}, None),
        ("debug: {var: listed}\n  vars: {listed: [{a: 1}]}", {"listed": [{"a": 1}]}, None),
    ],
)
def test_debug_says_what_it_was_asked_for(task: str, outputs: dict[str, Any], says: str | None) -> None:
    """Messages of any shape, and variables by name or expression, undefined ones in Ansible's words."""
    found = told(f"- {task}")
    assert found[0] == outputs
    assert says is None or found[1] == says


def test_what_a_host_has_said_is_never_evaluated() -> None:
    """A fact that looks like a template or a condition is a text, also in the second reading of `var`."""
    assert told("- debug: {var: ansible_evil}")[0] == {"ansible_evil": "{{ 1 / 0 }}"}
    assert told("- debug: {msg: '{{ ansible_evil }}'}")[0] == {"msg": "{{ 1 / 0 }}"}
    assert failed("- assert: {that: ['{{ ansible_yes }}']}") is None  # a text that is not empty, as in `when`
    found = problems_of(
        {"roles/r/tasks/main.yml": "- assert: {that: '{{ [ansible_yes] }}'}"}, facts=FACTS, host="h"
    )
    assert len(found) == 1
    assert "is not taken for a condition" in found[0]


def test_a_debug_for_vv_is_skipped_below() -> None:
    """`verbosity: 2` means -vv; the skip says what would show it."""
    task = "- debug: {msg: hi, verbosity: 2}"
    assert [spec.skip for spec in tasks_of(task)] == ["-vv"]
    assert [spec.skip for spec in tasks_of(task, verbosity=1)] == ["-vv"]
    assert [spec.skip for spec in tasks_of(task, verbosity=2)] == [None]


@pytest.mark.parametrize(
    ("that", "false"),
    [
        ("ansible_memtotal_mb > 100", None),
        ("[ansible_memtotal_mb > 100, ansible_memtotal_mb > 1000]", "ansible_memtotal_mb > 1000"),
        ("'{{ ansible_memtotal_mb > 1000 }}'", "{{ ansible_memtotal_mb > 1000 }}"),
        ("'{{ [true, false] }}'", "{{ [true, false] }}"),
        ("'{{ [true] }}'", None),
        ("false", "False"),
        ("[no_such is not defined, ansible_distribution == 'Debian']", None),
        ("no_such is defined", "no_such is defined"),
    ],
)
def test_assert_names_the_first_condition_that_is_false(that: str, false: str | None) -> None:
    """Conditions as in `when`, one or many, with or without braces."""
    assert failed(f"- assert: {{that: {that}}}") == false


def test_an_assert_of_several_conditions_is_not_called_after_one_of_them() -> None:
    """Its name would read as what has failed."""
    names = [spec.name for spec in tasks_of("- assert: {that: 1 == 1}\n- assert: {that: [1 == 1, 1 == 2]}")]
    assert names == ["assert: 1 == 1", "assert: 2 conditions"]


def test_assert_shows_the_values_in_the_condition() -> None:
    """Not whole mappings of which a part is meant, not functions; and what is not defined."""
    spec = tasks_of(
        """
        - assert:
            that: x.a['b'] == limit and ansible_hostname.startswith('w') and nope is defined
            fail_msg: no
          vars: {x: {a: {b: 3}}, limit: 3}
        """,
        facts=FACTS,
    )[0]
    assert spec.params["_values"] == {
        "x.a['b']": 3,
        "limit": 3,
        "ansible_hostname": "h",
        "nope": "not defined",
    }


def test_only_a_condition_that_is_false_holds_what_is_below() -> None:
    """An assert that holds must cost no concurrency; one that does not keeps its role from going on."""

    def held(tasks: str) -> bool:
        specs = tasks_of(tasks)
        return specs[0].id in specs[-1].requires

    below = "- file: {path: /srv/x, state: directory}"
    assert not held(f"- assert: {{that: 1 == 1}}\n{below}")
    assert not held(f"- debug:\n{below}")
    assert held(f"- assert: {{that: 1 == 2}}\n{below}")
    assert held(f"- fail: {{msg: stop}}\n{below}")
    assert held(f"- pause: {{seconds: 1}}\n{below}")
    assert not held(f"- fail: {{msg: stop}}\n  when: false\n{below}")


def test_nobody_has_to_become_somebody_for_words() -> None:
    """A block with `become_user` may hold a debug; that user need not exist yet."""
    specs = tasks_of(
        """
        - become_user: www-data
          block:
            - debug:
            - command: id
        """
    )
    assert [spec.become_user for spec in specs] == [None, "www-data"]


def test_set_fact_takes_cacheable_and_no_other_word_for_it() -> None:
    """`cacheable` is no variable, in a mapping as in free form."""
    task = "- set_fact: {a: 1, cacheable: true}\n- debug: {msg: '{{ a }} {{ cacheable is defined }}'}"
    assert tasks_of(task)[0].params["msg"] == "1 False"
    task = "- set_fact: a=1 cacheable=yes\n- debug: {msg: '{{ a }} {{ cacheable is defined }}'}"
    assert tasks_of(task)[0].params["msg"] == "1 False"
    assert "'cacheable' must be true or false" in role_problems("- set_fact: {a: 1, cacheable: maybe}")[0]


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("- assert: {that: 'a =='}", "bad template"),
        ("- assert: {that: [1 == 1, 'a | nofilter']}", "unknown filter 'nofilter'"),
        ("- debug: {var: 'a b'}", "an expression ends before this"),
        ("- assert: {msg: x}", "missing required parameter 'that'"),
        ("- assert: {that: [[1]]}", "a condition must be an expression"),
        ("- debug: {msg: '{{ later.stdout }}'}", "the variable 'later' is not defined"),
        ("- assert: {that: later.rc == 0}", "the variable 'later' is not defined"),
        ("- pause: {seconds: 1, minutes: 1}", "exclude each other"),
        ("- pause: {seconds: -1}", "must be 0 or more"),
        ("- fail: {message: x}", "unknown parameter 'message'"),
    ],
)
def test_what_cannot_be_decided_is_said_with_its_place(task: str, problem: str) -> None:
    """Syntax offline, the rest before anything is done on the host."""
    found = role_problems(task)
    assert any(problem in text and text[0].isdigit() for text in found), found


def test_an_include_names_its_file_as_a_parameter_too() -> None:
    """`include_tasks: file=more.yml` is what modules' parameters look like in one line."""
    more = {"roles/r/tasks/more.yml": "- command: 'echo {{ a }}'\n"}
    assert commands_of("- {include_tasks: file=more.yml, vars: {a: 1}}\n", more) == ["echo 1"]
