"""A project's modules on a host: from the cache if they are what was meant, else once from the controller."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.agent import extensions
from configurator.agent.extensions import Extensions, load_kept
from configurator.core.errors import TaskError
from configurator.modules import registry
from tests.unit.compiler.test_extensions import THING

SOURCE = THING.encode()
DIGEST = hashlib.sha256(SOURCE).hexdigest()


@pytest.fixture(autouse=True)
def _no_other_module() -> Iterator[None]:
    before = dict(registry._extensions)
    yield
    registry._extensions.clear()
    registry._extensions.update(before)


class Controller:
    """Hands out sources; `asked` is what for."""

    def __init__(self, **sources: bytes) -> None:
        self.sources = {hashlib.sha256(source).hexdigest(): source for source in sources.values()}
        self.asked: list[str] = []

    def blob(self, digest: str) -> bytes:
        self.asked.append(digest)
        if digest not in self.sources:
            raise TaskError("a file's content did not arrive from the controller")
        return self.sources[digest]


def test_it_is_asked_for_once(tmp_path: Path) -> None:
    """The next run finds it in the cache, unless somebody has changed it there."""
    controller = Controller(thing=SOURCE)
    for _ in range(2):
        found = Extensions({"thing": DIGEST}, str(tmp_path), controller.blob)
        found.check("thing")
        assert registry.get("thing").subject(type("P", (), {"name": "x"})) == "thing:x"
    assert controller.asked == [DIGEST]
    kept = Path(found.paths["thing"])
    assert kept.read_bytes() == SOURCE
    kept.write_bytes(b"raise ValueError")
    Extensions({"thing": DIGEST}, str(tmp_path), controller.blob).check("thing")
    assert controller.asked == [DIGEST, DIGEST]
    assert kept.read_bytes() == SOURCE


def test_a_child_reads_what_is_kept(tmp_path: Path) -> None:
    """It runs as somebody else, and has nobody to ask."""
    paths = Extensions({"thing": DIGEST}, str(tmp_path), Controller(thing=SOURCE).blob).paths
    registry._extensions.clear()
    load_kept("thing", paths["thing"])
    assert registry.get("thing").name == "thing"
    with pytest.raises(TaskError, match="'thing' cannot be loaded on the host"):
        load_kept("thing", str(tmp_path / "none"))


def test_what_cannot_be_had_is_an_error_of_its_tasks(tmp_path: Path) -> None:
    """Not of the run: nothing else needs it."""
    broken = b"x = ("
    digest = hashlib.sha256(broken).hexdigest()
    wanted = {"thing": DIGEST, "broken": digest, "gone": "0" * 64}
    found = Extensions(wanted, str(tmp_path), Controller(thing=SOURCE, broken=broken).blob)
    found.check("thing")
    found.check("copy")
    with pytest.raises(TaskError, match="line 1: bad syntax"):
        found.check("broken")
    with pytest.raises(TaskError, match="did not arrive"):
        found.check("gone")


def test_the_cache_does_not_grow_for_ever(tmp_path: Path) -> None:
    """Each version of each module is another file; the oldest go."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for number in range(extensions._KEPT + 5):
        path = folder / f"{number:064}.py"
        path.touch()
        os.utime(path, (number, number))
    Extensions({"thing": DIGEST}, str(tmp_path), Controller(thing=SOURCE).blob).check("thing")
    left = sorted(path.name for path in folder.iterdir())
    assert len(left) == extensions._KEPT
    assert f"{DIGEST}.py" in left
    assert f"{0:064}.py" not in left


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    """A full disk must not keep tasks from running that need none."""
    (tmp_path / "modules").touch()
    controller = Controller(thing=SOURCE)
    Extensions({"thing": DIGEST}, str(tmp_path), controller.blob).check("thing")
    assert controller.asked == [DIGEST]
