"""Reads what a handler delivers, batch by batch, as a door would take it."""

from __future__ import annotations

import asyncio
import copy
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from bridge.handlers.base import Call, Generating

END = None


class Keeping:
    """An outlet that keeps copies of the messages: they are valid only until the next batch."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[list[Any] | None] = asyncio.Queue()

    def take(self, batch: Iterable[Any]) -> bool:
        """See `Outlet.take`."""
        self.batches.put_nowait([copy.deepcopy(message) for message in batch])
        return True

    def last(self, batch: Iterable[Any]) -> None:
        """See `Outlet.last`."""
        self.take(batch)

    async def ready(self) -> None:
        """See `Outlet.ready`: the queue has no bound."""


@asynccontextmanager
async def delivered(
    handler: Generating[Any, Any], request: Any, call: Call
) -> AsyncIterator[AsyncGenerator[list[Any], None]]:
    """Give the batches of one answer as they come; leaving cancels what is not over.

    Raises:
        BridgeError: from the batches, where the answer fails.
    """
    outlet = Keeping()

    async def deliver() -> None:
        try:
            await handler.deliver(request, call, outlet)
        finally:
            outlet.batches.put_nowait(END)

    async def batches() -> AsyncGenerator[list[Any], None]:
        while (batch := await outlet.batches.get()) is not END:
            yield batch
        await running

    running = asyncio.create_task(deliver())
    try:
        yield batches()
    finally:
        running.cancel()
        await asyncio.wait([running])
