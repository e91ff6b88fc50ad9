"""A plan does not pretend to know what a command puts into a directory: a checkout, an archive."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from configurator.agent.apply_taker import ApplyTaker
from configurator.agent.notifications import Notifications
from configurator.agent.overlay import Later
from configurator.agent.plan_taker import PlanTaker
from configurator.agent.protocol import TaskSpec
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.task import TaskContext
from configurator.modules.state import UnknownState
from configurator.modules.web import Answer, Download
from tests.unit.modules.recorded_system import RecordedSystem


@pytest.fixture
def world() -> World:
    real = RecordedSystem()
    real.put("/srv/app/old", "old")
    real.put("/srv/apple", "apple")
    real.put("/srv/all.tgz", "packed")
    made = World(real)
    first = SimulatedSystem(made, real, "clone")
    first.run(["git"], establishes={"path:/srv/app/**": None, "path:/srv/all.tgz": None})
    return made


def later(world: World) -> SimulatedSystem:
    return SimulatedSystem(world, RecordedSystem(), "later")


def test_what_is_in_a_filled_directory_is_unknown(world: World) -> None:
    """Neither what is there now nor that nothing is there now tells what will be."""
    for path in ("/srv/app/old", "/srv/app/new", "/srv/all.tgz"):
        system = later(world)
        with pytest.raises(UnknownState, match="'clone' fills"):
            system.read(path)
        with pytest.raises(UnknownState, match="'clone' fills"):
            system.digest(path)


def test_that_a_file_is_missing_there_is_an_open_question(world: World) -> None:
    """A task that finds nothing to do, since nothing is there, may find something in the apply."""
    system = later(world)
    assert system.stat("/srv/app/new") is None
    assert system.doubt.open_question
    listing = later(world)
    assert listing.listdir("/srv/app") == ["old"]
    assert "'clone' fills /srv/app" in (listing.doubt.because or "")


def test_what_a_task_writes_there_itself_is_known(world: World) -> None:
    """Also below directories that only the checkout brings."""
    system = later(world)
    system.write("/srv/app/conf/local", b"x")
    reader = later(world)
    assert reader.read("/srv/app/conf/local") == b"x"
    assert "'clone' fills" in (system.doubt.because or "")


def test_names_beside_it_are_as_they_were(world: World) -> None:
    """`/srv/apple` only begins like `/srv/app`."""
    system = later(world)
    assert system.read("/srv/apple") == b"apple"
    assert system.stat("/srv/nothing") is None
    assert system.doubt.because is None


def test_a_download_is_a_file_whose_content_comes_later(world: World) -> None:
    """Its attributes are known, its checksum only if somebody knew it."""
    system = later(world)
    system.install(Download(Answer(200, "OK", "", {})), "/srv/new", mode="0600")
    found = later(world).stat("/srv/new")
    assert found is not None
    assert (found.kind, found.mode) == ("file", 0o600)
    with pytest.raises(UnknownState, match="downloaded in the apply"):
        later(world).read("/srv/new")
    system.write("/srv/known", Later.because("it is unpacked", "abc"))
    assert later(world).digest("/srv/known") == "abc"
    with pytest.raises(UnknownState, match="it is unpacked"):
        later(world).digest("/srv/known", "md5")


def test_what_was_written_before_may_be_overwritten(world: World) -> None:
    """A checkout brings its own file of that name, or brings back what was removed."""
    early = later(world)
    early.write("/srv/app/conf", b"ours", mode="0600")
    early.remove("/srv/app/old")
    early.mkdir("/srv/app/dir")
    SimulatedSystem(world, RecordedSystem(), "clone again").run(
        ["git"], establishes={"path:/srv/app/**": None}
    )
    reader = later(world)
    assert reader.stat("/srv/app/conf") is not None
    assert "'clone again' fills" in (reader.doubt.because or "")
    for look in (reader.read, reader.digest):
        with pytest.raises(UnknownState, match="'clone again' fills"):
            look("/srv/app/conf")
    gone = later(world)
    assert gone.stat("/srv/app/old") is None
    assert gone.doubt.open_question
    there = later(world)
    assert there.stat("/srv/app/dir") is not None
    assert there.doubt.because is None, "a directory stays one"


def test_attributes_do_not_make_a_content_known_but_writing_and_removing_do(world: World) -> None:
    """The latest task decides, as on the host."""
    early = later(world)
    for name in ("/srv/app/a", "/srv/app/b", "/srv/app/c"):
        early.write(name, b"ours")
    SimulatedSystem(world, RecordedSystem(), "again").run(["git"], establishes={"path:/srv/app/**": None})
    late = later(world)
    late.set_attributes("/srv/app/a", mode="0600")
    late.write("/srv/app/b", b"new")
    late.remove("/srv/app/c")
    with pytest.raises(UnknownState, match="'again' fills"):
        later(world).read("/srv/app/a")
    reader = later(world)
    assert reader.read("/srv/app/b") == b"new"
    assert reader.stat("/srv/app/c") is None
    assert reader.doubt.because is None


def test_a_file_of_what_a_command_says_is_for_later(world: World) -> None:
    """A key that openssl would make: its file has owner and mode already, and no content yet."""
    made = SimulatedSystem(world, RecordedSystem(), "key")
    made.write("/srv/key", made.run(["openssl"], establishes={}).stdout.encode(), mode="0600")
    found = later(world).stat("/srv/key")
    assert found is not None
    assert found.mode == 0o600
    for look in (later(world).read, later(world).digest):
        with pytest.raises(UnknownState, match="'key' makes it in the apply"):
            look("/srv/key")


def test_what_an_unknown_task_writes_is_unknown_to_later_ones(tmp_path: Path) -> None:
    """Of a copy of something that is not there yet, too, nobody can say what it holds."""
    context = HostContext()
    taker = PlanTaker(context, Notifications(persistent=False), cast(ApplyTaker, None), str(tmp_path))
    source, copied, beside = (str(tmp_path / name) for name in ("source", "copied", "beside"))
    Path(copied).write_text("old\n")
    taker._world.files.unsettle(source, "it comes later", below=False)
    ended = {}
    for name, module, params in (
        ("copy", "copy", {"src": source, "dest": copied, "remote_src": True}),
        ("edit", "lineinfile", {"path": copied, "line": "old"}),
        ("look", "stat", {"path": copied, "checksum_algorithm": "sha256"}),
        ("beside", "copy", {"dest": beside, "content": "x"}),
    ):
        ended[name] = taker.take(TaskSpec(name, "r", name, module, params), TaskContext(name, CancelToken()))
    assert ended["look"].changes == (), "whatever it finds, nothing changes"
    told = {
        name: (done.exact, done.changes[0].because if done.changes else done.unknown)
        for name, done in ended.items()
    }
    assert told == {
        "copy": (False, "it comes later"),
        "edit": (False, "it comes later"),
        "look": (False, "it comes later"),
        "beside": (True, None),
    }
