"""Variables that are set in a block with a rescue or an always: they are, only if the run comes to that."""

from __future__ import annotations

from tests.unit.compiler.playing import played

RESCUED = """
- block:
    - {name: step, command: STEP}
  rescue:
    - SETS
- {name: seen, debug: {msg: "{{ color | default('none') }}"}}
- {name: only then, command: x, when: color | default('none') == 'blue'}
"""
FILES = {"roles/r/vars/blue.yml": "color: blue\n"}
WAYS = ("set_fact: {color: blue}", "include_vars: blue.yml", "include_vars: {dir: '', files_matching: blue}")


def test_a_rescue_that_does_not_run_sets_nothing() -> None:
    """Neither facts nor variables of a file, in a plan and in an apply; one that runs sets them."""
    for way in WAYS:
        tasks = RESCUED.replace("SETS", way)
        for planning in (False, True):
            play = played(tasks.replace("STEP", "x"), FILES, planning=planning)
            assert play.said == {"seen": "none"}
            assert play.statuses["only then"] == "skipped"
        play = played(tasks.replace("STEP", '"false"'), FILES)
        assert play.said == {"seen": "blue"}
        assert "only then" in play.taken


def test_variables_of_a_file_that_was_not_read_leave_others_as_they_were() -> None:
    """What wins over them wins still, and what a role says of itself counts again."""
    more = {**FILES, "roles/r/defaults/main.yml": "{color: red, other: known}"}
    tasks = RESCUED.replace("SETS", "include_vars: blue.yml")
    other = "- {name: other, command: 'x {{ other }}'}\n"
    play = played(tasks.replace("STEP", "x") + other, more)
    assert play.said == {"seen": "red"}
    assert not next(spec for spec in play.graph.tasks if spec.name == "other").late
    play = played("- set_fact: {color: green}\n" + tasks.replace("STEP", '"false"'), more)
    assert play.said == {"seen": "green"}


STEPS = """
- block:
    - set_fact: {step: one}
    - {name: does, command: DOES}
    - set_fact: {step: two}
      register: told
    - {name: within, debug: {msg: "{{ step }}"}}
    - {name: notes, command: x, notify: "{{ step }}"}
  rescue:
    - {name: rescue, debug: {msg: "failed at {{ step }} {{ told is defined }}"}}
    - set_fact: {step: "{{ step }} and back"}
    - {name: back, debug: {msg: "{{ step }}"}}
  always:
    - {name: always, debug: {msg: "{{ step }}"}}
- {name: after, debug: {msg: "{{ step }}"}}
"""
HANDLER = {"roles/r/handlers/main.yml": "- {name: two, command: x}\n"}


def test_a_rescue_sees_what_was_set_above_the_failure() -> None:
    """And not what stands below it, which was not done."""
    play = played(STEPS.replace("DOES", '"false"'), HANDLER)
    back = "one and back"
    assert play.said == {"rescue": "failed at one False", "back": back, "always": back, "after": back}


def test_what_is_set_below_something_that_has_not_failed_counts() -> None:
    """Within the block it is known before the run, also for what must be known then."""
    for planning in (False, True):
        play = played(STEPS.replace("DOES", "x"), HANDLER, planning=planning)
        assert play.said == {"within": "two", "always": "two", "after": "two"}
        assert "two" in play.taken
        late = {spec.name: spec.late for spec in play.graph.tasks}
        assert (late["within"], late["always"], late["after"]) == (False, True, True)


def test_an_always_may_have_to_do_without_what_its_block_sets() -> None:
    """What is behind the block and speaks of it does not run then."""
    tasks = """
        - block:
            - {name: does, command: DOES}
            - set_fact: {step: two}
          always:
            - {name: always, debug: {msg: "{{ step | default('none') }}"}}
            - set_fact: {cleaned: true}
        - {name: after, debug: {msg: "{{ step }} {{ cleaned }}"}}
        """
    assert played(tasks.replace("DOES", '"false"')).said == {"always": "none"}
    assert played(tasks.replace("DOES", "x")).said == {"always": "two", "after": "two True"}


def test_blocks_within_blocks_tell_apart_what_was_done() -> None:
    """What an inner always has set holds in the outer rescue, and nothing that was passed over."""
    tasks = """
        - block:
            - block:
                - {name: first, command: x}
                - set_fact: {step: one}
                - {name: does, command: DOES}
                - set_fact: {step: two}
              always:
                - {name: always, debug: {msg: "{{ step }}"}}
                - set_fact: {cleaned: true}
            - set_fact: {step: three}
            - block:
                - set_fact: {step: four}
          rescue:
            - {name: rescue, debug: {msg: "{{ step }} {{ cleaned }}"}}
            - block:
                - {name: fine, command: x}
              rescue:
                - set_fact: {step: never}
        - {name: after, debug: {msg: "{{ step }} {{ cleaned }}"}}
        """
    play = played(tasks.replace("DOES", '"false"'))
    assert play.said == {"always": "one", "rescue": "one True", "after": "one True"}
    assert played(tasks.replace("DOES", "x")).said == {"always": "two", "after": "four True"}


def test_a_plan_that_does_not_know_whether_a_block_fails_does_not_know_what_its_rescue_sets() -> None:
    """It is neither set nor missing, then; an apply finds out."""
    tasks = """
        - {name: ask, command: echo WORD, register: asked}
        - block:
            - {name: maybe, command: "{{ asked.stdout }}"}
          rescue:
            - set_fact: {down: true}
        - {name: after, command: x, when: down | default(false)}
        """
    assert played(tasks, planning=True).because("after") == "'ask' has not run yet"
    assert "after" in played(tasks.replace("WORD", "false")).taken
    assert "after" not in played(tasks.replace("WORD", "good")).taken


def test_a_rescue_of_a_block_that_has_nothing_to_do_does_not_run() -> None:
    """Where a block only sets variables, or none of its tasks is chosen, nothing of it can fail."""
    tasks = """
        - block:
            - set_fact: {step: one}
            - {name: other, command: x, tags: other}
          rescue:
            - {name: never, command: x}
            - set_fact: {step: never}
        - {name: after, debug: {msg: "{{ step }}"}}
        """
    play = played(tasks, skip_tags=["other"])
    assert (play.taken, play.said) == (["after"], {"after": "one"})


def test_facts_outside_of_such_blocks_are_known_beforehand() -> None:
    """A failure ends the role there, or is ignored."""
    play = played("""
        - {name: bad, command: "false", ignore_errors: true}
        - set_fact: {step: one}
        - block:
            - {name: good, command: x}
            - set_fact: {step: "{{ step }} two"}
        - {name: after, debug: {msg: "{{ step }}"}}
        """)
    assert play.said == {"after": "one two"}
    assert not any(spec.late for spec in play.graph.tasks)
