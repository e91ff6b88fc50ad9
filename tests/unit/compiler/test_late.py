"""What is known only while a host is worked on: what each place sees of what tasks have set above it."""

from __future__ import annotations

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.agent.work import Done
from configurator.core.errors import InputError, TaskError
from configurator.modules.assert_ import Assert, AssertParams
from configurator.modules.params import parse
from tests.unit.compiler.playing import played
from tests.unit.compiler.projects import tasks_of

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


def test_a_loop_is_registered_round_by_round() -> None:
    """With skipped and failed rounds in their places, whether the loop is known beforehand or not."""
    tasks = """
        - {name: before, command: echo x, register: before}
        - name: each
          command: "{{ 'false' if item == 2 else 'echo ' ~ item }}"
          loop: ITEMS
          when: item != 3
          ignore_errors: true
          register: each
        - {name: seen, debug: {msg: "{{ each.results | map(attribute='stdout', default='-') | join(' ') }}"}}
        - {name: items, debug: {msg: "{{ each.results | map(attribute='item') | join(' ') }}"}}
        - {name: flags, debug: {msg: "{{ each.changed }} {{ each.failed }} {{ each.skipped }}"}}
        - name: one
          debug: {msg: "{{ item.item }} {{ item.failed }} {{ item.skipped | default(false) }}"}
          loop: "{{ each.results }}"
          loop_control: {label: "{{ item.item }}"}
        """
    for items in ("[1, 2, 3, 4]", '"{{ [1, 2, 3, 4] if before.changed else [] }}"'):
        play = played(tasks.replace("ITEMS", items))
        assert play.said == {
            "seen": "1  - 4",
            "items": "1 2 3 4",
            "flags": "True True False",
            "one (1)": "1 False False",
            "one (2)": "2 True False",
            "one (3)": "3 False True",
            "one (4)": "4 False False",
        }


def test_facts_that_hang_on_results_hang_on_each_other() -> None:
    """A chain of set_fact is worked out once its first link is known; an old value counts until then."""
    play = played(
        "- set_fact: {a: old, kept: kept}\n"
        + ASK
        + """
- {name: old, debug: {msg: "{{ a }}"}}
- set_fact: {a: "{{ asked.stdout }}", kept: "{{ asked.stdout }}"}
  when: asked.stdout == 'one'
- set_fact: {kept: never}
  when: asked.stdout == 'two'
- set_fact: {b: "{{ a }}!"}
- set_fact: {b: "{{ b }}?"}
- {name: new, debug: {msg: "{{ a }} {{ b }} {{ kept }}"}}
- set_fact: {list: "{{ list | default([]) + [item] }}"}
  loop: "{{ asked.stdout_lines + ['more'] }}"
- {name: list, debug: {msg: "{{ list | join(',') }}"}}
"""
    )
    assert play.said == {"old": "old", "new": "one one!? one", "list": "one,more"}


def test_a_role_that_is_included_late_brings_its_handlers() -> None:
    """They run once, at the end of the including role; so does one of the including role that is notified."""
    more = {
        "roles/one/tasks/main.yml": """
            - {name: inner, command: echo i, register: inner, notify: [inner handler, outer handler]}
            - {name: again, command: "echo {{ inner.stdout }}", notify: inner handler}
            """,
        "roles/one/defaults/main.yml": "word: default",
        "roles/one/handlers/main.yml": "- {name: inner handler, command: 'echo {{ word }}'}",
        "roles/r/handlers/main.yml": "- {name: outer handler, command: x}",
    }
    play = played(
        ASK
        + """
- include_role: {name: "{{ asked.stdout }}"}
  vars: {word: given}
- {name: below, command: echo below}
""",
        more,
    )
    assert sorted(play.taken) == ["again", "ask", "below", "inner", "inner handler", "outer handler"]
    handlers = [play.taken.index(name) for name in ("inner handler", "outer handler")]
    assert min(handlers) > play.taken.index("again")


def test_a_rescue_is_told_what_has_failed() -> None:
    """`ansible_failed_task` and `ansible_failed_result`, those of the block that it belongs to."""
    play = played("""
        - block:
            - {name: good, command: echo}
            - {name: bad, command: "false"}
            - {name: below, command: echo}
          rescue:
            - {name: why, debug: {msg: "{{ ansible_failed_task.name }} {{ ansible_failed_result.rc }}"}}
            - block:
                - {name: worse, command: "false"}
              rescue:
                - {name: inner, debug: {msg: "{{ ansible_failed_task.name }}"}}
            - {name: outer, debug: {msg: "{{ ansible_failed_task.name }}"}}
          always:
            - {name: always, command: echo}
        - {name: after, debug: {msg: "{{ ansible_failed_task is defined }}"}}
        """)
    assert play.said == {"why": "bad 1", "inner": "worse", "outer": "bad", "after": "False"}
    assert play.statuses["below"] == "skipped"
    assert play.of("bad")["rescued"] is True
    assert "always" in play.taken


def test_a_rescue_is_told_of_a_failure_of_what_was_put_off() -> None:
    """Of a task, of a round of a loop, of a task in a file; also where it could not even be worked out."""
    tell = """
          rescue:
            - name: N
              debug: {msg: "{{ ansible_failed_task.name }} {{ ansible_failed_task.action }} REST"}
        """
    rest = "{{ ansible_failed_result.rc }}"
    tasks = """
        - {name: ask, command: echo one, register: asked}
        - block:
            - {name: task, command: "false", when: asked.stdout == 'one'}
            - {name: below, command: x}
        """
    tasks += tell.replace("N", "a").replace("REST", rest)
    tasks += """
        - block:
            - {name: loop, command: "{{ item }}", loop: "{{ [asked.stdout, 'false'] }}"}
        """
    tasks += tell.replace("N", "b").replace("REST", rest)
    tasks += """
        - block:
            - include_tasks: "{{ asked.stdout }}.yml"
        """
    tasks += tell.replace("N", "c").replace("REST", rest)
    tasks += """
        - block:
            - {name: missing, command: "{{ asked.stdout ~ nothing }}"}
        """
    tasks += tell.replace("N", "d").replace("REST", "{{ ansible_failed_result.msg }}")
    more = {
        "roles/r/tasks/one.yml": """
            - {name: fine, command: x}
            - {name: inner, command: "false", when: asked.stdout == 'one'}
            - {name: never, command: x}
            """
    }
    said = played(tasks, more).said
    assert (said["a"], said["c"]) == ("task command 1", "inner command 1")
    assert said["b"].startswith("loop (")
    assert said["d"].startswith("missing command ")
    assert "'nothing' is not defined" in said["d"]


def test_what_decides_the_end_of_a_task_sees_its_own_result() -> None:
    """changed_when, failed_when and until; a failure that does not count is none, also for the variable."""
    play = played("""
        - {name: calm, command: echo x, register: v, changed_when: "'y' in v.stdout"}
        - {name: seen calm, debug: {msg: "{{ v.changed }}"}}
        - {name: fine, command: "false", register: v, failed_when: v.rc > 1}
        - {name: seen fine, debug: {msg: "{{ v.failed }} {{ v.rc }}"}}
        - {name: third, command: attempt, register: v, until: v.stdout | int >= 3, retries: 5, delay: 0}
        - {name: seen third, debug: {msg: "{{ v.stdout }} {{ v.attempts }}"}}
        - {name: bad, command: echo x, register: v, failed_when: v.stdout == 'x', ignore_errors: true}
        - {name: seen bad, debug: {msg: "{{ v is failed }}"}}
        - {name: never, command: attempt, register: v, until: false, retries: 2, delay: 0, ignore_errors: yes}
        - {name: seen never, debug: {msg: "{{ v.attempts }} {{ v.failed }}"}}
        """)
    assert play.said == {
        "seen calm": "False",
        "seen fine": "False 1",
        "seen third": "3 3",
        "seen bad": "True",
        "seen never": "3 True",
    }
    assert play.statuses["calm"] == "ok"
    assert play.statuses["fine"] == "ok"
    assert "failed_when: v.stdout == 'x'" in play.of("bad")["message"]


def test_a_task_is_asked_for_that_was_started_and_left_to_itself() -> None:
    """async_status stands for the end of its task; an unknown one is a problem."""
    play = played("""
        - {name: start, command: echo done, async: 60, poll: 0, register: job}
        - {name: started, debug: {msg: "{{ job.started }} {{ job.finished }}"}}
        - {name: wait, async_status: {jid: "{{ job.ansible_job_id }}"}, register: ended}
        - {name: ended, debug: {msg: "{{ ended.finished }} {{ ended.stdout }}"}}
        """)
    assert play.said == {"started": "1 0", "ended": "1 done"}


SELECTED = """
- {name: ask, command: echo one, register: asked, tags: always}
- {name: wanted, command: "x {{ asked.stdout }}", tags: want}
- {name: other, command: "x {{ asked.stdout }}", tags: no}
- {name: file, include_tasks: "{{ asked.stdout }}.yml", tags: want}
- {name: no file, include_tasks: "{{ asked.stdout }}.yml", tags: no}
"""
INSIDE = {"roles/r/tasks/one.yml": "- {name: in, command: x, tags: want}\n- {name: bare, command: x}\n"}


def test_tags_choose_among_tasks_that_are_known_late_too() -> None:
    """Also within a file that is included late: its tasks have their own tags."""
    assert played(SELECTED, INSIDE, tags=["want"]).taken == ["ask", "wanted", "in"]
    assert played(SELECTED, INSIDE, skip_tags=["want"]).taken == ["ask", "other", "bare"]


def test_only_chooses_among_tasks_that_are_known_late_too() -> None:
    """What tells their values must be chosen as well; else the variable is as undefined as with Ansible."""
    play = played(SELECTED, INSIDE, only=["command:ask", "command:wanted"])
    assert play.taken == ["ask", "wanted"]
    with pytest.raises(InputError, match="the variable 'asked' is not defined"):
        played(SELECTED, INSIDE, only=["command:wanted"])


LATE_HANDLERS = """
- {name: speaks, command: "say {{ asked.stdout }}", register: spoke}
- {name: tries, command: attempt, register: tried, until: tried.stdout == '2', delay: 0}
- {name: follows, command: x, listen: speaks, when: tried.stdout == '2' and spoke.changed}
"""


def test_handlers_that_hang_on_results_run_wherever_they_are_due() -> None:
    """At a flush, at the end of the role, and for a task of another role: each is the whole handler."""
    more = {
        "config.yaml": "site: [{hosts: all, roles: [r, other]}]",
        "roles/r/handlers/main.yml": LATE_HANDLERS,
        "roles/other/meta/main.yml": "requires: [r]",
        "roles/other/tasks/main.yml": "- {name: of another, command: x, notify: [speaks, tries]}\n",
    }
    handlers = ["speaks", "tries", "tries", "follows"]
    task = "- {name: first, command: x, notify: [speaks, tries]}\n"
    flush = "- meta: flush_handlers\n- {name: below, command: x}\n"
    play = played(ASK + task + flush, {**more, "config.yaml": "site: [{hosts: all, roles: [r]}]"})
    assert play.taken == ["ask", "first", *handlers, "below"]
    play = played(ASK + task + flush + task.replace("first", "second"), more)
    own = ["ask", "first", *handlers, "below", "second", *handlers, "of another"]
    assert play.taken[: len(own)] == own
    assert sorted(play.taken[len(own) :]) == sorted(handlers)


def test_late_handlers_of_two_uses_of_a_role_are_two() -> None:
    """They look alike as long as nobody knows what they do."""
    play = played(
        "- {name: t, command: 'x {{ who }}', notify: h}\n",
        {
            "config.yaml": """
                site:
                  - {hosts: all, roles: [{role: r, vars: {who: a}}, {role: r, vars: {who: b}}]}
                """,
            "roles/r/handlers/main.yml": "- {name: h, command: 'say {{ who }} {{ asked.stdout }}'}",
            "roles/r/meta/main.yml": "requires: [base]",
            "roles/base/tasks/main.yml": ASK,
        },
    )
    said = {spec.params["cmd"] for spec in play.specs.values() if spec.name == "h" and not spec.late}
    assert said == {"say a one", "say b one"}


def test_what_a_task_says_that_never_counts_as_changed_is_not_known_to_a_plan() -> None:
    """The usual way to ask a host something; a plan does not run it, and knows no answer."""
    tasks = """
    - {name: ask, command: echo 5, register: five, changed_when: false}
    - {name: fact, set_fact: {b: "{{ five.stdout | int + 1 }}"}}
    - {name: say, debug: {msg: "{{ b }}"}}
    - {name: hold, assert: {that: b == 6}}
    - {name: write, copy: {dest: /x, content: "{{ b }}"}}
    - {name: count, debug: {msg: "{{ b }}"}, changed_when: true}
    """
    planned = played(tasks, planning=True)
    assert planned.statuses == {
        "ask": "ok",
        "fact": "ok",
        "say": "ok",
        "hold": "changed",
        "write": "changed",
        "count": "changed",
    }
    assert planned.because("write") == planned.because("hold") == "'ask' has not run yet"
    told = {name: planned.of(name).get("unknown") for name in planned.statuses}
    assert told["ask"] == told["fact"] == told["say"] == "'ask' has not run yet"
    assert told["hold"] is told["write"] is told["count"] is None
    assert played(tasks).of("ask").get("unknown") is None


def test_a_task_that_is_put_off_is_named_after_what_it_is_about() -> None:
    """As any other task without a name; one that only the host can name keeps its module's."""
    tasks = tasks_of(
        ASK
        + """
- copy: {content: "{{ asked.stdout }}", dest: /etc/one}
- copy: {content: x, dest: "/etc/{{ asked.stdout }}"}
- file: {path: "/srv/{{ item }}", state: directory, mode: "{{ asked.stdout }}"}
  loop: [a, b]
- copy: {content: "{{ asked.stdout }}", dest: /etc/hidden}
  no_log: true
- apt: {name: nginx}
  when: asked.stdout == 'one'
- include_tasks: "{{ asked.stdout }}.yml"
"""
    )
    assert [task.name for task in tasks[1:]] == [
        "copy: /etc/one",
        "copy",
        "file",
        "copy",
        "apt: nginx",
        "include_tasks: {{ asked.stdout }}.yml",
    ]


def test_a_loop_in_which_nothing_is_done_says_so_when_it_is_registered() -> None:
    """Of an empty list it is skipped, as in Ansible; else the message says that all were skipped."""
    play = played("""
        - {command: "echo {{ item }}", loop: [], register: empty}
        - {command: "echo {{ item }}", loop: [1], when: false, register: left}
        - {name: seen, debug: {msg: "{{ empty is skipped }} {{ empty.skipped_reason }}, {{ left.msg }}"}}
        """)
    assert play.said == {"seen": "True No items in the list, All items skipped"}


def test_a_set_fact_registers_its_rounds_and_whether_it_was_skipped() -> None:
    """The result of a loop has one for each item; a false condition is a skipped one."""
    play = played("""
        - {set_fact: {"a_{{ item }}": "{{ item }}"}, loop: [x, y], when: item == 'x', register: loop}
        - {set_fact: {b: 1}, when: false, register: left}
        - {set_fact: {c: 1}, register: done}
        - name: seen
          debug:
            msg:
              - "{{ loop.results[0].ansible_facts }} {{ loop.results | map(attribute='item') | list }}"
              - "{{ loop.results[1] is skipped }} {{ loop is skipped }}"
              - "{{ left is skipped }} {{ done is skipped }} {{ done.ansible_facts }}"
        """)
    [said] = play.said.values()
    assert "{'a_x': 'x'} ['x', 'y']" in said
    assert "True False" in said
    assert "True False {'c': 1}" in said


def test_a_fact_that_is_left_out_is_not_set() -> None:
    """`omit` as the value of a set_fact: what the variable was before stays."""
    play = played("""
        - {set_fact: {a: "{{ nothing | default(omit) }}", b: 1}}
        - {name: seen, debug: {msg: "{{ a is defined }} {{ b }}"}}
        """)
    assert play.said == {"seen": "False 1"}


def test_a_command_that_failed_has_run_all_the_same() -> None:
    """`failed_when: false` leaves a change, as in Ansible, and so does `ignore_errors` in the result."""
    play = played(
        """
        - {name: forgiven, command: "false", failed_when: false, register: a}
        - {name: ignored, command: "false", ignore_errors: true, register: b}
        - {name: seen, debug: {msg: "{{ [a is changed, a is failed, b is changed, b is failed] }}"}}
        """,
        ends={"forgiven": _false, "ignored": _false},
    )
    assert play.statuses["forgiven"] == "changed"
    assert play.said == {"seen": "[True, False, True, True]"}


def _false(_spec: TaskSpec, _attempt: int) -> Done:
    raise TaskError("false ended with status 1", exit_status=1, outputs={"rc": 1})


def test_what_failed_when_has_decided_is_in_the_result() -> None:
    """Also where it did not fail; without a failed_when there is no such key."""
    play = played("""
        - {command: "echo {{ item }}", loop: [a, b], failed_when: false, register: loop}
        - {name: said, command: echo a, register: said, failed_when: said.stdout == 'b'}
        - {command: echo, register: plain}
        - {name: two, debug: {msg: "{{ loop.results | map(attribute='failed_when_result') | list }}"}}
        - {name: one, debug: {msg: "it {{ [said.failed_when_result, plain.failed_when_result is defined] }}"}}
        """)
    assert play.said == {"two": "[False, False]", "one": "it [False, False]"}


def test_a_rescue_is_told_what_an_assert_says_as_its_role_has_it() -> None:
    """The condition stands beside the message; people are shown both."""
    params = {"that": "1 == 2", "fail_msg": "no", "_false": "1 == 2"}
    found, problems = parse(AssertParams, params)
    assert not problems
    with pytest.raises(TaskError, match="no\n1 == 2: false") as caught:
        Assert().observe(None, found)  # type: ignore[arg-type]  # it looks at nothing
    assert caught.value.outputs == {"msg": "no", "assertion": "1 == 2", "evaluated_to": False}


def test_a_rescue_is_told_of_the_failure_that_it_is_for() -> None:
    """Not of one above it that was ignored, nor of one that a block inside has rescued."""
    play = played("""
        - block:
            - {name: ignored, command: "false", ignore_errors: true}
            - block:
                - {name: inner, command: "false"}
              rescue:
                - {name: mend, command: echo}
            - {name: bad, command: "false"}
          rescue:
            - {name: why, debug: {msg: "{{ ansible_failed_task.name }}"}}
        """)
    assert play.said == {"why": "bad"}
