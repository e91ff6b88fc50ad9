"""Which of two places wins that set the same variable: Ansible's documented order, from weak to strong."""

from __future__ import annotations

import itertools

import pytest

from configurator.compiler.plays import PlayTurn
from configurator.config.diagnostics import Span
from configurator.config.located import locate
from tests.unit.compiler.playing import played
from tests.unit.compiler.projects import FACTS, commands_of, graph_of, load

WHO = "ansible_who"  # a name that facts can have, too

# From the weakest to the strongest.
PLACES = (
    "role defaults",
    "inventory: group all",
    "inventory: parent group",
    "inventory: child group",
    "inventory: child group of the same depth with a priority",
    "inventory/group_vars/all",
    "group_vars/all",
    "inventory/group_vars/parent",
    "inventory/group_vars/child",
    "inventory/group_vars/first",
    "group_vars/parent",
    "group_vars/first",
    "inventory: host",
    "inventory/host_vars",
    "host_vars",
    "facts",
    "play vars",
    "vars_prompt",
    "vars_files",
    "role vars",
    "vars beside the role",
    "block vars",
    "inner block vars",
    "task vars",
    "include_vars",
    "set_fact",
    "role params",
    "include params",
    "inner include params",
    "extra vars",
    "loop variable",
)
PAIRS = [*itertools.pairwise(PLACES)]


class Places:
    """A project in which the variable is set in some of the places, each to the place's name."""

    def __init__(self, *names: str) -> None:
        assert set(names) <= set(PLACES)
        self.names = names

    def file(self, name: str) -> str:
        """Return a file of variables, or what means nothing."""
        return f"{WHO}: '{name}'\n" if name in self.names else "unrelated: 1\n"

    def map(self, name: str) -> str:
        return f"{{{WHO}: '{name}'}}" if name in self.names else "{unrelated: 1}"

    def entry(self, name: str) -> str:
        return f"{WHO}: '{name}'" if name in self.names else "unrelated: 1"

    def files(self) -> dict[str, str]:
        first = "inventory: child group of the same depth with a priority"
        return {
            "inventory/hosts.yml": f"""
                all:
                  vars: {self.map("inventory: group all")}
                  hosts: {{h: {self.map("inventory: host")}}}
                  children:
                    parent:
                      vars: {self.map("inventory: parent group")}
                      children:
                        child: {{hosts: {{h: }}, vars: {self.map("inventory: child group")}}}
                        first:
                          hosts: {{h: }}
                          vars: {{ansible_group_priority: 9, {self.entry(first)}}}
                """,
            "inventory/group_vars/all.yml": self.file("inventory/group_vars/all"),
            "inventory/group_vars/parent.yml": self.file("inventory/group_vars/parent"),
            "inventory/group_vars/child.yml": self.file("inventory/group_vars/child"),
            "inventory/group_vars/first.yml": self.file("inventory/group_vars/first"),
            "inventory/host_vars/h.yml": self.file("inventory/host_vars"),
            "group_vars/all.yml": self.file("group_vars/all"),
            "group_vars/parent.yml": self.file("group_vars/parent"),
            "group_vars/first.yml": self.file("group_vars/first"),
            "host_vars/h.yml": self.file("host_vars"),
            "roles/r/defaults/main.yml": self.file("role defaults"),
            "roles/r/vars/main.yml": self.file("role vars"),
            "roles/r/vars/included.yml": self.file("include_vars"),
            "files/play.yml": self.file("vars_files"),
            "site.yml": f"""
                - hosts: h
                  vars: {self.map("play vars")}
                  vars_files: [files/play.yml]
                  roles:
                    - {{role: r, {self.entry("role params")},
                        vars: {self.map("vars beside the role")}}}
                """,
            "roles/r/tasks/main.yml": f"""
                - include_tasks: outer.yml
                  vars: {self.map("include params")}
                """,
            "roles/r/tasks/outer.yml": f"""
                - include_tasks: inner.yml
                  vars: {self.map("inner include params")}
                """,
            "roles/r/tasks/inner.yml": f"""
                - vars: {self.map("block vars")}
                  block:
                    - vars: {self.map("inner block vars")}
                      block:
                        - set_fact: {self.map("set_fact")}
                        - include_vars: included.yml
                        - command: echo {{{{ {WHO} }}}}
                          vars: {self.map("task vars")}
                          loop: ["loop variable"]
                          loop_control: {{loop_var: {self.loop_var()}}}
                """,
        }

    def loop_var(self) -> str:
        return WHO if "loop variable" in self.names else "item"

    def winner(self) -> str:
        """Return the place whose value the task sees."""
        extra = (f"{{{WHO}: extra vars}}",) if "extra vars" in self.names else ()
        project = load(self.files(), playbook="site.yml", extra_vars=extra)
        host = project.hosts(["h"])[0]
        assert project.playbook is not None
        answers = {WHO: locate("vars_prompt", Span("prompt"))} if "vars_prompt" in self.names else {}
        turn = PlayTurn(hosts=["h"], batch=["h"], answers=answers)
        facts = {"who": "facts"} if "facts" in self.names else {}
        [play] = project.playbook.of(host)
        graph = project.compile(host, facts, play=play, turn=turn)
        [task] = [spec for spec in graph.tasks if spec.module == "command"]
        return str(task.params["cmd"]).removeprefix("echo ")


@pytest.mark.parametrize(("weak", "strong"), PAIRS, ids=[f"{weak} < {strong}" for weak, strong in PAIRS])
def test_the_stronger_of_two_neighbours_wins(weak: str, strong: str) -> None:
    """Each place alone against the one below it, so that no third one hides a wrong order."""
    assert Places(weak, strong).winner() == strong


@pytest.mark.parametrize("number", range(len(PLACES)), ids=PLACES)
def test_a_place_wins_over_all_weaker_ones_together(number: int) -> None:
    """And over those that are far below: the places are layers, not a chain of comparisons."""
    assert Places(*PLACES[: number + 1]).winner() == PLACES[number]


ROWS = (
    # What a task sets wins over files wherever they stand; among tasks, and among files, the last one counts.
    ("[{set_fact: {who: fact}}, {include_vars: one.yml}]", "fact"),
    ("[{include_vars: one.yml}, {set_fact: {who: fact}}]", "fact"),
    ("[{include_vars: one.yml}, {include_vars: two.yml}]", "two"),
    ("[{include_vars: one.yml}, {command: x, when: false, register: who}]", "registered"),
    ("[{command: x, when: false, register: who}, {include_vars: one.yml}]", "registered"),
    ("[{command: x, when: false, register: who}, {set_fact: {who: fact}}]", "fact"),
    ("[{set_fact: {who: fact}}, {command: x, when: false, register: who}]", "registered"),
    ("[{set_fact: {who: fact}}, {set_fact: {who: second}}]", "second"),
)


@pytest.mark.parametrize(("above", "who"), ROWS)
def test_what_tasks_set_wins_over_files_read_above_or_below(above: str, who: str) -> None:
    """As in Ansible, where variables of files and of tasks are kept apart."""
    files = {"roles/r/vars/one.yml": "who: one", "roles/r/vars/two.yml": "who: two"}
    text = "{{ who if who is string else 'registered' }}"
    tasks = f"- block: {above}\n- command: echo {text}\n"
    assert commands_of(tasks, files)[-1] == f"echo {who}"


def test_a_dependencys_parameters_win_over_what_its_tasks_set_and_its_vars_do_not() -> None:
    """`{role: s, who: x}` is a parameter, `{role: s, vars: {who: x}}` is not."""
    inner = "- {set_fact: {who: fact}}\n- command: echo {{ who }}\n"
    for entry, who in (("{role: s, who: param}", "param"), ("{role: s, vars: {who: entry}}", "fact")):
        files = {"roles/s/tasks/main.yml": inner, "roles/r/meta/main.yml": f"dependencies: [{entry}]"}
        assert commands_of("[]", files) == [f"echo {who}"]


def test_what_an_include_is_given_counts_inside_alone() -> None:
    """Below it the fact is what it was; `apply` gives variables like a block's, which are weaker."""
    files = {
        "roles/r/tasks/in.yml": "- {set_fact: {who: set}}\n- command: in {{ who }}\n",
        "roles/s/tasks/main.yml": "- command: role {{ who }} {{ other | default('') }}\n",
    }
    tasks = """
        - {include_tasks: in.yml, vars: {who: given}}
        - command: out {{ who }}
        - {include_tasks: {file: in.yml, apply: {vars: {who: applied}}}}
        - {include_role: {name: s}, vars: {who: given}}
        - {include_role: {name: s, apply: {vars: {other: applied}}}}
        - {import_role: {name: s}, vars: {who: imported}}
        """
    assert commands_of(tasks, files) == [
        "in given",
        "out set",
        "in set",
        "role given ",
        "role set applied",
        "role set ",
    ]


def test_roles_that_need_each_other_see_which_variables_came_from_files() -> None:
    """A fact of the needed role stays stronger than a file, a variable of its files does not."""
    files = {
        "config.yaml": "site: [{hosts: all, roles: [r]}]",
        "roles/r/meta/main.yml": "requires: [base]",
        "roles/base/tasks/main.yml": "- {set_fact: {fact: base}}\n- {include_vars: v.yml}\n",
        "roles/base/vars/v.yml": "file: base",
        "roles/r/vars/v.yml": "{fact: r, file: r}",
    }
    tasks = "- {include_vars: v.yml}\n- command: echo {{ fact }} {{ file }}\n"
    assert commands_of(tasks, files) == ["echo base r"]


def test_a_role_that_is_needed_sees_the_variables_of_the_one_that_needs_it() -> None:
    """So that a role can wrap another one; the needed role's own win, and the first that needs it counts."""
    files = {
        "config.yaml": """
            site: [{hosts: all, roles: [{role: a, vars: {given: site}}, {role: c, vars: {given: c}}]}]
            """,
        "roles/a/meta/main.yml": "dependencies: [{role: b, said: here}]",
        "roles/a/defaults/main.yml": "{low: a, both: a}",
        "roles/a/vars/main.yml": "{high: a, strong: a}",
        "roles/a/tasks/main.yml": "- command: a {{ low }} {{ said | default('-') }}",
        "roles/b/meta/main.yml": "dependencies: [d]",
        "roles/b/defaults/main.yml": "{both: b, high: b}",
        "roles/b/vars/main.yml": "strong: b",
        "roles/b/tasks/main.yml": "- command: b {{ low }} {{ both }} {{ high }} {{ strong }} {{ given }}",
        "roles/c/meta/main.yml": "dependencies: [d]",
        "roles/c/tasks/main.yml": "- command: c {{ given }}",
        "roles/d/tasks/main.yml": "- command: d {{ low }} {{ high }} {{ given }} {{ said }}",
    }
    found = sorted(spec.params["cmd"] for spec in graph_of(files).tasks if not spec.barrier)
    assert found == ["a a -", "b a b a b site", "c c", "d a a site here"]


def test_a_file_of_variables_counts_for_what_was_read_before_it() -> None:
    """A variable that a task above has used is read anew: its text may be another one now."""
    files = {
        "roles/r/vars/a.yml": "{x: '{{ y }} a', y: 1}",
        "roles/r/vars/b.yml": "x: '{{ y }} b'",
        "roles/r/defaults/main.yml": "{x: none}",
    }
    tasks = "- command: echo {{ x }}\n- include_vars: a.yml\n- command: echo {{ x }}\n"
    tasks += "- include_vars: b.yml\n- command: echo {{ x }}\n"
    assert commands_of(tasks, files) == ["echo none", "echo 1 a", "echo 1 b"]


# -- what roles that tasks bring in let the tasks below see -----------------------------------------------

EXPORTING = {
    "roles/v/defaults/main.yml": "{v_def: vd, both: v, inv: vd, of_play: vd}",
    "roles/v/vars/main.yml": "{v_var: vv, playv: v, own: v}",
    "roles/v/vars/more.yml": "v_var: more",
    "roles/v/tasks/main.yml": "[]",
    "roles/w/defaults/main.yml": "{both: w, own: wd}",
    "roles/w/vars/main.yml": "own: w",
    "roles/w/tasks/main.yml": """
        - import_role: {name: v}
        - command: w {{ v_def }} {{ v_var }} {{ both }} {{ own }}
        """,
    "roles/x/defaults/main.yml": "{both: x, own: xd}",
    "roles/x/vars/main.yml": "playv: x",
    "roles/x/tasks/main.yml": "[]",
}
SEEN = "- command: \"{{ v_def | default('-') }} {{ v_var | default('-') }}\"\n"


@pytest.mark.parametrize(
    ("brought", "seen"),
    [
        ("import_role: {name: v}", "vd vv"),
        ("import_role: {name: v, public: false}", "- -"),
        ("include_role: {name: v}", "- -"),
        ("include_role: {name: v, public: true}", "vd vv"),
        ("include_role: {name: v, public: '{{ 1 == 1 }}', vars_from: more}", "vd more"),
        ("{include_role: {name: v, public: true}, when: false}", "- -"),
        ("{import_role: {name: v}, tags: never}", "vd vv"),
        ("block: [{block: [{import_role: {name: v}}]}]", "vd vv"),
        ("include_role: {name: w}", "vd vv"),
        ("import_tasks: in.yml", "vd vv"),
    ],
)
def test_a_public_role_exports_its_defaults_and_variables(brought: str, seen: str) -> None:
    """An imported one unless it says otherwise, an included one if it says so; to the tasks below it."""
    files = {**EXPORTING, "roles/r/tasks/in.yml": "- import_role: {name: v}\n"}
    assert commands_of(f"{SEEN}- {brought}\n{SEEN}", files)[0] == "- -"
    assert commands_of(f"{SEEN}- {brought}\n{SEEN}", files)[-1] == seen


def test_what_is_exported_is_as_strong_as_in_a_role_of_the_play() -> None:
    """As Ansible does it: over the play's variables, under those of the task's own role and of blocks."""
    playbook = """
- hosts: all
  vars: {playv: play, of_play: play}
  roles: [x]
  tasks:
    - include_role: {name: v}
    - command: private {{ v_def | default('-') }} {{ both }} {{ playv }}
    - include_role: {name: v, public: true}
    - command: public {{ v_def }} {{ v_var }} {{ both }} {{ own }} {{ inv }} {{ playv }} {{ of_play }}
    - {command: "block {{ own }}", vars: {own: task}}
    - include_role: {name: w}
    - command: after {{ both }} {{ own }} {{ playv }}
- hosts: all
  tasks: [{command: "next {{ v_def | default('-') }}"}]
"""
    files = {**EXPORTING, "site.yml": playbook, "inventory/hosts.yml": "all: {hosts: {h: {inv: inventory}}}"}
    project = load(files, playbook="site.yml")
    host, turn = project.hosts(["h"])[0], PlayTurn(hosts=["h"], batch=["h"])
    compiled = [project.compile(host, FACTS, play=play, turn=turn) for play in project.plays]
    assert [spec.params["cmd"] for graph in compiled for spec in graph.tasks if not spec.barrier] == [
        "private - x x",
        "public vd vv v v inventory v play",
        "block task",
        "w vd vv w w",
        "after v v v",
        "next -",
    ]


def test_an_included_role_that_is_put_off_exports_too() -> None:
    """Also from inside of a file that is put off, or if only its result says which role it is."""
    ask = "- {name: ask, command: echo v, register: asked}\n"
    late = (
        "{include_role: {name: v, public: true}, when: asked.rc == 0}",
        "include_role: {name: '{{ asked.stdout }}', public: true}",
        "{include_tasks: in.yml, when: asked.rc == 0}",
    )
    for brought in late:
        more = {**EXPORTING, "roles/r/tasks/in.yml": "- import_role: {name: v}\n"}
        tasks = f'{ask}- {brought}\n- {{name: seen, debug: {{msg: "{{{{ v_def }}}} {{{{ v_var }}}}"}}}}\n'
        assert played(tasks, more).said["seen"] == "vd vv", brought
