"""An HTTP/2 server on a bare socket that says exactly the bytes its script wants, right or wrong.

Frames are put together here once more, so that a mistake of the client's cannot hide behind the same
mistake in its test. By itself the peer only acknowledges SETTINGS and PING, as every server does.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from ssl import SSLContext

    from google.protobuf.message import Message

    Script = Callable[["Peer"], Awaitable[None]]

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, number: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + number.to_bytes(4, "big") + payload


def settings(**values: int) -> bytes:
    """Return SETTINGS; the names are those of the RFC without SETTINGS_, in lower case."""
    known = (
        "header_table_size",
        "enable_push",
        "max_concurrent_streams",
        "initial_window_size",
        "max_frame_size",
    )
    pairs = [struct.pack(">HI", known.index(name) + 1, value) for name, value in values.items()]
    return frame(SETTINGS, 0, 0, b"".join(pairs))


def block(*pairs: tuple[str, str]) -> bytes:
    """Return a header block of literals that go into no table."""
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in pairs)


def _string(text: str) -> bytes:
    raw = text.encode()
    size, rest = len(raw), len(raw) - 127
    if rest < 0:
        return bytes([size]) + raw
    coded = bytearray([127])
    while rest >= 128:
        coded.append(rest % 128 + 128)
        rest //= 128
    return bytes(coded) + bytes([rest]) + raw


def head(number: int, *pairs: tuple[str, str], status: str = "200", end: bool = False) -> bytes:
    """Return the headers that begin an answer."""
    content = block((":status", status), ("content-type", "application/grpc"), *pairs)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), number, content)


def trailers(number: int, code: int | str = 0, message: str | None = None) -> bytes:
    """Return the headers that end an answer."""
    pairs = [("grpc-status", str(code))] + ([("grpc-message", message)] if message is not None else [])
    return frame(HEADERS, END_HEADERS | END_STREAM, number, block(*pairs))


def framed(message: Message | bytes, compressed: int = 0) -> bytes:
    """Return a message as it stands in a body."""
    raw = message if isinstance(message, bytes) else message.SerializeToString()
    return bytes([compressed]) + len(raw).to_bytes(4, "big") + raw


def body(number: int, *messages: Message | bytes, flags: int = 0) -> bytes:
    """Return one DATA frame that holds messages."""
    return frame(DATA, flags, number, b"".join(map(framed, messages)))


def reset(number: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, number, code.to_bytes(4, "big"))


def goaway(last: int, code: int = 0) -> bytes:
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


def window_update(number: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, number, increment.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that the client sent."""

    kind: int
    flags: int
    number: int
    payload: bytes


class Peer:
    """One connection as the server sees it."""

    def __init__(self, index: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.index = index
        """How many connections were made before this one."""
        self.frames: list[Frame] = []
        self.closed = asyncio.Event()
        """The client has closed the connection."""
        self.heard = asyncio.Semaphore(0)
        """Released by the test for every text that it got: an error must not overtake the text before it."""
        self.gone = asyncio.Event()
        """The server has closed the connection."""
        self.answers_pings = True
        self._greeted = self._ended = False
        self._owed: list[bytes] = []
        self._writing = asyncio.Lock()
        self._reader, self._writer = reader, writer
        self._requests: asyncio.Queue[int] = asyncio.Queue()
        self._news = asyncio.Condition()

    async def greet(self, **values: int) -> None:
        """Say SETTINGS; nothing is acknowledged before."""
        self._greeted = True
        await self.send(settings(**values), *self._owed)

    async def request(self) -> int:
        """Return the number of the next stream whose request is complete."""
        return await self._requests.get()

    async def send(self, *parts: bytes) -> None:
        """Write, and wait until the socket has taken it."""
        async with self._writing:
            self._writer.write(b"".join(parts))
            await self._writer.drain()

    async def dribble(self, data: bytes) -> None:
        """Write whole frames byte by byte; nothing else is said in between."""
        async with self._writing:
            for byte in data:
                self._writer.write(bytes([byte]))
                await self._writer.drain()
                await asyncio.sleep(0)

    def half_close(self) -> None:
        """Say that nothing more will come, and go on listening."""
        self._ended = True
        self._writer.write_eof()

    async def until(self, holds: Callable[[list[Frame]], object]) -> None:
        """Wait until the frames that came make `holds` true."""
        async with self._news:
            await self._news.wait_for(lambda: holds(self.frames))

    def sent(self, kind: int, number: int = 0) -> list[Frame]:
        """Return the frames of a kind that came on a stream."""
        return [item for item in self.frames if (item.kind, item.number) == (kind, number)]

    async def listen(self) -> None:
        """Read frames until the client closes."""
        try:
            if await self._reader.readexactly(len(PREFACE)) != PREFACE:
                raise AssertionError("the client does not begin with the preface")
            while True:
                await self._take(await self._frame())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()

    async def _frame(self) -> Frame:
        raw = await self._reader.readexactly(9)
        payload = await self._reader.readexactly(int.from_bytes(raw[:3], "big"))
        return Frame(raw[3], raw[4], int.from_bytes(raw[5:], "big"), payload)

    async def _take(self, item: Frame) -> None:
        if item.kind in {DATA, HEADERS} and item.flags & END_STREAM:
            self._requests.put_nowait(item.number)
        async with self._news:
            self.frames.append(item)
            self._news.notify_all()
        if item.kind == SETTINGS and not item.flags & ACK:
            await self._acknowledge(frame(SETTINGS, ACK, 0))
        elif item.kind == PING and not item.flags & ACK and self.answers_pings:
            await self._acknowledge(frame(PING, ACK, 0, item.payload))

    async def _acknowledge(self, data: bytes) -> None:
        if not self._greeted:
            self._owed.append(data)
        elif not self._ended:
            await self.send(data)


class ScriptedH2:
    """The server: one `Peer` per connection, each with a run of the script of its own."""

    def __init__(self, script: Script) -> None:
        self.peers: list[Peer] = []
        self.address = ""
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run the script on a connection; its end closes the connection."""
        peer = Peer(len(self.peers), reader, writer)
        self.peers.append(peer)
        listening = asyncio.create_task(peer.listen())
        try:
            await self._script(peer)
        except ConnectionError:
            pass  # the client has left: what it made of that is the test's question
        finally:
            listening.cancel()
            writer.close()
            peer.gone.set()
        with suppress(asyncio.CancelledError):
            await listening

    def hear(self) -> None:
        """Tell the newest peer that a text was read."""
        self.peers[-1].heard.release()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self.serve(reader, writer))
        self._tasks.add(task)

    async def stop(self) -> None:
        """End all connections; a script that failed fails the test."""
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


@asynccontextmanager
async def scripted_h2(script: Script, ssl: SSLContext | None = None) -> AsyncIterator[ScriptedH2]:
    """Serve on a free port until the block ends."""
    scripted = ScriptedH2(script)
    server = await asyncio.start_server(scripted.accept, "127.0.0.1", 0, ssl=ssl)
    scripted.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()
        await scripted.stop()
