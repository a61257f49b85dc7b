"""A TCP proxy before a server, whose connections a test cuts, silences, slows down or sends away.

Bytes pass as they are. Of HTTP/2 it knows where a frame ends, no more: there it may put one of its own.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.scripted_h2 import goaway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIECE = 64 * 1024
FRAME_HEAD = 9
LINGER = 0.1
"""Seconds that an end has to take what is on its way to it when the other one has closed."""
NEWEST = 2**31 - 1
"""The stream number of a GOAWAY that leaves all that runs alone."""


class Frames:
    """Where the frames end in one direction of a connection."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def edge(self, data: bytes) -> int | None:
        """Pass bytes; return the last place among them that is between two frames, if there is one."""
        at, edge = 0, None if self._head or self._left else 0
        while at < len(data):
            if not self._left:
                new = data[at : at + FRAME_HEAD - len(self._head)]
                self._head += new
                at += len(new)
                if len(self._head) < FRAME_HEAD:
                    break
                self._left = int.from_bytes(self._head[:3], "big")
                self._head = b""
            step = min(self._left, len(data) - at)
            self._left -= step
            at += step
            edge = edge if self._left else at
        return edge


class Crossing:
    """One connection through the proxy."""

    def __init__(self, proxy: TcpProxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy, self._passes = proxy, proxy.passes
        self._client, self._server = client, server
        self._frames = Frames()
        self._says_goodbye = False

    async def carry(self, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader) -> None:
        """Carry bytes both ways until one side ends."""
        ways = [self._to_server(from_client), self._to_client(from_server)]
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def goaway(self) -> None:
        """Tell the client to make no more calls here, as soon as a frame ends."""
        if self._frames.edge(b"") is None:
            self._says_goodbye = True
        elif not self._client.transport.is_closing():
            self._client.write(goaway(NEWEST))

    def cut(self, *, reset: bool) -> None:
        """Close both ends, in order or by RST."""
        for end in (self._client, self._server):
            end.close() if not reset else _reset(end)

    async def _to_server(self, reader: asyncio.StreamReader) -> None:
        async for data in self._passing(reader):
            await _write(self._server, data)

    async def _to_client(self, reader: asyncio.StreamReader) -> None:
        async for data in self._passing(reader):
            edge = self._frames.edge(data)
            if self._says_goodbye and edge is not None:
                self._says_goodbye = False
                await _write(self._client, data[:edge] + goaway(NEWEST) + data[edge:])
            else:
                await _write(self._client, data)

    async def _passing(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """Yield what comes, when it may pass."""
        while data := await reader.read(PIECE):
            await asyncio.sleep(self._proxy.delay)
            await self._passes.wait()
            yield data


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    if not writer.transport.is_closing():
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class TcpProxy:
    """See the module. Everything may be changed while it runs."""

    def __init__(self, target: str) -> None:
        self.target = target
        """HOST:PORT that new connections lead to."""
        self.address = ""
        self.delay = 0.0
        """Seconds that everything is late."""
        self.passes = asyncio.Event()
        """While it is not set nothing passes in either direction, and nobody is told."""
        self.passes.set()
        self._crossings: set[Crossing] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def cut(self, *, reset: bool = False) -> None:
        """Close all connections; new ones are taken."""
        for crossing in self._crossings:
            crossing.cut(reset=reset)

    def half_open(self) -> None:
        """Let nothing pass on the connections that there are, ever; new ones are sound."""
        self.passes.clear()
        self.passes = asyncio.Event()
        self.passes.set()

    def goaway(self) -> None:
        """Send the clients of all connections away, politely."""
        for crossing in self._crossings:
            crossing.goaway()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection."""
        if self._stopped:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._cross(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: _reset(writer))  # also if it never came to run

    async def stop(self) -> None:
        """Cut everything off; return when nothing is left."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cross(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            from_server, to_server = await asyncio.open_connection(host, int(port))
        except OSError:
            return
        crossing = Crossing(self, writer, to_server)
        self._crossings.add(crossing)
        try:
            await crossing.carry(reader, from_server)
            crossing.cut(reset=False)
            await asyncio.sleep(LINGER)
        finally:
            self._crossings.discard(crossing)
            crossing.cut(reset=True)


@asynccontextmanager
async def tcp_proxy(target: str) -> AsyncIterator[TcpProxy]:
    """Serve on a free port until the block ends; `target` is HOST:PORT."""
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
