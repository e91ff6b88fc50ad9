"""synchronize: a tree is read on the controller with all that belongs to its files."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest

from configurator.modules.staging import Entry
from tests.unit.compiler.projects import graph_of, problems_of

TASK = "- synchronize: {src: tree/, dest: /srv}\n"
FILES: dict[str, str | bytes] = {"roles/r/tasks/main.yml": TASK, "roles/r/files/tree/sub/b": b"\xff"}


@pytest.fixture(autouse=True)
def tree() -> None:
    """A tree besides what `FILES` makes."""
    os.makedirs("roles/r/files/tree/empty")
    os.chmod("roles/r/files/tree/empty", 0o700)
    os.utime("roles/r/files/tree/empty", ns=(7, 7))
    os.symlink("sub/b", "roles/r/files/tree/link")


def _tree(task: str = TASK) -> dict[str, Any]:
    [spec] = [spec for spec in graph_of(FILES | {"roles/r/tasks/main.yml": task}).tasks if not spec.barrier]
    assert "src" not in spec.params
    assert spec.params["dest"] == "/srv"
    found: dict[str, Any] = spec.params["_tree"]
    return found


def _entries(tree: dict[str, Any]) -> dict[str, Entry]:
    return {entry.path: entry for entry in map(Entry.from_json, tree["entries"])}


def test_a_tree_travels_with_what_belongs_to_it() -> None:
    """Modes, times and links, each directory before what is in it."""
    tree = _tree()
    assert (tree["name"], tree["inside"]) == ("tree", True)
    found = _entries(tree)
    assert list(found) == ["", "empty", "link", "sub", "sub/b"]
    assert [entry.kind for entry in found.values()] == ["directory", "directory", "link", "directory", "file"]
    assert (found["empty"].mode, found["empty"].mtime_ns) == (0o700, 7)
    assert found["link"].target == "sub/b"
    assert (found["sub/b"].size, found["sub/b"].content) == (1, {"$base64": "/w=="})
    assert found["sub/b"].uid == os.getuid()


def test_links_are_followed_where_the_task_says_so() -> None:
    """On the controller, where they lead somewhere."""
    found = _entries(_tree("- synchronize: {src: tree, dest: /srv, copy_links: true}\n"))
    assert found["link"].kind == "file"
    assert found["link"].content == found["sub/b"].content


def test_names_that_are_no_text_travel() -> None:
    """JSON holds none."""
    name = b"roles/r/files/tree/odd \xff"
    with open(name, "wb"):
        pass
    assert "odd \udcff" in _entries(_tree())


def test_many_small_files_are_sent_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not all of them each time, to each host."""
    monkeypatch.setattr("configurator.compiler.synctree._INLINE_TREE", 0)
    digest = hashlib.sha256(b"\xff").hexdigest()
    graph = graph_of(FILES)
    assert graph.blobs == {digest: b"\xff"}
    [spec] = [spec for spec in graph.tasks if not spec.barrier]
    assert _entries(spec.params["_tree"])["sub/b"].content == {"$blob": digest}


def test_a_file_of_the_host_stays_a_name() -> None:
    """`remote_src` is for the host to read."""
    task = "- synchronize: {src: /srv/a, dest: /srv/b, remote_src: true}\n"
    [spec] = [spec for spec in graph_of({"roles/r/tasks/main.yml": task}).tasks if not spec.barrier]
    assert dict(spec.params) == {"src": "/srv/a", "dest": "/srv/b", "remote_src": True}


@pytest.mark.parametrize("kind", ["pipe", "circle", "dangling", "absent"])
def test_what_cannot_be_taken_along_is_told_with_its_place(kind: str) -> None:
    """Before any host is touched."""
    task = "- synchronize: {src: tree, dest: /srv, copy_links: true}\n"
    told = {
        "pipe": "pipe is a device, a pipe or a socket, which cannot be taken along",
        "circle": "circle",
        "dangling": "cannot read",
        "absent": "there is no file 'none'",
    }
    if kind == "pipe":
        os.mkfifo("roles/r/files/tree/pipe")
    elif kind == "circle":
        os.symlink("circle", "roles/r/files/tree/circle")
    elif kind == "dangling":
        os.symlink("nowhere", "roles/r/files/tree/dangling")
    else:
        task = task.replace("src: tree", "src: none")
    [problem] = problems_of(FILES | {"roles/r/tasks/main.yml": task})
    assert told[kind] in problem
    assert "main.yml:1:" in problem
