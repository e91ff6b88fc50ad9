"""What RealSystem does with other servers and with files too large for memory: a part of it."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from configurator.agent import files
from configurator.agent import replace as replacing
from configurator.agent.contents import pieces
from configurator.core.cancel import CancelToken
from configurator.core.errors import ParameterError, TaskError

if TYPE_CHECKING:
    from configurator.agent.system import HostContext
    from configurator.modules.state import LargeContent
    from configurator.modules.web import Answer, Download, Request

_PIECE_BYTES = 1 << 20
_HEARD_BYTES = 512 * 1024  # of what a server says, which `dial` keeps
_LOOK_S = 0.25  # how often a wait for bytes looks whether it is wanted no more


class Fetching:
    """The doors `http`, `download`, `install`, `digest`, `dial`, `pause` and `wait_until` of System."""

    _context: HostContext
    _token: CancelToken
    _downloads: list[tuple[Request, Download]]
    _staged: list[BinaryIO]  # what was downloaded, in files without names: they are gone with the task

    def _env(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        raise NotImplementedError

    def http(self, request: Request, *, limit: int = 64 << 20) -> Answer:
        from configurator.agent.web import send  # noqa: PLC0415

        with send(request, self._env(None), self._token) as exchange:
            body = bytearray()
            for piece in exchange.pieces() if limit else ():
                body += piece
                if len(body) > limit:
                    raise TaskError(f"{request.url}: the answer is larger than {limit >> 20} MiB")
            return replace(exchange.answer, body=bytes(body))

    def download(
        self,
        request: Request,
        *,
        newer_than: float | None = None,
        algorithm: str = "sha256",
        directory: str | None = None,
    ) -> Download:
        from configurator.agent.web import send  # noqa: PLC0415
        from configurator.modules.web import Download  # noqa: PLC0415

        for known, found in self._downloads:
            if known == request:
                return found
        asked = request if newer_than is None else conditional(request, newer_than)
        with send(asked, self._env(None), self._token) as exchange:
            answer = exchange.answer
            if not 200 <= answer.status < 300:
                told = b"" if answer.status == 304 else _beginning(exchange.pieces())
                return Download(replace(answer, body=told), None, None)
            size, digest, content = self._stage(exchange.pieces(), algorithm, directory)
        found = Download(answer, size, digest, content, len(self._staged) - 1)
        self._downloads.append((request, found))
        return found

    def _stage(
        self, pieces: Iterator[bytes], algorithm: str, directory: str | None
    ) -> tuple[int, str, bytes | None]:
        import tempfile  # noqa: PLC0415

        from configurator.modules.web import SMALL_BYTES  # noqa: PLC0415

        # Large things go to /var/tmp (FHS 5.15): /tmp is in memory on Debian 13.
        where = directory or "/var/tmp"  # noqa: S108  (the file has no name there)
        summer, size, head = _hasher(algorithm), 0, bytearray()
        with files.explained(f"write to {where}"):
            file = tempfile.TemporaryFile(dir=where)  # noqa: SIM115  (it lives as long as the task)
        try:
            for piece in pieces:
                with files.explained(f"write to {where}"):
                    file.write(piece)
                summer.update(piece)
                size += len(piece)
                if len(head) <= SMALL_BYTES:
                    head += piece
            file.flush()
        except BaseException:
            file.close()
            raise
        self._staged.append(file)
        return size, summer.hexdigest(), bytes(head) if size <= SMALL_BYTES else None

    def install(
        self,
        download: Download,
        path: str,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        backup: bool = False,
    ) -> str | None:
        with self._context.memo.changing(path):
            return replacing.write(
                path,
                _pieces_of(self._staged[download.handle]),
                mode=mode,
                owner=owner,
                group=group,
                backup=backup,
                follow=True,
                validator=None,
            )

    def _in_pieces(self, content: LargeContent) -> Iterator[bytes]:
        """Yield a content as it comes from the controller, or from a file here that must stay what it is."""
        if content.source is None:
            yield from pieces(self._context.fetch_piece, str(content.sha256), self._token)
            return
        summer = _hasher("sha256")
        with files.explained(f"read {content.source}"), open_regular(content.source) as file:
            while piece := file.read(_PIECE_BYTES):
                self._token.raise_if_cancelled()
                summer.update(piece)
                yield piece
        if summer.hexdigest() != content.sha256:
            raise TaskError(f"{content.source} has changed while it was copied", hint="nothing was replaced")

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        summer = _hasher(algorithm)
        with files.explained(f"read {path}"), open_regular(path) as file:
            while piece := file.read(_PIECE_BYTES):
                self._token.raise_if_cancelled()
                summer.update(piece)
        return str(summer.hexdigest())

    def pause(self, seconds: float) -> None:
        over = threading.Event()
        forget = self._token.on_cancel(over.set)
        try:
            over.wait(seconds)
        finally:
            forget()
            self._context.memo.forget_of_files()  # what runs may have changed by itself
        self._token.raise_if_cancelled()

    def wait_until(self, met: Callable[[], bool], *, every_s: float, timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while not met():
            rest = end - time.monotonic()
            if rest <= 0:
                return False
            self.pause(min(every_s, rest))
        return True

    def dial(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float,
        heard: Callable[[bytes], bool] | None = None,
        listen_s: float = 0.0,
    ) -> bool | None:
        import socket  # noqa: PLC0415

        try:
            connection = socket.create_connection((host, port), timeout_s)
        except OSError:
            return None
        with connection:
            if heard is None:
                return True
            connection.settimeout(_LOOK_S)
            said, end = b"", time.monotonic() + listen_s
            while time.monotonic() < end:
                self._token.raise_if_cancelled()
                try:
                    piece = connection.recv(1024)
                except TimeoutError:
                    continue
                except OSError:
                    return False
                said = (said + piece)[-_HEARD_BYTES:]
                if heard(said):
                    return True
                if not piece:
                    return False
            return False


def open_regular(path: str) -> BinaryIO:
    """Open a regular file for reading; TaskError for anything else."""
    # Without O_NONBLOCK a named pipe would wait for a writer for ever.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        raise TaskError(f"no such file: {path}") from None
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise TaskError(f"is no regular file: {path}")
    return file


def _hasher(algorithm: str) -> _Summer:
    import hashlib  # noqa: PLC0415

    try:
        return hashlib.new(algorithm, usedforsecurity=False)
    except ValueError:
        raise ParameterError(f"there is no checksum algorithm {algorithm!r}") from None


if TYPE_CHECKING:
    from hashlib import _Hash as _Summer


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        yield piece


def conditional(request: Request, newer_than: float) -> Request:
    """Return the request with the wish for nothing that is older (RFC 9110, 13.1.3)."""
    from email.utils import formatdate  # noqa: PLC0415

    return replace(
        request, headers={**request.headers, "If-Modified-Since": formatdate(newer_than, usegmt=True)}
    )


def _beginning(pieces: Iterator[bytes]) -> bytes:
    """Return the beginning of what a server says to a refused request."""
    return next(pieces, b"")[:4096]
