"""A backend in front of a scripted Triton, and one generation read from it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.backends.triton import TritonBackend
from bridge.protocol import kserve
from bridge.protocol.tensors import byte_strings
from tests.scripted_triton import scripted_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.scripted_triton import Script, ScriptedTriton

WAIT = 5.0
"""Deadline in seconds of a generation that tests no deadline."""


@asynccontextmanager
async def running(
    script: Script | None = None, **options: Any
) -> AsyncIterator[tuple[ScriptedTriton, TritonBackend]]:
    """Return a peer and a backend with these options in front of it."""
    async with scripted_triton(script) as peer:
        backend = TritonBackend(peer.address, **options)
        try:
            yield peer, backend
        finally:
            await backend.close()


def request() -> kserve.ModelInferRequest:
    """Return a request without inputs: the peer does not look at them."""
    return kserve.ModelInferRequest(model_name="m", id="r1")


def stream(backend: TritonBackend, seconds: float = WAIT) -> Any:
    """Return one generation, closed when the block ends."""
    deadline = asyncio.get_running_loop().time() + seconds
    return aclosing(backend.stream(request(), model="m", deadline=deadline))


async def said(backend: TritonBackend, into: list[str] | None = None, seconds: float = WAIT) -> list[str]:
    """Return the texts of one generation; those before a failure are left in `into`."""
    collected = [] if into is None else into
    async with asyncio.timeout(2 * WAIT), stream(backend, seconds) as batches:
        async for batch in batches:
            collected.extend(text(response) for response in batch)
    return collected


def text(response: kserve.ModelInferResponse) -> str:
    """Return what a response says."""
    return b"".join(byte_strings(response.raw_output_contents[0])).decode()
