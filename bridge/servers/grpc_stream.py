"""The outlet of one streamed RPC: what the handler gives is written as fast as the client takes it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

MAX_WAITING: Final = 64
"""Messages that may wait for the client before the generation is paused, besides those of one read."""


class MessageStream:
    """See `handlers.outlet.Outlet`. `write_all` moves what was taken; whoever runs it stops it."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Take what writes one serialized message."""
        self._write = write
        self._waiting: deque[bytes] = deque()
        self._room = asyncio.Event()
        self._news = asyncio.Event()
        self._ended = False

    def take(self, batch: Iterable[Any]) -> bool:
        """See `Outlet.take`."""
        self._keep(batch)
        if len(self._waiting) < MAX_WAITING:
            return True
        self._room.clear()
        return False

    def last(self, batch: Iterable[Any]) -> None:
        """See `Outlet.last`."""
        self._keep(batch)

    async def ready(self) -> None:
        """See `Outlet.ready`; a client that does not read is told by whoever runs `write_all`."""
        await self._room.wait()

    def end(self) -> None:
        """Let `write_all` return when everything is written."""
        self._ended = True
        self._news.set()

    async def write_all(self) -> None:
        """Write what was and will be taken, until `end`."""
        while True:
            while self._waiting:
                await self._write(self._waiting.popleft())
            self._room.set()
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()

    def _keep(self, batch: Iterable[Any]) -> None:
        # A message is valid until the next is taken.
        self._waiting.extend([message.SerializeToString() for message in batch])
        self._news.set()


async def both(outlet: MessageStream, delivery: Coroutine[Any, Any, None]) -> None:
    """Write what a delivery gives until it has ended and all is written; what ends one ends the other.

    Raises:
        BridgeError: how the delivery failed, once what came before is written.
    """
    delivering = asyncio.create_task(delivery)
    delivering.add_done_callback(lambda _: outlet.end())
    try:
        await outlet.write_all()
    except BaseException:
        delivering.cancel()
        await asyncio.wait([delivering])  # what ended the writing is the news, not how this ended
        raise
    await delivering
