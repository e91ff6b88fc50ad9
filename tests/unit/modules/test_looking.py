"""stat, find and slurp: what they return, of files that are there and of planned ones."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.protocol import TaskSpec
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext
from configurator.agent.work import LocalWork
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.modules import registry
from configurator.modules.find import _BYTES, _amount
from configurator.modules.params import parse
from tests.unit.modules.harness import Host, problems


def looked(host: Host, module: str, **params: Any) -> Mapping[str, Any]:
    """Return what a task returns; the plan says the same."""
    planned = host.plan(module, **params)
    done = host.apply(module, **params)
    assert not done.changed
    assert done.outputs == planned.outputs
    return done.outputs


def of_a_plan(module: str, params: Mapping[str, Any], *before: tuple[str, Mapping[str, Any]]) -> Any:
    """Return what a task returns in a plan after other tasks."""
    world = World(HostContext().for_task(CancelToken()))
    for name, given_ in (*before, (module, params)):
        real = HostContext().for_task(CancelToken())
        system = SimulatedSystem(world, real, name)
        work = LocalWork(TaskSpec("t", "r", name, name, given_), system, system.doubt)
        work.observe()
        done = work.converge()
    return done.outputs


def test_stat_says_what_the_kernel_says(host: Host) -> None:
    path = Path(host.path("f"))
    path.write_text("x\n")
    path.chmod(0o2754)
    stat = looked(host, "stat", path=str(path))["stat"]
    found = path.stat()
    assert stat["exists"] is stat["isreg"] is stat["isgid"] is stat["readable"] is True
    assert stat["isdir"] is stat["islnk"] is stat["isuid"] is stat["woth"] is False
    assert (stat["mode"], stat["xusr"], stat["wgrp"]) == ("2754", True, False)
    same = {
        "size": "size",
        "inode": "ino",
        "dev": "dev",
        "mtime": "mtime",
        "ctime": "ctime",
        "nlink": "nlink",
    }
    for ours, theirs in (same | {"blocks": "blocks", "block_size": "blksize", "uid": "uid"}).items():
        assert stat[ours] == getattr(found, f"st_{theirs}"), ours
    assert stat["checksum"] == hashlib.sha1(b"x\n", usedforsecurity=False).hexdigest()
    assert not {"mimetype", "attributes"} & set(stat)
    assert "checksum" not in looked(host, "stat", path=str(path), get_checksum=False)["stat"]
    assert looked(host, "stat", path=f"{path}/below") == {"stat": {"exists": False}}


def test_stat_of_links(host: Host) -> None:
    Path(host.path("d")).mkdir()
    Path(host.path("d/f")).write_text("x")
    os.symlink("d/../d", host.path("l"))
    os.symlink("l/f", host.path("m"))
    os.symlink("nowhere", host.path("n"))
    stat = looked(host, "stat", path=host.path("m"))["stat"]
    assert (stat["islnk"], stat["isreg"], stat["lnk_target"]) == (True, False, "l/f")
    assert stat["lnk_source"] == os.path.realpath(host.path("m"))
    followed = looked(host, "stat", path=host.path("m"), follow=True)["stat"]
    assert (followed["islnk"], followed["size"], "lnk_target" in followed) == (False, 1, False)
    assert looked(host, "stat", path=host.path("n"))["stat"]["lnk_source"] == host.path("nowhere")
    assert looked(host, "stat", path=host.path("n"), follow=True) == {"stat": {"exists": False}}


def test_a_plan_sees_what_tasks_before_would_write(host: Host) -> None:
    """Without what only the file system knows."""
    path, new = host.path("f"), ("copy", {"dest": host.path("f"), "content": "new\n", "mode": "0600"})
    stat = of_a_plan("stat", {"path": path, "get_mime": True}, new)["stat"]
    assert (stat["exists"], stat["mode"], stat["size"], stat["writeable"]) == (True, "0600", 4, True)
    assert stat["checksum"] == hashlib.sha1(b"new\n", usedforsecurity=False).hexdigest()
    assert not {"inode", "mtime", "dev", "mimetype"} & set(stat)
    assert of_a_plan("slurp", {"src": path}, new)["content"] == base64.b64encode(b"new\n").decode()
    found = of_a_plan("find", {"paths": str(host.root), "contains": "new"}, new)
    assert [file["path"] for file in found["files"]] == [path]
    Path(path).write_text("old")
    gone = ("file", {"path": path, "state": "absent"})
    assert of_a_plan("stat", {"path": path}, gone) == {"stat": {"exists": False}}
    mode = ("file", {"path": path, "mode": "0400"})
    stat = of_a_plan("stat", {"path": path}, mode)["stat"]
    assert (stat["mode"], stat["inode"], "ctime" in stat) == ("0400", os.stat(path).st_ino, False)


def test_slurp_returns_the_bytes(host: Host) -> None:
    data = bytes(range(256))
    Path(host.path("f")).write_bytes(data)
    os.symlink("f", host.path("l"))
    found = looked(host, "slurp", path=host.path("l"))
    assert found == {
        "content": base64.b64encode(data).decode(),
        "encoding": "base64",
        "source": host.path("l"),
    }
    assert base64.b64decode(looked(host, "slurp", src="/proc/self/comm")["content"])
    assert "no such file" in host.fails("slurp", src=host.path("none")).message
    assert "is a directory" in host.fails("slurp", src=str(host.root)).message
    with open(host.path("large"), "wb") as file:
        file.truncate((32 << 20) + 1)
    assert "too large" in host.fails("slurp", src=host.path("large")).message


def tree(host: Host) -> None:
    for name, size in (("a.log", 10), ("b.txt", 2000), (".hid", 1), ("d/c.log", 5), ("d/e/f.log", 7)):
        path = Path(host.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * size)
    os.symlink("d", host.path("link"))
    os.utime(host.path("a.log"), (1000, 1000))
    os.chmod(host.path("b.txt"), 0o640)
    os.chmod(host.path("d/c.log"), 0o751)


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({}, "a.log b.txt"),
        ({"hidden": True}, ".hid a.log b.txt"),
        ({"recurse": True}, "a.log b.txt d/c.log d/e/f.log"),
        ({"recurse": True, "depth": 2}, "a.log b.txt d/c.log"),
        ({"recurse": True, "depth": 1}, "a.log b.txt"),
        ({"recurse": True, "follow": True, "patterns": "c*"}, "d/c.log"),
        ({"recurse": True, "patterns": "*.log,*.md", "excludes": "c*"}, "a.log d/e/f.log"),
        ({"recurse": True, "patterns": ["^[ab]\\.", "f"], "use_regex": True}, "a.log b.txt d/e/f.log"),
        ({"recurse": True, "use_regex": True, "excludes": ["^.*log$"]}, "b.txt"),
        ({"file_type": "directory", "recurse": True}, "d d/e"),
        ({"file_type": "link"}, "link"),
        ({"file_type": "any"}, "a.log b.txt d link"),
        ({"size": "1k"}, "b.txt"),
        ({"size": "-10"}, "a.log"),
        ({"age": "1w"}, "a.log"),
        ({"age": "-1d"}, "b.txt"),
        ({"age": "1d", "age_stamp": "ctime"}, ""),
        ({"mode": "0640"}, "b.txt"),
        ({"recurse": True, "mode": "0001", "exact_mode": False}, "d/c.log"),
        ({"recurse": True, "mode": "u=rw,g=r,o="}, "b.txt"),
        ({"contains": "x{2000}"}, "b.txt"),
        ({"recurse": True, "limit": 2}, "a.log b.txt"),
    ],
)
def test_find_answers_a_description(host: Host, params: dict[str, Any], wanted: str) -> None:
    tree(host)
    found = looked(host, "find", paths=[str(host.root)], **params)
    assert [os.path.relpath(file["path"], host.root) for file in found["files"]] == wanted.split()
    assert found["matched"] == len(wanted.split())


def test_find_looks_at_lines_or_at_all(host: Host) -> None:
    """Without `read_whole_file` an expression has to match the beginning of a line, as in Ansible."""
    Path(host.path("f")).write_bytes(b"one\ntwo \xff\n")
    for contains, whole, there in (
        ("two", False, True),
        ("wo", False, False),
        ("wo", True, True),
        ("one\\ntwo", True, True),
        ("one\\ntwo", False, False),
    ):
        found = looked(host, "find", paths=str(host.root), contains=contains, read_whole_file=whole)
        assert bool(found["files"]) is there, contains


def test_find_tells_what_it_could_not_look_at(host: Host) -> None:
    Path(host.path("f")).write_text("x")
    done = host.apply("find", paths=[host.path("f"), host.path("none"), str(host.root)], get_checksum=True)
    assert set(done.outputs["skipped_paths"]) == {host.path("f"), host.path("none")}
    assert (done.outputs["examined"], done.outputs["matched"]) == (1, 1)
    assert "is not a directory" in done.warnings[0]
    assert done.outputs["files"][0]["checksum"] == hashlib.sha1(b"x", usedforsecurity=False).hexdigest()


def test_find_does_not_run_in_circles(host: Host) -> None:
    Path(host.path("d")).mkdir()
    os.symlink("..", host.path("d/up"))
    os.symlink("d", host.path("e"))
    Path(host.path("d/f")).write_text("x")
    found = looked(host, "find", paths=str(host.root), recurse=True, follow=True)
    assert [file["path"] for file in found["files"]] == [host.path("d/f")]


@given(st.text(max_size=6))
def test_amounts_are_numbers_or_refused(text: str) -> None:
    assert isinstance(_amount(text, _BYTES), int | None)


def test_amounts() -> None:
    assert [_amount(text, _BYTES) for text in ("5", "1k", "-2M", "1t", "1x", "k", "")] == [
        5, 1024, -(2 << 20), 1 << 40, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "params", "said"),
    [
        ("stat", {"path": "f"}, "absolute"),
        ("stat", {"path": "/f", "checksum_algorithm": "sha3"}, "must be one of"),
        ("slurp", {"src": "f"}, "absolute"),
        ("slurp", {}, "missing required"),
        ("find", {"paths": ["/a", "b"]}, "absolute"),
        ("find", {"paths": "/a", "age": "1y"}, "units s, m, h, d, w"),
        ("find", {"paths": "/a", "size": "big"}, "units b, k"),
        ("find", {"paths": "/a", "patterns": "(", "use_regex": True}, "no regular expression"),
        ("find", {"paths": "/a", "contains": "("}, "no regular expression"),
        ("find", {"paths": "/a", "mode": "9"}, "octal"),
        ("find", {"paths": "/a", "encoding": "x"}, "unknown encoding"),
        ("find", {"paths": "/a", "limit": 0}, "1 or more"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(module: str, params: dict[str, Any], said: str) -> None:
    found = problems(module, **params)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("name", ["stat", "slurp", "find"])
def test_looking_writes_nothing(name: str) -> None:
    module = registry.get(name)
    params, _ = parse(module.params, {"paths" if name == "find" else "path": "/srv/x"})
    assert module.effects(params).writes == frozenset()
    assert "path:/srv/x" in module.effects(params).reads
