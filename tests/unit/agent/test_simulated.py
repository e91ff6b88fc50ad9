"""SimulatedSystem: what a plan sees of its own predictions, what it writes (nothing), and what it doubts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configurator.agent.assumptions import PendingPackages
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.changes import Certainty
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.shapes import PACKAGE_INDEX
from configurator.modules.state import UnknownState
from configurator.modules.system import FileStat


def simulated(world: World | None = None) -> SimulatedSystem:
    real = HostContext().for_task(CancelToken())
    return SimulatedSystem(world or World(real), real, "a task")


def snapshot(root: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_uid, content)
    return found


def test_later_tasks_see_what_earlier_ones_would_write(tmp_path: Path) -> None:
    """A directory that will exist can be written into, and the host stays as it was."""
    before = snapshot(tmp_path)
    system = simulated()
    system.mkdir(f"{tmp_path}/new", mode="0750")
    system.write(f"{tmp_path}/new/file", b"content", mode="0600")
    found = system.stat(f"{tmp_path}/new/file")
    assert found is not None
    assert (found.kind, found.mode, found.size) == ("file", 0o600, 7)
    assert system.read(f"{tmp_path}/new/file") == b"content"
    assert system.listdir(f"{tmp_path}/new") == ["file"]
    assert "new" in system.listdir(str(tmp_path))
    assert snapshot(tmp_path) == before


def test_what_is_removed_is_gone_with_everything_below(tmp_path: Path) -> None:
    """A removed tree is absent, and a directory made in its place is empty."""
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "file").write_text("x")
    system = simulated()
    system.remove(f"{tmp_path}/tree")
    assert system.stat(f"{tmp_path}/tree/deep/file") is None
    assert system.listdir(str(tmp_path)) == []
    system.mkdir(f"{tmp_path}/tree")
    assert system.listdir(f"{tmp_path}/tree") == []
    assert system.stat(f"{tmp_path}/tree/deep") is None
    assert (tmp_path / "tree" / "deep" / "file").exists()


def test_links_are_followed_through_the_overlay(tmp_path: Path) -> None:
    """A planned link to a real directory, and a real link to a planned file, both resolve."""
    (tmp_path / "real").mkdir()
    (tmp_path / "dangling").symlink_to("planned")
    system = simulated()
    system.symlink("real", f"{tmp_path}/link")
    system.write(f"{tmp_path}/link/file", b"a")
    assert system.read(f"{tmp_path}/real/file") == b"a"
    assert system.stat(f"{tmp_path}/dangling", follow=True) is None
    system.write(f"{tmp_path}/planned", b"b")
    assert system.read(f"{tmp_path}/dangling") == b"b"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(TaskError):
        system.read(f"{tmp_path}/loop/x")


def test_hard_links_are_one_file_until_one_of_them_is_rewritten(tmp_path: Path) -> None:
    """Attributes are seen under all names, real and planned ones; a new content is another file."""
    (tmp_path / "a").write_text("old")
    os.link(tmp_path / "a", tmp_path / "b")
    system = simulated()

    def look(name: str) -> FileStat:
        found = system.stat(f"{tmp_path}/{name}")
        assert found is not None
        return found

    system.hardlink(f"{tmp_path}/a", f"{tmp_path}/c")
    system.set_attributes(f"{tmp_path}/c", mode="0600")
    assert [oct(look(name).mode) for name in "abc"] == ["0o600"] * 3
    system.write(f"{tmp_path}/a", b"new", mode="0640")
    assert [oct(look(name).mode) for name in "abc"] == ["0o640", "0o600", "0o600"]
    assert look("b").inode == look("c").inode != look("a").inode
    assert system.read(f"{tmp_path}/c") == b"old"
    system.write(f"{tmp_path}/d", b"")
    system.hardlink(f"{tmp_path}/d", f"{tmp_path}/e")
    assert (look("d").device, look("d").inode) == (look("e").device, look("e").inode)
    assert look("d").inode != look("a").inode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other groups")
@pytest.mark.parametrize("mode", [None, "0700", "u=rwx,go="])
def test_a_directory_hands_down_its_group_as_the_kernel_does(tmp_path: Path, mode: str | None) -> None:
    """Below a directory with the set-group-ID bit, in a plan as on the disk."""
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, 0, 65534)
    shared.chmod(0o2755)
    found = []
    plan = simulated()
    for system in (plan, HostContext().for_task(CancelToken())):
        system.mkdir(f"{shared}/d", mode=mode)
        system.write(f"{shared}/d/f", b"x", mode=mode)
        system.symlink("d", f"{shared}/l")
        stats = [system.stat(f"{shared}/{name}") for name in ("d", "d/f", "l")]
        found.append([(stat.mode, stat.uid, stat.gid, stat.group) for stat in stats if stat is not None])
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_a_missing_directory_is_an_error_in_the_plan_too(tmp_path: Path) -> None:
    """The plan fails where the apply would."""
    with pytest.raises(ParameterError, match="none does not exist"):
        simulated().write(f"{tmp_path}/none/file", b"")


def test_an_unknown_owner_is_an_error_unless_a_task_makes_it(tmp_path: Path) -> None:
    """A user that an earlier task creates can own a file; one that nobody creates cannot."""
    system = simulated()
    with pytest.raises(ParameterError, match=r"'anna'.* does not exist"):
        system.write(f"{tmp_path}/f", b"", owner="anna")
    system.run(["useradd", "anna"], establishes={"user:anna": {"exists": True}})
    system.write(f"{tmp_path}/f", b"", owner="anna")
    found = system.stat(f"{tmp_path}/f")
    assert found is not None
    assert found.owner == "anna"


def test_established_states_replace_the_probe() -> None:
    """What a command would have made so is what observe finds; None means: unknown from here on."""
    system = simulated()
    system.run(["x"], establishes={"unit:a": {"exists": True, "active": "active"}, "unit:b": None})
    assert system.lookup("unit:a", lambda: {"exists": False})["active"] == "active"
    with pytest.raises(UnknownState, match="unit:b"):
        system.lookup("unit:b", lambda: {"exists": True})
    assert system.doubt.certainty is Certainty.EXACT


def test_what_a_pending_package_may_bring_is_doubted(tmp_path: Path) -> None:
    """After a simulated install, absence below a missing directory is a question, elsewhere a fact."""
    world = World(HostContext().for_task(CancelToken()))
    simulated(world).run(["apt-get"], establishes={"package:nginx": {"exists": True, "version": "1"}})
    inside = simulated(world)
    assert inside.stat("/etc/no-such-dir/sites/x") is None
    assert inside.doubt.open_question
    inside.write("/etc/no-such-dir/sites/x", b"")
    assert inside.doubt.certainty is Certainty.ASSUMED
    assert inside.doubt.because == "'a task' comes first"
    named = simulated(world)
    assert named.stat("/etc/nginx-extra") is None
    assert named.doubt.open_question
    assert named.doubt.because == "nginx is not installed yet"
    for ours in ("/tmp/none/nginx", "/home/nginx/x/y", "/usr/local/etc/nginx/x"):
        place = simulated(world)
        assert place.stat(ours) is None
        assert not place.doubt.open_question, "Debian's packages put nothing there"
    outside = simulated(world)
    assert outside.stat(f"{tmp_path}/zzz") is None
    assert not outside.doubt.open_question
    with pytest.raises(UnknownState):
        simulated(world).read("/etc/no-such-dir/sites/y")


def test_what_rests_on_several_tasks_names_them_as_people_do() -> None:
    """One comes first, several come first."""
    packages = PendingPackages()
    because = []
    for task in "abcd":
        packages.add_package(f"package-{task}", task)
        because.append(packages.because())
    assert because == [
        "'a' comes first",
        "'a' and 'b' come first",
        "'a', 'b' and 1 more come first",
        "'a', 'b' and 2 more come first",
    ]


def test_units_of_a_pending_package_are_assumed_to_run() -> None:
    """Debian's policy: a package's service is enabled and started by its installation."""
    world = World(HostContext().for_task(CancelToken()))
    absent = {"exists": False}
    assert simulated(world).lookup("unit:nginx.service", lambda: dict(absent))["exists"] is False
    simulated(world).run(["apt-get"], establishes={"package:nginx": {"exists": True}})
    system = simulated(world)
    assert system.lookup("unit:nginx.service", lambda: dict(absent))["active"] == "active"
    assert system.doubt.certainty is Certainty.ASSUMED


def test_nothing_is_exact_behind_a_command_that_nobody_can_look_into() -> None:
    """A command may have changed anything: everything after it rests on an assumption."""
    world = World(HostContext().for_task(CancelToken()))
    simulated(world).run(["make", "install"])
    assert simulated(world).doubt.certainty is Certainty.ASSUMED


def test_a_query_of_a_program_that_a_pending_package_brings() -> None:
    """A program that is going to be installed is not there yet, which is no failure."""
    world = World(HostContext().for_task(CancelToken()))
    simulated(world).run(["apt-get"], establishes={"package:frobnicator": {"exists": True}})
    system = simulated(world)
    assert system.query(["frobnicate", "--list"]).exit_status == 127
    assert system.doubt.certainty is Certainty.ASSUMED


def test_sources_and_pins_that_a_plan_writes_leave_it_open_what_apt_would_take() -> None:
    """apt on the host reads the files as they are, not as they will be: its answers are not exact then."""
    world = World(HostContext().for_task(CancelToken()))

    def ask() -> object:
        return simulated(world).lookup(PACKAGE_INDEX, lambda: {"exists": True, "pending": False})["pending"]

    assert ask() is False
    simulated(world).symlink("elsewhere", "/etc/apt/other")
    assert ask() is False
    simulated(world).symlink("elsewhere", "/etc/apt/preferences.d/pin")
    assert ask() is True


names = st.sampled_from(["a", "b", "c"])
steps = st.lists(
    st.tuples(
        st.sampled_from(["write", "mkdir", "remove", "symlink", "chmod"]),
        st.lists(names, min_size=1, max_size=3),
    ),
    max_size=12,
)


@settings(max_examples=120, deadline=None)
@given(steps=steps)
def test_the_overlay_ends_like_the_real_thing(
    steps: list[tuple[str, list[str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any sequence of operations fails in the same places and leaves the same tree as on a real disk."""
    planned_root, real_root = tmp_path_factory.mktemp("plan"), tmp_path_factory.mktemp("real")
    for root in (planned_root, real_root):
        (root / "a").mkdir()
        (root / "a" / "b").write_text("seed")
        (root / "b").symlink_to("a")
    plan = simulated()
    real = HostContext().for_task(CancelToken())
    for verb, parts in steps:
        outcomes = []
        for system, root in ((plan, planned_root), (real, real_root)):
            path = os.path.join(root, *parts)
            try:
                if verb == "write":
                    system.write(path, "/".join(parts).encode())
                elif verb == "mkdir":
                    system.mkdir(path)
                elif verb == "remove":
                    system.remove(path)
                elif verb == "symlink":
                    system.symlink("a", path)
                else:
                    system.set_attributes(path, mode="0700")
                outcomes.append(True)
            except TaskError:
                outcomes.append(False)
        assert outcomes[0] == outcomes[1], (verb, parts)
    assert _tree(plan, str(planned_root)) == _tree(real, str(real_root))


def _tree(system: object, root: str, below: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name in system.listdir(root + below):  # type: ignore[attr-defined]
        path = f"{below}/{name}"
        stat = system.stat(root + path)  # type: ignore[attr-defined]
        content = system.read(root + path) if stat.kind == "file" else stat.target  # type: ignore[attr-defined]
        mode = stat.mode if stat.kind != "link" else None
        found[path] = (stat.kind, mode, content)
        if stat.kind == "directory":
            found |= _tree(system, root, path)
    return found
