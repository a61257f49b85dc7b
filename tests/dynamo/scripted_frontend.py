"""A frontend of Dynamo's that does what a test says: it sends any bytes, and reads answers or does not."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.protocol.dynamo.frames import FrameReader, frame
from bridge.protocol.dynamo.records import INSTANCES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WITHIN = 20.0
RECEIVE_BUFFER = 4096
"""Bytes that the kernel keeps for a frontend that does not read."""
GREETING = [{"stream_type": "response"}, {"error": None}]
END = [{"complete_final": True}, "sentinel"]


class Answer:
    """The connection of one answer, as the worker has dialled it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = FrameReader(1 << 24)
        self.frames: list[Any] = []
        """JSON of the frames so far, headers and data."""

    async def frame(self, at: int) -> Any:
        """Wait for a frame, counted from 0."""
        async with asyncio.timeout(WITHIN):
            while len(self.frames) <= at:
                data = await self._reader.read(65536)
                if not data:
                    raise EOFError(f"only {self.frames}")
                self.frames += [json.loads(header or body) for header, body in self._frames.feed(data)]
        return self.frames[at]

    async def chunks(self) -> list[Any]:
        """Read to the end; return what stands between greeting and end."""
        at = 0
        while await self.frame(at) != "sentinel":
            at += 1
        assert self.frames[1] == GREETING[1]
        assert self.frames[-2:] == END
        return [item["data"] for item in self.frames[2:-2]]

    async def closed(self) -> None:
        """Wait until the worker closes."""
        async with asyncio.timeout(WITHIN):
            try:
                while await self._reader.read(65536):
                    pass
            except ConnectionError:
                pass

    def say(self, data: bytes) -> None:
        """Send bytes to the worker."""
        self._writer.write(data)

    def close(self) -> None:
        """Leave."""
        self._writer.close()


class ScriptedFrontend:
    """Connected to one worker; `answers` come as the worker dials."""

    def __init__(
        self, folder: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        self._reader, self._writer = reader, writer
        (path,) = (folder / INSTANCES).glob("*echo_vllm*")
        self.path = json.loads(path.read_text())["transport"]["tcp"].partition("/")[2]
        self.answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._port = port
        self._asked = 0

    def request(
        self, body: Any = None, *, path: str | None = None, headers: Any = None, **control: Any
    ) -> bytes:
        """Return a request; bytes as the body go as they are, `control` replaces keys of the header."""
        self._asked += 1
        info = {"address": f"127.0.0.1:{self._port}", "subject": f"s{self._asked}", "context": "c"}
        header = {
            "id": f"r{self._asked}",
            "request_type": "single_in",
            "response_type": "many_out",
            "payload_codec": "json",
            "connection_info": {"transport": "tcp_server", "info": json.dumps(info)},
        }
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        parts = frame(json.dumps(header | control).encode(), data)
        where, extra = (path or self.path).encode(), json.dumps(headers or {}).encode()
        head = struct.pack(">H", len(where)) + where + struct.pack(">H", len(extra)) + extra
        return head + struct.pack(">I", len(parts)) + parts

    def send(self, data: bytes) -> None:
        """Send bytes to the worker."""
        self._writer.write(data)

    async def acknowledged(self) -> bytes:
        """Return the text of the next acknowledgement."""
        async with asyncio.timeout(WITHIN):
            (size,) = struct.unpack(">I", await self._reader.readexactly(4))
            return await self._reader.readexactly(size)

    async def hung_up(self) -> bool:
        """Wait until the worker closes; return whether it said nothing."""
        async with asyncio.timeout(WITHIN):
            try:
                return await self._reader.read() == b""
            except ConnectionError:
                return True

    async def ask(self, body: Any, **more: Any) -> Answer:
        """Send a request that is taken; return its answer."""
        self.send(self.request(body, **more))
        assert await self.acknowledged() == b""
        async with asyncio.timeout(WITHIN):
            return await self.answers.get()


@asynccontextmanager
async def scripted(folder: Path) -> AsyncIterator[ScriptedFrontend]:
    """Connect to the only worker of a folder."""
    (record,) = (folder / INSTANCES).glob("*echo_vllm*")
    host, _, rest = json.loads(record.read_text())["transport"]["tcp"].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(rest.partition("/")[0]))
    opened: list[asyncio.StreamWriter] = [writer]

    async def dialled(its_reader: asyncio.StreamReader, its_writer: asyncio.StreamWriter) -> None:
        opened.append(its_writer)
        frontend.answers.put_nowait(Answer(its_reader, its_writer))

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(dialled, sock=listening)
    frontend = ScriptedFrontend(folder, reader, writer, server.sockets[0].getsockname()[1])
    try:
        yield frontend
    finally:
        server.close()
        for one in opened:
            one.close()
        await server.wait_closed()
