"""Trees of the controller on the host: private, complete, and gone with their task."""

from __future__ import annotations

import gc
import hashlib
import os
import stat
from pathlib import Path

import pytest

from configurator.agent.contents import PIECE_BYTES
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext, RealSystem
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError
from configurator.modules.staging import Entry
from configurator.modules.state import UnknownState

BIG = os.urandom(10_000)
DIGEST = hashlib.sha256(BIG).hexdigest()
SECOND = 10**9


def _entry(path: str, kind: str, mode: int = 0o644, **more: object) -> Entry:
    return Entry(path, kind, mode, 5 * SECOND, os.getuid(), os.getgid(), **more)  # type: ignore[arg-type]


TREE = (
    _entry("", "directory", 0o500),
    _entry("closed", "directory", 0o555),
    _entry("closed/big", "file", size=len(BIG), content={"$blob": DIGEST}),
    _entry("link", "link", target="nowhere"),
    _entry("small", "file", 0o4751, size=5, content="text\n"),
    _entry("odd \udcff\n", "file", content=""),
)


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def system(tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> RealSystem:
    monkeypatch.setattr("configurator.agent.staging.cache_directory", lambda: str(tmp_path / "cache"))

    def piece(digest: str, offset: int, _token: CancelToken | None) -> tuple[bytes, int]:
        asked.append(digest)
        return BIG[offset : offset + PIECE_BYTES], len(BIG)

    return HostContext(fetch_piece=piece).for_task(CancelToken())


def test_a_tree_stands_as_it_is_on_the_controller(system: RealSystem, tmp_path: Path) -> None:
    """Also what may not be written to, and names of any bytes; nobody else can enter."""
    top = Path(system.stage(TREE, "a tree"))
    assert top.name == "a tree"
    assert stat.S_IMODE(top.parent.stat().st_mode) == 0o700
    assert top.is_relative_to(tmp_path / "cache")
    assert (top / "closed/big").read_bytes() == BIG
    assert os.readlink(top / "link") == "nowhere"
    for entry in TREE:
        found = os.lstat(top / entry.path)
        assert found.st_mtime_ns == 5 * SECOND, entry
        assert entry.kind == "link" or stat.S_IMODE(found.st_mode) == entry.mode
    assert system.stage(TREE, "a tree") == str(top), "it stands already"


def test_a_hollow_tree_costs_nothing(system: RealSystem, asked: list[str]) -> None:
    """Sizes and times are what is looked at."""
    top = Path(system.stage(TREE, "t", hollow=True))
    assert (top / "closed/big").stat().st_size == len(BIG)
    assert (top / "small").stat().st_size == 5
    assert asked == []
    assert system.stage(TREE, "t") != str(top), "what is to be taken has its contents"


def test_what_the_host_has_is_not_sent_again(system: RealSystem, asked: list[str], tmp_path: Path) -> None:
    """It is the content that counts, not the name alone."""
    like = tmp_path / "like"
    (like / "closed").mkdir(parents=True)
    (like / "closed/big").write_bytes(BIG)
    top = Path(system.stage(TREE, "same", like=str(like)))
    assert asked == []
    assert (top / "closed/big").read_bytes() == BIG
    (like / "closed/big").write_bytes(bytes(len(BIG)))
    other = HostContext(fetch_piece=system._context.fetch_piece).for_task(CancelToken())
    assert (Path(other.stage(TREE, "other", like=str(like))) / "closed/big").read_bytes() == BIG
    assert asked == [DIGEST]


def test_a_tree_goes_with_its_task(system: RealSystem, tmp_path: Path) -> None:
    """Nothing stays in the cache."""
    own = HostContext().for_task(CancelToken())
    top = own.stage(TREE[:1], "t")
    assert os.path.isdir(top)
    del own
    gc.collect()
    assert os.listdir(tmp_path / "cache/stage") == []


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", ".", "a//b"])
def test_nothing_stands_outside(system: RealSystem, path: str) -> None:
    """Whoever sends it."""
    with pytest.raises(TaskError, match="no path within a tree"):
        system.stage((TREE[0], _entry(path, "file", content="x")), "t")


def test_a_plan_knows_what_a_command_cannot_see(system: RealSystem, tmp_path: Path) -> None:
    """Below a path, at it, and in a directory on the way that is yet to be made."""
    (tmp_path / "d").mkdir()
    plan = SimulatedSystem(World(system), system, "t")
    for name in ("d", "d/x", "none"):
        plan.settled(str(tmp_path / name))
    plan.write(str(tmp_path / "d/x"), b"")
    plan.mkdir(str(tmp_path / "new"))
    plan.run(["true"], establishes={f"path:{tmp_path}/filled/**": None})
    plan.settled(str(tmp_path / "d/y"))
    for name in ("d", "d/x", "new", "new/y/z", "", "filled", "filled/x"):
        with pytest.raises(UnknownState):
            plan.settled(str(tmp_path / name))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's agent plans for others")
def test_another_user_cannot_look_into_the_cache(system: RealSystem) -> None:
    """So what rsync would tell that user is not known before."""
    plan = SimulatedSystem(World(system), system, "t", user="nobody")
    with pytest.raises(UnknownState, match="'nobody'"):
        plan.stage(TREE, "t")
