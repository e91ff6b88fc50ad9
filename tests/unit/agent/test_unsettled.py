"""A plan does not pretend to know what a command puts into a directory: a checkout, an archive."""

from __future__ import annotations

import pytest

from configurator.agent.overlay import Later
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.world import World
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
