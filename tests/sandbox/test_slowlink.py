"""The slow link delays and freezes as a link does, without narrowing it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from configurator.sandbox.slowlink import SlowLink

DELAY = 0.05


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that greets each connection and then says back what it hears."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"hello\n")
                while chunk := connection.recv(65536):
                    connection.sendall(chunk)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield server.getsockname()
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def connect(link: SlowLink) -> socket.socket:
    connection = socket.create_connection((link.address, link.port), timeout=10)
    assert connection.recv(6) == b"hello\n"
    return connection


def read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(65536)
        assert chunk, "closed too early"
        data += chunk
    return data


def test_a_banner_takes_two_round_trips_and_an_answer_one(echo: tuple[str, int]) -> None:
    """Setting up a connection costs a round trip on a real link, too."""
    with SlowLink(echo, DELAY) as link:
        begin = time.monotonic()
        with connect(link) as connection:
            assert time.monotonic() - begin >= 4 * DELAY
            begin = time.monotonic()
            connection.sendall(b"ping")
            assert read(connection, 4) == b"ping"
            assert 2 * DELAY <= time.monotonic() - begin < 2 * DELAY + 0.2


def test_chunks_travel_together_and_arrive_whole(echo: tuple[str, int]) -> None:
    """A pipe that slept per chunk would take minutes for these 8 MiB."""
    data = bytes(range(256)) * 32768
    with SlowLink(echo, DELAY) as link, connect(link) as connection:
        begin = time.monotonic()
        threading.Thread(target=connection.sendall, args=(data,)).start()
        assert read(connection, len(data)) == data
        assert time.monotonic() - begin < 5.0


def test_the_end_of_a_stream_comes_after_its_data(echo: tuple[str, int]) -> None:
    """A half-closed connection still answers: ssh ends its sessions this way."""
    with SlowLink(echo, DELAY) as link, connect(link) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert read(connection, 10) == b"last words"
        assert connection.recv(1) == b""


def test_a_cut_link_is_silent_and_a_mended_one_delivers(echo: tuple[str, int]) -> None:
    """A pulled cable closes nothing: only a timeout can tell."""
    with SlowLink(echo) as link, connect(link) as connection:
        link.cut()
        connection.sendall(b"anyone?")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        link.mend()
        connection.settimeout(5)
        assert read(connection, 7) == b"anyone?"


def test_a_dropped_connection_is_broken_and_the_next_one_works(echo: tuple[str, int]) -> None:
    """As when the host restarts its network."""
    with SlowLink(echo) as link:
        with connect(link) as connection:
            link.drop()
            with pytest.raises(ConnectionResetError):
                if connection.recv(1) == b"":
                    raise ConnectionResetError
        with connect(link) as connection:
            connection.sendall(b"again")
            assert read(connection, 5) == b"again"


def test_a_link_to_nowhere_breaks_the_connection() -> None:
    """The target's refusal reaches the client as a broken connection, not as a hang."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()
    with (
        SlowLink(free) as link,
        socket.create_connection((link.address, link.port), timeout=5) as connection,
        pytest.raises(ConnectionResetError),
    ):
        if connection.recv(1) == b"":
            raise ConnectionResetError


def test_a_cut_link_can_be_closed(echo: tuple[str, int]) -> None:
    """A test that ends while its link is cut must not hang."""
    with SlowLink(echo, DELAY) as link, connect(link):
        link.cut()
