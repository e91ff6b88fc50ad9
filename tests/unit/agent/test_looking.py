"""What a System says of files besides their content: entries, access, special files, what is only planned."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext, RealSystem
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.changes import Certainty
from configurator.modules.modes import permitted


def real() -> RealSystem:
    return HostContext().for_task(CancelToken())


def simulated(user: str = "root") -> SimulatedSystem:
    return SimulatedSystem(World(real()), real(), "a task", user=user)


def test_entries_are_what_listdir_and_stat_say(tmp_path: Path) -> None:
    """On the host as in a plan that has changed nothing, links that lead nowhere included."""
    (tmp_path / "b").write_text("x")
    (tmp_path / "a").mkdir()
    (tmp_path / "c").symlink_to("nowhere")
    (tmp_path / "é\udcff").write_text("")
    for system in (real(), simulated()):
        found = system.entries(str(tmp_path))
        assert [name for name, _ in found] == system.listdir(str(tmp_path))
        assert [stat for _, stat in found] == [system.stat(f"{tmp_path}/{name}") for name, _ in found]
        assert system.entries(f"{tmp_path}/none") == []
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "a" / "deep").mkdir()
    assert [name for name, _ in simulated().entries(f"{tmp_path}/link")] == ["deep"]


def test_entries_of_a_plan_are_those_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "gone").write_text("x")
    (tmp_path / "kept").write_text("x")
    system = simulated()
    system.remove(f"{tmp_path}/gone")
    system.write(f"{tmp_path}/new", b"abc")
    system.set_attributes(f"{tmp_path}/kept", mode="0600")
    found = dict(system.entries(str(tmp_path)))
    assert sorted(found) == ["kept", "new"]
    assert (found["new"].size, found["kept"].mode) == (3, 0o600)
    assert found["new"].device < 0 < found["kept"].device
    assert (found["new"].ctime, found["kept"].ctime) == (0, 0)


def test_a_directory_may_get_more_from_a_package_to_come() -> None:
    """What is listed then is no more than assumed."""
    system = simulated()
    system.entries("/etc")
    assert system.doubt.certainty is Certainty.EXACT
    system.run(["apt-get", "install", "x"], establishes={"package:x": {"exists": True}})
    system.entries("/srv")
    assert system.doubt.certainty is Certainty.EXACT
    system.entries("/etc")
    assert str(system.doubt.certainty) == Certainty.ASSUMED


def test_special_files_are_told_apart(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        kinds = {name: (stat.kind, stat.special) for name, stat in real().entries(str(tmp_path))}
    assert kinds == {"fifo": ("other", "fifo"), "socket": ("other", "socket")}
    null = real().stat("/dev/null")
    assert null is not None
    assert (null.special, null.special_device) == ("character", os.stat("/dev/null").st_rdev)


@given(st.integers(0, 0o7777))
def test_the_first_class_that_fits_decides(mode: int) -> None:
    """An owner whom the bits forbid what they allow to others stays without (path_resolution(7))."""
    text = oct(0o100000 | mode)[-3:]
    for digit, owner, member in ((0, True, True), (0, True, False), (1, False, True), (2, False, False)):
        allowed = permitted(mode, root=False, owner=owner, member=member)
        assert sum({"r": 4, "w": 2, "x": 1}[letter] for letter in allowed) == int(text[digit])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("mode", ["0644", "0755", "0000", "0070", "0007"])
def test_a_plan_knows_what_the_host_will_allow(tmp_path: Path, mode: str) -> None:
    """For files that it will make, as root and as another user; without the planned change for the rest."""
    path = tmp_path / "f"
    plan = simulated()
    plan.write(str(path), b"", mode=mode)
    system = real()
    system.write(str(path), b"", mode=mode)
    assert plan.access(str(path)) == system.access(str(path)) == simulated().access(str(path))
    other = simulated("nobody")
    assert other.access(str(path)) == permitted(int(mode, 8), root=False, owner=False, member=False)
    path.chmod(0o777)
    assert plan.access(str(path)) == permitted(int(mode, 8), root=True, owner=True, member=True)
    assert plan.access(f"{path}none") == ""
