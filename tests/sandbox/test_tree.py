"""A root tree is built once, whole or not at all, by however many processes want it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from configurator.core.errors import SandboxError
from configurator.sandbox import tree
from configurator.sandbox.sources import Mirrors
from configurator.sandbox.tree import TreeCache


class StubCache(TreeCache):
    """A cache whose builder needs no network and no root; it counts its builds in a file."""

    fails = False

    def _fill(self, root: str, release: str, mirrors: Mirrors, environment: Mapping[str, str]) -> None:
        os.makedirs(root)
        with open(os.path.join(os.path.dirname(self.directory), "builds"), "a", encoding="ascii") as file:
            file.write(f"{release}\n")
        time.sleep(0.1)
        if self.fails:
            raise SandboxError("the mirror is gone")

    def _update(self, home: str, name: str, environment: Mapping[str, str]) -> str:
        if self.fails:
            raise SandboxError("the mirror is gone")
        os.mkdir(os.path.join(home, name))
        return os.path.join(home, name)


@pytest.fixture
def said() -> list[str]:
    """What the cache told its user."""
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> StubCache:
    return StubCache(str(tmp_path / "trees"), say=said.append, cancel=threading.Event())


def test_parallel_wishes_build_once(cache: StubCache, tmp_path: Path) -> None:
    """Two test workers that start together share one minute of building."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(cache.layers, ["bookworm"] * 4))
    assert (tmp_path / "builds").read_text() == "bookworm\n"
    assert all(answer == answers[0] for answer in answers)
    assert [os.path.isdir(layer) for layer in answers[0]] == [True, True]


def test_a_failed_build_leaves_nothing_and_is_tried_again(cache: StubCache) -> None:
    """Half a tree in the place of a whole one would boot into riddles."""
    cache.fails = True
    with pytest.raises(SandboxError):
        cache.layers("bookworm")
    assert os.listdir(cache.directory) == ["lock"]
    cache.fails = False
    assert cache.layers("bookworm")


def test_what_a_killed_build_left_is_removed_by_the_next(cache: StubCache) -> None:
    """The lock is ours, so whoever made it is gone."""
    litter = Path(cache.directory) / f"{tree.SCRATCH}bookworm-x" / "root"
    litter.mkdir(parents=True)
    cache.layers("bookworm")
    assert not litter.parent.exists()


def test_old_package_lists_are_renewed_and_serve_when_offline(cache: StubCache, said: list[str]) -> None:
    """A mirror drops superseded versions within days; without a mirror old lists are better than none."""
    lists, root = cache.layers("bookworm")
    home = os.path.dirname(root)
    old = os.path.join(home, f"lists-{int(time.time() - tree.LISTS_MAX_AGE_S - 60)}")
    os.rename(lists, old)
    cache.fails = True
    assert cache.layers("bookworm")[0] == old
    assert "the mirror is gone" in said[-1]
    cache.fails = False
    assert cache.layers("bookworm")[0] != old
    assert os.path.isdir(old), "another lab may be about to mount it"


def test_a_tree_unused_for_a_month_goes(cache: StubCache) -> None:
    """Each change of the recipe leaves a tree of 400 MB behind."""
    _, root = cache.layers("bookworm")
    home = os.path.dirname(root)
    long_ago = time.time() - tree.UNUSED_MAX_AGE_S - 60
    os.utime(home, (long_ago, long_ago))
    cache.layers("trixie")
    assert not os.path.exists(home)


def test_an_unknown_release_names_the_known_ones(cache: StubCache) -> None:
    """debootstrap would say that a script is missing."""
    with pytest.raises(SandboxError) as error:
        cache.layers("potato")
    assert "bookworm, trixie" in str(error.value.hint)


def test_a_link_in_the_tree_does_not_lead_the_name_servers_out_of_it(tmp_path: Path) -> None:
    """An /etc/resolv.conf that links to /run/... would otherwise overwrite the machine's own."""
    outside = tmp_path / "outside"
    outside.write_text("the machine's own")
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/resolv.conf").symlink_to(outside)
    tree.give_resolver(str(tmp_path / "root"))
    assert outside.read_text() == "the machine's own"
    assert not (tmp_path / "root/etc/resolv.conf").is_symlink()
