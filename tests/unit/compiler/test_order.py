"""Order between roles, handlers, barriers and names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.agent.protocol import TaskSpec
from configurator.compiler.compiled import CompiledRole
from configurator.compiler.order import OrderedGraph, build_graph
from configurator.compiler.order_edges import EdgeKind
from configurator.core.errors import InputError
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.status import SkipReason, Status
from configurator.core.task import Skip, Task, TaskContext
from tests.unit.compiler.building import by_id, role, task, waits_for


def problems(error: InputError) -> list[str]:
    return [f"{d}" + (f" ({d.hint})" if d.hint else "") for d in error.diagnostics]


def run(graph: OrderedGraph, failing: set[str] = frozenset(), due: set[str] | None = None) -> dict[str, str]:  # type: ignore[assignment]
    """Run with the real engine; returns status or skip cause by id. `due` handlers run, all if None."""
    order: list[str] = []

    def work(context: TaskContext) -> object:
        spec = by_id(graph)[context.name]
        if spec.handler and due is not None and spec.id not in due:
            return Skip(SkipReason.NOT_NOTIFIED)
        order.append(context.name)
        if context.name in failing:
            raise RuntimeError("broken on purpose")
        return None

    tasks = [Task(s.id, work, requires=s.requires, after=s.after) for s in graph.tasks]
    results = ParallelExecutor(1).execute(TaskGraph(tasks))
    return {
        r.task_name: (r.cause or str(r.reason)) if r.status is Status.SKIPPED else str(r.status)
        for r in results
    }


# -- roles --------------------------------------------------------------------------------------------


def test_roles_without_requirements_are_not_ordered() -> None:
    """Nothing but what is declared or visibly needed orders tasks of two roles."""
    graph = build_graph([role("a", [task("x", writes=["path:**"])]), role("b", [task("y", opaque=True)])])
    assert all(not s.requires and not s.after for s in graph.tasks)


def test_a_required_role_is_finished_with_its_handlers_first() -> None:
    """A role that requires another one finds it restarted, not merely written."""
    nginx = role("nginx", [task("site", notify=["reload"]), task("start")], [task("reload")])
    graph = build_graph([role("app", [task("deploy"), task("check")], requires=["nginx"]), nginx])
    for later in ("app/deploy", "app/check"):
        for earlier in ("nginx/site", "nginx/start", "nginx/reload"):
            assert waits_for(graph, later, earlier)
    assert by_id(graph)["app/deploy"].requires == ("nginx/end",)
    assert by_id(graph)["nginx/end"].barrier


@pytest.mark.parametrize("broken", ["nginx/site", "nginx/reload"])
def test_failure_of_a_required_role_skips_with_the_root_cause(broken: str) -> None:
    """A failed task or handler of the required role is named by everything that did not run because of it."""
    nginx = role("nginx", [task("site", notify=["reload"]), task("start")], [task("reload")])
    results = run(build_graph([nginx, role("app", [task("deploy")], requires=["nginx"])]), {broken})
    assert results["app/deploy"] == broken
    assert results["nginx/start"] == "success"


def test_handlers_run_although_a_task_of_their_role_failed() -> None:
    """A restart that is due is not lost because something unrelated broke."""
    tasks = [
        task("site", writes=["path:/s"], notify=["reload"]),
        task("broken"),
        task("x", requires=["broken"]),
    ]
    results = run(build_graph([role("nginx", tasks, [task("reload")])]), {"nginx/broken"})
    assert results["nginx/reload"] == "success"
    assert results["nginx/x"] == "nginx/broken"


def test_a_handler_nobody_was_told_to_run_blocks_nothing() -> None:
    """Not notified is no failure for the roles behind it."""
    nginx = role("nginx", [task("site")], [task("reload")])
    results = run(build_graph([nginx, role("app", [task("deploy")], requires=["nginx"])]), due=set())
    assert results["app/deploy"] == "success"


def test_handlers_never_notified_are_kept() -> None:
    """A notification that an earlier, killed run left behind may need them."""
    graph = build_graph([role("nginx", [task("site")], [task("reload"), task("restart")])])
    assert [s.id for s in graph.tasks if s.handler] == ["nginx/reload", "nginx/restart"]


def test_handlers_of_a_waiting_role_do_not_run_amid_the_required_one() -> None:
    """Its tasks are skipped at the first failure, while tasks of the required role still run."""
    base = role("base", [task("fails"), task("slow")], [task("h")])
    graph = build_graph([base, role("app", [task("x")], [task("restart")], requires=["base"])])
    assert waits_for(graph, "app/restart", "base/slow")
    specs = by_id(graph)
    soft = {"app/tasks", *specs["app/tasks"].after}
    assert {"base/tasks", "base/h"} <= soft, "by edges that a skipped task cannot cut short"


def test_an_empty_role_passes_on_what_it_requires() -> None:
    """`requires` is transitive even through a role without tasks."""
    graph = build_graph(
        [role("a", [task("x")]), role("b", [], requires=["a"]), role("c", [task("y")], requires=["b"])]
    )
    assert waits_for(graph, "c/y", "a/x")


def test_declared_order_of_tasks_is_kept_in_the_output() -> None:
    """Lists, boards and results follow the files, whatever the edges say."""
    graph = build_graph(
        [role("a", [task("2", requires=["b:"]), task("1")]), role("b", [task("z"), task("y")], [task("h")])]
    )
    assert [s.id for s in graph.tasks if not s.barrier] == ["a/2", "a/1", "b/z", "b/y", "b/h"]


def test_barriers_nobody_waits_for_are_left_out() -> None:
    """A lone role without handlers is its tasks and nothing else."""
    assert [s.id for s in build_graph([role("a", [task("x"), task("y")])]).tasks] == ["a/x", "a/y"]


def test_a_barrier_never_takes_the_id_of_a_task() -> None:
    """A task may be called what we would call the end of its role."""
    graph = build_graph([role("a", [task("end")]), role("b", [task("x")], requires=["a"])])
    assert by_id(graph)["b/x"].requires == ("a/end 2",)


# -- requires on tasks ---------------------------------------------------------------------------------


def test_a_task_requirement_binds_and_skips() -> None:
    """A requirement by name orders and, on failure, skips: in the same role and in another one."""
    graph = build_graph(
        [
            role("a", [task("one"), task("two", requires=["one"]), task("three", requires=["b: far"])]),
            role("b", [task("far"), task("other")]),
        ]
    )
    assert by_id(graph)["a/two"].requires == ("a/one",)
    assert by_id(graph)["a/three"].requires == ("b/far",)
    assert run(graph, {"b/far"})["a/three"] == "b/far"


def test_one_word_means_a_task_of_the_role_before_a_role() -> None:
    """`requires: nginx` in a role that has a task `nginx` stays within the role."""
    roles = [role("a", [task("b"), task("x", requires=["b"])]), role("b", [task("y")])]
    assert by_id(build_graph(roles))["a/x"].requires == ("a/b",)
    roles = [role("a", [task("x", requires=["b"])]), role("b", [task("y")])]
    assert waits_for(build_graph(roles), "a/x", "b/y")


def test_all_tasks_of_a_loop_are_meant_by_its_name() -> None:
    """A loop makes several tasks of one name; a requirement waits for each."""
    graph = build_graph([role("a", [task("l"), task("l"), task("x", requires=["l"])])])
    assert by_id(graph)["a/x"].requires == ("a/l", "a/l-2")


def test_an_opaque_task_that_says_what_it_requires_is_bound_by_that_alone() -> None:
    """A command without requirements waits for all above and holds all below; with them it does not."""
    tasks = [task("one", writes=["path:/1"]), task("cmd", opaque=True), task("two", writes=["path:/2"])]
    graph = build_graph([role("a", tasks)])
    assert by_id(graph)["a/cmd"].requires == ("a/one",)
    assert by_id(graph)["a/two"].requires == ("a/cmd",)
    tasks[1] = task("cmd", opaque=True, requires=["zero"])
    graph = build_graph([role("a", [task("zero"), *tasks])])
    assert by_id(graph)["a/cmd"].requires == ("a/zero",)
    assert by_id(graph)["a/two"].requires == ()


def test_a_task_that_requires_a_later_one_counts_as_written_below_it() -> None:
    """The declared order wins over the written one, and what meets both stays in a line."""
    key = ["path:/f"]
    tasks = [
        task("a", writes=key, requires=["c"]),
        task("b", writes=key),
        task("c", writes=key),
        task("d", writes=key),
    ]
    specs = by_id(build_graph([role("r", tasks)]))
    assert [specs[f"r/{n}"].requires for n in "abcd"] == [("r/c",), (), ("r/b",), ("r/a",)]


def test_unknown_requirements_are_all_reported_with_place_and_hint() -> None:
    """One message per problem, none hidden by the others."""
    roles = [
        role("nginx", [task("install"), task("x", requires=["instal", "nginy", "nginx: instal", "ngin:"])]),
        role("app", [], requires=["nginz"]),
    ]
    with pytest.raises(InputError) as caught:
        build_graph(roles)
    found = "\n".join(problems(caught.value))
    assert len(caught.value.diagnostics) == 5
    assert (
        "roles/nginx/tasks/main.yml:2:3: required 'instal' is neither a task of role 'nginx' nor a role"
        in found
    )
    assert "(did you mean 'install'?)" in found
    assert "(did you mean 'nginx'?)" in found
    assert "roles/app/meta/main.yml:1:3: required role 'nginz' is not applied to this host" in found


def test_what_was_left_out_of_the_run_is_no_unknown_name() -> None:
    """`--role` and `--tags` choose; the rest counts as done."""
    roles = [role("a", [task("x", requires=["b:", "b: z", "c: y", "gone"])], requires=["b"])]
    left_out = {("b", None), ("c", "y"), ("a", "gone")}
    assert build_graph(roles, left_out=left_out).tasks[0].requires == ()


# -- cycles --------------------------------------------------------------------------------------------


def test_a_cycle_of_roles_is_a_path_with_every_place() -> None:
    """Roles that require each other are reported by their names and not by hundreds of tasks."""
    with pytest.raises(InputError) as caught:
        build_graph([role("a", [task("x")], requires=["b"]), role("b", [task("y")], requires=["a"])])
    assert caught.value.message == "cycle: a -> b -> a"
    assert [str(d) for d in caught.value.diagnostics] == [
        "roles/a/meta/main.yml:1:3: role 'a' requires role 'b'",
        "roles/b/meta/main.yml:1:3: role 'b' requires role 'a'",
    ]


def test_a_cycle_of_tasks_is_a_path_with_every_place() -> None:
    """Also across roles, and together with the other problems of the files."""
    with pytest.raises(InputError) as caught:
        build_graph(
            [
                role("a", [task("x", requires=["b: y"]), task("z", requires=["nowhere"])]),
                role("b", [task("y", requires=["a: x"])]),
            ]
        )
    assert caught.value.message == "cycle: a: x -> b: y -> a: x"
    assert [d.message for d in caught.value.diagnostics] == [
        "'a: x' requires 'b: y'",
        "'b: y' requires 'a: x'",
        "required 'nowhere' is neither a task of role 'a' nor a role of this host",
    ]


def test_a_task_that_requires_itself_or_its_role_is_a_cycle() -> None:
    with pytest.raises(InputError, match="cycle: a: x -> a: x"):
        build_graph([role("a", [task("x", requires=["x"])])])
    with pytest.raises(InputError, match="cycle: a: x -> role a -> a: x"):
        build_graph([role("a", [task("x", requires=["a:"])])])


def test_a_cycle_through_the_written_order_says_so() -> None:
    """Requirements across roles can contradict what is written from top to bottom."""
    with pytest.raises(InputError) as caught:
        build_graph(
            [
                role("a", [task("1", writes=["path:/a"], requires=["b: 2"]), task("2", writes=["path:/a"])]),
                role("b", [task("1", writes=["path:/b"], requires=["a: 2"]), task("2", writes=["path:/b"])]),
            ]
        )
    assert caught.value.message.startswith("cycle: ")
    assert "'a: 2' comes after 'a: 1' as written: both touch path:/a" in "\n".join(problems(caught.value))


# -- needs of another role -----------------------------------------------------------------------------


def test_a_task_waits_for_the_role_that_makes_what_it_reads() -> None:
    """The owner of a file comes from another role: an automatic requirement, with its reason."""
    graph = build_graph(
        [
            role("app", [task("file", reads=["user:deploy", "path:/srv"], writes=["path:/srv/f"])]),
            role("users", [task("deploy", writes=["user:deploy"])]),
        ]
    )
    assert by_id(graph)["app/file"].requires == ("users/deploy",)
    (edge,) = graph.edges
    assert (edge.before, edge.after, edge.kind, edge.hard, edge.key) == (
        "users/deploy", "app/file", EdgeKind.NEEDS, True, "user:deploy",
    )  # fmt: skip


def test_the_last_of_several_makers_in_one_role_is_awaited() -> None:
    """The directory is made and then given its owner: who uses it wants both."""
    makers = [task("mk", writes=["path:/srv"]), task("chown", writes=["path:/srv"])]
    graph = build_graph([role("app", [task("f", reads=["path:/srv"])]), role("base", makers)])
    assert by_id(graph)["app/f"].requires == ("base/chown",)


def test_makers_in_several_roles_are_followed_but_not_required() -> None:
    """Each of them makes it: one of them failing is no reason to skip."""
    makers = [role(name, [task("mk", **directory("/srv"))]) for name in "bc"]  # type: ignore[arg-type]
    graph = build_graph([role("a", [task("f", reads=["path:/srv"])]), *makers])
    assert by_id(graph)["a/f"].requires == ()
    assert set(by_id(graph)["a/f"].after) == {"b/mk", "c/mk"}


def test_installs_of_another_role_follow_a_refresh_without_requiring_it() -> None:
    """On a fresh host there is no index before it; but a wrong package name there is none of our business."""
    update = task("update", writes=["apt-index:", "path:**"], module="apt", params={"update_cache": True})
    install = task("install", reads=["apt-index:"], writes=["path:**"], module="apt", params={"name": ["x"]})
    spec = by_id(build_graph([role("app", [install]), role("base", [update])]))["app/install"]
    assert (spec.requires, spec.after) == ((), ("base/update",))


def test_installs_of_several_roles_that_refresh_can_share_a_transaction() -> None:
    """Whichever comes first refreshes; different ages are no contradiction, and no order keeps them apart."""
    roles = [
        role(
            name,
            [
                task(
                    "install",
                    writes=["apt-index:", f"package:{name}", "path:**"],
                    module="apt",
                    params={"name": [name], "update_cache": True, "cache_valid_time": age},
                )
            ],
        )
        for name, age in (("a", 3600), ("b", 86400))
    ]
    only_update = task("u", writes=["apt-index:"], module="apt", params={"update_cache": True})
    graph = build_graph([*roles, role("c", [only_update])])
    assert graph.edges == ()
    assert len({spec.locks for spec in graph.tasks}) == 1, "a batch joins tasks with equal locks"


def test_an_automatic_edge_yields_to_what_is_declared() -> None:
    """It would close a cycle with a requirement that a person wrote."""
    graph = build_graph(
        [
            role("app", [task("file", reads=["user:deploy"])]),
            role("users", [task("deploy", writes=["user:deploy"])], requires=["app"]),
        ]
    )
    assert by_id(graph)["app/file"].requires == ()
    assert waits_for(graph, "users/deploy", "app/file")


def test_a_pattern_of_another_role_is_no_need() -> None:
    """apt may write any path; that alone must not put all roles in a line."""
    graph = build_graph(
        [role("a", [task("apt", writes=["path:**"])]), role("b", [task("f", reads=["path:/etc"])])]
    )
    assert graph.edges == ()


def test_what_the_own_role_makes_is_not_awaited_from_another_one() -> None:
    """The written order gives it already."""
    mine = [task("mk", writes=["path:/srv"], params={"path": "/srv"}), task("f", reads=["path:/srv"])]
    other = [task("mk", writes=["path:/srv"], params={"path": "/srv"})]
    graph = build_graph([role("a", mine), role("b", other)])
    assert not waits_for(graph, "a/f", "b/mk") or waits_for(graph, "a/mk", "b/mk")


# -- the same thing in two roles -----------------------------------------------------------------------


def directory(path: str, mode: str = "0755") -> dict[str, object]:
    return {"params": {"path": path, "state": "directory", "mode": mode}, "writes": [f"path:{path}"]}


def test_different_wishes_of_unordered_roles_are_an_error_with_both_places() -> None:
    roles = [
        role("a", [task("mine", **directory("/srv", "0755"))]),  # type: ignore[arg-type]
        role("b", [task("other"), task("yours", **directory("/srv", "0700"))]),  # type: ignore[arg-type]
    ]
    with pytest.raises(InputError) as caught:
        build_graph(roles)
    first, second = problems(caught.value)
    assert first.startswith(
        "roles/a/tasks/main.yml:1:3: 'a: mine' and 'b: yours' (roles/b/tasks/main.yml:2:3) want different"
    )
    assert second.startswith("roles/b/tasks/main.yml:2:3: 'b: yours' and 'a: mine'")


def test_different_wishes_in_a_declared_order_are_fine() -> None:
    """The later one has the last word, as people said."""
    roles = [
        role("a", [task("mine", **directory("/srv", "0755"))]),  # type: ignore[arg-type]
        role("b", [task("yours", **directory("/srv", "0700"))], requires=["a"]),  # type: ignore[arg-type]
    ]
    assert by_id(build_graph(roles))["b/yours"].requires == ("a/end",)


def test_the_same_wish_twice_is_fine_and_taken_in_turn() -> None:
    """Order only: one of them failing does not skip the other."""
    roles = [
        role(name, [task("mk", **directory("/srv"))])  # type: ignore[arg-type]
        for name in "ab"
    ]
    spec = by_id(build_graph(roles))["b/mk"]
    assert (spec.requires, spec.after) == ((), ("a/mk",))


SRV = {"path": "/srv", "state": "directory"}
STARTED = {"name": "x", "state": "started"}


@pytest.mark.parametrize(
    ("module", "key", "one", "other", "fine"),
    [
        ("file", "path:/srv", SRV, {"dest": "/srv", "state": "directory", "mode": "0750"}, True),
        ("file", "path:/srv", SRV, {"path": "/srv", "state": "absent"}, False),
        ("systemd_service", "unit:x.service", STARTED, {"name": "x", "enabled": True}, True),
        ("systemd_service", "unit:x.service", STARTED, {"name": "x", "state": "stopped"}, False),
        ("user", "user:u", {"name": "u"}, {"name": "u", "state": "absent"}, False),
        ("user", "user:u", {"name": "u"}, {"name": "u", "shell": "/bin/sh"}, True),
    ],
)
def test_wishes_that_do_not_contradict_are_taken_in_turn(
    module: str, key: str, one: dict[str, object], other: dict[str, object], fine: bool
) -> None:
    """What one task leaves open the other may say; a default counts as said."""
    roles = [
        role(n, [task("t", module=module, params=p, writes=[key])]) for n, p in (("a", one), ("b", other))
    ]
    if fine:
        assert by_id(build_graph(roles))["b/t"].after == ("a/t",)
    else:
        with pytest.raises(InputError, match=f"want different things of {key}"):
            build_graph(roles)


def test_edits_of_one_file_exclude_each_other_by_a_lock() -> None:
    """Two roles may each have their line; that their order is not declared is reported for `check`."""
    roles = [
        role(
            name,
            [
                task(
                    "l",
                    module="lineinfile",
                    params={"path": "/etc/hosts", "line": name},
                    writes=["path:/etc/hosts"],
                )
            ],
        )
        for name in "ab"
    ]
    graph = build_graph(roles)
    assert [s.locks for s in graph.tasks] == [("path:/etc/hosts",)] * 2
    assert graph.edges == ()
    assert graph.unordered_edits == (("path:/etc/hosts", ("a/l", "b/l")),)


def test_limits_of_two_roles_are_edits_of_one_file() -> None:
    """Databases of two roles each want more open files: that is no contradiction."""
    limit = {"limit_type": "-", "limit_item": "nofile", "value": "9"}
    path = "path:/etc/security/limits.conf"
    roles = [
        role(name, [task("l", module="pam_limits", params={**limit, "domain": name}, writes=[path])])
        for name in "ab"
    ]
    assert [s.locks for s in build_graph(roles).tasks] == [(path,)] * 2


@pytest.mark.parametrize(
    ("module", "key", "params"),
    [
        ("acl", "acl:/srv/x", {"path": "/srv/x", "state": "present", "entry": "user:{}:r"}),
        ("htpasswd", "path:/srv/x", {"path": "/srv/x", "name": "{}", "password": "p"}),
    ],
)
def test_entries_of_two_roles_are_edits_of_one_thing(module: str, key: str, params: dict[str, str]) -> None:
    """Each role lets its own user in: that is no contradiction."""
    roles = [
        role(
            name,
            [
                task(
                    "l",
                    module=module,
                    params={word: value.format(name) for word, value in params.items()},
                    writes=[key],
                )
            ],
        )
        for name in "ab"
    ]
    assert [s.locks for s in build_graph(roles).tasks] == [(key,)] * 2


def test_an_edit_and_a_whole_file_of_unordered_roles_are_an_error() -> None:
    """Whichever came last would win by chance."""
    line = task("l", module="lineinfile", params={"path": "/etc/m", "line": "x"}, writes=["path:/etc/m"])
    with pytest.raises(InputError, match="want different things of path:/etc/m"):
        build_graph([role("a", [line]), role("b", [task("f", **directory("/etc/m"))])])  # type: ignore[arg-type]


def test_what_two_roles_touch_in_passing_is_taken_in_turn() -> None:
    """A key that neither task is about is no wish: a lock keeps them apart."""
    roles = [
        role(
            n,
            [
                task(
                    "x", params={"path": f"/{n}", "state": "touch"}, writes=[f"path:/{n}", "path:/etc/passwd"]
                )
            ],
        )
        for n in "ab"
    ]
    graph = build_graph(roles)
    assert [s.locks for s in graph.tasks] == [("path:/etc/passwd",)] * 2


def package(state: str, **more: object) -> dict[str, object]:
    return {
        "module": "apt",
        "params": {"name": ["x"], "state": state, **more},
        "writes": ["package:x", "path:**"],
    }


def test_packages_conflict_only_if_one_role_removes_what_another_installs() -> None:
    roles = [role("a", [task("p", **package("present"))]), role("b", [task("p", **package("latest"))])]  # type: ignore[arg-type]
    assert build_graph(roles).edges == ()
    roles = [role("a", [task("p", **package("present"))]), role("b", [task("p", **package("absent"))])]  # type: ignore[arg-type]
    with pytest.raises(InputError, match="want different things of package:x"):
        build_graph(roles)


def test_a_handler_and_another_role_s_task_on_one_unit_exclude_each_other() -> None:
    """A restart in the middle of another role's change of the same unit would be a race."""
    unit = {"module": "systemd_service", "writes": ["unit:x.service"]}
    a = role("a", [task("t", notify=["h"])], [task("h", **unit, params={"name": "x", "state": "restarted"})])  # type: ignore[arg-type]
    b = role("b", [task("u", **unit, params={"name": "x", "enabled": True})])  # type: ignore[arg-type]
    specs = by_id(build_graph([a, b]))
    assert specs["a/h"].locks == specs["b/u"].locks == ("unit:x.service",)


# -- handlers ------------------------------------------------------------------------------------------


def test_handlers_follow_all_tasks_of_their_role_in_the_order_of_their_file() -> None:
    handlers = [task("second"), task("first")]
    graph = build_graph([role("a", [task("x", notify=["first"]), task("y")], handlers)])
    specs = by_id(graph)
    assert set(specs["a/tasks"].after) == {"a/x", "a/y"}
    assert specs["a/second"].after == ("a/tasks",)
    assert set(specs["a/first"].after) == {"a/tasks", "a/second"}
    assert specs["a/first"].requires == ()


def test_names_and_topics_of_the_own_role_come_first() -> None:
    a = role("a", [task("x", notify=["reload", "topic"])], [task("reload"), task("two", listen=["topic"])])
    b = role("b", [task("y", notify=["reload", "two"])], [task("reload"), task("z", listen=["topic"])])
    specs = by_id(build_graph([a, b]))
    assert specs["a/x"].notify == ("a/reload", "a/two")
    assert specs["b/y"].notify == ("b/reload", "a/two")


def test_several_handlers_listen_to_one_topic() -> None:
    handlers = [task("check", listen=["changed"]), task("reload", listen=["changed"], requires=["check"])]
    specs = by_id(build_graph([role("a", [task("x", notify=["changed"])], handlers)]))
    assert specs["a/x"].notify == ("a/check", "a/reload")
    assert specs["a/reload"].requires == ("a/check",)


def test_a_handler_follows_the_notifiers_of_other_roles() -> None:
    """It runs once, after all that may ask for it."""
    nginx = role("nginx", [task("install")], [task("reload")])
    graph = build_graph([nginx, role("app", [task("site", notify=["nginx : reload"])])])
    specs = by_id(graph)
    assert specs["app/site"].notify == ("nginx/reload",)
    assert "app/site" in specs["nginx/reload"].after


def test_a_role_that_requires_the_handler_s_role_gets_it_at_its_own_end() -> None:
    """nginx is reloaded at its end for what it changed itself, and again after the site that builds on it."""
    handlers = [task("check", listen=["changed"]), task("reload", listen=["changed"], requires=["check"])]
    nginx = role("nginx", [task("conf", notify=["changed"])], handlers)
    app = role(
        "app", [task("site", notify=["changed"]), task("more", notify=["changed"])], requires=["nginx"]
    )
    last = role("last", [task("use")], requires=["app"])
    graph = build_graph([nginx, app, last])
    specs = by_id(graph)
    assert specs["nginx/conf"].notify == ("nginx/check", "nginx/reload")
    copies = ("nginx/check for app", "nginx/reload for app")
    assert specs["app/site"].notify == specs["app/more"].notify == copies
    assert specs[copies[1]].requires == (copies[0],)
    assert specs[copies[1]].handler
    assert waits_for(graph, copies[0], "app/more")
    assert waits_for(graph, "last/use", copies[1])
    assert waits_for(graph, "app/site", "nginx/reload")


def test_a_handler_may_notify_a_handler() -> None:
    """The notified one comes later, even if it is written first; each other is a problem."""
    handlers = [task("b"), task("a", notify=["b"])]
    graph = build_graph([role("r", [task("x", notify=["a"])], handlers)])
    assert by_id(graph)["r/a"].notify == ("r/b",)
    assert waits_for(graph, "r/b", "r/a")
    with pytest.raises(InputError, match="handlers notify each other"):
        build_graph([role("r", [], [task("a", notify=["b"]), task("b", notify=["a"])])])


def test_unknown_handlers_are_reported_with_place_and_hint() -> None:
    with pytest.raises(InputError) as caught:
        build_graph([role("a", [task("x", notify=["relaod"])], [task("reload")])])
    assert problems(caught.value) == [
        "roles/a/tasks/main.yml:1:3: no role of this host has a handler 'relaod' (did you mean 'reload'?)"
    ]


# -- everything at once --------------------------------------------------------------------------------

# Mostly nothing: with more, nearly every set of roles contradicts itself and only the refusal is tested.
RARELY = st.sampled_from([*[[]] * 40, ["p"], ["p"], ["a: p"], ["b: q"], ["a:"], ["c:"]])
TASKS = st.builds(
    lambda reads, writes, requires, notify, opaque: {
        "reads": reads, "writes": writes, "requires": requires, "notify": notify, "opaque": opaque,
    },
    st.lists(st.sampled_from(["user:u", "path:/a", "unit:x", "path:/a/**"]), max_size=2),
    st.lists(st.sampled_from(["package:p", "user:u", "path:/b/**", "path:/a/1"]), max_size=1),
    RARELY,
    st.lists(st.sampled_from(["h", "topic", "only-c", "a : h"]), max_size=1),
    st.booleans(),
)  # fmt: skip


def _role(name: str, tasks: list[dict[str, object]], needs: list[str]) -> CompiledRole:
    """A role whose tasks are called p, q, r...; c has a handler that the others borrow."""
    handlers = [task("h", listen=["topic"]), *([task("only-c", notify=["h"])] if name == "c" else [])]
    named = [task(word, **item) for word, item in zip("pqrstu", tasks, strict=False)]  # type: ignore[arg-type]
    return role(name, named, handlers, needs)


SOME = st.lists(TASKS, min_size=2, max_size=6)
ROLES = st.permutations("abc").flatmap(
    lambda order: st.tuples(
        st.builds(_role, st.just(order[0]), SOME, st.just([])),
        st.builds(_role, st.just(order[1]), SOME, st.sampled_from([[], [], [order[0]]])),
        st.builds(
            _role,
            st.just(order[2]),
            SOME,
            st.sampled_from([[], [order[0]], [order[1]], [*order[:2]], [*order]]),
        ),
    )
)


@settings(max_examples=400, deadline=None)
@given(ROLES)
def test_whatever_is_declared_the_graph_is_sound_or_refused(roles: tuple[CompiledRole, ...]) -> None:
    """Acyclic, complete, handlers last and after their notifiers, required roles finished first."""
    try:
        graph = build_graph(roles)
    except InputError as error:
        assert error.diagnostics or error.message.startswith("cycle")
        return
    TaskGraph(Task(s.id, lambda context: None, requires=s.requires, after=s.after) for s in graph.tasks)
    assert graph == build_graph(roles)
    specs = by_id(graph)
    assert {t.spec.id for r in roles for t in (*r.tasks, *r.handlers)} <= specs.keys()
    for spec in graph.tasks:
        assert_handlers_follow(graph, spec)
    for r in roles:
        for needed in r.requires:
            other = next(o for o in roles if o.name == needed.role)
            for later in r.tasks:
                assert all(
                    waits_for(graph, later.spec.id, t.spec.id) for t in (*other.tasks, *other.handlers)
                )
        for t in r.tasks:
            for h in r.handlers:
                assert waits_for(graph, h.spec.id, t.spec.id)


def assert_handlers_follow(graph: OrderedGraph, spec: TaskSpec) -> None:
    specs = by_id(graph)
    for handler in spec.notify:
        assert specs[handler].handler
        assert waits_for(graph, handler, spec.id)


@settings(max_examples=150, deadline=None)
@given(ROLES, st.data())
def test_no_failure_leaves_a_task_without_its_requirements(
    roles: tuple[CompiledRole, ...], data: st.DataObject
) -> None:
    """Whatever fails, a task that ran had all that it directly or by its role requires, handlers included."""
    try:
        graph = build_graph(roles)
    except InputError:
        return
    ids = [s.id for s in graph.tasks if not s.barrier]
    failing = set(data.draw(st.lists(st.sampled_from(ids), max_size=2))) if ids else set()
    results = run(graph, failing)
    for r in roles:
        for needed in r.requires:
            other = next(o for o in roles if o.name == needed.role)
            broken = any(results[t.spec.id] != "success" for t in (*other.tasks, *other.handlers))
            ran = [t.spec.id for t in r.tasks if results[t.spec.id] in ("success", "failed")]
            assert not (broken and ran)
    for name, result in results.items():
        if result not in ("success", "failed"):
            assert result in failing, f"{name} was skipped by {result}, which did not fail"
    assert all(results[s.id] in ("success", "failed") for s in graph.tasks if s.handler)
