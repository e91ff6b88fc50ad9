"""What a host says is never a template, wherever it is handed on to."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.compiler.playing import Play, output, project_of
from tests.unit.compiler.projects import FACTS

TASKS = """
- {name: ask, command: x, register: said}
- {set_fact: {fact: "{{ said.stdout }}", "made_{{ 'up' }}": "{{ said.stdout }}"}}
- {set_fact: {again: "{{ fact }}", list: ["{{ fact }}"], within: {key: "{{ fact }}"}}}
- {name: plain, debug: {msg: "{{ said.stdout }}"}}
- {name: fact, debug: {msg: "{{ fact }}"}}
- {name: again, debug: {msg: "{{ again }}"}}
- {name: list, debug: {msg: "{{ list[0] }}"}}
- {name: within, debug: {msg: "{{ within.key }}"}}
- {name: made, debug: {msg: "{{ made_up }}"}}
- {name: own, debug: {msg: "{{ own }}"}, vars: {own: "{{ fact }}"}}
- {name: inside, debug: {msg: "<{{ fact }}>"}}
- {name: lookup, debug: {msg: "{{ lookup('vars', 'fact') }}"}}
- {name: template, debug: {msg: "{{ lookup('template', 't.j2') }}"}}
- {name: loop, debug: {msg: "{{ item }}"}, loop: ["{{ fact }}"], loop_control: {label: x}}
- {name: result loop, debug: {msg: "{{ item.stdout }}"}, loop: ["{{ said }}"], loop_control: {label: x}}
- {name: condition, debug: {msg: "held"}, when: fact == said.stdout}
- {name: content, copy: {content: "{{ said.stdout }}", dest: /x}}
- {include_tasks: in.yml, vars: {given: "{{ fact }}"}}
- {name: judged, command: x, register: end, failed_when: end.stdout != said.stdout, changed_when: false}
"""
MORE = {
    "roles/r/templates/t.j2": "{{ fact }}",
    "roles/r/tasks/in.yml": "- {name: given, debug: {msg: '{{ given }}'}}",
}
MEANT = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", "1", "boom", "'", '"', " ", "\n", "{{ 1 + 1 }}", "\\"]
)
TEXTS = st.lists(MEANT | st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
@example("{{ 7 * 7 }}")
@example("{% raw %}")
@example("{{ lookup('pipe', 'touch pwned') }}")
@example("[1, 2]")
@example("yes")
@example("None")
@example("{'a': 1}")
def test_a_text_from_a_host_stays_what_it_is(text: str) -> None:
    """Through facts, variables, loops, templates, lookups and conditions; and a number stays text."""
    project = project_of(TASKS, MORE)
    graph = project.compile(project.hosts(["h"])[0], FACTS)

    def say(_spec: object, _attempt: int) -> object:
        return output(text)

    play = Play(graph, ends={"ask": say, "judged": say})  # type: ignore[dict-item]
    seen = {spec.name: spec.params.get("msg") for spec in play.specs.values() if not spec.late}
    names = ("plain", "fact", "again", "list", "within", "made", "own", "lookup", "given")
    assert {name: seen[name] for name in names} == dict.fromkeys(names, text)
    assert seen["inside"] == f"<{text}>"
    assert str(seen["template"]).rstrip("\n") == text.rstrip("\n")
    assert seen["loop (x)"] == seen["result loop (x)"] == text
    assert play.statuses["condition"] == "ok"
    assert play.statuses["judged"] == "ok"
    [content] = [
        spec.params["content"] for spec in play.specs.values() if spec.module == "copy" and not spec.late
    ]
    assert content == text
