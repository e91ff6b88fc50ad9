"""Variables: precedence, laziness, native types, and what a role can see."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.protocol import HostGraph
from configurator.compiler.scope import FactStore, Ready, Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.compiler.values import OMIT
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located, LocatedMap, locate
from configurator.config.yamlsource import parse_yaml
from tests.unit.compiler.projects import FACTS, commands_of, graph_of, load, problems_of

ENGINE = Engine()


def scope_of(text: str, facts: FactStore | None = None) -> Scope:
    problems = Diagnostics()
    value = parse_yaml(text, "v.yml", problems)
    assert isinstance(value, LocatedMap)
    assert not problems.sorted()
    return Scope(ENGINE, value.entries, {"omit": Ready(OMIT)}, facts)


def value_of(expression: str, variables: Mapping[str, Any] | None = None) -> Any:
    span = Span("v.yml", 1, 1)
    low: dict[str, Located] = {name: locate(value, span) for name, value in (variables or {}).items()}
    return Scope(ENGINE, low, {"omit": Ready(OMIT)}).value(locate(expression, span))


LAYERS: dict[str, str] = {
    "roles/r/defaults/main.yml": "{}",
    "inventory/group_vars/all.yml": "{}",
    "inventory/group_vars/parent.yml": "{}",
    "inventory/group_vars/child.yml": "{}",
    "inventory/host_vars/h.yml": "{}",
    "entry": "{}",
    "roles/r/vars/main.yml": "{}",
    "use": "{}",
    "task": "{}",
    "set_fact": "{}",
    "extra": "{}",
}


@pytest.mark.parametrize("strongest", range(len(LAYERS)))
def test_each_place_wins_over_all_weaker_ones(strongest: int) -> None:
    """Role defaults < group_vars < host_vars < entry < role vars < its use < task < set_fact < extra."""
    names = list(LAYERS)[: strongest + 1]
    files = {name: f"who: {name}\n" for name in names if "/" in name}
    files["inventory/hosts.yml"] = "all: {children: {parent: {children: {child: {hosts: {h: }}}}}}"
    entry = "{who: entry}" if "entry" in names else "{}"
    use = "{who: use}" if "use" in names else "{}"
    files["config.yaml"] = f"site: [{{hosts: all, vars: {entry}, roles: [{{role: r, vars: {use}}}]}}]"
    fact = "- set_fact: {who: set_fact}\n" if "set_fact" in names else ""
    task = "{who: task}" if "task" in names else "{}"
    tasks = f"{fact}- {{command: 'echo {{{{ who }}}}', vars: {task}}}\n"
    extra = ("who=extra",) if "extra" in names else ()
    assert commands_of(tasks, files, extra_vars=extra) == [f"echo {names[-1]}"]


def test_a_loops_item_wins_over_a_variable_of_its_name() -> None:
    """Whatever group_vars call `item`."""
    more = {"inventory/group_vars/all.yml": "item: no\nshout: '{{ item }}!'\n"}
    assert commands_of("- {command: 'echo {{ item }} {{ shout }}', loop: [a, b]}", more) == [
        "echo a a!",
        "echo b b!",
    ]


def test_extra_vars_come_in_three_forms(tmp_path: Any) -> None:
    """Words (always text), a mapping, a file; the later wins."""
    (tmp_path / "x.yml").write_text("c: [1, 2]\nd: file\n")
    tasks = "- command: echo {{ a }} {{ b }} {{ c }} {{ d }} {{ e }}"
    extra = ("@x.yml", "a=1 b='two words' d=last", '{"e": {"f": 0644}}')
    assert commands_of(tasks, extra_vars=extra) == ["echo 1 two words [1, 2] last {'f': '0644'}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=1 b", "--extra-vars:1:5: expected name=value, not 'b' [b]"),
        ("[1]", "--extra-vars:1:1: expected name=value, a mapping, or @file [[]"),
        ("@nope.yml", "nope.yml: cannot read this file: no such file or directory []"),
        ("a='x", "--extra-vars:1:1: cannot read this: \"'\" is missing [a='x]"),
    ],
)
def test_bad_extra_vars_are_named(text: str, message: str) -> None:
    """A typo on the command line has a place as well."""
    assert problems_of({}, extra_vars=(text,)) == [message]


def test_magic_variables_and_facts_are_there() -> None:
    """Names, groups, paths, and facts under both of their names."""
    files = {
        "inventory/hosts.yml": """
            all:
              children:
                web: {hosts: {h.example: {port: 1}, w2: {port: "{{ base + 1 }}"}}, vars: {base: 5}}
                db: {hosts: {d1: {text: variable}}}
        """,
        "roles/r/tasks/main.yml": """
            - command: "{{ inventory_hostname }} {{ inventory_hostname_short }} {{ group_names }}"
            - command: "{{ groups['web'] }} {{ groups.db }} {{ groups.all | length }} {{ groups.ungrouped }}"
            - command: "{{ hostvars['w2'].port }} {{ hostvars.d1.port | default('none') }}"
            - command: "{{ hostvars.w2.inventory_hostname }} {{ role_name }} {{ role_path | basename }}"
            - command: "{{ ansible_distribution }} {{ ansible_facts['distribution'] }}"
            - command: "text {{ playbook_dir == inventory_dir | dirname }} {{ hostvars.d1.text }}"
            - command: "{{ hostvars[inventory_hostname].ansible_hostname }}"
            - command: "no {{ hostvars.w2.ansible_hostname is defined }}"
        """,
    }
    graph = graph_of(files, host="h.example")
    assert [spec.params["cmd"] for spec in graph.tasks if not spec.barrier] == [
        "h.example h ['web']",
        "['h.example', 'w2'] ['d1'] 3 []",
        "6 none",
        "w2 r r",
        "Debian Debian",
        "text True variable",
        "h",
        "no False",
    ]


def test_a_role_sees_the_defaults_of_the_roles_it_needs_and_of_no_others() -> None:
    """So that what a role sees does not depend on which unrelated roles a host has."""
    files = {
        "config.yaml": "site: [{hosts: all, roles: [other, r]}]",
        "roles/r/meta/main.yml": "dependencies: [base]",
        "roles/r/defaults/main.yml": "b: r",
        "roles/base/defaults/main.yml": "a: base\nb: base",
        "roles/base/tasks/main.yml": "- set_fact: {f: fact}",
        "roles/other/defaults/main.yml": "c: other",
        "roles/other/tasks/main.yml": "- set_fact: {g: other}",
        "roles/r/tasks/main.yml": """
            - command: "{{ a }} {{ b }} {{ c | default('-') }} {{ f }} {{ g | default('-') }}"
        """,
    }
    assert commands_of(files.pop("roles/r/tasks/main.yml"), files) == ["base r - fact -"]


# -- rendering ------------------------------------------------------------------------------------------


def test_a_whole_expression_keeps_its_type() -> None:
    """Anything around it makes it text."""
    scope = scope_of(
        """
        number: 80
        list: [1, "{{ number }}"]
        map: {"{{ key }}": "{{ list }}", gone: "{{ omit }}"}
        key: k
        text: "{{ number }}/tcp"
        nothing: "{{ None }}"
        blank: "a{{ None }}b"
        lines: |
          {{ number }}
        many: "{{ list | map('string') }}"
        pairs: "{{ map.items() }}"
        """
    )
    assert {name: scope[name] for name in scope if name not in ("number", "key", "omit")} == {
        "list": [1, 80],
        "map": {"k": [1, 80]},
        "text": "80/tcp",
        "nothing": None,
        "blank": "ab",
        "lines": "80\n",
        "many": ["1", "80"],
        "pairs": [["k", [1, 80]]],
    }


def test_a_test_for_defined_looks_through_variables() -> None:
    """A variable whose own text uses something undefined counts as undefined, at any depth."""
    scope = scope_of("a: '{{ nope }}'\nb: {c: 1}")
    assert not scope.value(locate("{{ a is defined }}", Span("x", 1, 1)))
    assert scope.value(locate("{{ a | default('d') }}", Span("x", 1, 1))) == "d"
    assert scope.value(locate("{{ b.x.y.z | default('d') }}", Span("x", 1, 1))) == "d"
    with pytest.raises(TemplatingError) as caught:
        scope.value(locate("{{ a }}", Span("x", 1, 1)))
    assert str(caught.value.diagnostic).startswith("v.yml:1:8: the variable 'nope'")


def test_what_was_rendered_is_made_anew_only_where_it_depends_on_the_loop() -> None:
    """The hazard: the first item's value remembered for all, or everything rendered for each."""
    scope = scope_of("fixed: '{{ number }}'\nnumber: 5\nvarying: '{{ fixed }}-{{ item | default(0) }}'")
    assert scope["varying"] == "5-0"
    rounds = [scope.child(loops={"item": number}) for number in (1, 2)]
    assert [inner["varying"] for inner in rounds] == ["5-1", "5-2"]
    assert scope["varying"] == "5-0"
    own = scope.child({"number": locate(7, Span("x", 1, 1))})
    assert (own["varying"], own["fixed"], scope["fixed"]) == ("7-0", 7, 5)


def test_set_fact_drops_what_was_made_with_the_old_value() -> None:
    """Also in scopes that were made before."""
    facts = FactStore()
    scope = scope_of("derived: '{{ fact }}'\nfact: 1\nother: '{{ 2 }}'", facts)
    inner = scope.child({"own": locate("{{ derived }}", Span("x", 1, 1))})
    assert (scope["derived"], inner["own"], scope["other"]) == (1, 1, 2)
    facts.set("fact", 9)
    assert (scope["derived"], inner["own"], scope["other"]) == (9, 9, 2)


TEXTS = st.text(max_size=20).filter(lambda text: not any(mark in text for mark in ("{{", "{%", "{#")))
PLAIN = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.none(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=10,
)


@given(PLAIN)
def test_values_without_templates_come_out_as_they_went_in(value: Any) -> None:
    """Nothing is guessed from the looks of a text."""
    assert value_of("{{ x }}", {"x": value}) == value
    assert type(value_of("{{ x }}", {"x": value})) is type(value)


@given(TEXTS)
def test_a_text_inside_a_text_stays_what_it_is(text: str) -> None:
    """Quotes, newlines and backslashes of a value are not Jinja's business."""
    assert value_of("<{{ x }}>", {"x": text}) == f"<{text}>"


@given(st.text(max_size=60))
def test_any_text_renders_or_fails_with_a_place(text: str) -> None:
    """No expression ends in another exception than the one that carries the place."""
    try:
        value_of(text, {"a": 1})
    except TemplatingError as error:
        assert error.diagnostic.path == "v.yml"


@pytest.mark.parametrize(
    "expression",
    ["{{ 'x' * 10 ** 12 }}", "{{ a.b.c }}", "{{ {}['x'] }}", "{{ [][5] }}", "{{ range(10) | first | nope }}",
     "{{ 'x' | int('y') | hash('md99') }}", "{{ '(' | regex_search('(') }}", "{{ 5 | from_json | list }}",
     "{% for x in 5 %}{% endfor %}", "{% include 'x' %}", "{{ lookup('file', '/nonexistent') }}"],
)  # fmt: skip
def test_a_failing_expression_is_a_templating_error(expression: str) -> None:
    """Whatever Python raises inside."""
    with pytest.raises(TemplatingError):
        value_of(expression)


def test_hosts_can_be_compiled_from_many_threads_at_once() -> None:
    """The caches are shared: every thread must get its own host's values all the same."""
    count = 16
    hosts = ", ".join(f"h{number}: {{n: {number}}}" for number in range(count))
    project = load(
        {
            "inventory/hosts.yml": f"all: {{hosts: {{{hosts}}}}}",
            "roles/r/tasks/main.yml": """
                - {command: "echo {{ n }} {{ item }} {{ twice }}", loop: [1, 2]}
                - {template: {src: t.j2, dest: /t}}
            """,
            "roles/r/defaults/main.yml": "twice: '{{ n * 2 }}'",
            "roles/r/templates/t.j2": "{{ n }} {{ twice }} {{ inventory_hostname }}",
        }
    )
    graphs: dict[str, HostGraph] = {}
    gate = threading.Barrier(count)

    def compile_one(index: int) -> None:
        gate.wait()
        host = project.hosts([f"h{index}"])[0]
        graphs[host.name] = project.compile(host, FACTS)

    threads = [threading.Thread(target=compile_one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(count):
        tasks = [spec for spec in graphs[f"h{number}"].tasks if not spec.barrier]
        assert [spec.params["cmd"] for spec in tasks[:2]] == [
            f"echo {number} 1 {number * 2}",
            f"echo {number} 2 {number * 2}",
        ]
        assert tasks[2].params["content"] == f"{number} {number * 2} h{number}"
