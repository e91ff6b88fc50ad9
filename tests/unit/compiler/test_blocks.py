"""Blocks with a rescue, and blocks within a rescue: what a failure keeps from running, and what not."""

from __future__ import annotations

from tests.unit.compiler.playing import played
from tests.unit.compiler.projects import graph_of

NESTED = """
    - block:
        - {name: step, command: "true"}
        - {name: below, command: "true"}
      rescue:
        - name: inner
          block:
            - {name: inner step, command: "true"}
          rescue:
            - {name: inner rescue, command: "true"}
        - {name: behind, command: "true"}
      always:
        - {name: always, command: "true"}
    """


def test_tasks_of_unknown_effects_do_not_require_the_part_of_the_block_above() -> None:
    """A command below a command needs its success, but a rescue and an always only its end."""
    tasks = {spec.name: spec for spec in graph_of({"roles/r/tasks/main.yml": NESTED}).tasks}
    hard = {name: {found.partition(":")[2] for found in spec.requires} for name, spec in tasks.items()}
    assert hard["below"] == {"step"}
    assert hard["inner step"] == set()
    assert hard["inner rescue"] == set()
    assert hard["always"] == set()
    waited = {found.partition(":")[2] for found in tasks["inner rescue"].after}
    assert "inner step" in waited


def test_a_rescue_within_a_rescue_asks_for_a_failure_of_its_own_block() -> None:
    """A failure of the outer block alone does not run it."""
    tasks = {spec.name: spec for spec in graph_of({"roles/r/tasks/main.yml": NESTED}).tasks}
    own = [found.partition(":")[2] for found in tasks["inner rescue"].if_failed]
    outer = [found.partition(":")[2] for found in tasks["inner step"].if_failed]
    assert (own, outer) == (["inner step"], ["step", "below"])


def test_a_failure_in_a_file_that_is_included_late_ends_the_file() -> None:
    """As if its tasks stood in the block themselves, also in a file that it includes in turn."""
    more = {
        "roles/r/tasks/one.yml": """
            - {name: above, command: x}
            - include_tasks: "{{ asked.stdout }}-two.yml"
            - {name: below, command: x}
            - {name: said below, debug: {msg: x}}
            """,
        "roles/r/tasks/one-two.yml": """
            - {name: bad, command: "{{ 'false' if asked.stdout == 'one' }}"}
            - {name: within, debug: {msg: x}}
            """,
    }
    play = played(
        """
        - {name: ask, command: echo one, register: asked}
        - block:
            - include_tasks: "{{ asked.stdout }}.yml"
            - {name: behind, command: x}
          rescue:
            - {name: rescue, command: x}
        - {name: after, command: x}
        """,
        more,
    )
    assert play.taken == ["ask", "above", "bad", "rescue", "after"]
    assert {play.statuses[name] for name in ("within", "below", "said below", "behind")} == {"skipped"}


def test_what_is_set_below_a_failure_in_a_file_that_is_included_late_is_not_set() -> None:
    """A rescue sees what was set above it."""
    more = {
        "roles/r/tasks/one.yml": """
            - set_fact: {step: one}
            - {name: bad, command: "false"}
            - set_fact: {step: two}
            """
    }
    play = played(
        """
        - {name: ask, command: echo one, register: asked}
        - block:
            - include_tasks: "{{ asked.stdout }}.yml"
          rescue:
            - {name: rescue, debug: {msg: "{{ step }}"}}
        """,
        more,
    )
    assert play.said == {"rescue": "one"}
