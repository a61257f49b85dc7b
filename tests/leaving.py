"""A client that leaves, through either door; and whether Triton has got over it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from tests import grpc_client
from tests.doors import message
from tests.eventually import POLL
from tests.faults.conftest import repository
from tests.grpc_client import WAIT
from tests.openai_bodies import CHAT, COMPLETIONS
from tests.raw_http import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge
    from tests.doors import Way
    from tests.tritonserver import RunningTriton


@asynccontextmanager
async def asked(bridge: Bridge, way: Way, body: dict[str, Any]) -> AsyncIterator[None]:
    """Send a request, and leave without its answer when the block ends."""
    if way.door == "http":
        async with connected(bridge.http_port) as connection:
            path = CHAT if "messages" in body else COMPLETIONS
            await connection.send("POST", path, json=body | {"stream": way.streams})
            yield
        return
    request = message(body)
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        chat = isinstance(request, CreateChatCompletionRequest)
        name = ("CreateChatCompletion" if chat else "CreateCompletion") + "Stream" * way.streams
        call = getattr(stubs.chat if chat else stubs.completions, name)(request, timeout=WAIT)
        yield
        call.cancel()


async def check_at_rest(triton: RunningTriton, model: str) -> None:
    """Check that no inference of a model is left: Triton could not unload it. It is loaded again.

    Raises:
        TimeoutError: one is.
    """
    async with repository(triton) as opened:
        await opened.unload(model)
        async with asyncio.timeout(WAIT):
            while True:
                if await opened.state(model) == "UNAVAILABLE":
                    break
                await asyncio.sleep(POLL)
        await opened.load(model)
