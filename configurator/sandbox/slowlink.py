"""A slow or dead link to a host, as a TCP proxy: it delays, it does not narrow.

Each chunk is stamped when it arrives and delivered `delay_s` later, however many are on the way, so that a
round trip costs 2 x delay_s and bandwidth stays what it was. A connection is set up at the cost of a real
one: the server sees it 3 x delay_s after the client's connect() (SYN, SYN-ACK, ACK), the client reads its
banner at 4 x.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

# Chunks of 64 KiB on the way in one direction of one connection: a bound on memory, not on bandwidth.
IN_FLIGHT = 4096
CHUNK = 65536

# A chunk with the time at which it arrives; an empty one is the end of the stream, which travels as slowly.
_Pipe = asyncio.Queue[tuple[float, bytes]]


class SlowLink:
    """A listening proxy in front of one address; as a context manager it is at `address`:`port`."""

    address = "127.0.0.1"

    def __init__(self, target: tuple[str, int], delay_s: float = 0.0) -> None:
        self.target = target
        self.delay_s = delay_s
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slow link", daemon=True)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> SlowLink:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Freeze the link: nothing is delivered, nothing is closed, as when a cable is pulled."""
        self._call(self._set_flowing(False))

    def mend(self) -> None:
        """Let the link flow again; what was on the way when it was cut arrives now."""
        self._call(self._set_flowing(True))

    def drop(self) -> None:
        """Reset every connection there is, as when the peer's machine restarts; new ones are accepted."""
        self._call(self._drop())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10.0)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.address, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._drop()

    async def _set_flowing(self, flowing: bool) -> None:
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _drop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio runs this as a task of its own, which it would report as failed when it is cancelled.
        task = self._loop.create_task(self._connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._writers.add(writer)
        try:
            async with asyncio.TaskGroup() as group:
                await self._pass_after(2 * self.delay_s)
                outward: _Pipe = asyncio.Queue(IN_FLIGHT)
                group.create_task(self._receive(reader, outward))
                await self._pass_after(self.delay_s)
                far_reader, far_writer = await asyncio.open_connection(*self.target)
                ends.append(far_writer)
                self._writers.add(far_writer)
                inward: _Pipe = asyncio.Queue(IN_FLIGHT)
                group.create_task(self._deliver(outward, far_writer))
                group.create_task(self._receive(far_reader, inward))
                group.create_task(self._deliver(inward, writer))
            for end in ends:  # both directions came to their end: what is buffered still goes out
                end.close()
        except* OSError:
            pass  # one side broke the connection: so is the other side's
        finally:
            for end in ends:
                if not end.is_closing():
                    end.transport.abort()
                self._writers.discard(end)

    async def _pass_after(self, delay: float) -> None:
        await asyncio.sleep(delay)
        await self._flowing.wait()

    async def _receive(self, reader: asyncio.StreamReader, pipe: _Pipe) -> None:
        while True:
            chunk = await reader.read(CHUNK)
            await pipe.put((self._loop.time() + self.delay_s, chunk))
            if not chunk:
                return

    async def _deliver(self, pipe: _Pipe, writer: asyncio.StreamWriter) -> None:
        _no_delay(writer)
        while True:
            due, chunk = await pipe.get()
            await self._pass_after(max(0.0, due - self._loop.time()))
            if not chunk:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()


def _no_delay(writer: asyncio.StreamWriter) -> None:
    """Send at once: Nagle's algorithm would add a delay that is not ours (tcp(7), TCP_NODELAY)."""
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
