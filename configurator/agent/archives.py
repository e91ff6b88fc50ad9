"""Reading tar and zip archives entry by entry, without trusting a word of them."""

from __future__ import annotations

import io
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from configurator.core.cancel import CancelToken
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.archives import SMALL_BYTES, Member

if TYPE_CHECKING:
    import tarfile
    import zipfile

# How an archive begins: zip's local header and an empty zip's end; RFC 8878 for zstd.
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_PROGRAM = "/usr/bin/zstd"  # Debian's package zstd
_PIECE_BYTES = 1 << 20
_ENCRYPTED = 1  # bit 0 of a zip entry's flags

Opened = tuple[Member, Callable[[], Iterator[bytes]]]  # an entry, and how to get its bytes


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Turn what the libraries say of an archive into a TaskError that names it."""
    import gzip  # noqa: PLC0415
    import lzma  # noqa: PLC0415
    import tarfile  # noqa: PLC0415
    import zipfile  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise TaskError(f"{name} is damaged: {error}") from error
    except tarfile.TarError as error:
        known = "could not be opened" in str(error) or "empty file" in str(error)
        what = "is no archive that is known here (tar, zip)" if known else f"is damaged: {error}"
        raise TaskError(f"{name} {what}") from error
    except NotImplementedError as error:
        raise TaskError(f"{name} cannot be unpacked: {error}") from error


def entries(file: BinaryIO, name: str, token: CancelToken) -> Iterator[Opened]:
    """Yield each entry of an archive in its order; its bytes can be had until the next one is asked for.

    To be used within `understood`; TaskError if a program is missing that it needs.
    """
    import tarfile  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    file.seek(0)
    head = file.read(4)
    file.seek(0)
    if head in _ZIP:
        with zipfile.ZipFile(file) as archive:
            yield from _zip_entries(archive, token)
        return
    plain = _from_zstd(file, name, token) if head == _ZSTD else file
    with tarfile.open(fileobj=plain, mode="r:*") as archive_:
        yield from _tar_entries(archive_, token)


def members(file: BinaryIO, name: str, token: CancelToken) -> tuple[Member, ...]:
    """Return all entries with their checksums; the content of small files comes along."""
    import hashlib  # noqa: PLC0415

    found = []
    with understood(name):
        for entry, read in entries(file, name, token):
            member = entry
            if member.kind == "file":
                summer, content = hashlib.sha256(), b""
                for piece in read():
                    summer.update(piece)
                    content = piece if member.size <= SMALL_BYTES else b""
                small = content if member.size <= SMALL_BYTES else None
                member = replace(member, digest=summer.hexdigest(), content=small)
            found.append(member)
    return tuple(found)


def _tar_entries(archive: tarfile.TarFile, token: CancelToken) -> Iterator[Opened]:
    for info in archive:
        token.raise_if_cancelled()
        kind = "other"
        if info.isreg():
            kind = "file"
        elif info.isdir():
            kind = "directory"
        elif info.issym() or info.islnk():
            kind = "link" if info.issym() else "hardlink"
        member = Member(
            info.name,
            kind,
            stat.S_IMODE(info.mode),
            info.size,
            info.mtime,
            info.uname,
            info.gname,
            info.uid,
            info.gid,
            info.linkname,
        )

        def read(info: tarfile.TarInfo = info) -> Iterator[bytes]:
            opened = archive.extractfile(info)
            assert opened is not None
            return _pieces(opened, info.size, token)

        yield member, read


def _zip_entries(archive: zipfile.ZipFile, token: CancelToken) -> Iterator[Opened]:
    for info in archive.infolist():
        token.raise_if_cancelled()
        if info.flag_bits & _ENCRYPTED:
            raise ParameterError(f"{info.filename} is encrypted, and there is no password for archives")
        bits = info.external_attr >> 16  # what a Unix puts there (APPNOTE, 4.4.15)
        kind = "directory" if info.is_dir() else "file"
        mode = stat.S_IMODE(bits) if bits else (0o755 if info.is_dir() else 0o644)
        target = ""
        if stat.S_ISLNK(bits):
            kind, target = "link", archive.read(info).decode()
        moment = 0.0
        with suppress(ValueError, OverflowError):
            moment = time.mktime((*info.date_time, 0, 0, -1))
        member = Member(info.filename, kind, mode, info.file_size, moment, target=target)

        def read(info: zipfile.ZipInfo = info) -> Iterator[bytes]:
            return _pieces(archive.open(info), info.file_size, token)

        yield member, read


def _pieces(file: object, size: int, token: CancelToken) -> Iterator[bytes]:
    """Yield a file's bytes, no more than its entry announces."""
    assert isinstance(file, io.BufferedIOBase)
    with file:
        rest = size
        while rest > 0:
            token.raise_if_cancelled()
            piece = file.read(min(_PIECE_BYTES, rest))
            if not piece:
                raise EOFError("it ends too early")
            rest -= len(piece)
            yield piece


def _from_zstd(file: BinaryIO, name: str, token: CancelToken) -> BinaryIO:
    """Return the decompressed archive as a file without a name; Python learns zstd in version 3.14 only."""
    import subprocess  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    packed: BinaryIO = file
    if isinstance(file, io.BytesIO):
        packed = tempfile.TemporaryFile(dir="/var/tmp")  # noqa: SIM115  (without a name, like the next)
        packed.write(file.getvalue())
        packed.flush()
    # What has been read ahead stays in Python's buffer: the program must see the file from its beginning.
    os.lseek(packed.fileno(), 0, os.SEEK_SET)
    plain = tempfile.TemporaryFile(dir="/var/tmp")  # noqa: SIM115
    try:
        process = subprocess.Popen(
            [_ZSTD_PROGRAM, "-dcq"],
            stdin=packed,
            stdout=plain,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise TaskError(f"{name} needs zstd to be unpacked", hint="install the package zstd") from None
    forget = token.on_cancel(process.kill)
    try:
        _, said = process.communicate()
    finally:
        forget()
    token.raise_if_cancelled()
    if process.returncode != 0:
        raise TaskError(f"{name} is damaged: {said.decode(errors='replace').strip()}")
    plain.seek(0)
    return plain
