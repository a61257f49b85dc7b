"""A Server-Sent Events response: begun with its first data, kept alive while the model is silent."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiohttp import web

from bridge.protocol.sse import PING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


class EventStream:
    """Writes the events of one stream.

    The status goes out with the first data, so that a failure before it can still have its own. After
    `keep_alive` seconds of silence it goes out all the same, with a comment.
    """

    def __init__(
        self, request: web.Request, headers: Callable[[], Mapping[str, str]], keep_alive: float
    ) -> None:
        """Begin nothing yet.

        Args:
            request: the one that is answered.
            headers: gives further response headers when the status goes out.
            keep_alive: seconds of silence after which a comment is sent.
        """
        self.response = web.StreamResponse(headers=HEADERS)
        self._headers = headers
        self._request = request
        self._keep_alive = keep_alive
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._writing = asyncio.Lock()

    @property
    def started(self) -> bool:
        """Whether the status has been sent."""
        return self.response.prepared

    async def send(self, data: bytes) -> None:
        """Write whole events in one go; wait while the client is behind.

        Raises:
            ConnectionError: the client has left.
        """
        async with self._writing:
            await self._begin()
            await self.response.write(data)
            self._last = self._loop.time()

    async def end(self, data: bytes) -> None:
        """Write the last events together with the end of the response.

        Raises:
            ConnectionError: the client has left.
        """
        async with self._writing:
            await self._begin()
            await self.response.write_eof(data)

    async def _begin(self) -> None:
        if not self.response.prepared:
            self.response.headers.update(self._headers())
            await self.response.prepare(self._request)

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Send a comment whenever nothing was sent for `keep_alive` seconds."""
        task = asyncio.create_task(self._ping())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await task

    async def _ping(self) -> None:
        while True:
            silence = self._loop.time() - self._last
            if silence >= self._keep_alive:
                await self.send(PING)
            else:
                await asyncio.sleep(self._keep_alive - silence)
