"""Which handlers a notification means where a role is used several times: those of the task's own use."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from configurator.agent.protocol import HostGraph, TaskSpec
from configurator.agent.work import Done
from tests.unit.compiler.playing import output, played
from tests.unit.compiler.test_playbook import graphs

TASK = "- {name: set, command: 'x {{ n }}', notify: restart}\n"
INST = {
    "roles/inst/tasks/main.yml": TASK,
    "roles/inst/tasks/other.yml": TASK,
    "roles/inst/handlers/main.yml": "- {name: restart, command: 'restart {{ n }}', listen: topic}\n",
}
ASK = "- {name: ask, command: echo a b, register: asked, changed_when: false}\n"
LOOP = "- {include_role: {name: inst}, vars: {n: '{{ i }}'}, loop: [a, b], loop_control: {loop_var: i}}\n"
LATE_LOOP = LOOP.replace("[a, b]", "'{{ asked.stdout.split() }}'")
ONE_BY_ONE = "".join(f"- {{include_role: {{name: inst}}, vars: {{n: {n}}}}}\n" for n in "ab")


def restarted(tasks: str, more: Mapping[str, str] | None = None, *, changed: str = "b") -> list[str]:
    """Return what handlers do if the task of only one use has changed something."""
    done: list[str] = []

    def end(spec: TaskSpec, _attempt: int) -> Done:
        if spec.name == "set":
            return output("", changed=spec.params["cmd"] == f"x {changed}")
        done.append(spec.params["cmd"])
        return output("")

    names = ("set", "restart", "restart a", "restart b", "first", "second")
    played(tasks, {**INST, **(more or {})}, ends=dict.fromkeys(names, end))
    return done


@pytest.mark.parametrize("changed", ["a", "b"])
@pytest.mark.parametrize(
    "tasks",
    [
        LOOP,
        ONE_BY_ONE,
        ONE_BY_ONE.replace("include_role", "import_role"),
        LOOP.replace("name: inst", "name: inst, tasks_from: other"),
        f"- block:\n    {LOOP}  rescue: []\n  always:\n    - {{command: y}}\n",
        ASK + LATE_LOOP,
        ASK + LOOP.replace("'{{ i }}'", "'{{ asked.stdout.split()[i] }}'").replace("[a, b]", "[0, 1]"),
    ],
    ids=["loop", "include", "import", "tasks_from", "block", "late loop", "late variables"],
)
def test_a_use_of_a_role_notifies_its_own_handler(tasks: str, changed: str) -> None:
    """Each use's own runs, with that use's variables, however the role is used."""
    assert restarted(tasks, changed=changed) == [f"restart {changed}"]


@pytest.mark.parametrize("changed", ["a", "b"])
@pytest.mark.parametrize(
    "inner",
    [
        {"roles/inst/tasks/main.yml": "- include_tasks: other.yml\n"},
        {"roles/inst/tasks/main.yml": ASK + "- {include_tasks: other.yml, when: asked.rc == 0}\n"},
        {"roles/inst/tasks/main.yml": ASK + TASK.replace("set,", "set, when: asked.rc == 0,")},
        {"roles/inst/tasks/main.yml": TASK.replace("restart", "topic")},
        {
            "roles/inst/tasks/main.yml": TASK.replace("restart", "topic"),
            "roles/inst/handlers/main.yml": INST["roles/inst/handlers/main.yml"].replace(
                "restart,", "'restart {{ n }}',"
            ),
        },
        {
            "roles/inst/tasks/main.yml": TASK.replace("restart", "first"),
            "roles/inst/handlers/main.yml": "- {name: first, command: first, notify: second}\n"
            "- {name: second, command: 'restart {{ n }}'}\n",
        },
        {
            "roles/inst/tasks/main.yml": "- include_role: {name: deep}\n",
            "roles/deep/tasks/main.yml": TASK,
        },
        {
            "roles/inst/tasks/main.yml": "- include_role: {name: deep}\n",
            "roles/inst/handlers/main.yml": "[]\n",
            "roles/deep/tasks/main.yml": TASK,
            "roles/deep/handlers/main.yml": INST["roles/inst/handlers/main.yml"],
        },
        {
            "roles/inst/tasks/main.yml": "- include_role: {name: deep}\n" + TASK,
            "roles/inst/handlers/main.yml": "[]\n",
            "roles/deep/tasks/main.yml": "[]\n",
            "roles/deep/handlers/main.yml": INST["roles/inst/handlers/main.yml"],
        },
        {"roles/r/handlers/main.yml": "- {name: restart, command: of r}\n"},
        {"roles/inst/tasks/main.yml": TASK + "- meta: flush_handlers\n"},
    ],
    ids=[
        "file",
        "late file",
        "late task",
        "topic",
        "names",
        "chain",
        "deeper",
        "deep",
        "from deep",
        "above",
        "flush",
    ],
)
def test_the_handler_of_a_use_is_found_from_everywhere_in_it(inner: dict[str, str], changed: str) -> None:
    """From files, late tasks, other handlers and roles in it; by a topic, whatever its name."""
    found = restarted(LOOP, inner, changed=changed)
    assert [command for command in found if command != "first"] == [f"restart {changed}"]


def test_handlers_of_two_uses_in_site_run_for_their_own() -> None:
    """As those of a role that is included twice."""
    site = "site:\n- {hosts: all, roles: [{role: inst, vars: {n: a}}, {role: inst, vars: {n: b}}]}\n"
    assert restarted("[]", {"config.yaml": site}) == ["restart b"]


def test_a_use_without_the_handler_notifies_that_of_the_including_role() -> None:
    """And the including role's task that of its own, though included ones have it too."""
    handlers = "- {name: restart, command: of r}\n"
    bare = {"roles/inst/handlers/main.yml": "[]\n", "roles/r/handlers/main.yml": handlers}
    assert restarted(LOOP, bare) == ["of r"]
    assert restarted(LOOP.replace("[a, b]", "[a]") + TASK.replace("{{ n }}", "b"), bare) == ["of r"]


def test_handlers_that_are_the_same_for_all_uses_run_once() -> None:
    """Whoever notifies them, together with what they notify; but not if that differs."""
    same = {
        "roles/inst/handlers/main.yml": """
            - {name: restart, command: restart, notify: after}
            - {name: after, command: after}
            """
    }
    play = played(LOOP, {**INST, **same})
    assert [name for name in play.taken if not name.startswith("set")] == ["restart", "after"]
    late = played(ASK + LATE_LOOP, {**INST, **same})
    assert [name for name in late.taken if name in ("restart", "after")] == ["restart", "after"]


def test_rounds_that_are_put_off_bring_their_handlers_once() -> None:
    """What was compiled before a later round turned out to be late is forgotten."""
    tasks = ASK + LOOP.replace("loop:", "when: i == 'a' or asked.rc == 0, loop:")
    play = played(tasks, INST)
    assert sorted(name for name in play.taken if name == "restart") == ["restart", "restart"]


# -- in a play --------------------------------------------------------------------------------------------


def notified(graph: HostGraph) -> dict[str, list[str]]:
    """Return the commands of the handlers that each task notifies."""
    specs = {spec.id: spec for spec in graph.tasks}
    return {
        spec.params["cmd"]: [specs[name].params["cmd"] for name in spec.notify]
        for spec in graph.tasks
        if spec.notify
    }


def test_an_include_in_a_play_notifies_its_own_handler() -> None:
    """Nearer than one of the play, which the play's own tasks mean; with roles as it was."""
    [graph] = graphs(
        f"- hosts: all\n  tasks:\n    {LOOP}    - {{name: own, command: own, notify: restart}}\n"
        "  handlers: [{name: restart, command: of the play}]\n",
        INST,
    )
    assert notified(graph) == {"x a": ["restart a"], "x b": ["restart b"], "own": ["of the play"]}


def test_a_role_of_a_play_that_is_used_twice_notifies_its_own_by_a_topic() -> None:
    """Also if the handler's name says whose it is; another's task tells both."""
    handlers = "- {name: 'restart {{ n }}', command: 'restart {{ n }}', listen: restart}\n"
    [graph] = graphs(
        "- hosts: all\n  roles: [{role: inst, n: a}, {role: inst, n: b}]\n"
        "  tasks: [{name: own, command: own, notify: restart}]\n",
        {**INST, "roles/inst/handlers/main.yml": handlers},
    )
    found = notified(graph)
    assert found == {"x a": ["restart a"], "x b": ["restart b"], "own": ["restart a", "restart b"]}
