"""What a plan knows of results that only an apply has, and that it says so of everything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.agent.work import Done
from configurator.compiler.results import LateUnknownError, PartlyKnown
from configurator.core.changes import Certainty, FieldChange
from tests.unit.compiler.playing import Play, output, played, project_of
from tests.unit.compiler.projects import FACTS

RUN = "- {name: run, command: echo hello, register: said}\n"
# Expressions about a result of which a plan knows that it has changed something and not failed.
UNKNOWN = (
    "said.stdout",
    "said['stdout']",
    "said.stdout_lines",
    "said.get('stdout')",
    "said.get('stdout', 'x')",
    "said.stdout is defined",
    "said.stdout | default('x')",
    "(said | default({})).stdout",
    "'stdout' in said",
    "said.rc == 0",
    "said | to_json",
    "said | to_nice_yaml",
    "said | string",
    "said | length",
    "said | list",
    "said | dict2items",
    "said | combine({'a': 1})",
    "said.items() | list",
    "said.keys() | list",
    "said.values() | list",
    "said == {}",
    "said ~ ''",
    "said",
    "[said] | map(attribute='stdout') | list",
    "[said] | selectattr('rc', 'eq', 0) | list",
    "dict(said)",
    "lookup('vars', 'said').stdout",
    "copied.stdout",
    "copied.changed",
    "late_fact",
    "said.stdout if said.changed else ''",
    "said.skipped",
    "said is skipped",
)
KNOWN = (
    ("said.changed", "True"),
    ("said.failed", "False"),
    ("said is changed", "True"),
    ("said is failed", "False"),
    ("said is succeeded", "True"),
    ("said is defined", "True"),
    ("said is mapping", "True"),
    ("'changed' in said", "True"),
    ("said.stdout if not said.changed else 'short'", "short"),
    ("said and 'yes'", "yes"),
)
FACT = "- {set_fact: {late_fact: '{{ said.stdout }}'}}\n"
COPY = "- {set_fact: {copied: '{{ said }}'}}\n"


def planned(expression: str) -> Play:
    task = f'- {{name: seen, debug: {{msg: "{{{{ {expression} }}}}"}}}}\n'
    return played(RUN + FACT + COPY + task, planning=True)


def test_nobody_knows_how_often_something_will_be_tried() -> None:
    """Also not the task itself, for whether it counts as changed; one that runs in a plan has been tried."""
    tasks = """
        - name: tried
          command: attempt
          register: tried
          until: tried.rc == 0
          retries: 3
          delay: 0
          changed_when: tried.attempts > 1
          MODE
        - {name: seen, debug: {msg: "{{ tried.attempts }}"}}
        - {name: hangs, command: x, when: tried.attempts > 1}
        """
    play = played(tasks.replace("MODE", ""), planning=True)
    assert play.because("tried") == play.because("hangs") == "'tried' has not run yet"
    assert play.said == {}
    play = played(tasks.replace("MODE", "check_mode: false"), planning=True)
    assert play.said == {"seen": "1"}
    assert (play.statuses["tried"], play.statuses["hangs"]) == ("ok", "skipped")


@pytest.mark.parametrize("expression", UNKNOWN)
def test_whatever_speaks_of_what_is_not_known_is_unknown(expression: str) -> None:
    """By every way to a value: none of them may come out as empty, undefined or a default."""
    assert planned(expression).because("seen") == "'run' has not run yet"


@pytest.mark.parametrize(("expression", "shown"), KNOWN)
def test_what_a_plan_knows_of_a_result_it_says(expression: str, shown: str) -> None:
    """That a command will change something is known before it has run."""
    assert planned(expression).said["seen"] == shown


def test_a_condition_that_does_not_need_the_unknown_is_settled() -> None:
    """`and` and `or` look at what they must; the rest stays unknown, and what hangs on that, too."""
    play = played(
        RUN
        + """
- {name: false one, command: x, when: not said.changed and said.stdout == 'x'}
- {name: true one, command: x, when: said.changed or said.stdout == 'x'}
- {name: unknown, command: x, when: said.stdout == 'x', register: next}
- {name: next, command: x, when: next.changed}
- {name: list, command: x, when: [said.stdout == 'x', false]}
- {name: included, include_tasks: "{{ said.stdout }}.yml"}
- {name: of the include, command: "x {{ anything }}"}
""",
        planning=True,
    )
    assert play.statuses["false one"] == "skipped"
    assert play.because("true one") is None
    assert play.statuses["list"] == "skipped"
    for name in ("unknown", "next", "included", "of the include"):
        assert play.because(name) == "'run' has not run yet", name


def test_a_loop_over_what_is_not_known_is_one_unknown_task() -> None:
    """And a loop of which the items are known has its rounds, the parameters of which are not."""
    play = played(
        RUN
        + """
- {name: whole, command: "x {{ item }}", loop: "{{ said.stdout_lines }}", register: whole}
- {name: rounds, command: "x {{ item }}{{ said.stdout }}", loop: [1, 2]}
- {name: results, debug: {msg: "{{ whole.results | length }}"}}
- {name: known, command: "x {{ item }}", loop: [1, 2], register: known}
- {name: count, debug: {msg: "{{ known.results | length }} {{ known.changed }}"}}
- {name: outputs, debug: {msg: "{{ known.results | map(attribute='stdout') | list }}"}}
""",
        planning=True,
    )
    for name in ("whole", "rounds", "results"):
        assert play.because(name) == "'run' has not run yet", name
    assert play.said["count"] == "2 True"
    assert play.because("outputs") == "'known (1)' has not run yet"


def test_what_rests_on_an_assumption_carries_it_on() -> None:
    """The doubt of a result is that of all that its tasks decide, however far."""

    def assumed(_spec: TaskSpec, _attempt: int) -> Done:
        return output("x", changed=False)

    play = played(
        """
        - {name: run, command: echo, register: said}
        - {name: sure, command: echo, register: sure}
        - {name: first, command: x, when: said.changed, register: first}
        - {name: free, command: x, when: sure.changed}
        """,
        planning=True,
        doubtful={"run": "the moon is full"},
        ends={"run": assumed},
    )
    doubts = {spec.name: spec.doubt for spec in play.specs.values() if spec.name in ("first", "free")}
    assert {name: doubt for name, doubt in doubts.items() if doubt} == {"first": "the moon is full"}


def test_what_really_runs_in_a_plan_is_known() -> None:
    """`check_mode: false`: its output decides as in an apply."""
    play = played(
        """
        - {name: run, command: echo hello, register: said, check_mode: false, changed_when: false}
        - {name: seen, debug: {msg: "{{ said.stdout }} {{ said.changed }}"}}
        """,
        planning=True,
    )
    assert play.said["seen"] == "hello False"


def test_what_cannot_be_judged_in_a_plan_is_unknown_and_nothing_is_tried_again() -> None:
    """`changed_when` of an output that is not there yet; `until` is left alone."""
    play = played(
        """
        - {name: changed, command: x, register: v, changed_when: "'a' in v.stdout"}
        - {name: failed, command: x, register: v, failed_when: v.rc > 1}
        - {name: until, command: x, register: v, until: v.rc == 0, retries: 5, delay: 0}
        - {name: constant, command: x, register: v, changed_when: false}
        - {name: seen, debug: {msg: "{{ v.changed }}"}}
        """,
        planning=True,
    )
    assert play.because("changed") == "it has not run yet" or play.because("changed")
    assert play.because("failed")
    assert play.because("until") is None
    assert play.taken.count("until") == 1
    assert play.said["seen"] == "False"


def test_ids_are_the_same_in_a_plan_and_in_an_apply_of_one_graph() -> None:
    """A confirmed plan is held against the apply by ids, also those of tasks known late."""
    tasks = """
        - {name: ask, command: echo one, register: asked, check_mode: false}
        - {include_tasks: "{{ asked.stdout }}.yml"}
        - {name: each, command: "x {{ item }}", loop: "{{ asked.stdout_lines }}"}
        - {name: same, command: x, when: asked.changed}
        - {name: same, command: y, when: asked.changed}
        """
    inner = "- {name: same, command: x}\n- {name: same, command: '{{ inner.rc }}', vars: {inner: {rc: 1}}}\n"
    project = project_of(tasks, {"roles/r/tasks/one.yml": inner})
    graph = project.compile(project.hosts(["h"])[0], FACTS)
    ids = [sorted(Play(graph, planning=planning).specs) for planning in (True, False, True)]
    assert ids[0] == ids[1] == ids[2]
    assert len(ids[0]) == len(set(ids[0])) == 1 + 1 + 2 + 1 + 1 + 2 + 2


USES: tuple[Callable[[Any], object], ...] = (
    dict,
    list,
    len,
    iter,
    sorted,
    reversed,
    str,
    repr,
    copy.copy,
    copy.deepcopy,
    json.dumps,
    lambda it: {**it},
    lambda it: it | {},
    lambda it: {} | it,
    lambda it: it == {},
    lambda it: it != {"changed": True},
    lambda it: it.copy(),
    lambda it: it.pop("stdout", None),
    lambda it: f"{it}",
    lambda it: "stdout" in it,
)


@pytest.mark.parametrize("number", range(len(USES)))
def test_partly_known_values_are_never_copied_by_half(number: int) -> None:
    """The ways around the mapping's methods that Python has."""
    with pytest.raises(LateUnknownError):
        USES[number](PartlyKnown({"changed": True}, "why"))


def test_a_change_that_is_unknown_leaves_also_its_flag_unknown() -> None:
    """A module that cannot foretell whether it would change something."""

    def unknown(_spec: TaskSpec, _attempt: int) -> Done:
        return Done((FieldChange("x:y", "z", None, None, Certainty.UNKNOWN, "nobody knows"),))

    play = played(
        """
        - {name: ask, debug: {msg: x}, register: said}
        - {name: seen, debug: {msg: "{{ said.changed }}"}}
        """,
        planning=True,
        ends={"ask": unknown},
    )
    assert play.because("seen") == "nobody knows"
