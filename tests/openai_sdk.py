"""The unmodified openai SDK, synchronous and asynchronous, behind one interface for tests with both."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.raw_http import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge


class Asynchronous:
    """`AsyncOpenAI`."""

    def __init__(self, base_url: str, **options: Any) -> None:
        self._client = AsyncOpenAI(base_url=base_url, timeout=PATIENCE, **options)

    async def call(self, method: str, /, **arguments: Any) -> Any:
        """Call a method by its dotted name, such as `chat.completions.create`."""
        async with asyncio.timeout(PATIENCE):
            return await attrgetter(method)(self._client)(**arguments)

    async def stream(self, method: str, /, **arguments: Any) -> list[Any]:
        """Call a method with `stream=True` and return all chunks."""
        async with asyncio.timeout(PATIENCE):
            return [chunk async for chunk in await self.call(method, stream=True, **arguments)]

    async def final(self, **arguments: Any) -> Any:
        """Read `chat.completions.stream` to its end and return what the SDK has added up."""
        async with asyncio.timeout(PATIENCE), self._client.chat.completions.stream(**arguments) as stream:
            return await stream.get_final_completion()

    async def events(self, **arguments: Any) -> list[Any]:
        """Read `chat.completions.stream` to its end and return the events that the SDK makes of it."""
        async with asyncio.timeout(PATIENCE), self._client.chat.completions.stream(**arguments) as stream:
            return [event async for event in stream]

    async def first(self, method: str, /, **arguments: Any) -> Any:
        """Return the first chunk of a stream, and close the stream."""
        async with asyncio.timeout(PATIENCE):
            stream = await self.call(method, stream=True, **arguments)
            chunk = await anext(aiter(stream))
            await stream.close()
        return chunk

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class Synchronous:
    """`OpenAI`, in a thread beside the bridge's event loop."""

    def __init__(self, base_url: str, **options: Any) -> None:
        self._client = OpenAI(base_url=base_url, timeout=PATIENCE, **options)

    async def call(self, method: str, /, **arguments: Any) -> Any:
        """See `Asynchronous.call`."""
        return await asyncio.to_thread(attrgetter(method)(self._client), **arguments)

    async def stream(self, method: str, /, **arguments: Any) -> list[Any]:
        """See `Asynchronous.stream`."""
        stream = await self.call(method, stream=True, **arguments)
        return await asyncio.to_thread(list, stream)

    async def final(self, **arguments: Any) -> Any:
        """See `Asynchronous.final`."""

        def read() -> Any:
            with self._client.chat.completions.stream(**arguments) as stream:
                return stream.get_final_completion()

        return await asyncio.to_thread(read)

    async def events(self, **arguments: Any) -> list[Any]:
        """See `Asynchronous.events`."""

        def read() -> list[Any]:
            with self._client.chat.completions.stream(**arguments) as stream:
                return list(stream)

        return await asyncio.to_thread(read)

    async def first(self, method: str, /, **arguments: Any) -> Any:
        """See `Asynchronous.first`."""
        stream = await self.call(method, stream=True, **arguments)
        chunk = await asyncio.to_thread(next, iter(stream))
        await asyncio.to_thread(stream.close)
        return chunk

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()


Flavour = type[Asynchronous] | type[Synchronous]

both_flavours = pytest.mark.parametrize(
    "flavour", [pytest.param(Asynchronous, id="async"), pytest.param(Synchronous, id="sync")]
)
"""Runs a test with either client."""


@asynccontextmanager
async def sdk(
    bridge: Bridge, flavour: Flavour = Asynchronous, *, max_retries: int = 0, api_key: str = "unused"
) -> AsyncIterator[Asynchronous | Synchronous]:
    """Connect a client to a bridge for the length of the block."""
    client = flavour(f"http://127.0.0.1:{bridge.http_port}/v1", max_retries=max_retries, api_key=api_key)
    try:
        yield client
    finally:
        await client.close()
