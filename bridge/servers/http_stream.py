"""A Server-Sent Events response: begun with its first data, kept alive while the model is silent.

Events are written straight to the connection's transport, one write a batch, from wherever the batch
was made; aiohttp writes the head with the first of them and the end of the body.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from bridge.protocol.sse import PING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


class EventStream:
    """The outlet of one streamed answer; see `handlers.outlet.Outlet`.

    The status goes out with the first data, so that a failure before it can still have its own. After
    `keep_alive` seconds of silence it goes out all the same, with a comment. A client that does not read is
    waited for as long as its `http_connection` does; what waits for it is at most `buffer` bytes and a batch.
    """

    def __init__(
        self,
        request: web.Request,
        render: Callable[[Iterable[Any]], bytes],
        headers: Callable[[], Mapping[str, str]],
        *,
        keep_alive: float,
        buffer: int,
    ) -> None:
        """Begin nothing yet.

        Args:
            request: the one that is answered.
            render: turns a batch of messages into the bytes of its events.
            headers: gives further response headers when the status goes out.
            keep_alive: seconds of silence after which a comment is sent.
            buffer: bytes that may wait for the client before the stream is paused.
        """
        self.response = web.StreamResponse(headers=HEADERS)
        self._request = request
        self._protocol = request.protocol
        self._out: asyncio.Transport | None = None
        self._render = render
        self._headers = headers
        self._keep_alive = keep_alive
        self._buffer = buffer
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._pending = b""
        self._begun = False
        self._chunked = False
        self._beginning = asyncio.Lock()
        self._timer: asyncio.TimerHandle
        self._pinging: asyncio.Task[None] | None = None

    @property
    def started(self) -> bool:
        """Whether the status has been sent."""
        return self.response.prepared

    def take(self, batch: Iterable[Any]) -> bool:
        """See `Outlet.take`; the first batch waits for `ready`, which sends the head with it."""
        data = self._render(batch)
        if not data:
            return True
        if not self._begun:
            self._pending += data
            return False
        return self._write(data)

    async def ready(self) -> None:
        """See `Outlet.ready`."""
        await self._begin()
        if self._request.protocol.writing_paused:
            await self._request.writer.drain()
        if self._transport() is None:
            raise ConnectionResetError("the client has left")

    def last(self, batch: Iterable[Any]) -> None:
        """See `Outlet.last`: it goes out with the end of the response."""
        self._pending += self._render(batch)

    async def end(self, data: bytes) -> None:
        """Write the last events together with the end of the response, and the head if it has not gone out.

        Raises:
            ConnectionError: the client has left.
        """
        async with self._beginning:
            if not self._begun:
                await self._prepare()
            data, self._pending = self._pending + data, b""
            await self.response.write_eof(data)

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Send a comment whenever nothing was sent for `keep_alive` seconds."""
        self._timer = self._loop.call_later(self._keep_alive, self._break_silence)
        try:
            yield
        finally:
            self._timer.cancel()
            if self._pinging is not None:
                with contextlib.suppress(ConnectionError):
                    await self._pinging

    def _break_silence(self) -> None:
        wait = self._last + self._keep_alive - self._loop.time()
        if wait <= 0:
            wait = self._keep_alive
            if not self._begun:
                self._pending += PING
                self._pinging = self._loop.create_task(self._begin())
            elif not self._protocol.writing_paused:
                self._write(PING)
            else:  # a client that is behind is not kept waiting by silence
                self._last = self._loop.time()
        self._timer = self._loop.call_later(wait, self._break_silence)

    async def _begin(self) -> None:
        """Send the head and what has been taken so far, in one write."""
        async with self._beginning:
            if self._begun:
                return
            await self._prepare()
            data, self._pending = self._pending, b""
            self._begun = True  # from here on everything goes the short way, after this
            self._last = self._loop.time()
            await self.response.write(data)

    async def _prepare(self) -> None:
        """Make the head, which aiohttp writes with the first data."""
        self.response.headers.update(self._headers())
        await self.response.prepare(self._request)
        self._out = self._transport()
        if self._out is not None:
            self._out.set_write_buffer_limits(high=self._buffer)
        self._chunked = self.response.headers.get("Transfer-Encoding") == "chunked"

    def _write(self, data: bytes) -> bool:
        """Write events past aiohttp, which would make a coroutine of it; return whether more may come."""
        transport = self._out
        if transport is None or transport.is_closing():
            return False
        transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        self._last = self._loop.time()
        return not self._protocol.writing_paused

    def _transport(self) -> asyncio.Transport | None:
        """Return the connection, or None if the client has left."""
        transport = self._request.transport
        return None if transport is None or transport.is_closing() else transport
