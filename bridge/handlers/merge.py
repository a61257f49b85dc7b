"""Several streams as one, for requests of more than one choice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

T = TypeVar("T")


class Ended:
    """Stands in the merged stream for the end of one of its streams."""


ENDED = Ended()


async def merge(streams: Sequence[AsyncGenerator[T, None]]) -> AsyncGenerator[tuple[int, T | Ended], None]:
    """Yield the items of all streams as they come, each with its stream's position.

    The first failure ends all. Closing the generator closes all streams before it returns. A stream
    waits while its last item is being used, so that a busy one cannot starve the others.
    """
    queue: asyncio.Queue[tuple[int, T | Ended | _Failure]] = asyncio.Queue()
    used = [asyncio.Event() for _ in streams]
    tasks = [asyncio.create_task(_pump(at, stream, queue, used[at])) for at, stream in enumerate(streams)]
    running = len(tasks)
    try:
        while running:
            at, item = await queue.get()
            if isinstance(item, _Failure):
                raise item.exc
            if isinstance(item, Ended):
                running -= 1
            yield at, item
            used[at].set()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Failure:
    def __init__(self, exc: Exception) -> None:
        self.exc = exc


async def _pump(
    at: int,
    stream: AsyncGenerator[T, None],
    queue: asyncio.Queue[tuple[int, T | Ended | _Failure]],
    used: asyncio.Event,
) -> None:
    try:
        async with aclosing(stream):
            async for item in stream:
                queue.put_nowait((at, item))
                await used.wait()
                used.clear()
        queue.put_nowait((at, ENDED))
    except Exception as exc:  # noqa: BLE001 - raised again where the merged stream is read
        queue.put_nowait((at, _Failure(exc)))
