"""Large files: compared by digest, moved in pieces, and in their place whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from configurator.agent.contents import PIECE_BYTES, pieces
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.world import World
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.errors import TaskError
from configurator.modules.content import LARGE_BYTES
from configurator.modules.state import LargeContent, UnknownState
from tests.unit.modules.harness import Host, snapshot

SIZE = LARGE_BYTES + PIECE_BYTES // 2  # three pieces, the last of them not whole


def sample(seed: int, size: int = SIZE) -> bytes:
    """Return bytes that tell where they are from, so that pieces in a wrong order are noticed."""
    line = f"{seed} %07d\n"  # ten bytes
    return "".join(line % number for number in range(size // 10 + 1)).encode()[:size]


def sent(host: Host, data: bytes, **more: Any) -> dict[str, Any]:
    """Return a large file of the controller as a parameter."""
    digest = hashlib.sha256(data).hexdigest()
    host.blobs[digest] = data
    return {"$file": digest, "size": len(data), **more}


def names(host: Host) -> list[str]:
    return sorted(os.listdir(host.root))


def test_a_plan_asks_for_nothing_and_an_apply_for_what_differs(host: Host) -> None:
    """Size and digest tell all that a plan says; what is there is not sent again."""
    old, new = sample(1), sample(2)
    for data in (old, new):
        content = sent(host, data)
        host.plan("copy", dest=host.path("f"), content=content)
        assert host.asked == []
        host.take("copy", dest=host.path("f"), content=content)
        assert Path(host.path("f")).read_bytes() == data
        assert host.asked == [content["$file"]], "a second apply asks for nothing"
        host.asked.clear()
    assert names(host) == ["f"]


def test_size_and_digest_stand_for_a_diff(host: Host) -> None:
    """Nobody wants to see a thousand million bytes; an old digest need not be known where the size tells."""
    Path(host.path("f")).write_bytes(b"text\n")
    for size in (SIZE, SIZE + 1_000_000):
        (change,) = host.take("copy", dest=host.path("f"), content=sent(host, sample(1, size))).changes
        digest = hashlib.sha256(sample(1, size)).hexdigest()[:12]
        assert change.after == f"large file, {size / 1e6:.1f} MB, sha256 {digest}"
        assert change.diff is None
    assert change.before == f"large file, {SIZE / 1e6:.1f} MB"
    (change,) = host.take("copy", dest=host.path("f"), content="text\n").changes
    assert change.before == f"large file, {size / 1e6:.1f} MB"
    assert change.diff is None


@pytest.mark.parametrize("there", [None, b"old"])
def test_what_does_not_arrive_whole_never_gets_a_name(host: Host, there: bytes | None) -> None:
    """The controller ends, the file changes, too much or too little comes: the old file stays, alone."""
    if there is not None:
        Path(host.path("f")).write_bytes(there)
    before, data = snapshot(host.root), sample(1)
    content = sent(host, data)
    whole = host.context.fetch_piece

    def dying(digest: str, offset: int, token: CancelToken | None) -> tuple[bytes, int]:
        assert names(host) == ([] if there is None else ["f"]) or names(host)[0].startswith(".configurator-")
        if offset:
            raise TaskError("it does not answer")
        return whole(digest, offset, token)

    for wrong in (data[:-1] + b"x", data[:-1], data + b"x", b""):
        host.blobs[content["$file"]] = wrong
        with pytest.raises(TaskError, match="did not arrive from the controller"):
            host.apply("copy", dest=host.path("f"), content=content)
        assert snapshot(host.root).keys() == before.keys()
    host.blobs[content["$file"]] = data
    host.context.fetch_piece = dying
    with pytest.raises(TaskError, match="does not answer"):
        host.apply("copy", dest=host.path("f"), content=content)
    assert {path: state for path, state in snapshot(host.root).items() if path.endswith("/f")} == {
        path: state for path, state in before.items() if path.endswith("/f")
    }
    assert snapshot(host.root).keys() == before.keys()


def test_pieces_end_when_the_task_is_cancelled(host: Host) -> None:
    """A second Ctrl-C does not wait for a thousand more of them."""
    token, content = CancelToken(), sent(host, sample(1))
    arriving = pieces(host.context.fetch_piece, content["$file"], token)
    next(arriving)
    token.cancel("interrupted")
    with pytest.raises(Cancelled):
        next(arriving)


def test_an_answer_that_never_ends_is_refused() -> None:
    """A controller that says nothing more, though more should come, must not be asked for ever."""
    with pytest.raises(TaskError, match="did not arrive"):
        list(pieces(lambda _digest, offset, _token: (b"" if offset else b"x", 5), "0" * 64))


def test_a_copy_on_the_host_is_made_in_pieces_with_its_backup(host: Host) -> None:
    """Neither the source, nor the old file, nor its backup is ever in memory as a whole."""
    for name, letter in (("source", b"s"), ("dest", b"d")):
        with open(host.path(name), "wb") as file:
            file.truncate(48 << 20)
            file.write(letter)
    tracemalloc.start()
    try:
        params = {"src": host.path("source"), "dest": host.path("dest"), "remote_src": True, "backup": True}
        work = host.work("copy", params)
        work.observe()
        done = work.converge()
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()
    backup = done.outputs["backup_file"]
    assert Path(backup).read_bytes()[:1] == b"d"
    assert Path(host.path("dest")).read_bytes() == Path(host.path("source")).read_bytes()
    assert not host.plan("copy", **params).changed
    assert names(host) == sorted(["source", "dest", os.path.basename(backup)])


def test_a_source_that_changes_while_it_is_copied_is_not_taken(host: Host) -> None:
    """Half of one version and half of another is a file that nobody has ever written."""
    Path(host.path("source")).write_bytes(sample(1))
    system = host.context.for_task(CancelToken())
    content = LargeContent(SIZE, hashlib.sha256(sample(2)).hexdigest(), host.path("source"))
    with pytest.raises(TaskError, match="has changed while it was copied"):
        system.write(host.path("dest"), content)
    assert names(host) == ["source"]


def test_what_the_disk_has_no_room_for_is_not_begun(host: Host) -> None:
    """A full disk would hurt more than this task; nothing is asked of the controller either."""
    content = {"$file": "0" * 64, "size": 1 << 62}
    with pytest.raises(TaskError, match="no space left"):
        host.apply("copy", dest=host.path("f"), content=content)
    assert (names(host), host.asked) == ([], [])


def test_checksums_of_large_files(host: Host) -> None:
    """`checksum` is a SHA-1: the controller tells that of its file, the host reads its own."""
    data = sample(1)
    right = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    for given in ({"content": sent(host, data, sha1=right)}, {"src": host.path("f"), "remote_src": True}):
        host.take("copy", dest=host.path(f"to{len(given)}"), checksum=right.upper(), **given)
        error = host.fails("copy", dest=host.path("no"), checksum="0" * 40, **given)
        assert f"has the checksum {right}" in error.message
        host.take("copy", dest=host.path("f"), content=sent(host, data))


def test_a_validator_sees_the_whole_file(host: Host) -> None:
    """It runs before the file takes its place, and only in an apply: a plan has no bytes to show it."""
    content = sent(host, sample(1))
    host.take("copy", dest=host.path("f"), content=content, validate="grep -q '1 1048575' %s")
    before = snapshot(host.root)
    host.plan("copy", dest=host.path("f"), content=sent(host, sample(2)), validate="grep nothing %s")
    with pytest.raises(TaskError, match="was refused, the old one stays"):
        host.apply("copy", dest=host.path("f"), content=sent(host, sample(2)), validate="grep nothing %s")
    assert {path: state[4] for path, state in snapshot(host.root).items()} == {
        path: state[4] for path, state in before.items()
    }


def test_later_tasks_of_a_plan_see_size_and_digest_and_no_content(host: Host) -> None:
    """What was not sent cannot be read, but it can be compared, and get another name."""
    data = sample(1)
    real = host.context.for_task(CancelToken())
    world = World(real)
    digest = hashlib.sha256(data).hexdigest()
    first, then = SimulatedSystem(world, real, "first"), SimulatedSystem(world, real, "then")
    first.write(host.path("f"), LargeContent(SIZE, digest))
    first.hardlink(host.path("f"), host.path("other"))
    for name in ("f", "other"):
        found = then.stat(host.path(name))
        assert found is not None
        assert found.size == SIZE
        assert then.digest(host.path(name)) == digest
        with pytest.raises(UnknownState, match="is written in the apply"):
            then.read(host.path(name))
        with pytest.raises(UnknownState):
            then.digest(host.path(name), "sha1")


def test_a_large_file_gets_a_second_name_in_a_plan(host: Host) -> None:
    """The link is as exact as any: nothing of the file has to be read for it but its digest."""
    Path(host.path("f")).write_bytes(sample(1))
    host.take("file", path=host.path("other"), src=host.path("f"), state="hard")
    assert Path(host.path("other")).stat().st_nlink == 2


def test_a_large_archive_is_unpacked_from_a_file_without_a_name(host: Host) -> None:
    """Of an archive the plan needs the entries; where it lies meanwhile, nothing is left."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number in range(3):
            entry = tarfile.TarInfo(f"d/{number}")
            entry.size = SIZE // 2
            archive.addfile(entry, io.BytesIO(sample(number, SIZE // 2)))
    os.mkdir(host.path("to"))
    content = sent(host, packed.getvalue())
    host.take("unarchive", dest=host.path("to"), _content=content, _original_basename="a.tar")
    assert [Path(host.path(f"to/d/{n}")).read_bytes() for n in range(3)] == [
        sample(n, SIZE // 2) for n in range(3)
    ]
    assert host.asked == [content["$file"]] * 3, "once for each look at it: plan, apply and apply again"
