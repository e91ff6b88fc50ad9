"""What is known only while a host is worked on: what each place sees of what tasks have set above it."""

from __future__ import annotations

from tests.unit.compiler.playing import played

ASK = "- {name: ask, command: echo one, register: asked}\n"


def test_a_variable_that_is_registered_again_is_what_was_registered_last_above() -> None:
    """Each reader sees its own; a task in between is not told the later value."""
    play = played("""
        - {command: echo 1, register: it}
        - {name: first, debug: {msg: "{{ it.stdout }}"}}
        - {command: echo 2, register: it}
        - {name: second, debug: {msg: "{{ it.stdout }}"}}
        - {command: echo 3, register: it, when: it.stdout == '2'}
        - {name: third, debug: {msg: "{{ it.stdout }}"}}
        - {command: echo 4, register: it, when: it.stdout == '2'}
        - {name: fourth, debug: {msg: "{{ it.skipped }}"}}
        """)
    assert play.said == {"first": "1", "second": "2", "third": "3", "fourth": "True"}


def test_an_unknown_file_of_variables_wins_over_defaults_and_other_files() -> None:
    """A name that has a value already may get another one: none is settled before the file is known."""
    more = {
        "roles/r/defaults/main.yml": "{a: default, b: default, c: default, l: [0], m: {k: 0}, d: '{{ a }}'}",
        "roles/r/vars/one.yml": "{a: file, b: '{{ a }}!', l: [1, '{{ a }}'], m: {k: '{{ a }}'}, fact: file}",
        "roles/r/vars/first.yml": "{b: first}",
    }
    play = played(
        "- include_vars: first.yml\n- set_fact: {fact: set}\n"
        + ASK
        + """
- include_vars: "{{ asked.stdout }}.yml"
- {name: seen, debug: {msg: "{{ a }} {{ b }} {{ c }} {{ d }} {{ fact }}"}}
- {name: nested, debug: {msg: "{{ l[1] }} {{ m.k }} {{ l | length }}"}}
- {name: low, debug: {msg: "{{ own }}"}, vars: {own: "{{ a }}"}}
""",
        more,
    )
    assert play.said == {"seen": "file file! default file set", "nested": "file file 2", "low": "file"}


def test_an_unknown_file_of_tasks_may_set_again_what_was_set_above() -> None:
    """And what is set below it is certain again."""
    more = {"roles/r/tasks/one.yml": "- set_fact: {a: inside, b: inside}\n"}
    play = played(
        "- set_fact: {a: above, b: above, c: above}\n"
        + ASK
        + """
- include_tasks: "{{ asked.stdout }}.yml"
- set_fact: {b: below}
- {name: seen, debug: {msg: "{{ a }} {{ b }} {{ c }}"}}
""",
        more,
    )
    assert play.said == {"seen": "inside below above"}


def test_a_file_that_is_put_off_twice_tells_those_below_what_it_has_set() -> None:
    """An unknown file in an unknown file: also its facts and results are seen, within and below."""
    more = {
        "roles/r/tasks/one.yml": """
            - {name: ask again, command: echo two, register: again}
            - include_tasks: "{{ again.stdout }}.yml"
            - {name: within, debug: {msg: "{{ deep }} {{ found.stdout }}"}}
            """,
        "roles/r/tasks/two.yml": """
            - {command: echo three, register: found}
            - {set_fact: {deep: "{{ found.stdout }}!"}}
            """,
    }
    play = played(
        ASK
        + """
- include_tasks: "{{ asked.stdout }}.yml"
- {name: below, debug: {msg: "{{ deep }} {{ found.stdout }}"}}
""",
        more,
    )
    assert play.said == {"within": "three! three", "below": "three! three"}


def test_a_role_may_end_early_and_others_go_on() -> None:
    """`end_role` ends its role but for the handlers, `end_host` everything, `reset_connection` nothing."""
    more = {
        "config.yaml": "site: [{hosts: all, roles: [r, other]}]",
        "roles/other/meta/main.yml": "requires: [r]",
        "roles/other/tasks/main.yml": "- {name: other, command: x}",
        "roles/r/handlers/main.yml": "- {name: handler, command: x}",
    }
    tasks = "- {{name: above, command: x, notify: handler}}\n- meta: {}\n- {{name: below, command: x}}\n"
    ended = {action: played(tasks.format(action), more) for action in ("end_role", "end_host", "end_play")}
    assert ended["end_role"].taken == ["above", "handler", "other"]
    assert ended["end_role"].of("below")["cause"] == "meta: end_role"
    assert ended["end_host"].taken == ended["end_play"].taken == ["above"]
    assert played(tasks.format("reset_connection"), more).taken == ["above", "below", "handler", "other"]


def test_an_end_may_hang_on_a_result() -> None:
    """A `meta` that is put off ends the host only where its condition holds."""
    tasks = ASK + "- {meta: end_host, when: asked.stdout == WORD}\n- {name: below, command: x}\n"
    assert played(tasks.replace("WORD", "'one'")).taken == ["ask"]
    assert played(tasks.replace("WORD", "'two'")).taken == ["ask", "below"]
