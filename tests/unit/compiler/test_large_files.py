"""A large file of the controller stays where it is: digest, size and place are what is compiled."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from configurator.compiler import largefiles
from configurator.compiler.largefiles import digest_of
from configurator.modules.content import LARGE_BYTES
from tests.unit.compiler.projects import graph_of, role_problems, write

TASKS = """
- copy: {src: large, dest: /a, mode: preserve}
- copy: {src: large, dest: /b, checksum: "%s"}
- copy: {src: folder, dest: /c}
- unarchive: {src: folder/large.tar, dest: /d}
"""


def make(path: str, size: int) -> str:
    """Write a file without making its content in memory; return its digest."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)
    return hashlib.sha256(bytes(size)).hexdigest()


def test_large_files_are_named_by_digest_and_read_later() -> None:
    """Alone, in a folder and as an archive; a SHA-1 comes along only where a task asks for it."""
    large = make("roles/r/files/large", LARGE_BYTES + 1)
    tar = make("roles/r/files/folder/large.tar", LARGE_BYTES + 2)
    os.chmod("roles/r/files/large", 0o640)
    graph = graph_of({"roles/r/tasks/main.yml": TASKS % ("0" * 40), "roles/r/files/folder/small": "x"})
    by_dest = {spec.params.get("dest"): spec.params for spec in graph.tasks if spec.module != "file"}
    plain = {"$file": large, "size": LARGE_BYTES + 1}
    assert by_dest["/a"]["content"] == plain
    assert by_dest["/a"]["mode"] == "0640"
    sha1 = hashlib.sha1(bytes(LARGE_BYTES + 1), usedforsecurity=False).hexdigest()
    assert by_dest["/b"]["content"] == {**plain, "sha1": sha1}
    assert by_dest["/c/folder/large.tar"]["content"] == {"$file": tar, "size": LARGE_BYTES + 2}
    assert by_dest["/c/folder/small"]["content"] == "x"
    assert by_dest["/d"]["_content"] == {"$file": tar, "size": LARGE_BYTES + 2}
    assert graph.blobs == {
        large: Path("roles/r/files/large").absolute(),
        tar: Path("roles/r/files/folder/large.tar").absolute(),
    }


def test_compiling_holds_no_large_file_in_memory() -> None:
    """Whatever its size; and for many hosts it is read once."""
    make("roles/r/files/large", 64 << 20)
    files = {"roles/r/tasks/main.yml": "- copy: {src: large, dest: /a}"}
    write(files)
    tracemalloc.start()
    try:
        graph_of(files)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each host, but whenever anything about it is different."""
    opened: list[str] = []

    def noted(path: str, mode: str) -> object:
        opened.append(path)
        return open(path, mode)

    monkeypatch.setattr(largefiles, "open", noted, raising=False)
    path = str(tmp_path / "f")
    for size in (10, 20):
        digest = make(path, size)
        assert [digest_of(path) for _ in range(3)] == [(size, digest)] * 3
    assert opened == [path] * 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_an_error_with_its_place() -> None:
    """As for any other file."""
    make("roles/r/files/large", LARGE_BYTES + 1)
    os.chmod("roles/r/files/large", 0)
    assert "cannot read" in str(role_problems("- copy: {src: large, dest: /a}"))
