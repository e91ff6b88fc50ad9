"""Archives entry by entry: what each format tells, and that a damaged one ends in a TaskError at worst."""

from __future__ import annotations

import io
import shutil
import stat
import subprocess
import tarfile
import zipfile
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.archives import members
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.errors import TaskError
from configurator.modules.archives import SMALL_BYTES, Member


def read(data: bytes) -> tuple[Member, ...]:
    return members(io.BytesIO(data), "the archive", CancelToken())


def tar(*names: str, mode: str = "w", size: int = 3) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name in names:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode, info.uname, info.uid = size, 7, 0o4755, "ada", 42
            archive.addfile(info, io.BytesIO(b"x" * size))
    return packed.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_the_compression_is_told_by_the_content(mode: str) -> None:
    """Names lie: a download is often called `latest`."""
    [found] = read(tar("a", mode=mode))
    digest = sha256(b"xxx").hexdigest()
    assert found == Member("a", "file", 0o4755, 3, 7, "ada", "", 42, 0, digest=digest, content=b"xxx")


@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed here")
def test_zstd_is_unpacked_by_its_program() -> None:
    """From memory as from a file; a damaged one says so."""
    packed = subprocess.run(["zstd", "-qc"], input=tar("a"), capture_output=True, check=True).stdout
    assert [member.name for member in read(packed)] == ["a"]
    with pytest.raises(TaskError, match="damaged"):
        read(packed[:-5])


def test_a_zip_tells_modes_and_links_where_a_unix_made_it() -> None:
    """One of another system has none: then the usual modes count."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, bits, content in (
            ("run", stat.S_IFREG | 0o750, "x"),
            ("link", stat.S_IFLNK | 0o777, "run"),
            ("plain", 0, "x"),
            ("folder/", 0, ""),
        ):
            info = zipfile.ZipInfo(name)
            info.external_attr = bits << 16 | 0x20  # of DOS: a file
            archive.writestr(info, content)
    found = {member.name: (member.kind, member.mode, member.target) for member in read(packed.getvalue())}
    assert found == {
        "run": ("file", 0o750, ""),
        "link": ("link", 0o777, "run"),
        "plain": ("file", 0o644, ""),
        "folder/": ("directory", 0o755, ""),
    }


def test_large_files_are_told_by_their_checksum_alone() -> None:
    """An archive of many gigabytes must not end up in memory."""
    [small] = read(tar("a", size=SMALL_BYTES))
    [large] = read(tar("a", size=SMALL_BYTES + 1))
    assert small.content == b"x" * SMALL_BYTES
    assert large.content is None
    assert large.digest == sha256(b"x" * (SMALL_BYTES + 1)).hexdigest()


def test_an_encrypted_zip_is_refused() -> None:
    """There is nothing to ask for its password."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", "x")
    data = bytearray(packed.getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(TaskError, match="encrypted"):
        read(bytes(data))


def test_a_cancelled_task_reads_no_further() -> None:
    """A large archive takes long to read."""
    token = CancelToken()
    token.cancel("enough")
    with pytest.raises(Cancelled):
        members(io.BytesIO(tar("a")), "the archive", token)


@given(
    st.binary(),
    st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"]),
)
def test_anything_else_is_a_task_error(data: bytes, head: bytes) -> None:
    """It comes from a stranger."""
    try:
        read(head + data)
    except TaskError as error:
        assert "the archive" in error.message


@given(st.sampled_from(["w", "w:gz", "w:xz"]), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_archive_is_a_task_error_or_has_other_contents(mode: str, at: int, value: int) -> None:
    """Bits fall over; nothing but a TaskError may come of it."""
    data = bytearray(tar("a", "b/c", mode=mode))
    data[at % len(data)] = value
    with suppress(TaskError):
        read(bytes(data))
