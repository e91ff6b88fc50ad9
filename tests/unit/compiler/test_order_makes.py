"""Directories that tasks make on their way: who needs one waits, and two do not make it at once."""

from __future__ import annotations

from configurator.compiler.order import OrderedGraph, build_graph
from configurator.modules import registry
from configurator.modules.effects import Effects, parent_keys
from configurator.modules.params import parse
from tests.unit.compiler.building import by_id, role, task, waits_for


def effects_of(module: str, **params: object) -> Effects:
    parsed, problems = parse(registry.get(module).params, params)
    assert parsed is not None, problems
    return registry.get(module).effects(parsed)


def directory(name: str, path: str, **params: object) -> dict[str, object]:
    found = effects_of("file", path=path, state="directory", **params)
    made = task(name, module="file", params={"path": path, "state": "directory", **params})
    return {**made, "effects": found}


def file(name: str, path: str) -> dict[str, object]:
    found = effects_of("copy", dest=path, content="x")
    return {**task(name, module="copy", params={"dest": path, "content": "x"}), "effects": found}


def graph(*roles: object) -> OrderedGraph:
    return build_graph(roles)  # type: ignore[arg-type]


def test_only_directories_that_may_be_missing_are_made() -> None:
    """Nothing waits for somebody who would make /etc."""
    assert parent_keys("/etc/app/conf.d/x") == ("path:/etc/app", "path:/etc/app/conf.d")
    assert parent_keys("/srv/x") == ()


def test_modules_say_which_directories_they_make() -> None:
    """Those that make missing parents declare them, the others do not."""
    srv = {"path:/srv/a"}
    assert effects_of("file", path="/srv/a/b", state="directory").makes == srv
    assert effects_of("file", path="/srv/a/b", state="touch").makes == set()
    assert effects_of("lineinfile", path="/srv/a/b", line="x", create=True).makes == srv
    assert effects_of("lineinfile", path="/srv/a/b", line="x").makes == set()
    assert effects_of("copy", dest="/srv/a/b", content="x").makes == set()
    assert effects_of("user", name="u", home="/srv/a/b").makes == srv


def test_a_file_waits_for_the_task_that_makes_its_directory_on_the_way() -> None:
    """`/srv/a/b` makes `/srv/a`, which `/srv/a/f` needs: as written within a role, and across roles."""
    one = graph(role("r", [directory("dir", "/srv/a/b"), file("file", "/srv/a/f")]))
    assert waits_for(one, "r/file", "r/dir")
    two = graph(role("s", [file("file", "/srv/a/f")]), role("r", [directory("dir", "/srv/a/b")]))
    assert waits_for(two, "s/file", "r/dir")
    assert by_id(two)["s/file"].requires == (), "it may be there without that task"


def test_two_makers_of_one_directory_take_turns_and_do_not_conflict() -> None:
    """Neither says anything of the directory between, so they agree about it."""
    found = graph(role("r", [directory("b", "/srv/a/b")]), role("s", [directory("c", "/srv/a/c")]))
    both = by_id(found)
    assert both["r/b"].locks == both["s/c"].locks == ("path:/srv/a",)
    assert not waits_for(found, "s/c", "r/b")
    assert not waits_for(found, "r/b", "s/c")


def test_who_wants_the_directory_itself_comes_before_who_makes_it_in_passing() -> None:
    """Its mode is said by one role, and the other must not be in its way."""
    found = graph(
        role("r", [directory("deep", "/srv/a/b")]), role("s", [directory("own", "/srv/a", mode="0750")])
    )
    assert waits_for(found, "r/deep", "s/own")
