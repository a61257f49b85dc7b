"""A small HTTP/1.1 client that shows the exact bytes of an answer and can leave at any moment.

It shares no code with the server's library, and every wait of it is bounded by `PATIENCE`.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PATIENCE = 10.0
"""Seconds after which a wait fails the test."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers."""

    status: int
    version: str
    """As in the status line: `HTTP/1.1`."""
    headers: Mapping[str, str]
    """Names in lower case; a test fails on a name that comes twice."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; a chunked body is put together."""

    head: Head
    body: bytes

    @property
    def status(self) -> int:
        """The status code."""
        return self.head.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by lower-case name."""
        return self.head.headers

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return jsonlib.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error of OpenAI's envelope, which must hold it and nothing else."""
        envelope = self.json
        assert list(envelope) == ["error"]
        assert set(envelope["error"]) == {"message", "type", "param", "code"}
        found: dict[str, Any] = envelope["error"]
        return found


class Connection:
    """One TCP connection; requests go one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, method: str, path: str, **request: Any) -> Answer:
        """Send a request, of the arguments of `send`, and return the whole answer."""
        await self.send(method, path, **request)
        return await self.answer()

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        version: str = "1.1",
    ) -> None:
        """Send a request whose body is `json` or `body`, with Content-Type and Content-Length to match.

        A header given as "" is left out.
        """
        content = jsonlib.dumps(json).encode() if json is not None else body
        fields = {"Host": "bridge.test"}
        if content is not None:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        fields |= headers or {}
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        head = "\r\n".join([f"{method} {path} HTTP/{version}", *lines, "", ""])
        await self.write(head.encode() + (content or b""))

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self._writer.drain()

    async def head(self) -> Head:
        """Read the status line and the headers."""
        async with asyncio.timeout(PATIENCE):
            text = (await self._reader.readuntil(b"\r\n\r\n")).decode("ascii")
        status_line, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
        version, status, *_ = status_line.split(" ")
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), text
        return Head(int(status), version, headers)

    async def answer(self) -> Answer:
        """Read a whole response."""
        head = await self.head()
        if head.status in {204, 304}:
            return Answer(head, b"")  # these have none, whatever the headers say
        if "transfer-encoding" in head.headers:
            return Answer(head, b"".join([chunk async for chunk in self.chunks()]))
        length = head.headers.get("content-length")
        return Answer(head, await self.rest() if length is None else await self.read(int(length)))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the chunks of a chunked body, to its end."""
        size = -1
        while size:
            size = int(await self.until(b"\r\n"), 16)
            data = await self.read(size + 2)
            assert data[size:] == b"\r\n"
            if size:
                yield data[:size]

    async def read(self, size: int) -> bytes:
        """Read exactly so many bytes."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readexactly(size)

    async def until(self, marker: bytes) -> bytes:
        """Read up to and with `marker`."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readuntil(marker)

    async def rest(self) -> bytes:
        """Read to the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read()

    def leave(self) -> None:
        """Close the connection, whatever is under way."""
        self._writer.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Connect to a port of this machine for the length of the block."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    connection = Connection(reader, writer)
    try:
        yield connection
    finally:
        connection.leave()


async def ask(port: int, method: str, path: str, **request: Any) -> Answer:
    """Ask one thing over a connection of its own; the arguments are those of `Connection.send`."""
    async with connected(port) as connection:
        return await connection.ask(method, path, **request)
