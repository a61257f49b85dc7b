"""A web server with fixed answers and a name server of the test's own, for tests of fetching images."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import BridgeError
from bridge.handlers.images import ImageLoader, ImagePolicy
from bridge.protocol.images import Image, ImageReference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
SOON = 10.0
PARAM = "messages[0].content[0].image_url.url"


@dataclass
class Web:
    """A server that answers each path with fixed bytes, and keeps what it was asked."""

    port: int = 0
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    """Path -> pieces; after the last one the connection is closed, unless it is empty: then it stays open."""
    heads: list[bytes] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            for piece in self.answers.get(head.split(b" ")[1].decode(), [reply(b"", status="404 Not Found")]):
                if not piece:
                    await reader.read()
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.left.set()
            writer.close()


def reply(body: bytes, *headers: str, status: str = "200 OK", kind: str = "image/png") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    return reply(b"", f"Location: {to}", status=status)


@asynccontextmanager
async def serving() -> AsyncIterator[Web]:
    """Serve `/ok.png` and what a test adds, on a free port."""
    web = Web(answers={"/ok.png": [reply(PNG)]})
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    async with server:
        yield web


class Names:
    """A name server: each look-up of a name takes its next answer, the last one for ever."""

    def __init__(self, **answers: Sequence[list[str]]) -> None:
        self._answers = {host: list(found) for host, found in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        answers = self._answers.get(host, [["127.0.0.1"]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@asynccontextmanager
async def loading(
    web: Web, names: Callable[[str], Any] | None = None, **settings: Any
) -> AsyncIterator[Callable[..., Any]]:
    """Yield a function that loads images by URL; its hosts are `a` and `b` on the server's port."""
    hosts = frozenset({f"a:{web.port}", f"b:{web.port}"})
    loader = ImageLoader(ImagePolicy(**{"hosts": hosts, "private_hosts": hosts} | settings), names or Names())

    async def load(*urls: str, within: float = SOON) -> list[Image]:
        found = [
            ImageReference(f"messages[0].content[{at}].image_url.url", url) for at, url in enumerate(urls)
        ]
        async with asyncio.timeout(SOON):
            return await loader.load(found, deadline=asyncio.get_running_loop().time() + within)

    try:
        yield load
    finally:
        await loader.close()


async def refused(load: Callable[..., Any], *urls: str, **settings: Any) -> BridgeError:
    """Load what must be refused; no error may repeat a URL."""
    with pytest.raises(BridgeError) as caught:
        await load(*urls, **settings)
    assert all(url not in caught.value.message for url in urls if url)
    assert "127.0.0.1" not in caught.value.message
    return caught.value
