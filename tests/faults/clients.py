"""Clients of both doors on bare sockets: they see how an answer ends, and do what a client can do wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from tests import scripted_h2 as h2
from tests.faults.fleet import http_body
from tests.faults.seen import seen_over_grpc, seen_over_http
from tests.grpc_client import chat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.seen import Seen

PATIENCE: Final = 10.0
SMALL: Final = 4096
"""Bytes that the socket takes for a client that does not read, about."""

SEGMENT: Final = 1400
"""Bytes of a TCP segment: what a server's socket takes for a client at first is a multiple of it."""

_METHOD: Final = "/openai_bridge.v1.ChatService/CreateChatCompletionStream"


class Client(ABC):
    """One connection, one streamed answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._raw = b""
        self._asked = False
        """Whether the request is whole, and more could be sent."""

    @abstractmethod
    def request(self, directive: dict[str, Any]) -> bytes:
        """Return a request that steers a stand-in."""

    @abstractmethod
    def rubbish(self) -> bytes:
        """Return what no client says."""

    @abstractmethod
    def seen(self, raw: bytes, *, over: bool) -> Seen | None:
        """Return what the bytes of an answer amount to; None while more must come, unless it is `over`."""

    async def ask(self, directive: dict[str, Any]) -> None:
        """Send a request."""
        await self.send(self.request(directive))
        self._asked = True

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self._writer.drain()

    async def hears(self, word: str) -> None:
        """Read until the answer has a word."""
        while word.encode() not in self._raw:
            data = await self._read()
            assert data, f"the answer ends before {word!r}: {self._raw!r}"

    async def end(self) -> Seen:
        """Read to the end of the answer."""
        over = False
        while (seen := self.seen(self._raw, over=over)) is None:
            over = not await self._read()
        return seen

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self._asked = False
        self._writer.write_eof()

    def leave(self) -> None:
        """Close the connection."""
        self._writer.close()

    def reset(self) -> None:
        """End the connection by RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                data = await self._reader.read(SMALL)
        except ConnectionError:
            data = b""
        self._raw += data
        return data


class HttpClient(Client):
    """A client of the HTTP door."""

    def request(self, directive: dict[str, Any]) -> bytes:
        body = json.dumps(http_body(directive, stream=True)).encode()
        head = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return f"POST /v1/chat/completions HTTP/1.1\r\n{head}".encode() + body

    def rubbish(self) -> bytes:
        return b"\x00\xffno HTTP\r\n\r\n"

    def seen(self, raw: bytes, *, over: bool) -> Seen | None:
        return seen_over_http(raw, over=over)


class GrpcClient(Client):
    """A client of the gRPC door, over HTTP/2 frames of its own; the server gets a window for what is read."""

    def request(self, directive: dict[str, Any]) -> bytes:
        head = h2.block(
            (":method", "POST"), (":scheme", "http"), (":path", _METHOD), (":authority", "x"),
            ("te", "trailers"), ("content-type", "application/grpc"),
        )  # fmt: skip
        begin = h2.PREFACE + h2.settings() + h2.frame(h2.HEADERS, h2.END_HEADERS, 1, head)
        return begin + h2.body(1, chat(directive, max_tokens=1000), flags=h2.END_STREAM)

    def rubbish(self) -> bytes:
        return b"\xff" * 100  # a frame that is larger than any may be

    def seen(self, raw: bytes, *, over: bool) -> Seen | None:
        return seen_over_grpc(raw, over=over)

    async def _read(self) -> bytes:
        data = await super()._read()
        if data and self._asked:  # in the middle of a frame there is no place for another
            self._writer.write(h2.window_update(0, len(data)) + h2.window_update(1, len(data)))
        return data


@asynccontextmanager
async def client(kind: type[Client], port: int) -> AsyncIterator[Client]:
    """Connect to a door for the length of the block."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    sock.setblocking(False)
    async with asyncio.timeout(PATIENCE):
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=SMALL)
    made = kind(reader, writer)
    try:
        yield made
    finally:
        made.leave()
